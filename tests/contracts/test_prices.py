"""A price is one that the oracle and the market agree on, fresh, with the sequencer up: or there is none."""

from fractions import Fraction

import pytest

from tests.contracts.chain import deploy, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.market import fund, market, swap
from tests.contracts.nodes import later
from tests.contracts.ticks import tick_at

SCALE = 10**36
HOUR = 3600
WINDOW, LINE_BPS = 1800, 200
ZERO = "0x" + "00" * 20
WELL, REVERTS, BURNS_GAS, SAYS_TOO_LITTLE, SAYS_FAR_TOO_MUCH = range(5)
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


@pytest.fixture(scope="module")
def moody(web3):
    return compiled(web3, "Prices.sol", "MoodyFeed", 8)


def now(web3):
    return web3.eth.get_block("latest")["timestamp"]


def say(web3, moody, answer=DOLLARS * 10**8, mood=WELL, started=None, updated=None, rounds=(7, 7)):
    """The feed's next answer, fresh and complete where nothing else is said."""
    stamp = now(web3)
    started, updated = (stamp if s is None else s for s in (started, updated))
    send(web3, moody.functions.set(mood, rounds[0], answer, started, updated, rounds[1]), web3.eth.accounts[0])


def by(web3, guard, m, feed, **fields):
    """Price WETH by this feed instead."""
    given = {"heartbeat": HOUR, "pool": m.pool.address, "window": WINDOW, "deviation": LINE_BPS, **fields}
    send(web3, guard.functions.setFeed(m.weth.address, feed.address, *given.values()), web3.eth.accounts[0])


def test_the_price_is_in_base_units_of_the_quote_asset(m, guard):
    assert guard.functions.price(m.weth.address).call() == DOLLARS * 10**6 * SCALE // 10**18
    assert 5 * 10**17 * guard.functions.price(m.weth.address).call() // SCALE == 1500 * 10**6


def test_the_quote_asset_is_worth_itself_whatever_its_feed_says(web3, m, guard):
    assert guard.functions.price(m.usdc.address).call() == SCALE
    assert guard.functions.bounds(m.usdc.address).call() == [SCALE, SCALE]


def test_bounds_are_oracle_and_market_with_the_lower_first(web3, m, guard):
    low, high = guard.functions.bounds(m.weth.address).call()
    assert low <= high
    oracle = guard.functions.price(m.weth.address).call()
    assert oracle in (low, high)
    assert high - low <= oracle // 9_000, "the pool stands at the feed's price, to a tick"
    for dollars in (DOLLARS + 30, DOLLARS - 30):
        send(web3, m.feed.functions.set(dollars * 10**8, now(web3)), web3.eth.accounts[0])
        oracle = guard.functions.price(m.weth.address).call()
        assert guard.functions.bounds(m.weth.address).call()[dollars > DOLLARS] == oracle


def test_a_token_without_a_feed_has_no_price(web3, m, guard):
    with reverts(guard, "NoFeed"):
        guard.functions.price(m.pool.address).call()
    send(web3, guard.functions.setFeed(m.weth.address, ZERO, 0, ZERO, 0, 0), web3.eth.accounts[0])
    with reverts(guard, "NoFeed"):
        guard.functions.bounds(m.weth.address).call()


def test_an_answer_older_than_the_heartbeat_is_stale(web3, m, guard):
    later(web3, HOUR - 60)
    guard.functions.price(m.weth.address).call()
    later(web3, 120)
    with reverts(guard, "StalePrice"):
        guard.functions.price(m.weth.address).call()
    with reverts(guard, "StalePrice"):
        guard.functions.bounds(m.weth.address).call()


@pytest.mark.parametrize(
    "fault",
    [
        {"answer": 0},
        {"answer": -1},
        {"answer": 2**128},
        {"updated": 0},
        {"updated": 2**64},
        {"updated": 2**256 - 1},
        {"rounds": (7, 6)},
        {"mood": REVERTS},
        {"mood": BURNS_GAS},
        {"mood": SAYS_TOO_LITTLE},
        {"mood": SAYS_FAR_TOO_MUCH},
    ],
    ids=str,
)
def test_a_feed_that_misbehaves_gives_no_price_and_says_so(web3, m, guard, moody, fault):
    by(web3, guard, m, moody)
    say(web3, moody)
    guard.functions.price(m.weth.address).call()
    say(web3, moody, **fault)
    with reverts(guard, "StalePrice"):
        guard.functions.price(m.weth.address).call({"gas": 1_000_000})


def test_an_oracle_that_the_market_does_not_follow_gives_no_price(web3, m, guard):
    for dollars, good in ((3050, True), (2950, True), (3070, False), (2930, False), (1, False), (10**9, False)):
        send(web3, m.feed.functions.set(dollars * 10**8, now(web3)), web3.eth.accounts[0])
        if good:
            guard.functions.price(m.weth.address).call()
        else:
            with reverts(guard, "DeviatingPrice"):
                guard.functions.price(m.weth.address).call()


def test_one_swap_however_large_does_not_move_the_mean_at_once(web3, m, guard):
    before = guard.functions.bounds(m.weth.address).call()
    fund(web3, m.usdc, web3.eth.accounts[1], 30_000_000 * 10**6, m.router.address)
    swap(web3, m, web3.eth.accounts[1], m.usdc, m.weth, 30_000_000 * 10**6)
    assert guard.functions.bounds(m.weth.address).call() == pytest.approx(before, rel=0.005)
    later(web3, WINDOW)
    send(web3, m.feed.functions.set(DOLLARS * 10**8, now(web3)), web3.eth.accounts[0])
    with reverts(guard, "DeviatingPrice"):
        guard.functions.price(m.weth.address).call()


def test_a_pool_that_does_not_reach_back_far_enough_has_no_mean(web3, m, guard):
    by(web3, guard, m, m.feed, window=3 * 86400)
    with reverts(guard, "NoAverage"):
        guard.functions.price(m.weth.address).call()


def test_a_price_is_doubtful_while_the_sequencer_is_down_and_for_a_while_after(web3, m, moody):
    owner, grace = web3.eth.accounts[0], 600
    guard = deploy(web3, "PriceGuard", owner, m.usdc.address, moody.address, grace)
    by(web3, guard, m, m.feed)
    send(web3, m.feed.functions.set(DOLLARS * 10**8, now(web3)), owner)
    say(web3, moody, answer=0, started=now(web3) - grace - 60)
    assert guard.functions.price(m.weth.address).call() > 0
    doubtful = (
        {"answer": 1, "started": now(web3) - HOUR},
        {"answer": 0, "started": now(web3) - grace + 60},
        {"answer": 0, "started": 0},
        {"answer": 0, "started": 2**64},
        {"answer": 0, "started": now(web3) - HOUR, "mood": REVERTS},
        {"answer": 0, "started": now(web3) - HOUR, "mood": BURNS_GAS},
    )
    for said in doubtful:
        say(web3, moody, **said)
        with reverts(guard, "SequencerDown"):
            guard.functions.bounds(m.weth.address).call({"gas": 1_000_000})
    assert guard.functions.price(m.usdc.address).call() == SCALE


def test_a_quote_asset_off_its_peg_is_not_taken_at_par(web3, m, moody):
    owner = web3.eth.accounts[0]
    guard = deploy(web3, "PriceGuard", owner, m.usdc.address, ZERO, 0)
    send(web3, guard.functions.setFeed(m.usdc.address, moody.address, HOUR, ZERO, 0, 0), owner)
    by(web3, guard, m, m.feed)
    for cents, good in ((100, True), (99, True), (90, False)):
        say(web3, moody, answer=cents * 10**6)
        send(web3, m.feed.functions.set(DOLLARS * 10**8, now(web3)), owner)
        if good:
            assert guard.functions.price(m.weth.address).call() == DOLLARS * 10**6 * SCALE * 100 // (cents * 10**18)
        else:
            with reverts(guard, "DeviatingPrice"):
                guard.functions.price(m.weth.address).call()
    say(web3, moody, mood=REVERTS)
    with reverts(guard, "StalePrice"):
        guard.functions.price(m.weth.address).call()


def test_the_quote_assets_own_feed_comes_first_or_never(web3, m, guard, moody):
    owner = web3.eth.accounts[0]
    with reverts(guard, "QuoteComesFirst"):
        guard.functions.setFeed(m.usdc.address, moody.address, HOUR, ZERO, 0, 0).call({"from": owner})
    send(web3, guard.functions.setFeed(m.weth.address, ZERO, 0, ZERO, 0, 0), owner)
    send(web3, guard.functions.setFeed(m.usdc.address, moody.address, HOUR, ZERO, 0, 0), owner)
    by(web3, guard, m, m.feed)
    with reverts(guard, "QuoteComesFirst"):
        guard.functions.setFeed(m.usdc.address, ZERO, 0, ZERO, 0, 0).call({"from": owner})


def test_only_sound_settings_of_the_owner_are_taken(web3, m, guard):
    owner, weth, feed, pool = web3.eth.accounts[0], m.weth.address, m.feed.address, m.pool.address
    refused = {
        "OutOfBounds": [
            (weth, feed, 0, pool, WINDOW, LINE_BPS),
            (weth, feed, 3 * 86400, pool, WINDOW, LINE_BPS),
            (weth, feed, HOUR, pool, 1799, LINE_BPS),
            (weth, feed, HOUR, pool, 2**24, LINE_BPS),
            (weth, feed, HOUR, pool, WINDOW, 0),
            (weth, feed, HOUR, pool, WINDOW, 2001),
        ],
        "NotItsPool": [(m.router.address, feed, HOUR, pool, WINDOW, LINE_BPS)],
    }
    for error, orders in refused.items():
        for order in orders:
            with reverts(guard, error):
                guard.functions.setFeed(*order).call({"from": owner})
    with reverts(guard, "OwnableUnauthorizedAccount"):
        guard.functions.setFeed(weth, feed, HOUR, pool, WINDOW, LINE_BPS).call({"from": web3.eth.accounts[1]})


def test_a_token_whose_scale_no_price_can_hold_is_refused(web3, m, guard):
    owner = web3.eth.accounts[0]
    for decimals in (73, 255):
        odd = deploy(web3, "LocalToken", "Odd", "ODD", decimals)
        token0, token1 = sorted((odd.address, m.usdc.address), key=lambda a: int(a, 16))
        pool = compiled(web3, "Prices.sol", "FlatPool", token0, token1, 0)
        with reverts(guard, "OutOfBounds"):
            guard.functions.setFeed(odd.address, m.feed.address, HOUR, pool.address, WINDOW, LINE_BPS).call(
                {"from": owner}
            )


@pytest.mark.parametrize(("token", "feed"), [(0, 0), (0, 18), (2, 8), (8, 8), (18, 18), (24, 8), (36, 18)])
def test_tokens_and_feeds_of_any_decimals_are_priced_alike(web3, m, guard, token, feed):
    owner, dollars = web3.eth.accounts[0], 25
    coin = deploy(web3, "LocalToken", "Coin", "COIN", token)
    oracle = deploy(web3, "LocalFeed", feed, dollars * 10**feed)
    exact = Fraction(dollars * 10**6, 10**token)  # base units of USDC for one of the coin's
    token0, token1 = sorted((coin.address, m.usdc.address), key=lambda a: int(a, 16))
    tick = tick_at(exact if token0 == coin.address else 1 / exact)
    pool = compiled(web3, "Prices.sol", "FlatPool", token0, token1, tick)
    send(web3, guard.functions.setFeed(coin.address, oracle.address, HOUR, pool.address, WINDOW, LINE_BPS), owner)
    assert guard.functions.price(coin.address).call() == exact * SCALE
    low, high = guard.functions.bounds(coin.address).call()
    assert high - low <= exact * SCALE / 9_000
