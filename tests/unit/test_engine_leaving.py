"""Follows that leave or are funded, also in mid-trade, and leads that are liquidated or disappear."""

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import CashMoved, LeadEquity
from pilotfish.domain.instructions import FeesSet, LeadNews
from pilotfish.domain.mandate import LeadGone, Route, Sizing
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import DAY_NS, FeeTerms
from pilotfish.engine.facts import FeeCharged, Moved, Quarantined, Settled, Stopped
from pilotfish.engine.follows.standing import Mode
from tests.unit.control_scene import CLOSE, LEAVE, PAUSE, RESUME, Scene, holding, opened, sold
from tests.unit.driver import PX, USDC, said

BOTH = pytest.mark.parametrize("route", Route)


# -- leave ----------------------------------------------------------------------------------------------------


@BOTH
def test_whoever_leaves_is_closed_out_and_paid(route) -> None:
    scene = holding(route)
    scene.tell(LEAVE, 0)
    scene.answer(price=PX * 101 // 100)
    assert scene.modes == [Mode.LEFT, Mode.ACTIVE]
    assert scene.money[0] == 0
    (paid,) = scene.all(Moved)
    assert (paid.rows.tolist(), paid.amounts.tolist()) == ([0], [-1_001 * USDC])
    assert scene.state.ledger.money.system["external"] == -(2_000 - 1_001) * USDC


@BOTH
def test_who_leaves_in_mid_trade_is_paid_only_after_everything_has_ended(route) -> None:
    scene = holding(route, n=1)
    scene.lead(100)
    opening, scene.orders = scene.orders, []
    scene.tell(LEAVE, 0)
    scene.answer()
    assert (scene.held(), scene.modes) == ([0], [Mode.LEAVING]), "an open is still in flight"
    assert not scene.all(Moved)
    scene.orders = opening
    scene.answer(rounds=1)
    assert (scene.held(), scene.modes) == ([100], [Mode.LEAVING])
    scene.rest()
    assert (scene.held(), scene.modes, scene.money) == ([0], [Mode.LEFT], [0])


def test_a_deposit_of_who_is_leaving_is_paid_out_with_the_rest_and_refused_afterwards() -> None:
    scene = holding(n=1)
    scene.tell(LEAVE, 0)
    scene.go(CashMoved(*scene.stamp(), ints([0]), ints([50 * USDC])))
    scene.answer()
    (paid,) = scene.all(Moved)
    assert paid.amounts.tolist() == [-1_050 * USDC]
    (refused,) = said(scene.go(CashMoved(*scene.stamp(), ints([0]), ints([USDC]))), Quarantined)
    assert "has left" in refused.why


def test_leaving_settles_the_fees_before_the_money_goes() -> None:
    scene = Scene(n=1)
    scene.go(FeesSet(*scene.stamp(), FeeTerms(subscription=3 * USDC, steps=((0, 1_000),))))
    scene.lead(100)
    scene.answer()
    scene.stamp(15 * DAY_NS)
    scene.top(PX * 2)
    scene.tell(LEAVE, 0)
    scene.answer(price=PX * 2)
    kinds = {fact.kind: int(fact.amounts.sum()) for fact in scene.all(FeeCharged)}
    assert kinds["subscription"] == 1_500_000 + kinds["subscription"] % 1_000
    gain = 100 * USDC - kinds["subscription"]
    assert kinds["performance"] == gain // 10
    (paid,) = scene.all(Moved)
    assert -int(paid.amounts[0]) == 1_000 * USDC + gain - kinds["performance"]
    assert scene.modes == [Mode.LEFT]
    assert scene.state.standing.mark.tolist() == [0]


def test_nothing_more_can_be_asked_of_a_follow_that_has_left() -> None:
    scene = holding(n=1)
    scene.tell(LEAVE, 0)
    scene.answer()
    before = scene.untouched()
    for action in (PAUSE, RESUME, CLOSE):
        (refused,) = said(scene.tell(action, 0), Quarantined)
        assert refused.why == "follow 0 has left: open a new follow"
    assert scene.untouched() == before
    scene.lead(100)
    scene.rest()
    assert scene.held() == [0]


def test_what_comes_after_someone_has_left_is_paid_out_when_they_leave_again() -> None:
    scene = Scene(n=1)
    order = opened(scene)
    scene.update(order, OrderSignal.REJECT)
    scene.tell(LEAVE, 0)
    assert scene.modes == [Mode.LEFT]
    scene.fill(order)  # the venue filled what it had rejected
    scene.rest(price=PX * 101 // 100)
    assert scene.held() == [0]
    assert scene.money == [USDC]
    scene.tell(LEAVE, 0)
    assert (scene.money, scene.modes) == ([0], [Mode.LEFT])


def test_money_that_one_follow_owes_is_not_paid_out_with_another() -> None:
    scene = Scene(followers=[7, 7], lead=[0, 1], leads=2, allocation=[1_000 * USDC, 100 * USDC])
    scene.lead(1_000, lead=1)
    scene.answer()
    scene.let(1, PX * 85 // 100)
    scene.tell(CLOSE, 1)
    scene.answer(price=PX * 85 // 100)
    whole, debt = scene.money
    assert (whole, debt) == (1_000 * USDC, -49_250_000)
    scene.tell(LEAVE, 0)
    assert scene.money == [-debt, debt]


# -- funding in mid-trade --------------------------------------------------------------------------------------------


@BOTH
def test_a_deposit_in_mid_trade_counts_for_the_caps_at_once(route) -> None:
    scene = Scene(route, n=1, allocation=100 * USDC, leverage_cap_e2=100)
    scene.lead(80)
    assert sold(scene.lead(80)) == {1: 19}, "at its limit price"
    scene.go(CashMoved(*scene.stamp(), ints([0]), ints([100 * USDC])))
    assert sold(scene.lead(30)) == {1: 91}
    scene.rest()
    assert scene.held() == [190]


# -- what becomes of the lead ----------------------------------------------------------------------------------------


@BOTH
def test_copies_of_a_liquidated_lead_are_closed(route) -> None:
    scene = holding(route)
    scene.news(LeadNews.LIQUIDATED)
    scene.answer()
    assert (scene.held(), scene.modes) == ([0, 0], [Mode.PAUSED] * 2)
    assert scene.why == [Reason.LEAD_LIQUIDATED] * 2
    scene.lead(100)
    scene.rest()
    assert scene.held() == [0, 0]


@BOTH
def test_copies_of_a_lead_that_is_gone_are_held_halved_or_closed_as_each_mandate_says(route) -> None:
    scene = holding(route, n=3, lots=101, lead_gone=[int(policy) for policy in LeadGone])
    scene.news(LeadNews.GONE)
    scene.answer()
    assert scene.held() == [101, 50, 0]
    assert scene.modes == [Mode.ACTIVE, Mode.ACTIVE, Mode.PAUSED]
    assert scene.why[2] == Reason.LEAD_GONE
    assert {fact.reason for fact in scene.all(Stopped)} == {Reason.LEAD_GONE}


def test_a_lead_that_is_gone_opens_nothing_and_from_its_next_trade_on_when_it_is_back() -> None:
    scene = Scene(n=1)
    scene.update(opened(scene), OrderSignal.CANCEL, 100)
    scene.news(LeadNews.GONE)
    assert scene.reasons() == [Reason.LEAD_GONE]
    assert [fact.missed for fact in scene.all(Settled) if fact.missed] == [{Reason.LEAD_GONE: 1}]
    scene.rest()
    scene.lead(50)
    scene.rest()
    assert (scene.held(), scene.reasons()) == ([0], [Reason.LEAD_GONE])
    scene.news(LeadNews.BACK)
    scene.rest()
    assert scene.held() == [0]
    scene.lead(30)
    scene.answer()
    assert scene.held() == [30]


def test_a_lead_that_is_gone_still_has_its_reductions_mirrored() -> None:
    scene = holding(n=1)
    scene.news(LeadNews.GONE)
    scene.lead_holds(40)
    scene.answer()
    assert scene.held() == [40]


def test_what_a_lead_deposits_as_margin_or_transfers_moves_no_target() -> None:
    scene = holding(n=2, sizing=[int(Sizing.FIXED_RATIO), int(Sizing.PROPORTIONAL)])
    before = scene.targets()
    for equity in (50_000 * USDC, 10 * USDC):
        assert not scene.go(LeadEquity(*scene.stamp(), 0, equity)).commands
        assert not scene.let().commands
    assert scene.targets() == before
    scene.lead(100)
    assert scene.targets() == [2 * target for target in before]
