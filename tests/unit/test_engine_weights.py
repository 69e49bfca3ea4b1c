"""One follower's capital over several leads: brought back to its weights, never more than is free, and no income."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.instructions import FeesDue, FeesSet
from pilotfish.domain.mandate import Route, Sizing
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import DAY_NS, FeeTerms
from pilotfish.engine.facts import FeeCharged, Moved, Quarantined, Refused, Stopped
from pilotfish.engine.follows.balance import shifts
from pilotfish.engine.orders.leg import refresh
from tests.unit.control_scene import LEAVE, Scene
from tests.unit.driver import LEAD_EQUITY, PX, USDC, said

BOTH = pytest.mark.parametrize("route", Route)
PROPORTIONAL = int(Sizing.PROPORTIONAL)


def shared(route: Route = Route.OMNIBUS, weights=(4_000, 3_000, 3_000), capital=(400, 300, 300), **columns) -> Scene:
    n = len(weights)
    mandate = {"sizing": PROPORTIONAL, "weight_bps": list(weights), "allocation": ints(capital) * USDC} | columns
    return Scene(route, followers=[7] * n, leads=n, lead=list(range(n)), **mandate)


def earn(scene: Scene, lead: int, percent: int, lots: int = 10_000) -> None:
    """The lead makes `percent` of its equity on a round trip, and so does everybody who copies it."""
    price = PX * (100 + percent) // 100
    scene.lead(lots, lead=lead)
    scene.answer()
    scene.top(price)
    scene.lead(-lots, price, lead=lead)
    scene.answer(price=price)
    scene.top()


def equity(scene: Scene) -> list[int]:
    return (scene.state.ledger.money.rows + refresh(scene.state).value).tolist()


@BOTH
def test_capital_goes_back_to_the_weights_and_sums_to_what_it_was(route) -> None:
    scene = shared(route)
    earn(scene, 0, 50)
    before = equity(scene)
    assert before[0] > 590 * USDC
    (moved,) = said(scene.rebalance(7), Moved)
    whole = sum(before)
    assert sum(equity(scene)) == whole
    assert equity(scene) == pytest.approx([whole * share // 10 for share in (4, 3, 3)], abs=1)
    assert moved.amounts.sum() == 0


def test_inside_its_band_nothing_moves() -> None:
    scene = shared()
    earn(scene, 0, 10)
    assert not said(scene.rebalance(7, band_bps=500), Moved)
    assert said(scene.rebalance(7, band_bps=200), Moved)


def test_what_is_not_free_stays_and_positions_stay_until_the_lead_moves() -> None:
    scene = shared(leverage_cap_e2=10_000)
    earn(scene, 0, 50)
    scene.lead(120_000, lead=0)  # twelve times its equity, on a tenth of margin
    scene.answer()
    held, free = scene.held(), scene.state.ledger.money.rows[0] + 0
    outcome = scene.rebalance(7)
    assert not outcome.commands
    assert scene.held() == held
    exposures = refresh(scene.state)
    left = scene.state.ledger.money.rows + exposures.value - exposures.margin - scene.state.ledger.reserved_money
    assert (left >= 0).all()
    assert free > scene.state.ledger.money.rows[0]


def test_moved_capital_is_neither_profit_nor_loss_for_stops() -> None:
    scene = shared(stop_loss_bps=1_000, trailing_bps=1_000, take_profit_bps=20_000)
    earn(scene, 0, 80)
    scene.rebalance(7)
    scene.let()
    assert not scene.all(Stopped)


def test_moved_capital_pays_no_performance_fee() -> None:
    scene = shared()
    scene.go(FeesSet(*scene.stamp(), FeeTerms(steps=((0, 1_000),))))
    earn(scene, 0, 50)
    marks = scene.state.standing.mark.copy()
    (moved,) = said(scene.rebalance(7), Moved)
    assert (scene.state.standing.mark - marks).tolist() == moved.amounts.tolist(), "each row's share moves along"
    assert not scene.all(FeeCharged)
    gain = sum(equity(scene)) - 1_000 * USDC
    scene.stamp(31 * DAY_NS)
    scene.top()
    scene.go(FeesDue(*scene.stamp()))
    assert sum(int(fact.amounts.sum()) for fact in scene.all(FeeCharged)) == pytest.approx(gain // 10, abs=3)


def test_what_is_opened_afterwards_is_sized_by_the_new_capital() -> None:
    scene = shared()
    earn(scene, 0, 50)
    scene.rebalance(7)
    capital = equity(scene)
    for lead in range(3):
        scene.lead(10_000, lead=lead)
    lots = [10_000 * USDC * money / LEAD_EQUITY / 1e6 for money in capital]
    assert scene.targets() == pytest.approx(lots, abs=1e-5)


def test_a_fixed_ratio_stays_what_the_follower_chose() -> None:
    scene = shared(sizing=int(Sizing.FIXED_RATIO), value=10**8)
    earn(scene, 0, 5)
    assert said(scene.rebalance(7), Moved)
    scene.lead(100, lead=1)
    assert scene.targets()[1] == 10.0


def test_a_follow_that_has_left_takes_no_part() -> None:
    scene = shared()
    scene.tell(LEAVE, 2)
    earn(scene, 0, 50)
    scene.rebalance(7)
    money = equity(scene)
    assert money[2] == 0
    assert money[0] * 3 == pytest.approx(money[1] * 4, abs=10)


def test_a_follower_who_holds_what_has_no_fresh_mark_is_left_alone_and_told() -> None:
    scene = shared()
    earn(scene, 0, 50)
    scene.lead(1_000, lead=1)
    scene.answer()
    scene.stamp(6_000_000_000)
    outcome = scene.rebalance(7)
    assert not said(outcome, Moved)
    assert [fact.reason for fact in said(outcome, Refused)] == [Reason.STALE]


def test_a_follower_without_weights_cannot_be_rebalanced() -> None:
    scene = shared()
    (refused,) = said(scene.rebalance(8), Quarantined)
    assert "no weights" in refused.why


def test_one_followers_money_never_becomes_anothers() -> None:
    scene = Scene(followers=[1, 1, 2, 2], leads=2, lead=[0, 1] * 2, sizing=PROPORTIONAL, weight_bps=[5_000] * 4,
                  allocation=ints([100, 300, 500, 100]) * USDC)  # fmt: skip
    scene.rebalance(1, 2, 2)
    assert scene.money == [200 * USDC] * 2 + [300 * USDC] * 2


MONEY = st.integers(-(10**12), 10**12)


@given(st.lists(st.tuples(MONEY, st.integers(0, 10**12), st.integers(1, 10_000), st.integers(0, 3)), max_size=12),
       st.integers(0, 9_999))  # fmt: skip
def test_shifts_sum_to_nothing_and_take_no_more_than_is_free(rows, band) -> None:
    equity, free, weights, follower = (ints(column) for column in (zip(*rows, strict=True) if rows else [[]] * 4))
    amounts = shifts(equity, free, weights, follower, band)
    assert (-amounts <= free).all()
    for name in set(follower.tolist()):
        mine = follower == name
        assert amounts[mine].sum() == 0
        if equity[mine].sum() <= 0:
            assert not amounts[mine].any()
