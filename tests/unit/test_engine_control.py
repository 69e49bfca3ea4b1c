"""Follows that are paused, resumed and closed."""

import numpy as np
import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import Route, Sizing
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import ExecutionTerms
from pilotfish.engine.facts import Quarantined, Settled
from pilotfish.engine.follows.closing import staged_exits
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.orders.leg import Leg, Occasion, clip
from pilotfish.execution.slicing import staged
from tests.unit.control_scene import CLOSE, PAUSE, RESUME, Scene, holding, opened, sold
from tests.unit.driver import PX, SECOND, free_follows, perp, said

BOTH = pytest.mark.parametrize("route", Route)


# -- pause and resume ------------------------------------------------------------------------------------------------


@BOTH
def test_a_paused_follow_opens_nothing_and_still_mirrors_reductions(route) -> None:
    scene = holding(route)
    scene.tell(PAUSE, 0)
    scene.lead(100)
    scene.answer()
    assert scene.held() == [100, 200]
    assert scene.reasons()[0] is Reason.PAUSED
    scene.lead(-100)
    scene.answer()
    assert scene.held() == [50, 100]


@BOTH
def test_an_open_in_flight_at_the_pause_is_left_to_end_and_its_rest_is_given_up(route) -> None:
    scene = Scene(route, n=1)
    scene.lead(100)
    scene.tell(PAUSE, 0)
    assert scene.targets() == [100.0]
    scene.answer(part=2, of=5)
    scene.rest()
    assert scene.held() == [40]
    assert scene.targets() == [40.0]
    scene.lead(-50)
    scene.rest()
    assert scene.held() == [20]


def test_what_a_pause_gives_up_counts_as_missed_and_says_why() -> None:
    scene = Scene(n=1)
    scene.update(opened(scene), OrderSignal.CANCEL, 100)
    scene.tell(PAUSE, 0)
    (settled,) = [fact for fact in scene.all(Settled) if fact.missed]
    assert (settled.missed, settled.missed_lots) == ({Reason.PAUSED: 1}, {Reason.PAUSED: 100})
    assert scene.reasons() == [Reason.PAUSED]


def test_what_was_given_up_is_not_counted_again_later() -> None:
    scene = Scene(n=1)
    scene.update(opened(scene), OrderSignal.CANCEL, 100)
    scene.tell(PAUSE, 0)
    scene.rest()
    scene.tell(RESUME, 0)
    scene.lead(10)
    scene.rest()
    ended = [(fact.filled, fact.missed) for fact in scene.all(Settled) if fact.filled or fact.missed]
    assert ended == [(0, {Reason.PAUSED: 1}), (1, {})]


def test_the_gate_lets_no_open_of_a_paused_follow_through_whoever_asks_for_it() -> None:
    scene = Scene(n=3)
    scene.tell(PAUSE, 1)
    leg = Leg(0, 0, 1, False, Occasion(PX, scene.now))
    assert clip(scene.state, leg, ints([SUBLOT] * 3), PX).tolist() == [SUBLOT, 0, SUBLOT]
    assert scene.reasons()[1] is Reason.PAUSED


def test_an_open_that_waits_is_never_made_once_its_follow_is_closing() -> None:
    scene = holding(n=1, lots=50)
    scene.change(0, hold_ns_min=5 * SECOND)
    scene.lead(100)
    scene.tell(CLOSE, 0)
    scene.rest()
    scene.tell(RESUME, 0)
    scene.rest()
    assert scene.held() == [0]


def test_an_open_that_waits_is_forgotten_by_a_pause() -> None:
    scene = Scene(n=1, hold_ns_min=5 * SECOND)
    scene.lead(100)
    scene.tell(PAUSE, 0)
    scene.tell(RESUME, 0)
    scene.rest()
    assert scene.held() == [0]


@BOTH
def test_a_resumed_follow_copies_from_the_leads_next_trade_and_does_not_catch_up(route) -> None:
    scene = holding(route, n=1)
    scene.tell(PAUSE, 0)
    scene.lead(100)
    scene.tell(RESUME, 0)
    scene.rest()
    assert scene.held() == [100]
    scene.lead(30)
    scene.answer()
    assert scene.held() == [130]


def test_a_flip_while_paused_closes_and_opens_nothing() -> None:
    scene = holding(n=1)
    scene.tell(PAUSE, 0)
    scene.lead(-150)
    scene.rest()
    assert (scene.held(), scene.targets()) == ([0], [0.0])


def test_a_pause_of_one_follow_leaves_the_opens_of_the_others() -> None:
    scene = Scene(n=2)
    scene.update(opened(scene), OrderSignal.CANCEL, 200)
    scene.tell(PAUSE, 0)
    scene.rest()
    assert scene.held() == [0, 100]


def test_a_row_that_is_no_follow_or_stands_twice_is_refused() -> None:
    scene = Scene(n=2)
    for rows in ((2,), (-1,), (1, 1)):
        assert said(scene.tell(PAUSE, *rows), Quarantined)
    assert scene.modes == [Mode.ACTIVE] * 2


def test_follows_in_scattered_rows_are_controlled_like_any_others() -> None:
    scene = Scene(n=3, leads=2, lead=[0, 1, 0])
    scene.follow(free_follows(np.arange(3, 6), lead=[1, 0, 1], sizing=int(Sizing.FIXED_RATIO), value=10**9))
    for lead in (0, 1):
        scene.lead(100, lead=lead)
    scene.answer()
    scene.tell(CLOSE, 0, 3)
    scene.tell(PAUSE, 4)
    scene.answer()
    for lead in (0, 1):
        scene.lead(100, lead=lead)
    scene.rest(rounds=4)
    assert scene.held() == [0, 200, 200, 0, 100, 200]


# -- close ----------------------------------------------------------------------------------------------------


@BOTH
def test_close_closes_everything_and_pauses(route) -> None:
    scene = Scene(route, desk={"instruments": [perp(), perp(1)]})
    for k in (0, 1):
        scene.lead(100 - 150 * k, k=k)
    scene.answer()
    scene.tell(CLOSE, 0)
    assert scene.modes == [Mode.CLOSING, Mode.ACTIVE]
    scene.answer()
    assert (scene.held(0), scene.held(1)) == ([0, 100], [0, -50])
    assert (scene.modes[0], scene.why[0]) == (Mode.PAUSED, Reason.CLOSED)
    scene.lead(100)
    scene.answer()
    assert scene.held(0) == [0, 200]
    assert scene.reasons()[0] is Reason.CLOSED


@BOTH
def test_closing_some_follows_sends_their_exits_alone(route) -> None:
    scene = Scene(route, n=5)
    scene.lead(100)
    scene.answer(part=1, of=2)
    scene.let(seconds=30)  # the window for opens has passed: nobody is caught up by another's close
    scene.orders = []
    assert not scene.state.blocks
    assert not scene.state.batches
    assert sold(scene.tell(CLOSE, 1, 3)) == {-1: 100}
    scene.rest(rounds=5)
    assert scene.held() == [50, 0, 50, 0, 50]


@BOTH
def test_a_staged_close_takes_its_share_of_what_is_left_each_time(route) -> None:
    scene = holding(route, n=1, stage_bps=5_000)
    sizes, outcome = [], scene.tell(CLOSE, 0)
    for _ in range(12):
        sizes.append(sold(outcome).get(-1, 0))
        scene.answer()
        outcome = scene.let(seconds=2)
    assert [size for size in sizes if size] == [50, 25, 13, 6, 3, 2, 1]
    assert (scene.held(), scene.modes) == ([0], [Mode.PAUSED])


def test_a_staged_close_waits_for_its_next_stage() -> None:
    scene = holding(n=1, stage_bps=2_000)
    scene.tell(CLOSE, 0)
    scene.answer()
    assert not scene.let(seconds=1).commands
    assert sold(scene.let(seconds=1.5)) == {-1: 16}


def test_how_long_a_stage_waits_is_a_term_of_execution() -> None:
    scene = holding(n=1, stage_bps=2_000)
    scene.state.execution = ExecutionTerms(stage_ns=4 * SECOND)
    scene.tell(CLOSE, 0)
    scene.answer()
    assert not scene.let(seconds=3).commands
    assert sold(scene.let(seconds=1.5)) == {-1: 16}


def test_a_stage_is_what_the_schedule_of_exits_says() -> None:
    for lots in range(60):
        for bps in (1, 2_000, 5_000, 10_000):
            for least in (1, 7):
                stays = staged_exits(ints([lots * 10**6, -lots * 10**6]), ints([bps, bps]), least)
                assert stays.tolist() == [(lots - staged(lots, bps, least)) * 10**6 * side for side in (1, -1)]


def test_an_exit_of_a_close_is_bounded_by_the_mandate_and_the_protective_bound() -> None:
    scene = holding(n=1, exit_bps=300)
    (order,) = [a.command for a in scene.tell(CLOSE, 0).commands]
    assert order.price == PX * 97 // 100
    scene = holding(n=1, exit_bps=3_000)
    (order,) = [a.command for a in scene.tell(CLOSE, 0).commands]
    assert order.price == PX * 90 // 100


@BOTH
def test_a_close_goes_on_until_it_is_done_even_when_the_market_takes_little(route) -> None:
    scene = holding(route, n=1)
    scene.tell(CLOSE, 0)
    for _ in range(6):
        scene.answer(part=1, of=2, rounds=1)
        scene.let(2)
    scene.rest()
    assert (scene.held(), scene.modes) == ([0], [Mode.PAUSED])


def test_a_fill_that_arrives_after_the_close_is_closed_again() -> None:
    scene = Scene(n=1)
    order = opened(scene)
    scene.tell(CLOSE, 0)
    assert scene.modes == [Mode.CLOSING], "an order is in flight"
    scene.fill(order)
    scene.rest()
    assert (scene.held(), scene.modes) == ([0], [Mode.PAUSED])


def test_a_follow_that_is_closing_cannot_be_resumed_before_it_is_flat() -> None:
    scene = holding(n=1)
    scene.tell(CLOSE, 0)
    (refused,) = said(scene.tell(RESUME, 0), Quarantined)
    assert "still closing" in refused.why
    scene.answer()
    scene.tell(RESUME, 0)
    scene.lead(10)
    scene.answer()
    assert scene.held() == [10]


def test_a_restart_in_the_middle_of_a_staged_close_goes_on() -> None:
    scene = holding(n=1, stage_bps=5_000)
    scene.tell(CLOSE, 0)
    scene.answer()
    scene.restart()
    scene.rest()
    assert (scene.held(), scene.modes) == ([0], [Mode.PAUSED])
