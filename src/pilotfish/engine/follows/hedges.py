"""Delta-neutral follows: each hedges a share of what it really holds with a second instrument, inside a band.

A hedge is a part of its column's targets, beside what leads ask for there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.copying.sizing import sublots_of
from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.domain.events import Event, Liquidation
from pilotfish.domain.instructions import HedgeMapped
from pilotfish.domain.instrument import SUBLOT, Kind
from pilotfish.domain.mandate import BPS
from pilotfish.domain.orders import Command
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Fact, Refused
from pilotfish.engine.follows.column import HEDGE
from pilotfish.engine.follows.hedge_orders import (
    ask_hedges,
    fell_short,
    least_lots,
    off_target,
    send_hedges,
    shared,
)
from pilotfish.engine.follows.shut import opens_nothing
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.state import Hedging, State
from pilotfish.gate.approved import Approved
from pilotfish.gate.limits import value_floor

Flags = NDArray[np.bool_]


def on_hedged(state: State, event: HedgeMapped) -> Out:
    """Hedge with this instrument from now on; what another one hedged so far is taken off there."""
    state.hedges[event.instrument] = event.hedge
    state.tended = True
    return keep_hedged(state)


def keep_hedged(state: State) -> Out:
    """The duty: whatever the market has moved out of its band, and what an order has failed to bring."""
    return _all(state, sorted(_hedging(state)))


def hedge_trades(state: State, event: Event, facts: list[Fact]) -> Out:
    """After trades: only the hedges of instruments that were traded."""
    filled = {fact.instrument for fact in facts if isinstance(fact, Copied) and fact.lots.any()}
    traded = {fact.instrument for fact in facts if isinstance(fact, Copied)}
    if isinstance(event, Liquidation):
        traded.add(event.instrument)
    if not traded or not (state.hedges or state.follows.hedge_bps.any()):
        return [], []
    ours = _hedging(state)
    for key in filled & ours:  # it found something: the rest need not wait
        note = state.hedging.setdefault(key, Hedging())
        note.next_ns, note.tries = state.now_ns, 0
    short = [fell_short(state, fact) for fact in facts if isinstance(fact, Copied) and fact.instrument in ours]
    keys = {state.hedges[key] for key in traded if key in state.hedges} | traded & ours
    commands, more = _all(state, sorted(keys))
    return commands, [*_unmapped(state, facts, ours), *(fact for some in short for fact in some), *more]


def _hedging(state: State) -> set[int]:
    return {*state.hedges.values(), *(key for key, column in state.columns.items() if HEDGE in column.parts)}


def _all(state: State, keys: list[int]) -> Out:
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for key in keys:
        more = _hedge(state, key)
        commands += more[0]
        facts += more[1]
    return commands, facts


def _unmapped(state: State, facts: list[Fact], ours: set[int]) -> list[Fact]:
    """Delta-neutral follows that hold more of what nothing hedges."""
    out: list[Fact] = []
    for fact in facts:
        if isinstance(fact, Copied) and not fact.exit and fact.instrument not in state.hedges.keys() | ours:
            count = int(np.count_nonzero((state.follows.hedge_bps[fact.rows] > 0) & (fact.lots > 0)))
            if count:
                reason = state.guard.refuse(Reason.UNMAPPED, count)
                out.append(Refused(fact.lead, fact.instrument, reason, count))
    return out


def _hedge(state: State, key: int) -> Out:
    """New hedge targets in `key` where the band is left, then orders for what is lacking."""
    column, held = state.columns[key], state.ledger.lots[key].rows
    part = column.part(HEDGE, key, slice(None))
    rows = np.flatnonzero((state.follows.hedge_bps > 0) | (part != 0) | ((column.targets == 0) & (held != 0)))
    if not rows.size:
        return [], []
    value, known = _exposure(state, key, rows)
    facts = _stale(state, key, rows[~known])
    wanted, off = _wanted(state, key, rows, value, part[rows])
    off &= known
    if state.now_ns < state.hedging[key].next_ns:
        rests = off & shared(column, key, rows, wanted)
        off &= ~rests
        if rests.any():
            state.wake(state.hedging[key].next_ns)
    delta = wanted[off] - part[rows[off]]
    fresh = rows[off & ~off_target(state, key, rows)]  # what a copy lacks beside it keeps its reason
    idle = opens_nothing(state, fresh)
    column.reasons[fresh] = 0 if idle is None else np.where(idle[0], idle[1], 0)
    facts += ask_hedges(state, key, rows[off], delta)
    commands, more = send_hedges(state, key, rows, rows[off], delta)
    return commands, facts + more


def _exposure(state: State, key: int, rows: Ints) -> tuple[Ints, Flags]:
    """Signed money that `rows` hold in what `key` hedges, and whether all marks that matter to them are fresh."""
    value: Ints = np.zeros(rows.size, dtype=np.int64)
    known: Flags = np.ones(rows.size, dtype=bool)
    for source in sorted(source for source, hedge in state.hedges.items() if hedge == key):
        listing, copies = state.listings[source], _copies(state, source, rows)
        if not copies.any():
            continue
        if _is_fresh(state, source):
            value += np.sign(copies) * value_floor(np.abs(copies), listing.instrument, listing.mark)
        else:
            known &= copies == 0
    if not _is_fresh(state, key):
        known &= value == 0
    return value, known


def _copies(state: State, source: int, rows: Ints) -> Ints:
    """Sub-lots held of what leads asked for; where an instrument also hedges another, that part is not hedged again."""
    column = state.columns[source]
    held: Ints = state.ledger.lots[source].rows[rows] * SUBLOT
    if HEDGE not in column.parts:
        return held
    hedge = column.parts[HEDGE][rows]
    own = column.targets[rows] - hedge
    copies: Ints = np.maximum(np.minimum(held - hedge, np.maximum(own, 0)), np.minimum(own, 0))
    return copies


def _is_fresh(state: State, key: int) -> bool:
    market = state.market(key)
    return market.mark > 0 and market.age_ns <= market.stale_ns_max


def _stale(state: State, key: int, rows: Ints) -> list[Fact]:
    """Hedges stay as they are while a mark is too old; said once, until all are fresh again."""
    note = state.hedging.setdefault(key, Hedging())
    news, note.stale = bool(rows.size) and not note.stale, bool(rows.size)
    if not news:
        return []
    state.columns[key].reasons[rows] = Reason.STALE
    reason = state.guard.refuse(Reason.STALE, rows.size)
    leads, counts = np.unique(state.follows.lead[rows], return_counts=True)
    return [Refused(lead, key, reason, count) for lead, count in zip(leads.tolist(), counts.tolist(), strict=True)]


def _wanted(state: State, key: int, rows: Ints, value: Ints, part: Ints) -> tuple[Ints, Flags]:
    """The hedge each row should have, signed sub-lots, and where the present one is out of its band.

    Follows that open nothing only reduce. On separate accounts a change below the venue's minimum waits.
    """
    column, follows, listing = state.columns[key], state.follows, state.listings[key]
    exposure = sublots_of(np.abs(value), listing.instrument, max(listing.mark, 1))
    wanted = -np.sign(value) * muldiv_floor(exposure, follows.hedge_bps[rows], BPS)
    less = np.where(np.sign(wanted) == np.sign(part), np.sign(part) * np.minimum(np.abs(wanted), np.abs(part)), 0)
    idle = opens_nothing(state, rows)
    wanted = wanted if idle is None else np.where(idle[0], less, wanted)
    denied = ~column.allowed[rows] & (wanted != 0)
    unheld = (wanted < 0) & (listing.instrument.kind is not Kind.PERP)  # what is paid in full cannot be sold short
    wanted = np.where(denied | unheld, 0, wanted)
    off = np.abs(wanted - part) > muldiv_floor(exposure, follows.hedge_band_bps[rows], BPS)
    small = off & (np.abs(wanted - part) // SUBLOT < least_lots(state, key))
    column.reasons[rows[small & (wanted != 0)]] = Reason.BELOW_MINIMUM
    column.reasons[rows[unheld]] = Reason.NO_SHORT
    column.reasons[rows[denied]] = Reason.DENIED
    return wanted, (off & ~small) | ((wanted == 0) & (part != 0))
