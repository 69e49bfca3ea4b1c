"""Who brings an order picks its route: in a pool of its own it would take the slippage, if that pool were listed."""

from math import isqrt

import pytest

from tests.contracts.chain import deploy, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.follow_scene import desk_among, person
from tests.contracts.market import fund
from tests.contracts.nodes import later
from tests.contracts.vault_system import system
from tests.contracts.vault_world import DAY, ROUTE, SHARE, USDC, WETH, config, weth_price

FEE, TICKS = 10_000, (-887_200, 887_200)
TRAP = FEE.to_bytes(3, "big")
"""The way through the attacker's pool: it keeps 1% of what is sold."""
DEPTH = 50_000_000 * USDC


@pytest.fixture(scope="module")
def s(web3):
    """A vault of 100,000 that holds 30,000 of WETH, a liquidator for anybody, and a pool whose only provider is Eve."""
    made = system(web3)
    w = made.world
    parts = (w.owner, w.breaker.address, w.pool.address, w.guard.address)
    made.liquidator = deploy(web3, "Liquidator", *parts)
    fields = {"executor": made.executor.address, "liquidator": made.liquidator.address}
    w.vault = deploy(web3, "StrategyVault", config(w, **fields))
    send(web3, made.liquidator.functions.setBook(w.vault.address, True, True, 0), w.owner)
    w.deposit(w.lead, 10_000 * USDC)
    w.deposit(w.ann, 90_000 * USDC)
    made.mirror(buying=True, fraction=0.3)
    later(web3, DAY + 1)
    made.fresh()
    own_pool(web3, w)
    return made


def own_pool(web3, w):
    """WETH at 2,995: within the slippage after its own fee."""
    m, price = w.market, 2995
    amounts = {m.usdc.address: DEPTH, m.weth.address: DEPTH * WETH // (price * USDC)}
    token0, token1 = sorted(amounts, key=lambda a: int(a, 16))
    root = isqrt((amounts[token1] << 192) // amounts[token0])
    send(web3, m.manager.functions.createAndInitializePoolIfNecessary(token0, token1, FEE, root), w.eve)
    for token in (m.usdc, m.weth):
        fund(web3, token, w.eve, amounts[token.address], m.manager.address)
    position = (token0, token1, FEE, *TICKS, amounts[token0], amounts[token1], 0, 0, w.eve, 2**64)
    send(web3, m.manager.functions.mint(position), w.eve)


def pool_worth(w):
    """Of all that is in Eve's pool, at 3,000 for a WETH."""
    m = w.market
    pool = m.factory.functions.getPool(m.usdc.address, m.weth.address, FEE).call()
    return w.cash(pool) + m.weth.functions.balanceOf(pool).call() * 3000 * USDC // WETH


def enlist(web3, w):
    pair = (w.market.usdc.address, w.market.weth.address, FEE)
    send(web3, w.venue.functions.list(*pair), w.owner)


def waiting_exit(w):
    """More than is idle, so that anybody may unwind."""
    w.request(w.ann, 80_000 * SHARE)


def test_an_instruction_is_not_carried_out_in_the_bringers_own_pool(web3, s):
    with reverts(s.world.venue, "PoolNotListed"):
        s.mirror(buying=True, fraction=0.5, route=TRAP)
    with reverts(s.world.venue, "PoolNotListed"):
        s.mirror(buying=False, fraction=1, route=TRAP)
    s.mirror(buying=True, fraction=0.5)


def test_nothing_is_unwound_there(s):
    w = s.world
    waiting_exit(w)
    with reverts(w.venue, "PoolNotListed"):
        w.do(w.eve, "unwind", w.market.weth.address, 2**255, TRAP)
    w.do(w.eve, "unwind", w.market.weth.address, 2**255, ROUTE)


def test_nothing_is_closed_there(web3, s):
    w = s.world
    weth = w.market.weth.address
    w.do(w.lead, "setPriceStop", weth, weth_price(3100))
    with reverts(w.venue, "PoolNotListed"):
        send(web3, s.liquidator.functions.stop(w.vault.address, w.vault.address, weth, TRAP), w.eve)
    send(web3, s.liquidator.functions.stop(w.vault.address, w.vault.address, weth, ROUTE), w.eve)
    assert w.read("holdings", w.vault.address) == []


def test_a_desks_operator_copies_nobody_there(web3, s):
    w = s.world
    stand_ins = {
        "executor": compiled(web3, "Desk.sol", "PlainExecutor"),
        "coupons": compiled(web3, "Vault.sol", "SetCoupons"),
    }
    parts = {"guard": w.guard, "breaker": w.breaker, "venue": w.venue, "pool": w.pool, **stand_ins}
    desk = desk_among(web3, w.market.usdc, w.market.weth, parts)
    follower = person("follower of a careless operator")
    wallet = desk.follow(follower, leverageBps=10_000, openSlippageBps=100)
    desk.route = TRAP
    with reverts(w.venue, "PoolNotListed"):
        desk.order([wallet], slippage=100).call({"from": desk.operator})
    desk.route = ROUTE
    desk.copy(wallet, slippage=100)
    assert desk.holds(wallet)[1] > 0


def test_listed_the_pool_would_take_most_of_the_slippage_each_time_without_a_trade_of_the_attackers(web3, s):
    w = s.world
    enlist(web3, w)
    pair = w.market.usdc.address, w.market.weth.address, FEE
    for _ in range(2):
        before, had, size = w.read("totalAssets"), pool_worth(w), w.read("idle") // 5
        s.mirror(buying=True, fraction=0.2, route=TRAP)
        taken = before - w.read("totalAssets")
        assert size * 80 // 10_000 < taken < size * 100 // 10_000
        assert pool_worth(w) - had in range(taken - 2, taken + 3)
    send(web3, w.venue.functions.unlist(*pair), w.owner)
    with reverts(w.venue, "PoolNotListed"):
        s.mirror(buying=True, fraction=0.2, route=TRAP)
