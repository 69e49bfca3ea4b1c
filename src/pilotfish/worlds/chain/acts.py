"""What happens in a run on a chain, act by act; each says what it came to."""

from __future__ import annotations

import time
from typing import NamedTuple

from pilotfish.venues.evm.contracts.bindings import Call
from pilotfish.venues.evm.contracts.events import Event
from pilotfish.venues.evm.contracts.system import VolumeBadge
from pilotfish.venues.evm.deploy.client import Receipt
from pilotfish.venues.evm.deploy.market import FEE, FOREVER, SwapOrder
from pilotfish.venues.evm.eyes import fields, octets, quantity
from pilotfish.venues.evm.wire import metatag
from pilotfish.venues.evm.wire.metatag import NUMBERS, LeadSwap, LeadTransaction, Tag
from pilotfish.worlds.chain.books import PRICE_DECIMALS, Books, LeadTrade
from pilotfish.worlds.chain.stage import Stage

BPS = 10_000


class FeesDistributed(Event, frozen=True):
    contract = "StrategyVault"
    to_recipient: int
    to_insurance: int


class Distributed(Event, frozen=True):
    contract = "CopyDesk"
    to: str
    amount: int
    insured: int


class LeadSeen(NamedTuple):
    """The lead's own transaction as the chain tells it, and the swap in it. `heard_ns`: by this process's clock."""

    heard_ns: int
    hash: str
    transaction: LeadTransaction
    swap: LeadSwap
    gas_used: int


async def lead_swaps(stage: Stage, buys: bool, fraction_bps: int) -> LeadSeen:
    """The lead trades through Uniswap's router, its calldata tagged with the vault; then read back from the chain."""
    market, lead = stage.market, stage.lead
    token_in, token_out = (market.usdc, market.weth) if buys else (market.weth, market.usdc)
    held = await stage.client.read(token_in.balance_of(lead.address))
    amount = held * fraction_bps // BPS
    order = SwapOrder(token_in.address, token_out.address, FEE, lead.address, FOREVER, amount, 0, 0)
    call = market.router.exact_input_single(order)
    tagged = Call(call.to, metatag.append(call.data, Tag(stage.vault.address)), call.read)
    receipt = await stage.do(lead, tagged, "the lead's swap")
    heard_ns = time.monotonic_ns()
    seen = await transaction_of(stage, receipt)
    pools = {market.pool.address: (market.usdc.address, market.weth.address)}
    swap = metatag.swap_of(seen, lead.address, [market.router.address], pools)
    return LeadSeen(heard_ns, receipt.hash, seen, swap, receipt.gas_used)


async def transaction_of(stage: Stage, receipt: Receipt) -> LeadTransaction:
    """As the chain has it, by its hash."""
    told = fields(await stage.client.node.ask("eth_getTransactionByHash", [receipt.hash]), "transaction")
    logs = tuple(metatag.Log(log.address, tuple(log.topics), log.data) for log in receipt.logs)
    sender, to = str(told["from"]).lower(), str(told["to"]).lower()
    nonce, value = quantity(told["nonce"], "nonce"), quantity(told["value"], "value")
    return LeadTransaction(sender, to, nonce, octets(told["input"], "input"), value, True, logs)


async def desk_copies(stage: Stage, books: Books, seen: LeadSeen) -> None:
    """The engine is told of the lead's fill; what it decides goes to the desk."""
    buys = seen.swap.token_in == stage.market.usdc.address
    price = await stage.price_e8() * 10**PRICE_DECIMALS // 10**8
    trade = LeadTrade(seen.swap, buys, seen.transaction.nonce * NUMBERS, seen.heard_ns)
    await books.lead_traded(trade, price, await stage.client.now())


async def fees_paid_out(stage: Stage) -> tuple[int, int]:
    """Charge the vault's accounts, then pay out what vault and desk have taken: all of it, and the insured part."""
    for key in stage.depositors:
        await stage.do(stage.operator, stage.vault.crystallise(key.address), "a charge")
    vault = await stage.do(stage.operator, stage.vault.distribute_fees(), "the vault's fees")
    desk = await stage.do(stage.operator, stage.desk.distribute_fees(stage.lead.address), "the desk's fees")
    paid = [(told.to_recipient, told.to_insurance) for told in vault.events(FeesDistributed, stage.vault.address)]
    paid += [(told.amount, told.insured) for told in desk.events(Distributed, stage.desk.address)]
    insured = sum(part for _, part in paid)
    return sum(part for part, _ in paid) + insured, insured


async def exit_honoured(stage: Stage) -> tuple[int, int]:
    """The first depositor leaves the vault with all its shares: how many, and what it got for them."""
    key = stage.depositors[0]
    before = await stage.cash(key.address)
    shares = await stage.client.read(stage.vault.balance_of(key.address))
    await stage.do(key, stage.vault.request_redeem(shares, key.address, key.address), "a request to leave")
    await stage.do(stage.operator, stage.vault.settle(), "a settlement")
    await stage.do(key, stage.vault.claim(key.address), "a claim")
    return shares, await stage.cash(key.address) - before


async def badge_for_volume(stage: Stage, volumes: list[int], root: bytes) -> int:
    """The follower with most volume gets its badges; how many. `root` of the journal stands for the fills."""
    badge = VolumeBadge(stage.record.address("VolumeBadge"))
    volume, number = max((volume, number) for number, volume in enumerate(volumes))
    holder = stage.followers[number].key.address
    await stage.do(stage.operator, badge.credit(holder, bytes(32), volume, root), "a credit of volume")
    return await stage.client.read(badge.balance_of(holder))
