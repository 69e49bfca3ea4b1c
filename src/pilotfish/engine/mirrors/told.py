"""The life of orders of ours that rest: filled bit by bit and shared out as they fill, ended, asked about."""

from __future__ import annotations

import numpy as np

from pilotfish.copying.wants import share
from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.domain.events import Fill, OrderUpdate
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.orders import OrderSignal, OrderState
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Fact, Intended, Quarantined, Settled
from pilotfish.engine.follows.entries import traded
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.leads.lead import LeadResting
from pilotfish.engine.mirrors.depth import expected
from pilotfish.engine.mirrors.mirror import LONG_AGO, Mirror
from pilotfish.engine.mirrors.resting import RETRY_NS, keep_one
from pilotfish.engine.orders import told as orders
from pilotfish.engine.orders.cooling import note_word
from pilotfish.engine.orders.fanout import look_soon, watch, watch_key
from pilotfish.engine.orders.leg import Occasion, Out, touched
from pilotfish.engine.orders.reversal import note_settling
from pilotfish.engine.state import State, remember
from pilotfish.execution.lifecycle import after

_REMEMBERED_ORDERS = 65_536
_REMEMBERED_REJECTS = 16
_ENDS = (OrderSignal.CANCEL, OrderSignal.FILLED)


def on_fill(state: State, event: Fill) -> Out:
    """A fill of a resting order counts once and is shared at once; any other goes its usual way."""
    if event.fill_id in state.reversed:  # it was taken back before it came
        state.duplicates += 1
        return [], []
    found = _find(state, event.coid)
    if found is None:
        return orders.on_fill(state, event)
    mirror, k = found
    ids = mirror.fill_ids.setdefault(k, [])
    if event.fill_id in ids:
        state.duplicates += 1
        return [], []
    if event.lots > mirror.lots[k]:
        return [], [_quarantine(state, f"fill {event.fill_id}", f"order {event.coid} would be filled beyond its size")]
    ids.append(event.fill_id)
    alive = mirror.coid in state.mirrors and bool(mirror.alive[k])
    note_word(state, mirror.index, OrderSignal.FILL, Reason.NONE)
    mirror.lots[k] -= event.lots
    mirror.expected[k] = max(mirror.expected[k] - event.lots, -1) if mirror.expected[k] >= 0 else -1
    facts = _share(state, mirror, k, event, alive=alive)
    if not alive:
        remember(state.closed_fills, event.coid, list(ids), _REMEMBERED_ORDERS)
        return [], facts
    whole = mirror.lots[k] == 0
    mirror.states[k] = after(OrderState(int(mirror.states[k])), OrderSignal.FILLED if whole else OrderSignal.FILL)
    if not whole and mirror.expected[k] == 0:
        mirror.states[k] = int(OrderState.CANCELLED)
    if not mirror.alive[k]:
        return ended(state, mirror, np.array([k]), Reason.NONE, facts)
    return [], facts


def on_order_update(state: State, event: OrderUpdate) -> Out:
    """What the venue says of a resting order; any other word goes its usual way."""
    found = _find(state, event.coid)
    if found is None:
        return orders.on_order_update(state, event)
    mirror, k = found
    if mirror.coid not in state.mirrors or not mirror.alive[k]:
        state.duplicates += 1
        return [], []
    if event.signal is OrderSignal.ABSENT:  # a cancel that overtook its order: asked about when it is overdue
        return [], []
    if event.signal in _ENDS:
        missing = int(mirror.lots[k]) - event.lots_left
        if not 0 <= missing <= mirror.lots[k]:
            why = f"the venue says {event.lots_left} lots are left, its fills {mirror.lots[k]}"
            return [], [_quarantine(state, f"order {event.coid}", why)]
        mirror.expected[k] = missing
        if missing:  # its fills are still to come, or lost: then a query brings them
            return [], []
    note_word(state, mirror.index[mirror.part(k)], event.signal, event.reason)
    mirror.states[k] = after(OrderState(int(mirror.states[k])), event.signal)
    return ([], []) if mirror.alive[k] else ended(state, mirror, np.array([k]), event.reason, [])


def ended(state: State, mirror: Mirror, which: Ints, reason: Reason, facts: list[Fact]) -> Out:
    """Orders that are over: what they did not use is free, what is lacking goes the usual way, and the rest of the
    lead's order may be mirrored anew.
    """
    part = mirror.part(int(which[0])) if mirror.single else which
    state.ledger.void_part(mirror.coid, part)
    touched(state, mirror.command.instrument)
    for k in which.tolist():
        remember(state.closed, mirror.coid + k, int(mirror.states[k]), _REMEMBERED_ORDERS)
        remember(state.closed_fills, mirror.coid + k, list(mirror.fill_ids.get(k, [])), _REMEMBERED_ORDERS)
    rejected = mirror.states[which] == int(OrderState.REJECTED)
    mirror.lots[which[~rejected]] = 0
    asked = bool((mirror.cancel_ns[which] > LONG_AGO).all())
    if rejected.any() or (reason is not Reason.NONE and not asked):
        state.guard.refuse(reason or Reason.REJECTED, int(which.size))
    resting = state.leads[mirror.lead].resting.get(mirror.order)
    _buy_what_is_short(state, mirror, mirror.index[part], resting)
    _sell_what_is_over(state, mirror, mirror.index[part], resting)
    if mirror.alive.any():
        return [], facts
    del state.mirrors[mirror.coid]
    state.ledger.reservations.pop(mirror.coid)
    if (mirror.states == int(OrderState.REJECTED)).any():
        remember(state.rejected_mirrors, mirror.coid, mirror, _REMEMBERED_REJECTS)
    if resting is None or resting.coid != mirror.coid:
        return [], facts
    whole = bool((mirror.states == int(OrderState.FILLED)).all())
    resting.coid, resting.amended = -1, False
    resting.next_ns = state.now_ns + (0 if asked or whole else RETRY_NS)
    look_soon(state, mirror.lead, mirror.command.instrument, exit=True)  # the other side may have waited for it
    commands, more = keep_one(state, mirror.lead, mirror.order)
    return commands, [*facts, *more]


def _share(state: State, mirror: Mirror, k: int, event: Fill, *, alive: bool) -> list[Fact]:
    """Give a fill to its follows by what is still to come for each; an odd lot is part of the next share."""
    key, side, ledger = mirror.command.instrument, mirror.command.side, state.ledger
    part = mirror.part(k)
    rows, left = mirror.index[part], np.maximum(mirror.quotas[part], 0)
    column = state.columns[key]
    if mirror.single:
        lacking = side * (column.targets[rows] - ledger.lots[key].rows[rows] * SUBLOT) + left
        lots = share(event.lots, left, lacking)
        ledger.clear_fill(key, side, event.lots, event.cost, event.fee)
        costs, fees = ledger.share_block(key, side, rows, lots, event.cost, event.fee)
    else:
        lots, costs, fees = (np.array([n], dtype=np.int64) for n in (event.lots, event.cost, event.fee))
        ledger.post_trades(key, rows, side * lots, side * costs, fees)
    traded(state, key, rows, side * lots, side * costs)
    note_settling(state, mirror.command, mirror.sent_ns)
    mirror.quotas[part] -= lots * SUBLOT
    if alive:
        stays = np.maximum(mirror.quotas[part], 0)
        money = ledger.reservations[mirror.coid].money[part]
        ledger.keep(mirror.coid, part, side * stays, -muldiv_floor(-money, stays, np.maximum(left, 1)))
    touched(state, key)
    resting = state.leads[mirror.lead].resting.get(mirror.order)
    if resting is not None and resting.rows.size:
        resting.balance[np.searchsorted(resting.rows, rows)] += lots * SUBLOT
    _sell_what_is_over(state, mirror, rows, resting)
    got = lots > 0
    count = int(np.count_nonzero(got))
    column.partly[rows] |= got & (column.waiting[rows] > 0)
    lead_ns = resting.filled_ns if resting is not None and resting.filled_ns else event.venue_ns
    return [
        Copied(
            mirror.coid + k, mirror.lead, key, side, False, rows, left, lots, costs, fees, mirror.reference,
            mirror.decision, lead_ns, np.array([event.venue_ns], dtype=np.int64), False,
        ),
        Intended(mirror.lead, key, count, event.lots),
        Settled(mirror.lead, key, filled=count),
    ]  # fmt: skip


def _gap(state: State, mirror: Mirror, rows: Ints) -> Ints:
    key = mirror.command.instrument
    return mirror.command.side * (state.columns[key].targets[rows] - state.ledger.lots[key].rows[rows] * SUBLOT)


def _sell_what_is_over(state: State, mirror: Mirror, rows: Ints, resting: LeadResting | None) -> None:
    """Look again soon where these follows have more than the lead's order may still ask for."""
    held = mirror.command.side * state.ledger.lots[mirror.command.instrument].rows[rows] * SUBLOT
    over = np.minimum(-_gap(state, mirror, rows), held)
    if resting is not None and resting.rows.size and expected(state.leads[mirror.lead], resting):
        may = np.maximum(resting.balance[np.searchsorted(resting.rows, rows)], 0)
        over = over - np.where(state.standing.mode[rows] == Mode.ACTIVE, may, 0)
    if (over >= SUBLOT).any():
        watch(state, mirror.lead, mirror.command.instrument, Occasion(mirror.reference, state.now_ns, first=False))


def _buy_what_is_short(state: State, mirror: Mirror, rows: Ints, resting: LeadResting | None) -> None:
    """What the lead has and no resting order of ours brings any more is bought in a window of its own."""
    key, side = mirror.command.instrument, mirror.command.side
    short = _gap(state, mirror, rows) - np.maximum(side * state.ledger.opening[key][rows], 0)
    if (short >= SUBLOT).any():
        lead_ns = resting.filled_ns if resting is not None and resting.filled_ns else state.now_ns
        watch(state, mirror.lead, key, Occasion(mirror.reference, lead_ns))
        if mirror.single:  # separate orders end one by one: they are looked at together
            state.watches[watch_key(mirror.lead, key)].next_ns = state.now_ns


def _find(state: State, coid: int) -> tuple[Mirror, int] | None:
    """The resting order that is known by this id, and its number within its mirror."""
    for known in (state.mirrors, state.rejected_mirrors):
        if coid in known:
            return known[coid], 0
        for mirror in known.values():
            if 0 <= coid - mirror.coid < mirror.states.size:
                return mirror, coid - mirror.coid
    return None


def _quarantine(state: State, what: str, why: str) -> Quarantined:
    state.quarantined += 1
    return Quarantined(what, why)
