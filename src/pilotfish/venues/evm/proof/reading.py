"""A publisher's chain of batches as a node tells it, all as of one block."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.eyes import NoAnswer, Node, block_at, call, fields, logs, octets, quantity, tag
from pilotfish.venues.evm.proof.anchoring import ANCHORED, Logged, batch_of, head_call
from pilotfish.venues.evm.wire.abi import WORD, place

AT_ONCE = 8  # receipts asked for at a time


class Told(msgspec.Struct, frozen=True):
    """What one node says of one publisher. Nothing of it is checked but its form."""

    node: str
    chain: int
    block: int
    block_hash: str
    block_time_s: int
    final: int | None
    """The newest final block, where the node knows of finality."""
    genuine: bool
    """The code at the address is that of `Anchor` as this package ships it."""
    head: bytes
    batches: list[Logged]
    """In the order of the log."""
    gas: int = 0
    cost_wei: int = 0


async def read_anchors(node: Node, anchor: str, publisher: str, since: int = 0) -> Told:
    """Code, head and log as of the newest block. `since`: the block the contract was deployed in, or any before it.

    Raises NoAnswer, also where no contract stands at `anchor` or the chain was reorganised under the reading.
    """
    chain = quantity(await node.ask("eth_chainId", []), "chain id")
    block, block_hash, time_s = await block_at(node, "latest")
    code = octets(await node.ask("eth_getCode", [anchor, tag(block)]), "code")
    if not code:
        why = f"chain {chain} has no contract there"
        raise NoAnswer(f"address {anchor}", why, "check the address and the chain")
    head = await head_at(node, anchor, publisher, block)
    batches = await _batches(node, anchor, publisher, min(since, block), block)
    gas, cost = await _costs(node, batches)
    final = await _final(node)
    if (await block_at(node, tag(block)))[1] != block_hash:
        raise NoAnswer("the chain", "was reorganised while it was read", "run it again")
    return Told(
        node.name, chain, block, block_hash, time_s, final, _is_anchor(code), head, batches, gas, cost
    )  # fmt: skip


async def head_at(node: Node, anchor: str, publisher: str, block: int) -> bytes:
    """The publisher's head in the storage as of a block. Raises NoAnswer."""
    answer = await call(node, anchor, head_call(publisher), tag(block))
    return octets("0x" + answer.hex(), "head", WORD)


def _is_anchor(code: bytes) -> bool:
    """It has no immutables, so what the creation code ends with is what stands."""
    creation = bytes.fromhex(load("Anchor").bytecode.removeprefix("0x"))
    return creation.endswith(code) and 2 * len(code) > len(creation)


async def _batches(node: Node, anchor: str, publisher: str, first: int, last: int) -> list[Logged]:
    """In the order of the log."""
    who = "0x" + place(publisher).hex()
    told = await logs(node, anchor, ["0x" + ANCHORED.hex(), who], first, last)
    return sorted((_logged(each, anchor, publisher) for each in told), key=lambda one: (one.block, one.log_index))


def _logged(told: Any, anchor: str, publisher: str) -> Logged:
    entry = fields(told, "log")
    topics = [octets(topic, "topic", WORD) for topic in entry.get("topics") or []]
    try:
        batch, before = batch_of(topics, octets(entry.get("data"), "log data"))
    except ValueError as bad:
        raise NoAnswer("the node's log", str(bad), "ask another node") from None
    if topics[1] != place(publisher) or str(entry.get("address")).lower() != anchor.lower():
        raise NoAnswer("the node's log", "is of another contract or publisher", "ask another node")
    block, index = quantity(entry.get("blockNumber"), "block"), quantity(entry.get("logIndex"), "log index")
    sent = "0x" + octets(entry.get("transactionHash"), "transaction", WORD).hex()
    return Logged(batch, before, block, index, sent)


async def _costs(node: Node, batches: list[Logged]) -> tuple[int, int]:
    """Gas and wei of all transactions that anchored them."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def of(sent: str) -> tuple[int, int]:
        async with turn:
            receipt = fields(await node.ask("eth_getTransactionReceipt", [sent]), "receipt")
        gas = quantity(receipt.get("gasUsed"), "gas")
        return gas, gas * quantity(receipt.get("effectiveGasPrice"), "gas price")

    paid = await asyncio.gather(*(of(sent) for sent in dict.fromkeys(one.transaction for one in batches)))
    return sum(gas for gas, _ in paid), sum(wei for _, wei in paid)


async def _final(node: Node) -> int | None:
    try:
        return (await block_at(node, "finalized"))[0]
    except NoAnswer:
        return None
