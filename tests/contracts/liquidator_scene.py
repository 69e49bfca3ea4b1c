"""A liquidator with all that it leans on, a book on paper, and the bot that watches it with a key of its own."""

import asyncio

from web3 import Web3

from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.worlds.onchain.sending import Sender
from pilotfish.worlds.onchain.watching import Books, Watcher
from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled
from tests.contracts.market import fund, market
from tests.contracts.nodes import later
from tests.contracts.onlooker import Web3Node

ZERO = "0x" + "00" * 20
USDC, WETH, SCALE = 10**6, 10**18, 10**36
NO_MARKET = b"no market"  # a route that a book on paper refuses
KEY = Key(b"\x31" * 32)


async def sign(requests):
    return Keyring([KEY]).sign_all(requests)


def look(web3: Web3, watcher: Watcher) -> int:
    """One pass over the newest block; how many transactions went out. A node mines them a moment after it has them."""
    sent = asyncio.run(watcher.block(web3.eth.block_number))
    who = Web3.to_checksum_address(KEY.address)
    while web3.eth.get_transaction_count(who) != web3.eth.get_transaction_count(who, "pending"):
        pass
    return sent


class Scene:
    """One WETH is 3,000 USDC until `price` says otherwise."""

    def __init__(self, web3: Web3) -> None:
        self.web3, owner = web3, web3.eth.accounts[0]
        self.owner, self.market = owner, market(web3)
        later(web3, 7200)
        m = self.market
        self.other = deploy(web3, "LocalToken", "Other", "OTH", 18)
        self.guard = deploy(web3, "PriceGuard", owner, m.usdc.address, ZERO, 0)
        self.breaker = deploy(web3, "Breaker", owner)
        self.pool = deploy(web3, "InsurancePool", owner, m.usdc.address)
        made = (owner, self.breaker.address, self.pool.address, self.guard.address)
        self.liquidator = deploy(web3, "Liquidator", *made)
        self.book = compiled(web3, "Books.sol", "PaperBook")
        for call in (
            self.guard.functions.setFeed(m.weth.address, m.feed.address, 3600, m.pool.address, 1800, 2_000),
            self.breaker.functions.setReporter(self.liquidator.address, True),
            self.pool.functions.setClaimant(self.liquidator.address, True),
            self.pool.functions.setBook(self.book.address, True),
            self.liquidator.functions.setBook(self.book.address, True, True, 0),
            self.book.functions.setUp(self.guard.address, self.liquidator.address),
        ):
            send(web3, call, owner)
        fund(web3, m.usdc, owner, USDC)
        rich = {"from": owner, "to": Web3.to_checksum_address(KEY.address), "value": 10**18}
        web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(rich))
        self.price(3_000)

    def price(self, dollars: int, age_s: int = 0) -> None:
        stamp = self.web3.eth.get_block("latest")["timestamp"] - age_s
        send(self.web3, self.market.feed.functions.set(dollars * 10**8, stamp), self.owner)

    def open(self, n: int, line: int, cash: int = 0, tokens=None) -> str:
        """An account with a line and this much cash, USDC; it holds one WETH where nothing else is said."""
        who = f"0x{n:040x}"
        held = {self.market.weth.address: WETH} if tokens is None else tokens
        send(
            self.web3,
            self.book.functions.open(who, cash * USDC, line * USDC, list(held), list(held.values())),
            self.owner,
        )
        return who

    def held(self, who: str) -> int:
        return int(self.book.functions.amounts(who, self.market.weth.address).call())


class Bot:
    """The bot, block by block; what it told is in `told`."""

    def __init__(self, scene: Scene, *accounts: str, tamper=None, routes=None) -> None:
        self.scene, self.told = scene, []
        self.node = Web3Node(scene.web3, tamper)
        books = Books(scene.liquidator.address, routes=routes or {})
        self.watcher = Watcher(self.node, Sender(self.node, KEY.address, sign), books, self.told.append)
        self.watcher.watch([(scene.book.address, account) for account in accounts])

    def block(self) -> int:
        return look(self.scene.web3, self.watcher)
