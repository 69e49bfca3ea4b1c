"""Money that comes in, moves the market and leaves: in one transaction it cannot, over blocks it loses."""

import pytest

from tests.contracts.chain import reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.market import fund, swap
from tests.contracts.nodes import later
from tests.contracts.vault_system import system
from tests.contracts.vault_world import DAY, ROUTE, SHARE, USDC


@pytest.fixture(scope="module")
def s(web3):
    """Real oracle, market and venue; the lead has 10,000, Ann 90,000; the vault holds 30,000 worth of WETH."""
    made = system(web3)
    w = made.world
    w.deposit(w.ann, 90_000 * USDC)
    made.mirror(buying=True, fraction=0.3)
    later(web3, 3600)
    made.fresh()
    return made


def worth(w, who):
    """All that somebody has, at 3,000 for a WETH."""
    weth = w.market.weth.functions.balanceOf(who).call()
    return w.cash(who) + weth * 3000 * USDC // 10**18


def test_in_trade_and_out_in_one_transaction_is_impossible(web3, s):
    w = s.world
    attacker = compiled(web3, "Vault.sol", "InAndOut")
    loan = 90_000 * USDC
    fund(web3, w.market.usdc, attacker.address, loan)
    trade = w.vault.encode_abi("record", [])
    call = attacker.functions.run(w.vault.address, w.market.usdc.address, loan, w.vault.address, trade)
    send(web3, call, w.eve)
    assert not attacker.functions.left().call()
    assert not attacker.functions.moved().call()
    assert w.shares(attacker.address) > 0


def test_a_moved_pool_moves_neither_entry_nor_exit(web3, s):
    """2,000,000 into a pool of 30,000,000 a side: its price is 14% away; the vault's stays, and then there is none."""
    w = s.world
    before = w.read("previewDeposit", 1000 * USDC), w.read("navPerShare")
    fund(web3, w.market.usdc, w.eve, 2_000_000 * USDC, w.market.router.address)
    swap(web3, w.market, w.eve, w.market.usdc, w.market.weth, 2_000_000 * USDC)
    after = w.read("previewDeposit", 1000 * USDC), w.read("navPerShare")
    for one, other in zip(before, after, strict=True):
        assert abs(one - other) <= one // 1000
    later(web3, 900)
    s.fresh()
    with reverts(w.guard, "DeviatingPrice"):
        w.read("navPerShare")


def test_whoever_sandwiches_a_mirrored_trade_loses_or_stops_it(web3, s):
    """Beyond the slippage the trade does not happen; within it the pool's fees eat the gain."""
    w = s.world
    fund(web3, w.market.usdc, w.eve, 3_000_000 * USDC, w.market.router.address)
    fund(web3, w.market.weth, w.eve, 0, w.market.router.address)
    for size, happens in ((100_000 * USDC, True), (2_000_000 * USDC, False)):
        picture = web3.provider.make_request("evm_snapshot", [])["result"]
        start = w.cash(w.eve)
        bought = swap(web3, w.market, w.eve, w.market.usdc, w.market.weth, size)
        if happens:
            s.mirror(buying=True, fraction=0.1)
        else:
            with reverts(w.venue, "TooLittle"):
                s.mirror(buying=True, fraction=0.1)
        swap(web3, w.market, w.eve, w.market.weth, w.market.usdc, bought)
        assert w.cash(w.eve) < start
        web3.provider.make_request("evm_revert", [picture])


def test_deep_funds_over_blocks_gain_nothing_from_the_vault(web3, s):
    """In, the pool moved before a mirrored trade and back after it, held for the lock, and out: less than before."""
    w = s.world
    fund(web3, w.market.usdc, w.eve, 1_000_000 * USDC, w.vault.address)
    fund(web3, w.market.usdc, w.eve, 0, w.market.router.address)
    fund(web3, w.market.weth, w.eve, 0, w.market.router.address)
    start = worth(w, w.eve)
    w.do(w.eve, "deposit", 90_000 * USDC, w.eve)
    bought = swap(web3, w.market, w.eve, w.market.usdc, w.market.weth, 90_000 * USDC)
    s.mirror(buying=True, fraction=0.2)
    swap(web3, w.market, w.eve, w.market.weth, w.market.usdc, bought)
    later(web3, DAY + 3600)
    s.fresh()
    w.request(w.eve, w.shares(w.eve))
    send(web3, w.vault.functions.settle(), w.bob)
    send(web3, w.vault.functions.claim(w.eve), w.bob)
    assert w.read("state")[1] == 0
    assert worth(w, w.eve) < start


def test_whoever_forces_an_unwinding_through_a_bad_pool_stops_at_the_slippage(web3, s):
    w = s.world
    s.mirror(buying=True, fraction=1.0)
    later(web3, DAY + 3600)
    s.fresh()
    w.request(w.ann, 40_000 * SHARE)
    fund(web3, w.market.weth, w.eve, 1000 * 10**18, w.market.router.address)
    swap(web3, w.market, w.eve, w.market.weth, w.market.usdc, 100 * 10**18)
    with reverts(w.venue, "TooLittle"):
        w.do(w.bob, "unwind", w.market.weth.address, 2**255, ROUTE)
    with reverts(w.venue, "PoolNotListed"):
        w.do(w.bob, "unwind", w.market.weth.address, 2**255, (500).to_bytes(3, "big"))
