"""Resting orders after silence, gaps and restarts: which to ask about, and what the answer means for them."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import Reconciled
from pilotfish.domain.orders import Command, OrderSignal, OrderState
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact
from pilotfish.engine.mirrors.mirror import Mirror
from pilotfish.engine.mirrors.told import ended
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.state import State
from pilotfish.execution.lifecycle import after_all
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import approve_resend

_UNHEARD = (int(OrderState.SENT), int(OrderState.UNKNOWN))


def alive_ids(state: State) -> list[int]:
    """Client order ids of everything that rests, or may."""
    return [mirror.coid + k for mirror in state.mirrors.values() for k in np.flatnonzero(mirror.alive).tolist()]


def unanswered(state: State, line_ns: int) -> bool:
    """Whether something sent before `line_ns` has no answer yet. What is known to rest is not asked about."""
    for mirror in state.mirrors.values():
        waits = np.isin(mirror.states, (*_UNHEARD, int(OrderState.CANCELLING))) | (mirror.expected > 0)
        if (mirror.alive & waits & (np.maximum(mirror.cancel_ns, mirror.sent_ns) < line_ns)).any():
            return True
    return False


def rests(state: State, lead: int, instrument: int) -> bool:
    """Whether something of ours rests there, or may."""
    return any(mirror.lead == lead and mirror.command.instrument == instrument for mirror in state.mirrors.values())


def all_unknown(state: State) -> None:
    for mirror in state.mirrors.values():
        _signal(mirror, np.flatnonzero(mirror.alive), OrderSignal.LOST)


def resync(state: State, event: Reconciled, grace_ns: int) -> Out:
    """All fills were told before this. An order is open, over, or never arrived: then it is sent again as it was."""
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    asked, open_, done = (np.array(sorted(ids), dtype=np.int64) for ids in (event.asked, event.open, event.done))
    for mirror in list(state.mirrors.values()):
        ids = mirror.coid + np.arange(mirror.states.size)
        about = mirror.alive & np.isin(ids, asked)
        rests, over = about & np.isin(ids, open_), about & np.isin(ids, done)
        absent = about & ~rests & ~over
        if rests.any():
            _signal(mirror, np.flatnonzero(rests), OrderSignal.ACK)
        if absent.any() and mirror.sent_ns + grace_ns <= state.now_ns:
            unheard = np.isin(mirror.states, _UNHEARD)
            if mirror.fill_ids or not unheard.all() or not absent.all():  # it did have them: what it lost is over
                over |= absent
            else:
                mirror.sent_ns = state.now_ns
                verdict = approve_resend(state.guard, mirror.command, exit=False)
                if not isinstance(verdict, Reason):
                    commands.append(verdict)
                elif state.guard.shut:
                    over |= absent
        if over.any():
            which = np.flatnonzero(over)
            _signal(mirror, which[mirror.lots[which] > 0], OrderSignal.CANCEL)
            _signal(mirror, which[mirror.lots[which] == 0], OrderSignal.FILLED)
            more = ended(state, mirror, which, Reason.NONE, [])
            commands += more[0]
            facts += more[1]
    return commands, facts


def _signal(mirror: Mirror, which: Ints, signal: OrderSignal) -> None:
    mirror.states[which] = after_all(mirror.states[which], np.full(which.size, int(signal), dtype=np.int64))
