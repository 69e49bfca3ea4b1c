"""The bot and a desk of real wallets: it finds them as they are opened, and closes those that reach their lines."""

import pytest
from web3 import Web3

from pilotfish.worlds.onchain.sending import Sender
from pilotfish.worlds.onchain.watching import Books, Watcher
from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled
from tests.contracts.follow_scene import USDC, WETH, person, scene
from tests.contracts.liquidator_scene import KEY, look, sign
from tests.contracts.onlooker import Web3Node


@pytest.fixture(scope="module")
def place(web3):
    """A desk whose accounts a real liquidator closes, and two wallets: one with a stop at 80%, one without."""
    owner = web3.eth.accounts[0]
    usdc = deploy(web3, "LocalToken", "USD Coin", "USDC", 6)
    weth = deploy(web3, "LocalToken", "Wrapped Ether", "WETH", 18)
    guard = compiled(web3, "Vault.sol", "SetPrices", usdc.address)
    breaker = deploy(web3, "Breaker", owner)
    pool = deploy(web3, "InsurancePool", owner, usdc.address)
    liquidator = deploy(web3, "Liquidator", owner, breaker.address, pool.address, guard.address)
    made = scene(web3, (usdc, weth), guard=guard.address, liquidator=liquidator.address, breaker=breaker.address)
    made.guard = guard
    made.set_price(3_000)
    send(web3, breaker.functions.setReporter(liquidator.address, True), owner)
    send(web3, pool.functions.setClaimant(liquidator.address, True), owner)
    send(web3, liquidator.functions.setBook(made.desk.address, True, False, 0), owner)
    rich = {"from": owner, "to": Web3.to_checksum_address(KEY.address), "value": 10**18}
    web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(rich))
    careful, bold = (made.follow(person(name), stopBps=stop) for name, stop in (("careful", 8_000), ("bold", 0)))
    return made, liquidator, careful, bold


class Bot:
    def __init__(self, web3, place):
        self.web3, self.told, node = web3, [], Web3Node(web3)
        books = Books(place[1].address, desks=[place[0].desk.address])
        self.watcher = Watcher(node, Sender(node, KEY.address, sign), books, self.told.append)

    def block(self):
        return look(self.web3, self.watcher)


def test_a_wallet_is_found_where_it_was_opened_and_closed_at_its_own_line(web3, place):
    made, _, careful, bold = place
    made.copy(careful, bold, fraction=WETH // 2)
    bot = Bot(web3, place)
    assert bot.block() == 0
    assert bot.watcher.watched == 2
    made.set_price(1_700)
    assert bot.block() == 1
    bot.block()
    assert made.holds(careful)[1] == 0
    assert made.holds(careful)[0] > 7_000 * USDC
    assert made.holds(bold)[1] > 0, "without a line nobody closes it"
    assert bot.told[-1].startswith(f"{careful.lower()} at its line: done")


def test_wallets_opened_later_are_found_later(web3, place):
    made, *_ = place
    bot = Bot(web3, place)
    bot.block()
    made.follow(person("late"), stopBps=9_000)
    bot.block()
    assert bot.watcher.watched == 3


def test_a_follower_who_revoked_is_left_alone(web3, place):
    made, _, careful, bold = place
    made.copy(careful, bold, fraction=WETH // 2)
    key = person("careful")
    bot = Bot(web3, place)
    gas = {"from": web3.eth.accounts[0], "to": key.address, "value": 10**18}
    web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(gas))
    revoked = made.desk.functions.revoke(made.lead.address).build_transaction(
        {"from": key.address, "nonce": 0, "gas": 500_000, "chainId": web3.eth.chain_id}
    )
    raw = key.sign_transaction(revoked).raw_transaction
    assert web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(raw))["status"] == 1
    made.set_price(1_700)
    assert bot.block() == 0
    assert made.holds(careful)[1] > 0
    assert f"{careful.lower()}: nothing can be said (NoMandate)" in bot.told
