"""Whether a venue takes an order, decided on columns: the same rules for one order and for a batch."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.reasons import Reason
from pilotfish.venues.sim.accounts import Accounts
from pilotfish.venues.sim.margin import Flags, Margin
from pilotfish.venues.sim.market import Market

_LARGEST = float(2**60)


def screen(
    accounts: Accounts,
    margin: Margin,
    market: Market,
    rows: Ints,
    side: int,
    lots: Ints,
    prices: Ints,
    reduce_only: bool,
) -> tuple[Ints, Ints]:
    """(lots that may trade, Reason) of orders from distinct accounts; row -1 is an account nobody opened.

    REJECTED: no such account, a size or price that is no order, a reduce-only order with nothing to reduce.
    BELOW_MINIMUM: less than the minimum notional at the mark (at the limit while there is none), unless it closes the
    whole position. MARGIN: initial margin, open orders counted.
    """
    instrument, mark = market.instrument, int(margin.marks[market.column])
    accounts.active[market.column] = True
    bad = (rows < 0) | (lots <= 0) | ~_valid(prices, instrument)
    dearest = np.maximum(prices, mark).astype(np.float64) * max(10.0**instrument.money_exponent, 1.0)
    bad |= lots.astype(np.float64) * dearest >= _LARGEST
    known = np.where(bad, 0, rows)
    position = accounts.position[market.column, known]
    wanted = np.where(bad, 0, lots)
    prices = np.where(bad, 1, prices)
    if reduce_only:
        room = np.maximum(-side * position, 0)
        for record in market.reducing.values():
            if record.side == side:
                room[known == accounts.row(record.account)] -= record.open
        wanted = np.minimum(wanted, np.maximum(room, 0))
        bad |= wanted == 0
    closes = (wanted == np.abs(position)) & (side * position < 0)
    small = _notionals(wanted, mark, prices, instrument) < instrument.min_notional
    poor = margin.lacks(market.column, known, side, wanted, prices)
    reasons = np.where(poor, int(Reason.MARGIN), int(Reason.NONE))
    reasons = np.where(small & ~closes, int(Reason.BELOW_MINIMUM), reasons)
    reasons = np.where(bad, int(Reason.REJECTED), reasons)
    return np.where(reasons == 0, wanted, 0), reasons


def _valid(prices: Ints, instrument: Instrument) -> Flags:
    different, which = np.unique(prices, return_inverse=True)
    return np.array([instrument.is_valid_price(int(p)) for p in different], dtype=np.bool_)[which]


def _notionals(lots: Ints, mark: int, prices: Ints, instrument: Instrument) -> Ints:
    if mark > 0:
        return instrument.notionals_floor(lots, mark)
    e = instrument.money_exponent
    return muldiv_floor(lots, prices * 10**e, 1) if e >= 0 else muldiv_floor(lots, prices, 10**-e)
