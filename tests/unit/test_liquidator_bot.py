"""What the bot does about an account, and when: one thing at a time, ever less often where nothing helps."""

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from pilotfish.venues.evm.eyes import CallRefused
from pilotfish.venues.evm.watch.bot import (
    REST_BLOCKS_MAX,
    Account,
    Doubt,
    Duty,
    Holding,
    Kind,
    Seen,
    Watch,
    duty_of,
)
from pilotfish.venues.evm.watch.reading import addresses, calldata, reason

ONE, TWO = Account("0xb0", "0xa1"), Account("0xb0", "0xa2")
WETH, WBTC = "0x" + "e1" * 20, "0x" + "b1" * 20
WELL = Seen(200, 100, False, (Holding(WETH, 30, 0),))
BELOW = WELL._replace(equity=100)


def watching(*accounts):
    watch = Watch()
    watch.add(accounts or (ONE,))
    return watch


def test_an_account_at_its_line_is_closed_with_all_that_it_holds():
    held = (Holding(WETH, 30, 0), Holding(WBTC, 0, 0))
    assert duty_of(ONE, Seen(100, 100, False, held)) == Duty(Kind.LIQUIDATE, ONE, (WETH, WBTC))
    assert duty_of(ONE, Seen(101, 100, False, held)) is None


@pytest.mark.parametrize("seen", [Seen(0, 0, False, WELL.holdings), Seen(5, 100, True, ())])
def test_without_a_line_or_with_nothing_left_to_sell_there_is_nothing_to_do(seen):
    assert duty_of(ONE, seen) is None


@pytest.mark.parametrize(("price", "stop", "due"), [(30, 30, True), (29, 30, True), (31, 30, False), (30, 0, False)])
def test_a_holding_is_sold_at_its_price_stop_alone(price, stop, due):
    seen = Seen(200, 100, False, (Holding(WBTC, 5, 0), Holding(WETH, price, stop)))
    assert duty_of(ONE, seen) == (Duty(Kind.STOP, ONE, (WETH,)) if due else None)


def test_the_line_comes_before_the_stops_and_a_recovery_after_them():
    stopped = (Holding(WETH, 30, 30),)
    assert duty_of(ONE, Seen(100, 100, True, stopped)).kind is Kind.LIQUIDATE
    assert duty_of(ONE, Seen(200, 100, True, stopped)).kind is Kind.STOP
    assert duty_of(ONE, Seen(200, 100, True, ())).kind is Kind.RECOVER
    assert duty_of(ONE, Seen(0, 0, True, ())) is None


def test_while_a_transaction_is_under_way_nothing_else_is_done_about_the_account():
    watch = watching(ONE, TWO)
    assert watch.saw(ONE, 5, BELOW).kind is Kind.LIQUIDATE
    watch.submitted(ONE, 1)
    assert watch.due(6) == [TWO]
    assert watch.ended(1, 9, ok=True) == ONE
    assert watch.due(8) == [TWO], "the block before still shows it at its line"
    assert watch.due(9) == [ONE, TWO]
    assert watch.ended(1, 9, ok=True) is None


def test_a_doubtful_price_is_asked_again_ever_less_often_and_at_once_after_it_is_over():
    watch, block, waits = watching(), 100, []
    for _ in range(8):
        assert watch.saw(ONE, block, Doubt("StalePrice")) is None
        wait = next(n for n in range(1, 99) if watch.due(block + n))
        waits.append(wait)
        block += wait
    assert waits == [1, 2, 4, 8, 16, 32, REST_BLOCKS_MAX, REST_BLOCKS_MAX]
    assert watch.saw(ONE, block, WELL) is None
    assert watch.due(block) == [ONE]
    watch.saw(ONE, block, Doubt("StalePrice"))
    assert watch.due(block + 1) == [ONE], "what was over is not held against it"


def test_a_closing_that_does_not_go_through_is_tried_again_after_a_rest():
    watch = watching()
    watch.saw(ONE, 5, BELOW)
    watch.submitted(ONE, 1)
    watch.ended(1, 7, ok=False)
    assert watch.due(7) == []
    assert watch.due(8) == [ONE]


def test_an_account_that_is_known_goes_on_as_it_is_when_it_is_told_again():
    watch = watching()
    watch.failed(ONE, 5)
    watch.add([ONE, TWO])
    assert watch.due(5) == [TWO]
    assert len(watch) == 2


seens = st.builds(
    Seen, st.integers(0, 200), st.integers(0, 200), st.booleans(),
    st.lists(st.builds(Holding, st.sampled_from([WETH, WBTC]), st.integers(0, 9), st.integers(0, 9)), max_size=2)
    .map(tuple),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.one_of(seens, st.builds(Doubt, st.just("?"))), st.booleans())))
def test_no_account_is_ever_lost_and_none_has_two_transactions_under_way(steps):
    watch, under_way, block = watching(ONE, TWO), {}, 0
    for number, (blocks, look, ok) in enumerate(steps):
        block += blocks
        for account in watch.due(block):
            assert account not in under_way
            if watch.saw(account, block, look) is not None:
                watch.submitted(account, 10 * number + account.account.count("2"))
                under_way[account] = 10 * number + account.account.count("2")
        for account, ticket in list(under_way.items())[:1]:
            assert watch.ended(ticket, block, ok=ok) == account
            del under_way[account]
    for account, ticket in under_way.items():
        assert watch.ended(ticket, block, ok=True) == account
    assert sorted(watch.due(block + REST_BLOCKS_MAX)) == [ONE, TWO]


BOOK, WHO = "0x" + "b0" * 20, "0x" + "a1" * 20


@pytest.mark.parametrize("routes", [{}, {WETH: b"\x00\x0b\xb8"}, {WETH: b"\x01" * 33, WBTC: b"\x02" * 64}])
def test_calls_are_what_the_abi_says(routes):
    account = Account(BOOK, WHO)
    ways = [routes.get(token, b"") for token in (WETH, WBTC)]
    asked = calldata(Duty(Kind.LIQUIDATE, account, (WETH, WBTC)), routes)
    assert asked[:4] == bytes(Web3.keccak(text="liquidate(address,address,bytes[])"))[:4]
    assert asked[4:] == encode(["address", "address", "bytes[]"], [BOOK, WHO, ways])
    asked = calldata(Duty(Kind.STOP, account, (WETH,)), routes)
    assert asked[:4] == bytes(Web3.keccak(text="stop(address,address,address,bytes)"))[:4]
    assert asked[4:] == encode(["address", "address", "address", "bytes"], [BOOK, WHO, WETH, ways[0]])
    asked = calldata(Duty(Kind.RECOVER, account, ()), routes)
    assert asked[4:] == encode(["address", "address"], [BOOK, WHO])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(min_size=20, max_size=20), max_size=5), st.binary(max_size=40))
def test_holdings_are_read_or_refused(tokens, garbage):
    raw = encode(["address[]"], [["0x" + token.hex() for token in tokens]])
    assert addresses(raw) == ["0x" + token.hex() for token in tokens]
    with pytest.raises(CallRefused):
        addresses(raw + b"\x00")
    with pytest.raises(CallRefused):
        addresses(garbage)


def test_a_refusal_is_told_in_the_contracts_own_word():
    stale = bytes(Web3.keccak(text="StalePrice(address,uint256)"))[:4]
    assert reason(CallRefused("node", "execution reverted", data=stale + bytes(64))) == "StalePrice"
    assert reason(CallRefused("node", "no reason given")) == "no reason given"
