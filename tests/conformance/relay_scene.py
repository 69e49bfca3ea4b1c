"""The whole system on a real node: a vault with money in it, a desk with followers, a lead who swaps and tags."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eth_account import Account as EthAccount
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.deploy.local import LEAD, OPERATOR, deploy_locally
from pilotfish.venues.evm.deploy.market import FEE, Router
from pilotfish.venues.evm.deploy.packages import artifact
from pilotfish.venues.evm.deploy.record import Record
from pilotfish.venues.evm.deploy.steps import Deployer
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.nodes import LocalNode
from pilotfish.venues.evm.relay.relayer import Relayer
from pilotfish.venues.evm.relay.settings import Book, Bundling, RelaySettings
from pilotfish.venues.evm.settings import SECOND, Settings
from pilotfish.venues.evm.wire.metatag import Tag, append
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.net.driver import Driver
from pilotfish.worlds.chain.reach import reached
from tests.contracts.follow_scene import MANDATE, sign

USDC, WETH, ROUTE = 10**6, 10**18, FEE.to_bytes(3, "big")
SENDER = 8  # of the local accounts: whose transactions the relayer's are
AGENT = Key(keccak(b"an agent that the lead appoints"))
PATIENCE_S = 30
NAMES = (
    "USDC", "WETH", "pool", "SwapRouter", "MirrorExecutor", "StrategyVault", "CopyDesk", "OperatorAccount", "Sponsor",
    "entry point",
)  # fmt: skip


async def _deployed(url: str, path: Path) -> Record:
    async with reached(url) as client:
        deployer = await Deployer.begin(client, local_keys()[0], path, lambda _: None)
        await deploy_locally(deployer)
        return deployer.record


class Scene:
    """Account 1 leads; account 9 has deposited with it; `AGENT` instructs in the lead's name."""

    def __init__(self, node: LocalNode) -> None:
        self.node, self.web3 = node, Web3(HTTPProvider(node.url))
        with tempfile.TemporaryDirectory() as folder:
            self.record = asyncio.run(_deployed(node.url, Path(folder) / "deployment.json"))
        self.who = list(self.web3.eth.accounts)
        self.lead = self.who[LEAD]
        self.usdc, self.weth = (self.at(name, load("LocalToken").abi) for name in ("USDC", "WETH"))
        self.vault, self.desk, self.executor = (
            self.at(name, load(name).abi) for name in ("StrategyVault", "CopyDesk", "MirrorExecutor")
        )
        self.router = self.at("SwapRouter", artifact(Router.package)["abi"])
        for who in (self.lead, self.who[9]):
            self.do(self.usdc.functions.mint(who, 10**6 * USDC), who)
            self.do(self.weth.functions.mint(who, 100 * WETH), who)
            for token in (self.usdc, self.weth):
                self.do(token.functions.approve(self.router.address, 2**256 - 1), who)
            self.do(self.usdc.functions.approve(self.vault.address, 2**256 - 1), who)
            self.do(self.vault.functions.deposit(100_000 * USDC, who), who)
        agent = Web3.to_checksum_address(AGENT.address)
        self.do(self.executor.functions.approveAgent(agent, 2**40), self.lead)

    def at(self, name: str, abi: Any) -> Contract:
        return self.web3.eth.contract(address=Web3.to_checksum_address(self.record.address(name)), abi=abi)

    def do(self, call: Any, sender: str) -> Any:
        mined = self.web3.eth.wait_for_transaction_receipt(call.transact({"from": sender}))
        assert mined["status"] == 1, "reverted"
        return mined

    def swap(self, book: str = "", amount: int = 9_000 * USDC, fraction: int = 0, sender: str = "") -> str:
        """The lead buys WETH, and tags it for a book where one is named; the transaction's hash."""
        who = sender or self.lead
        order = (self.usdc.address, self.weth.address, FEE, who, 2**40, amount, 0, 0)
        data = bytes.fromhex(self.router.encode_abi("exactInputSingle", [order])[2:])
        if book:
            data = append(data, Tag(book.lower(), fraction))
        sent = self.web3.eth.send_transaction({"from": who, "to": self.router.address, "data": data, "gas": 400_000})
        return str(sent.to_0x_hex())

    def follow(self, count: int, funded: int = 10_000 * USDC, first: int = 0, lead: str = "") -> list[str]:
        """So many followers of the desk, each with a wallet of its own and money in it."""
        lead = lead or self.lead
        wallets, asset = [], self.usdc.functions
        for k in range(first, first + count):
            key = EthAccount.from_key(Web3.keccak(text=f"follower {k}"))
            mandate = {
                "follower": key.address, "lead": lead, "tokens": [self.weth.address], "allocation": funded,
                "orderMax": funded, "leverageBps": 10_000, "ratioBps": 10_000, "openSlippageBps": 100,
                "exitSlippageBps": 200, "stopSlippageBps": 500, "stopBps": 0, "feeBpsMax": 1_500,
                "issued": 1_700_000_000 + k, "expiry": 4_000_000_000,
            }  # fmt: skip
            name, at = "Pilotfish CopyDesk", self.desk.address
            domain = {"name": name, "version": "1", "chainId": CHAIN_ID, "verifyingContract": at}
            self.do(self.desk.functions.follow(mandate, sign(key, domain, "Mandate", MANDATE, mandate)), self.who[0])
            self.do(self.desk.functions.open([key.address], lead), self.who[0])
            wallets.append(str(self.desk.functions.walletOf(key.address, lead).call()))
            self.do(asset.mint(wallets[-1], funded), self.who[0])
        return wallets

    def settings(self, wallets: Sequence[str] = (), bundling: bool | Bundling = True, **more: Any) -> RelaySettings:
        lead, at = self.lead.lower(), {name: self.record.address(name).lower() for name in NAMES}
        node = Settings(
            journal=0, chain=CHAIN_ID, router=at["SwapRouter"], ws_url=self.node.socket_url, http_url=self.node.url,
            depth=0, again_ns=SECOND // 10,
        )  # fmt: skip
        books = [Book(at["StrategyVault"], lead, ROUTE)]
        if wallets:
            books.append(Book(at["CopyDesk"], lead, ROUTE, slippage_bps=90, wallets=[one.lower() for one in wallets]))
        own = Bundling(at["entry point"], at["OperatorAccount"], sponsor=at["Sponsor"])
        usual = {
            "node": node, "executor": at["MirrorExecutor"], "books": books, "sender": local_keys()[SENDER].address,
            "routers": frozenset({at["SwapRouter"]}), "pools": {at["pool"]: (at["USDC"], at["WETH"])},
            "deadline_ns": 86_400 * SECOND,
            "bundling": own if bundling is True else bundling or None,
        }  # fmt: skip
        return RelaySettings(**usual | more)


class Running:
    """A relayer on the scene's node, on a loop that runs while something is waited for."""

    def __init__(self, settings: RelaySettings, since: int = -1, agent: str = "", operator: str = "") -> None:
        keys = Keyring([AGENT, local_keys()[SENDER], local_keys()[OPERATOR]])
        self.dead = False
        self.relayer = Relayer(
            settings, agent or AGENT.address, keys, operator or local_keys()[OPERATOR].address, since
        )
        self.runner = asyncio.Runner()
        self.driver = Driver(self.relayer)
        self.run(self.driver.start())
        self.until(lambda: self.relayer.ready)

    def run(self, work: Any) -> Any:
        async def whole() -> Any:
            return await work

        return self.runner.run(whole())

    def until(self, true: Callable[[], object]) -> None:
        async def wait() -> None:
            async with asyncio.timeout(PATIENCE_S):
                while not true():
                    await asyncio.sleep(0.0005)

        self.runner.run(wait())
        if self.driver.failure:
            raise self.driver.failure

    def becomes(self, transaction: str) -> Any:
        """How the mirror of this transaction ended, which has one batch."""
        (one,) = self.all_become(transaction)
        return one

    def all_become(self, transaction: str) -> Any:
        """How each batch ended."""
        self.until(lambda: self.relayer.ended(transaction))
        return self.relayer.ended(transaction)

    def instruct(self, instruction: Any, signature: bytes) -> Any:
        async def there() -> Any:
            found: list[Any] = []
            self.driver._do(lambda _: found.append(self.relayer.instruct(instruction, signature, time.time_ns())))
            return found[0][0]

        return self.runner.run(there())

    def die(self) -> None:
        """No word to anybody; again changes nothing."""
        if self.dead:
            return
        self.dead = True
        self.run(self.driver._close())
        self.runner.close()
        assert self.driver.failure is None, self.driver.failure
