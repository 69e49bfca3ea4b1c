"""The market that the contracts are tried on is Uniswap's own: its prices are what the pool's formula gives."""

import pytest

from tests.contracts.market import fund, market, swap


@pytest.fixture(scope="module")
def m(web3):
    return market(web3)


def test_a_swap_gives_what_a_constant_product_gives(web3, m):
    trader, amount = web3.eth.accounts[1], 30_000 * 10**6
    fund(web3, m.usdc, trader, amount, m.router.address)
    usdc, weth = 30_000_000 * 10**6, 10_000 * 10**18
    after_fee = amount * 997 // 1000
    expected = weth * after_fee // (usdc + after_fee)
    got = swap(web3, m, trader, m.usdc, m.weth, amount)
    assert abs(got - expected) < expected // 10**9


def test_each_test_finds_the_market_untouched(web3, m):
    assert m.usdc.functions.balanceOf(web3.eth.accounts[1]).call() == 0
