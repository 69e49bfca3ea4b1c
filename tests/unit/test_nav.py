"""Net asset value: what a follower would walk away with, before and after the fees are charged."""

from decimal import Decimal

import pytest

from pilotfish.domain.terms import FeeTerms
from pilotfish.engine.facts import InsurancePaid
from pilotfish.engine.step import Outcome
from pilotfish.views.nav import NavView
from pilotfish.views.terms import TermsView, modes
from tests.unit.driver import USDC
from tests.unit.fee_scene import Scene

TERMS = FeeTerms(subscription=3 * USDC)


def value(scene: Scene, view: NavView | None = None):
    view = view or NavView()
    view.sample(scene.state, scene.state.now_ns)
    return view.days[-1]


def test_without_a_gain_the_net_asset_value_is_the_money():
    scene = Scene([7, 7], [0, 1], [300 * USDC, 200 * USDC], TERMS)
    day = value(scene)
    assert (day.nav, day.equity, day.accrued, day.deposited) == (500, 500, 0, 500)


@pytest.mark.parametrize("coupon", [0, 1])
@pytest.mark.parametrize("earned", [(88, 0), (60, -20), (200, 130), (-40, 10)])
def test_charging_the_fee_that_had_accrued_changes_no_net_asset_value(earned, coupon):
    scene = Scene([7, 7], [0, 1], [300 * USDC, 200 * USDC], TERMS, coupon=coupon)
    scene.earn(*(amount * USDC for amount in earned))
    before = value(scene)
    view = NavView()
    facts = scene.set(TERMS)  # renewed terms charge what has accrued
    view(None, Outcome([], facts), scene.state)
    after = value(scene, view)
    assert after.nav == before.nav
    assert after.accrued == 0
    assert after.performance == before.accrued
    assert (before.accrued > 0) == (sum(earned) > 0)


def test_the_steps_show_in_what_accrues():
    """500 and +88 is 17.6%: 5% on the first 50, 10% on the next 38."""
    scene = Scene([7, 7], [0, 1], [300 * USDC, 200 * USDC], TERMS)
    scene.earn(88 * USDC)
    assert value(scene).accrued == Decimal("6.3")


def test_a_subscription_that_is_owed_is_no_ones_asset():
    scene = Scene([7], allocation=USDC, terms=TERMS)
    scene.due(days=30)
    day = value(scene)
    assert (day.equity, day.accrued, day.nav) == (0, 2, -2)


def test_a_point_of_the_same_moment_replaces_the_one_before():
    scene, view = Scene([7], allocation=500 * USDC, terms=TERMS), NavView()
    value(scene, view)
    scene.earn(10 * USDC)
    value(scene, view)
    assert [day.equity for day in view.days] == [510]


def test_fees_go_where_the_report_says_and_nothing_is_lost_on_the_way():
    scene, view = Scene([7, 7], [0, 1], [300 * USDC, 200 * USDC], TERMS), TermsView()
    scene.earn(88 * USDC)
    facts = [*scene.due(days=30)]
    view(None, Outcome([], facts), scene.state)
    fees = view.fees(scene.state)
    assert fees.subscription == 6
    assert fees.performance > 0
    assert fees.charged == fees.to_platform + sum(fees.to_leads.values()) + fees.to_insurance
    assert (fees.pool, fees.claims_unpaid) == (fees.to_insurance, 0)


def test_claims_that_the_pool_paid_are_counted():
    view, scene = TermsView(), Scene([7], terms=TERMS)
    paid = InsurancePaid(scene.state.follows.follower[:1], scene.state.follows.follower[:1] * USDC, 0)
    view(None, Outcome([], [paid]), scene.state)
    assert view.fees(scene.state).claims_paid == 7


def test_every_way_of_copying_has_its_own_result():
    scene = Scene([1, 2, 3], [0, 0, 0], [100 * USDC, 200 * USDC, 300 * USDC], TERMS, direction=[0, 1, 1])
    scene.earn(10 * USDC, -5 * USDC, 20 * USDC)
    same, reverse = modes(scene.state, scene.state.follows.allocation)
    assert (same.direction, same.follows, same.result, same.return_bps) == ("same", 1, 10, 1_000)
    assert (reverse.direction, reverse.follows, reverse.deposited, reverse.result) == ("reverse", 2, 500, 15)
