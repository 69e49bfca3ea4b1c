"""Time, gaps and restarts: what is overdue is asked for, what the venue never had is sent again under the same id."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.events import Connection, Operator, OperatorAction, Reconciled, Recovered, Timer
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import CancelAll, Command, OrderSignal, OrderState, Place, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Refused
from pilotfish.engine.leads.lead import Lead
from pilotfish.engine.mirrors.resync import alive_ids, all_unknown, rests, resync, unanswered
from pilotfish.engine.orders.fanout import fan_out, lacking
from pilotfish.engine.orders.leg import Occasion, Out
from pilotfish.engine.orders.told import _close, end_batch, settle
from pilotfish.engine.orders.working import next_look_ns, opens_until
from pilotfish.engine.risk.outage import came_back, reconciled_after, went_down
from pilotfish.engine.state import BatchOrder, State, Watch
from pilotfish.execution.lifecycle import after, after_all
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import approve_always, approve_resend

BACKOFF_MAX = 7  # retries of exits slow down to retry_ns · 2^7
FINAL = (Reason.BELOW_MINIMUM, Reason.CARRIED)  # refusals that only the lead's next move can change
OVERDUE_NS = 2_000_000_000  # an order without a final word for this long is asked about
GRACE_NS = 5_000_000_000  # younger than this, an order the venue does not know may still be on its way


def on_timer(state: State, event: Timer) -> Out:
    """Try again what is lacking; give up opens whose window has passed; ask about overdue orders."""
    commands, facts = look_at_due(state)
    if _overdue(state):
        commands += ask(state)
    return commands, facts


def look_at_due(state: State) -> Out:
    """Every watch whose time has come."""
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for key, watch in list(state.watches.items()):
        if watch.next_ns <= state.now_ns:
            more = _look_again(state, key, watch)
            commands += more[0]
            facts += more[1]
    return commands, facts


def _look_again(state: State, key: int, watch: Watch) -> Out:
    lead_id, instrument = key >> 32, key & 0xFFFFFFFF
    lead, settings = state.leads[lead_id], state.settings
    open_window = state.now_ns <= opens_until(state, lead_id, instrument, watch.since_ns)
    occasion = Occasion(
        watch.reference, watch.lead_ns, first=False, opens=open_window, worst=watch.worst, only=watch.only
    )
    commands, facts = fan_out(state, lead_id, instrument, occasion)
    if not open_window:  # exits go on, but ever less often
        watch.tries += 1
        _explain(state, lead, instrument, watch.last_reason or int(Reason.NO_DEPTH))
    later_ns = state.now_ns + (settings.retry_ns << min(watch.tries, BACKOFF_MAX))
    watch.next_ns = next_look_ns(state, lead_id, instrument, later_ns)
    if commands or _in_flight(state, lead_id, instrument) or (watch.flipping and rests(state, lead_id, instrument)):
        return commands, facts
    lack = lacking(state, lead, instrument)
    exits = bool((np.abs(lack.exits) >= SUBLOT).any()) and not all(
        fact.reason in FINAL for fact in facts if isinstance(fact, Refused)
    )
    opens = bool((np.abs(lack.opens) >= SUBLOT).any())
    if exits or (opens and open_window):
        return commands, facts
    del state.watches[key]
    facts.append(settle(state, lead_id, instrument, None, missed=watch.last_reason or int(Reason.NO_DEPTH)))
    return commands, facts


def _explain(state: State, lead: Lead, instrument: int, reason: int) -> None:
    """An open whose window passed while its exit was under way (a flip) has a reason now, not when all exits end."""
    reasons = state.columns[instrument].reasons[lead.rows]
    late = np.abs(lacking(state, lead, instrument).opens) >= SUBLOT
    state.columns[instrument].reasons[lead.rows] = np.where(late & (reasons == 0), reason, reasons)


def _in_flight(state: State, lead: int, instrument: int) -> bool:
    return any(o.lead == lead and o.place.instrument == instrument for o in state.blocks.values()) or any(
        o.lead == lead and o.batch.instrument == instrument for o in state.batches.values()
    )


def _overdue(state: State) -> bool:
    if state.query_ns >= 0:
        return state.now_ns - state.query_ns > OVERDUE_NS
    line = state.now_ns - OVERDUE_NS
    sent = (order.sent_ns for orders in (state.blocks, state.batches) for order in orders.values())
    return any(sent_ns < line for sent_ns in sent) or unanswered(state, line)


def ask(state: State) -> list[Approved[Command]]:
    """One query for everything in flight and everything since the cursor."""
    if not state.guard.connected:
        return []
    state.query_ns = state.now_ns
    return [approve_always(Query(state.cursor, (*state.blocks, *state.batches, *alive_ids(state))), state.guard)]


def on_connection(state: State, event: Connection) -> Out:
    """Down: nothing leaves. Up again: ask before anything is decided on what may have been missed."""
    was, state.guard.connected = state.guard.connected, event.up
    commands, facts = came_back(state) if event.up else ([], [])
    if was and event.up:  # nothing new; but a restart in a gap has asked in vain, so the question stays, and falls due
        return commands, facts
    state.query_ns = -1
    if not event.up:
        went_down(state)
        _all_unknown(state)
        return [], []
    return [*commands, *ask(state)], facts


def on_recovered(state: State, event: Recovered) -> Out:
    """After a restart the journal says what we decided, and nobody knows what arrived."""
    _all_unknown(state)
    state.guard.connected = True
    state.query_ns = -1
    commands, facts = came_back(state, surely=False)
    return [*commands, *ask(state)], facts


def _all_unknown(state: State) -> None:
    all_unknown(state)
    for block in state.blocks.values():
        block.state = after(block.state, OrderSignal.LOST)
    for batch in state.batches.values():
        alive = batch.states < int(OrderState.FILLED)
        lost = np.full(batch.states.size, int(OrderSignal.LOST), dtype=np.int64)
        batch.states = np.where(alive, after_all(batch.states, lost), batch.states)


def on_reconciled(state: State, event: Reconciled) -> Out:
    """All fills since the cursor were told before this; now every order asked about is open, over, or never arrived."""
    state.query_ns = -1
    state.cursor = max(state.cursor, event.cursor)
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    open_, done = set(event.open), set(event.done)
    for coid in event.asked:
        block = state.blocks.get(coid)
        if block is not None and coid in done:
            signal = OrderSignal.FILLED if block.filled == block.place.lots else OrderSignal.CANCEL
            block.state = after(block.state, signal)
            facts += _close(state, block, Reason.NONE)[1]
        elif block is not None and coid in open_:
            block.state = after(block.state, OrderSignal.ACK)
        elif block is not None and block.sent_ns + GRACE_NS <= state.now_ns:
            if block.filled or block.state not in (OrderState.SENT, OrderState.UNKNOWN):  # it did have it: over
                block.state = after(block.state, OrderSignal.CANCEL)
                facts += _close(state, block, Reason.NONE)[1]
                continue
            block.state = after(block.state, OrderSignal.ABSENT)
            block.sent_ns = state.now_ns
            verdict = _again(state, block.place, block.exit)
            commands += verdict
            if not verdict and state.guard.shut:  # it never arrived and must not now: over
                block.state = after(block.state, OrderSignal.CANCEL)
                facts += _close(state, block, state.guard.shut)[1]
        batch = state.batches.get(coid)
        if batch is not None and coid in done:
            facts += end_batch(state, event, batch, Reason.NONE)
        elif batch is not None and coid not in open_ and batch.sent_ns + GRACE_NS <= state.now_ns:
            more = _absent_batch(state, event, batch)
            commands += more[0]
            facts += more[1]
    for more in (resync(state, event, GRACE_NS), reconciled_after(state)):
        commands += more[0]
        facts += more[1]
    return commands, facts


def _absent_batch(state: State, event: Reconciled, order: BatchOrder) -> Out:
    """The venue never had the batch: sent again whole, unless results or the kill switch speak against it."""
    if (order.states >= int(OrderState.FILLED)).any():  # it did have it: what it says no more of is over
        return [], end_batch(state, event, order, Reason.NONE)
    order.sent_ns = state.now_ns
    verdict = _again(state, order.batch, order.exit)
    if not verdict and state.guard.shut:
        return [], end_batch(state, event, order, state.guard.shut)
    return verdict, []


def _again(state: State, command: Place | PlaceBatch, exit: bool) -> list[Approved[Command]]:
    """The same order under the same id: on a venue that knows ids it cannot trade twice even if the first turns up."""
    verdict = approve_resend(state.guard, command, exit=exit)
    return [] if isinstance(verdict, Reason) else [verdict]


def on_operator(state: State, event: Operator) -> Out:
    """The guardian's switch. KILL cancels all and stops opens; reductions still pass. RESUME ends any halt of opens."""
    if event.action is OperatorAction.RESUME:
        state.guard.killed, state.guard.broken, state.resumed_ns = False, 0, state.now_ns
        return [], []
    if event.action is OperatorAction.KILL:
        state.guard.killed = True
    return cancel_everything(state), []


def _separate_accounts(state: State) -> list[int]:
    batches = [order.batch for order in state.batches.values()]
    resting = [mirror.command for mirror in state.mirrors.values() if isinstance(mirror.command, PlaceBatch)]
    return sorted({int(account) for batch in (*batches, *resting) for account in batch.accounts})


def cancel_everything(state: State) -> list[Approved[Command]]:
    accounts = [OMNIBUS] if state.omnibus else _separate_accounts(state)
    return [approve_always(CancelAll(account), state.guard) for account in accounts]
