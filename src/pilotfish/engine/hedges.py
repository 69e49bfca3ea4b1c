"""Delta-neutral follows: each hedges a share of what it really holds with a second instrument, inside a band.

A hedge is a part of its column's targets, beside what leads ask for there. It is bounded from the mark, as it belongs to
no price of a lead, and it is tried again here, not by the watches of copies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.copying.sizing import sublots_of
from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.domain.events import Event, Liquidation
from pilotfish.domain.instructions import HedgeMapped
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import BPS
from pilotfish.domain.orders import Command
from pilotfish.domain.reasons import Reason
from pilotfish.engine.batches import send_batch
from pilotfish.engine.blocks import send_blocks
from pilotfish.engine.column import HEDGE
from pilotfish.engine.facts import Copied, Fact, Refused, Targeted
from pilotfish.engine.fanout import lacking
from pilotfish.engine.leg import Leg, Occasion, Out
from pilotfish.engine.standing import Mode
from pilotfish.engine.state import Hedging, State
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import minimum_lots
from pilotfish.gate.limits import value_floor

Flags = NDArray[np.bool_]
_BACKOFF_MAX = 7  # what is lacking is tried again ever less often, down to every retry_ns · 2^7


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
        state.hedging.setdefault(key, Hedging()).next_ns = state.now_ns
    keys = {state.hedges[key] for key in traded if key in state.hedges} | traded & ours
    commands, more = _all(state, sorted(keys))
    return commands, [*_unmapped(state, facts, ours), *more]


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
    moved, delta = rows[off], (wanted - part[rows])[off]
    column.ask(HEDGE, key, moved, column.targets[moved] + delta, wanted[off])
    column.reasons[moved] = 0
    leads, note = state.follows.lead[moved], state.hedging.setdefault(key, Hedging())
    listing = state.listings[key]
    for number in np.unique(leads).tolist():
        some = leads == number
        facts.append(Targeted(number, key, listing.mark, moved[some], delta[some], state.now_ns, hedge=True))
    if moved.size:
        note.next_ns, note.tries = state.now_ns, 0
    commands, more = _send(state, key, rows, moved)
    return commands, facts + more


def _exposure(state: State, key: int, rows: Ints) -> tuple[Ints, Flags]:
    """Signed money that `rows` hold in what `key` hedges, and whether all marks that matter to them are fresh."""
    value, known = np.zeros(rows.size, dtype=np.int64), np.ones(rows.size, dtype=bool)
    for source, hedge in sorted(state.hedges.items()):
        copies = _copies(state, source, rows) if hedge == key else value
        if hedge != key or not copies.any():
            continue
        listing = state.listings[source]
        if _is_fresh(state, source):
            value = value + np.sign(copies) * value_floor(np.abs(copies), listing.instrument, listing.mark)
        else:
            known &= copies == 0
    return value, known if _is_fresh(state, key) else known & (value == 0)


def _copies(state: State, source: int, rows: Ints) -> Ints:
    """Sub-lots held of what leads asked for; where an instrument also hedges another, that part is not hedged again."""
    column, held = state.columns[source], state.ledger.lots[source].rows[rows] * SUBLOT
    if HEDGE not in column.parts:
        return held
    hedge = column.parts[HEDGE][rows]
    own = column.targets[rows] - hedge
    return np.clip(held - hedge, np.minimum(own, 0), np.maximum(own, 0))


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
    wanted = np.where(state.standing.mode[rows] == Mode.ACTIVE, wanted, less)
    denied = ~column.allowed[rows] & (wanted != 0)
    wanted = np.where(denied, 0, wanted)
    off = np.abs(wanted - part) > muldiv_floor(exposure, follows.hedge_band_bps[rows], BPS)
    small = off & (np.abs(wanted - part) // SUBLOT < _least(state, key))
    column.reasons[rows[small & (wanted != 0)]] = Reason.BELOW_MINIMUM
    column.reasons[rows[denied]] = Reason.DENIED
    return wanted, (off & ~small) | ((wanted == 0) & (part != 0))


def _least(state: State, key: int) -> int:
    """The fewest lots a separate account can trade, at the lowest price an order of ours may have."""
    if state.omnibus:
        return 0
    listing, protective = state.listings[key], state.settings.protective_bps
    return minimum_lots(listing.instrument, max(listing.mark * (BPS - protective) // BPS, 1))


def _send(state: State, key: int, rows: Ints, moved: Ints) -> Out:
    """Exits, then opens, of what `rows` lack; dust joins where a target has `moved`. What still lacks has its time."""
    note = state.hedging[key]
    wait = state.now_ns < note.next_ns
    mine, dust = (np.zeros(len(state.follows), dtype=bool) for _ in range(2))
    mine[rows], dust[moved] = True, True
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    short = False
    for number in np.unique(state.follows.lead[rows]).tolist():
        for exit in (True, False):
            quotas = _quotas(state, number, key, mine, dust, exit=exit)
            lack = bool((np.abs(quotas) > 0).any())
            short |= lack
            for side in (1, -1) if lack and not wait else ():
                more = _leg(state, number, key, side, np.maximum(side * quotas, 0), exit=exit, first=bool(moved.size))
                commands += more[0]
                facts += more[1]
    if not short:
        return commands, facts
    if not wait:
        note.next_ns = state.now_ns + (state.settings.retry_ns << min(note.tries, _BACKOFF_MAX))
        note.tries += 1
    state.wake(note.next_ns)
    return commands, facts


def _quotas(state: State, number: int, key: int, mine: Flags, dust: Flags, *, exit: bool) -> Ints:
    """Signed sub-lots that a lead's hedged follows lack. Opens are no larger than the hedge, so that what a copy in the
    same instrument has missed is not caught up at today's price; a follow that opens nothing opens no hedge.
    """
    lead, column = state.leads[number], state.columns[key]
    lack, part = lacking(state, lead, key), column.part(HEDGE, key, lead.rows)
    quotas = lack.exits if exit else lack.opens
    if not exit:
        room = np.where(np.sign(part) == np.sign(quotas), np.abs(part), 0)
        room = np.where(state.standing.mode[lead.rows] == Mode.ACTIVE, room, 0)
        quotas = np.sign(quotas) * np.minimum(np.abs(quotas), room)
    join = mine[lead.rows] & ((np.abs(quotas) >= SUBLOT) | dust[lead.rows])
    lots = np.abs(quotas) // SUBLOT
    closing = lots >= np.abs(state.ledger.lots[key].rows[lead.rows]) if exit else np.zeros_like(join)
    return np.where(join & ((lots >= _least(state, key)) | closing), quotas, 0)


def _leg(state: State, number: int, key: int, side: int, quotas: Ints, *, exit: bool, first: bool) -> Out:
    if not quotas.any():
        return [], []
    listing = state.listings[key]
    occasion = Occasion(listing.mark or listing.valued, state.now_ns, first=first)
    send = send_blocks if state.omnibus else send_batch
    return send(state, Leg(number, key, side, exit, occasion), quotas)
