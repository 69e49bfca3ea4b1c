"""Who follows whom: several leads with weights, rows that lie scattered, and positions taken over."""

import numpy as np
import pytest

from pilotfish.domain.events import BookTop
from pilotfish.domain.mandate import Route, Start
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Quarantined, Refused, Settled
from tests.unit.driver import SECOND, USDC, Desk, batched, free_follows, only, perp, placed, said


def test_a_follower_of_several_leads_holds_each_by_its_weight() -> None:
    desk = Desk(leads=3)
    desk.follow(free_follows([0, 0, 0], lead=[0, 1, 2], allocation=np.array([40, 30, 30]) * 100 * USDC))
    for lead, lots in [(0, 100), (1, 100), (2, -200)]:
        desk.fill(only(desk.lead(lots, lead=lead)))
    assert desk.held() == [40, 30, -60]
    assert desk.targets() == [40.0, 30.0, -60.0]


def test_one_leads_exit_leaves_what_is_held_for_another() -> None:
    desk = Desk(leads=2)
    desk.follow(free_follows([0, 0], lead=[0, 1]))
    desk.fill(only(desk.lead(100, lead=0)))
    desk.fill(only(desk.lead(100, lead=1)))
    exit_ = only(desk.lead(-100, lead=0))
    assert (exit_.lots, exit_.reduce_only) == (10, False)
    desk.fill(exit_)
    assert desk.held() == [0, 10]


def test_an_exit_on_an_account_that_another_lead_holds_the_other_side_of_is_not_reduce_only() -> None:
    desk = Desk(leads=2)
    desk.follow(free_follows([0, 0], lead=[0, 1]))
    desk.fill(only(desk.lead(100, lead=0)))
    desk.fill(only(desk.lead(-100, lead=1)))
    exit_ = only(desk.lead(-100, lead=0))
    assert not exit_.reduce_only, "the venue would refuse it: the account is flat"
    desk.fill(exit_)
    assert desk.held() == [0, -10]


def test_a_segregated_account_that_two_leads_hold_opposite_sides_of_can_still_exit() -> None:
    desk = Desk(Route.SEGREGATED, leads=2)
    desk.follow(free_follows([7, 7], lead=[0, 1]))
    for lead, lots in [(0, 100), (1, -100)]:
        (batch,) = batched(desk.lead(lots, lead=lead))
        desk.results(batch)
    (exit_,) = batched(desk.lead(-100, lead=0))
    assert not exit_.reduce_only


@pytest.mark.parametrize("route", Route)
def test_rows_of_a_lead_that_enrolled_in_several_batches_are_copied_like_any_others(route) -> None:
    desk = Desk(route, leads=2)
    for first in (0, 3, 6):
        desk.follow(free_follows(np.arange(first, first + 3), lead=[0, 1, 0], allocation=[1_000 * USDC] * 3))
    for lead, lots in [(0, 100), (1, 200)]:
        outcome = desk.lead(lots, lead=lead)
        for place in placed(outcome):
            desk.fill(place)
        for batch in batched(outcome):
            desk.results(batch)
    assert desk.held() == [10, 20, 10] * 3
    assert not desk.state.ledger.opening[0].any()
    outcome = desk.lead(-100, lead=0)
    for place in placed(outcome):
        desk.fill(place)
    for batch in batched(outcome):
        desk.results(batch)
    assert desk.held() == [0, 20, 0] * 3


def test_existing_positions_are_taken_over_only_by_those_who_want_them() -> None:
    desk = Desk()
    desk.lead_holds(500)
    start = [int(Start.NEW_TRADES), int(Start.EXISTING)]
    place = only(desk.follow(free_follows([0, 1], start=start)))
    assert place.lots == 50
    desk.fill(place)
    assert desk.held() == [0, 50]
    desk.fill(only(desk.lead(-250)))
    assert desk.held() == [0, 25]


def test_a_position_taken_over_obeys_the_caps() -> None:
    desk = Desk()
    desk.lead_holds(500)
    place = only(desk.follow(free_follows([0, 1], start=int(Start.EXISTING), position_cap=[20 * USDC, 10**12])))
    desk.fill(place)
    assert desk.held() == [19, 50], "what 20 USDC buy at the limit price"
    assert desk.reasons()[0] is Reason.POSITION_CAP


def test_those_who_follow_already_gain_nothing_when_others_take_positions_over() -> None:
    desk = Desk()
    desk.follow(free_follows([0]))
    desk.lead_holds(0)
    desk.fill(only(desk.lead(500)))
    place = only(desk.follow(free_follows([1], start=int(Start.EXISTING))))
    desk.fill(place)
    assert desk.held() == [50, 50]


def test_a_position_that_cannot_be_valued_is_not_taken_over_in_silence() -> None:
    desk = Desk(instruments=[perp()])
    desk.go(BookTop(*desk.stamp(), 0, 0, 0, 0, 0))
    desk.lead_holds(500)
    outcome = desk.follow(free_follows([0], start=int(Start.EXISTING)))
    assert [(fact.reason, fact.count) for fact in said(outcome, Refused)] == [(Reason.STALE, 1)]
    assert desk.reasons() == [Reason.STALE]
    desk.top()
    desk.wait(SECOND)
    assert desk.targets() == [50.0]  # … but as soon as it can


@pytest.mark.parametrize(
    "columns",
    [
        {"allocation": 0}, {"followers": -1}, {"lead": 1}, {"lead": -1}, {"open_bps": 10_000}, {"exit_bps": -1},
        {"order_cap": 0}, {"leverage_cap_e2": 0}, {"rule": 1}, {"sizing": 5}, {"start": 3}, {"minimum": 3},
        {"sizing": 1, "value": 0}, {"allocation": 2**62},
    ],
)  # fmt: skip
def test_a_table_of_follows_that_contradicts_itself_is_refused_whole(columns) -> None:
    desk = Desk()
    desk.follow(free_follows([0]))
    before = desk.untouched()
    (quarantined,) = said(desk.follow(free_follows(**({"followers": [1, 2]} | columns))), Quarantined)
    assert quarantined.why
    assert desk.untouched() == before
    desk.lead(100)
    assert desk.targets() == [10.0]


def test_no_limit_means_no_limit_and_does_not_overflow() -> None:
    desk = Desk()
    desk.follow(free_follows([0], leverage_cap_e2=2**63 - 1, allocation=2**52))
    desk.lead(10)
    assert not desk.state.guard.halted
    assert len(desk.state.blocks) == 1


def test_each_class_of_slippage_bound_has_its_own_block_and_nobody_is_bound_more_loosely_than_it_said() -> None:
    desk = Desk()
    desk.follow(free_follows([0, 1, 2, 3], open_bps=[50, 60, 200, 0], exit_bps=[300, 300, 100, 300]))
    places = placed(desk.lead(100))
    assert sorted(place.price for place in places) == [1_000_000, 1_005_000, 1_020_000]
    for place in places:
        desk.fill(place)
    assert desk.held() == [10] * 4
    assert sorted((p.price, p.lots) for p in placed(desk.lead(-100))) == [(970_000, 30), (990_000, 10)]


def test_a_class_below_the_venues_minimum_goes_with_a_tighter_one() -> None:
    desk = Desk(instruments=[perp(min_notional=15 * USDC)])
    desk.follow(free_follows([0, 1], open_bps=[50, 200]))
    place = only(desk.lead(100))
    assert (place.price, place.lots) == (1_005_000, 20)
    desk.fill(place)
    assert desk.held() == [10, 10]


def test_opens_are_tried_again_until_their_window_has_passed_and_then_counted_as_missed() -> None:
    desk = Desk()
    desk.follow(free_follows([0, 1]))
    place, tries = only(desk.lead(100)), 0
    while place is not None:
        tries += 1
        desk.update(place, OrderSignal.CANCEL, left=place.lots, reason=Reason.NO_DEPTH)
        desk.top()
        place = next(iter(placed(desk.wait(SECOND))), None)
    assert tries == 10
    assert desk.wait(SECOND).commands == []
    assert desk.state.watches == {}
    assert desk.all(Settled)[-1].missed == {int(Reason.NO_DEPTH): 2}
    assert desk.held() == [0, 0]
    assert only(desk.lead(10)).lots == 22, "the next move of the lead brings what was missed as well"


def test_exits_are_tried_until_they_are_done() -> None:
    desk = Desk()
    desk.follow(free_follows([0]))
    desk.fill(only(desk.lead(100)))
    place = only(desk.lead(-100))
    for _ in range(5):
        desk.update(place, OrderSignal.CANCEL, left=10)
        place = only(desk.wait(100 * SECOND))
        assert (place.lots, place.side) == (10, -1)
    desk.fill(place)
    assert desk.held() == [0]
