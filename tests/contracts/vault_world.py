"""A vault with prices, breaker, coupons and till as a test sets them, and the people around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled
from tests.contracts.market import FEE, Market, fund, market
from tests.contracts.nodes import later

SCALE = 10**36
USDC = 10**6
WETH = 10**18
SHARE = 10**12
"""One whole share: the asset's 6 decimals and 6 more."""
DAY = 86_400
MONTH = 30 * DAY
ROUTE = FEE.to_bytes(3, "big")
FREE = (0, 0, 0, 0, 0, 0, 0)
STEPS = (0, 0, 500, 1000, 1000, 3000, 1500)
"""No subscription, no management fee; 5% of the gain, 10% from 10% of the mark, 15% from 30%."""
LIMITS = (DAY, 100, 100, 10_000, 5_000, 300)
"""Lock, slippages 1%, orders of any size, account stop at half of the highest NAV per share, 3% bled a day."""


def weth_price(usd: int) -> int:
    """The guard's price of WETH in USDC."""
    return usd * USDC * SCALE // WETH


@dataclass
class World:
    web3: Web3
    market: Market | Tokens
    vault: Contract
    schedule: Contract
    guard: Contract
    breaker: Contract
    pool: Contract
    coupons: Contract
    venue: Contract
    terms: tuple[int, ...] = FREE
    nonce: int = field(default=0)

    @cached_property
    def accounts(self) -> list[str]:
        return list(self.web3.eth.accounts)

    @property
    def lead(self) -> str:
        return self.accounts[1]

    @property
    def executor(self) -> str:
        return self.accounts[2]

    @property
    def liquidator(self) -> str:
        return self.accounts[3]

    @property
    def owner(self) -> str:
        return self.accounts[4]

    @property
    def recipient(self) -> str:
        return self.accounts[5]

    @property
    def ann(self) -> str:
        return self.accounts[6]

    @property
    def bob(self) -> str:
        return self.accounts[7]

    @property
    def eve(self) -> str:
        return self.accounts[8]

    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def read(self, name: str, *args: Any) -> Any:
        """What a view of the vault says."""
        return self.vault.functions[name](*args).call()

    def do(self, who: str, name: str, *args: Any) -> TxReceipt:
        """Call the vault; a revert raises."""
        return send(self.web3, self.vault.functions[name](*args), who)

    def deposit(self, who: str, assets: int) -> int:
        """Mint the assets and deposit them; the shares they bought."""
        fund(self.web3, self.market.usdc, who, assets, self.vault.address)
        before = self.shares(who)
        self.do(who, "deposit", assets, who)
        return self.shares(who) - before

    def shares(self, who: str) -> int:
        return int(self.read("balanceOf", who))

    def cash(self, who: str) -> int:
        return int(self.market.usdc.functions.balanceOf(who).call())

    def request(self, who: str, shares: int) -> TxReceipt:
        return self.do(who, "requestRedeem", shares, who, who)

    def exit(self, who: str, shares: int) -> int:
        """Request, settle, claim; what came out."""
        self.request(who, shares)
        self.do(self.eve, "settle")
        return self.claim(who)

    def claim(self, who: str) -> int:
        """What came out."""
        before = self.cash(who)
        self.do(self.eve, "claim", who)
        return self.cash(who) - before

    def order(self, token_in: Contract, token_out: Contract, fraction: float, limit: int = 0) -> tuple[Any, ...]:
        self.nonce += 1
        share = int(fraction * 10**18)
        return (self.lead, self.vault.address, token_in.address, token_out.address, share, limit, 2**40, self.nonce)

    def buy(self, fraction: float, limit: int = 0) -> TxReceipt:
        order = self.order(self.market.usdc, self.market.weth, fraction, limit)
        return self.do(self.executor, "mirror", order, ROUTE)

    def sell(self, fraction: float, limit: int = 0) -> TxReceipt:
        order = self.order(self.market.weth, self.market.usdc, fraction, limit)
        return self.do(self.executor, "mirror", order, ROUTE)

    def price(self, low: int, high: int | None = None) -> None:
        """Whole USDC for a WETH, as the guard says it."""
        prices = weth_price(low), weth_price(high or low)
        send(self.web3, self.guard.functions.set(self.market.weth.address, *prices), self.eve)

    def doubt(self, on: bool = True) -> None:
        send(self.web3, self.guard.functions.doubt(on), self.eve)

    def gain(self, assets: int) -> None:
        """What a profitable trade leaves behind."""
        send(self.web3, self.market.usdc.functions.mint(self.vault.address, assets), self.eve)


def venue_of(web3: Web3, m: Market) -> Contract:
    """Uniswap's own pool of the two, listed."""
    owner = web3.eth.accounts[4]
    venue = deploy(web3, "UniswapV3Venue", owner, m.factory.address)
    send(web3, venue.functions.list(m.usdc.address, m.weth.address, FEE), owner)
    return venue


def config(world: World, limits: tuple[int, ...] = LIMITS, **changed: Any) -> tuple[Any, ...]:
    """The constructor's one argument, with some of its fields changed."""
    fields = {
        "asset": world.market.usdc.address,
        "name": "Vault of a lead",
        "symbol": "vLEAD",
        "lead": world.lead,
        "owner": world.owner,
        "executor": world.executor,
        "liquidator": world.liquidator,
        "guard": world.guard.address,
        "breaker": world.breaker.address,
        "venue": world.venue.address,
        "pool": world.pool.address,
        "coupons": world.coupons.address,
        "feeRecipient": world.recipient,
        "tokens": [world.market.weth.address],
        "schedule": world.schedule.address,
        "limits": limits,
    }
    return tuple({**fields, **changed}.values())


@dataclass(frozen=True)
class Tokens:
    """All that a vault on paper needs of a market."""

    usdc: Contract
    weth: Contract


def tokens(web3: Web3) -> Tokens:
    return Tokens(
        deploy(web3, "LocalToken", "USD Coin", "USDC", 6), deploy(web3, "LocalToken", "Wrapped Ether", "WETH", 18)
    )


def world(web3: Web3, terms: tuple[int, ...] = FREE, limits: tuple[int, ...] = LIMITS, *, real: bool = False) -> World:
    """Deploy it all, empty. On paper every trade is made at the guard's price; a real one goes to Uniswap's pool."""
    m = market(web3) if real else tokens(web3)
    file = "Vault.sol"
    guard = compiled(web3, file, "SetPrices", m.usdc.address)
    made = World(
        web3=web3,
        market=m,
        vault=guard,  # replaced below: the vault's constructor names the rest
        schedule=deploy(web3, "FeeSchedule", terms, web3.eth.accounts[4]),
        guard=guard,
        breaker=compiled(web3, file, "SetBreaker"),
        pool=compiled(web3, file, "TillPool", m.usdc.address),
        coupons=compiled(web3, file, "SetCoupons"),
        venue=venue_of(web3, m) if isinstance(m, Market) else compiled(web3, file, "PaperVenue", guard.address),
        terms=terms,
    )
    made.price(3000)
    made.vault = deploy(web3, "StrategyVault", config(made, limits))
    return made


def three_holders(web3: Web3) -> World:
    """The lead has 1,000; Ann and Bob have 2,000 each; nothing is locked any more."""
    made = world(web3)
    for who, assets in ((made.lead, 1_000), (made.ann, 2_000), (made.bob, 2_000)):
        made.deposit(who, assets * USDC)
    later(web3, DAY + 1)
    return made
