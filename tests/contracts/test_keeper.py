"""The keeper beside the bot: claims that wait are paid, means marked once a window, NAV recorded once an hour."""

import pytest
from typer.testing import CliRunner
from web3 import Web3

from pilotfish.cli import app
from pilotfish.worlds.onchain.errands import HOUR_S, LOOK_S, TOKENS_S
from pilotfish.worlds.onchain.keeping import DOUBT_S, Keeper
from pilotfish.worlds.onchain.sending import Sender
from pilotfish.worlds.onchain.watching import Books, Watcher
from tests.contracts.chain import deploy, send
from tests.contracts.liquidator_scene import KEY, look, sign
from tests.contracts.market import fund
from tests.contracts.nodes import later
from tests.contracts.onlooker import Web3Node
from tests.contracts.vault_world import DAY, USDC, config, world

WINDOW_S = 1_800


def feed(w, token):
    m = w.market
    return w.guard.functions.setFeed(token, m.feed.address, 3_600, m.pool.address, WINDOW_S, 200)


def keep_fresh(w):
    send(w.web3, w.market.feed.functions.set(3_000 * 10**8, w.now()), w.accounts[0])


@pytest.fixture(scope="module")
def w(web3):
    """A vault with money in it, the real guard, and a pool with money that a claimant may claim."""
    made, owner = world(web3, real=True), web3.eth.accounts[0]
    later(web3, 7_200)
    m = made.market
    made.guard = deploy(web3, "PriceGuard", owner, m.usdc.address, "0x" + "00" * 20, 0)
    send(web3, feed(made, m.weth.address), owner)
    breaker = deploy(web3, "Breaker", owner)
    made.pool = deploy(web3, "InsurancePool", owner, m.usdc.address)
    made.closer = deploy(web3, "Liquidator", owner, breaker.address, made.pool.address, made.guard.address)
    made.vault = deploy(web3, "StrategyVault", config(made, liquidator=made.closer.address, guard=made.guard.address))
    keep_fresh(made)
    fund(web3, made.market.usdc, owner, 1_000 * USDC, made.pool.address)
    for one in (
        made.pool.functions.setClaimant(owner, True),
        made.pool.functions.setBook(owner, True),
        made.pool.functions.contribute(owner, 1_000 * USDC),
    ):
        send(web3, one, owner)
    rich = {"from": owner, "to": Web3.to_checksum_address(KEY.address), "value": 10**18}
    web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(rich))
    made.deposit(made.lead, 10_000 * USDC)
    return made


class Bot:
    """Block by block; `sent` counts what the keeper and the bot sent in the last one."""

    def __init__(self, w):
        self.w, self.told = w, []
        node = Web3Node(w.web3)
        sender = Sender(node, KEY.address, sign)
        books = Books(w.closer.address, vaults=[w.vault.address])
        keeper = Keeper(node, sender, w.closer.address, books.vaults, 0, self.told.append, books.ways)
        self.watcher = Watcher(node, sender, books, self.told.append, keeper)

    def block(self, after_s=0):
        if after_s:
            later(self.w.web3, after_s)
        return look(self.w.web3, self.watcher)

    def quiet(self):
        """Until nothing is due."""
        for _ in range(4):
            if not self.block():
                return self
        raise AssertionError("it does not come to rest")


def marked(w):
    return w.guard.functions.coming(w.market.weth.address).call()[0]


def test_the_mean_is_marked_once_a_window_and_a_restart_marks_nothing_twice(w):
    bot = Bot(w).quiet()
    first = marked(w)
    assert first > 0
    assert any("the mean is marked: done, 0x" in line for line in bot.told)
    assert Bot(w).block() == 0
    assert bot.block(WINDOW_S // 2) == 0
    keep_fresh(w)
    bot.block(WINDOW_S // 2 + 1)
    assert marked(w) >= first + WINDOW_S


def test_nav_is_recorded_once_an_hour(w):
    bot = Bot(w).quiet()
    count = w.vault.functions.pointCount().call()
    assert count > 0, "a deposit records it"
    later(w.web3, HOUR_S)
    keep_fresh(w)
    bot.block()
    bot.block()
    assert w.vault.functions.pointCount().call() == count + 1
    assert any("NAV is recorded: done, 0x" in line for line in bot.told)


def test_a_claim_that_waits_is_paid(w):
    bot = Bot(w).quiet()
    before = w.market.usdc.functions.balanceOf(w.eve).call()
    send(w.web3, w.pool.functions.claim(w.accounts[0], w.eve, 50 * USDC), w.accounts[0])
    assert bot.block(LOOK_S) >= 1
    assert w.market.usdc.functions.balanceOf(w.eve).call() == before + 50 * USDC
    bot.quiet()
    assert any("insurance is paid: done, 0x" in line for line in bot.told)


def test_exits_are_served_from_cash_and_then_from_stages(w):
    later(w.web3, DAY)
    keep_fresh(w)
    w.buy(0.8)
    bot = Bot(w).quiet()
    shares = w.shares(w.lead) // 2
    w.do(w.lead, "retire")  # else the lead could not leave before the others
    w.request(w.lead, shares)
    for _ in range(8):
        bot.block(LOOK_S)
        keep_fresh(w)
    assert w.read("state")[1] == 0
    assert w.cash(w.vault.address) > 4_900 * USDC
    assert any("exits are served: done, 0x" in line for line in bot.told)
    assert sum("a stage is sold: done, 0x" in line for line in bot.told) >= 3


def test_a_piece_is_sold_where_a_pool_does_not_take_a_whole_stage(w):
    w.buy(0.8)
    m = w.market
    liquidity = m.pool.functions.liquidity().call()
    taking = m.manager.functions.decreaseLiquidity((1, liquidity * 999 // 1_000, 0, 0, 2**64))
    send(w.web3, taking, w.accounts[0])
    keep_fresh(w)
    bot = Bot(w).quiet()
    w.do(w.lead, "retire")
    before = m.weth.functions.balanceOf(w.vault.address).call()
    assert bot.block(LOOK_S) == 1
    assert before * 4 // 5 < m.weth.functions.balanceOf(w.vault.address).call() < before


def test_while_a_price_is_doubtful_nothing_is_recorded_and_it_is_said_once(w):
    w.buy(0.5)
    bot = Bot(w).quiet()
    count = w.vault.functions.pointCount().call()
    bot.block(2 * 86_400 + HOUR_S)
    bot.block(DOUBT_S)
    told = [line for line in bot.told if "NAV is recorded" in line]
    assert told == [f"{w.vault.address}: NAV is recorded, but not now: StalePrice"]
    keep_fresh(w)
    bot.block(DOUBT_S)
    assert w.vault.functions.pointCount().call() == count + 1


def test_a_token_that_loses_its_feed_is_left_alone_and_one_that_gets_it_again_is_marked(w):
    owner, weth = w.accounts[0], w.market.weth.address
    bot = Bot(w).quiet()
    none = "0x" + "00" * 20
    send(w.web3, w.guard.functions.setFeed(weth, none, 0, none, 0, 0), owner)
    assert bot.block(WINDOW_S) == 0
    send(w.web3, feed(w, weth), owner)
    keep_fresh(w)
    assert bot.block(TOKENS_S) >= 1
    assert marked(w) > 0


def test_the_commands_flag_is_there():
    assert "--no-keep" in CliRunner().invoke(app, ["chain", "watch", "--help"], env={"COLUMNS": "200"}).output
