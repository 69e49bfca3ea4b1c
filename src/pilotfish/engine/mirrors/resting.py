"""The lead's resting orders, mirrored where the mandate wants them (pro-rata depth): one post-only order each, for the
sum of the follows' quotas, at the lead's price, in step with it.

Only what would open from where the lead stands is mirrored: a reduction must not wait in a queue, so it is copied when
it fills. Of a lead that rests on both sides of one instrument one side is mirrored for a follow, since opens in flight
count net.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.copying.sizing import Order, usual_notionals
from pilotfish.domain.arith import Ints, total_of
from pilotfish.domain.instructions import LeadOrder
from pilotfish.domain.instrument import SUBLOT, Kind
from pilotfish.domain.mandate import BPS, Direction
from pilotfish.domain.orders import Cancel, Command, OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Quarantined
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.leads.lead import Counterpart, Lead, LeadResting
from pilotfish.engine.leads.moves import counterparts, may_open, wanted, wrong_side
from pilotfish.engine.mirrors.depth import expected, within
from pilotfish.engine.mirrors.mirror import Mirror
from pilotfish.engine.mirrors.placing import place
from pilotfish.engine.orders.fanout import watch
from pilotfish.engine.orders.leg import Leg, Occasion, Out
from pilotfish.engine.state import State
from pilotfish.execution.lifecycle import after_all
from pilotfish.execution.slicing import slice_quotas
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import approve_always

GRACE_NS = 2_000_000_000  # a fill of the lead may be told so long after its order has shrunk
RETRY_NS = 5_000_000_000  # what could not be mirrored is tried again this often
OVERDUE_NS = 2_000_000_000  # a cancel without an answer is sent again
MIRRORS_MAX = 64  # of one lead; further orders are copied when they fill
_REMEMBERED_ORDERS = 256  # gone orders, so that a late message does not bring them back


def on_lead_order(state: State, event: LeadOrder) -> Out:
    """How a resting order of the lead stands. An older word changes nothing."""
    lead = state.leads[event.lead]
    known = lead.resting.get(event.order)
    if known is None:
        known = lead.resting[event.order] = LeadResting(event.instrument, event.side, 0, event.price)
    elif event.venue_ns < known.as_of_ns:
        lead.late += 1
        return [], []
    elif (known.instrument, known.side) != (event.instrument, event.side):
        state.quarantined += 1
        return [], [Quarantined(f"order {event.order} of the lead", "it was of another instrument or side")]
    if event.lots > known.lots or event.price != known.price:
        known.amended = known.coid >= 0
        known.next_ns = 0
    if event.lots < known.lots:
        known.grace_ns = state.now_ns + GRACE_NS
    known.lots, known.price, known.as_of_ns = event.lots, event.price, event.venue_ns
    if event.venue_ns >= known.filled_ns:
        known.unsaid = 0
    _forget(lead)
    return [], []


def _forget(lead: Lead) -> None:
    over = [key for key, one in lead.resting.items() if not one.lots and one.coid < 0 and not one.grace_ns]
    for key in over[:-_REMEMBERED_ORDERS]:
        del lead.resting[key]


def keep_in_step(state: State) -> Out:
    """The duty, and what follows whenever a lead or a follow changes: what rests for us is what should."""
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for number, lead in enumerate(state.leads):
        for order, resting in lead.resting.items():
            if resting.lots or resting.coid >= 0 or resting.grace_ns or resting.rows.size:
                more = keep_one(state, number, order)
                commands += more[0]
                facts += more[1]
    return commands, facts


def keep_one(state: State, number: int, order: int) -> Out:
    """Withdraw what must not rest any more, place what should, and settle what the two have filled apart."""
    lead = state.leads[number]
    resting = lead.resting[order]
    if resting.grace_ns and resting.grace_ns <= state.now_ns:
        resting.grace_ns = 0
        unfilled = resting.mirrored - resting.filled > resting.left  # it was made smaller
        resting.amended = resting.amended or (resting.coid >= 0 and unfilled)
    if resting.grace_ns:
        state.wake(resting.grace_ns)
    if resting.coid >= 0:
        return _withdraw(state, lead, resting, state.mirrors[resting.coid]), []
    if resting.rows.size and not expected(lead, resting):
        _let_go(state, number, resting)
    if not resting.left or not state.guard.connected or state.guard.shut or not expected(lead, resting):
        return [], []
    if not (state.follows.depth[lead.rows] == 1).any():
        return [], []
    if resting.next_ns > state.now_ns:
        state.wake(resting.next_ns)
        return [], []
    resting.next_ns = state.now_ns + RETRY_NS
    state.wake(resting.next_ns)
    return _place(state, number, order, resting)


def _let_go(state: State, number: int, resting: LeadResting) -> None:
    """The lead will not fill what ours has filled: it is too much, and is sold again."""
    over = resting.rows[resting.balance >= SUBLOT]
    resting.rows = resting.balance = np.zeros(0, dtype=np.int64)
    if over.size:
        column = state.columns[resting.target]
        column.reasons[over] = Reason.LEAD_CANCELLED
        state.guard.refuse(Reason.LEAD_CANCELLED, int(over.size))
        watch(state, number, resting.target, Occasion(resting.price, state.now_ns, first=False))


def _withdraw(state: State, lead: Lead, resting: LeadResting, mirror: Mirror) -> list[Approved[Command]]:
    """Cancel what should not rest: all of it, or on separate accounts the orders of follows that open nothing now."""
    if not state.guard.connected:
        return []
    stands = resting.left > 0 and expected(lead, resting) and not resting.amended and not state.guard.shut
    stands = stands and any(path.target == resting.target for path, share in counterparts(state, resting.instrument))
    rows, side = mirror.index, resting.side
    out = (state.standing.mode[rows] != Mode.ACTIVE) | (state.columns[resting.target].targets[rows] * side < 0)
    out &= mirror.quotas > 0
    which = np.array([out.any()]) if mirror.single else out
    which = mirror.alive & (which if stands else True)
    if not which.any():
        return []
    state.wake(state.now_ns + OVERDUE_NS)
    due = np.flatnonzero(which & (mirror.cancel_ns + OVERDUE_NS <= state.now_ns))
    mirror.cancel_ns[due] = state.now_ns
    mirror.states[due] = after_all(mirror.states[due], np.full(due.size, int(OrderSignal.CANCEL_SENT), dtype=np.int64))
    return [approve_always(Cancel(mirror.coid + k), state.guard) for k in due.tolist()]


def _place(state: State, number: int, order: int, resting: LeadResting) -> Out:
    path = _path(state, resting)
    if path is None or sum(mirror.lead == number for mirror in state.mirrors.values()) >= MIRRORS_MAX:
        return [], []
    quotas = _quotas(state, number, order, path)
    if not quotas.any():
        return [], []
    instrument = state.listings[path.target].instrument
    price = instrument.round_price(resting.price * path.price_num // path.price_den, resting.side)
    occasion = Occasion(price, resting.as_of_ns, opened=True)
    leg = Leg(number, path.target, resting.side, False, occasion)
    mirror, commands, facts = place(state, leg, order, quotas, resting.refused)
    if isinstance(mirror, Reason):
        resting.refused = int(mirror)
        return commands, facts
    every = np.union1d(resting.rows, mirror.index)
    balance = np.zeros_like(every)
    if resting.target == path.target:
        balance[np.searchsorted(every, resting.rows)] = resting.balance
    resting.rows, resting.balance, resting.target = every, balance, path.target
    resting.coid, resting.mirrored, resting.filled, resting.refused = mirror.coid, resting.left, 0, 0
    return commands, facts


def _path(state: State, resting: LeadResting) -> Counterpart | None:
    return next((path for path, share in counterparts(state, resting.instrument) if share), None)


def _quotas(state: State, number: int, order: int, path: Counterpart) -> Ints:
    """Sub-lots ≥ 0 that each of the lead's follows would copy of what is left, less what it has already."""
    lead, follows, column = state.leads[number], state.follows, state.columns[path.target]
    resting, rows = lead.resting[order], lead.rows
    step, _ = wanted(state, rows, _as_order(state, lead, order), path, BPS)
    step, _ = may_open(state, number, rows, step, np.zeros_like(step))
    side, ledger = resting.side, state.ledger
    fits: NDArray[np.bool_] = (follows.depth[rows] == 1) & (follows.direction[rows] == Direction.SAME)
    fits &= (follows.hold_ns_min[rows] == 0) & ~wrong_side(follows.sides[rows], side)
    fits &= column.allowed[rows] & (column.targets[rows] * side >= 0)
    fits &= (ledger.lots[path.target].rows[rows] * side >= 0) & (ledger.opening[path.target][rows] * side >= 0)
    if column.barred.size:
        fits &= column.barred[rows] == 0
    if side < 0 and state.listings[path.target].instrument.kind is not Kind.PERP:
        return np.zeros_like(step)
    quotas = np.where(fits, np.maximum(side * step, 0), 0)
    return _less_what_it_had(state, resting, quotas, within(lead, resting.rows)) if resting.rows.size else quotas


def _less_what_it_had(state: State, resting: LeadResting, quotas: Ints, at: Ints) -> Ints:
    """What ours has filled ahead of the lead is not asked for again; nor do odd lots add up to more than is left."""
    had = np.zeros_like(quotas)
    had[at] = np.maximum(resting.balance, 1 - SUBLOT)  # what it is behind by more than rounding goes the usual way
    left: Ints = np.maximum(quotas - had, 0)
    if not state.omnibus:
        return left
    lots = max(min(total_of(left), total_of(quotas) - total_of(had)), 0) // SUBLOT
    return slice_quotas(left, lots)


def _as_order(state: State, lead: Lead, order: int) -> Order:
    """What is left of it, as if it filled now."""
    resting, instrument = lead.resting[order], state.listings[lead.resting[order].instrument].instrument
    trade = lead.trades.get(order)
    if trade is None or (trade.instrument, trade.side) != (resting.instrument, resting.side):
        trade = None
    before = trade.before if trade else abs(lead.positions.get(resting.instrument, 0))
    recent = lead.finished + [other.notional for other in lead.trades.values() if other is not trade]
    seen, equity = (trade.lots, trade.equity) if trade else (0, lead.equity)
    stop = lead.stops.get(resting.instrument, 0)
    price = trade.price if trade else resting.price
    return Order(
        instrument, resting.side, price, before, equity, usual_notionals(recent), seen, seen + resting.left, stop
    )
