"""Which venues can be tried, on which routes, and which faults they can have."""

from __future__ import annotations

from typing import NamedTuple

from pilotfish.domain.mandate import Route
from pilotfish.venues.twins.faults import Fault
from pilotfish.worlds.trials.hyperliquid import HyperliquidStage
from pilotfish.worlds.trials.polymarket import PolymarketStage
from pilotfish.worlds.trials.stage import StageOf


class Trialled(NamedTuple):
    make: StageOf
    routes: tuple[Route, ...]
    without: frozenset[Fault] = frozenset()  # what cannot happen there …
    without_apart: frozenset[Fault] = frozenset()  # … and what cannot where each follower has an account of its own


STAGES: dict[str, Trialled] = {
    "hyperliquid": Trialled(HyperliquidStage, (Route.OMNIBUS, Route.SEGREGATED), frozenset({Fault.SETTLEMENT})),
    # Heartbeats of separate accounts are sent while orders rest there; copies trade at once.
    "polymarket": Trialled(
        PolymarketStage, (Route.OMNIBUS, Route.SEGREGATED), without_apart=frozenset({Fault.HEARTBEAT})
    ),
}


def faults_of(venue: str, route: Route) -> list[Fault]:
    tried = STAGES[venue]
    without = tried.without | (tried.without_apart if route is Route.SEGREGATED else frozenset())
    return [fault for fault in Fault if fault not in without]
