"""The lead's resting orders mirrored: the sum of the quotas rests where the lead's order does, and fills with it."""

import numpy as np
import pytest

from pilotfish.domain.instructions import InstrumentMapped
from pilotfish.domain.mandate import Direction, Route, Sizing
from pilotfish.domain.orders import OrderSignal as On
from pilotfish.domain.orders import Tif
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Intended, Refused, Settled
from tests.unit.driver import PX, SECOND, USDC, Desk, batched, free_follows, only, perp, placed, said
from tests.unit.resting_scene import BID, cancels, fill_all, fills, lots_of, nothing_rests, rests, scene, tell, took

# -- placed ------------------------------------------------------------------------------------------------------------


def test_a_resting_order_of_the_lead_is_one_post_only_block_for_the_sum_of_the_quotas() -> None:
    desk = scene()
    place = only(rests(desk, 100))
    assert (place.lots, place.price, place.side, place.tif) == (60, BID, 1, Tif.ALO)
    assert desk.state.ledger.opening[0].tolist() == [10_000_000, 20_000_000, 30_000_000]
    assert desk.state.ledger.reserved_money.all()
    assert desk.targets() == [0, 0, 0], "a target moves when the lead fills, not before"


def test_on_separate_accounts_it_is_one_order_each() -> None:
    desk = scene(Route.SEGREGATED)
    (batch,) = batched(rests(desk, 100))
    assert (batch.lots.tolist(), batch.tif) == ([10, 20, 30], Tif.ALO)
    assert set(batch.prices.tolist()) == {BID}


def test_only_mandates_that_ask_for_depth_have_it() -> None:
    desk = scene(depth=[1, 0, 1])
    place = took(desk, rests(desk, 100))
    assert place.lots == 40
    other = only(desk.lead(100, BID, order=7))
    assert (other.lots, other.tif) == (20, Tif.IOC), "the others copy the fill"


def test_whoever_copies_in_reverse_copies_the_fill() -> None:
    desk = scene(direction=[int(Direction.SAME), int(Direction.REVERSE), int(Direction.SAME)])
    took(desk, rests(desk, 100))
    other = only(desk.lead(100, BID, order=7))
    assert (other.lots, other.side) == (20, -1)


def test_an_order_that_reduces_the_lead_is_copied_when_it_fills_since_no_exit_waits_in_a_queue() -> None:
    desk = scene()
    desk.fill(only(desk.lead(100)))
    assert placed(rests(desk, 50, PX + 5_000, side=-1)) == []
    assert only(desk.lead(-50, PX + 5_000, order=7)).lots == 30


def test_quotas_are_clipped_by_the_mandate_as_any_open_is() -> None:
    desk = scene(order_cap=[5 * USDC, 100 * USDC, 100 * USDC])
    assert only(rests(desk, 100)).lots == 5 + 20 + 30
    assert desk.reasons()[0] is Reason.ORDER_CAP


@pytest.mark.parametrize("route", Route)
def test_a_fixed_amount_is_mirrored_once_whatever_the_size_of_the_order(route) -> None:
    desk = scene(route, sizing=int(Sizing.FIXED_AMOUNT), value=40 * USDC)
    order = took(desk, rests(desk, 100))
    assert sum(lots_of(order, k) for k in range(3 if route else 1)) == 120
    assert desk.lead(10, BID, order=7).commands == []


def test_an_order_copied_elsewhere_rests_there_at_the_price_and_in_the_lots_of_that_market() -> None:
    desk = scene(instruments=[perp(0), perp(1)])
    desk.top(PX // 10, k=1, half=5)
    desk.go(InstrumentMapped(*desk.stamp(), 0, 1, lots_num=10, price_den=10))
    place = only(rests(desk, 100))
    assert (place.instrument, place.lots, place.price) == (1, 600, BID // 10)


def test_of_a_lead_that_rests_on_both_sides_one_side_is_mirrored() -> None:
    desk = scene()
    took(desk, rests(desk, 100))
    assert placed(rests(desk, 100, PX + 5_000, order=8, side=-1)) == []
    assert placed(rests(desk, 100, BID - 5_000, order=9)) != []


def test_an_order_far_from_the_market_is_refused_once_and_placed_when_the_market_is_there() -> None:
    desk = scene()
    assert [fact.reason for fact in said(rests(desk, 100, PX * 80 // 100), Refused)] == [Reason.PRICE_BOUND]
    desk.now += 3 * SECOND
    desk.top()
    assert said(desk.wait(3 * SECOND), Refused) == []
    desk.now += 3 * SECOND
    desk.top(PX * 81 // 100)
    assert only(desk.wait(3 * SECOND)).price == PX * 80 // 100


# -- filled ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", Route)
@pytest.mark.parametrize("first", ["lead", "ours"])
def test_what_the_resting_order_fills_is_not_bought_twice_whoever_fills_first(route, first) -> None:
    desk = scene(route)
    order = took(desk, rests(desk, 100))
    steps = [lambda: desk.lead(100, BID, order=7), lambda: fill_all(desk, order)]
    for go in steps if first == "lead" else steps[::-1]:
        outcome = go()
        assert placed(outcome) == batched(outcome) == []
    rests(desk, 0)
    assert desk.wait(SECOND).commands == []
    assert desk.held() == desk.targets() == [10, 20, 30]
    nothing_rests(desk)
    assert placed(desk.wait(5 * SECOND)) == []


def test_fills_are_shared_as_they_come_and_give_back_what_they_no_longer_reserve() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    before = desk.state.ledger.reserved_money.copy()
    (copied,) = said(fills(desk, place, 6, fee=12), Copied)
    assert desk.held() == copied.lots.tolist() == [1, 2, 3]
    assert copied.costs.sum() == 6 * BID
    assert copied.fees.sum() == 12
    assert desk.state.ledger.opening[0].tolist() == [9_000_000, 18_000_000, 27_000_000]
    assert np.abs(desk.state.ledger.reserved_money - before * 9 // 10).max() <= 1
    fills(desk, place, 54)
    assert desk.held() == [10, 20, 30]
    nothing_rests(desk)


def test_fills_of_one_lot_reach_everybody_in_the_end_within_a_lot_of_the_quota() -> None:
    desk = Desk()
    desk.follow(free_follows(range(20), allocation=150 * USDC, depth=1))
    desk.lead_holds(0)
    place = took(desk, rests(desk, 100))
    assert place.lots == 30
    for _ in range(30):
        fills(desk, place, 1)
    assert sorted(desk.held()) == [1] * 10 + [2] * 10
    nothing_rests(desk)
    assert desk.lead(100, BID, order=7).commands == []


def test_orders_at_several_prices_give_their_odd_lots_to_different_follows() -> None:
    desk = Desk()
    desk.follow(free_follows([0, 1], allocation=50 * USDC, depth=1))
    desk.lead_holds(0)
    for number in range(6):
        fills(desk, took(desk, rests(desk, 100, BID - 1_000 * number, order=number + 1)), 1)
    assert desk.held() == [3, 3]


def test_a_partial_fill_of_the_lead_leaves_our_order_to_follow() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    assert desk.lead(40, BID, order=7).commands == []
    assert rests(desk, 60).commands == []
    assert desk.targets() == [4, 8, 12]
    assert desk.reasons() == [Reason.IN_FLIGHT] * 3
    assert cancels(desk.wait(3 * SECOND)) == [], "the two differ by the fill alone"
    fills(desk, place, 24)
    assert desk.held() == [4, 8, 12]


def test_a_shrink_that_is_told_before_its_fill_is_not_taken_for_a_smaller_order() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    fills(desk, place, 24)
    filled = desk.now
    assert rests(desk, 60).commands == []
    assert desk.wait(SECOND).commands == []
    desk.lead(40, BID, order=7, at=filled)
    assert desk.wait(3 * SECOND).commands == []
    assert desk.held() == desk.targets() == [4, 8, 12]


@pytest.mark.parametrize("route", Route)
def test_a_lead_s_order_that_is_gone_by_fill_while_ours_is_not_is_bought_within_the_bounds(route) -> None:
    desk = scene(route)
    order = took(desk, rests(desk, 100))
    count = 3 if route else 1
    assert cancels(desk.lead(100, BID, order=7)) == [order.coid + k for k in range(count)]
    assert cancels(rests(desk, 0)) == []
    outcome = [tell(desk, order, On.CANCEL, k, left=lots_of(order, k)) for k in range(count)][-1]
    if route:
        outcome = desk.wait(SECOND)
        (taking,) = batched(outcome)
        assert taking.lots.tolist() == [10, 20, 30]
        desk.results(taking)
    else:
        taking = only(outcome)
        assert taking.lots == 60
        desk.fill(taking)
    assert taking.tif is Tif.IOC
    assert desk.held() == [10, 20, 30]
    nothing_rests(desk)


def test_a_copy_by_a_resting_order_is_counted_as_intended_and_as_filled() -> None:
    desk = scene()
    place = took(desk, rests(desk, 100))
    outcome = fills(desk, place, 60)
    assert [(fact.count, fact.lots) for fact in said(outcome, Intended)] == [(3, 60)]
    assert [fact.filled for fact in said(outcome, Settled)] == [3]
