"""JSON-RPC as nodes speak it: what is asked, what is answered, what is pushed, and what their refusals mean.

https://ethereum.org/en/developers/docs/apis/json-rpc/, subscriptions: https://geth.ethereum.org/docs/interacting-with-geth/rpc/pubsub.
Nodes agree on methods and fields, and on no error: a refusal is told by its words, and where these are not known it is
one that decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire.abi import address, hash32, height, quantity, unhex
from pilotfish.venues.reading import Reading

BLOOM_BYTES = 256
encode = msgspec.json.Encoder().encode


class Refusal(IntEnum):
    """What a node's error comes to."""

    UNKNOWN = 0  # it may have done what was asked
    NONCE_TOO_LOW = 1  # the chain has used this nonce up
    UNDERPRICED = 2  # it offers too little for gas, or too little more than what it would replace
    KNOWN = 3  # it has this very transaction
    FUNDS = 4  # the sender cannot pay for the gas
    REVERTED = 5  # it would fail on the chain
    LIMIT = 6  # too many requests
    KEY = 7  # it does not know us
    INVALID = 8  # it takes no such transaction, whoever sends it


_WORDS: tuple[tuple[str, Refusal], ...] = (
    ("already known", Refusal.KNOWN), ("already imported", Refusal.KNOWN), ("known transaction", Refusal.KNOWN),
    ("nonce too low", Refusal.NONCE_TOO_LOW), ("nonce is too low", Refusal.NONCE_TOO_LOW),
    ("nonce too old", Refusal.NONCE_TOO_LOW), ("invalid nonce", Refusal.NONCE_TOO_LOW),
    ("underpriced", Refusal.UNDERPRICED), ("less than block base fee", Refusal.UNDERPRICED),
    ("max fee per gas", Refusal.UNDERPRICED), ("fee too low", Refusal.UNDERPRICED),
    ("insufficient funds", Refusal.FUNDS), ("insufficient balance", Refusal.FUNDS),
    ("doesn't have enough funds", Refusal.FUNDS), ("revert", Refusal.REVERTED),
    ("rate limit", Refusal.LIMIT), ("too many requests", Refusal.LIMIT), ("limit exceeded", Refusal.LIMIT),
    ("unauthorized", Refusal.KEY), ("forbidden", Refusal.KEY), ("api key", Refusal.KEY),
    ("intrinsic gas", Refusal.INVALID), ("exceeds block gas limit", Refusal.INVALID), ("gas limit", Refusal.INVALID),
    ("invalid sender", Refusal.INVALID), ("invalid chain id", Refusal.INVALID), ("oversized data", Refusal.INVALID),
    ("transaction type not supported", Refusal.INVALID), ("could not decode", Refusal.INVALID),
    ("failed to decode", Refusal.INVALID), ("rlp", Refusal.INVALID),
)  # fmt: skip
_CODES = {3: Refusal.REVERTED, -32005: Refusal.LIMIT, 429: Refusal.LIMIT}


class Failure(msgspec.Struct, frozen=True):
    """An error of JSON-RPC. `data`: what a call reverted with, where the node says it."""

    code: int = 0
    message: str = ""
    data: Any = None

    def means(self) -> Refusal:
        said = self.message.lower()
        found = next((kind for words, kind in _WORDS if words in said), Refusal.UNKNOWN)
        return found or _CODES.get(self.code, Refusal.UNKNOWN)


def refusal_of_status(status: int) -> Refusal:
    """What an HTTP status alone says."""
    if status == 429:
        return Refusal.LIMIT
    return Refusal.KEY if status in (401, 403) else Refusal.UNKNOWN


class Call(msgspec.Struct, frozen=True):
    method: str
    params: Sequence[Any] = ()

    def request(self, number: int) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": number, "method": self.method, "params": list(self.params)}


class Reply(msgspec.Struct, frozen=True):
    """To one call. `result` as it came; null where the node has nothing."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None


class _Pushed(msgspec.Struct, frozen=True):
    subscription: str
    result: msgspec.Raw


class Frame(msgspec.Struct, frozen=True):
    """What comes over a socket: a reply, or something subscribed to."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None
    params: _Pushed | None = None


class Head(msgspec.Struct, frozen=True):
    """A block's header, as far as it matters here. `logs_bloom` is empty where it was not told."""

    number: int
    hash: str
    parent: str
    stamp_ns: int
    base_fee_wei: int
    logs_bloom: bytes = b""


class Log(msgspec.Struct, frozen=True):
    """An event of a contract. `key` is one log's alone, on every branch of the chain."""

    address: str
    topics: tuple[str, ...]
    data: bytes
    block: int
    block_hash: str
    transaction: str
    index: int
    removed: bool = False

    @property
    def key(self) -> tuple[str, int]:
        return self.block_hash, self.index


class Receipt(msgspec.Struct, frozen=True):
    transaction: str
    block: int
    block_hash: str
    done: bool  # not reverted
    gas: int
    gas_price_wei: int


class Sent(msgspec.Struct, frozen=True):
    """A transaction that a node knows; `block` is -1 while it waits."""

    hash: str
    sender: str
    to: str
    data: bytes
    nonce: int
    block: int


class _Head(msgspec.Struct, frozen=True, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    base_fee_per_gas: str = "0x0"
    logs_bloom: str = "0x"


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool = False


class _Receipt(msgspec.Struct, frozen=True, rename="camel"):
    transaction_hash: str
    block_number: str
    block_hash: str
    gas_used: str
    status: str = "0x1"
    effective_gas_price: str = "0x0"


class _Sent(msgspec.Struct, frozen=True, rename="camel"):
    hash: str
    from_: str = msgspec.field(name="from")
    input: str = "0x"
    nonce: str = "0x0"
    to: str | None = None
    block_number: str | None = None


_REPLIES: Reading[list[Reply] | Reply] = Reading("JSON-RPC answer", list[Reply] | Reply)
_FRAME: Reading[Frame] = Reading("JSON-RPC frame", Frame)
_TEXT: Reading[str] = Reading("text", str)
_HEAD: Reading[_Head | None] = Reading("block", _Head | None)
_LOG: Reading[_Log] = Reading("log", _Log)
_LOGS: Reading[list[_Log]] = Reading("logs", list[_Log])
_RECEIPT: Reading[_Receipt | None] = Reading("receipt", _Receipt | None)
_SENT: Reading[_Sent | None] = Reading("transaction", _Sent | None)


def read_replies(raw: bytes) -> dict[int, Reply]:
    """By number. A node that refuses a whole batch answers with one error: that stands under -1. Raises
    MessageRefused.
    """
    said = _REPLIES.decode(raw)
    replies = said if isinstance(said, list) else [said]
    return {reply.id if reply.id is not None else -1: reply for reply in replies}


def read_frame(raw: bytes) -> Frame:
    """Raises MessageRefused."""
    return _FRAME.decode(raw)


def read_text(raw: bytes | msgspec.Raw) -> str:
    """Raises MessageRefused."""
    return _TEXT.decode(bytes(raw))


def read_quantity(raw: bytes | msgspec.Raw) -> int:
    """Raises MessageRefused."""
    return quantity(read_text(raw))


def read_height(raw: bytes | msgspec.Raw) -> int:
    """A number within 62 bits. Raises MessageRefused."""
    return height(read_text(raw))


def read_bytes(raw: bytes | msgspec.Raw) -> bytes:
    """Raises MessageRefused."""
    return unhex(read_text(raw))


def read_head(raw: bytes | msgspec.Raw) -> Head | None:
    """None where the node has no such block. Raises MessageRefused."""
    one = _HEAD.decode(bytes(raw))
    if one is None:
        return None
    bloom = unhex(one.logs_bloom)
    stamp_s = height(one.timestamp)
    if stamp_s > 2**33:
        raise MessageRefused(f"a block of second {stamp_s}", "lies beyond all time", "see what sent it")
    return Head(
        height(one.number), hash32(one.hash), hash32(one.parent_hash), stamp_s * 1_000_000_000,
        quantity(one.base_fee_per_gas), bloom if len(bloom) == BLOOM_BYTES else b"",
    )  # fmt: skip


def read_log(raw: bytes | msgspec.Raw) -> Log:
    """Raises MessageRefused."""
    return _log(_LOG.decode(bytes(raw)))


def read_logs(raw: bytes | msgspec.Raw) -> list[Log]:
    """All of them, in the chain's order. Raises MessageRefused for one bad one: what is not whole is not known."""
    return sorted((_log(one) for one in _LOGS.decode(bytes(raw))), key=lambda log: (log.block, log.index))


def _log(one: _Log) -> Log:
    if len(one.topics) > 4:
        raise MessageRefused("a log", f"has {len(one.topics)} topics", "see what sent it")
    return Log(
        address(one.address), tuple(map(hash32, one.topics)), unhex(one.data), height(one.block_number),
        hash32(one.block_hash), hash32(one.transaction_hash), height(one.log_index), one.removed,
    )  # fmt: skip


def read_receipt(raw: bytes | msgspec.Raw) -> Receipt | None:
    """None where it is not mined. Raises MessageRefused."""
    one = _RECEIPT.decode(bytes(raw))
    if one is None:
        return None
    return Receipt(
        hash32(one.transaction_hash), height(one.block_number), hash32(one.block_hash), quantity(one.status) == 1,
        height(one.gas_used), quantity(one.effective_gas_price),
    )  # fmt: skip


def read_sent(raw: bytes | msgspec.Raw) -> Sent | None:
    """None where the node does not know it. Raises MessageRefused."""
    one = _SENT.decode(bytes(raw))
    if one is None:
        return None
    to = address(one.to) if one.to else ""
    block = height(one.block_number) if one.block_number else -1
    return Sent(hash32(one.hash), address(one.from_), to, unhex(one.input), height(one.nonce), block)
