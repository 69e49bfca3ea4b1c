"""Fees and insurance where money really moves: through the step."""

from pilotfish.domain.arith import ints
from pilotfish.domain.events import CashMoved, Liquidation
from pilotfish.domain.instructions import FeesDue, FeesSet
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import DAY_NS, FeeTerms
from pilotfish.engine.facts import FeeCharged, InsurancePaid, Quarantined
from pilotfish.ledger.book import Account
from tests.unit.driver import PX, USDC, Desk, free_follows, only, said

TERMS = FeeTerms(subscription=3 * USDC)


def charged(desk: Desk) -> Desk:
    desk.go(FeesSet(*desk.stamp(), TERMS))
    return desk


def test_a_subscription_is_prorated_and_a_fifth_of_it_insures() -> None:
    desk = charged(Desk())
    desk.follow(free_follows([0]))
    desk.now += 10 * DAY_NS
    (fee,) = said(desk.go(FeesDue(*desk.stamp(0))), FeeCharged)
    assert (fee.kind, fee.amounts.tolist(), fee.to_insurance) == ("subscription", [USDC], USDC // 5)
    system = desk.state.ledger.money.system
    assert (system[Account.SUBSCRIPTION], system[Account.INSURANCE]) == (USDC * 4 // 5, USDC // 5)


def test_terms_outside_the_promised_range_are_refused_in_a_sentence() -> None:
    for terms in (
        FeeTerms(subscription=1), FeeTerms(steps=((0, 400),)), FeeTerms(steps=((0, 500), (1_000, 1_600))),
        FeeTerms(steps=((10, 500),)), FeeTerms(steps=((0, 1_000), (1_000, 500))), FeeTerms(month_ns=0),
    ):  # fmt: skip
        desk = Desk()
        assert said(desk.go(FeesSet(*desk.stamp(), terms)), Quarantined)
        assert desk.state.fee_terms is None


def test_a_follower_in_arrears_opens_nothing_until_the_money_is_there() -> None:
    desk = charged(Desk())
    desk.follow(free_follows([0], allocation=4 * USDC, sizing=1, value=10**9))
    desk.lead(4)
    for _ in range(80):
        desk.now += DAY_NS
        desk.go(FeesDue(*desk.stamp(0)))
    desk.top()
    desk.lead(4)
    assert desk.reasons() == [Reason.OWED]
    desk.go(CashMoved(*desk.stamp(), ints([0]), ints([20 * USDC])))
    desk.go(FeesDue(*desk.stamp()))
    desk.lead(4)
    assert desk.reasons() == [Reason.NONE]


def test_the_pool_pays_an_account_that_a_liquidation_left_below_zero() -> None:
    desk = charged(Desk())
    desk.follow(free_follows([0, 1], allocation=[100 * USDC, 5_000 * USDC], sizing=1, value=10**9))
    desk.now += 30 * DAY_NS
    desk.go(FeesDue(*desk.stamp(0)))
    pool = desk.state.ledger.insurance
    desk.top()
    desk.fill(only(desk.lead(900)))
    held = desk.held()
    price = PX // 2
    outcome = desk.go(Liquidation(*desk.stamp(), -1, 0, 1, -sum(held), price, sum(held) * price, 0))
    (paid,) = said(outcome, InsurancePaid)
    assert 0 < int(paid.amounts.sum()) <= pool
    assert int(desk.state.ledger.money.rows[0]) <= 0
    assert desk.state.claims[0] == int(paid.unpaid[0]) > 0


def test_a_withdrawal_pays_the_performance_fee_on_what_it_takes_out() -> None:
    desk = charged(Desk())
    desk.follow(free_follows([0], sizing=1, value=10**9))
    desk.fill(only(desk.lead(100)))
    desk.top(PX * 2)
    desk.fill(only(desk.lead(-100, PX * 2)), price=PX * 2)
    (fee,) = said(desk.go(CashMoved(*desk.stamp(), ints([0]), ints([-550 * USDC]))), FeeCharged)
    assert fee.kind == "performance"
    assert fee.amounts.tolist() == [5 * USDC // 2]  # half of 5% of the 100 that was gained
