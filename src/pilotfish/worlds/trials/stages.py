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
    without: frozenset[Fault] = frozenset()  # what cannot happen there


STAGES: dict[str, Trialled] = {
    "hyperliquid": Trialled(HyperliquidStage, (Route.OMNIBUS, Route.SEGREGATED), frozenset({Fault.SETTLEMENT})),
    "polymarket": Trialled(PolymarketStage, (Route.OMNIBUS, Route.SEGREGATED)),
}


def faults_of(venue: str) -> list[Fault]:
    return [fault for fault in Fault if fault not in STAGES[venue].without]
