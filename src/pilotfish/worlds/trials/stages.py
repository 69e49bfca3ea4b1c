"""Which venues can be tried, on which routes, and which faults they can have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pilotfish.domain.mandate import Route
from pilotfish.venues.twins.faults import Fault
from pilotfish.worlds.trials.ccxt import CcxtStage, run_trial_async
from pilotfish.worlds.trials.hyperliquid import HyperliquidStage
from pilotfish.worlds.trials.polymarket import PolymarketStage
from pilotfish.worlds.trials.stage import StageOf
from pilotfish.worlds.trials.trial import Result, run_trial


class Trialled(NamedTuple):
    """`run` plays one seed: in virtual time, or over sockets on a loop that is faster than the clock."""

    make: StageOf
    routes: tuple[Route, ...]
    without: frozenset[Fault] = frozenset()  # what cannot happen there …
    without_apart: frozenset[Fault] = frozenset()  # … and what cannot where each follower has an account of its own
    run: Callable[[StageOf, Fault, int, Route], Result] = run_trial


def _exchange(name: str, *without: Fault) -> Trialled:
    """One key is one account there."""
    none = frozenset({Fault.SETTLEMENT, *without})
    return Trialled(partial(CcxtStage, name), (Route.OMNIBUS,), none, run=run_trial_async)


STAGES: dict[str, Trialled] = {
    "hyperliquid": Trialled(HyperliquidStage, (Route.OMNIBUS, Route.SEGREGATED), frozenset({Fault.SETTLEMENT})),
    # Heartbeats of separate accounts are sent while orders rest there; copies trade at once.
    "polymarket": Trialled(
        PolymarketStage, (Route.OMNIBUS, Route.SEGREGATED), without_apart=frozenset({Fault.HEARTBEAT})
    ),
    "binance": _exchange("binance"),
    "bybit": _exchange("bybit", Fault.HEARTBEAT),  # it is refused there: docs/ccxt.md
    "okx": _exchange("okx"),
}


def faults_of(venue: str, route: Route) -> list[Fault]:
    tried = STAGES[venue]
    without = tried.without | (tried.without_apart if route is Route.SEGREGATED else frozenset())
    return [fault for fault in Fault if fault not in without]
