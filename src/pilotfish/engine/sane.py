"""Is an event possible at all? Checked before anything changes: a bad one leaves no trace but its quarantine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pilotfish.domain.arith import INT64_MAX, Ints, peak
from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import (
    BatchUpdate,
    CashMoved,
    Configured,
    DataTrust,
    Event,
    Fill,
    FillReversed,
    FollowsOpened,
    Funding,
    InstrumentListed,
    InstrumentSettled,
    LeadEquity,
    LeadFill,
    LeadListed,
    LeadPosition,
    Liquidation,
)
from pilotfish.domain.instrument import Kind, TickRule
from pilotfish.engine.sane_instructions import CHECKS, follows_refused
from pilotfish.engine.state import State

LEVERAGE_MAX = 1_000
LOTS_MAX = 2**42  # positions beyond 4e12 lots would leave int64 as sub-lots
PRICE_MAX = 2**53
MONEY_MAX = 2**61


def insane(state: State, event: Event) -> str:
    """Why the event cannot be true, or an empty string."""
    if state.config is None and type(event) is not Configured:
        return "the shard is not configured: the first event must be Configured"
    if not (0 <= event.venue_ns <= INT64_MAX and 0 <= event.ours_ns <= INT64_MAX):
        return f"stamps {event.venue_ns}, {event.ours_ns}"
    check = _CHECKS.get(type(event))
    if check is not None:
        return check(state, event)
    return ""


def _instrument(state: State, number: int) -> str:
    return "" if 0 <= number < len(state.listings) else f"instrument {number} is not listed"


def _lead(state: State, number: int) -> str:
    return "" if 0 <= number < len(state.leads) else f"lead {number} is not listed"


def _trade(lots: int, price: int) -> str:
    if not 0 < lots <= LOTS_MAX:
        return f"{lots} lots"
    return "" if 0 < price <= PRICE_MAX else f"price {price}"


def _notional(state: State, number: int, lots: int, price: int) -> int:
    """Rounded down, as an unlimited integer."""
    e = state.listings[number].instrument.money_exponent
    return lots * price * int(10**e) if e >= 0 else lots * price // int(10**-e)


def _configured(state: State, event: Configured) -> str:
    return "the shard is configured already" if state.config is not None else ""


def _small(decimals: int) -> bool:
    return 0 <= decimals <= 18


def _columns(*columns: Ints) -> str:
    if any(column.dtype != np.int64 or column.shape != columns[0].shape or column.ndim != 1 for column in columns):
        return "columns differ in length, or are not int64"
    return ""


def _listed(state: State, event: InstrumentListed) -> str:
    new = event.instrument
    if new.id != len(state.listings):
        return f"instrument id {new.id} is not the next, {len(state.listings)}"
    if new.max_leverage < 1 or new.tick < 1 or abs(new.money_exponent) > 12:
        return f"{new.symbol}: leverage {new.max_leverage}, tick {new.tick}, exponent {new.money_exponent}"
    if not (_small(new.lot_decimals) and _small(new.price_decimals) and _small(new.money_decimals)):
        return f"{new.symbol}: {new.lot_decimals}, {new.price_decimals}, {new.money_decimals} decimals"
    if new.tick_rule is TickRule.GRID and 2 * new.tick > 10**new.price_decimals:
        return f"{new.symbol}: tick {new.tick} leaves no price between nothing and one"
    if new.max_leverage > LEVERAGE_MAX or not 0 <= new.min_notional <= MONEY_MAX or not 0 <= new.taker_fee_e6 <= 10**6:
        return f"{new.symbol}: leverage {new.max_leverage}, minimum {new.min_notional}, fee {new.taker_fee_e6}"
    return ""


def _lead_listed(state: State, event: LeadListed) -> str:
    if event.lead != len(state.leads):
        return f"lead {event.lead} is not the next, {len(state.leads)}"
    return "" if 0 < event.equity <= MONEY_MAX else f"equity {event.equity}"


def _lead_equity(state: State, event: LeadEquity) -> str:
    return _lead(state, event.lead) or ("" if 0 < event.equity <= MONEY_MAX else f"equity {event.equity}")


def _lead_fill(state: State, event: LeadFill) -> str:
    if why := _lead(state, event.lead) or _instrument(state, event.instrument) or _trade(event.lots, event.price):
        return why
    if not 0 <= event.held_back <= event.lots:
        return f"a fee of {event.held_back} lots on {event.lots}"
    if event.side not in (1, -1):
        return f"side {event.side}"
    if _notional(state, event.instrument, event.lots, event.price) > MONEY_MAX:
        return f"{event.lots} lots at {event.price} are worth more than money can hold"
    position = event.start if event.start is not None else state.leads[event.lead].positions.get(event.instrument, 0)
    return "" if abs(position) + event.lots <= LOTS_MAX else f"position {position} is too large"


def _lead_position(state: State, event: LeadPosition) -> str:
    why = _lead(state, event.lead) or _instrument(state, event.instrument)
    return why or _trade(abs(event.lots) or 1, event.price)


def _follows(state: State, event: FollowsOpened) -> str:
    if why := follows_refused(state, event.follows):
        return why
    amounts = event.follows.allocation
    return "" if not amounts.size or int(amounts.max()) < MONEY_MAX else "an allocation is too large"


def _cash(state: State, event: CashMoved) -> str:
    rows, n = event.rows, state.ledger.follows
    if why := _columns(rows, event.amounts):
        return why
    if np.unique(rows).size != rows.size:
        return "rows repeat"
    if peak(event.amounts) > MONEY_MAX // 2:
        return "an amount is too large"
    return "" if not rows.size or 0 <= int(rows.min()) <= int(rows.max()) < n else "a row is not a follow"


def _trust(state: State, event: DataTrust) -> str:
    return _instrument(state, event.instrument) or ("" if 0 <= event.doubt < 2 * max(Doubt) else f"doubt {event.doubt}")


def _fill(state: State, event: Fill) -> str:
    return _trade(event.lots, event.price) or _paid(event.cost, event.fee)


def _settled(state: State, event: InstrumentSettled) -> str:
    if why := _instrument(state, event.instrument):
        return why
    one = state.listings[event.instrument].instrument
    if one.kind is not Kind.OUTCOME:
        return f"{one.symbol} is no outcome"
    return "" if 0 <= event.price <= 10**one.price_decimals else f"a payout of {event.price}"


def _reversed(state: State, event: FillReversed) -> str:
    return _instrument(state, event.instrument) or _trade(event.lots, event.price) or _paid(event.cost, event.fee)


def _paid(cost: int, fee: int) -> str:
    return "" if 0 <= cost < MONEY_MAX and abs(fee) < MONEY_MAX else f"cost {cost}, fee {fee}"


def _batch(state: State, event: BatchUpdate) -> str:
    order = state.batches.get(event.coid) or state.rejected_batches.get(event.coid)
    columns = (event.signal, event.lots, event.cost, event.fee, event.reason, event.done_ns)
    if why := _columns(event.index, *columns):
        return why
    if event.index.size and (int(event.cost.min()) < 0 or max(peak(event.cost), peak(event.fee)) >= MONEY_MAX):
        return "a cost or fee that cannot be"
    if order is None or not event.index.size:
        return ""
    if np.unique(event.index).size != event.index.size:
        return "an order is told twice in one message"
    inside = int(event.index.min()) >= 0 and int(event.index.max()) < order.index.size
    signals = event.signal
    return (
        "" if inside and int(signals.min()) >= 0 and int(signals.max()) <= 7 else "an index or signal is out of range"
    )


def _funding(state: State, event: Funding) -> str:
    if why := _instrument(state, event.instrument) or _columns(event.accounts, event.amounts):
        return why
    if not 0 < event.price <= PRICE_MAX or abs(event.rate_e9) > 1_000_000_000:
        return f"price {event.price}, rate {event.rate_e9} billionths"
    return "" if peak(event.amounts) < MONEY_MAX else "an amount is too large"


def _liquidation(state: State, event: Liquidation) -> str:
    return _instrument(state, event.instrument) or _trade(abs(event.lots), event.price) or _paid(event.cost, event.fee)


_CHECKS: dict[type, Callable[[State, Any], str]] = CHECKS | {
    Configured: _configured,
    InstrumentListed: _listed,
    LeadListed: _lead_listed,
    LeadEquity: _lead_equity,
    LeadFill: _lead_fill,
    LeadPosition: _lead_position,
    FollowsOpened: _follows,
    CashMoved: _cash,
    DataTrust: _trust,
    Fill: _fill,
    FillReversed: _reversed,
    InstrumentSettled: _settled,
    BatchUpdate: _batch,
    Funding: _funding,
    Liquidation: _liquidation,
}
