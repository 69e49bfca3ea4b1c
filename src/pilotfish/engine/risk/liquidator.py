"""The platform's own liquidator: a follow is closed before its equity falls to where the venue would close it.

It acts on marks, so it trusts none that is old, or far from the book beside it (Mango lost its treasury to a mark that
was pushed in October 2022): such a mark closes nobody, and that is said once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.domain.mandate import BPS
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Refused
from pilotfish.engine.follows.balance import fresh
from pilotfish.engine.follows.closing import close
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.orders.leg import Out, refresh
from pilotfish.engine.risk.terms import count_liquidations
from pilotfish.engine.state import State

Flags = NDArray[np.bool_]


def liquidate(state: State) -> Out:
    """The duty: close every follow whose equity is below `liquidate_e2` hundredths of its maintenance margin."""
    if not state.risk.liquidate_e2 or not len(state.follows):
        return [], []
    state.tended = True
    doubts = {key: why for key in state.columns if (why := _doubt(state, key))}
    state.doubted = {key: why for key, why in state.doubted.items() if doubts.get(key) == why}
    low = _low(state)
    if not low.any():
        return [], []
    facts = _spare(state, low, doubts)
    commands, more = _close(state, np.flatnonzero(low))
    return commands, [*facts, *more]


def maintenance(state: State) -> Ints:
    """Maintenance margin per follow at the marks, money units, rounded up."""
    total = np.zeros(len(state.follows), dtype=np.int64)
    for key, part in refresh(state).parts.items():
        bps = state.listings[key].instrument.maintenance_bps
        if bps:
            total -= muldiv_floor(-np.abs(part.value), bps, BPS)
    return total


def _low(state: State) -> Flags:
    """Whom it concerns. Whoever it has closed already is not closed again for what could not be sold."""
    margin = maintenance(state)
    equity = state.ledger.money.rows + refresh(state).value
    closed = (state.standing.why == Reason.LIQUIDATOR) & (state.standing.mode != Mode.ACTIVE)
    below = muldiv_floor(equity, 100, state.risk.liquidate_e2) < margin
    return np.asarray((margin > 0) & below & ~closed & (state.standing.mode != Mode.LEFT))


def _doubt(state: State, key: int) -> Reason:
    """Why nobody is closed at this mark; NONE when it can be trusted."""
    if not fresh(state, key):
        return Reason.STALE
    listing = state.listings[key]
    twice_mid, most = listing.bid + listing.ask, state.risk.deviation_bps
    if most and listing.bid and listing.ask and abs(2 * listing.mark - twice_mid) * BPS > most * twice_mid:
        return Reason.DEVIATING
    return Reason.NONE


def _spare(state: State, low: Flags, doubts: dict[int, Reason]) -> list[Fact]:
    """Take those out of `low` whose equity rests on a mark in doubt, and say so where it was not said yet."""
    facts: list[Fact] = []
    spared = np.zeros_like(low)
    for key, why in doubts.items():
        mine = low & (state.ledger.lots[key].rows != 0)
        spared |= mine
        if not mine.any() or key in state.doubted:
            continue
        state.doubted[key] = int(why)
        leads, counts = np.unique(state.follows.lead[mine], return_counts=True)
        state.guard.refuse(why, int(counts.sum()))
        facts += [Refused(int(lead), key, why, int(count)) for lead, count in zip(leads, counts, strict=True)]
    low &= ~spared
    return facts


def _close(state: State, rows: Ints) -> Out:
    """All of it at once, whatever stages the mandate prefers; whoever was leaving still leaves."""
    if not rows.size:
        return [], []
    accounts = np.unique(state.follows.follower[rows]).tolist()
    commands, facts = count_liquidations(state, accounts, state.now_ns)
    what = f"equity fell below {state.risk.liquidate_e2 / 100:g} times the maintenance margin"
    leaving = state.standing.mode[rows] == Mode.LEAVING
    for some, mode in ((rows[~leaving], Mode.CLOSING), (rows[leaving], Mode.LEAVING)):
        if some.size:
            more = close(state, some, Reason.LIQUIDATOR, what, mode=mode, at_once=True)
            commands, facts = [*commands, *more[0]], [*facts, *more[1]]
    return commands, facts
