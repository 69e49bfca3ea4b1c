"""Who moves a pool, starves a call of gas or waits for a sequencer closes nothing that is not due and gains nothing."""

from types import SimpleNamespace

import pytest
from web3 import Web3

from tests.contracts.chain import deploy, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.market import fund, market, swap
from tests.contracts.nodes import later
from tests.contracts.vault_system import venue_of
from tests.contracts.vault_world import FREE, LIMITS, ROUTE, World, config

USDC, WETH, SCALE = 10**6, 10**18, 10**36
ZERO = "0x" + "00" * 20
DOLLARS, GRACE = 3000, 600


@pytest.fixture(scope="module")
def s(web3):
    """A vault with 100,000 USDC, 90,000 of them in WETH, its stop at half; everything around it is what is shipped."""
    owner, lead, executor = web3.eth.accounts[4], web3.eth.accounts[1], web3.eth.accounts[2]
    m = market(web3)
    later(web3, 7200)
    up = deploy(web3, "LocalFeed", 0, 0)
    guard = deploy(web3, "PriceGuard", owner, m.usdc.address, up.address, GRACE)
    breaker = deploy(web3, "Breaker", owner)
    pool = deploy(web3, "InsurancePool", owner, m.usdc.address)
    liquidator = deploy(web3, "Liquidator", owner, breaker.address, pool.address, guard.address)
    schedule, venue = deploy(web3, "FeeSchedule", FREE, owner), venue_of(web3, m)
    w = World(web3, m, pool, schedule, guard, breaker, pool, pool, venue)
    vault = w.vault = deploy(web3, "StrategyVault", config(w, LIMITS, liquidator=liquidator.address))
    for call in (
        guard.functions.setFeed(m.weth.address, m.feed.address, 3600, m.pool.address, 1800, 2_000),
        breaker.functions.setReporter(liquidator.address, True),
        pool.functions.setClaimant(liquidator.address, True),
        pool.functions.setBook(vault.address, True),
        pool.functions.setBook(owner, True),
        liquidator.functions.setBook(vault.address, True, True, 0),
    ):
        send(web3, call, owner)
    fund(web3, m.usdc, owner, 50_000 * USDC, pool.address)
    send(web3, pool.functions.contribute(vault.address, 50_000 * USDC), owner)
    made = SimpleNamespace(web3=web3, m=m, up=up, guard=guard, breaker=breaker, pool=pool)
    made.liquidator, made.vault, made.venue = liquidator, vault, venue
    sequencer(made, up_for=7200)
    feed(made, DOLLARS)
    fund(web3, m.usdc, lead, 100_000 * USDC, vault.address)
    send(web3, vault.functions.deposit(100_000 * USDC, lead), lead)
    order = w.order(m.usdc, m.weth, 0.9)
    send(web3, vault.functions.mirror(order, ROUTE), executor)
    return made


def clock(s):
    return s.web3.eth.get_block("latest")["timestamp"]


def feed(s, dollars):
    send(s.web3, s.m.feed.functions.set(dollars * 10**8, clock(s)), s.web3.eth.accounts[0])


def sequencer(s, up_for=0, down=0):
    send(s.web3, s.up.functions.set(down, clock(s) - up_for), s.web3.eth.accounts[0])


def liquidation(s):
    return s.liquidator.functions.liquidate(s.vault.address, s.vault.address, [ROUTE])


def sell_weth(s, weth, who=9):
    """By an attacker, into the pool that the vault trades on."""
    attacker = s.web3.eth.accounts[who]
    fund(s.web3, s.m.weth, attacker, weth * WETH, s.m.router.address)
    return swap(s.web3, s.m, attacker, s.m.weth, s.m.usdc, weth * WETH)


def fall(s, dollars):
    """The market itself comes down to about this price, feed and mean alike."""
    ratio = (DOLLARS / dollars) ** 0.5 - 1
    sell_weth(s, int(10_000 * ratio))
    later(s.web3, 3 * 3600)
    feed(s, dollars)
    sequencer(s, up_for=7200)


def test_a_pool_pushed_down_for_a_moment_closes_nothing(s):
    before = s.vault.functions.standing(s.vault.address).call()
    sell_weth(s, 10_000)
    spot = s.m.pool.functions.slot0().call()[0]
    assert spot > 0
    assert s.vault.functions.standing(s.vault.address).call()[0] == pytest.approx(before[0], rel=0.02)
    with reverts(s.liquidator, "AboveItsLine"):
        liquidation(s).call()


def test_a_stop_is_not_reached_by_the_pool_alone(s):
    weth, lead = s.m.weth.address, s.web3.eth.accounts[1]
    send(s.web3, s.vault.functions.setPriceStop(weth, 2_900 * USDC * SCALE // WETH), lead)
    sell_weth(s, 10_000)
    with reverts(s.liquidator, "AboveItsStop"):
        s.liquidator.functions.stop(s.vault.address, s.vault.address, weth, ROUTE).call()


def test_an_oracle_alone_that_falls_closes_nothing(s):
    feed(s, 1000)
    with reverts(s.guard, "DeviatingPrice"):
        liquidation(s).call()


def test_a_closing_cannot_be_sandwiched_beyond_the_slippage_of_the_book(s):
    fall(s, 1300)
    order = liquidation(s)
    order.call()
    sell_weth(s, 500)
    with reverts(s.venue, "TooLittle"):
        order.call()


def test_what_closing_left_short_is_claimed_whoever_called_and_with_whatever_gas(s):
    fall(s, 1300)
    whole = 0
    for gas in (*range(150_000, 600_000, 30_000), 900_000):
        picture = s.web3.provider.make_request("evm_snapshot", [])["result"]
        call = liquidation(s).build_transaction({"from": s.web3.eth.accounts[8], "gas": gas})
        mined = s.web3.eth.wait_for_transaction_receipt(s.web3.eth.send_transaction(call))
        closed = s.m.weth.functions.balanceOf(s.vault.address).call() == 0
        claims = s.pool.functions.queue().call()[1] - 1
        counted = s.breaker.functions.state().call()[4]
        assert (closed, claims, counted) == ((True, 1, 1) if mined["status"] else (False, 0, 0))
        whole += mined["status"]
        s.web3.provider.make_request("evm_revert", [picture])
    assert 0 < whole < 16


def test_a_sequencer_that_comes_back_closes_nobody_before_they_can_react(s):
    fall(s, 1300)
    liquidation(s).call()
    sequencer(s, down=1)
    with reverts(s.guard, "SequencerDown"):
        liquidation(s).call()
    sequencer(s, up_for=0)
    with reverts(s.guard, "SequencerDown"):
        liquidation(s).call()
    later(s.web3, GRACE)
    liquidation(s).call()


def test_the_price_from_before_the_sequencer_stopped_is_stale_when_it_is_back(s):
    sequencer(s, down=1)
    later(s.web3, 2 * 3600)
    sequencer(s, up_for=GRACE + 60)
    with reverts(s.guard, "StalePrice"):
        s.guard.functions.price(s.m.weth.address).call()


def test_a_pool_moved_and_moved_back_around_a_mark_leaves_the_mean_as_it_was(s):
    later(s.web3, 7200)
    sequencer(s, up_for=7200)
    feed(s, DOLLARS)
    honest = s.guard.functions.bounds(s.m.weth.address).call()
    marker = compiled(s.web3, "Thief.sol", "Marker")
    anybody = s.web3.eth.accounts[9]
    for token, amount in ((s.m.weth, 20_000 * WETH), (s.m.usdc, 60_000_000 * USDC)):
        send(s.web3, token.functions.mint(marker.address, amount), anybody)
    down = int(s.m.weth.address, 16) < int(s.m.usdc.address, 16)
    pool, weth = s.m.pool.address, s.m.weth.address
    for _ in range(2):
        send(s.web3, marker.functions.run(pool, s.guard.address, weth, down, 10_000 * WETH), anybody)
        later(s.web3, 1800)
    feed(s, DOLLARS)
    assert s.guard.functions.feeds(weth).call()[7] > 0, "the mean comes from a mark of the attacker's choosing"
    assert s.guard.functions.bounds(weth).call() == pytest.approx(honest, rel=0.01), "moved fourfold, but for its fees"


def test_a_book_of_ones_own_closes_and_claims_nothing(s):
    fake = compiled(s.web3, "Books.sol", "PaperBook")
    victim = s.vault.address
    with reverts(s.liquidator, "NotABook"):
        s.liquidator.functions.liquidate(fake.address, victim, [ROUTE]).call()
    with reverts(s.liquidator, "NotABook"):
        s.liquidator.functions.stop(fake.address, victim, s.m.weth.address, ROUTE).call()


def test_an_asset_that_calls_back_counts_no_contribution_twice(web3):
    owner, book = web3.eth.accounts[:2]
    asset = compiled(web3, "Thief.sol", "HookedToken")
    pool = deploy(web3, "InsurancePool", owner, asset.address)
    send(web3, pool.functions.setBook(book, True), owner)
    send(web3, pool.functions.setBook(asset.address, True), owner)
    send(web3, pool.functions.setClaimant(owner, True), owner)
    fund(web3, asset, book, 1_000, pool.address)
    send(web3, pool.functions.contribute(book, 900), book)
    send(web3, pool.functions.claim(book, book, 100), owner)
    inner = {
        "contribute": pool.encode_abi("contribute", [Web3.to_checksum_address(asset.address), 1]),
        "pay": pool.encode_abi("pay", [9]),
        "collect": pool.encode_abi("collect", [book, book]),
    }
    for data in inner.values():
        send(web3, asset.functions.arm(pool.address, data), owner)
        with reverts(pool, "ReentrancyGuardReentrantCall"):
            pool.functions.contribute(book, 100).call({"from": book})
        send(web3, asset.functions.arm(ZERO, b""), owner)
    send(web3, asset.functions.arm(pool.address, inner["pay"]), owner)
    send(web3, pool.functions.pay(9), owner)
    assert (pool.functions.paid().call(), pool.functions.setAside(book).call()) == (100, 100)
