"""What a series of recorded books says: shape, persistence, recovery. Plain estimators, used by `fit_figures.py`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.venues.sim.figures import LEVELS
from pilotfish.venues.sim.recorded import BookSnapshot

Floats = NDArray[np.float64]
COVERED = 0.9  # a depth at some distance is fitted where this share of the recorded sides reaches that far
REACH_BPS_MAX = 1000.0  # beyond 10 cents an outcome book is decoration
LAGS_MS = np.array([0, 10, 25, 50, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000, 8000, 15000])


class Ladders(NamedTuple):
    """Distances bps of the reference price, sizes USD; `weights` are the seconds each snapshot stood."""

    spread: Floats
    touch: Floats  # bid and ask of each snapshot in turn
    behind: list[tuple[Floats, Floats]]  # per side: distance behind its touch, USD there (touch left out)
    levels: float
    weights: Floats


class PowerLaw(NamedTuple):
    """extra(d) = a·d^k: mean USD within d bps behind the touch, the touch itself left out."""

    a: float
    k: float
    error: float  # RMS, relative
    reach: float
    gap: float  # mean distance between levels within the reach
    sigma: float  # standard deviation of ln(level / what the law puts between it and the level in front of it)


def ladders(books: Sequence[BookSnapshot], it: Instrument, weights: Floats) -> Ladders:
    spread, touch, behind = [], [], []
    for _, bids, asks in books:
        mid = (bids[0][0] + asks[0][0]) / 2
        reference = 10**it.price_decimals if it.kind is Kind.OUTCOME else mid
        spread.append((asks[0][0] - bids[0][0]) / reference * 1e4)
        for side in (bids, asks):
            price, lots = np.array(side, dtype=np.float64).T
            usd = lots * reference * 10.0 ** -(it.price_decimals + it.lot_decimals)
            touch.append(usd[0])
            behind.append((np.abs(price - price[0])[1:] / reference * 1e4, usd[1:]))
    levels = float(np.mean([len(side) for book in books for side in (book.bids, book.asks)]))
    return Ladders(np.array(spread), np.array(touch), behind, levels, weights)


def joined(parts: Sequence[Ladders]) -> Ladders:
    return Ladders(
        np.concatenate([part.spread for part in parts]),
        np.concatenate([part.touch for part in parts]),
        [side for part in parts for side in part.behind],
        float(np.mean([part.levels for part in parts])),
        np.concatenate([part.weights for part in parts]),
    )


def power_law(shape: Ladders) -> PowerLaw:
    """Least squares on the logs of the mean depth at 8 distances."""
    ends = np.sort([d[-1] if d.size else 0.0 for d, _ in shape.behind])
    reach = float(min(ends[int((1 - COVERED) * len(ends))], REACH_BPS_MAX))
    full = [(d, usd, w) for (d, usd), w in zip(shape.behind, np.repeat(shape.weights, 2), strict=True)
            if d.size and d[-1] >= reach]  # fmt: skip
    gaps = np.concatenate([np.diff(d[d <= reach], prepend=0.0) for d, _, _ in full])
    grid = np.geomspace(max(float(np.median(gaps)), reach / 30), reach, 8)
    weights = [w for _, _, w in full]
    within = np.array([np.average([usd[d <= g + 1e-9].sum() for d, usd, _ in full], weights=weights) for g in grid])
    grid, within = grid[within > 0], within[within > 0]
    k, ln_a = np.polyfit(np.log(grid), np.log(within), 1)
    a = float(np.exp(ln_a))
    logs = []
    for d, usd, _ in full:
        expected = np.diff(a * d**k, prepend=0.0)
        inside = (d <= reach) & (expected > 0)
        logs.append(np.log(usd[inside] / expected[inside]))
    error = float(np.sqrt(np.mean((a * grid**k / within - 1) ** 2)))
    return PowerLaw(a, float(k), error, reach, float(gaps.mean()), float(np.std(np.concatenate(logs))))


def quantiles(values: Floats, weights: Floats) -> Floats:
    """The quantiles of `figures.LEVELS`, by weight."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return np.array([values[order][min(int(np.searchsorted(share, level)), len(values) - 1)] for level in LEVELS])


def standing(times: Floats, values: Floats, grid: Floats) -> Floats:
    """The value that stood at each time of the grid."""
    return values[np.searchsorted(times, grid, side="right") - 1]


def volatility(times_s: Floats, x: Floats, step_s: float) -> float:
    """RMS change of x per √s over a grid of `step_s`."""
    seen = standing(times_s, x, np.arange(times_s[0], times_s[-1], step_s))
    return float(np.sqrt(np.mean(np.diff(seen) ** 2) / step_s))


def persistence_s(times_s: Floats, values: Floats, lag_s: float) -> float:
    """Time in which the autocorrelation of ln(values) falls to 1/e, from one lag: −Δ/ln ρ."""
    logs = np.log(standing(times_s, values, np.arange(times_s[0], times_s[-1], lag_s)))
    logs -= logs.mean()
    rho = float((logs[:-1] * logs[1:]).mean() / (logs * logs).mean())
    return float(lag_s / -np.log(min(max(rho, 0.01), 0.99)))


def changes(books: Sequence[BookSnapshot]) -> tuple[int, int]:
    """Levels that grew and that shrank between consecutive snapshots, inside the range both show."""
    up = down = 0
    for old, new in pairwise(books):
        for was, now in ((old.bids, new.bids), (old.asks, new.asks)):
            if was and now:
                a, b = dict(was), dict(now)
                low, high = max(min(a), min(b)), min(max(a), max(b))
                moves = [b.get(price, 0) - a.get(price, 0) for price in a.keys() | b.keys() if low <= price <= high]
                up += sum(move > 0 for move in moves)
                down += sum(move < 0 for move in moves)
    return up, down


def recovery_s(times_ms: Floats, touch: Floats, hits_ms: Floats, normal: float) -> float:
    """Seconds until the median touch has won back half of what a hit left missing."""
    after = np.median([standing(times_ms, touch, hit + LAGS_MS) for hit in hits_ms], axis=0)
    half = (after[0] + normal) / 2
    above = np.flatnonzero(after >= half)
    if not above.size:
        return float(LAGS_MS[-1] / 1e3)
    i = max(int(above[0]), 1)
    return float(np.interp(half, after[i - 1 : i + 1], LAGS_MS[i - 1 : i + 1]) / 1e3)
