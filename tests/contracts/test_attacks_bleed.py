"""A lead that trades to and fro and meets its own orders in the pool takes a bounded part a day, and nobody is held."""

import pytest

from tests.contracts.chain import reverts
from tests.contracts.market import fund, swap
from tests.contracts.nodes import later
from tests.contracts.vault_system import system
from tests.contracts.vault_world import DAY, FREE, LIMITS, SHARE, USDC, WETH, weth_price, world

BPS = 10**14
"""Of NAV, as the vault counts what it lost."""
BLEED_BPS = 100
PART, FRONT = 0.3, 30_000 * USDC
"""Of 500,000 the vault trades 150,000 at once, which moves the pool by 1%; the lead moves it by 0.2% before."""


@pytest.fixture(scope="module")
def s(web3):
    """The real pool; 30,000,000 a side in it. Eve is the lead's accomplice."""
    made = system(web3, FREE, (*LIMITS[:-1], BLEED_BPS))
    w = made.world
    w.deposit(w.lead, 40_000 * USDC)
    w.deposit(w.ann, 450_000 * USDC)
    fund(web3, w.market.usdc, w.eve, 1_000_000 * USDC, w.market.router.address)
    fund(web3, w.market.weth, w.eve, 300 * WETH, w.market.router.address)
    return made


def worth(w, who):
    """At 3,000 for a WETH, which is what a WETH is worth all along."""
    return w.cash(who) + w.market.weth.functions.balanceOf(who).call() * 3000 * USDC // WETH


def sandwiched(s, buying):
    """Eve goes first, the vault follows at her price, and she takes the pool back to where it was."""
    w, m = s.world, s.world.market
    tokens = (m.usdc, m.weth) if buying else (m.weth, m.usdc)
    front = FRONT if buying else FRONT * WETH // (3000 * USDC)
    held = tokens[1].functions.balanceOf(w.vault.address).call()
    bought = swap(w.web3, m, w.eve, *tokens, front)
    s.mirror(buying, PART if buying else 1)
    followed = tokens[1].functions.balanceOf(w.vault.address).call() - held
    swap(w.web3, m, w.eve, *reversed(tokens), bought + followed)


def bleeding(s):
    """Orders of the lead until one is refused for what they all lost; how many were carried out."""
    w, done, last = s.world, 0, 0
    while w.read("bled") + last < BLEED_BPS * BPS:
        before = w.read("bled")
        sandwiched(s, buying=True)
        last = w.read("bled") - before
        sandwiched(s, buying=False)
        done += 2
    with reverts(w.vault, "BleedLimit"):
        sandwiched(s, buying=True)
    return done


def test_to_and_fro_with_a_sandwich_takes_the_limit_and_no_more(web3, s):
    w = s.world
    vault, before, had = w.vault.address, worth(w, w.vault.address), worth(w, w.eve)
    assert bleeding(s) in range(2, 10)
    lost, taken = before - worth(w, vault), worth(w, w.eve) - had
    limit = before * BLEED_BPS // 10_000
    assert 0 < taken <= lost <= limit + before * 3 // 10 // 100, (lost, taken)
    assert lost > limit // 2


def test_a_day_later_it_may_lose_as_much_again_and_not_more(web3, s):
    w = s.world
    bleeding(s)
    later(web3, DAY)
    s.fresh()
    vault, before = w.vault.address, worth(w, w.vault.address)
    assert bleeding(s) >= 2
    assert before - worth(w, vault) <= before * (BLEED_BPS + 30) // 10_000


@pytest.fixture(scope="module")
def w(web3):
    """On paper: every trade costs 99 bps, so one of half the vault 49.5 of NAV; 300 are allowed."""
    made = world(web3)
    made.deposit(made.lead, 1000 * USDC)
    made.deposit(made.ann, 9000 * USDC)
    made.do(made.eve, "record")
    cost(made, 99)
    return made


def cost(w, bps):
    w.venue.functions.cost(bps).transact({"from": w.eve})


def bled(w):
    """In bps of NAV."""
    return w.read("bled") / BPS


def to_the_limit(w):
    """Three times to and fro, and half the vault in WETH."""
    for _ in range(2):
        w.buy(0.5)
        w.sell(1)
    w.buy(0.5)


def test_purchases_and_sales_add_up_and_what_opens_is_refused_above_the_limit(w):
    w.buy(0.5)
    assert 49 < bled(w) < 50
    w.sell(1)
    assert 97 < bled(w) < 100
    for _ in range(2):
        w.buy(0.5)
        w.sell(1)
    assert 290 < bled(w) < 300
    with reverts(w.vault, "BleedLimit"):
        w.buy(0.5)
    w.buy(0.05)
    cost(w, 0)
    w.buy(0.5)


def test_what_is_lost_is_forgotten_evenly_over_a_day_and_no_gain_makes_up_for_it(web3, w):
    to_the_limit(w)
    before = bled(w)
    w.gain(5000 * USDC)
    assert before - 1 < bled(w) <= before
    later(web3, DAY // 4)
    assert abs(before - 75 - bled(w)) < 1
    later(web3, DAY // 4)
    assert abs(before - 150 - bled(w)) < 1
    later(web3, DAY)
    assert bled(w) == 0
    w.sell(1)
    assert bled(w) > 0


def test_deposits_and_exits_do_not_change_what_is_left_of_the_limit(web3, w):
    to_the_limit(w)
    before = bled(w)
    w.deposit(w.lead, 10_000 * USDC)
    w.deposit(w.bob, 90_000 * USDC)
    assert before - 1 < bled(w) <= before
    with reverts(w.vault, "BleedLimit"):
        w.buy(0.7)


def test_no_exit_asks_the_limit(web3, w):
    """The lead's own takes the sum above it; the queue's and the liquidator's proceed there."""
    weth = w.market.weth.address
    later(web3, DAY + 1)
    to_the_limit(w)
    w.buy(1)
    w.sell(0.3)
    assert bled(w) > 300
    with reverts(w.vault, "BleedLimit"):
        w.buy(0.1)
    w.request(w.ann, 6000 * SHARE)
    w.do(w.eve, "unwind", weth, 2**255, b"")
    w.do(w.eve, "settle")
    w.do(w.lead, "setPriceStop", weth, weth_price(3000))
    w.do(w.liquidator, "close", w.vault.address, weth, b"")
    w.do(w.eve, "settle")
    assert w.read("pendingRedeemRequest", 0, w.ann) == 0
    assert bled(w) > 300
