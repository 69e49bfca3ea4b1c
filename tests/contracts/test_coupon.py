"""A coupon is good for whoever holds it until its period ends, whatever else anybody sends anybody."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.chain import assert_gas, deploy, gas_used, reverts, send
from tests.contracts.nodes import later

PERIOD = 30 * 86_400
OWNER, ANN, BOB = range(3)


@pytest.fixture(scope="module")
def coupon(web3):
    return deploy(web3, "FeeCoupon", web3.eth.accounts[OWNER])


def do(web3, call, by=OWNER):
    return send(web3, call, web3.eth.accounts[by])


def mint(web3, coupon, to, period):
    call = coupon.functions.mint(web3.eth.accounts[to], period)
    made = call.call({"from": web3.eth.accounts[OWNER]})
    do(web3, call)
    return made


def discounts(web3, coupon, *people):
    return [coupon.functions.discountBps(web3.eth.accounts[p]).call() for p in people]


def test_a_holder_pays_a_tenth_less_and_nobody_else(web3, coupon):
    mint(web3, coupon, ANN, 0)
    assert discounts(web3, coupon, ANN, BOB) == [1_000, 0]


def test_a_coupon_is_good_to_the_end_of_its_period(web3, coupon):
    made = mint(web3, coupon, ANN, 1)
    ends = coupon.functions.expiry(made).call()
    assert ends == coupon.functions.START().call() + 2 * PERIOD
    later(web3, ends - 10 - web3.eth.get_block("latest")["timestamp"])
    assert discounts(web3, coupon, ANN) == [1_000]
    later(web3, 12)
    assert discounts(web3, coupon, ANN) == [0]


def test_it_passes_from_hand_to_hand_and_its_good_with_it(web3, coupon):
    made = mint(web3, coupon, ANN, 5)
    do(web3, coupon.functions.transferFrom(*web3.eth.accounts[ANN : BOB + 1], made), ANN)
    assert discounts(web3, coupon, ANN, BOB) == [0, 1_000]
    do(web3, coupon.functions.burn(made), BOB)
    assert discounts(web3, coupon, ANN, BOB) == [0, 0]


def test_nobody_burns_anothers(web3, coupon):
    made = mint(web3, coupon, ANN, 5)
    with reverts(coupon, "ERC721InsufficientApproval"):
        coupon.functions.burn(made).call({"from": web3.eth.accounts[BOB]})


def test_only_the_owner_makes_them_and_none_that_is_good_for_nothing(web3, coupon):
    with reverts(coupon, "OwnableUnauthorizedAccount"):
        coupon.functions.mint(web3.eth.accounts[ANN], 0).call({"from": web3.eth.accounts[ANN]})
    later(web3, PERIOD + 10)
    for period in (0, 256, 2**255):
        with reverts(coupon, "NoSuchPeriod"):
            coupon.functions.mint(web3.eth.accounts[ANN], period).call({"from": web3.eth.accounts[OWNER]})
    mint(web3, coupon, ANN, 255)
    assert discounts(web3, coupon, ANN) == [1_000]


def test_the_question_is_answered_for_ever(web3, coupon):
    mint(web3, coupon, ANN, 255)
    later(web3, 256 * PERIOD)
    assert discounts(web3, coupon, ANN, BOB) == [0, 0]


moves = st.lists(st.tuples(st.integers(0, 3), st.sampled_from((ANN, BOB))), max_size=6)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(periods=st.lists(st.integers(0, 3), min_size=1, max_size=4), moves=moves, waited=st.integers(0, 4))
def test_whatever_is_sent_to_whom_a_holder_of_a_good_one_has_the_discount(web3, coupon, periods, moves, waited):
    taken = web3.provider.make_request("evm_snapshot", [])["result"]
    made = [mint(web3, coupon, ANN, period) for period in periods]
    holder = dict.fromkeys(range(len(made)), ANN)
    for which, to in moves:
        if which < len(made):
            by = holder[which]
            pair = (web3.eth.accounts[by], web3.eth.accounts[to])
            do(web3, coupon.functions.transferFrom(*pair, made[which]), by)
            holder[which] = to
    later(web3, waited * PERIOD + 10)
    for who in (ANN, BOB):
        good = any(holder[k] == who and periods[k] >= waited for k in holder)
        assert discounts(web3, coupon, who) == [1_000 if good else 0]
    web3.provider.make_request("evm_revert", [taken])


def test_a_coupon_costs_the_same_however_many_are_held(web3, coupon):
    for _ in range(3):
        mint(web3, coupon, ANN, 7)
    call = coupon.functions.mint(web3.eth.accounts[ANN], 7)
    assert_gas("follow", "mint one more coupon", gas_used(web3, call, web3.eth.accounts[OWNER]))
