"""What follows need when the market or the clock moves and no lead does: each duty looks after its own."""

from __future__ import annotations

from collections.abc import Callable

from pilotfish.domain.orders import Command
from pilotfish.engine.facts import Fact
from pilotfish.engine.follows.closing import stages
from pilotfish.engine.follows.hedges import keep_hedged
from pilotfish.engine.follows.stops import look
from pilotfish.engine.leads.disclosure import keep_withheld
from pilotfish.engine.leads.pending import release
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.risk.liquidator import liquidate
from pilotfish.engine.state import NEVER, State
from pilotfish.gate.approved import Approved

DUTIES: tuple[Callable[[State], Out], ...] = (liquidate, look, stages, release, keep_hedged, keep_withheld)


def tend(state: State) -> Out:
    """Every duty in turn; each says itself when it wants to be woken next."""
    state.moved, state.due_ns = False, NEVER
    commands: list[Approved[Command]] = []
    facts: list[Fact] = []
    for duty in DUTIES:
        more = duty(state)
        commands += more[0]
        facts += more[1]
    return commands, facts
