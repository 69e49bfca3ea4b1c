"""A venue takes a fill back: a match failed to settle, a block was replaced. Whoever got a share of it gives it back,
and the money too; and has it again where the same order is mined again.

Kept only for instruments whose venue does so (outcome tokens, pools on a chain), and for so many orders.
"""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, apportion
from pilotfish.domain.events import Fill, FillReversed
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Place, PlaceBatch
from pilotfish.engine.facts import Copied, Fact, Quarantined
from pilotfish.engine.follows.entries import traded
from pilotfish.engine.orders.fanout import watch
from pilotfish.engine.orders.leg import Occasion, Out, touched
from pilotfish.engine.state import COID_BITS, Returned, Settling, Shared, State, remember
from pilotfish.ledger.book import Rows

_REMEMBERED_SHARES = 4_096
_REMEMBERED_REVERSALS = 65_536


def note_share(state: State, facts: list[Fact]) -> None:
    """Remember who got what of orders whose trades may yet fail."""
    for fact in facts:
        if isinstance(fact, Copied) and state.listings[fact.instrument].instrument.reversible:
            _note(state, fact)


def note_settling(state: State, command: Place | PlaceBatch, sent_ns: int) -> None:
    """Remember an order that has traded where trades may yet fail."""
    if state.listings[command.instrument].instrument.reversible:
        state.settling.pop(command.coid, None)
        remember(state.settling, command.coid, Settling(command, sent_ns, state.now_ns), _REMEMBERED_SHARES)


def _note(state: State, fact: Copied) -> None:
    if not fact.lots.any():
        return
    some = np.flatnonzero(fact.lots)
    rows = _indices(fact.rows, state.ledger.follows)[some]
    shared = Shared(fact.lead, fact.instrument, fact.side, rows, fact.lots[some], fact.reference, fact.lead_ns)
    known = state.shares.pop(fact.coid, None)
    if known is not None:  # a resting order is shared out bit by bit
        shared.rows = np.concatenate([known.rows, shared.rows])
        shared.lots = np.concatenate([known.lots, shared.lots])
        shared.returned = known.returned
    remember(state.shares, fact.coid, shared, _REMEMBERED_SHARES)


def on_reversed(state: State, event: FillReversed) -> Out:
    """A reversal counts once, and before its fill too. Of an order that is not over the fill is taken off; else shares
    are taken back.
    """
    if event.fill_id in state.reversed:
        state.duplicates += 1
        return [], []
    remember(state.reversed, event.fill_id, 1, _REMEMBERED_REVERSALS)
    block = state.blocks.get(event.coid)
    if block is not None:
        if event.fill_id in block.fill_ids:
            block.filled -= event.lots
            block.cost -= event.cost
            block.fee -= event.fee
            place = block.place
            state.ledger.clear_fill(place.instrument, place.side, -event.lots, -event.cost, -event.fee)
        return [], []
    if event.coid in state.closed_fills and event.fill_id not in state.closed_fills[event.coid]:
        return [], []  # it never counted
    found = _found(state, event.coid)
    shared = None if found is None else state.shares[found]
    if shared is not None and (shared.instrument, shared.side) != (event.instrument, event.side):
        shared = None
    mine = np.zeros(0, dtype=np.int64)
    if shared is not None:
        of_account = state.follows.follower[shared.rows] == event.account
        mine = shared.lots if event.account == OMNIBUS else np.where(of_account, shared.lots, 0)
    if shared is None or int(mine.sum()) < event.lots:
        state.quarantined += 1
        return [], [Quarantined(f"reversal of fill {event.fill_id}", f"order {event.coid} shared out no such fill")]
    return _take_back(state, event, shared, mine)


def _take_back(state: State, event: FillReversed, shared: Shared, had: Ints) -> Out:
    lots = apportion(event.lots, had)
    costs, fees = apportion(event.cost, lots), apportion(event.fee, lots)
    key, side = shared.instrument, shared.side
    shared.lots = shared.lots - lots
    rows, place = np.unique(shared.rows, return_inverse=True)  # to the ledger a row is one row
    lots, costs, fees = (_sums(place, rows.size, column) for column in (lots, costs, fees))
    state.ledger.post_trades(key, rows, -side * lots, -side * costs, -fees)
    traded(state, key, rows, -side * lots, -side * costs)
    touched(state, key)
    watch(state, shared.lead, key, Occasion(shared.reference, shared.lead_ns, first=False))
    _give_back(shared, event.coid, rows, lots)
    fact = Copied(
        event.coid, shared.lead, key, -side, True, rows, np.zeros_like(lots), lots, costs, -fees, event.price,
        2 * event.price, event.venue_ns, np.array([event.venue_ns], dtype=np.int64), True, hedge=True,
    )  # fmt: skip
    return [], [fact]


def _give_back(shared: Shared, coid: int, rows: Ints, lots: Ints) -> None:
    before = shared.returned.get(coid)
    if before is not None:
        rows, place = np.unique(np.concatenate([before.rows, rows]), return_inverse=True)
        lots = _sums(place, rows.size, np.concatenate([before.lots, lots]))
    shared.returned[coid] = Returned(rows, lots, [] if before is None else before.fills)


def on_mined_again(state: State, event: Fill) -> Out | None:
    """A fill of an order that is over and gave one back: those who gave have it again. None where it is another's."""
    found = _found(state, event.coid)
    back = None if found is None else state.shares[found].returned.get(event.coid)
    if found is None or back is None:
        return None
    if event.fill_id in back.fills:
        state.duplicates += 1
        return [], []
    if event.lots > int(back.lots.sum()):
        return None
    shared, rows = state.shares[found], back.rows
    lots = apportion(event.lots, back.lots)
    costs, fees = apportion(event.cost, lots), apportion(event.fee, lots)
    back.lots = back.lots - lots
    back.fills.append(event.fill_id)
    if event.coid in state.closed_fills:
        state.closed_fills[event.coid].append(event.fill_id)
    key, side = shared.instrument, shared.side
    state.ledger.post_trades(key, rows, side * lots, side * costs, fees)
    traded(state, key, rows, side * lots, side * costs)
    touched(state, key)
    watch(state, shared.lead, key, Occasion(shared.reference, shared.lead_ns, first=False))
    fact = Copied(
        found, shared.lead, key, side, True, rows, np.zeros_like(lots), lots, costs, fees, event.price,
        2 * event.price, event.venue_ns, np.array([event.venue_ns], dtype=np.int64), True, hedge=True,
    )  # fmt: skip
    return [], [fact]


def _found(state: State, coid: int) -> int | None:
    """Under which id this order's shares are kept: its own, or that of its batch, whose orders' ids follow it."""
    if coid in state.shares:
        return coid
    return max((one for one in state.shares if one <= coid and one >> COID_BITS == coid >> COID_BITS), default=None)


def _sums(place: Ints, size: int, column: Ints) -> Ints:
    out = np.zeros(size, dtype=np.int64)
    np.add.at(out, place, column)
    return out


def _indices(rows: Rows, count: int) -> Ints:
    return np.arange(count)[rows] if isinstance(rows, slice) else rows
