"""Delta-neutral follows: a share of what is really held is hedged in a second instrument, and kept inside a band."""

import numpy as np
import pytest

from pilotfish.domain.events import Liquidation
from pilotfish.domain.instructions import HedgeMapped, InstrumentMapped
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import Direction, Route
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Refused, Targeted
from pilotfish.engine.follows.standing import Mode
from tests.unit.driver import PX, SECOND, only, perp, said
from tests.unit.hedge_scene import BOTH, fill, hedged, opened, orders, settle


@BOTH
def test_half_of_what_was_filled_is_hedged_and_not_what_was_only_wanted(route: Route) -> None:
    desk = hedged(route)
    (order,) = orders(desk.lead(100))
    assert desk.targets(1) == [0.0]
    (hedge,) = orders(fill(desk, order, 60))
    assert (hedge.instrument, hedge.side, int(np.sum(hedge.lots))) == (1, -1, 30)
    fill(desk, hedge)
    assert (desk.held(0), desk.held(1)) == ([60], [-30])
    (targeted,) = [fact for fact in desk.all(Targeted) if fact.hedge]
    assert (targeted.lead, targeted.instrument, targeted.price, targeted.delta.tolist()) == (0, 1, PX, [-30 * SUBLOT])


@BOTH
def test_a_price_inside_the_band_trades_nothing_and_one_outside_is_hedged_again(route: Route) -> None:
    desk = opened(route)
    assert desk.held(1) == [-50]
    desk.top(PX * 109 // 100)  # half of 109 is 4.5 more, the band is 5.45
    assert not orders(desk.wait(SECOND))
    desk.top(PX * 112 // 100)  # 6 more, the band is 5.6
    (order,) = orders(desk.wait(SECOND))
    settle(desk, desk.wait(SECOND))
    assert (order.side, int(np.sum(order.lots))) == (-1, 6)
    fill(desk, order)
    assert desk.held(1) == [-56]


def test_a_hedge_that_has_become_too_large_is_reduced() -> None:
    desk = opened()
    desk.top(PX * 125 // 100, k=1)
    order = only(desk.wait(SECOND))
    assert (order.instrument, order.side, order.lots) == (1, 1, 10)


@BOTH
@pytest.mark.parametrize("direction", list(Direction))
def test_what_the_lead_closes_is_not_hedged_any_more(route: Route, direction: Direction) -> None:
    desk = opened(route, direction=int(direction))
    assert desk.held(1) == [-50 if direction is Direction.SAME else 50]
    settle(desk, desk.lead(-40))
    assert [abs(lots) for lots in desk.held(1)] == [30]
    settle(desk, desk.lead(-60))
    assert (desk.held(0), desk.held(1), desk.targets(1)) == ([0], [0], [0.0])


@BOTH
def test_a_flip_of_the_lead_flips_the_hedge(route: Route) -> None:
    desk = opened(route)
    settle(desk, desk.lead(-150))
    settle(desk, desk.wait(SECOND))
    assert (desk.held(0), desk.held(1)) == ([-50], [25])


def test_each_follow_hedges_its_own_share_and_one_that_hedges_nothing_nothing() -> None:
    desk = opened(count=3, hedge_bps=np.array([3_000, 0, 7_000]))
    assert desk.held(1) == [-30, 0, -70]


def test_small_hedges_of_many_follows_make_one_block() -> None:
    desk = opened(lots=10, count=100, value=10**8)  # a lot each, half of one hedged
    assert sum(desk.held(1)) == -50
    assert set(desk.held(1)) == {0, -1}


def test_two_instruments_share_a_hedge_and_their_exposures_net() -> None:
    desk = hedged(instruments=[perp(), perp(1), perp(2)])
    desk.go(HedgeMapped(*desk.stamp(), 2, 1))
    settle(desk, desk.lead(100))
    settle(desk, desk.lead(-60, k=2))
    assert desk.held(1) == [-20]
    settle(desk, desk.lead(-100))
    settle(desk, desk.wait(SECOND))
    assert desk.held(1) == [30]


def test_what_the_lead_trades_in_the_hedge_instrument_is_kept_apart() -> None:
    desk = opened()
    settle(desk, desk.lead(30, k=1))
    assert (desk.held(1), desk.targets(1)) == ([-20], [-20.0])
    settle(desk, desk.lead(-100))
    settle(desk, desk.wait(SECOND))
    assert desk.held(1) == [30]
    settle(desk, desk.lead(-30, k=1))
    assert desk.held(1) == [0]


def test_instruments_that_hedge_each_other_do_not_hedge_hedges() -> None:
    desk = hedged()
    desk.go(HedgeMapped(*desk.stamp(), 1, 0))
    settle(desk, desk.lead(100))
    settle(desk, desk.lead(40, k=1))
    desk.top(k=0)
    settle(desk, desk.wait(SECOND))
    assert (desk.held(0), desk.held(1)) == ([100 - 20], [40 - 50])


def test_a_mapped_copy_is_hedged_where_it_is_held() -> None:
    desk = hedged(instruments=[perp(), perp(1), perp(2)])
    desk.go(InstrumentMapped(*desk.stamp(), 2, 0))
    settle(desk, desk.lead(100, k=2))
    assert desk.held() == [100]
    assert desk.held(1) == [-50]


def test_another_hedge_takes_over_from_the_old_one() -> None:
    desk = opened(instruments=[perp(), perp(1), perp(2)])
    settle(desk, desk.go(HedgeMapped(*desk.stamp(), 0, 2)))
    assert (desk.held(1), desk.held(2)) == ([0], [-50])


@pytest.mark.parametrize("k", [0, 1])
def test_stale_marks_move_no_hedge_and_say_so_once(k: int) -> None:
    desk = opened()
    desk.now += 10 * SECOND
    desk.top(PX * 150 // 100, k=1 - k)  # the other one is stale now
    refused = [*said(desk.wait(1), Refused), *said(desk.wait(SECOND), Refused)]
    assert [(fact.instrument, fact.reason, fact.count) for fact in refused] == [(1, Reason.STALE, 1)]
    assert (desk.targets(1), desk.reasons(1)) == ([-50.0], [Reason.STALE])
    desk.top(k=k)
    assert orders(desk.wait(1))


@pytest.mark.parametrize("k", [0, 1])
def test_a_hedge_of_nothing_is_closed_whatever_the_marks(k: int) -> None:
    desk = opened()
    desk.now += 10 * SECOND
    desk.top(k=1 - k)
    settle(desk, desk.lead(-100))
    assert (desk.held(0), desk.held(1)) == ([0], [0])


@pytest.mark.parametrize("mode", [Mode.PAUSED, Mode.CLOSING, Mode.LEAVING])
def test_a_follow_that_opens_nothing_still_reduces_its_hedge(mode: Mode) -> None:
    desk = opened()
    desk.state.standing.mode[:] = int(mode)
    desk.top(PX * 2)
    assert not orders(desk.wait(SECOND))
    desk.top(PX // 2)
    order = only(desk.wait(SECOND))
    assert (order.side, order.lots) == (1, 25)
    settle(desk, fill(desk, order))
    desk.top(PX)
    settle(desk, desk.lead(-100))
    assert (desk.held(0), desk.held(1)) == ([0], [0])


@BOTH
def test_a_close_all_is_not_fought(route: Route) -> None:
    desk = opened(route)
    desk.state.standing.mode[:] = int(Mode.CLOSING)
    for column in desk.state.columns.values():
        column.override(np.arange(1), np.zeros(1, dtype=np.int64))
    desk.top(PX * 101 // 100)
    settle(desk, desk.wait(SECOND))
    assert (desk.held(1), desk.targets(1)) == ([0], [0.0])


def test_a_liquidation_takes_the_hedge_with_it() -> None:
    desk = opened(Route.SEGREGATED)
    outcome = desk.go(Liquidation(*desk.stamp(), 0, 0, 7, -100, PX, 100 * PX, 0))
    settle(desk, outcome)
    assert (desk.held(0), desk.held(1)) == ([0], [0])
