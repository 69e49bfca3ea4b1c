"""What leads do, from the chain itself: OrderFilled of the exchanges, each with a lead's wallet as the order's maker.

In the event the maker is whoever's order it is: a taker's own order is told once, with the exchange as its taker, and
each resting order it met once more. So a lead's trades are the logs with its wallet in the second topic, and no other.
Blocks that may still be replaced are read again; a trade that is gone then is left to the positions to mend.
Event of CTF Exchange V2: https://docs.polymarket.com/developers/CLOB/orders/onchain-order-info
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pilotfish.domain.instrument import Side
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.deeds import Deed
from pilotfish.venues.polymarket.settings import SECOND
from pilotfish.venues.polymarket.wire.assets import ONE
from pilotfish.venues.polymarket.wire.codec import encode
from pilotfish.venues.reading import Reading

ORDER_FILLED = (
    "0x" + keccak(b"OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)").hex()
)
_WORD = 64  # hexadecimal digits
_LEADS_MAX = 200  # of one request


class Log(msgspec.Struct, frozen=True, rename="camel"):
    """Of eth_getLogs, as far as it matters here. `blockTimestamp` is told by newer nodes only."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    transaction_hash: str
    log_index: str
    removed: bool = False
    block_timestamp: str | None = None


class _Failure(msgspec.Struct, frozen=True):
    message: str = ""


class _Reply(msgspec.Struct, frozen=True):
    id: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Failure | None = None


_REPLIES: Reading[list[_Reply]] = Reading("JSON-RPC batch", list[_Reply])
_LOGS: Reading[list[Log]] = Reading("eth_getLogs", list[Log])
_HEX: Reading[str] = Reading("eth_blockNumber", str)


class Chain:
    """`heard(lead, deeds, now_ns)`: new trades, oldest first. `doubtful(lead, now_ns)`: one was on a replaced block."""

    def __init__(
        self, link: Link, leads: list[str],
        heard: Callable[[int, list[Deed], int], None], doubtful: Callable[[int, int], None],
    ) -> None:  # fmt: skip
        self._link, self._heard, self._doubtful = link, heard, doubtful
        self._leads = {_topic(address): number for number, address in enumerate(leads)}
        self._read_to = -1  # blocks up to here were read once
        self._kept: dict[tuple[str, str], tuple[int, int]] = {}  # (transaction, log) → block, lead
        self._poll_ns = 0
        self._asking = False
        self._asks = 0

    @property
    def on(self) -> bool:
        return bool(self._link.settings.rpc_url and self._leads)

    def tick(self, now_ns: int) -> None:
        if self.on and not self._asking and self._poll_ns <= now_ns:
            self._asking, self._poll_ns = True, now_ns + self._link.settings.chain_poll_ns
            self._call([("eth_blockNumber", [])], now_ns, self._numbered)

    def next_ns(self) -> int | None:
        return self._poll_ns if self.on and not self._asking else None

    def _numbered(self, replies: list[_Reply] | None, now_ns: int) -> None:
        try:
            head = _number(_HEX.decode(bytes(replies[0].result))) if replies else -1
        except MessageRefused:
            head = -1
        if head < 0 or (self._read_to < 0 and not self._begin(head)):
            self._asking = False
            return
        settings = self._link.settings
        first = max(0, self._read_to - settings.chain_depth + 1)
        last = min(head, first + settings.chain_blocks_max - 1)
        if last < first:  # the node is behind what another one told
            self._asking = False
            return
        topics = list(self._leads)
        calls: list[tuple[str, list[Any]]] = [
            ("eth_getLogs", [{
                "fromBlock": hex(first), "toBlock": hex(last), "address": list(settings.exchanges),
                "topics": [ORDER_FILLED, None, topics[k : k + _LEADS_MAX]],
            }])
            for k in range(0, len(topics), _LEADS_MAX)
        ]  # fmt: skip
        self._call(calls, now_ns, lambda said, then_ns: self._logs(said, first, last, then_ns))

    def _begin(self, head: int) -> bool:
        """What was before is told by the positions."""
        self._read_to = head
        return False

    def _logs(self, replies: list[_Reply] | None, first: int, last: int, now_ns: int) -> None:
        self._asking = False
        logs: list[Log] = []
        try:
            logs = [log for reply in replies or () for log in _LOGS.decode(bytes(reply.result))]
        except MessageRefused:
            replies = None
        if replies is None:
            self._link.counts["chain reads that failed"] += 1
            return
        found: dict[tuple[str, str], tuple[int, int]] = {}
        told: dict[int, list[Deed]] = {}
        for log in sorted(logs, key=lambda log: (_number(log.block_number), _number(log.log_index))):
            try:
                lead, block, deed = self._read(log, now_ns)
            except MessageRefused:
                self._link.set_aside("log")
                continue
            if not log.removed and first <= block <= last:
                found[log.transaction_hash, log.log_index] = block, lead
                told.setdefault(lead, []).append(deed)
        for key, (block, lead) in list(self._kept.items()):
            if block < first:
                del self._kept[key]
            elif block <= last and key not in found:
                del self._kept[key]
                self._link.counts["trades on replaced blocks"] += 1
                self._doubtful(lead, now_ns)
        self._kept |= found
        self._read_to = max(self._read_to, last)
        for lead, deeds in told.items():
            self._heard(lead, deeds, now_ns)
        if last - first + 1 >= self._link.settings.chain_blocks_max:  # there is more
            self._poll_ns = now_ns

    def _read(self, log: Log, now_ns: int) -> tuple[int, int, Deed]:
        """Lead, block and trade of a log. Raises MessageRefused."""
        words = log.data.removeprefix("0x")
        lead = self._leads.get(log.topics[2].lower()) if len(log.topics) == 4 else None
        if lead is None or len(words) != 7 * _WORD or log.topics[0].lower() != ORDER_FILLED:
            raise MessageRefused(f"a log of {log.transaction_hash[:66]}", "is no OrderFilled of a lead")
        if log.address.lower() not in self._link.settings.exchanges:
            raise MessageRefused(f"a log of {log.transaction_hash[:66]}", "is of no exchange that we know")
        side, token, gives, gets = (_number(words[k * _WORD : (k + 1) * _WORD]) for k in range(4))
        size6, money = (gets, gives) if side == 0 else (gives, gets)
        if side not in (0, 1) or not 0 < size6 < 2**62 or not 0 <= money < 2**62 or token <= 0:
            raise MessageRefused(f"a log of {log.transaction_hash[:66]}", "is no trade")
        price = min(max((2 * money * ONE + size6) // (2 * size6), 1), ONE - 1)
        at_s = _number(log.block_timestamp) if log.block_timestamp else self._link.venue_ns(now_ns) // SECOND
        deed = Deed(log.transaction_hash.lower(), str(token), Side.BUY if side == 0 else Side.SELL, size6, price, at_s)
        return lead, _number(log.block_number), deed

    def _call(
        self, calls: list[tuple[str, list[Any]]], now_ns: int, then: Callable[[list[_Reply] | None, int], None]
    ) -> None:
        """One batch; None unless every call was answered."""
        body = []
        for method, params in calls:
            self._asks += 1
            body.append({"jsonrpc": "2.0", "id": self._asks, "method": method, "params": params})
        ids = list(range(self._asks - len(calls) + 1, self._asks + 1))
        request = Request("POST", self._link.settings.rpc_url, "", Kind.OTHER, body=encode(body))

        def answered(answer: Answer | None, then_ns: int) -> None:
            replies: list[_Reply] | None = None
            try:
                said = {reply.id: reply for reply in _REPLIES.decode(answer.body)} if answer and answer.ok else {}
                if all(number in said and said[number].error is None for number in ids):
                    replies = [said[number] for number in ids]
            except MessageRefused:
                self._link.set_aside("JSON-RPC")
            then(replies, then_ns)

        self._link.ask(request, now_ns, answered)


def _topic(address: str) -> str:
    return "0x" + address.lower().removeprefix("0x").rjust(_WORD, "0")


def _number(text: str) -> int:
    """Hexadecimal digits. Raises MessageRefused."""
    try:
        return int(text, 16) if len(text) <= _WORD + 2 else -1
    except ValueError:
        raise MessageRefused(f"{text[:70]!r} is no number", "", "see what sent it") from None
