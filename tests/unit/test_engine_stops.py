"""Each follow's own stops: what fires them, once, and what never does."""

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import CashMoved, Liquidation
from pilotfish.domain.instructions import HedgeMapped
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS, Direction, Route
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Quarantined, Refused, Stopped
from pilotfish.engine.follows.standing import Mode
from tests.unit.control_scene import CLOSE, PAUSE, RESUME, Scene, holding
from tests.unit.driver import PX, USDC, perp, said

BOTH = pytest.mark.parametrize("route", Route)


def at(percent: float) -> int:
    return int(PX * percent) // 100


def stopped(scene: Scene) -> list[Reason]:
    return [fact.reason for fact in scene.all(Stopped)]


CASES = [  # 100 lots on 100 USDC of capital: one percent of the price is one percent of the capital
    ({"take_profit_bps": 500}, 104.9, 105, Reason.TAKE_PROFIT),
    ({"stop_loss_bps": 500}, 95.1, 95, Reason.STOP_LOSS),
    ({"trailing_bps": 500}, 95.1, 95, Reason.TRAILING_STOP),
    ({"equity_stop": 95 * USDC}, 95.1, 95, Reason.ACCOUNT_STOP),
    ({"stop_loss_bps": 500, "trailing_bps": 500, "equity_stop": 95 * USDC}, 95.1, 95, Reason.ACCOUNT_STOP),
]


@BOTH
@pytest.mark.parametrize(("mandate", "short_of", "reached", "reason"), CASES)
def test_a_stop_fires_where_it_was_set_closes_and_pauses(route, mandate, short_of, reached, reason) -> None:
    scene = holding(route, n=2, allocation=100 * USDC, **{k: [v, 0] for k, v in mandate.items()})
    scene.let(price=at(short_of))
    assert stopped(scene) == []
    scene.let(price=at(reached))
    scene.answer(price=at(reached))
    assert (scene.held(), scene.modes) == ([0, 100], [Mode.PAUSED, Mode.ACTIVE])
    assert (stopped(scene), scene.why[0]) == ([reason], reason)
    scene.lead(100)
    scene.rest(price=at(reached), rounds=4)
    assert scene.held() == [0, 200]
    assert stopped(scene) == [reason], "once"
    assert scene.reasons()[0] is reason


def test_a_margin_stop_fires_when_initial_margins_reach_their_share_of_equity() -> None:
    scene = holding(n=1, lots=500, allocation=100 * USDC, margin_stop_bps=6_000)
    scene.let(price=at(98))  # 49 of 90
    assert stopped(scene) == []
    scene.let(price=at(96))  # 48 of 80
    assert stopped(scene) == [Reason.ACCOUNT_STOP]


def test_a_stop_says_whom_and_what_it_measured() -> None:
    scene = holding(n=1, allocation=100 * USDC, stop_loss_bps=500)
    scene.let(price=at(90))
    (fact,) = scene.all(Stopped)
    assert fact.what == (
        "the follow's stop loss: follow 0 (money 90000000, deposited 100000000, highest 100000000 money units) "
        "close everything and pause"
    )


def test_a_trailing_stop_measures_from_the_highest_equity_seen() -> None:
    scene = holding(n=1, allocation=100 * USDC, trailing_bps=1_000)
    scene.let(price=at(150))
    scene.let(price=at(135.1))
    assert stopped(scene) == []
    scene.let(price=at(135))
    assert stopped(scene) == [Reason.TRAILING_STOP]


def test_a_trailing_stop_that_is_set_later_measures_from_then_on() -> None:
    scene = holding(n=1, allocation=100 * USDC)
    scene.let(price=at(200))
    scene.change(0, trailing_bps=1_000)
    scene.let(price=at(179))
    assert stopped(scene) == [Reason.TRAILING_STOP]


@pytest.mark.parametrize("mandate", [{"stop_loss_bps": 1_000}, {"trailing_bps": 1_000}, {"take_profit_bps": 1_000}])
def test_a_withdrawal_fires_no_stop_and_a_deposit_takes_no_profit(mandate) -> None:
    scene = holding(n=1, lots=10, allocation=100 * USDC, **mandate)
    scene.let(price=at(60 if "take_profit_bps" not in mandate else 140))  # four percent of the capital
    scene.go(CashMoved(*scene.stamp(), ints([0]), ints([-70 * USDC])))
    scene.let(price=at(60 if "take_profit_bps" not in mandate else 140))
    assert stopped(scene) == []
    scene.go(CashMoved(*scene.stamp(), ints([0]), ints([500 * USDC])))
    scene.let(price=at(60 if "take_profit_bps" not in mandate else 140))
    assert stopped(scene) == []


def test_a_stale_mark_fires_no_stop_and_is_said_once() -> None:
    scene = holding(n=2, allocation=100 * USDC, stop_loss_bps=500)
    scene.top(at(96))
    scene.wait(1)
    scene.top(at(90))
    scene.wait(6_000_000_000)
    for _ in range(3):
        scene.wait(1_000_000_000)
    assert stopped(scene) == []
    (told,) = [fact for fact in scene.all(Refused) if fact.reason is Reason.STALE]
    assert told.count == 2
    scene.let(price=at(90))
    assert stopped(scene) == [Reason.STOP_LOSS]


def test_silence_alone_is_noticed() -> None:
    scene = holding(n=1, allocation=100 * USDC, stop_loss_bps=500)
    scene.let()
    assert scene.state.due_ns <= scene.now + 5_000_000_001
    scene.wait(5_000_000_001)
    assert [fact.reason for fact in scene.all(Refused)] == [Reason.STALE]
    assert scene.state.due_ns > scene.now + 10**12, "and then nothing is due until there is data"


def test_a_follow_without_a_position_is_stopped_for_what_it_has_lost_already() -> None:
    scene = holding(n=1, allocation=100 * USDC, stop_loss_bps=500)
    scene.lead(-100)
    scene.answer(price=at(90))
    scene.let(price=at(90))
    assert (stopped(scene), scene.modes) == ([Reason.STOP_LOSS], [Mode.PAUSED])


def test_a_paused_follow_that_still_holds_something_is_stopped_and_a_flat_one_is_not() -> None:
    scene = holding(n=2, allocation=100 * USDC, stop_loss_bps=500)
    scene.tell(CLOSE, 1)
    scene.answer(price=at(94))
    scene.tell(PAUSE, 0)
    scene.let(price=at(90))
    assert [fact.rows.tolist() for fact in scene.all(Stopped) if fact.reason is Reason.STOP_LOSS] == [[0]]


def test_after_a_stop_a_resumed_follow_is_measured_anew() -> None:
    scene = holding(n=1, allocation=100 * USDC, stop_loss_bps=1_000)
    scene.let(price=at(90))
    scene.answer(price=at(90))
    scene.tell(RESUME, 0)
    scene.let(price=at(90))
    scene.lead(90, price=at(90))
    scene.answer(price=at(90))
    scene.let(price=at(81.2))
    assert scene.modes == [Mode.ACTIVE]
    scene.let(price=at(80))
    assert stopped(scene).count(Reason.STOP_LOSS) == 2


def test_a_stop_closes_in_the_stages_of_its_mandate() -> None:
    scene = holding(n=1, allocation=100 * USDC, stop_loss_bps=500, stage_bps=5_000)
    scene.let(price=at(90))
    scene.answer(price=at(90))
    assert scene.held() == [50]
    scene.rest(price=at(110))
    assert (scene.held(), stopped(scene)) == ([0], [Reason.STOP_LOSS])


# -- price stops -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("direction", Direction)
def test_a_price_stop_closes_that_position_alone_and_waits_for_the_lead_to_be_flat(route, direction) -> None:
    scene = Scene(route, n=1, desk={"instruments": [perp(), perp(1)]}, price_stop_bps=500, direction=int(direction))
    for k in (0, 1):
        scene.lead(100, k=k)
    scene.answer()
    side = 1 if direction is Direction.SAME else -1
    scene.let(price=at(100 - 4.9 * side))
    assert stopped(scene) == []
    scene.let(price=at(100 - 5 * side))
    scene.answer(price=at(100 - 5 * side))
    assert (scene.held(0), scene.held(1), scene.modes) == ([0], [100 * side], [Mode.ACTIVE])
    scene.lead(50)
    scene.lead(50, k=1)
    scene.answer()
    assert (scene.held(0), scene.held(1)) == ([0], [150 * side])
    assert scene.reasons(0) == [Reason.PRICE_STOP]
    scene.lead(-150)
    scene.let()
    scene.lead(20)
    scene.answer()
    assert scene.held(0) == [20 * side]
    assert stopped(scene) == [Reason.PRICE_STOP]


def test_a_flip_of_the_lead_ends_a_price_stop_as_well() -> None:
    scene = holding(n=1, price_stop_bps=500)
    scene.let(price=at(95))
    scene.answer(price=at(95))
    scene.lead(-160)
    scene.answer()
    assert scene.held() == [-60]


def test_a_price_stop_measures_from_the_average_entry() -> None:
    scene = holding(n=1, price_stop_bps=500)
    scene.lead(100, price=at(110))
    scene.answer(price=at(110))
    assert scene.state.columns[0].entry.tolist() == [210 * USDC]
    scene.lead(-50, price=at(110))
    scene.answer(price=at(110))
    assert scene.state.columns[0].entry.tolist() == [157_500_000]
    scene.let(price=at(99.9))
    assert stopped(scene) == []
    scene.let(price=at(99.7))  # 5% below 105
    assert stopped(scene) == [Reason.PRICE_STOP]


def test_a_forced_close_takes_its_share_of_the_entry() -> None:
    scene = holding(n=2, price_stop_bps=500)
    scene.go(Liquidation(*scene.stamp(), OMNIBUS, 0, 7, -100, PX, 100 * PX, 0))
    assert scene.state.columns[0].entry.tolist() == [50 * USDC] * 2


def test_entries_survive_a_restart_and_are_not_kept_where_nobody_needs_them() -> None:
    scene = holding(n=1)
    assert scene.state.columns[0].entry.size == 0
    scene.let(price=at(120))
    scene.change(0, price_stop_bps=500)
    scene.restart()
    scene.let(price=at(114.1))
    assert stopped(scene) == []
    scene.let(price=at(114))
    assert stopped(scene) == [Reason.PRICE_STOP]


def test_a_hedge_is_closed_with_what_it_hedges_and_by_no_price_stop() -> None:
    scene = Scene(n=1, desk={"instruments": [perp(), perp(1)]}, hedge_bps=5_000, price_stop_bps=500)
    scene.go(HedgeMapped(*scene.stamp(), 0, 1))
    scene.lead(100)
    scene.rest(rounds=3)
    assert (scene.held(0), scene.held(1)) == ([100], [-50])
    scene.let(price=at(110), k=1)
    assert stopped(scene) == []
    scene.tell(CLOSE, 0)
    scene.rest(rounds=6)
    assert (scene.held(0), scene.held(1), scene.modes) == ([0], [0], [Mode.PAUSED])


def test_a_stop_does_not_touch_what_another_lead_of_the_follower_holds() -> None:
    scene = Scene(followers=[7, 7], leads=2, lead=[0, 1], allocation=100 * USDC, stop_loss_bps=[500, 0])
    for lead in (0, 1):
        scene.lead(100, lead=lead)
    scene.answer()
    scene.let(price=at(90))
    scene.answer(price=at(90))
    assert scene.held() == [0, 100]


def test_a_stop_further_than_anything_is_never_reached_and_breaks_nothing() -> None:
    scene = holding(n=1, take_profit_bps=2**62, margin_stop_bps=2**62, equity_stop=1)
    scene.let(price=at(100))
    assert stopped(scene) == []
    assert not scene.state.guard.halted


def test_targets_after_a_price_stop_are_nothing_and_no_dust() -> None:
    scene = Scene(n=1, value=333_333_333, price_stop_bps=500)
    scene.lead(100)
    scene.answer()
    scene.let(price=at(90))
    scene.answer(price=at(90))
    assert scene.held() == [0]
    assert abs(scene.state.columns[0].targets[0]) < SUBLOT
    assert not said(scene.let(price=at(90)), Quarantined)
