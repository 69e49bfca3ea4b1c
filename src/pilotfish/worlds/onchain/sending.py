"""Transactions of one key, for what runs beside a shard: anchoring and closing. Signed here or by a signer apart.

Whatever is not mined in time is sent again under its nonce for more, so of each call at most one copy is mined. What
this process sent before a crash waits in the node's pool and is left to be mined, or cleared away where it is stuck.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.eyes import CallRefused, NoAnswer, Node, fields, octets, quantity
from pilotfish.venues.evm.trading.fees import Fees, FeeTerms, offered, raised
from pilotfish.venues.evm.trading.nonces import Attempt, Nonces, Slot, Use
from pilotfish.venues.evm.wire.transactions import GAS_MAX, Transaction, hash_of
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.session import SECOND

Sign = Callable[[Sequence[SignRequest]], Awaitable[list[bytes]]]
PATIENCE_NS = 36 * SECOND  # of the chain's own time, then it is sent for more
LOOKS_MAX = 120
GAS_MARGIN = (5, 4)  # of the estimate: the state may move before it is mined
_KNOWN = ("already known", "known transaction", "already imported", "already exists")
_CHEAP = ("underpriced",)
_LATE = ("nonce too low", "nonce is too low")


class Call(NamedTuple):
    """What is to be done: calldata for a contract, and the gas it may use."""

    to: str
    data: bytes
    gas: int


class Ended(NamedTuple):
    """A call is over: mined and done, mined and reverted (`ok` false), or its nonce was used by another process.

    `block`: where it was mined; −1 where it was not.
    """

    number: int
    transaction: str
    ok: bool
    block: int


async def _a_second() -> None:
    await asyncio.sleep(1.0)


class Sender:
    """`pause`: what is waited for between two looks at the chain."""

    def __init__(
        self,
        node: Node,
        address: str,
        sign: Sign,
        terms: FeeTerms | None = None,
        pause: Callable[[], Awaitable[None]] = _a_second,
    ) -> None:
        self.address = address.lower()
        self._node, self._sign, self._terms, self._pause = node, sign, terms or FeeTerms(), pause
        self._nonces, self._calls, self._chain, self._numbers = Nonces(), dict[int, Call](), 0, 0

    async def send(self, to: str, data: bytes) -> str:
        """Submit and see it mined; its hash. Raises NoAnswer where it reverted, or is not mined after a while."""
        number = await self.submit(to, data)
        for _ in range(LOOKS_MAX):
            for ended in await self.look():
                if ended.number == number and ended.ok:
                    return ended.transaction
                if ended.number == number:
                    raise CallRefused(f"transaction {ended.transaction}", "was mined and undone", "look at it anew")
            await self._pause()
        raise NoAnswer("a transaction", "is not mined yet", "it may still be; look again before anything is sent anew")

    async def submit(self, to: str, data: bytes) -> int:
        """Its number, for `look`. Raises CallRefused, with the contract's reason, where it would revert; NoAnswer where
        gas is dearer than the terms allow or the node does not take it; KeyRefused. Sent into silence is sent.
        """
        now_ns, base_fee = await self._now()
        await self._count(now_ns)
        asked = {"from": self.address, "to": to, "data": "0x" + data.hex()}
        estimate = quantity(await self._node.ask("eth_estimateGas", [asked]), "estimate of gas")
        gas = min(estimate * GAS_MARGIN[0] // GAS_MARGIN[1], GAS_MAX)
        fees = offered(base_fee, self._terms)
        if fees is None:
            raise NoAnswer("nothing was sent", f"gas costs {base_fee} wei, more than is allowed", "wait, or allow more")
        self._numbers += 1
        self._calls[self._numbers] = Call(to, data, gas)
        slot = self._nonces.take(Use.ORDER, self._numbers, now_ns)
        try:
            await self._go(slot, fees, base_fee)
        except VenueError:  # refused by the node or by whoever signs: nothing went out
            self._nonces.free(slot)
            del self._calls[slot.coid]
            raise
        return slot.coid

    async def look(self) -> list[Ended]:
        """What has ended since. What waits too long goes out again, for more."""
        now_ns, base_fee = await self._now()
        await self._count(now_ns)
        ended = []
        for slot in list(self._nonces.waiting()):
            over = await self._ended(slot)
            if over is not None:
                self._nonces.free(slot)
                if slot.use is Use.ORDER:
                    del self._calls[slot.coid]
                    ended.append(over)
            elif now_ns - slot.since_ns > PATIENCE_NS:
                slot.since_ns = now_ns
                more = raised(slot.fees, base_fee, self._terms) if slot.fees else offered(base_fee, self._terms)
                if more is not None:
                    await self._go(slot, more, base_fee)
        return ended

    async def _ended(self, slot: Slot) -> Ended | None:
        for attempt in slot.attempts:
            told = await self._node.ask("eth_getTransactionReceipt", [attempt.hash])
            if told is not None:
                receipt = fields(told, "receipt")
                ok = quantity(receipt.get("status"), "status") == 1
                return Ended(slot.coid, attempt.hash, ok, quantity(receipt.get("blockNumber"), "block"))
        if slot.nonce < self._nonces.latest and slot.attempts:
            return Ended(slot.coid, slot.attempts[-1].hash, False, -1)
        return None

    async def _go(self, slot: Slot, fees: Fees | None, base_fee: int) -> None:
        """Sign and send under the slot's nonce; for more, where the pool holds another under it."""
        while fees is not None:
            transaction = self._transaction(slot, fees)
            (signature,) = await self._sign([transaction.request(self.address)])
            raw = transaction.raw(signature)
            try:
                await self._node.ask("eth_sendRawTransaction", ["0x" + raw.hex()])
            except CallRefused as refused:
                told = refused.why.lower()
                if any(word in told for word in _CHEAP):
                    fees = raised(fees, base_fee, self._terms)
                    continue
                if not any(word in told for word in (*_KNOWN, *_LATE)):
                    raise
            except NoAnswer:
                pass  # nobody knows whether it arrived: the next looks tell
            self._nonces.sent(slot, Attempt(hash_of(raw), raw, fees))
            return
        if not slot.attempts:
            raise NoAnswer("nothing was sent", "another transaction stands in its place", "wait, or allow more for gas")

    def _transaction(self, slot: Slot, fees: Fees) -> Transaction:
        """The slot's call; or, to clear away what is not ours, nothing to ourselves."""
        own = Call(self.address, b"", 21_000)
        call = self._calls[slot.coid] if slot.use is Use.ORDER else own
        to = bytes.fromhex(call.to.removeprefix("0x"))
        return Transaction(
            self._chain, slot.nonce, fees.tip_wei, fees.fee_wei_max, call.gas, to, data=call.data
        )  # fmt: skip

    async def _now(self) -> tuple[int, int]:
        """The chain's time, ns, and its base fee, wei."""
        if not self._chain:
            self._chain = quantity(await self._node.ask("eth_chainId", []), "chain id")
        block: dict[str, Any] = fields(await self._node.ask("eth_getBlockByNumber", ["latest", False]), "block")
        octets(block.get("hash"), "block hash", 32)
        return quantity(block.get("timestamp"), "time") * SECOND, quantity(block.get("baseFeePerGas"), "base fee")

    async def _count(self, now_ns: int) -> None:
        latest, pending = [
            quantity(await self._node.ask("eth_getTransactionCount", [self.address, block]), "count")
            for block in ("latest", "pending")
        ]
        self._nonces.count(latest, max(latest, pending), 0, now_ns)
