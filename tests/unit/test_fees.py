"""Fees: prorated subscriptions, performance fees above each follower's own mark, coupons, and where the money goes."""

import re
from pathlib import Path

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.errors import LedgerError
from pilotfish.domain.terms import DAY_NS, FeeTerms
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.money.arrears import in_arrears
from tests.unit.driver import PX, USDC
from tests.unit.fee_scene import FREE, SUBSCRIBED, Scene, charged

ROOT = Path(__file__).parents[2]


def test_a_fee_whose_parts_do_not_sum_is_not_posted() -> None:
    scene = Scene([0])
    with pytest.raises(LedgerError, match="5 is paid and 4 earned"):
        scene.ledger.post_fees(ints([0]), ints([5]), {"lead:0": 4})
    assert scene.money == [1_000 * USDC]


# -- subscription ------------------------------------------------------------------------------------------------------


def test_thirty_daily_settlements_cost_one_month_of_which_a_fifth_is_insured() -> None:
    scene = Scene([0, 1], terms=FeeTerms(subscription=2_999_999, steps=()), coupon=[0, 1])
    days = [charged(scene.due(1), "subscription") for _ in range(30)]
    assert len(set(days)) > 1  # the price is no multiple of thirty
    assert scene.money == [1_000 * USDC - 2_999_999, 1_000 * USDC - 2_999_999 * 9 // 10]
    assert scene.has("subscription") + scene.pool == sum(days)
    assert sum(days) // 5 - 60 <= scene.pool <= sum(days) // 5  # rounded down at each of sixty charges


def test_a_subscription_runs_from_the_opening_to_the_leaving_and_not_beyond() -> None:
    scene = Scene([0, 1], terms=SUBSCRIBED)
    scene.wait(10)
    assert charged(scene.leave(1), "subscription") == USDC
    scene.state.standing.mode[1] = Mode.LEFT
    scene.due(20)
    assert scene.money == [997 * USDC, 999 * USDC]


def test_what_cannot_be_paid_is_owed_pauses_after_a_month_and_is_charged_when_money_comes() -> None:
    scene = Scene([0], allocation=2 * USDC, terms=SUBSCRIBED)
    scene.due(30)
    assert scene.money == [0]
    assert scene.state.standing.owed.tolist() == [USDC]
    assert not in_arrears(scene.state).any()
    scene.due(30)
    assert in_arrears(scene.state).tolist() == [True]
    scene.cash([0], [10 * USDC])
    scene.due()
    assert scene.money == [6 * USDC]
    assert not in_arrears(scene.state).any()


def test_leaving_one_lead_charges_what_is_owed_there_and_not_elsewhere() -> None:
    scene = Scene([0, 0], lead=[0, 1], allocation=USDC, terms=SUBSCRIBED)
    scene.due(30)
    assert scene.state.standing.owed.tolist() == [2 * USDC, 2 * USDC]
    scene.cash([0, 1], [5 * USDC, 5 * USDC])
    scene.leave(0)
    assert scene.money == [3 * USDC, 5 * USDC]


def test_nobody_is_in_arrears_with_a_subscription_that_was_given_up() -> None:
    scene = Scene([0], allocation=USDC, terms=SUBSCRIBED)
    scene.due(60)
    assert in_arrears(scene.state).tolist() == [True]
    scene.set(FREE)
    assert in_arrears(scene.state).tolist() == [False]


def test_a_remainder_is_of_its_own_month() -> None:
    scene = Scene([0], terms=FeeTerms(subscription=2_000_001, steps=()))
    scene.due(7)
    carried = scene.state.standing.accrued.tolist()
    assert carried != [0]
    scene.set(FeeTerms(subscription=3_000_001, steps=()))
    assert scene.state.standing.accrued.tolist() == carried
    scene.set(FeeTerms(subscription=3_000_001, month_ns=DAY_NS, steps=()))
    assert scene.state.standing.accrued.tolist() == [0]


def test_a_fee_never_touches_margin_nor_what_another_lead_lacks() -> None:
    scene = Scene([0, 1, 1], allocation=100 * USDC, terms=SUBSCRIBED)
    scene.hold(0, 900)  # margin 90
    scene.order(0, 5, money=9 * USDC)
    scene.earn(0, 0, -198 * USDC)
    facts = scene.due(30)
    assert [fact.rows.tolist() for fact in facts] == [[0, 1]]
    assert [fact.amounts.tolist() for fact in facts] == [[USDC, 2 * USDC]]
    assert sum(scene.money[1:]) == 0


# -- performance -------------------------------------------------------------------------------------------------------


def test_losses_with_one_lead_offset_gains_with_another() -> None:
    scene = Scene([0, 0], lead=[0, 1], terms=FeeTerms())
    scene.earn(100 * USDC, -100 * USDC)
    assert scene.due(30) == []
    scene.earn(0, 40 * USDC)
    assert charged(scene.due(30), "performance") == 2 * USDC


def test_a_fee_goes_to_the_leads_by_their_gains_and_a_fifth_of_it_is_insured() -> None:
    scene = Scene([0, 0, 0], lead=[0, 1, 2], terms=FeeTerms())
    scene.earn(90 * USDC, -40 * USDC, 30 * USDC)
    assert charged(scene.due(30), "performance") == 4 * USDC
    assert [scene.has(f"lead:{k}") for k in range(3)] == [2_400_000, 0, 800_000]
    assert scene.pool == 800_000
    assert scene.marks == [1_090 * USDC, 960 * USDC, 1_030 * USDC]


def test_what_was_charged_for_once_is_not_charged_for_again() -> None:
    scene = Scene([0], terms=FeeTerms())
    paid = []
    for move in (100, -80, 60, 25, 20):
        scene.earn(move * USDC)
        paid.append(charged(scene.due(30), "performance"))
    assert paid == [5 * USDC, 0, 0, 0, USDC]  # 1,095 − 80 + 60 + 25 only gets back to the mark of 1,100


def test_the_fee_falls_due_once_a_period() -> None:
    scene = Scene([0], terms=FeeTerms())
    scene.earn(100 * USDC)
    assert [charged(scene.due(10), "performance") for _ in range(4)] == [0, 0, 5 * USDC, 0]


def test_a_deposit_is_no_gain_and_a_withdrawal_no_loss() -> None:
    scene = Scene([0], terms=FeeTerms())
    scene.cash([0], [500 * USDC])
    assert scene.due(30) == []
    scene.cash([0], [-750 * USDC])
    assert scene.marks == [750 * USDC]
    scene.earn(75 * USDC)
    assert charged(scene.due(30), "performance") == 3_750_000


def test_a_withdrawal_pays_the_fee_on_the_gain_that_it_takes_along() -> None:
    scene = Scene([0], terms=FeeTerms())
    scene.earn(100 * USDC)
    facts = scene.cash([0], [-550 * USDC])
    assert charged(facts, "performance") == 2_500_000  # half the equity, half of the fee of 5
    assert scene.marks == [500 * USDC]
    assert scene.money == [547_500_000]


def test_a_withdrawal_that_leaves_nothing_for_the_fee_is_too_much() -> None:
    scene = Scene([0, 1], terms=FeeTerms())
    scene.earn(100 * USDC, 0)
    assert scene.may_move([0, 1], [-1_100 * USDC, -1_000 * USDC]) == [False, True]
    assert scene.may_move([0, 1], [-1_095 * USDC, 5]) == [True, True]


def test_a_withdrawal_at_a_loss_pays_nothing_and_keeps_the_loss_in_proportion() -> None:
    scene = Scene([0], terms=FeeTerms())
    scene.earn(-200 * USDC)
    assert scene.cash([0], [-400 * USDC]) == []
    assert scene.marks == [500 * USDC]


def test_money_moved_between_ones_own_leads_is_neither_deposit_nor_withdrawal() -> None:
    scene = Scene([0, 0], lead=[0, 1], terms=FeeTerms())
    scene.earn(100 * USDC, 0)
    assert scene.cash([0, 1], [-600 * USDC, 600 * USDC]) == []
    assert scene.marks == [400 * USDC, 1_600 * USDC]
    assert charged(scene.due(30), "performance") == 5 * USDC
    assert scene.has("lead:0") == 4 * USDC


def test_a_mark_rises_only_by_what_was_charged_for_and_the_rest_is_charged_later() -> None:
    scene = Scene([0], allocation=1_000 * USDC, terms=FeeTerms())
    scene.hold(0, 10_980)  # at a tenth of the margin: 1,098 of 1,100 are bound once 100 are earned
    scene.earn(100 * USDC)
    assert charged(scene.due(30), "performance") == 2 * USDC
    assert scene.marks == [1_040_000_019]
    scene.hold(0, -10_980)
    assert charged(scene.due(30), "performance") == 2_899_999  # of 1,098 above 1,040.000019: 2 paid for that much
    assert scene.marks == [1_098 * USDC]


def test_a_mark_with_a_coupon_rises_by_what_the_lower_fee_has_paid_for() -> None:
    scene = Scene([0], terms=FeeTerms(), coupon=1)
    scene.hold(0, 10_980)
    scene.earn(100 * USDC)
    assert charged(scene.due(30), "performance") == 2 * USDC
    assert scene.marks == [1_044_444_479]  # 2 of 4.5, and 2.222223 of 5 is the fee on 44.444479


def test_each_row_pays_its_own_share_and_others_only_what_it_lacks() -> None:
    scene = Scene([0, 0], lead=[0, 1], terms=FeeTerms())
    scene.hold(0, 10_990)  # leaves 1 of 1,100
    scene.earn(100 * USDC, 60 * USDC)
    (fact,) = scene.due(30)
    assert (fact.rows.tolist(), fact.amounts.tolist()) == ([0, 1], [USDC, 7 * USDC])
    assert [scene.has("lead:0"), scene.has("lead:1")] == [4 * USDC, 2_400_000]


def test_leaving_settles_at_once_and_never_a_loss() -> None:
    scene = Scene([0, 1], terms=FeeTerms())
    scene.earn(100 * USDC, -100 * USDC)
    assert charged(scene.leave(0, 1), "performance") == 5 * USDC
    assert scene.money == [1_095 * USDC, 900 * USDC]
    assert scene.cash([0, 1], [-1_095 * USDC, -900 * USDC]) == []
    assert scene.marks == [0, 0]


def test_a_coupon_takes_a_tenth_off_both_fees() -> None:
    scene = Scene([0, 1], terms=FeeTerms(subscription=3 * USDC), coupon=[0, 1])
    scene.earn(103 * USDC, 102_700_000)  # 100 after the subscription
    facts = scene.due(30)
    assert charged(facts, "subscription") == 5_700_000
    assert [fact.amounts.tolist() for fact in facts][1] == [5 * USDC, 4_500_000]


def test_first_terms_do_not_reach_back_and_new_ones_settle_by_the_old() -> None:
    scene = Scene([0])
    scene.earn(100 * USDC)
    scene.wait(30)
    assert scene.set(FeeTerms(subscription=3 * USDC)) == []
    assert scene.due(0) == []
    scene.wait(15)
    scene.earn(101_500_000)
    facts = scene.set(FeeTerms(subscription=5 * USDC, steps=((0, 1_500),)))
    assert charged(facts, "subscription") == 1_500_000
    assert charged(facts, "performance") == 5 * USDC
    assert charged(scene.due(15), "subscription") == 2_500_000


def test_who_holds_what_has_no_price_is_not_charged_until_it_has_one() -> None:
    scene = Scene([0], terms=FeeTerms())
    scene.at(0)
    scene.state.listings[0].valued = 0
    scene.hold(0, -100)  # sold, so that the money looks like a gain
    assert scene.due(30) == []
    scene.at(PX // 2)
    scene.state.exposures = None
    assert charged(scene.due(), "performance") == 50 * USDC * 5 // 100


def test_the_page_on_fees_has_the_example_that_comes_out() -> None:
    page = (ROOT / "docs/fees.md").read_text()
    scene = Scene([0, 0], lead=[0, 1], allocation=[600 * USDC, 400 * USDC], terms=FeeTerms(subscription=3 * USDC))
    rows = []
    for day, profits, withdrawn in (
        (30, (206, -50), 0),
        (60, (-100, 0), 0),
        (90, (106, 106), 0),
        (100, (104.5, 0), 300),
    ):
        scene.earn(*(int(each * USDC) for each in profits))
        facts = scene.cash([0], [-withdrawn * USDC]) if withdrawn else scene.due(30)
        equity = sum(scene.money)
        fees = charged(facts, "subscription"), charged(facts, "performance")
        rows.append([str(day), *(f"{money / USDC:.2f}" for money in (*fees, equity, sum(scene.marks), scene.pool))])
    printed = [re.split(r" *\| *", line.strip("| ")) for line in re.findall(r"^\| \d+ \|.*$", page, re.M)]
    assert [[day, *figures] for day, _, *figures in printed] == rows
