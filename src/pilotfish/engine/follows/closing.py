"""Closing follows: exits in stages until nothing is held, then paused; or settled, paid out and gone."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, muldiv_floor, muldiv_trunc, total_of
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import BPS
from pilotfish.domain.orders import Command
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Moved, Stopped
from pilotfish.engine.follows.balance import measure
from pilotfish.engine.follows.column import HEDGE, Column
from pilotfish.engine.follows.shut import reachable
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.money.billing import accounts_of
from pilotfish.engine.money.fees import adjust_marks, settle_on_leaving
from pilotfish.engine.orders.fanout import fan_out
from pilotfish.engine.orders.leg import Occasion, Out, refresh
from pilotfish.engine.state import State
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import minimum_lots

AGAIN_NS = 60_000_000_000  # when the last stage is looked at again: what was below the minimum may be no more


def close(state: State, rows: Ints, why: Reason, what: str, *, mode: Mode = Mode.CLOSING, at_once: bool = False) -> Out:
    """Close all that `rows` hold and pause them (mode LEAVING: pay them out and let them go).

    In stages where the mandate says so, unless `at_once`. Rows that are closing already stay on their schedule.
    """
    if not rows.size:
        return [], []
    standing = state.standing
    begun = standing.mode[rows] == Mode.CLOSING
    standing.mode[rows], standing.why[rows] = mode, why
    state.closing = True
    fresh = rows if at_once else rows[~begun]
    commands, facts = _advance(state, fresh, np.full(fresh.size, BPS) if at_once else state.follows.stage_bps[fresh])
    return commands, [Stopped(rows, why, what), *facts]


def stages(state: State) -> Out:
    """The duty of every close that is under way: the next stage, where it is due."""
    waiting = np.flatnonzero(state.standing.stage_ns)
    if not waiting.size:
        return [], []
    due = waiting[state.standing.stage_ns[waiting] <= state.now_ns]
    out = _advance(state, due, state.follows.stage_bps[due]) if due.size else ([], list[Fact]())
    later = state.standing.stage_ns[waiting]
    if later.any():
        state.wake(int(later[later > 0].min()))
    return out


def _advance(state: State, rows: Ints, stage_bps: Ints) -> Out:
    """Take `stage_bps` of what is left off the targets of `rows` everywhere, and send the exits."""
    left, held_still = np.zeros(rows.size, dtype=bool), np.zeros(rows.size, dtype=bool)
    moved: list[tuple[int, Ints]] = []
    for key, column in state.columns.items():
        targets, held = column.targets[rows], state.ledger.lots[key].rows[rows]
        if not (targets.any() or held.any()):
            continue
        held_still |= held != 0
        if _price(state, key) <= 0:  # nothing to bound an exit by: the next stage looks again
            continue
        hedge = column.part(HEDGE, key, rows)  # a hedge follows the position that it hedges
        own = targets - hedge if HEDGE in column.parts else reachable(state, key, rows)
        stays = staged_exits(own, stage_bps, _least(state, key))
        set_own(column, rows, stays, hedge)
        left |= stays != 0
        moved.append((key, rows[(targets != stays + hedge) | (held != 0)]))
    stage_ns = max(state.execution.stage_ns, 1)
    due = np.where(left, state.now_ns + stage_ns, np.where(held_still, state.now_ns + max(stage_ns, AGAIN_NS), 0))
    state.standing.stage_ns[rows] = due
    if due.any():
        state.wake(int(due[due > 0].min()))
    return send_exits(state, moved)


def staged_exits(targets: Ints, stage_bps: Ints, least: int) -> Ints:
    """What stays of `targets` (signed sub-lots) after one more stage, in whole lots: `execution.slicing.staged`."""
    lots = -(-np.abs(targets) // SUBLOT)
    stage = np.maximum(-muldiv_floor(-lots, stage_bps, BPS), least)
    stays = lots - stage
    return np.sign(targets) * np.where(stays < least, 0, stays) * SUBLOT


def set_own(column: Column, rows: Ints, own: Ints, hedge: Ints) -> None:
    """New targets of `rows` but for what hedges ask for, which stands."""
    if HEDGE not in column.parts:
        return column.override(rows, own)
    before = column.targets[rows] - hedge
    whole = np.maximum(np.abs(before), 1)
    for source, part in column.parts.items():
        if source != HEDGE:
            part[rows] = muldiv_trunc(part[rows], np.minimum(np.abs(own), whole), whole)
    column.targets[rows] = own + hedge


def send_exits(state: State, moved: list[tuple[int, Ints]]) -> Out:
    """Exits in each instrument for the rows given; what others have given up opening is not tried again."""
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for key, rows in moved:
        leads = state.follows.lead[rows]
        for lead in np.unique(leads).tolist():
            occasion = Occasion(_price(state, key), state.now_ns, first=False, only=rows[leads == lead])
            more = fan_out(state, lead, key, occasion)
            commands += more[0]
            facts += more[1]
    return commands, facts


def _price(state: State, key: int) -> int:
    listing = state.listings[key]
    return listing.mark or listing.valued


def _least(state: State, key: int) -> int:
    """A block counts as a whole; a separate account's own order has to reach the venue's minimum."""
    return 1 if state.omnibus else max(minimum_lots(state.listings[key].instrument, _price(state, key)), 1)


# -- the end ---------------------------------------------------------------------------------------------------------


def finish(state: State) -> list[Fact]:
    """Follows that were closing and have nothing held or in flight any more: paused, or paid out and gone."""
    standing, ledger = state.standing, state.ledger
    rows = np.flatnonzero((standing.mode == Mode.CLOSING) | (standing.mode == Mode.LEAVING))
    busy = np.zeros(rows.size, dtype=bool)
    for key, book in ledger.lots.items():
        busy |= (book.rows[rows] != 0) | (ledger.opening[key][rows] != 0) | (ledger.leaving[key][rows] != 0)
    done = rows[~busy]
    state.closing = bool(busy.any())
    if not done.size:
        return []
    standing.stage_ns[done] = 0
    for column in state.columns.values():
        column.override(done, np.zeros(done.size, dtype=np.int64))
    leaving = done[standing.mode[done] == Mode.LEAVING]
    standing.mode[done] = np.where(standing.mode[done] == Mode.LEAVING, int(Mode.LEAVING), int(Mode.PAUSED))
    return _pay_out(state, leaving) if leaving.size else []


def _pay_out(state: State, rows: Ints) -> list[Fact]:
    """Fees first, then the money; what is owed elsewhere by the same follower stays."""
    facts = settle_on_leaving(state, rows)
    accounts = accounts_of(state, rows)
    amounts = -accounts.free[np.searchsorted(accounts.rows, rows)]
    facts += adjust_marks(state, rows, amounts)
    measure(state, rows, amounts, (state.ledger.money.rows + refresh(state).value)[rows])
    state.ledger.post_cash(rows, amounts)
    state.standing.mode[rows], state.standing.why[rows] = Mode.LEFT, Reason.LEFT
    what = f"{rows.size} follows have left; {-total_of(amounts)} money units are paid out"
    return [*facts, Moved(rows, amounts), Stopped(rows, Reason.LEFT, what)]
