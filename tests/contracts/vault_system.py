"""The same vault among its real neighbours: oracle and market, breaker, insurance, the venue and the executor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import rlp
from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from pilotfish.venues.evm.wire import instructions
from pilotfish.venues.evm.wire.instructions import Instruction
from pilotfish.venues.evm.wire.metatag import NUMBERS
from pilotfish.venues.keys.key import Key
from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled
from tests.contracts.executor_scene import next_at
from tests.contracts.market import Market, market
from tests.contracts.nodes import later
from tests.contracts.vault_world import FREE, LIMITS, ROUTE, USDC, World, config, venue_of

NOBODY = "0x" + "00" * 20
HOUR = 3600


@dataclass
class System:
    world: World
    executor: Contract
    agent: Key
    separator: bytes
    next: int = 0
    """When the next trade may be."""

    def mirror(self, buying: bool, fraction: float, route: bytes = ROUTE) -> TxReceipt:
        """An instruction that the lead's agent signs and anybody brings, numbered as the lead's tagged swaps are."""
        w = self.world
        tokens = (w.market.usdc, w.market.weth) if buying else (w.market.weth, w.market.usdc)
        order = Instruction(*w.order(*tokens, fraction))
        order = msgspec.structs.replace(order, nonce=order.nonce * NUMBERS)
        signature = instructions.sign(order, self.separator, self.agent)
        fields = tuple(getattr(order, name) for name in order.__struct_fields__)
        return send(w.web3, self.executor.functions.mirror(fields, signature, route), w.eve)

    def gas(self, time: int, buying: bool, fraction: float) -> int:
        """What a mirror at this very second uses, as if no byte of addresses and signature were zero: those differ
        from chain to chain."""
        w = self.world
        next_at(w.web3, time - 1)
        send(w.web3, w.market.feed.functions.set(3000 * 10**8, time - 1), w.eve)
        next_at(w.web3, time)
        mined = self.mirror(buying=buying, fraction=fraction)
        sent = bytes(w.web3.eth.get_transaction(mined["transactionHash"])["input"])
        words = [sent[4 + 32 * n : 36 + 32 * n] for n in range(4)]
        chosen = b"".join(word[12:] for word in words) + sent[-160:-95]
        return int(mined["gasUsed"]) + 12 * chosen.count(0)

    def settled(self, time: int) -> int:
        """An hour of trades, one in 290 s, from `time` on, so that the pool's average looks back on what is known; the
        next second after it that a trade may have."""
        for n in range(13):
            self.gas(time + 290 * n, n % 3 != 2, 0.1)
        return time + 290 * 13

    def fresh(self) -> None:
        """The oracle answers now."""
        w = self.world
        send(w.web3, w.market.feed.functions.set(3000 * 10**8, w.now()), w.eve)


def ordered(web3: Web3) -> None:
    """Give account 0's next two contracts rising addresses: a pool's gas depends on which token is its first."""
    maker = web3.eth.accounts[0]

    def made_at(nonce: int) -> bytes:
        return bytes(Web3.keccak(rlp.encode([bytes.fromhex(maker[2:]), nonce]))[12:])

    while made_at(nonce := web3.eth.get_transaction_count(maker)) > made_at(nonce + 1):
        web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction({"from": maker, "to": maker}))


def guard_of(web3: Web3, m: Market, sequencer: str = NOBODY) -> Contract:
    """WETH by its feed and the mean of half an hour, 2% apart at most."""
    owner = web3.eth.accounts[4]
    guard = deploy(web3, "PriceGuard", owner, m.usdc.address, sequencer, 0)
    feed = guard.functions.setFeed(m.weth.address, m.feed.address, HOUR, m.pool.address, 1800, 200)
    send(web3, feed, owner)
    return guard


def system(web3: Web3, terms: tuple[int, ...] = FREE, limits: tuple[int, ...] = LIMITS) -> System:
    """Deploy it all; the lead has deposited 10,000 USDC and appointed an agent."""
    ordered(web3)
    m = market(web3)
    later(web3, HOUR)
    owner = web3.eth.accounts[4]
    pool = deploy(web3, "InsurancePool", owner, m.usdc.address)
    executor = deploy(web3, "MirrorExecutor", owner, pool.address, USDC, 1000 * USDC)
    uptime = deploy(web3, "LocalFeed", 0, 0)
    parts: dict[str, Any] = {
        "schedule": deploy(web3, "FeeSchedule", terms, owner),
        "guard": guard_of(web3, m, uptime.address),
        "breaker": deploy(web3, "Breaker", owner),
        "pool": pool,
        "coupons": compiled(web3, "Vault.sol", "SetCoupons"),
        "venue": venue_of(web3, m),
    }
    w = World(web3=web3, market=m, vault=executor, terms=terms, **parts)
    w.vault = deploy(web3, "StrategyVault", config(w, limits, executor=executor.address))
    send(web3, pool.functions.setBook(w.vault.address, True), owner)
    agent = Key(bytes([7]) * 32)
    send(web3, executor.functions.approveAgent(Web3.to_checksum_address(agent.address), 2**40), w.lead)
    made = System(w, executor, agent, instructions.domain(web3.eth.chain_id, executor.address))
    made.fresh()
    w.deposit(w.lead, 10_000 * USDC)
    return made


def mirrored(s: System, *orders: tuple[bool, float]) -> list[int]:
    """Gas of orders (whether it buys, fraction), by default a purchase and a sale of a tenth, each at its own second;
    then all is as it was."""
    w = s.world
    picture, nonce = w.web3.provider.make_request("evm_snapshot", [])["result"], w.nonce
    asked = enumerate(orders or ((True, 0.1), (False, 0.1)))
    used = [s.gas(s.next + 290 * n, buying=buying, fraction=fraction) for n, (buying, fraction) in asked]
    w.web3.provider.make_request("evm_revert", [picture])
    w.nonce = nonce
    return used
