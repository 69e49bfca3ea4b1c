"""Orders for hedges: what a hedge lacks is sent at once, bounded from the mark, and tried again ever less often.

Where a lead's copies are on the same side of the same column, only what a hedge just asked for is sent, and what it
does not get is not asked for any longer: what a copy has missed beyond the lead's price is never caught up by a hedge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import BPS
from pilotfish.domain.orders import Command, Place, PlaceBatch
from pilotfish.engine.facts import Copied, Fact, Targeted
from pilotfish.engine.follows.column import HEDGE, Column
from pilotfish.engine.follows.shut import opens_nothing
from pilotfish.engine.orders.batches import send_batch
from pilotfish.engine.orders.blocks import send_blocks
from pilotfish.engine.orders.fanout import lacking
from pilotfish.engine.orders.leg import Leg, Occasion, Out
from pilotfish.engine.state import State
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import minimum_lots
from pilotfish.ledger.book import Rows

Flags = NDArray[np.bool_]
BACKOFF_MAX = 7  # … down to every retry_ns · 2^7


def ask_hedges(state: State, key: int, rows: Ints, delta: Ints) -> list[Fact]:
    """Move the hedges of `rows` by `delta`, and say so for each lead."""
    column, leads = state.columns[key], state.follows.lead[rows]
    part = column.part(HEDGE, key, rows) + delta
    column.ask(HEDGE, key, rows, column.targets[rows] + delta, part)
    facts: list[Fact] = []
    for number in np.unique(leads[delta != 0]).tolist():
        some = leads == number
        price = state.listings[key].mark
        facts.append(Targeted(number, key, price, rows[some], delta[some], state.now_ns, hedge=True))
    return facts


def shared(column: Column, key: int, rows: Rows, hedge: Ints) -> Flags:
    """Where a lead's copies are on the same side as such a hedge."""
    own = column.targets[rows] - column.part(HEDGE, key, rows)
    beside: Flags = (hedge != 0) & (np.sign(own) == np.sign(hedge))
    return beside


def fell_short(state: State, fact: Copied) -> list[Fact]:
    """A hedge beside copies did not get all: the rest is not its target any longer, until it is asked for again."""
    key, column, note = fact.instrument, state.columns[fact.instrument], state.hedging.get(fact.instrument)
    if note is None or fact.coid not in note.orders:
        return []
    if fact.coid not in state.batches:
        note.orders.remove(fact.coid)
    every = np.arange(len(state.follows))[fact.rows]
    beside = shared(column, key, every, column.part(HEDGE, key, every))
    short = np.minimum(np.where(beside, fact.quotas - fact.lots * SUBLOT, 0), _unfilled(state, key, every))
    some = np.flatnonzero(short >= SUBLOT) if not fact.exit else every[:0]
    return ask_hedges(state, key, every[some], -fact.side * short[some])


def send_hedges(state: State, key: int, rows: Ints, moved: Ints, delta: Ints) -> Out:
    """Exits, then opens, of what `rows` lack; dust joins where a target has `moved`. What still lacks has its time."""
    note, n, gap = state.hedging[key], len(state.follows), off_target(state, key, rows)
    if not moved.size and not gap.any():
        return [], []
    wait, mine, asked = state.now_ns < note.next_ns, np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64)
    mine[moved if wait else rows], asked[moved] = True, delta
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for number in np.unique(state.follows.lead[mine]).tolist():
        for exit in (True, False):
            quotas = _quotas(state, number, key, mine, asked, exit=exit)
            for side in (1, -1):
                more = _leg(state, number, key, side, np.maximum(side * quotas, 0), exit=exit, first=bool(moved.size))
                commands += more[0]
                facts += more[1]
    unsent = _not_sent(state, key, moved, delta, commands)
    later = bool(unsent) or _lacks(state, key, rows[gap])
    if not wait and (commands or later):
        note.next_ns = state.now_ns + (state.settings.retry_ns << min(note.tries, BACKOFF_MAX))
        note.tries += 1
    if later:
        state.wake(note.next_ns)
    return commands, facts + unsent


def _quotas(state: State, number: int, key: int, mine: Flags, asked: Ints, *, exit: bool) -> Ints:
    """Signed sub-lots that a lead's hedged follows lack. Opens are no larger than the hedge, or than what was `asked`
    in this step where copies are on the same side; a follow that opens nothing opens no hedge.
    """
    lead, column = state.leads[number], state.columns[key]
    lack, rows = lacking(state, lead, key), lead.rows
    quotas = lack.exits if exit else lack.opens
    if not exit:
        part = column.part(HEDGE, key, rows)
        rooms = [np.where(np.sign(of) == np.sign(quotas), np.abs(of), 0) for of in (part, asked[rows])]
        room = np.where(shared(column, key, rows, part), rooms[1], np.maximum(*rooms))  # what it netted is bought back
        idle = opens_nothing(state, rows)
        room = room if idle is None else np.where(idle[0], 0, room)
        quotas = np.sign(quotas) * np.minimum(np.abs(quotas), room)
    join = mine[rows] & ((np.abs(quotas) >= SUBLOT) | (asked[rows] != 0))
    lots = np.abs(quotas) // SUBLOT
    closing = lots >= np.abs(state.ledger.lots[key].rows[rows]) if exit else np.zeros_like(join)
    return np.where(join & ((lots >= least_lots(state, key)) | closing), quotas, 0)


def _not_sent(state: State, key: int, moved: Ints, delta: Ints, commands: list[Approved[Command]]) -> list[Fact]:
    """Beside copies on the same side, a hedge that did not leave is not asked for; it will be, when its time comes."""
    note, column = state.hedging[key], state.columns[key]
    sent = np.zeros(len(state.follows), dtype=np.int64)
    for approved in commands:
        if not isinstance(approved.command, Place | PlaceBatch):
            continue
        coid = approved.command.coid
        note.orders.append(coid)
        block, batch = state.blocks.get(coid), state.batches.get(coid)
        if block is not None and not block.exit:
            sent[block.rows] += block.quotas
        elif batch is not None and not batch.exit:
            sent[batch.index] += batch.quotas
    part = column.part(HEDGE, key, moved)
    grew = shared(column, key, moved, part) & (np.sign(delta) == np.sign(part))
    short = np.where(grew, np.minimum(np.abs(delta) - sent[moved], _unfilled(state, key, moved)), 0)
    over = short >= SUBLOT
    return ask_hedges(state, key, moved[over], (-np.sign(delta) * short)[over])


def _unfilled(state: State, key: int, rows: Ints) -> Ints:
    """Sub-lots of the targets that are neither held nor under way."""
    targets, ledger = state.columns[key].targets[rows], state.ledger
    have = np.sign(targets) * (ledger.lots[key].rows[rows] * SUBLOT + ledger.opening[key][rows])
    return np.asarray(np.abs(targets) - np.clip(have, 0, np.abs(targets)), dtype=np.int64)


def off_target(state: State, key: int, rows: Ints) -> Flags:
    """Who is off target by a lot, orders in flight not counted."""
    off: Flags = np.abs(state.columns[key].targets[rows] - state.ledger.lots[key].rows[rows] * SUBLOT) >= SUBLOT
    return off


def _lacks(state: State, key: int, mine: Ints) -> bool:
    """Whether a lot is lacking that has no order."""
    chosen, none = np.zeros(len(state.follows), dtype=bool), np.zeros(len(state.follows), dtype=np.int64)
    chosen[mine] = True
    leads = np.unique(state.follows.lead[mine]).tolist()
    return any(_quotas(state, lead, key, chosen, none, exit=exit).any() for lead in leads for exit in (True, False))


def _leg(state: State, number: int, key: int, side: int, quotas: Ints, *, exit: bool, first: bool) -> Out:
    if not quotas.any():
        return [], []
    listing = state.listings[key]
    occasion = Occasion(listing.mark or listing.valued, state.now_ns, first=first)
    send = send_blocks if state.omnibus else send_batch
    return send(state, Leg(number, key, side, exit, occasion), quotas)


def least_lots(state: State, key: int) -> int:
    """The fewest lots a separate account can trade, at the lowest price an order of ours may have."""
    if state.omnibus:
        return 0
    listing, protective = state.listings[key], state.settings.protective_bps
    return minimum_lots(listing.instrument, max(listing.mark * (BPS - protective) // BPS, 1))
