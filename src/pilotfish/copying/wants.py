"""The difference between where follows should be and where they are, split into exits and opens, then shared out.

A want of less than one lot joins a block only when the lead moves that way in this very step: so the rounding error
that each follow carries is settled by the next fill and never by trading back and forth.
"""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints, apportion, largest, total_of, within
from pilotfish.domain.instrument import SUBLOT


class Wants(msgspec.Struct, frozen=True):
    """Signed sub-lots per follow: `exits` go toward zero, `opens` away from it, `later` are opens that must wait."""

    exits: Ints
    opens: Ints
    later: Ints


def wants(targets: Ints, positions: Ints, opening: Ints, leaving: Ints) -> Wants:
    """What brings `positions` to `targets` with orders in flight (`opening`, `leaving`) counted; signed sub-lots.

    Only what is held can be left: an open in flight is not sold before it is known to have filled. A flip closes first
    and opens later, once nothing is held or under way on the other side.
    """
    held = positions + leaving
    exits = _kept(targets, held) - held
    lacking = targets - _kept(targets, held + opening)
    blocked = (targets > 0) & ((positions < 0) | (opening < 0)) | (targets < 0) & ((positions > 0) | (opening > 0))
    if not blocked.any():
        return Wants(exits, lacking, np.zeros_like(lacking))
    return Wants(exits, np.where(blocked, 0, lacking), np.where(blocked, lacking, 0))


def _kept(targets: Ints, held: Ints) -> Ints:
    """What of `held` the target keeps, signed: nothing of a position on the other side."""
    kept: Ints = within(targets, np.minimum(held, 0), np.maximum(held, 0))
    return kept


def joining(want: Ints, side: int, moved: bool) -> Ints:
    """What each follow brings to a block on `side`: its want there, dust only when the lead `moved` that way."""
    size = np.maximum(side * want, 0)
    return size if moved else np.where(size >= SUBLOT, size, 0)


def block_lots(quotas: Ints) -> int:
    """Whole lots in a block: the sum of what its follows want, rounded down."""
    return total_of(quotas) // SUBLOT


def share(filled: int, quotas: Ints, lacking: Ints | None = None) -> Ints:
    """Share `filled` lots among `quotas` (sub-lots ≥ 0). A full fill leaves everybody within one lot of its quota.

    Whole lots first; the odd ones go to those who lack the most by now (`lacking`, sub-lots; the quotas when not
    given), so that blocks in flight together do not all give the odd lot to one account. What a follow lacks, or has
    too much, is part of its next want. A partial fill is shared pro rata.
    """
    parts = quotas // SUBLOT
    left = filled - int(parts.sum())
    if left < 0:
        return apportion(filled, quotas)
    if left:
        some = np.flatnonzero(quotas % SUBLOT)
        short = (quotas if lacking is None else lacking)[some] - parts[some] * SUBLOT
        parts[some[largest(short - short.min(), left)]] += 1
    return parts
