"""What copies for segregated wallets cost: one user operation for all of them, and one for each beside it."""

import pytest

from tests.contracts.chain import assert_gas
from tests.contracts.follow_crowd import AT_ONCE, crowd
from tests.contracts.follow_scene import USDC, WETH
from tests.contracts.nodes import InnerProvider

TRANSACTION_GAS_MAX = 16_777_216  # EIP-7825
SMALL = WETH // 1_000
"""Of the allocation: 10 USDC each, so that the pool hardly moves."""


@pytest.fixture(scope="module")
def c(web3):
    return crowd(web3)


@pytest.fixture(scope="module")
def traded(c):
    """Each wallet has traded before and holds some of both."""
    done(c, c.operator.op(c.operator.copying(*c.wallets, fraction=SMALL, slippage=100), call_gas=12_000_000))
    c.wait(20 * 86_400)
    return c


def done(c, op):
    """Send it alone; its gas in all, of the transaction."""
    mined = c.operator.send(op)
    assert [told.done for told in c.operator.outcomes(mined)] == [True]
    assert c.scene.skipped(mined) == {}
    (told,) = c.scene.told("Copied", mined)
    assert len(told["rows"]) == 60 * len(c.wallets)
    return mined["gasUsed"]


def copied(c, what, **order):
    used = done(c, c.operator.op(c.operator.copying(*c.wallets, **order), call_gas=12_000_000))
    assert used < TRANSACTION_GAS_MAX
    assert_gas("follow", f"{what}, {len(c.wallets)} wallets in one operation", used, chance_bytes=8)
    return used


def assert_goal(c, used):
    """For 200 wallets; what the batch costs by itself, the swap and the checks, is too much for 20."""
    assert len(c.wallets) < 200 or used <= 35_000 * len(c.wallets) == 7_000_000


def test_a_follow_costs_at_most_75_000_gas_in_a_batch(c):
    assert c.used["follow"] <= 75_000
    some = min(AT_ONCE, len(c.wallets))
    assert_gas("follow", f"follow, each of {some}", c.used["follow"])
    assert_gas("follow", f"open a wallet, each of {some}", c.used["open"])


def test_the_first_copy_of_all_fits_one_transaction(c):
    copied(c, "a first copy", fraction=SMALL, slippage=100)


@pytest.mark.parametrize(
    ("what", "order"),
    [
        ("a copy", {"fraction": SMALL, "slippage": 100}),
        ("an exit with a subscription due", {"opens": False, "fraction": WETH // 2, "slippage": 200}),
    ],
)
def test_a_warm_copy_costs_at_most_35_000_gas_and_200_of_them_7_million(traded, what, order):
    assert_goal(traded, copied(traded, what, **order))


def test_an_exit_that_pays_both_fees_costs_no_more_than_that(traded):
    traded.scatter(traded.scene.weth, WETH // 100)
    used = copied(traded, "an exit with both fees due", opens=False, fraction=WETH // 2, slippage=200)
    assert traded.scene.desk.functions.earned(traded.scene.lead.address).call() > len(traded.wallets) * USDC // 2
    assert_goal(traded, used)


def test_the_same_by_an_operation_each_costs_several_times_as_much(traded):
    if isinstance(traded.web3.provider, InnerProvider):
        pytest.skip("the chain in the process is slow: this one is measured on the node alone")
    o, used = traded.operator, 0
    ops = [
        o.op(o.copying(w, fraction=SMALL, slippage=100), lane, call_gas=400_000, verification_gas=100_000)
        for lane, w in enumerate(traded.wallets, 1)
    ]
    for first in range(0, len(ops), 25):
        mined = o.send(*ops[first : first + 25])
        assert all(told.done for told in o.outcomes(mined))
        used += mined["gasUsed"]
    batch = o.op(o.copying(*traded.wallets, fraction=SMALL, slippage=100), call_gas=12_000_000)
    assert used > 5 * done(traded, batch)
