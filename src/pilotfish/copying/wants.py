"""The difference between where follows should be and where they are, split into exits and opens, then shared out.

A want of less than one lot joins a block only when the lead moves that way in this very step: so the rounding error
that each follow carries is settled by the next fill and never by trading back and forth.
"""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints, apportion, largest, total_of
from pilotfish.domain.instrument import SUBLOT


class Wants(msgspec.Struct, frozen=True):
    """Signed sub-lots per follow: `exits` bring a position toward zero, `opens` away from it."""

    exits: Ints
    opens: Ints


def wants(targets: Ints, held: Ints) -> Wants:
    """From `held` (positions and orders in flight) to `targets`, signed sub-lots. A flip is an exit and an open."""
    same = np.sign(targets) == np.sign(held)
    keep = np.where(same, np.minimum(np.abs(targets), np.abs(held)), 0)
    exits = -np.sign(held) * (np.abs(held) - keep)
    opens = np.sign(targets) * (np.abs(targets) - keep)
    return Wants(exits, opens)


def joining(want: Ints, side: int, moved: bool) -> Ints:
    """What each follow brings to a block on `side`: its want there, dust only when the lead `moved` that way."""
    size = np.maximum(side * want, 0)
    return size if moved else np.where(size >= SUBLOT, size, 0)


def block_lots(quotas: Ints) -> int:
    """Whole lots in a block: the sum of what its follows want, rounded down."""
    return total_of(quotas) // SUBLOT


def share(filled: int, quotas: Ints) -> Ints:
    """Share `filled` lots among `quotas` (sub-lots ≥ 0). A full fill leaves everybody within one lot of its quota.

    Largest remainder: whole lots first, then one more to those who lack the most. What a follow is short of or over is
    part of its next want, so the same small account does not always lose the dust. A partial fill is shared pro rata.
    """
    parts = quotas // SUBLOT
    left = filled - int(parts.sum())
    if left < 0:
        return apportion(filled, quotas)
    if left:
        parts[largest(quotas - parts * SUBLOT, left)] += 1
    return parts
