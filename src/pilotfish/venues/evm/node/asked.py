"""What JSON-RPC asks of a local chain, read into typed requests: what does not fit is refused first."""

from __future__ import annotations

from typing import Any

import msgspec

from pilotfish.venues.evm.node.pool import NodeRefused

INVALID = -32602
NUMBER_MAX = 2**256 - 1
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Request(msgspec.Struct, frozen=True):
    method: str
    id: int | str | None = None
    params: msgspec.Raw = msgspec.Raw(b"[]")


_ONE: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_MANY: msgspec.json.Decoder[list[Request]] = msgspec.json.Decoder(list[Request])
_PARAMS: dict[Any, msgspec.json.Decoder[Any]] = {}


class Params(msgspec.Struct, frozen=True, array_like=True):
    """The parameters of one method, by place."""


class Nothing(Params, frozen=True, array_like=True):
    pass


class OneText(Params, frozen=True, array_like=True):
    text: str


class OneFlag(Params, frozen=True, array_like=True):
    flag: bool


class Maybe(Params, frozen=True, array_like=True):
    amount: str | int | None = None


class Account(Params, frozen=True, array_like=True):
    who: str
    block: str = "latest"


class Slot(Params, frozen=True, array_like=True):
    who: str
    slot: str
    block: str = "latest"


class BlockAsked(Params, frozen=True, array_like=True):
    block: str
    whole: bool = False


class CallFields(msgspec.Struct, frozen=True, kw_only=True):
    """What eth_call, eth_estimateGas and eth_sendTransaction ask for."""

    to: str | None = None
    data: str | None = None
    input: str | None = None
    from_: str | None = msgspec.field(name="from", default=None)
    value: str | None = None
    gas: str | None = None
    nonce: str | None = None
    gas_price: str | None = msgspec.field(name="gasPrice", default=None)
    max_fee: str | None = msgspec.field(name="maxFeePerGas", default=None)
    tip: str | None = msgspec.field(name="maxPriorityFeePerGas", default=None)


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Topics: by place; None takes any, a list takes each of its own."""

    from_block: str = msgspec.field(name="fromBlock", default="latest")
    to_block: str = msgspec.field(name="toBlock", default="latest")
    block_hash: str | None = msgspec.field(name="blockHash", default=None)
    address: str | list[str] | None = None
    topics: list[str | list[str] | None] = []


class Called(Params, frozen=True, array_like=True):
    call: CallFields
    block: str = "latest"


class Filtered(Params, frozen=True, array_like=True):
    wanted: LogFilter


class History(Params, frozen=True, array_like=True):
    count: str | int
    newest: str = "latest"
    percentiles: list[float] = []


def read_params(raw: msgspec.Raw, kind: type[Any]) -> Any:
    """Raises NodeRefused."""
    decoder = _PARAMS.setdefault(kind, msgspec.json.Decoder(kind))
    try:
        return decoder.decode(raw)
    except UNREADABLE as bad:
        raise NodeRefused(INVALID, f"invalid params: {str(bad)[:200]}") from None


def number(text: str) -> int:
    """Of `0x…`. Raises NodeRefused."""
    try:
        value = int(text, 16) if text.startswith("0x") else -1
    except ValueError:
        value = -1
    if not 0 <= value <= NUMBER_MAX:
        raise NodeRefused(INVALID, f"{text[:80]!r} is no quantity")
    return value


def octets(text: str, length: int | None = None) -> bytes:
    """Of `0x…`, of that length where one is asked for. Raises NodeRefused."""
    try:
        data = bytes.fromhex(text[2:]) if text.startswith("0x") else None
    except ValueError:
        data = None
    if data is None or (length is not None and len(data) != length):
        raise NodeRefused(INVALID, f"{text[:80]!r} is no data" + (f" of {length} bytes" if length else ""))
    return data


def read_one(raw: bytes | str) -> Request:
    """Raises one of UNREADABLE."""
    return _ONE.decode(raw)


def read_batch(raw: bytes | str) -> list[Request]:
    """Raises one of UNREADABLE."""
    return _MANY.decode(raw)
