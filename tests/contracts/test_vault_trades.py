"""What the lead may order, what the stops close, and that no trade is worse than its bound."""

from dataclasses import replace

import pytest

from tests.contracts.chain import deploy, reverts, send
from tests.contracts.nodes import later
from tests.contracts.vault_world import DAY, LIMITS, SCALE, SHARE, USDC, WETH, config, weth_price, world


@pytest.fixture(scope="module")
def w(web3):
    """The lead has 1,000, Ann 9,000."""
    made = world(web3)
    made.deposit(made.lead, 1000 * USDC)
    made.deposit(made.ann, 9000 * USDC)
    return made


def weth(w):
    return w.market.weth.functions.balanceOf(w.vault.address).call()


def cost(w, bps):
    send(w.web3, w.venue.functions.cost(bps), w.eve)


def mirror(w, order, who=None):
    return w.do(who or w.executor, "mirror", order, b"")


def with_fields(order, **fields):
    names = ("lead", "book", "token_in", "token_out", "fraction", "limit", "deadline", "nonce")
    return tuple({**dict(zip(names, order, strict=True)), **fields}.values())


def test_a_fraction_of_what_is_idle_is_bought_and_a_fraction_of_what_is_held_sold(w):
    w.buy(0.3)
    assert (w.read("idle"), weth(w)) == (7000 * USDC, WETH)
    w.sell(0.25)
    assert (w.read("idle"), weth(w)) == (7750 * USDC, WETH * 3 // 4)
    w.sell(1)  # all but one unit, which is held no more
    assert (w.read("idle"), weth(w)) == (10_000 * USDC - 1, 1)
    assert w.read("holdings", w.vault.address) == []
    w.doubt()
    assert w.read("totalAssets") == 10_000 * USDC - 1


def test_only_the_executor_orders_and_only_for_this_lead_and_this_book(w):
    order = w.order(w.market.usdc, w.market.weth, 0.1)
    for who in (w.lead, w.owner, w.eve):
        with reverts(w.vault, "NotAllowed"):
            mirror(w, order, who)
    for fields in ({"lead": w.eve}, {"book": w.eve}):
        with reverts(w.vault, "NotOurs"):
            mirror(w, with_fields(order, **fields))


def test_only_listed_tokens_are_bought_or_sold(w):
    usdc, other = w.market.usdc.address, w.eve
    good = w.order(w.market.usdc, w.market.weth, 0.1)
    for fields in ({"token_in": other}, {"token_out": other}, {"token_out": usdc}):
        with reverts(w.vault, "TokenNotAllowed"):
            mirror(w, with_fields(good, **fields))
    with reverts(w.vault, "TokenNotAllowed"):
        mirror(w, with_fields(good, token_in=w.market.weth.address))
    for fraction in (0, 10**18 + 1):
        with reverts(w.vault, "NothingToSell"):
            mirror(w, with_fields(good, fraction=fraction))


def test_what_is_bought_is_worth_its_price_less_the_slippage(w):
    cost(w, 101)
    with reverts(w.venue, "TooLittle"):
        w.buy(0.3)
    cost(w, 99)
    w.buy(0.3)
    cost(w, 101)
    with reverts(w.venue, "TooLittle"):
        w.sell(1)
    cost(w, 99)
    w.sell(1)
    assert w.read("totalAssets") >= 10_000 * USDC - 3000 * USDC * 2 // 100


def test_bought_at_the_high_price_and_sold_at_the_low(w):
    """The venue trades at 3,000; the guard says 2,900 to 3,200."""
    w.buy(0.3)
    w.price(2900, 3200)
    cost(w, 400)
    with reverts(w.venue, "TooLittle"):
        w.sell(1)
    cost(w, 90)
    w.sell(1)


def test_the_leads_own_limit_holds_where_it_is_tighter(w):
    fair = WETH * SCALE // (3000 * USDC)
    cost(w, 10)
    with reverts(w.venue, "TooLittle"):
        w.buy(0.3, limit=fair)
    w.buy(0.3, limit=fair * 999 // 1000)


def test_a_halt_and_a_doubt_stop_what_opens_and_a_halt_no_exit(w):
    w.buy(0.3)
    send(w.web3, w.breaker.functions.halt(True), w.eve)
    with reverts(w.breaker, "Halted"):
        w.buy(0.3)
    w.sell(0.5)
    w.doubt()
    with reverts(w.guard, "StalePrice"):
        w.sell(1)


def test_an_order_is_not_larger_than_its_share_of_nav(web3, w):
    vault = deploy(web3, "StrategyVault", config(w, (DAY, 100, 100, 2000, 0, 300)))
    w = replace(w, vault=vault)
    w.deposit(w.lead, 1000 * USDC)
    with reverts(vault, "OrderTooLarge"):
        w.buy(0.2001)
    w.buy(0.2)
    w.buy(0.249)
    w.sell(1)


def test_token_for_token_is_an_opening_trade(web3, w):
    """A second token at 30 USDC."""
    coin = deploy(web3, "LocalToken", "Coin", "COIN", 18)
    send(web3, w.guard.functions.set(coin.address, weth_price(30), weth_price(30)), w.eve)
    w = replace(w, vault=deploy(web3, "StrategyVault", config(w, tokens=[w.market.weth.address, coin.address])))
    w.deposit(w.lead, 3000 * USDC)
    w.buy(1)
    mirror(w, w.order(w.market.weth, coin, 0.5))
    assert coin.functions.balanceOf(w.vault.address).call() == 50 * WETH
    assert w.read("totalAssets") == 3000 * USDC
    assert w.read("holdings", w.vault.address) == [w.market.weth.address, coin.address]
    send(web3, w.breaker.functions.halt(True), w.eve)
    with reverts(w.breaker, "Halted"):
        mirror(w, w.order(w.market.weth, coin, 0.5))


def test_a_curve_has_a_point_an_hour_and_remembers_its_height(web3, w):
    count = w.read("pointCount")
    assert count == 1
    w.gain(1000 * USDC)
    w.do(w.eve, "record")
    assert w.read("pointCount") == count
    later(web3, 3600)
    w.do(w.eve, "record")
    assert w.read("pointCount") == count + 1
    time, price = w.read("point", count)
    assert (time, price) == (w.now(), w.read("navPerShare"))
    later(web3, 3600)
    w.buy(0.5)
    w.price(1500)
    w.do(w.eve, "record")
    last, peak = w.read("recorded")
    assert last < peak == price


def close(w):
    return w.do(w.liquidator, "close", w.vault.address, w.market.weth.address, b"")


def test_at_its_account_stop_a_vault_ends_though_no_pool_takes_what_it_holds(w):
    w.buy(1)
    with reverts(w.vault, "NotDue"):
        w.do(w.eve, "closeAtLine")
    w.venue.functions.cost(5_000).transact({"from": w.eve})
    w.price(1_400)
    with reverts(w.venue, "TooLittle"):
        close(w)
    w.do(w.eve, "closeAtLine")
    with reverts(w.vault, "IsClosing"):
        w.do(w.eve, "closeAtLine")
    w.venue.functions.cost(0).transact({"from": w.eve})
    with reverts(w.vault, "IsClosing"):
        w.buy(1)
    w.do(w.eve, "unwind", w.market.weth.address, 2**255, b"")
    assert w.read("idle") > 0


def test_only_the_liquidator_closes_and_only_at_a_line(w):
    w.buy(1)
    for who in (w.lead, w.owner, w.eve):
        with reverts(w.vault, "NotAllowed"):
            w.do(who, "close", w.vault.address, w.market.weth.address, b"")
    with reverts(w.vault, "NotDue"):
        close(w)
    equity, line = w.read("standing", w.vault.address)
    assert equity in (10_000 * USDC, 10_000 * USDC - 1)
    assert line in range(5000 * USDC - 1, 5000 * USDC + 1)
    with reverts(w.vault, "NotAHolder"):
        w.read("standing", w.eve)


def test_at_the_account_stop_all_is_sold_and_nothing_opened_again_but_everybody_leaves(web3, w):
    w.buy(0.9)
    w.price(1330)
    close(w)
    assert weth(w) == 0
    assert w.read("state")[2]
    w.price(3000)
    with reverts(w.vault, "IsClosing"):
        w.buy(0.1)
    with reverts(w.vault, "IsClosing"):
        w.deposit(w.bob, USDC)
    assert w.read("maxDeposit", w.bob) == 0
    later(web3, DAY + 1)
    assert w.exit(w.lead, 1000 * SHARE) in range(499 * USDC - 1, 499 * USDC + 1)
    assert w.exit(w.ann, 9000 * SHARE) in range(4491 * USDC - 1, 4491 * USDC + 1)


def test_the_liquidator_that_anybody_calls_closes_a_vault_at_its_line_and_a_holding_at_its_stop(web3, w):
    parts = (w.owner, w.breaker.address, w.pool.address, w.guard.address)
    liquidator = deploy(web3, "Liquidator", *parts)
    w = replace(w, vault=deploy(web3, "StrategyVault", config(w, liquidator=liquidator.address)))
    send(web3, liquidator.functions.setBook(w.vault.address, True, True, 0), w.owner)
    w.deposit(w.lead, 1000 * USDC)
    w.buy(0.5)
    w.do(w.lead, "setPriceStop", w.market.weth.address, weth_price(2700))
    w.price(2700)
    call = liquidator.functions.stop(w.vault.address, w.vault.address, w.market.weth.address, b"way")
    send(web3, call, w.eve)
    assert (weth(w), w.read("state")[2]) == (0, False)
    w.price(3000)
    w.buy(1)
    call = liquidator.functions.liquidate(w.vault.address, w.vault.address, [b"way"])
    with reverts(liquidator, "AboveItsLine"):
        send(web3, call, w.eve)
    w.price(1500)
    send(web3, call, w.eve)
    assert (weth(w), w.read("state")[2]) == (0, True)
    assert w.breaker.functions.count().call() == 1


def test_an_empty_vault_has_no_line_at_which_it_could_be_closed(web3, w):
    empty = replace(w, vault=deploy(web3, "StrategyVault", config(w)))
    send(web3, w.market.weth.functions.mint(empty.vault.address, 1), w.eve)
    assert empty.read("standing", empty.vault.address) == [0, 0]
    for closing in (lambda: close(empty), lambda: empty.do(w.eve, "closeAtLine")):
        with reverts(empty.vault, "NotDue"):
            closing()


def test_at_a_price_stop_the_token_is_sold_and_the_vault_goes_on(w):
    w.buy(0.5)
    for who in (w.eve, w.executor, w.liquidator):
        with reverts(w.vault, "NotAllowed"):
            w.do(who, "setPriceStop", w.market.weth.address, weth_price(2700))
    w.do(w.lead, "setPriceStop", w.market.weth.address, weth_price(2500))
    w.do(w.owner, "setPriceStop", w.market.weth.address, weth_price(2700))
    assert w.read("priceStop", w.vault.address, w.market.weth.address) == weth_price(2700)
    w.price(2701)
    with reverts(w.vault, "NotDue"):
        close(w)
    w.price(2700)
    close(w)
    assert weth(w) == 0
    assert not w.read("state")[2]
    w.buy(0.1)


def test_nothing_is_closed_on_a_doubtful_price_or_for_too_little(w):
    w.buy(0.9)
    w.price(1000)
    w.doubt()
    with reverts(w.guard, "StalePrice"):
        close(w)
    w.doubt(False)
    cost(w, 200)
    with reverts(w.venue, "TooLittle"):
        close(w)


def test_a_lead_that_retires_sells_off_in_stages_and_nobody_is_held(web3, w):
    w.buy(0.5)
    with reverts(w.vault, "NotAllowed"):
        w.do(w.ann, "retire")
    w.do(w.lead, "retire")
    with reverts(w.vault, "IsClosing"):
        w.buy(0.1)
    for _ in range(5):
        w.do(w.eve, "unwind", w.market.weth.address, 2**255, b"")
        later(web3, 61)
    assert weth(w) == 0
    later(web3, DAY)
    assert w.exit(w.lead, 1000 * SHARE) in range(1000 * USDC - 2, 1000 * USDC + 1)
    assert w.exit(w.ann, 9000 * SHARE) in range(9000 * USDC - 2, 9000 * USDC + 1)


def test_limits_are_told_as_deployed(w):
    assert w.read("limits") == LIMITS
    assert w.read("tokens") == [w.market.weth.address]
