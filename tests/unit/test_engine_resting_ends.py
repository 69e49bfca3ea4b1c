"""Resting orders withdrawn, doubled, crossed and lost: what the lead takes back is taken back, and nothing is lost."""

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import Connection, Operator, OperatorAction, Reconciled, Recovered
from pilotfish.domain.instructions import FollowAction, FollowControl
from pilotfish.domain.mandate import Route
from pilotfish.domain.orders import CancelAll, OrderState
from pilotfish.domain.orders import OrderSignal as On
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Quarantined
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.snapshot import decode_state, encode_state
from tests.unit.driver import SECOND, asked, batched, only, placed, said
from tests.unit.resting_scene import BID, cancels, fill_all, fills, lots_of, nothing_rests, rests, scene, tell, took

# -- withdrawn ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", Route)
def test_what_the_lead_cancels_is_cancelled(route) -> None:
    desk = scene(route)
    order = took(desk, rests(desk, 100))
    count = 3 if route else 1
    assert cancels(rests(desk, 0)) == [order.coid + k for k in range(count)]
    for k in range(count):
        tell(desk, order, On.CANCEL, k, left=lots_of(order, k))
    nothing_rests(desk)
    assert desk.wait(10 * SECOND).commands == []
    assert desk.held() == [0, 0, 0]


@pytest.mark.parametrize("route", Route)
def test_what_ours_filled_before_the_lead_cancelled_is_sold_again_with_the_reason(route) -> None:
    desk = scene(route)
    order = took(desk, rests(desk, 100))
    fill_all(desk, order)
    assert desk.held() == [10, 20, 30]
    assert desk.wait(SECOND).commands == [], "as long as the lead's order stands it may still fill"
    rests(desk, 0)
    assert desk.wait(SECOND).commands == [], "its fill may be on its way"
    desk.wait(2 * SECOND)
    assert desk.reasons() == [Reason.LEAD_CANCELLED] * 3
    outcome = desk.wait(SECOND)
    (sale,) = batched(outcome) if route else placed(outcome)
    assert sale.side == -1
    desk.results(sale) if route else desk.fill(sale)
    assert desk.held() == [0, 0, 0]
    nothing_rests(desk)


def test_a_fill_that_crosses_our_cancel_counts_and_a_cancel_that_overtakes_it_waits() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    rests(desk, 0)
    tell(desk, place, On.CANCEL, left=54)
    assert list(desk.state.mirrors) == [place.coid], "six lots are still to be told"
    fills(desk, place, 6)
    assert desk.held() == [1, 2, 3]
    nothing_rests(desk)


@pytest.mark.parametrize("change", [{"lots": 100, "price": BID - 5_000}, {"lots": 150}, {"lots": 50}])
def test_an_amended_order_is_withdrawn_and_placed_as_it_stands_now(change) -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    outcome = rests(desk, **change)
    if change["lots"] < 100:  # a fill might explain it: so it waits for one
        assert outcome.commands == []
        outcome = desk.wait(3 * SECOND)
    assert cancels(outcome) == [place.coid]
    assert placed(outcome) == [], "never both"
    again = only(tell(desk, place, On.CANCEL, left=60))
    assert (again.lots, again.price) == (change["lots"] * 6 // 10, change.get("price", BID))


def test_what_ours_had_of_an_amended_order_is_not_asked_for_again() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    fills(desk, place, 30)
    rests(desk, 100, BID - 5_000)
    assert only(tell(desk, place, On.CANCEL, left=30)).lots == 30


def test_an_older_word_about_the_lead_s_order_changes_nothing() -> None:
    desk = scene()
    rests(desk, 0)
    assert rests(desk, 100, at=desk.now - SECOND).commands == [], "it was gone before this was told"
    place = took(desk, rests(desk, 100, order=8))
    assert rests(desk, 300, order=8, at=desk.now - SECOND).commands == []
    assert list(desk.state.mirrors) == [place.coid]


def test_an_order_that_changes_its_side_is_quarantined() -> None:
    desk = scene()
    took(desk, rests(desk, 100))
    assert len(said(rests(desk, 100, side=-1), Quarantined)) == 1


def test_a_lead_that_turns_the_other_way_does_not_leave_ours_in_the_market() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    outcome = desk.lead(-100)
    assert cancels(outcome) == [place.coid]
    short = only(tell(desk, place, On.CANCEL, left=60))
    assert (short.side, short.lots) == (-1, 60)


def test_an_exit_of_the_lead_does_not_wait_for_its_resting_order() -> None:
    desk = scene()
    desk.fill(only(desk.lead(100)))
    place = took(desk, rests(desk, 100))
    sale = only(desk.lead(-100))
    assert (sale.side, sale.lots) == (-1, 60)
    desk.fill(sale)
    assert desk.held() == [0, 0, 0]
    assert list(desk.state.mirrors) == [place.coid]


@pytest.mark.parametrize("route", Route)
def test_a_follow_that_opens_nothing_any_more_does_not_rest_either(route) -> None:
    desk = scene(route)
    order = took(desk, rests(desk, 100))
    desk.state.standing.mode[1] = Mode.PAUSED
    outcome = desk.wait(SECOND)
    assert cancels(outcome) == [order.coid + (1 if route else 0)]
    more = tell(desk, order, On.CANCEL, 1 if route else 0, left=20 if route else 60)
    if route:
        assert batched(more) == []
        assert desk.state.ledger.opening[0].tolist() == [10_000_000, 0, 30_000_000]
    else:
        assert only(more).lots == 40


def test_the_kill_switch_withdraws_what_rests_and_nothing_rests_again_before_it_is_off() -> None:
    for route in Route:
        desk = scene(route)
        order = took(desk, rests(desk, 100))
        commands = [a.command for a in desk.go(Operator(*desk.stamp(), OperatorAction.KILL)).commands]
        accounts = sorted(c.account for c in commands if isinstance(c, CancelAll))
        assert accounts == ([0, 1, 2] if route else [-1])
        for k in range(3 if route else 1):
            tell(desk, order, On.CANCEL, k, left=lots_of(order, k))
        nothing_rests(desk)
        assert desk.wait(10 * SECOND).commands == []
        desk.top()
        outcome = desk.go(Operator(*desk.stamp(), OperatorAction.RESUME))
        assert len(placed(outcome) + batched(outcome)) == 1


def test_a_post_only_order_that_would_cross_is_rejected_and_tried_again_later() -> None:
    desk = scene()
    place = only(rests(desk, 100))
    outcome = tell(desk, place, On.REJECT, left=60, reason=Reason.REJECTED)
    assert outcome.commands == []
    nothing_rests(desk)
    assert placed(desk.wait(SECOND)) == []
    desk.top()
    assert only(desk.wait(5 * SECOND)).lots == 60


def test_a_fill_after_a_reject_is_a_fact() -> None:
    desk = scene()
    place = only(rests(desk, 100))
    tell(desk, place, On.REJECT, left=60)
    fills(desk, place, 60)
    assert desk.held() == [10, 20, 30]
    assert placed(desk.wait(6 * SECOND)) == [], "what it has it does not ask for again"


# -- doubled, late, lost -----------------------------------------------------------------------------------------------


def test_a_doubled_fill_counts_once_before_and_after_the_end() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    for _ in range(2):
        fills(desk, place, 20, fill_id=501)
    for _ in range(2):
        fills(desk, place, 40, fill_id=502)
    assert sum(desk.held()) == 60
    assert desk.state.duplicates == 2
    assert desk.state.quarantined == 0


def test_a_fill_beyond_the_orders_size_is_quarantined() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    fills(desk, place, 50)
    before = desk.untouched()
    assert len(said(fills(desk, place, 11), Quarantined)) == 1
    assert desk.untouched() == before


def test_an_order_that_is_known_to_rest_is_not_asked_about() -> None:
    desk = scene()
    took(desk, rests(desk, 100))
    assert [c for _ in range(20) for c in desk.wait(SECOND).commands] == []


@pytest.mark.parametrize("route", Route)
def test_an_order_without_an_answer_is_asked_about_and_sent_again_under_its_own_id(route) -> None:
    desk = scene(route)
    outcome = rests(desk, 100)
    (order,) = [*placed(outcome), *batched(outcome)]
    query = asked(desk.wait(3 * SECOND))
    assert query.coids == tuple(order.coid + k for k in range(3 if route else 1))
    desk.wait(3 * SECOND)
    again = desk.go(Reconciled(*desk.stamp(), query.cursor, query.coids, (), ()))
    (same,) = [*placed(again), *batched(again)]
    assert same.coid == order.coid


def test_a_cancel_without_an_answer_goes_again() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    assert cancels(rests(desk, 0)) == [place.coid]
    assert cancels(desk.wait(SECOND)) == []
    assert cancels(desk.wait(2 * SECOND)) == [place.coid]


def test_a_cancel_that_overtakes_its_order_is_no_contradiction() -> None:
    desk = scene()
    place = only(rests(desk, 100))
    rests(desk, 0)
    assert tell(desk, place, On.ABSENT).commands == []
    tell(desk, place, On.ACK, left=60)
    assert cancels(desk.wait(3 * SECOND)) == [place.coid]
    assert not desk.state.guard.halted


@pytest.mark.parametrize("route", Route)
def test_after_a_gap_what_still_rests_goes_on_and_what_is_over_is_over(route) -> None:
    desk = scene(route)
    order = took(desk, rests(desk, 100))
    desk.go(Connection(*desk.stamp(), False))
    (mirror,) = desk.state.mirrors.values()
    assert set(mirror.states.tolist()) == {OrderState.UNKNOWN}
    query = asked(desk.go(Connection(*desk.stamp(), True)))
    desk.go(Reconciled(*desk.stamp(), query.cursor, query.coids, query.coids, ()))
    assert set(mirror.states.tolist()) == {OrderState.OPEN}
    fills(desk, order, 6)
    desk.go(Connection(*desk.stamp(), False))
    query = asked(desk.go(Connection(*desk.stamp(), True)))
    desk.go(Reconciled(*desk.stamp(), query.cursor, query.coids, (), query.coids))
    nothing_rests(desk)
    assert sum(desk.held()) == 6


@pytest.mark.parametrize("route", Route)
def test_a_restart_knows_what_rests(route) -> None:
    desk = scene(route)
    order = took(desk, rests(desk, 100))
    fills(desk, order, 4)
    raw = encode_state(desk.state)
    desk.state = decode_state(raw)
    assert encode_state(desk.state) == raw
    query = asked(desk.go(Recovered(*desk.stamp())))
    desk.go(Reconciled(*desk.stamp(), query.cursor, query.coids, query.coids, ()))
    for k in range(3 if route else 1):
        fills(desk, order, lots_of(order, k) - (4 if k == 0 else 0), k)
    assert desk.held() == [10, 20, 30]
    nothing_rests(desk)


# -- too much ----------------------------------------------------------------------------------------------------------


def test_what_the_lead_has_had_of_its_order_it_may_sell_while_the_rest_still_stands() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    fills(desk, place, 24)
    desk.lead(40, BID, order=7)
    rests(desk, 60)
    sale = only(desk.lead(-40))
    assert (sale.side, sale.lots) == (-1, 24)


def test_a_lead_that_turns_the_other_way_has_what_ours_filled_ahead_sold_at_once() -> None:
    desk = scene()
    fills(desk, took(desk, rests(desk, 100)), 60)
    sale = only(desk.lead(-10))
    assert (sale.side, sale.lots) == (-1, 60)
    short = only(desk.fill(sale))
    assert (short.side, short.lots) == (-1, 6)


def test_a_follow_that_closes_sells_what_was_filled_ahead_of_the_lead_as_well() -> None:
    desk = scene()
    fills(desk, took(desk, rests(desk, 100)), 60)
    outcome = desk.go(FollowControl(*desk.stamp(), ints([1]), FollowAction.CLOSE))
    desk.fill(only(outcome))
    assert desk.held() == [10, 0, 30]


def test_a_fill_that_comes_when_lead_and_order_are_long_gone_is_sold_again() -> None:
    desk = scene()
    place = only(rests(desk, 100))
    tell(desk, place, On.REJECT, left=60)
    rests(desk, 0)
    desk.wait(3 * SECOND)
    fills(desk, place, 60)
    assert only(desk.wait(SECOND)).side == -1
