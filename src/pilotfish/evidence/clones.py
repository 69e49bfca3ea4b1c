"""Accounts that are one trader: fills that match another's in instrument, side, time and size, far beyond chance.

A fill of the smaller record matches when the other account traded the same instrument on the same side within the
window. Two traders of one market meet often by chance, so the count is held against the same records shifted against
each other by many fixed offsets, which keeps each one's bursts and breaks what ties them. And a clone trades a steady
multiple: most size ratios must lie near their median.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints

Floats = NDArray[np.float64]
SECOND = 1_000_000_000
MATCHES_MIN = 8
SHARE_MIN = 0.5  # of the smaller record's orders
STEADY_MIN = 0.7  # of the matches with a size ratio …
STEADY_WITHIN = 0.1  # … no further than this from the median ratio
SIGMAS_MIN = 5.0  # beyond the mean of the shifted counts, in their own spread and at least Poisson's
OFFSETS = tuple(sign * (60 + 97 * k) * SECOND for k in range(20) for sign in (1, -1))  # a minute to half an hour


class Orders(msgspec.Struct, frozen=True):
    """An account's orders as columns in time order: instrument, +1/−1, ns, size in a unit that all accounts share."""

    name: str
    instrument: Ints
    side: Ints
    ns: Ints
    size: Floats


class CloneLink(msgspec.Struct, frozen=True):
    """Two accounts taken for one. `lag_s`: median of how long `second` comes after `first`; `ratio`: its size."""

    first: str
    second: str
    matches: int
    share: float  # of the smaller record
    by_chance: float  # mean count over the shifted records
    lag_s: float
    ratio: float


def find_clones(accounts: Sequence[Orders], window_ns: int = 10 * SECOND) -> list[CloneLink]:
    """Every pair that passes all four thresholds, in the order given; `first` is the one that usually comes first."""
    return [link for a, b in combinations(accounts, 2) if (link := _link(a, b, window_ns)) is not None]


def _link(a: Orders, b: Orders, window_ns: int) -> CloneLink | None:
    small, large = (a, b) if a.ns.size <= b.ns.size else (b, a)
    if small.ns.size < MATCHES_MIN:
        return None
    mine, theirs = _matches(small, large, window_ns, 0)
    share = mine.size / small.ns.size
    if mine.size < MATCHES_MIN or share < SHARE_MIN:
        return None
    ratios = small.size[mine] / large.size[theirs]
    ratio = float(np.median(ratios))
    if float(np.mean(np.abs(ratios / ratio - 1.0) <= STEADY_WITHIN)) < STEADY_MIN:
        return None
    shifted = np.array([_matches(small, large, window_ns, offset)[0].size for offset in OFFSETS])
    chance = float(shifted.mean())
    if mine.size < chance + SIGMAS_MIN * max(float(shifted.std()), chance**0.5, 1.0):
        return None
    lag = float(np.median(small.ns[mine] - large.ns[theirs])) / SECOND
    if lag >= 0:
        return CloneLink(large.name, small.name, int(mine.size), share, chance, lag, ratio)
    return CloneLink(small.name, large.name, int(mine.size), share, chance, -lag, 1.0 / ratio)


def _matches(small: Orders, large: Orders, window_ns: int, offset_ns: int) -> tuple[Ints, Ints]:
    """Rows of `small` (shifted in time) and of `large` that match, nearest in time; each row of `large` serves once."""
    mine: list[int] = []
    theirs: list[int] = []
    for key in np.unique(small.instrument):
        for side in (1, -1):
            i = np.flatnonzero((small.instrument == key) & (small.side == side))
            j = np.flatnonzero((large.instrument == key) & (large.side == side))
            if not i.size or not j.size:
                continue
            at, times = small.ns[i] + offset_ns, large.ns[j]
            right = np.searchsorted(times, at).clip(0, j.size - 1)
            left = (right - 1).clip(0)
            nearest = np.where(np.abs(times[left] - at) <= np.abs(times[right] - at), left, right)
            close = np.abs(times[nearest] - at) <= window_ns
            used, first = np.unique(nearest[close], return_index=True)
            mine += i[close][first].tolist()
            theirs += j[used].tolist()
    return np.array(mine, dtype=np.int64), np.array(theirs, dtype=np.int64)
