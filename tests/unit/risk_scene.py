"""Follows under the platform's risk terms, and what a venue and an operator do to them."""

import numpy as np
import pytest

from pilotfish.domain.events import Operator, OperatorAction
from pilotfish.domain.instructions import RiskSet
from pilotfish.domain.mandate import Route
from pilotfish.domain.terms import RiskTerms
from tests.unit.driver import Desk, batched, free_follows, placed

BOTH = pytest.mark.parametrize("route", list(Route))


def desk_of(terms: RiskTerms, route: Route = Route.OMNIBUS, count: int = 2, **settings) -> Desk:
    """`count` follows that copy lot for lot, under these terms."""
    desk = Desk(route, **settings)
    desk.follow(free_follows(np.arange(count), sizing=1, value=10**9))
    desk.go(RiskSet(*desk.stamp(), terms))
    return desk


def orders(outcome) -> list:
    return placed(outcome) + batched(outcome)


def answer(desk: Desk, outcome) -> None:
    """The venue fills whatever was sent."""
    for place in placed(outcome):
        desk.fill(place)
    for batch in batched(outcome):
        desk.results(batch)


def opened(desk: Desk, lots: int = 100) -> Desk:
    answer(desk, desk.lead(lots))
    return desk


def operator(desk: Desk, action: OperatorAction):
    return desk.go(Operator(*desk.stamp(), action))
