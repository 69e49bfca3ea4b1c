"""What has reached its line is closed by whoever sees it, and what has not is closed by nobody."""

from types import SimpleNamespace

import pytest
from web3.logs import DISCARD

from tests.contracts.chain import assert_gas, deploy, gas_used, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.market import fund, market
from tests.contracts.nodes import later

ZERO = "0x" + "00" * 20
USDC, WETH, SCALE = 10**6, 10**18, 10**36
ROUTE, DOLLARS = b"\0\x0b\xb8", 3000
LINE = 2_500 * USDC


@pytest.fixture(scope="module")
def s(web3):
    """The whole of it around a book on paper; 100,000 USDC of its own fees are in the pool."""
    owner = web3.eth.accounts[0]
    m = market(web3, price=DOLLARS)
    later(web3, 7200)
    guard = deploy(web3, "PriceGuard", owner, m.usdc.address, ZERO, 0)
    breaker = deploy(web3, "Breaker", owner)
    pool = deploy(web3, "InsurancePool", owner, m.usdc.address)
    liquidator = deploy(web3, "Liquidator", owner, breaker.address, pool.address, guard.address)
    book = compiled(web3, "Books.sol", "PaperBook")
    for call in (
        m.feed.functions.set(DOLLARS * 10**8, web3.eth.get_block("latest")["timestamp"]),
        guard.functions.setFeed(m.weth.address, m.feed.address, 3600, m.pool.address, 1800, 2_000),
        breaker.functions.setReporter(liquidator.address, True),
        pool.functions.setClaimant(liquidator.address, True),
        pool.functions.setBook(owner, True),
        pool.functions.setBook(book.address, True),
        liquidator.functions.setBook(book.address, True, True, 100 * USDC),
        book.functions.setUp(guard.address, liquidator.address),
    ):
        send(web3, call, owner)
    fund(web3, m.usdc, owner, 100_000 * USDC, pool.address)
    send(web3, pool.functions.contribute(book.address, 100_000 * USDC), owner)
    return SimpleNamespace(m=m, guard=guard, breaker=breaker, pool=pool, liquidator=liquidator, book=book)


def account(n):
    return "0x" + f"{n:040x}"


def opened(web3, s, n=1, cash=0, line=LINE, tokens=None):
    """An account with this much cash and these holdings: one WETH where nothing else is said."""
    held = {s.m.weth.address: WETH} if tokens is None else tokens
    order = s.book.functions.open(account(n), cash, line, list(held), list(held.values()))
    send(web3, order, web3.eth.accounts[0])
    return account(n)


def dollars(web3, s, price):
    stamp = web3.eth.get_block("latest")["timestamp"]
    send(web3, s.m.feed.functions.set(price * 10**8, stamp), web3.eth.accounts[0])


def order(s, who, routes=(ROUTE,)):
    return s.liquidator.functions.liquidate(s.book.address, who, list(routes))


def liquidate(web3, s, who, routes=(ROUTE,)):
    """By a stranger; what the event tells."""
    mined = send(web3, order(s, who, routes), web3.eth.accounts[8])
    told = s.liquidator.events.Liquidated().process_receipt(mined, errors=DISCARD)
    return told[0]["args"] if told else None


def recorded(s):
    return s.breaker.functions.state().call()[4]


def test_an_account_above_its_line_is_closed_by_nobody(web3, s):
    who = opened(web3, s, cash=1)
    with reverts(s.liquidator, "AboveItsLine"):
        order(s, who).call()
    free = opened(web3, s, n=2, line=0)
    dollars(web3, s, 2600)
    with reverts(s.liquidator, "AboveItsLine"):
        order(s, free).call()


def test_an_account_at_its_line_is_closed_by_anybody_and_counted(web3, s):
    who = opened(web3, s, line=2_600 * USDC)
    dollars(web3, s, 2600)
    told = liquidate(web3, s, who)
    assert (told["equity"], told["line"], told["left"], told["claim"]) == (2_600 * USDC, 2_600 * USDC, 2_600 * USDC, 0)
    assert s.book.functions.cash(who).call() == 2_600 * USDC
    assert recorded(s) == 1


def test_what_closing_left_short_of_the_line_is_claimed(web3, s):
    who = opened(web3, s, cash=10 * USDC, line=2_700 * USDC)
    dollars(web3, s, 2600)
    send(web3, s.book.functions.fillAt(9_900), web3.eth.accounts[0])
    told = liquidate(web3, s, who)
    left = 2_600 * USDC * 99 // 100 + 10 * USDC
    assert (told["left"], told["claim"]) == (left, 1)
    send(web3, s.pool.functions.pay(9), web3.eth.accounts[8])
    assert s.m.usdc.functions.balanceOf(who).call() == 2_700 * USDC - left


def test_a_fill_above_the_line_claims_nothing(web3, s):
    who = opened(web3, s, line=2_600 * USDC)
    dollars(web3, s, 2600)
    send(web3, s.book.functions.fillAt(10_100), web3.eth.accounts[0])
    assert liquidate(web3, s, who)["claim"] == 0


def test_on_a_doubtful_price_nothing_is_closed(web3, s):
    who = opened(web3, s, line=10_000 * USDC)
    send(web3, s.book.functions.setStop(who, s.m.weth.address, 2**200), web3.eth.accounts[0])
    stopping = s.liquidator.functions.stop(s.book.address, who, s.m.weth.address, ROUTE)
    for fault, doubt in ((lambda: dollars(web3, s, 1000), "DeviatingPrice"), (lambda: later(web3, 3700), "StalePrice")):
        fault()
        for call in (order(s, who), stopping):
            with reverts(s.guard, doubt):
                call.call()
        dollars(web3, s, DOLLARS)
    order(s, who).call()


def test_one_liquidation_too_many_halts_the_platform_and_closing_goes_on(web3, s):
    dollars(web3, s, 2600)
    for n in range(1, 8):
        liquidate(web3, s, opened(web3, s, n=n, line=2_600 * USDC))
        if n <= 5:
            s.breaker.functions.requireOpen(s.book.address).call()
        else:
            with reverts(s.breaker, "Halted"):
                s.breaker.functions.requireOpen(s.book.address).call()


def test_tiny_accounts_are_closed_but_halt_nobody(web3, s):
    dollars(web3, s, 2600)
    for n in range(1, 8):
        who = opened(web3, s, n=n, line=99 * USDC, tokens={s.m.weth.address: WETH // 100})
        assert liquidate(web3, s, who)["claim"] > 0
    assert recorded(s) == 0


def test_dust_sent_to_a_closed_account_neither_counts_nor_claims_again(web3, s):
    dollars(web3, s, 2600)
    who = opened(web3, s, line=2_700 * USDC)
    assert liquidate(web3, s, who)["claim"] == 1
    opened(web3, s, cash=2_600 * USDC, line=2_700 * USDC, tokens={s.m.weth.address: 10**13})
    told = liquidate(web3, s, who)
    assert (told["claim"], recorded(s)) == (0, 1)


def test_an_account_seen_above_its_line_again_counts_and_is_insured_again(web3, s):
    dollars(web3, s, 2600)
    who = opened(web3, s, line=2_700 * USDC)
    liquidate(web3, s, who)
    seen = s.liquidator.functions.recovered(s.book.address, who)
    with reverts(s.liquidator, "BelowItsLine"):
        seen.call()
    opened(web3, s, cash=101 * USDC, line=2_700 * USDC)
    send(web3, seen, web3.eth.accounts[7])
    dollars(web3, s, 2590)
    assert liquidate(web3, s, who)["claim"] == 2
    assert recorded(s) == 2


def test_what_was_sold_by_others_before_does_not_keep_an_account_from_its_insurance(web3, s):
    """Once, and where the book is insured: a follower's emptied wallet is nobody's loss."""
    who = opened(web3, s, cash=LINE - 100 * USDC, tokens={})
    assert liquidate(web3, s, who, [])["claim"] == 1
    with reverts(s.liquidator, "NothingToClose"):
        order(s, who, []).call()
    insured = s.liquidator.functions.setBook(s.book.address, True, False, 0)
    send(web3, insured, web3.eth.accounts[0])
    with reverts(s.liquidator, "NothingToClose"):
        order(s, opened(web3, s, n=2, cash=1, tokens={}), []).call()


def test_an_account_of_which_nothing_is_to_be_sold_is_not_liquidated(web3, s):
    holder = opened(web3, s, n=2, line=10_000 * USDC)
    with reverts(s.liquidator, "NothingToClose"):
        order(s, holder, [b""]).call()
    for routes in ([], [ROUTE, ROUTE]):
        with reverts(s.liquidator, "WrongRoutes"):
            order(s, holder, routes).call()


def listed_coin(web3, s):
    """A token of which one base unit is worth one of USDC's, says everybody."""
    coin = deploy(web3, "LocalToken", "Coin", "COIN", 18)
    flat = compiled(web3, "Prices.sol", "FlatPool", *sorted((coin.address, s.m.usdc.address), key=str.lower), 0)
    feed = deploy(web3, "LocalFeed", 0, 10**12)
    listing = s.guard.functions.setFeed(coin.address, feed.address, 3600, flat.address, 1800, 2_000)
    send(web3, listing, web3.eth.accounts[0])
    return coin


def test_a_holding_that_cannot_be_sold_does_not_keep_the_others(web3, s):
    dollars(web3, s, 2600)
    coin = listed_coin(web3, s)
    who = opened(web3, s, line=10_000 * USDC, tokens={s.m.weth.address: WETH, coin.address: 101 * USDC})
    with pytest.raises(Exception, match="no market"):
        order(s, who, [ROUTE, b"no market"]).call()
    assert liquidate(web3, s, who, [ROUTE, b""]) is None
    assert (s.book.functions.cash(who).call(), recorded(s)) == (2_600 * USDC, 0)
    told = liquidate(web3, s, who)
    assert (told["left"], told["claim"], recorded(s)) == (2_701 * USDC, 1, 1)


def test_dust_that_no_pool_buys_does_not_keep_a_liquidation_from_counting(web3, s):
    dollars(web3, s, 2600)
    coin = listed_coin(web3, s)
    who = opened(web3, s, line=2_700 * USDC, tokens={s.m.weth.address: WETH, coin.address: 1})
    told = liquidate(web3, s, who, [ROUTE, b""])
    assert (told["left"], told["claim"], recorded(s)) == (2_600 * USDC + 1, 1, 1)


def test_a_price_stop_closes_one_holding_and_is_no_liquidation(web3, s):
    who, weth = opened(web3, s, line=0), s.m.weth.address
    stopping = s.liquidator.functions.stop(s.book.address, who, weth, ROUTE)
    with reverts(s.liquidator, "AboveItsStop"):
        stopping.call()
    send(web3, s.book.functions.setStop(who, weth, 2_700 * USDC * SCALE // WETH), web3.eth.accounts[0])
    dollars(web3, s, 2701)
    with reverts(s.liquidator, "AboveItsStop"):
        stopping.call()
    dollars(web3, s, 2700)
    mined = send(web3, stopping, web3.eth.accounts[8])
    assert s.liquidator.events.StopReached().process_receipt(mined, errors=DISCARD)[0]["args"]["assets"] == 2_700 * USDC
    assert (recorded(s), s.pool.functions.queue().call()[1]) == (0, 1)
    with reverts(s.liquidator, "NothingToClose"):
        stopping.call()


def test_only_books_that_the_owner_listed_are_served(web3, s):
    who = opened(web3, s, line=10_000 * USDC)
    with reverts(s.liquidator, "OwnableUnauthorizedAccount"):
        s.liquidator.functions.setBook(who, True, True, 0).call({"from": web3.eth.accounts[1]})
    send(web3, s.liquidator.functions.setBook(s.book.address, False, True, 0), web3.eth.accounts[0])
    for call in (order(s, who), s.liquidator.functions.stop(s.book.address, who, s.m.weth.address, ROUTE)):
        with reverts(s.liquidator, "NotABook"):
            call.call()


def test_a_closing_cannot_begin_another(web3, s):
    who, other = opened(web3, s, line=10_000 * USDC), opened(web3, s, n=2, line=10_000 * USDC)
    for inner in (
        s.liquidator.encode_abi("liquidate", [s.book.address, other, [ROUTE]]),
        s.liquidator.encode_abi("stop", [s.book.address, other, s.m.weth.address, ROUTE]),
    ):
        send(web3, s.book.functions.arm(s.liquidator.address, inner), web3.eth.accounts[0])
        with reverts(s.liquidator, "ReentrancyGuardReentrantCall"):
            order(s, who).call()


def test_a_liquidation_costs_what_is_written_down(web3, s):
    dollars(web3, s, 2600)
    side = "token0" if int(s.m.weth.address, 16) < int(s.m.usdc.address, 16) else "token1"
    liquidate(web3, s, opened(web3, s, n=1, line=2_700 * USDC))
    who = opened(web3, s, n=2, line=2_700 * USDC)
    assert_gas(
        "guard", f"liquidation on paper, claim put in, of {side}", gas_used(web3, order(s, who), web3.eth.accounts[8])
    )
