"""step(state, event) → commands and facts. Synchronous, one writer, no clock: the same events give the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pilotfish.domain.errors import EngineError, LedgerError, NumericOverflow
from pilotfish.domain.events import (
    BatchUpdate,
    BookTop,
    CashMoved,
    Configured,
    Connection,
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
    Mark,
    Operator,
    OrderUpdate,
    Reconciled,
    Recovered,
    Timer,
)
from pilotfish.domain.instructions import (
    Committed,
    DisclosureSet,
    ExecutionSet,
    FeesDue,
    FeesSet,
    FollowControl,
    HedgeMapped,
    InstrumentMapped,
    LeadOrder,
    LeadStatus,
    LeadStop,
    MandateChanged,
    Rebalance,
    Revealed,
    RiskSet,
    RulesSet,
)
from pilotfish.domain.orders import Command
from pilotfish.engine.facts import ExtensionFailed, Fact, Halted, Quarantined
from pilotfish.engine.follows.balance import on_rebalance
from pilotfish.engine.follows.closing import finish
from pilotfish.engine.follows.control import on_control, on_lead_status
from pilotfish.engine.follows.hedges import hedge_trades, on_hedged
from pilotfish.engine.follows.joining import on_follows, on_instrument, on_lead
from pilotfish.engine.follows.mandates import on_mandate
from pilotfish.engine.leads.disclosure import WITHHELD, on_committed, on_disclosure, on_revealed, released, withhold
from pilotfish.engine.leads.fills import on_lead_fill, on_lead_position, on_lead_stop, on_mapped
from pilotfish.engine.mirrors.resting import keep_in_step, on_lead_order
from pilotfish.engine.mirrors.told import on_fill, on_order_update
from pilotfish.engine.money.accounts import on_cash, on_funding, on_liquidation
from pilotfish.engine.money.fees import on_fees_due, on_fees_set
from pilotfish.engine.money.insurance import claims_of
from pilotfish.engine.money.settling import on_settled
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.orders.recovery import (
    cancel_everything,
    look_at_due,
    on_connection,
    on_operator,
    on_reconciled,
    on_recovered,
    on_timer,
)
from pilotfish.engine.orders.reversal import note_share, on_reversed
from pilotfish.engine.orders.told import on_batch_update
from pilotfish.engine.orders.trusting import on_trust
from pilotfish.engine.orders.working import on_execution
from pilotfish.engine.risk.halting import note_cancels
from pilotfish.engine.risk.terms import on_risk, on_rules
from pilotfish.engine.sane import PRICE_MAX, insane
from pilotfish.engine.state import State
from pilotfish.engine.upkeep import tend
from pilotfish.gate.approved import Approved


class Outcome(msgspec.Struct, frozen=True):
    """What a step decided, and what the views may want to know."""

    commands: list[Approved[Command]]
    facts: list[Fact]


NOTHING = Outcome([], [])


def step(state: State, event: Event) -> Outcome:
    """Apply one event. An event that cannot be true is quarantined; a contradiction inside the core halts the shard."""
    state.seq += 1
    state.issued = 0
    before = state.now_ns
    state.now_ns = max(before, event.ours_ns)
    kind = type(event)
    if kind is BookTop or kind is Mark:
        return _market(state, event)
    if why := insane(state, event):
        state.quarantined += 1
        state.now_ns = before  # nor is its stamp believed
        return Outcome([], [Quarantined(kind.__name__, why)])
    try:
        if kind in WITHHELD and withhold(state, event):
            return NOTHING
        early = _in_time(state) if kind is Timer else ([], [])
        commands, facts = _HANDLERS[kind](state, event)
        commands, facts = [*early[0], *commands], [*early[1], *facts]
        if kind in _ENDING and state.watches:
            more = look_at_due(state)
            commands, facts = [*commands, *more[0]], [*facts, *more[1]]
        if kind in _TRADING:
            note_share(state, facts)
            more = hedge_trades(state, event, facts)
            commands, facts = [*commands, *more[0]], [*facts, *more[1]]
        if (kind not in _ENDING or state.guard.shut) and any(lead.resting for lead in state.leads):
            more = keep_in_step(state)
            commands, facts = [*commands, *more[0]], [*facts, *more[1]]
        if state.closing:
            facts = [*facts, *finish(state)]
        if state.fee_terms is not None and kind in _MONEY:
            facts = [*facts, *claims_of(state, facts)]
        if state.failures or state.guard.rate is not None:
            facts = [*facts, *_wind_up(state, commands)]
    except (EngineError, LedgerError, NumericOverflow) as broken:
        state.guard.halted = True
        return Outcome(cancel_everything(state), [Halted(str(broken))])
    return Outcome(commands, facts)


def _wind_up(state: State, commands: list[Approved[Command]]) -> list[Fact]:
    """Cancels count against the rate budgets; sizing modes of other packages that failed are named."""
    if state.guard.rate is not None:
        note_cancels(state, commands)
    failed: list[Fact] = [ExtensionFailed(name, why) for name, why in state.failures.items()]
    state.failures.clear()
    return failed


def _market(state: State, event: Any) -> Outcome:
    """Market data: the bulk of all events, so nothing but stores. A crossed or impossible book is not believed."""
    if not 0 <= event.instrument < len(state.listings):
        state.quarantined += 1
        return Outcome([], [Quarantined("market data", f"instrument {event.instrument} is not listed")])
    listing = state.listings[event.instrument]
    if type(event) is Mark:
        if not 0 < event.price <= PRICE_MAX:
            state.quarantined += 1
            return Outcome([], [Quarantined("Mark", f"price {event.price}")])
        listing.stated_mark, listing.marked_ns = event.price, event.ours_ns
    else:
        bid, ask = event.bid, event.ask
        if (
            (bid >= ask > 0)
            or bid < 0
            or ask < 0
            or bid > PRICE_MAX
            or ask > PRICE_MAX
            or event.bid_lots < 0
            or event.ask_lots < 0
        ):
            state.quarantined += 1
            return Outcome([], [Quarantined("BookTop", f"bid {bid}, ask {ask}: crossed, negative or too large")])
        listing.bid, listing.ask = bid, ask
        listing.bid_lots, listing.ask_lots = event.bid_lots, event.ask_lots
    listing.seen_ns = event.ours_ns
    state.moved = state.tended
    return NOTHING


def _in_time(state: State) -> Out:
    """Before anything is tried again: every duty, then what was withheld until now. Who is stopped opens nothing."""
    due = released(state) if state.withheld else []
    out = tend(state) if state.moved or state.now_ns >= state.due_ns else ([], list[Fact]())
    more = _released(state, due)
    return [*out[0], *more[0]], [*out[1], *more[1]]


def _released(state: State, due: list[Event]) -> Out:
    """What a lead did before, and what may be acted on only now; it must still be possible."""
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for event in due:
        why = insane(state, event)
        more = ([], [Quarantined(type(event).__name__, why)]) if why else _HANDLERS[type(event)](state, event)
        state.quarantined += bool(why)
        commands += more[0]
        facts += more[1]
    return commands, facts


def _on_configured(state: State, event: Configured) -> Out:
    state.config = event
    return [], []


def _on_equity(state: State, event: LeadEquity) -> Out:
    state.leads[event.lead].equity = event.equity
    return [], []


_ENDING = (Fill, OrderUpdate, BatchUpdate)  # events that may end an order, and so free what waits for it
_TRADING = (*_ENDING, Liquidation, Reconciled)  # events that may change positions
_MONEY = (
    *_ENDING,
    FillReversed,
    Liquidation,
    Funding,
    CashMoved,
    Reconciled,
)  # events that may leave an account below zero
_HANDLERS: dict[type, Callable[[State, Any], Out]] = {
    Configured: _on_configured,
    InstrumentListed: on_instrument,
    LeadListed: on_lead,
    LeadEquity: _on_equity,
    LeadPosition: on_lead_position,
    LeadFill: on_lead_fill,
    FollowsOpened: on_follows,
    CashMoved: on_cash,
    DataTrust: on_trust,
    OrderUpdate: on_order_update,
    Fill: on_fill,
    FillReversed: on_reversed,
    InstrumentSettled: on_settled,
    BatchUpdate: on_batch_update,
    Funding: on_funding,
    Liquidation: on_liquidation,
    Connection: on_connection,
    Recovered: on_recovered,
    Reconciled: on_reconciled,
    Timer: on_timer,
    Operator: on_operator,
    LeadStop: on_lead_stop,
    LeadOrder: on_lead_order,
    ExecutionSet: on_execution,
    InstrumentMapped: on_mapped,
    HedgeMapped: on_hedged,
    DisclosureSet: on_disclosure,
    Committed: on_committed,
    Revealed: on_revealed,
    FollowControl: on_control,
    LeadStatus: on_lead_status,
    MandateChanged: on_mandate,
    Rebalance: on_rebalance,
    FeesSet: on_fees_set,
    FeesDue: on_fees_due,
    RiskSet: on_risk,
    RulesSet: on_rules,
}
