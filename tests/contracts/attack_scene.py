"""The whole system with nothing set by hand: Uniswap's pool, checked prices, and every contract that meets money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from pilotfish.venues.evm.wire import instructions
from pilotfish.venues.keys.key import Key
from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled
from tests.contracts.follow_scene import MANDATE, person, rows, sign
from tests.contracts.market import FEE, Market, fund, market
from tests.contracts.nodes import later

USDC, WETH, SCALE = 10**6, 10**18, 10**36
ROUTE = FEE.to_bytes(3, "big")
DAY = 86_400
GAS = 16_000_000
"""Given outright, so that nothing is estimated; below the cap of one transaction (EIP-7825)."""
STEPS = (0, 0, 500, 1000, 1000, 3000, 1500)
"""No subscription, no management fee; 5% of the gain, 10% from 10% of the mark, 15% from 30%."""
LIMITS = (DAY, 100, 100, 10_000, 5_000, 300)
"""Lock, slippages 1%, orders of any size, account stop at half of the highest NAV per share, 3% bled a day."""
LOW, HIGH = 4295128740, 1461446703485210103287273052203988822378723970341


@dataclass
class System:
    """`owner` stands for the timelock. The lead's orders are signed by its agent, whose key is here."""

    web3: Web3
    market: Market
    guard: Contract
    breaker: Contract
    pool: Contract
    coupons: Contract
    venue: Contract
    executor: Contract
    liquidator: Contract
    people: dict[str, str]
    agent: Key = field(default_factory=lambda: Key(b"\x05" * 32))
    vault: Any = None
    desk: Any = None
    nonce: int = 0

    @property
    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def do(self, who: str, call: Any) -> TxReceipt:
        """Send; a revert raises with its reason (a sent transaction would not tell it)."""
        sender = self.people.get(who, who)
        call.call({"from": sender, "gas": GAS})
        return send(self.web3, call, sender, gas=GAS)

    def address(self, who: str) -> str:
        return self.people.get(who, who)

    def cash(self, who: str) -> int:
        return int(self.market.usdc.functions.balanceOf(self.address(who)).call())

    def weth(self, who: str) -> int:
        return int(self.market.weth.functions.balanceOf(self.address(who)).call())

    def worth(self, who: str) -> int:
        """USDC and WETH, the latter at 3,000."""
        return self.cash(who) + self.weth(who) * 3000 * USDC // WETH

    def deposit(self, who: str, assets: int) -> None:
        fund(self.web3, self.market.usdc, self.address(who), assets, self.vault.address)
        self.do(who, self.vault.functions.deposit(assets, self.address(who)))

    def order(self, book: Contract, opens: bool = True, fraction: float = 1.0, **changed: Any) -> Any:
        """An instruction by the agent and its signature."""
        self.nonce += 1
        pair = (self.market.usdc.address, self.market.weth.address)
        told = instructions.Instruction(
            self.people["lead"], book.address, *(pair if opens else pair[::-1]), int(fraction * 10**18), 0,
            self.now + 10**6, self.nonce,
        )  # fmt: skip
        told = msgspec.structs.replace(told, **changed)
        domain = instructions.domain(self.web3.eth.chain_id, self.executor.address)
        return instruction_fields(told), instructions.sign(told, domain, self.agent)

    def mirror(self, who: str = "relayer", route: bytes = ROUTE, **order: Any) -> TxReceipt:
        told, signature = self.order(self.vault, **order)
        return self.do(who, self.executor.functions.mirror(told, signature, route))

    def copy(self, *wallets: str, slippage: int = 50, **order: Any) -> TxReceipt:
        told, signature = self.order(self.desk, **order)
        return self.do("operator", self.desk.functions.copy(told, signature, rows(wallets), slippage, ROUTE))

    def follow(self, name: str, funded: int = 10_000 * USDC, **changed: Any) -> tuple[Any, str]:
        """A follower of that name signs, and has a wallet with this much in it: its key and the wallet."""
        key = person(name)
        mandate = {
            "follower": key.address, "lead": self.people["lead"], "tokens": [self.market.weth.address],
            "allocation": 10_000 * USDC, "orderMax": 10_000 * USDC, "leverageBps": 10_000, "ratioBps": 10_000,
            "openSlippageBps": 100, "exitSlippageBps": 100, "stopSlippageBps": 300, "stopBps": 5_000,
            "feeBpsMax": 1_500, "issued": self.now, "expiry": self.now + 365 * DAY,
        } | changed  # fmt: skip
        domain = {
            "name": "Pilotfish CopyDesk", "version": "1", "chainId": self.web3.eth.chain_id,
            "verifyingContract": self.desk.address,
        }  # fmt: skip
        self.do("relayer", self.desk.functions.follow(mandate, sign(key, domain, "Mandate", MANDATE, mandate)))
        wallet = str(self.desk.functions.walletOf(key.address, self.people["lead"]).call())
        self.do("relayer", self.desk.functions.open([key.address], self.people["lead"]))
        if funded:
            self.do("relayer", self.market.usdc.functions.mint(wallet, funded))
        return key, wallet

    def by(self, key: Any, call: Any) -> TxReceipt:
        """Send as the account of a key of its own, fuelled first."""
        gas_money = {"from": self.people["relayer"], "to": key.address, "value": 10**18}
        self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_transaction(gas_money))
        built = call.build_transaction(
            {"from": key.address, "nonce": self.web3.eth.get_transaction_count(key.address), "gas": GAS}
        )
        raw = key.sign_transaction(built).raw_transaction
        mined = self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_raw_transaction(raw))
        assert mined["status"] == 1, "reverted"
        return mined

    def wait(self, seconds: int) -> None:
        """Time passes; the oracle goes on telling its last answer."""
        later(self.web3, seconds)
        self.tell()

    def tell(self, usd: int = 3000) -> None:
        """The oracle's answer, dollars for one WETH, as of now."""
        self.do("relayer", self.market.feed.functions.set(usd * 10**8, self.now))

    def mallory(self, **tokens: int) -> Contract:
        """A contract of the attacker's, which does anything; with this much `usdc` and `weth` of its own."""
        made = compiled(self.web3, "Mallory.sol", "Mallory")
        for name, amount in tokens.items():
            self.do("relayer", getattr(self.market, name).functions.mint(made.address, amount))
        return made

    def flash(self, mallory: Contract, amount: int, *calls: tuple[Contract, str, list[Any]]) -> Any:
        """The call that borrows `amount` USDC from the pool, does `calls` and pays back; not sent."""
        first = self.market.pool.functions.token0().call() == self.market.usdc.address
        amounts = (amount, 0) if first else (0, amount)
        return mallory.functions.borrow(self.market.pool.address, *amounts, steps(*calls))

    def insure(self, book: Contract, amount: int) -> None:
        """What the book's honest fees have brought the pool so far."""
        payer = self.people["relayer"]
        self.do("owner", self.pool.functions.setBook(payer, True))
        fund(self.web3, self.market.usdc, payer, amount, self.pool.address)
        self.do("relayer", self.pool.functions.contribute(book.address, amount))


def steps(*calls: tuple[Contract, str, list[Any]]) -> list[tuple[str, str]]:
    """What Mallory does, in order: contract, function, arguments."""
    return [(contract.address, contract.encode_abi(name, args)) for contract, name, args in calls]


def instruction_fields(told: instructions.Instruction) -> tuple[Any, ...]:
    return tuple(getattr(told, name) for name in told.__struct_fields__)


def system(web3: Web3, terms: tuple[int, ...] = STEPS, limits: tuple[int, ...] = LIMITS) -> System:
    """Deploy it all: a vault with 100,000 USDC of the lead's, and a desk. The pool is an hour old."""
    m = market(web3)
    names = ("owner", "lead", "operator", "recipient", "relayer", "guardian", "ann", "bob", "mallory", "liquidator")
    people = dict(zip(names, web3.eth.accounts, strict=False))
    owner, usdc = people["owner"], m.usdc.address
    guard = deploy(web3, "PriceGuard", owner, usdc, "0x" + "0" * 40, 0)
    breaker = deploy(web3, "Breaker", owner)
    pool = deploy(web3, "InsurancePool", owner, usdc)
    made = System(
        web3, m, guard, breaker, pool, deploy(web3, "FeeCoupon", owner),
        deploy(web3, "UniswapV3Venue", owner, m.factory.address),
        deploy(web3, "MirrorExecutor", owner, pool.address, 10 * USDC, 1_000 * USDC),
        deploy(web3, "Liquidator", owner, breaker.address, pool.address, guard.address), people,
    )  # fmt: skip
    made.wait(3600)
    made.do("owner", guard.functions.setFeed(m.weth.address, m.feed.address, DAY, m.pool.address, 1800, 200))
    made.do("owner", made.venue.functions.list(usdc, m.weth.address, FEE))
    made.do("owner", breaker.functions.setGuardian(people["guardian"], True))
    made.do("owner", breaker.functions.setReporter(made.liquidator.address, True))
    made.do("owner", pool.functions.setClaimant(made.liquidator.address, True))
    made.do("lead", made.executor.functions.approveAgent(Web3.to_checksum_address(made.agent.address), 2**40))
    open_vault(made, terms, limits)
    made.deposit("lead", 100_000 * USDC)
    _desk(made)
    return made


def open_vault(s: System, terms: tuple[int, ...], limits: tuple[int, ...]) -> None:
    """An empty vault of the lead's, in the place of the one there was."""
    schedule = deploy(s.web3, "FeeSchedule", terms, s.people["owner"])
    config = (
        s.market.usdc.address, "Vault of a lead", "vLEAD", s.people["lead"], s.people["owner"], s.executor.address,
        s.liquidator.address, s.guard.address, s.breaker.address, s.venue.address, s.pool.address, s.coupons.address,
        s.people["recipient"], [s.market.weth.address], schedule.address, limits,
    )  # fmt: skip
    s.vault = deploy(s.web3, "StrategyVault", config)
    s.do("owner", s.pool.functions.setBook(s.vault.address, True))
    s.do("owner", s.liquidator.functions.setBook(s.vault.address, True, True, 0))


def _desk(s: System) -> None:
    parts = (
        s.executor.address, s.guard.address, s.breaker.address, s.venue.address, s.pool.address, s.coupons.address,
        s.liquidator.address, s.people["recipient"], 0, 1_000,
    )  # fmt: skip
    s.desk = deploy(s.web3, "CopyDesk", parts, s.people["owner"])
    s.do("owner", s.desk.functions.list(s.market.weth.address))
    s.do("owner", s.desk.functions.setOperator(s.people["operator"], True))
    s.do("owner", s.pool.functions.setBook(s.desk.address, True))
    s.do("owner", s.liquidator.functions.setBook(s.desk.address, True, False, 2**128 - 1))
