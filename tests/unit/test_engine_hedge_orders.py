"""Orders for hedges: bounded from the mark, inside every limit, tried again, and never at the cost of a copy."""

import numpy as np
import pytest

from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import Direction, Minimum, Route
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Refused
from pilotfish.engine.follows.column import HEDGE
from pilotfish.engine.snapshot import decode_state, encode_state
from tests.unit.driver import PX, SECOND, USDC, only, perp, placed, said
from tests.unit.hedge_scene import BOTH, fill, hedged, opened, orders, settle


@BOTH
def test_a_hedge_that_found_no_depth_is_tried_again_ever_less_often(route: Route) -> None:
    desk = hedged(route)
    (order,) = orders(desk.lead(100))
    (hedge,) = orders(fill(desk, order))
    waits, last = [], desk.now
    while len(waits) < 5:
        assert not orders(fill(desk, hedge, 0))
        again: list = []
        while not again:
            desk.top(k=0)
            desk.top(k=1)
            again = orders(desk.wait(SECOND // 4))
        waits.append((desk.now - last) // (SECOND // 2))
        (hedge,), last = again, desk.now
    assert waits == [1, 2, 4, 8, 16]
    fill(desk, hedge)
    assert desk.held(1) == [-50]


def test_a_hedge_is_bounded_from_its_mark() -> None:
    desk = hedged(open_bps=50)
    order = only(desk.lead(100))
    desk.top(PX * 2, k=1)
    hedge = only(fill(desk, order))
    assert hedge.lots == 25
    assert PX * 2 * 0.995 <= hedge.price < PX * 2


def test_missed_copies_in_the_hedge_instrument_are_not_caught_up_by_somebody_s_hedge() -> None:
    desk = hedged(count=2, hedge_bps=np.array([5_000, 0]), direction=int(Direction.REVERSE))
    order = only(desk.lead(-100, k=1))  # both would buy the hedge instrument
    fill(desk, order, 0)
    for _ in range(25):
        desk.top(PX * 110 // 100, k=1)  # beyond the bound: missed
        for again in placed(desk.wait(SECOND // 2)):
            fill(desk, again, 0)
    desk.top(k=0)
    settle(desk, desk.lead(100))  # they sell, and the first buys a hedge
    assert desk.held(0) == [-100, -100]
    assert desk.held(1) == [45, 0]  # 50 USDC at 1.10 each


@BOTH
def test_a_hedge_beside_copies_on_its_side_is_tried_until_it_is_had(route: Route) -> None:
    desk = hedged(route, direction=int(Direction.REVERSE))
    settle(desk, desk.lead(-20, k=1))
    assert desk.held(1) == [20]
    (order,) = orders(desk.lead(100))
    (hedge,) = orders(fill(desk, order))
    assert not orders(fill(desk, hedge, 0))
    assert desk.targets(1) == [20.0]
    assert not orders(desk.wait(SECOND // 10))
    (hedge,) = orders(desk.wait(SECOND // 2))
    (hedge,) = orders(fill(desk, hedge, 30))  # some is there: the rest need not wait
    assert (desk.targets(1), int(np.sum(hedge.lots))) == ([70.0], 20)
    assert not orders(fill(desk, hedge))
    assert (desk.held(1), desk.targets(1)) == ([70], [70.0])
    settle(desk, desk.lead(-100))
    settle(desk, desk.lead(20, k=1))
    assert (desk.held(0), desk.held(1)) == ([0], [0])


def test_limits_and_margin_count_a_hedge() -> None:
    desk = opened(total_cap=120 * USDC)
    assert desk.held(1) == [-20]
    assert desk.reasons(1) == [Reason.TOTAL_CAP]


def test_a_mandate_that_denies_the_hedge_instrument_is_obeyed() -> None:
    desk = hedged()
    desk.state.columns[1].allowed[:] = False
    settle(desk, desk.lead(100))
    assert (desk.held(1), desk.reasons(1)) == ([0], [Reason.DENIED])


@pytest.mark.parametrize("policy", list(Minimum))
def test_a_change_below_the_venue_s_minimum_waits_on_a_separate_account(policy: Minimum) -> None:
    tens = [perp(0), perp(1, min_notional=10 * USDC)]
    desk = opened(Route.SEGREGATED, 16, instruments=tens, minimum=int(policy))
    assert (desk.held(1), desk.reasons(1)) == ([0], [Reason.BELOW_MINIMUM])
    settle(desk, desk.lead(84))
    assert desk.held(1) == [-50]
    settle(desk, desk.lead(-12))
    assert desk.held(1) == [-50]
    settle(desk, desk.lead(-88))
    settle(desk, desk.wait(SECOND))
    assert (desk.held(1), desk.targets(1)) == ([0], [0.0])


def test_a_delta_neutral_follow_in_an_instrument_without_a_hedge_is_told() -> None:
    desk = hedged(instruments=[perp(), perp(1), perp(2)])
    order = only(desk.lead(100, k=2))
    (refused,) = said(fill(desk, order), Refused)
    assert (refused.instrument, refused.reason, refused.count) == (2, Reason.UNMAPPED, 1)


def test_hedges_survive_a_snapshot_at_any_moment() -> None:
    desk = hedged()
    (order,) = orders(desk.lead(100))
    (hedge,) = orders(fill(desk, order))
    desk.state = decode_state(encode_state(desk.state))
    settle(desk, fill(desk, hedge, 20))
    desk.state = decode_state(encode_state(desk.state))
    desk.top(k=0)
    settle(desk, desk.wait(SECOND))
    assert desk.held(1) == [-50]
    assert desk.state.columns[1].parts[HEDGE].tolist() == [-50 * SUBLOT]
