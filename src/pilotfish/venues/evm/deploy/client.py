"""A chain as a deployer sees it: calls read, transactions signed, sent and waited for, one at a time."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple, TypeVar

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.contracts.bindings import Call
from pilotfish.venues.evm.contracts.events import Event, reason
from pilotfish.venues.evm.deploy.signing import signed
from pilotfish.venues.evm.eyes import CallRefused, NoAnswer, Node, fields, octets, quantity
from pilotfish.venues.evm.wire.transactions import Transaction
from pilotfish.venues.keys.key import Key, keccak

R = TypeVar("R")
E = TypeVar("E", bound=Event)
GAS_MAX = 2**24
"""EIP-7825."""
GAS_SPARE_PERCENT = 20
TIP_WEI = 10**9
WAIT_S_MAX = 300.0
_POLL_S = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)


class TransactionRefused(VenueError):
    """A transaction that would revert and was not sent, or that did revert."""


class Log(NamedTuple):
    address: str
    topics: list[bytes]
    data: bytes


class Receipt(NamedTuple):
    """Of a transaction that succeeded."""

    hash: str
    block: int
    gas_used: int
    logs: list[Log]

    def events(self, kind: type[E], address: str | None = None) -> list[E]:
        """Its logs of one event, from one contract where an address is given."""
        said = (kind.read(log.topics, log.data) for log in self.logs if address in (None, log.address))
        return [event for event in said if event is not None]


class Prepared(NamedTuple):
    """Signed and not sent."""

    what: str
    hash: str
    nonce: int
    raw: bytes


class ChainClient:
    """`node` is one that answers JSON-RPC. Every error is a NoAnswer, a CallRefused or a TransactionRefused."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._chain: int | None = None

    async def chain_id(self) -> int:
        if self._chain is None:
            self._chain = quantity(await self.node.ask("eth_chainId", []), "chain id")
        return self._chain

    async def read(self, call: Call[R], sender: str | None = None) -> R:
        """What a call answers now. Raises TransactionRefused where it reverts."""
        asked = {"to": call.to, "data": "0x" + call.data.hex()} | ({"from": sender} if sender else {})
        try:
            return call.read(octets(await self.node.ask("eth_call", [asked, "latest"]), "answer to a call"))
        except CallRefused as bad:
            raise _refused(f"a call of {call.to}", bad) from None

    async def code(self, address: str) -> bytes:
        """What stands there; empty where nothing does."""
        return octets(await self.node.ask("eth_getCode", [address, "latest"]), "code")

    async def balance(self, address: str) -> int:
        """Wei."""
        return quantity(await self.node.ask("eth_getBalance", [address, "latest"]), "balance")

    async def nonce(self, address: str) -> int:
        """How many of its transactions are mined."""
        return quantity(await self.node.ask("eth_getTransactionCount", [address, "latest"]), "nonce")

    async def now(self) -> int:
        """Time of the latest block, s."""
        block = fields(await self.node.ask("eth_getBlockByNumber", ["latest", False]), "latest block")
        return quantity(block.get("timestamp"), "block time")

    async def prepare(self, key: Key, to: str | None, data: bytes, what: str, gas: int | None = None,
                      value_wei: int = 0) -> Prepared:  # fmt: skip
        """Sign it with the next nonce. `to` None makes a contract. Raises TransactionRefused where it would revert."""
        nonce = quantity(await self.node.ask("eth_getTransactionCount", [key.address, "pending"]), "nonce")
        block = fields(await self.node.ask("eth_getBlockByNumber", ["latest", False]), "latest block")
        base_wei = quantity(block.get("baseFeePerGas"), "base fee")
        if gas is None:
            gas = await self._gas(key.address, to, data, what, value_wei)
        place = bytes.fromhex(to[2:]) if to else b""
        fee_wei = 2 * base_wei + TIP_WEI
        one = Transaction(await self.chain_id(), nonce, TIP_WEI, fee_wei, gas, place, value_wei, data)
        raw = signed(key, one)
        return Prepared(what, "0x" + keccak(raw).hex(), nonce, raw)

    async def broadcast(self, one: Prepared) -> None:
        """Doing it twice does no harm."""
        try:
            await self.node.ask("eth_sendRawTransaction", ["0x" + one.raw.hex()])
        except CallRefused as bad:
            if not any(word in bad.why for word in ("already known", "already imported", "nonce too low")):
                raise _refused(one.what, bad) from None

    async def wait(self, transaction: str, what: str) -> Receipt:
        """Until it is in a block. Raises TransactionRefused where it reverted, NoAnswer where no block takes it."""
        until, tries = time.monotonic() + WAIT_S_MAX, 0
        while (found := await self.receipt(transaction, what)) is None:
            if time.monotonic() > until:
                raise NoAnswer(what, f"{transaction} is in no block after {WAIT_S_MAX:g} s", "run the command again")
            await asyncio.sleep(_POLL_S[min(tries, len(_POLL_S) - 1)])
            tries += 1
        return found

    async def receipt(self, transaction: str, what: str) -> Receipt | None:
        """None while it is in no block. Raises TransactionRefused where it reverted."""
        told = await self.node.ask("eth_getTransactionReceipt", [transaction])
        if told is None:
            return None
        told = fields(told, "receipt")
        used = quantity(told.get("gasUsed"), "gas used")
        if quantity(told.get("status"), "status") != 1:
            raise TransactionRefused(what, f"it reverted ({transaction}, {used} gas)", "see what has changed since")
        logs = [_log(one) for one in told.get("logs", [])]
        return Receipt(transaction, quantity(told.get("blockNumber"), "block"), used, logs)

    async def send(self, key: Key, call: Call[Any], what: str, gas: int | None = None) -> Receipt:
        """Sign, send, wait."""
        prepared = await self.prepare(key, call.to, call.data, what, gas)
        await self.broadcast(prepared)
        return await self.wait(prepared.hash, what)

    async def _gas(self, sender: str, to: str | None, data: bytes, what: str, value_wei: int) -> int:
        asked = {"from": sender, "data": "0x" + data.hex(), "value": hex(value_wei)} | ({"to": to} if to else {})
        try:
            needs = quantity(await self.node.ask("eth_estimateGas", [asked]), "estimate of gas")
        except CallRefused as bad:
            raise _refused(what, bad) from None
        return min(needs * (100 + GAS_SPARE_PERCENT) // 100, GAS_MAX)


def _refused(what: str, bad: CallRefused) -> TransactionRefused:
    why = f"it would revert: {reason(bad.data)}" if bad.data else bad.why
    return TransactionRefused(what, why, "nothing was sent")


def _log(told: Any) -> Log:
    told = fields(told, "log")
    topics = [octets(topic, "topic", 32) for topic in told.get("topics", [])]
    return Log(str(told.get("address", "")).lower(), topics, octets(told.get("data"), "data of a log"))
