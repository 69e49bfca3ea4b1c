"""Opens that waited: for the lead to keep its position, or for a price no worse than the lead's."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.orders import Command
from pilotfish.engine.facts import Fact, Targeted
from pilotfish.engine.follows.column import AT_A_PRICE
from pilotfish.engine.leads.lead import Lead
from pilotfish.engine.leads.moves import grow, keep_sides, may_open
from pilotfish.engine.orders.fanout import fan_out
from pilotfish.engine.orders.leg import Occasion, Out
from pilotfish.engine.state import State
from pilotfish.gate.approved import Approved


def release(state: State) -> Out:
    """Turn what need not wait any longer into targets, and send what is lacking."""
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for key, column in state.columns.items():
        listing = state.listings[key]
        if not column.pending.any():
            continue
        timed = column.due_ns[(column.pending != 0) & (column.due_ns < AT_A_PRICE)]
        state.wake(int(np.min(timed, initial=AT_A_PRICE)) if listing.mark > 0 else AT_A_PRICE)
        state.tended = True
        if listing.mark <= 0:
            continue
        for number, lead in enumerate(state.leads):
            if lead.count and column.pending[lead.rows].any():
                more = _release(state, number, key)
                commands += more[0]
                facts += more[1]
    return commands, facts


def _release(state: State, number: int, key: int) -> Out:
    lead, column, listing = state.leads[number], state.columns[key], state.listings[key]
    pending, due = column.pending[lead.rows], column.due_ns[lead.rows]
    source, paid = _paid(state, lead, key)
    cheap = np.where(pending > 0, 0 < listing.ask <= paid, 0 < paid <= listing.bid)
    now = (pending != 0) & np.where(due == AT_A_PRICE, cheap, due <= state.now_ns)
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for at_a_price, price in ((False, listing.mark), (True, paid)):
        for side in (1, -1):  # a worst price is one for buys and another for sells
            some = np.flatnonzero(now & ((due == AT_A_PRICE) == at_a_price) & (np.sign(pending) == side))
            if not some.size:
                continue
            rows = lead.index[some] if lead.index.size else some + lead.first
            facts.append(_retarget(state, number, key, source, rows, price))
            occasion = Occasion(price, state.now_ns, opened=True, worst=paid if at_a_price else 0, only=rows)
            more = fan_out(state, number, key, occasion)
            commands += more[0]
            facts += more[1]
    return commands, facts


def _retarget(state: State, number: int, key: int, source: int, rows: Ints, price: int) -> Fact:
    column = state.columns[key]
    before, part = column.targets[rows], column.part(source, key, rows)
    step, why = may_open(state, number, rows, column.pending[rows], np.zeros_like(before))
    column.pending[rows] = column.due_ns[rows] = 0
    targets, reasons = grow(state, key, rows, before, step, price)
    column.ask(source, key, rows, targets, part + (targets - before))
    column.reasons[rows] = np.where(reasons > 0, reasons, why)
    keep_sides(state, key, rows)
    return Targeted(number, key, price, rows, column.targets[rows] - before, state.now_ns)


def _paid(state: State, lead: Lead, key: int) -> tuple[int, int]:
    """The instrument that the lead holds and that is copied into `key`, and what it paid, in the price units of `key`;
    0 when that is not known.
    """
    for source, routes in state.routes.items():
        for route in routes:
            if route.target == key and lead.positions.get(source):
                return source, lead.entries.get(source, 0) * route.price_num // route.price_den
    return key, lead.entries.get(key, 0)
