"""Exact target positions in signed sub-lots: opens by the frozen ratio, reductions by fraction of the position.

Because the ratio was frozen when the follow started and reductions are fractions, a lead's deposit or withdrawal
changes no target. A target is what the mandate asks for; where a follow *is* stands in the ledger.
"""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints, ints, muldiv_floor, muldiv_trunc, peak, within
from pilotfish.domain.instrument import SUBLOT, Instrument
from pilotfish.domain.reasons import Reason

LOTS_MAX = 2**61 // SUBLOT  # so that a target and a step, each saturated, still add up inside int64
_MONEY_MAX = 2**53


class Change(msgspec.Struct, frozen=True):
    """A lead's change of position taken apart: first a reduction (`left` of `before` lots stay), then an open."""

    before: int
    left: int
    opened: int  # signed lots

    @classmethod
    def between(cls, old: int, new: int) -> Change:
        """From signed position `old` to `new`; a flip is a full reduction, then an open."""
        if old * new < 0 or old == 0 or new == 0:
            return cls(abs(old), 0, new)
        if abs(new) >= abs(old):
            return cls(abs(old), abs(old), new - old)
        return cls(abs(old), abs(new), 0)


def reduced(targets: Ints, change: Change) -> Ints:
    """Targets after the reducing part: each keeps the fraction the lead kept. Rounded toward zero."""
    if change.left == change.before:
        return targets
    return muldiv_trunc(targets, change.left, change.before) if change.left else np.zeros_like(targets)


def increments(num: Ints, den: Ints, opened: int, lots_num: int = 1, lots_den: int = 1) -> Ints:
    """Signed sub-lots that an open of `opened` lots asks of each follow: opened·num/den, rounded toward zero; where
    another instrument is copied into, times its `lots_num / lots_den`.

    Saturates at 2^61: a lead of almost no equity asks for the impossible, and the caps then say how much of it.
    """
    size, most = abs(opened) * SUBLOT * lots_num, LOTS_MAX * SUBLOT
    if not den.size or (peak(num) * size <= most * int(den.min()) * lots_den and peak(den) * lots_den <= most):
        step = muldiv_floor(num, size, den * lots_den)
    else:
        pairs = zip(num.tolist(), den.tolist(), strict=True)
        step = ints([min(n * size // (d * lots_den), most) for n, d in pairs])
    return step if opened >= 0 else -step


class SizingLimits(msgspec.Struct, frozen=True):
    """What bounds a target, per follow: money caps and whether the mandate allows the instrument."""

    order_cap: Ints
    position_cap: Ints
    allowed: np.ndarray  # bool


def grown(targets: Ints, step: Ints, limits: SizingLimits, instrument: Instrument, price: int) -> tuple[Ints, Ints]:
    """Targets after an open, inside the mandate's caps at `price`, and a reason for every follow that a cap cut.

    An order cap bounds the step, a position cap the result; a target already past its cap (the price rose) stays.
    """
    reasons = np.zeros(targets.size, dtype=np.int64)
    room = cap_sublots(limits.order_cap, instrument, price)
    bounded = within(step, -room, room)
    reasons[bounded != step] = Reason.ORDER_CAP
    room = np.maximum(cap_sublots(limits.position_cap, instrument, price), np.abs(targets))
    result = within(targets + bounded, -room, room)
    reasons[result != targets + bounded] = Reason.POSITION_CAP
    result = np.where(limits.allowed, result, targets)
    reasons[~limits.allowed] = Reason.DENIED
    return result, reasons


def cap_sublots(money: Ints, instrument: Instrument, price: int) -> Ints:
    """A money cap in sub-lots at `price`: whole lots, rounded down, so that rounding a position up never breaks it."""
    lots = instrument.lots_floor(np.minimum(money, _MONEY_MAX), price)
    return np.minimum(lots, LOTS_MAX) * SUBLOT
