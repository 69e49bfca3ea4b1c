"""The venue was out of reach for long: nothing is opened until a person says so, and positions follow the policy.

Traders do not want a silent resume: what the lead did meanwhile is unknown, and prices are others. What is due to
positions waits until the venue has said what became of everything in flight.
"""

from __future__ import annotations

import numpy as np

from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import Outage
from pilotfish.engine.facts import Stopped
from pilotfish.engine.follows.closing import close
from pilotfish.engine.follows.control import halve
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.risk.halting import halt_opens
from pilotfish.engine.state import State


def went_down(state: State) -> None:
    """An outage that follows another before that one was dealt with is one outage."""
    if state.down_ns < 0:
        state.down_ns = state.now_ns


def came_back(state: State, *, surely: bool = True) -> Out:
    """After `outage_ns` opens are halted at once. Not `surely`: a restart only hopes that the venue is there."""
    if state.down_ns < 0:
        return [], []
    if not _was_long(state):
        state.down_ns = -1 if surely else state.down_ns
        return [], []
    gone, most = (state.now_ns - state.down_ns) / 1e9, state.risk.outage_ns / 1e9
    why = f"the venue was out of reach for {gone:g} s, more than {most:g}; look at what the leads did, then resume"
    return halt_opens(state, Reason.OUTAGE, why)


def reconciled_after(state: State) -> Out:
    """The venue has answered: what the policy says of positions, once an outage."""
    if state.down_ns < 0 or not state.guard.connected:
        return [], []
    commands, facts = came_back(state)
    if state.down_ns < 0:
        return commands, facts
    state.down_ns = -1
    rows = np.flatnonzero((state.standing.mode == Mode.ACTIVE) | (state.standing.mode == Mode.PAUSED))
    if state.risk.outage is Outage.HOLD or not rows.size:
        return commands, facts
    if state.risk.outage is Outage.CLOSE:
        more = close(state, rows, Reason.OUTAGE, "everything is closed after an outage")
    else:
        more = halve(state, rows)
        facts = [*facts, Stopped(rows, Reason.OUTAGE, "half of each position is closed after an outage")]
    return [*commands, *more[0]], [*facts, *more[1]]


def _was_long(state: State) -> bool:
    return 0 < state.risk.outage_ns < state.now_ns - state.down_ns
