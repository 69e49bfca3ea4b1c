"""How much of a lead's opening order each follow wants, whatever its sizing mode, filters and volume cap.

Everything is a function of how much of the order has been seen: a fill asks for the difference between what the order
wants now and what it wanted before it. So an order counts once, however many fills it takes.
"""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.copying.extension import SizingCase, ask
from pilotfish.copying.targets import LOTS_MAX, increments
from pilotfish.domain.arith import Ints, ints, mul, muldiv_floor, peak
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import SUBLOT, Instrument
from pilotfish.domain.mandate import BPS, Follows, Sizing
from pilotfish.domain.mandate_checks import LOOKBACK_MAX
from pilotfish.domain.reasons import Reason

_MOST = LOTS_MAX * SUBLOT
_TIMES_MAX = 1_000  # an order never counts as more than so many of the usual ones


class Order(msgspec.Struct, frozen=True):
    """A lead's opening order in `source`, of which `old` and then `new` lots have been seen (≥ 0). `before` is the size
    of its position then, `equity` its equity, `usual` the average notional of its last k opening orders, by k.
    """

    source: Instrument
    side: int
    price: int
    before: int
    equity: int
    usual: Ints
    old: int
    new: int
    stop: int = 0  # in the source's price units; 0 = none


class Copy(msgspec.Struct, frozen=True):
    """Where it is copied: the instrument, the order's price and stop there, and target lots per source lot."""

    target: Instrument
    price: int
    stop: int
    lots_num: int = 1
    lots_den: int = 1
    failures: dict[str, str] = {}  # sizers of other packages that failed, and how; filled by `steps`


def usual_notionals(recent: list[int]) -> Ints:
    """Average of the last k notionals, for k = 0 … LOOKBACK_MAX; 0 where there is none."""
    sums = np.concatenate([[0], np.cumsum(ints(recent[::-1][:LOOKBACK_MAX]))])
    counts = np.minimum(np.arange(LOOKBACK_MAX + 1), max(len(recent), 1))
    return np.asarray(sums[np.minimum(counts, sums.size - 1)] // np.maximum(counts, 1), dtype=np.int64)


def steps(follows: Follows, num: Ints, den: Ints, order: Order, copy: Copy) -> tuple[Ints, Ints]:
    """Sub-lots ≥ 0 that these follows now want more, before caps, and a reason where a filter or the cap held back."""
    reasons = np.zeros(len(follows), dtype=np.int64)
    if _plain(follows):
        return increments(num, den, order.new - order.old, copy.lots_num, copy.lots_den), reasons
    old = _wanted(follows, num, den, order, copy, order.old, reasons)
    failed = reasons == Reason.EXTENSION
    reasons[:] = 0
    step = np.maximum(_wanted(follows, num, den, order, copy, order.new, reasons) - old, 0)
    if failed.any():  # what it wanted before is not known, so nothing more is wanted now
        step[failed], reasons[failed] = 0, Reason.EXTENSION
    return step, reasons


def _plain(follows: Follows) -> bool:
    return not (
        (follows.sizing > Sizing.FIXED_RATIO).any()
        or follows.multiplier_cap_e2.any()
        or follows.lead_notional_min.any()
        or follows.lead_leverage_min_e2.any()
    )


def _wanted(follows: Follows, num: Ints, den: Ints, order: Order, copy: Copy, lots: int, reasons: Ints) -> Ints:
    """What the order wants in all when `lots` of it have been seen."""
    notional = order.source.notional_floor(lots, order.price)
    gross = order.source.notional_floor(order.before + lots, order.price)
    small = follows.lead_notional_min > notional
    weak = mul(follows.lead_leverage_min_e2, max(order.equity, 1) // 100) > gross
    usual = order.usual[follows.lookback]
    most = muldiv_floor(np.maximum(usual, 1), follows.multiplier_cap_e2, 100)
    capped = (follows.multiplier_cap_e2 > 0) & (usual > 0) & (notional > most)
    counted = np.where(capped, most, notional)
    wanted = np.zeros(len(follows), dtype=np.int64)
    reasons[capped] = Reason.VOLUME_CAP
    for mode in np.unique(follows.sizing).tolist():
        rows = np.flatnonzero(follows.sizing == mode)
        part = follows.take(rows)
        if mode <= Sizing.FIXED_RATIO:
            share = ints(increments(num[rows], den[rows], lots, copy.lots_num, copy.lots_den))
            wanted[rows] = np.where(
                capped[rows], muldiv_floor(share, counted[rows], max(notional, 1)), share
            )  # of an order that is too large, the part that counts
        elif mode == Sizing.EXTENSION:
            wanted[rows], reasons[rows] = _by_extension(part, order, copy, lots)
        elif lots:
            money, per = part.value, copy.price
            if mode == Sizing.RISK:
                money, per = muldiv_floor(part.allocation, part.value, BPS), abs(copy.price - copy.stop)
                if not copy.stop or not per:
                    reasons[rows] = Reason.NO_STOP
                    continue
            known = usual[rows] > 0
            times = np.where(known, np.minimum(counted[rows], usual[rows] * _TIMES_MAX), 1)
            wanted[rows] = sublots_of(muldiv_floor(money, times, np.where(known, usual[rows], 1)), copy.target, per)
    reasons[weak], reasons[small] = Reason.LOW_LEVERAGE, Reason.SMALL_TRADE
    return np.where(small | weak, 0, wanted)


def _by_extension(part: Follows, order: Order, copy: Copy, lots: int) -> tuple[Ints, Ints]:
    """What sizers of other packages want; nothing, with the reason, where one fails."""
    wanted, reasons = np.zeros(len(part), dtype=np.int64), np.zeros(len(part), dtype=np.int64)
    for number in np.unique(part.value).tolist():
        rows = np.flatnonzero(part.value == number)
        case = SizingCase(part.take(rows), order.source, copy.target, copy.price, copy.stop, lots, order.equity)
        try:
            wanted[rows] = np.minimum(ask(part.sizers[number], case), _MOST)
        except ConfigError as failed:
            reasons[rows], copy.failures[part.sizers[number]] = Reason.EXTENSION, str(failed)
    return wanted, reasons


def sublots_of(money: Ints, instrument: Instrument, price: int) -> Ints:
    """Sub-lots that `money` ≥ 0 buys at `price`, rounded down; saturates far beyond any position."""
    e = instrument.money_exponent
    top, bottom = SUBLOT * 10 ** max(-e, 0), price * 10 ** max(e, 0)
    if peak(money) * top <= _MOST * bottom:
        return muldiv_floor(money, top, bottom)
    return ints([min(m * top // bottom, _MOST) for m in money.tolist()])
