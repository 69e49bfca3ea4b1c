"""The bot and a real vault on a real pool: the account stop sells everything, the price stop that holding."""

import pytest
from web3 import Web3

from pilotfish.worlds.onchain.sending import Sender
from pilotfish.worlds.onchain.watching import Books, Watcher
from tests.contracts.chain import deploy, send
from tests.contracts.liquidator_scene import KEY, look, sign
from tests.contracts.market import fund, swap
from tests.contracts.nodes import later
from tests.contracts.onlooker import Web3Node
from tests.contracts.vault_world import ROUTE, USDC, WETH, config, weth_price, world


@pytest.fixture(scope="module")
def w(web3):
    """A vault that holds ether for 90% of its 100,000 USDC, and a liquidator with the real breaker and pool."""
    made, owner = world(web3, real=True), web3.eth.accounts[0]
    breaker = deploy(web3, "Breaker", owner)
    pool = deploy(web3, "InsurancePool", owner, made.market.usdc.address)
    liquidator = deploy(web3, "Liquidator", owner, breaker.address, pool.address, made.guard.address)
    made.breaker = breaker
    made.vault = deploy(web3, "StrategyVault", config(made, liquidator=liquidator.address))
    made.closer = liquidator
    for call in (
        breaker.functions.setReporter(liquidator.address, True),
        pool.functions.setClaimant(liquidator.address, True),
        liquidator.functions.setBook(made.vault.address, True, True, 0),
    ):
        send(web3, call, owner)
    rich = {"from": owner, "to": Web3.to_checksum_address(KEY.address), "value": 10**18}
    web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(rich))
    made.deposit(made.lead, 10_000 * USDC)
    made.deposit(made.ann, 90_000 * USDC)
    made.buy(0.9)
    return made


class Bot:
    def __init__(self, w):
        self.w, self.told, node = w, [], Web3Node(w.web3)
        books = Books(w.closer.address, vaults=[w.vault.address])
        self.watcher = Watcher(node, Sender(node, KEY.address, sign), books, self.told.append)

    def block(self):
        return look(self.w.web3, self.watcher)


def fall(w, usd):
    """The pool and the guard come down together."""
    eve, weth = w.eve, w.market.weth
    fund(w.web3, weth, eve, 10**6 * WETH, w.market.router.address)
    while pool_price(w) > usd:
        swap(w.web3, w.market, eve, weth, w.market.usdc, 1_000 * WETH)
    w.price(int(pool_price(w)))


def pool_price(w):
    root = w.market.pool.functions.slot0().call()[0]
    ratio = (root / 2**96) ** 2
    first = w.market.pool.functions.token0().call() == w.market.weth.address
    return (ratio if first else 1 / ratio) * WETH / USDC


def held(w):
    return w.market.weth.functions.balanceOf(w.vault.address).call()


def test_a_vault_at_its_account_stop_is_sold_through_a_pool_that_the_bot_finds(w):
    bot = Bot(w)
    assert bot.block() == 0
    fall(w, 1_300)
    assert bot.block() == 1
    bot.block()
    assert held(w) == 0
    assert len(bot.told) == 1
    assert "at its line: done" in bot.told[0]
    assert w.breaker.functions.state().call()[4] == 1
    assert bot.block() == 0, "an empty vault has nothing to close"


def test_a_price_stop_of_the_lead_is_kept_by_the_bot(w):
    w.do(w.lead, "setPriceStop", w.market.weth.address, weth_price(2_500))
    bot = Bot(w)
    assert bot.block() == 0
    fall(w, 2_500)
    assert bot.block() == 1
    bot.block()
    assert held(w) == 0
    assert "at its price stop: done" in bot.told[0]


def test_a_market_far_below_the_guards_price_is_not_sold_into(w):
    fall(w, 1_200)
    w.price(1_300)  # the vault may lose one percent to this price, and the pool would take more
    bot, before = Bot(w), held(w)
    assert bot.block() == 1
    assert w.read("state")[2], "but the vault opens nothing any more"
    assert bot.block() == 0
    assert held(w) == before
    assert "which ends it: done" in bot.told[0]
    assert "at its line, but not closed: TooLittle" in bot.told[1]


def test_a_vault_that_was_sold_by_others_before_still_gets_its_insurance(w):
    fall(w, 1_300)
    w.do(w.eve, "closeAtLine")
    for _ in range(5):
        w.do(w.eve, "unwind", w.market.weth.address, 2**255, ROUTE)
        later(w.web3, 60)
    bot = Bot(w)
    assert held(w) == 0
    assert bot.block() == 1
    bot.block()
    assert "at its line: done" in bot.told[0]
    assert w.breaker.functions.state().call()[4] == 1
