"""What people and leads' fates do to follows: pause, resume, close, leave; a lead liquidated, gone or back."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.instructions import FollowAction, FollowControl, LeadNews, LeadStatus
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import LeadGone
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact, Stopped
from pilotfish.engine.follows.balance import restart_measure
from pilotfish.engine.follows.closing import close, send_exits, set_own
from pilotfish.engine.follows.column import HEDGE
from pilotfish.engine.follows.shut import cut, drop_pending, reachable
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.follows.stops import guard
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.state import State


def control_refused(state: State, event: FollowControl) -> str:
    """Why these follows cannot be told this."""
    mode = state.standing.mode[event.rows]
    if event.action is FollowAction.LEAVE:
        return ""
    for which, why in (
        (mode == Mode.LEFT, "has left: open a new follow"),
        (mode == Mode.LEAVING, "is leaving: wait until it has, and open a new follow"),
        ((mode == Mode.CLOSING) & (event.action is FollowAction.RESUME), "is still closing: resume it once it is flat"),
    ):
        if which.any():
            return f"follow {int(event.rows[which][0])} {why}"
    return ""


def on_control(state: State, event: FollowControl) -> Out:
    """Follows that already are what they are told to be stay as they are."""
    mode = state.standing.mode[event.rows]
    if event.action is FollowAction.PAUSE:
        return [], _pause(state, event.rows[mode == Mode.ACTIVE])
    if event.action is FollowAction.RESUME:
        return [], _resume(state, event.rows[mode == Mode.PAUSED])
    if event.action is FollowAction.CLOSE:
        rows = event.rows[mode <= Mode.PAUSED]
        return close(state, rows, Reason.CLOSED, f"{rows.size} follows close everything and pause")
    rows = event.rows[mode != Mode.LEAVING]
    state.standing.billed_ns[rows[state.standing.mode[rows] == Mode.LEFT]] = state.now_ns  # gone, it cost nothing
    return close(state, rows, Reason.LEFT, f"{rows.size} follows close everything and leave", mode=Mode.LEAVING)


def _pause(state: State, rows: Ints) -> list[Fact]:
    """Nothing is opened any more. Opens in flight are left to end; reductions are mirrored."""
    state.standing.mode[rows], state.standing.why[rows] = Mode.PAUSED, Reason.PAUSED
    told = Stopped(rows, Reason.PAUSED, f"{rows.size} follows open nothing any more")
    return [told, *_forget_opens(state, rows)]


def _resume(state: State, rows: Ints) -> list[Fact]:
    """From the lead's next trade on: what was missed is not caught up. After a close, stops measure from today."""
    facts = _forget_opens(state, rows)
    standing = state.standing
    restart_measure(state, rows[standing.why[rows] != Reason.PAUSED])
    standing.mode[rows], standing.why[rows] = Mode.ACTIVE, Reason.NONE
    guard(state)
    return [Stopped(rows, Reason.NONE, f"{rows.size} follows copy again from the lead's next trade on"), *facts]


def _forget_opens(state: State, rows: Ints) -> list[Fact]:
    drop_pending(state, rows)
    return [fact for key in state.columns for fact in cut(state, key, rows)]


# -- what becomes of a lead ------------------------------------------------------------------------------------------


def on_lead_status(state: State, event: LeadStatus) -> Out:
    """LIQUIDATED closes the copies; GONE ends opens and asks each mandate's policy; BACK opens from its next trade."""
    lead = state.leads[event.lead]
    rows = np.flatnonzero((state.follows.lead == event.lead) & (state.standing.mode <= Mode.PAUSED))
    if event.news is LeadNews.LIQUIDATED:
        return close(state, rows, Reason.LEAD_LIQUIDATED, f"{lead.name} was liquidated: {rows.size} copies close")
    gone = event.news is LeadNews.GONE
    if lead.gone == gone:
        return [], []
    lead.gone = True  # so that what is forgotten is forgotten for this reason, on the way back too
    facts = _forget_opens(state, rows)
    lead.gone = gone
    if not gone:
        return [], [Stopped(rows, Reason.NONE, f"{lead.name} is back: its next trade is copied again"), *facts]
    policy = state.follows.lead_gone[rows]
    for each, what in ((LeadGone.HOLD, "held as they are"), (LeadGone.REDUCE, "halved")):
        if some := int(np.count_nonzero(policy == each)):
            told = f"nobody hears of {lead.name}: {some} copies are {what}"
            facts.append(Stopped(rows[policy == each], Reason.LEAD_GONE, told))
    commands, more = halve(state, rows[policy == LeadGone.REDUCE])
    closed = rows[policy == LeadGone.CLOSE]
    out = close(state, closed, Reason.LEAD_GONE, f"nobody hears of {lead.name}: {closed.size} copies close")
    return [*commands, *out[0]], [*facts, *more, *out[1]]


def halve(state: State, rows: Ints) -> Out:
    """Half of every position goes at once, rounded so that no more than half stays."""
    moved: list[tuple[int, Ints]] = []
    for key, column in state.columns.items():
        hedge = column.part(HEDGE, key, rows)
        own = column.targets[rows] - hedge if HEDGE in column.parts else reachable(state, key, rows)
        if own.any():
            lots = np.abs(own) // SUBLOT // 2
            set_own(column, rows, np.sign(own) * lots * SUBLOT, hedge)
            moved.append((key, rows[own != 0]))
    return send_exits(state, moved)
