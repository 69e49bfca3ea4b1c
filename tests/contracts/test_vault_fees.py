"""What an account pays: its own gain above its own mark, its months, its share of the year; and where that goes."""

import pytest

from tests.contracts.chain import deploy, reverts, send
from tests.contracts.nodes import later
from tests.contracts.vault_world import DAY, FREE, MONTH, SHARE, STEPS, USDC, world

YEAR = 365 * DAY
PAID = (3_000_000, 0, 0, 0, 0, 0, 0)
MANAGED = (0, 200, 0, 0, 0, 0, 0)


def filled(web3, terms):
    """The lead has 1,000, Ann 1,000; nothing is locked any more."""
    made = world(web3, terms)
    made.deposit(made.lead, 1000 * USDC)
    made.deposit(made.ann, 1000 * USDC)
    later(web3, DAY + 1)
    return made


@pytest.fixture(scope="module")
def w(web3):
    """Performance fee alone."""
    return filled(web3, STEPS)


@pytest.fixture(scope="module")
def monthly(web3):
    """3 USDC a month alone."""
    return filled(web3, PAID)


def held_for(w, seconds):
    """Ann has been a holder for this long; others' vaults may have let time pass meanwhile."""
    later(w.web3, w.read("account", w.ann)[3] + seconds - w.now())


def at(w, percent):
    """Make the NAV per share this many per cent of the first."""
    w.gain(w.read("totalSupply") * percent // 10**8 - w.read("totalAssets"))


def near(amount, units=3):
    return range(amount - units, amount + units + 1)


def mark(w, who):
    """Base units of the asset that the account's shares have as their mark."""
    return w.read("account", who)[0] * w.shares(who) // 10**36


@pytest.mark.parametrize(("percent", "fee"), [(100, 0), (105, 250), (110, 500), (120, 1500), (140, 4000)])
def test_an_exit_pays_on_its_gain_step_by_step(w, percent, fee):
    """The example of docs/fees.md: a mark of 1,000 and a gain of 400 pay 5 + 20 + 15 = 40."""
    at(w, percent)
    paid = 1000 * USDC * percent // 100 - fee * USDC // 100
    assert w.exit(w.ann, 1000 * SHARE) in near(paid)
    assert w.read("state")[0] in near(fee * USDC // 100)


def test_a_part_that_leaves_pays_on_its_part_of_the_gain(w):
    at(w, 140)
    assert w.exit(w.ann, 250 * SHARE) in near(350 * USDC - 10 * USDC)
    assert w.exit(w.ann, 750 * SHARE) in near(1050 * USDC - 30 * USDC)


def test_who_entered_below_anothers_mark_pays_on_its_own_gain_only(w):
    at(w, 200)
    w.deposit(w.bob, 200 * USDC)
    w.buy(1.0)
    w.price(1500)
    w.deposit(w.eve, 100 * USDC)
    w.price(1800)
    gained = w.read("convertToAssets", w.shares(w.eve)) - 100 * USDC
    later(w.web3, DAY + 1)
    w.sell(1.0)
    assert 0 < gained < 20 * USDC
    worth = w.read("convertToAssets", w.shares(w.eve))
    fee = (worth - 100 * USDC) // 20 if worth <= 110 * USDC else USDC // 2 + (worth - 110 * USDC) // 10
    assert w.exit(w.eve, w.shares(w.eve)) in near(worth - fee)
    below = w.read("convertToAssets", w.shares(w.bob))
    assert below < 200 * USDC
    assert w.exit(w.bob, w.shares(w.bob)) in near(below)


def test_a_charge_once_a_month_takes_shares_and_lifts_the_mark(w):
    at(w, 140)
    with reverts(w.vault, "ChargedAlready"):
        w.do(w.eve, "crystallise", w.ann)
    later(w.web3, MONTH)
    w.do(w.eve, "crystallise", w.ann)
    assert w.read("feeShares") == w.read("balanceOf", w.vault.address)
    assert w.read("convertToAssets", w.read("feeShares")) in near(40 * USDC)
    assert w.read("convertToAssets", w.shares(w.ann)) in near(1360 * USDC)
    assert mark(w, w.ann) in near(1400 * USDC)
    with reverts(w.vault, "ChargedAlready"):
        w.do(w.eve, "crystallise", w.ann)
    assert w.exit(w.ann, w.shares(w.ann)) in near(1360 * USDC)


def test_nothing_is_charged_below_the_mark_and_the_period_is_not_used_up(w):
    later(w.web3, MONTH)
    w.do(w.eve, "crystallise", w.ann)
    assert w.shares(w.ann) == 1000 * SHARE
    at(w, 110)
    w.do(w.eve, "crystallise", w.ann)
    assert w.read("convertToAssets", w.read("feeShares")) in near(5 * USDC)


def test_shares_take_their_mark_along(w):
    """Ann's 500 at a mark of 1 with Bob's 500 at a mark of 1.4: 1,000 at 1.2."""
    at(w, 140)
    w.deposit(w.bob, 700 * USDC)
    w.do(w.ann, "transfer", w.bob, 500 * SHARE)
    assert mark(w, w.bob) in near(1200 * USDC)
    assert mark(w, w.ann) in near(500 * USDC)
    later(w.web3, DAY + 1)
    w.do(w.bob, "transfer", w.bob, 500 * SHARE)
    assert mark(w, w.bob) in near(1200 * USDC)
    gain = 200 * USDC
    fee = 60 * USDC // 10 // 2 * 2 + 0 if gain <= 120 * USDC else 6 * USDC + 8 * USDC
    assert w.exit(w.bob, 1000 * SHARE) in near(1400 * USDC - fee)


def test_a_deposit_raises_the_mark_by_its_amount(w):
    at(w, 140)
    w.deposit(w.ann, 700 * USDC)
    assert mark(w, w.ann) in near(1700 * USDC)


def test_a_coupon_takes_a_tenth_off_as_it_was_at_the_request(w):
    at(w, 140)
    send(w.web3, w.coupons.functions.set(w.ann, 1000), w.eve)
    w.request(w.ann, 1000 * SHARE)
    send(w.web3, w.coupons.functions.set(w.ann, 0), w.eve)
    w.do(w.eve, "settle")
    w.do(w.eve, "claim", w.ann)
    assert w.cash(w.ann) in near(1364 * USDC)


def test_a_subscription_is_taken_in_shares_by_the_second(monthly):
    w = monthly
    held_for(w, MONTH - 1)
    w.do(w.ann, "transfer", w.bob, 0)
    assert 1000 * SHARE - w.shares(w.ann) in near(3 * SHARE, SHARE // 10_000)
    assert w.shares(w.lead) == 1000 * SHARE
    before = w.shares(w.ann)
    later(w.web3, MONTH // 3)
    w.request(w.ann, before)
    assert w.shares(w.ann) == 0
    assert before - w.read("state")[1] in near(SHARE, SHARE // 10_000)


def test_a_subscription_never_takes_more_than_there_is(monthly):
    w = monthly
    w.do(w.ann, "transfer", w.bob, SHARE)
    later(w.web3, 2 * MONTH)
    with reverts(w.vault, "ERC20InsufficientBalance"):
        w.do(w.bob, "transfer", w.eve, SHARE // 2)
    w.do(w.ann, "transfer", w.bob, 10 * SHARE)
    assert w.shares(w.bob) == 10 * SHARE
    later(w.web3, MONTH // 3)
    w.do(w.bob, "transfer", w.eve, 0)
    assert w.shares(w.bob) in near(9 * SHARE, SHARE // 10_000)


def test_a_subscription_asks_no_oracle(monthly):
    w = monthly
    w.buy(0.5)
    w.doubt()
    later(w.web3, MONTH)
    w.request(w.ann, 1000 * SHARE)
    assert 1000 * SHARE - w.read("state")[1] in near(3 * SHARE, SHARE)


def test_a_coupon_takes_a_tenth_off_a_subscription(monthly):
    w = monthly
    send(w.web3, w.coupons.functions.set(w.ann, 1000), w.eve)
    later(w.web3, MONTH)
    w.do(w.ann, "transfer", w.bob, 0)
    assert 1000 * SHARE - w.shares(w.ann) in near(27 * SHARE // 10, SHARE // 5)


def test_the_management_fee_dilutes_by_time_and_asks_no_oracle(web3):
    w = filled(web3, MANAGED)
    w.buy(0.5)
    w.doubt()
    start = w.read("totalSupply")
    later(web3, YEAR // 2)
    w.doubt(False)
    assert w.read("totalSupply") == start
    worth = w.read("convertToAssets", start)
    assert 2000 * USDC * 100 // 102 < worth < 2000 * USDC * 100 // 100
    w.sell(1.0)
    w.do(w.eve, "distributeFees")
    got = w.cash(w.recipient) + w.pool.functions.given(w.vault.address).call()
    assert got in near(2000 * USDC - w.read("convertToAssets", start), 2000)


def test_a_fifth_of_every_fee_is_insurance_and_exits_come_first(w):
    at(w, 140)
    later(w.web3, MONTH)
    w.do(w.eve, "crystallise", w.lead)
    w.request(w.ann, 500 * SHARE)
    with reverts(w.vault, "ExitsWait"):
        w.do(w.eve, "distributeFees")
    w.do(w.eve, "settle")
    w.do(w.eve, "claim", w.ann)
    w.do(w.eve, "distributeFees")
    insured, kept = w.pool.functions.given(w.vault.address).call(), w.cash(w.recipient)
    assert insured in near(12 * USDC)
    assert kept in near(48 * USDC)
    assert insured == (insured + kept) // 5
    assert w.read("feeShares") == 0 == w.read("state")[0]


def test_fees_are_paid_as_far_as_cash_goes(w):
    at(w, 140)
    later(w.web3, MONTH)
    w.do(w.eve, "crystallise", w.ann)
    w.buy(1.0)
    w.gain(10 * USDC)
    w.do(w.eve, "distributeFees")
    assert w.cash(w.recipient) in near(8 * USDC)
    assert w.read("feeShares") > 28 * SHARE * 10 // 14


def test_a_rise_waits_two_weeks_and_a_fall_does_not(w):
    schedule, owner = w.schedule, w.owner
    dearer = (0, 0, 600, 1000, 1000, 3000, 1500)
    send(w.web3, schedule.functions.announce(dearer), owner)
    with reverts(schedule, "NoticeRuns"):
        send(w.web3, schedule.functions.applyTerms(), w.eve)
    later(w.web3, 14 * DAY - 100)
    with reverts(schedule, "NoticeRuns"):
        send(w.web3, schedule.functions.applyTerms(), w.eve)
    assert schedule.functions.terms().call() == STEPS
    later(w.web3, 110)
    send(w.web3, schedule.functions.applyTerms(), w.eve)
    assert schedule.functions.terms().call() == dearer
    with reverts(schedule, "NoticeRuns"):
        send(w.web3, schedule.functions.applyTerms(), w.eve)
    send(w.web3, schedule.functions.announce(STEPS), owner)
    assert schedule.functions.terms().call() == STEPS


def test_any_part_that_costs_more_is_a_rise_and_a_fall_takes_it_back(w):
    schedule, owner = w.schedule, w.owner
    risen = [
        (1, 0, 500, 1000, 1000, 3000, 1500),
        (0, 1, 500, 1000, 1000, 3000, 1500),
        (0, 0, 501, 1000, 1000, 3000, 1500),
        (0, 0, 500, 999, 1000, 3000, 1500),
        (0, 0, 500, 1000, 1001, 3000, 1500),
        (0, 0, 500, 1000, 1000, 2999, 1500),
    ]
    for terms in risen:
        send(w.web3, schedule.functions.announce(terms), owner)
        assert schedule.functions.terms().call() == STEPS
        assert schedule.functions.announced().call() == terms
    send(w.web3, schedule.functions.announce((*FREE[:3], 1000, 0, 3000, 0)), owner)
    later(w.web3, 15 * DAY)
    with reverts(schedule, "NoticeRuns"):
        send(w.web3, schedule.functions.applyTerms(), w.eve)


def test_a_rise_does_not_reach_back(monthly):
    w = monthly
    send(w.web3, w.schedule.functions.announce((5_000_000, 0, 0, 0, 0, 0, 0)), w.owner)
    held_for(w, MONTH - 60)
    send(w.web3, w.schedule.functions.applyTerms(), w.eve)
    w.do(w.ann, "transfer", w.bob, 0)
    assert 1000 * SHARE - w.shares(w.ann) in near(3 * SHARE, SHARE // 10_000)
    later(w.web3, MONTH // 5)
    w.do(w.ann, "transfer", w.bob, 0)
    assert 1000 * SHARE - w.shares(w.ann) in near(4 * SHARE, SHARE // 10_000)


def test_no_terms_are_above_the_hard_bounds(w):
    bad = [
        (5_000_001, 0, 0, 0, 0, 0, 0),
        (0, 201, 0, 0, 0, 0, 0),
        (0, 0, 500, 1000, 1000, 3000, 1501),
        (0, 0, 499, 1000, 1000, 3000, 1500),
        (0, 0, 1000, 1000, 900, 3000, 1500),
        (0, 0, 500, 3001, 1000, 3000, 1500),
    ]
    for terms in bad:
        with reverts(w.schedule, "TermsOutOfBounds"):
            send(w.web3, w.schedule.functions.announce(terms), w.owner)
        with reverts(w.schedule, "TermsOutOfBounds"):
            deploy(w.web3, "FeeSchedule", terms, w.owner)
    with reverts(w.schedule, "OwnableUnauthorizedAccount"):
        send(w.web3, w.schedule.functions.announce(FREE), w.lead)
