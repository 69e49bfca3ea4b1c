"""Limits at their edges: rounding of what is in flight, and what a short is worth."""

import pytest

from pilotfish.domain.mandate import NO_LIMIT, Route
from pilotfish.domain.reasons import Reason
from tests.unit.driver import PX, USDC, Desk, free_follows, only, placed


def test_a_cap_is_not_passed_in_many_small_steps() -> None:
    desk = Desk()
    desk.follow(free_follows([0, 1], position_cap=[10 * USDC, NO_LIMIT]))
    for _ in range(30):
        for place in placed(desk.lead(5)):
            desk.fill(place)
    assert desk.held() == [9, 15], "10 USDC buy nine lots at the limit price"
    assert desk.reasons()[0] is Reason.POSITION_CAP


@pytest.mark.parametrize("first", [3, 8, 10])
def test_a_lead_that_opens_again_before_our_exit_is_known_brings_nobody_over_its_cap(first) -> None:
    desk = Desk()
    desk.follow(free_follows([0], position_cap=12 * USDC))
    desk.fill(only(desk.lead(10 * first)))
    exit_ = only(desk.lead(-10 * first))
    for place in placed(desk.lead(200)):
        desk.fill(place)
    assert desk.held()[0] <= 12, "should the exit find nothing"
    desk.fill(exit_)
    assert 0 <= desk.held()[0] <= 12


def test_orders_in_flight_count_rounded_up_against_a_cap() -> None:
    """Each of three blocks in flight gives the follow its odd lot: 3·1.5 lots of quota may become six."""
    desk = Desk()
    desk.follow(free_follows([0, 1], allocation=[1_500 * USDC, 500 * USDC], position_cap=[5 * PX * 11 // 10, NO_LIMIT]))
    places = [only(desk.lead(10)) for _ in range(3)]
    for place in places:
        desk.fill(place)
    assert desk.held()[0] <= 5


@pytest.mark.parametrize("route", Route)
def test_a_short_is_inside_its_cap_at_the_decision_price_whatever_its_slippage_bound(route) -> None:
    desk = Desk(route)
    desk.follow(free_follows([0], open_bps=1_000, total_cap=100 * USDC))
    (order,) = [approved.command for approved in desk.lead(-2_000).commands]
    lots = order.lots if route is Route.OMNIBUS else int(order.lots[0])
    assert lots * PX <= 100 * USDC
