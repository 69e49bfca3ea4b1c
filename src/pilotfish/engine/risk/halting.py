"""Opens are halted until a person resumes; exits go on. What is under way or resting is cancelled in the same step."""

from __future__ import annotations

from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Cancel, CancelAll, Command
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import OpensHalted
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.state import State
from pilotfish.gate.approved import Approved
from pilotfish.gate.budget import count_cancels
from pilotfish.gate.gate import approve_always


def halt_opens(state: State, reason: Reason, why: str) -> Out:
    """The first reason stands; a second one is not said while the first still holds."""
    if state.guard.broken:
        return [], []
    state.guard.broken = int(reason)
    return _cancel_opens(state), [OpensHalted(reason, why)]


def _cancel_opens(state: State) -> list[Approved[Command]]:
    if state.omnibus:
        accounts = [OMNIBUS] if any(not order.exit for order in state.blocks.values()) else []
    else:
        opening = (order for order in state.batches.values() if not order.exit)
        accounts = sorted({int(a) for order in opening for a in order.batch.accounts})
    return [approve_always(CancelAll(account), state.guard) for account in accounts]


def note_cancels(state: State, commands: list[Approved[Command]]) -> None:
    """The cancels of a step, counted against the rate budgets of the venues they go to."""
    for approved in commands:
        command = approved.command
        if isinstance(command, Cancel | CancelAll):
            for venue in _venues(state, command):
                count_cancels(state.guard.buckets, state.guard.rate, venue, state.now_ns, 1)


def _venues(state: State, command: Cancel | CancelAll) -> list[str]:
    if isinstance(command, CancelAll):
        keys = range(len(state.listings)) if command.instrument < 0 else [command.instrument]
    elif block := state.blocks.get(command.coid):
        keys = [block.place.instrument]
    else:
        many = [(o.batch.coid, o.states.size, o.batch.instrument) for o in state.batches.values()]
        many += [(m.coid, m.states.size, m.command.instrument) for m in state.mirrors.values()]
        keys = [instrument for first, count, instrument in many if 0 <= command.coid - first < count]
    return list(dict.fromkeys(state.listings[key].instrument.venue for key in keys))
