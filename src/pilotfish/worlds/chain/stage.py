"""What a run on a chain stands on: the contracts, a market with a price that moves, and everybody's money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from pathlib import Path
from typing import Any

from pilotfish.venues.evm.contracts.bindings import Call
from pilotfish.venues.evm.contracts.system import (
    CopyDesk,
    EntryPoint,
    InsurancePool,
    MirrorExecutor,
    PriceGuard,
    StrategyVault,
)
from pilotfish.venues.evm.deploy.client import ChainClient, Receipt
from pilotfish.venues.evm.deploy.local import DEPLOYER, LEAD, OPERATOR, deploy_locally
from pilotfish.venues.evm.deploy.market import FEE, FOREVER, UNLIMITED, Market, SwapOrder
from pilotfish.venues.evm.deploy.steps import Deployer
from pilotfish.venues.evm.node.accounts import local_keys
from pilotfish.venues.evm.wire import instructions
from pilotfish.venues.keys.key import Key
from pilotfish.worlds.chain.desk_venue import Parties
from pilotfish.worlds.chain.people import (
    DEPOSITS,
    LEAD_CASH,
    LEAD_STAKE,
    TRADER,
    USDC,
    DeskSigner,
    Follower,
    allocations,
    derived,
    mandate,
)
from pilotfish.worlds.chain.userop import Operations

ROUTE = FEE.to_bytes(3, "big")
WEI = 10**18
CALM_S = 2_400
"""After a move: the pool's mean of half an hour must have followed before any price is trusted."""
PLAIN_GAS, MANDATES_GAS, OPEN_GAS = 150_000, 4_000_000, 12_000_000
MANDATES_AT_ONCE, WALLETS_AT_ONCE = 50, 100


class Stage:
    """Use `Stage.set_up`. Every account is one that everybody knows."""

    def __init__(self, client: ChainClient, deployer: Deployer, market: Market) -> None:
        at = deployer.record.address
        self.client, self.record, self.market = client, deployer.record, market
        self.keys = local_keys()
        self.lead, self.operator, self.trader = self.keys[LEAD], self.keys[OPERATOR], self.keys[TRADER]
        self.agent, self.relayer = derived("agent", 1)[0], derived("relayer", 1)[0]
        self.vault, self.desk = StrategyVault(at("StrategyVault")), CopyDesk(at("CopyDesk"))
        self.guard, self.pool = PriceGuard(at("PriceGuard")), InsurancePool(at("InsurancePool"))
        self.executor = MirrorExecutor(at("MirrorExecutor"))
        entry_point, account = EntryPoint(at("entry point")), at("OperatorAccount")
        self.way = Operations(client, entry_point, account, at("Sponsor"), self.operator, self.operator)
        self.domain = instructions.domain(self.record.chain_id, self.executor.address)
        self.depositors = derived("depositor", len(DEPOSITS))
        self.followers: list[Follower] = []

    @classmethod
    async def set_up(cls, client: ChainClient, path: Path, followers: int, tell: Callable[[str], None]) -> Stage:
        """Deploy everything. The first follower has a coupon."""
        deployer = await Deployer.begin(client, local_keys()[DEPLOYER], path, tell)
        holder = [key.address for key in derived("follower", followers)[:1]]
        return cls(client, deployer, await deploy_locally(deployer, holder))

    async def do(self, key: Key, call: Call[Any], what: str, gas: int | None = None) -> Receipt:
        return await self.client.send(key, call, what, gas)

    async def pooled(self) -> None:
        """The lead stakes, depositors deposit, the lead's agent is appointed."""
        market = self.market
        await self._given(self.lead, (LEAD_STAKE + LEAD_CASH) * USDC, [self.vault.address, market.router.address])
        await self.do(self.lead, market.weth.approve(market.router.address, UNLIMITED), "approval", PLAIN_GAS)
        await self.do(self.lead, self.vault.deposit(LEAD_STAKE * USDC, self.lead.address), "the lead's stake")
        await self._coins(self.relayer)
        await self.do(self.lead, self.executor.approve_agent(self.agent.address, FOREVER), "the lead's agent")
        for key, amount in zip(self.depositors, DEPOSITS, strict=True):
            await self._coins(key)
            await self._given(key, amount * USDC, [self.vault.address])
            await self.do(key, self.vault.deposit(amount * USDC, key.address), "a deposit")

    async def segregated(self, count: int, seed: int, tell: Callable[[str], None]) -> None:
        """Followers sign once; their wallets are opened and funded."""
        lead, token = self.lead.address, self.market.weth.address
        keys, now_s = derived("follower", count), await self.client.now()
        signer = DeskSigner(self.record.chain_id, self.desk.address)
        mandates = [
            mandate(k.address, lead, token, a, now_s) for k, a in zip(keys, allocations(count, seed), strict=True)
        ]
        for at in range(0, count, MANDATES_AT_ONCE):
            part = mandates[at : at + MANDATES_AT_ONCE]
            signed = [signer.mandate(key, one) for key, one in zip(keys[at:], part, strict=False)]
            await self.do(self.operator, self.desk.follow_many(part, signed), "mandates", MANDATES_GAS)
        for at in range(0, count, WALLETS_AT_ONCE):
            people = [key.address for key in keys[at : at + WALLETS_AT_ONCE]]
            await self.do(self.operator, self.desk.open(people, lead), "wallets", None)
        for n, (key, one) in enumerate(zip(keys, mandates, strict=True)):
            wallet = await self.client.read(self.desk.wallet_of(key.address, lead))
            await self.do(self.operator, self.market.usdc.mint(wallet, one.allocation), "funding", PLAIN_GAS)
            self.followers.append(Follower(key, one.allocation, wallet))
            if n % 25 == 24:
                tell(f"{n + 1} wallets are funded")

    async def revoke(self, follower: Follower) -> None:
        """Brought by somebody else: the follower only signs."""
        now_s, signer = await self.client.now(), DeskSigner(self.record.chain_id, self.desk.address)
        signature = signer.revocation(follower.key, self.lead.address, now_s)
        call = self.desk.revoke_by_signature(follower.key.address, self.lead.address, now_s, signature)
        await self.do(self.operator, call, "a revocation")

    async def move_price(self, bps: int) -> None:
        """Somebody buys (or sells) until the pool's price has moved so far; the feed follows, and time calms it."""
        market, trader = self.market, self.trader
        usdc, weth = [await self.client.read(t.balance_of(market.pool.address)) for t in (market.usdc, market.weth)]
        token_in, token_out, reserve, change = market.usdc, market.weth, usdc, 10_000 + bps
        if bps < 0:
            token_in, token_out, reserve, change = market.weth, market.usdc, weth, 10_000**2 // (10_000 + bps)
        amount = reserve * (isqrt(change * 10**12) - 10**8) // 10**8 * 1000 // 997
        await self._given(trader, amount, [market.router.address], token_in)
        order = SwapOrder(token_in.address, token_out.address, FEE, trader.address, FOREVER, amount, 0, 0)
        await self.do(trader, market.router.exact_input_single(order), "a move of the market")
        await self.pass_time(CALM_S)

    async def pass_time(self, seconds: int) -> None:
        """The chain's clock runs ahead; the feed then says what the pool does."""
        await self.client.node.ask("evm_increaseTime", [seconds])
        await self.client.node.ask("evm_mine", [])
        price = await self.price_e8()
        await self.do(self.operator, self.market.feed.set(price, await self.client.now()), "the feed speaks", PLAIN_GAS)

    async def price_e8(self) -> int:
        """The pool's price of one WETH, USD with 8 decimals."""
        root = (await self.client.read(self.market.pool.slot0()))[0]
        usdc_first = self.market.usdc.address < self.market.weth.address
        ratio = (root * root * 10**20) >> 192  # token1 for one of token0, times 1e20
        return 10**40 // ratio if usdc_first else ratio

    def parties(self) -> Parties:
        """Who instructs the desk."""
        market = self.market
        return Parties(
            self.desk, self.lead.address, self.agent, self.domain, market.usdc.address, market.weth.address, ROUTE
        )

    async def cash(self, who: str) -> int:
        return await self.client.read(self.market.usdc.balance_of(who))

    async def tokens(self, who: str) -> int:
        return await self.client.read(self.market.weth.balance_of(who))

    async def _given(self, key: Key, amount: int, spenders: Sequence[str], token: Any = None) -> None:
        token = token or self.market.usdc
        await self.do(self.operator, token.mint(key.address, amount), "minting", PLAIN_GAS)
        for spender in spenders:
            await self.do(key, token.approve(spender, UNLIMITED), "approval", PLAIN_GAS)

    async def _coins(self, key: Key) -> None:
        prepared = await self.client.prepare(self.operator, key.address, b"", "coins for gas", 21_000, WEI)
        await self.client.broadcast(prepared)
        await self.client.wait(prepared.hash, "coins for gas")
