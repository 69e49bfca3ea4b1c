"""A fee on what came back above what was paid in, once, with a fifth of it insured: told again apart, to the unit."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.chain import reverts
from tests.contracts.follow_scene import MONTH, USDC, WETH, person, scene
from tests.contracts.nodes import later

ANN, BOB = person("ann"), person("bob")
TENTH = WETH // 10


@pytest.fixture(scope="module")
def s(web3):
    """10% of gains, no subscription."""
    return scene(web3)


@pytest.fixture(scope="module")
def monthly(web3):
    """10% of gains and 3 USDC a month."""
    return scene(web3, subscription=3 * USDC)


def trade(s, wallet, price, opens=True, fraction=None):
    """At a price; what the wallet holds of the asset afterwards."""
    s.set_price(price)
    s.copy(wallet, opens=opens, fraction=fraction or (TENTH if opens else WETH))
    return s.holds(wallet)[0]


def near(amount, usdc):
    """Within a unit where coins do not divide evenly, and what a subscription makes in some seconds."""
    return abs(amount - usdc * USDC) <= 60


def test_a_gain_pays_a_tenth_of_itself(s):
    wallet = s.follow(ANN)
    trade(s, wallet, 3000)
    assert near(trade(s, wallet, 3600, opens=False), 10_180)
    assert near(s.desk.functions.earned(s.lead.address).call(), 20)


def test_a_loss_is_made_good_before_anything_is_paid(s):
    wallet = s.follow(ANN)
    trade(s, wallet, 3000)
    assert near(trade(s, wallet, 2400, opens=False), 9_800)
    assert near(s.rule(wallet)["outlay"], 200)
    trade(s, wallet, 2400)
    assert near(trade(s, wallet, 2880, opens=False), 10_000)
    assert s.desk.functions.earned(s.lead.address).call() <= 1
    trade(s, wallet, 3000)
    assert near(trade(s, wallet, 3300, opens=False), 10_090)


def test_nothing_is_paid_before_what_was_paid_in_is_back(s):
    wallet = s.follow(ANN)
    trade(s, wallet, 3000)
    assert near(trade(s, wallet, 6000, opens=False, fraction=WETH // 2), 10_000)
    assert near(s.rule(wallet)["outlay"], 0)
    assert near(trade(s, wallet, 6000, opens=False), 10_900)


def test_a_fee_must_be_earned_back_first(s):
    wallet = s.follow(ANN)
    trade(s, wallet, 3000)
    trade(s, wallet, 6000, opens=False)
    assert near(s.rule(wallet)["outlay"], 100)
    trade(s, wallet, 6000)
    assert near(trade(s, wallet, 6600, opens=False), 11_000)
    assert near(s.desk.functions.earned(s.lead.address).call(), 100)


def test_a_coupon_takes_a_tenth_off_both_fees(monthly):
    s = monthly
    with_, without = s.follow(ANN), s.follow(BOB)
    s.do(s.coupons.functions.set(ANN.address, 1_000))
    s.copy(with_, without)
    later(s.web3, MONTH)
    s.set_price(6000)
    s.copy(with_, without, opens=False)
    assert near(s.holds(with_)[0], 11_000 - 2.7 - 0.09 * 997.3)
    assert near(s.holds(without)[0], 11_000 - 3 - 0.10 * 997)


def test_a_coupon_beyond_all_measure_takes_off_no_more_than_everything(s):
    wallet = s.follow(ANN)
    s.do(s.coupons.functions.set(ANN.address, 2**256 - 1))
    trade(s, wallet, 3000)
    assert near(trade(s, wallet, 6000, opens=False), 11_000)


def test_a_subscription_is_taken_from_exits_by_the_second_and_never_from_what_is_held(monthly):
    s = monthly
    wallet = s.follow(ANN)
    trade(s, wallet, 3000)
    later(s.web3, MONTH // 2)
    assert s.holds(wallet)[0] == 9_000 * USDC
    assert near(trade(s, wallet, 3000, opens=False), 9_998.5)
    assert near(s.rule(wallet)["outlay"], 1.5)


def test_a_subscription_takes_no_more_than_an_exit_brings_and_the_rest_stays_due(monthly):
    s = monthly
    wallet = s.follow(ANN, allocation=10 * USDC, funded=1 * USDC)
    s.copy(wallet, fraction=TENTH)
    later(s.web3, MONTH)
    assert trade(s, wallet, 3000, opens=False) == 0
    due = (s.now - s.rule(wallet)["paid"]) * 3 * USDC / MONTH
    assert near(due, 2)
    s.do(s.usdc.functions.mint(wallet, 10 * USDC))
    s.copy(wallet, fraction=WETH)
    assert near(trade(s, wallet, 3000, opens=False), 8)


def test_no_subscription_runs_while_no_mandate_lives(monthly):
    s = monthly
    wallet = s.follow(ANN)
    s.act(ANN, s.desk.functions.revoke(s.lead.address))
    later(s.web3, 3 * MONTH)
    mandate = s.mandate(ANN.address, issued=s.now)
    s.do(s.desk.functions.follow(mandate, s.sign(ANN, mandate)))
    trade(s, wallet, 3000)
    assert near(trade(s, wallet, 3000, opens=False), 10_000)


@pytest.mark.parametrize("ended", ["revoked", "expired"])
def test_ending_and_beginning_again_is_no_way_around_a_subscription(monthly, ended):
    s = monthly
    wallet = s.follow(ANN, **({"expiry": s.now + 2 * MONTH} if ended == "expired" else {}))
    trade(s, wallet, 3000)
    later(s.web3, MONTH)
    if ended == "revoked":
        for _ in range(2):
            s.act(ANN, s.desk.functions.revoke(s.lead.address))
    later(s.web3, 3 * MONTH)
    mandate = s.mandate(ANN.address, issued=s.now)
    s.do(s.desk.functions.follow(mandate, s.sign(ANN, mandate)))
    months = 1 if ended == "revoked" else 2
    assert near(trade(s, wallet, 3000, opens=False), 10_000 - 3 * months)


def test_a_fifth_of_all_fees_is_insured_and_the_rest_is_the_leads_and_the_platforms(monthly):
    s = monthly
    wallet = s.follow(ANN)
    trade(s, wallet, 3000)
    later(s.web3, MONTH)
    trade(s, wallet, 6000, opens=False)
    earned, subscribed = s.desk.functions.earned(s.lead.address).call(), s.desk.functions.subscriptions().call()
    assert near(earned, 99.7)
    assert near(subscribed, 3)
    assert s.holds(s.desk.address)[0] == earned + subscribed
    s.do(s.desk.functions.distributeFees(s.lead.address), s.web3.eth.accounts[7])
    insured = earned // 5 + subscribed // 5
    assert s.pool.functions.given(s.desk.address).call() == insured == s.holds(s.pool.address)[0]
    assert s.holds(s.lead.address)[0] == earned - earned // 5
    assert s.holds(s.web3.eth.accounts[3])[0] == subscribed - subscribed // 5
    assert s.holds(s.desk.address)[0] == 0
    s.do(s.desk.functions.distributeFees(s.lead.address))
    assert s.holds(s.lead.address)[0] == earned - earned // 5


def test_a_token_that_its_owner_brings_in_counts_as_bought_at_its_price(s):
    wallet = s.follow(ANN)
    s.set_price(3000)
    s.do(s.weth.functions.mint(ANN.address, WETH))
    s.act(ANN, s.weth.functions.approve(s.desk.address, WETH))
    s.act(ANN, s.desk.functions.bringIn(s.lead.address, s.weth.address, WETH))
    assert s.rule(wallet)["outlay"] == 3_000 * USDC
    assert near(trade(s, wallet, 3000, opens=False), 13_000)
    assert s.desk.functions.earned(s.lead.address).call() == 0
    for wrong in (s.usdc.address, s.pool.address):
        with reverts(s.desk, "NotListed"):
            s.desk.functions.bringIn(s.lead.address, wrong, 1).call({"from": ANN.address})


@dataclass
class Model:
    """One wallet's money, in whole base units, by the words of the contract's documentation."""

    cash: int
    coins: int = 0
    outlay: int = 0
    fees: int = 0

    def open(self, fraction: int, price: int) -> None:
        spent = min(10_000 * USDC * fraction // WETH, max(0, 10_000 * USDC - self.outlay), self.cash)
        self.cash, self.outlay = self.cash - spent, self.outlay + spent
        self.coins += spent * (10**72 // price) // 10**36

    def exit(self, fraction: int, price: int) -> None:
        sold = self.coins * fraction // WETH
        brought = sold * price // 10**36
        fee = max(0, brought - self.outlay) // 10
        self.outlay = fee or max(0, self.outlay - brought)
        self.coins, self.cash, self.fees = self.coins - sold, self.cash + brought - fee, self.fees + fee
        assert not fee or self.cash >= 10_000 * USDC, "a fee below the mark"


steps = st.tuples(st.booleans(), st.integers(1, 20), st.sampled_from((1500, 2999, 3000, 3333, 7000)))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(steps, min_size=3, max_size=8))
def test_any_story_ends_as_the_model_says_and_never_pays_below_the_mark(s, story):
    taken = s.web3.provider.make_request("evm_snapshot", [])["result"]
    wallet, model = s.follow(ANN), Model(10_000 * USDC)
    for opens, twentieths, dollars in story:
        s.set_price(dollars)
        fraction, price = WETH // 20 * twentieths, dollars * USDC * 10**36 // WETH
        s.copy(wallet, opens=opens, fraction=fraction)
        (model.open if opens else model.exit)(fraction, price)
    assert s.holds(wallet) == (model.cash, model.coins)
    assert s.rule(wallet)["outlay"] == model.outlay
    assert s.desk.functions.earned(s.lead.address).call() == model.fees == s.holds(s.desk.address)[0]
    s.web3.provider.make_request("evm_revert", [taken])
