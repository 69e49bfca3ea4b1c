"""Follows that open nothing at present: what they want is cut to what they hold or have in flight already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Settled
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.money.arrears import in_arrears
from pilotfish.engine.state import State
from pilotfish.ledger.book import Rows


def opens_nothing(state: State, rows: Rows) -> tuple[NDArray[np.bool_], Ints] | None:
    """Which of these follows open nothing at present, and why; None where all may."""
    shut, why = state.standing.mode[rows] != Mode.ACTIVE, state.standing.why[rows]
    for which, reason in ((_of_gone_leads(state, rows), Reason.LEAD_GONE), (_owing(state, rows), Reason.OWED)):
        if which is not None:
            why, shut = np.where(which & ~shut, int(reason), why), shut | which
    return (shut, why) if shut.any() else None


def _of_gone_leads(state: State, rows: Rows) -> NDArray[np.bool_] | None:
    gone = [lead.gone for lead in state.leads]
    return np.array(gone, dtype=bool)[state.follows.lead[rows]] if any(gone) else None


def _owing(state: State, rows: Rows) -> NDArray[np.bool_] | None:
    return in_arrears(state)[rows] if state.standing.owed.any() else None


def trim(state: State, lead: int, key: int) -> list[Fact]:
    """Before orders leave: the follows of `lead` that are shut lack no opens in `key`, nor catch up on any later."""
    shut = _shut(state, lead)
    if shut is None:
        return []
    of, some = state.leads[lead], np.flatnonzero(shut)
    return cut(state, key, of.index[some] if of.index.size else some + of.first)


def _shut(state: State, lead: int) -> NDArray[np.bool_] | None:
    of = state.leads[lead]
    if of.gone:
        return np.ones(of.count, dtype=bool)
    shut = state.standing.mode[of.rows] != Mode.ACTIVE
    return shut if shut.any() else None


def reachable(state: State, key: int, rows: Ints) -> Ints:
    """The targets of `rows` (signed sub-lots) cut to what is held once all orders in flight have filled."""
    ledger, targets = state.ledger, state.columns[key].targets[rows]
    ahead = ledger.lots[key].rows[rows] * SUBLOT + ledger.opening[key][rows] + ledger.leaving[key][rows]
    side = np.sign(targets)
    return ints(side * np.clip(side * ahead, 0, np.abs(targets)))


def cut(state: State, key: int, rows: Ints) -> list[Fact]:
    """Cut the targets of `rows` in `key`; copies that waited for what is given up are over, as missed."""
    column, ends = state.columns[key], reachable(state, key, rows)
    lost = np.abs(column.targets[rows] - ends)
    if not lost.any():
        return []
    few = np.flatnonzero(lost)
    rows, ends, lost = rows[few], ends[few], lost[few]
    column.override(rows, ends)
    gone = np.array([lead.gone for lead in state.leads], dtype=bool)[state.follows.lead[rows]]
    noted = column.reasons[rows]
    why = np.where(gone, int(Reason.LEAD_GONE), np.where(noted > 0, noted, int(Reason.CARRIED)))
    why = np.where(state.standing.mode[rows] != Mode.ACTIVE, state.standing.why[rows], why)
    column.reasons[rows] = np.where(lost >= SUBLOT, why, noted)
    on_target = np.abs(ends - state.ledger.lots[key].rows[rows] * SUBLOT) < SUBLOT
    over = (column.waiting[rows] > 0) & (lost >= SUBLOT) & on_target
    return _given_up(state, key, rows[over], lost[over], why[over]) if over.any() else []


def _given_up(state: State, key: int, rows: Ints, lost: Ints, why: Ints) -> list[Fact]:
    column, facts = state.columns[key], list[Fact]()
    leads = state.follows.lead[rows]
    for lead in np.unique(leads).tolist():
        mine = leads == lead
        waiting, partly = column.waiting[rows[mine]], column.partly[rows[mine]] > 0
        copies, lots = dict[int, int](), dict[int, int]()
        for reason in np.unique(why[mine][~partly]).tolist():
            these = ~partly & (why[mine] == reason)
            copies[reason] = int(waiting[these].sum())
            lots[reason] = int(lost[mine][these].sum()) // SUBLOT
        facts.append(Settled(lead, key, partly=int(waiting[partly].sum()), missed=copies, missed_lots=lots))
    column.waiting[rows] = column.partly[rows] = 0
    return facts


def drop_pending(state: State, rows: Ints) -> None:
    """Opens of `rows` that wait for a time or a price are wanted no more."""
    for column in state.columns.values():
        if column.pending.size:
            column.pending[rows] = column.due_ns[rows] = 0
