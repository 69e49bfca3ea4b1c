"""Where cash is short, what a vault holds is sold in stages, in pieces as small as anybody likes."""

import pytest

from tests.contracts.chain import reverts
from tests.contracts.nodes import later
from tests.contracts.vault_world import SHARE, USDC, three_holders

ALL = 10**40


@pytest.fixture(scope="module")
def w(web3):
    return three_holders(web3)


def unwind(w, amount=ALL):
    """What was sold."""
    weth = w.market.weth.functions
    before = weth.balanceOf(w.vault.address).call()
    w.do(w.eve, "unwind", weth.address, amount, b"")
    return before - weth.balanceOf(w.vault.address).call()


def test_cash_for_exits_comes_from_stages_of_a_fifth(web3, w):
    w.buy(1.0)
    w.request(w.ann, 2000 * SHARE)
    w.request(w.bob, 500 * SHARE)
    held = w.market.weth.functions.balanceOf(w.vault.address).call()
    sold = []
    for _ in range(3):
        sold.append(unwind(w))
        later(web3, 60)
    assert sold[0] == sold[1] == -(-held // 5) > sold[2]
    assert held // 2 <= sum(sold) <= held * 51 // 100
    w.do(w.eve, "settle")
    assert 2000 * USDC - 3 <= w.claim(w.ann) <= 2000 * USDC
    with reverts(w.vault, "NothingToUnwind"):
        unwind(w)


def test_a_minute_sells_a_fifth_in_however_many_pieces(web3, w):
    w.buy(1.0)
    w.request(w.ann, 2000 * SHARE)
    w.request(w.bob, 2000 * SHARE)
    stage = -(-w.market.weth.functions.balanceOf(w.vault.address).call() // 5)
    sold, began = unwind(w, stage // 2), w.now()
    assert sold == stage // 2
    for piece in (1, stage // 7, ALL, ALL):
        sold += unwind(w, piece)
        assert sold <= stage + stage * (w.now() - began) // 60
    assert sold >= stage
    later(web3, 60)
    assert unwind(w) == stage


def test_a_grain_sold_takes_no_time_from_anybody(web3, w):
    """Who wants to hold exits up sells one unit before everybody else."""
    w.buy(1.0)
    w.request(w.ann, 2000 * SHARE)
    stage = -(-w.market.weth.functions.balanceOf(w.vault.address).call() // 5)
    for _ in range(3):
        assert unwind(w, 1) == 1
    assert unwind(w) >= stage - 3


def test_nothing_is_unwound_while_nobody_waits(w):
    w.buy(0.5)
    with reverts(w.vault, "NothingToUnwind"):
        unwind(w)
    w.do(w.lead, "retire")
    for token in (w.market.usdc.address, w.eve):
        with reverts(w.vault, "TokenNotAllowed"):
            w.do(w.eve, "unwind", token, ALL, b"")


def test_an_unwinding_that_gets_too_little_does_not_happen(w):
    w.buy(1.0)
    w.request(w.ann, 2000 * SHARE)
    w.do(w.eve, "record")
    venue = w.venue.functions
    venue.cost(101).transact({"from": w.eve})
    with reverts(w.venue, "TooLittle"):
        unwind(w)
    venue.cost(99).transact({"from": w.eve})
    unwind(w)


def test_five_stages_sell_everything(web3, w):
    w.buy(1.0)
    for who in (w.ann, w.bob, w.lead):
        w.request(who, w.shares(who))
    for _ in range(5):
        unwind(w)
        w.do(w.eve, "settle")
        later(web3, 61)
    assert w.market.weth.functions.balanceOf(w.vault.address).call() == 0
    assert w.read("totalSupply") == 0
    paid = sum(w.claim(who) for who in (w.ann, w.bob, w.lead))
    assert 5000 * USDC - 20 <= paid <= 5000 * USDC
