"""Instruments, leads and follows come in: new columns, new rows, and what a follow takes over from the start."""

from __future__ import annotations

import numpy as np

from pilotfish.copying.sizing import Order, usual_notionals
from pilotfish.domain.arith import Ints
from pilotfish.domain.events import FollowsOpened, InstrumentListed, LeadListed
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import RATIO_UNIT, Follows, Sizing, Start
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Refused
from pilotfish.engine.follows.column import AT_A_PRICE, Column
from pilotfish.engine.follows.stops import guard
from pilotfish.engine.leads.lead import Counterpart, Lead
from pilotfish.engine.leads.moves import counterparts, postpone, wanted
from pilotfish.engine.leads.pending import release
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.state import Listing, State


def on_instrument(state: State, event: InstrumentListed) -> Out:
    state.listings.append(Listing(event.instrument))
    state.ledger.list_instrument(event.instrument.id)
    n = state.ledger.follows
    targets, reasons, waiting, partly = (np.zeros(n, dtype=np.int64) for _ in range(4))
    state.columns[event.instrument.id] = Column(
        targets, reasons, waiting, partly, allowed(state.follows, event.instrument)
    )
    return [], []


def on_lead(state: State, event: LeadListed) -> Out:
    state.leads.append(Lead(event.name, event.equity, account=event.account))
    return [], []


def on_follows(state: State, event: FollowsOpened) -> Out:
    """New rows at the end of every column; a proportional follow freezes the lead's equity here, for good."""
    new, old = event.follows, state.follows
    first, count = len(old), len(new)
    state.follows = old.joined(new)
    ratio = new.sizing == Sizing.FIXED_RATIO
    equity = np.array([lead.equity for lead in state.leads], dtype=np.int64)[new.lead]
    state.num = np.concatenate([state.num, np.where(ratio, new.value, new.allocation)])
    state.den = np.concatenate([state.den, np.where(ratio, RATIO_UNIT, equity)])
    total = first + count
    state.ledger.grow(total)
    state.standing.grow(new.allocation, state.now_ns)
    for key, column in state.columns.items():
        column.grow(count, allowed(state.follows, state.listings[key].instrument))
    state.exposures = None
    _index_leads(state)
    state.ledger.post_cash(slice(first, total), new.allocation)
    guard(state)
    return _take_over(state, first, total)


def _index_leads(state: State) -> None:
    for number, lead in enumerate(state.leads):
        rows = np.flatnonzero(state.follows.lead == number)
        together = rows.size and rows[-1] - rows[0] + 1 == rows.size
        lead.first, lead.last = (int(rows[0]), int(rows[-1]) + 1) if together else (0, 0)
        lead.index = np.zeros(0, dtype=np.int64) if together or not rows.size else rows


def _take_over(state: State, first: int, last: int) -> Out:
    """Follows that want what the lead holds get targets for it: now, or at a price no worse than its own."""
    fresh = np.arange(first, last)
    fresh = fresh[state.follows.start[fresh] != Start.NEW_TRADES]
    for number, lead in enumerate(state.leads):
        rows = fresh[state.follows.lead[fresh] == number]
        if not rows.size:
            continue
        for source, position in lead.positions.items():
            for path, share in counterparts(state, source) if position else []:
                if share:
                    _want_existing(state, number, rows, source, path, share)
    commands, facts = release(state)
    return commands, [*_unvalued(state, fresh), *facts]


def _unvalued(state: State, fresh: Ints) -> list[Fact]:
    """Positions that cannot be valued yet are said to be waiting; they are taken over once there is a mark."""
    facts: list[Fact] = []
    for key, column in state.columns.items():
        if state.listings[key].mark > 0 or not column.pending.size:
            continue
        rows = fresh[(column.pending[fresh] != 0) & (column.due_ns[fresh] < AT_A_PRICE)]
        column.reasons[rows] = Reason.STALE
        for number in np.unique(state.follows.lead[rows]).tolist():
            count = int(np.count_nonzero(state.follows.lead[rows] == number))
            facts.append(Refused(number, key, state.guard.refuse(Reason.STALE, count), count))
    return facts


def _want_existing(state: State, number: int, rows: Ints, source: int, path: Counterpart, share: int) -> None:
    lead, instrument, column = state.leads[number], state.listings[source].instrument, state.columns[path.target]
    position = lead.positions[source]
    price = state.listings[path.target].mark * path.price_den // path.price_num or lead.entries.get(source, 0)
    if price <= 0:
        return
    order = Order(
        instrument, 1 if position > 0 else -1, price, 0, lead.equity, usual_notionals([]), 0, abs(position),
        lead.stops.get(source, 0),
    )  # fmt: skip
    step, reasons = wanted(state, rows, order, path, share)
    column.reasons[rows] = np.where(reasons > 0, reasons, int(Reason.BETTER_PRICE))
    better = state.follows.start[rows] == Start.BETTER_PRICE
    postpone(state, column, rows, step, np.where(better, AT_A_PRICE, state.now_ns))


def allowed(follows: Follows, instrument: Instrument) -> np.ndarray:
    """Whose mandate allows the instrument."""
    by_rule = np.array([rule.allows(instrument.symbol) for rule in follows.rules], dtype=bool)
    return by_rule[follows.rule] if len(follows) else np.zeros(0, dtype=bool)
