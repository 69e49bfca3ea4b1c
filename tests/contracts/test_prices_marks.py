"""A mean from a kept mark is the pool's own, for a part of the gas; without a mark the pool's memory serves."""

import pytest

from tests.contracts.chain import assert_gas, deploy, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.market import fund, market, swap
from tests.contracts.nodes import later

SCALE = 10**36
HOUR = 3600
WINDOW, LINE_BPS = 1800, 200
ZERO = "0x" + "00" * 20
DOLLARS = 3000


@pytest.fixture(scope="module")
def m(web3):
    laid = market(web3, price=DOLLARS)
    later(web3, 2 * HOUR)
    return laid


@pytest.fixture(scope="module")
def guard(web3, m):
    """No sequencer, no feed of USDC's own: WETH by its feed and its pool."""
    owner = web3.eth.accounts[0]
    made = deploy(web3, "PriceGuard", owner, m.usdc.address, ZERO, 0)
    send(web3, made.functions.setFeed(m.weth.address, m.feed.address, HOUR, m.pool.address, WINDOW, LINE_BPS), owner)
    send(web3, m.feed.functions.set(DOLLARS * 10**8, now(web3)), owner)
    return made


def now(web3):
    return web3.eth.get_block("latest")["timestamp"]


def by(web3, guard, m, feed, **fields):
    """Price WETH by this feed instead."""
    given = {"heartbeat": HOUR, "pool": m.pool.address, "window": WINDOW, "deviation": LINE_BPS, **fields}
    send(web3, guard.functions.setFeed(m.weth.address, feed.address, *given.values()), web3.eth.accounts[0])


def marked(web3, guard, m):
    return send(web3, guard.functions.mark(m.weth.address), web3.eth.accounts[7])


def trade(web3, m, usdc):
    """A swap that moves the pool's tick, so that the pool remembers it; a little later."""
    fund(web3, m.usdc, web3.eth.accounts[1], usdc * 10**6, m.router.address)
    swap(web3, m, web3.eth.accounts[1], m.usdc, m.weth, usdc * 10**6)
    later(web3, 60)


def test_a_mean_from_a_mark_is_the_pools_own_over_the_same_time(web3, m, guard):
    owner = web3.eth.accounts[0]
    by(web3, guard, m, m.feed, deviation=2_000)
    plain = deploy(web3, "PriceGuard", owner, m.usdc.address, ZERO, 0)
    for pause in (WINDOW, WINDOW // 2):
        marked(web3, guard, m)
        trade(web3, m, 1_000_000)
        later(web3, pause)
    send(web3, m.feed.functions.set(DOLLARS * 10**8, now(web3)), owner)
    from_mark = guard.functions.bounds(m.weth.address).call()
    since = guard.functions.feeds(m.weth.address).call()[7]
    for window, same in ((now(web3) - since, True), (WINDOW, False)):
        by(web3, plain, m, m.feed, window=window, deviation=2_000)
        mean = plain.functions.bounds(m.weth.address).call()
        assert (mean == pytest.approx(from_mark, rel=2e-4)) is same, "some seconds apart, no more"


def test_a_mark_serves_from_one_window_to_three_and_is_then_forgotten(web3, m, guard):
    times = []
    for _ in range(3):
        marked(web3, guard, m)
        times.append(now(web3))
        marked(web3, guard, m)
        later(web3, WINDOW)
    assert guard.functions.feeds(m.weth.address).call()[7] == times[1]
    assert guard.functions.coming(m.weth.address).call()[0] == times[2]
    assert len(guard.events.Marked().get_logs(from_block=0)) == 3, "more often than once a window does nothing"
    later(web3, 3 * WINDOW)
    send(web3, m.feed.functions.set(DOLLARS * 10**8, now(web3)), web3.eth.accounts[0])
    assert guard.functions.price(m.weth.address).call() > 0
    with reverts(guard, "NoFeed"):
        guard.functions.mark(m.usdc.address).call()


def test_a_pool_with_the_shortest_memory_has_a_mean_once_it_is_marked(web3, m, guard):
    owner = web3.eth.accounts[0]
    coin = deploy(web3, "LocalToken", "Coin", "COIN", 18)
    token0, token1 = sorted((coin.address, m.usdc.address), key=lambda a: int(a, 16))
    send(web3, m.manager.functions.createAndInitializePoolIfNecessary(token0, token1, 3000, 1 << 96), owner)
    pool = m.factory.functions.getPool(token0, token1, 3000).call()
    feed = deploy(web3, "LocalFeed", 0, 10**12)
    listing = guard.functions.setFeed(coin.address, feed.address, 2 * HOUR, pool, WINDOW, LINE_BPS)
    send(web3, listing, owner)
    with reverts(guard, "NoAverage"):
        guard.functions.price(coin.address).call()
    for _ in range(2):
        send(web3, guard.functions.mark(coin.address), owner)
        later(web3, WINDOW)
    assert guard.functions.price(coin.address).call() == SCALE


def costs(web3, asker, guard, m):
    question = guard.encode_abi("bounds", [m.weth.address])
    send(web3, m.feed.functions.set(DOLLARS * 10**8, now(web3)), web3.eth.accounts[0])
    send(web3, asker.functions.ask(guard.address, question), web3.eth.accounts[0])
    return asker.functions.used().call()


def test_a_price_costs_what_is_written_down(web3, m, guard):
    owner = web3.eth.accounts[0]
    asker = compiled(web3, "Prices.sol", "Asker")
    up = deploy(web3, "LocalFeed", 0, 0)
    with_sequencer = deploy(web3, "PriceGuard", owner, m.usdc.address, up.address, 600)
    by(web3, with_sequencer, m, m.feed)
    send(web3, up.functions.set(0, now(web3) - HOUR), owner)
    side = "token0" if int(m.weth.address, 16) < int(m.usdc.address, 16) else "token1"
    later(web3, 60)
    trade(web3, m, 30_000)
    for _ in range(2):
        marked(web3, guard, m)
        marked(web3, with_sequencer, m)
        later(web3, WINDOW)
    assert_gas("guard", f"price, marked, of {side}", costs(web3, asker, guard, m))
    assert_gas("guard", f"price, marked, with a sequencer, of {side}", costs(web3, asker, with_sequencer, m))
    by(web3, guard, m, m.feed)
    assert_gas("guard", f"price, quiet pool, of {side}", costs(web3, asker, guard, m))
    for _ in range(8):
        trade(web3, m, 10_000)
    assert costs(web3, asker, guard, m) > costs(web3, asker, with_sequencer, m)
