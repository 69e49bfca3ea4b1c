"""A node of the chain, as far as trades can be read from one: JSON-RPC at `/rpc`, a block every two seconds.

Each part of a mined trade is an OrderFilled of CTF Exchange V2 with the wallet as the order's maker; so are the trades
of leads. https://docs.polymarket.com/developers/CLOB/orders/onchain-order-info
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pilotfish.venues.twins.polymarket.accounts import Refused
from pilotfish.venues.twins.polymarket.people import Deed
from pilotfish.venues.twins.polymarket.wallets import CHAIN, exchange_of, keccak, raw_address, word

if TYPE_CHECKING:
    from pilotfish.venues.twins.polymarket.twin import PolymarketTwin

SECOND = 1_000_000_000
BLOCK_NS = 2 * SECOND
ORDER_FILLED = "0x" + keccak(
    b"OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)"
).hex()  # fmt: skip


def rpc(twin: PolymarketTwin, asked: Any) -> Any:
    """The answer to a call or to a batch of calls."""
    if isinstance(asked, list):
        return [rpc(twin, each) for each in asked]
    if not isinstance(asked, dict):
        raise Refused(400, "Invalid payload")
    said: dict[str, Any] = {"jsonrpc": "2.0", "id": asked.get("id")}
    try:
        return said | {"result": _call(twin, str(asked.get("method")), asked.get("params") or [])}
    except NotImplementedError:
        return said | {"error": {"code": -32601, "message": "the method does not exist"}}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return said | {"error": {"code": -32602, "message": "invalid params"}}


def _call(twin: PolymarketTwin, method: str, params: list[Any]) -> Any:
    if method == "eth_chainId":
        return hex(CHAIN)
    if method == "eth_blockNumber":
        return hex(twin.agenda.now_ns // BLOCK_NS)
    if method == "eth_getLogs":
        return _logs(twin, params[0])
    raise NotImplementedError


def _logs(twin: PolymarketTwin, asked: dict[str, Any]) -> list[dict[str, Any]]:
    first, last = (int(asked[name], 16) for name in ("fromBlock", "toBlock"))
    last = min(last, twin.agenda.now_ns // BLOCK_NS)
    topics: list[Any] = [*asked.get("topics", []), None, None, None, None][:4]
    wanted = [
        None if one is None else {str(t).lower() for t in (one if isinstance(one, list) else [one])} for one in topics
    ]
    known = _set(asked.get("address"))
    found = []
    for index, deed in enumerate(twin.people.everything()):
        log = _log(deed, index)
        if not first <= int(log["blockNumber"], 16) <= last or (known is not None and log["address"] not in known):
            continue
        if all(want is None or topic in want for want, topic in zip(wanted, log["topics"], strict=True)):
            found.append(log)
    return found


def _set(asked: Any) -> set[str] | None:
    """One of several, one, or (None) any."""
    return None if asked is None else {str(one).lower() for one in (asked if isinstance(asked, list) else [asked])}


def _log(deed: Deed, index: int) -> dict[str, Any]:
    """A trade is in the first block that begins after it."""
    block = deed.ns // BLOCK_NS + 1
    given, got = (deed.money, deed.lots) if deed.side > 0 else (deed.lots, deed.money)
    token = int(deed.market.listed.tokens[deed.outcome])
    exchange = exchange_of(token, deed.market.listed.neg_risk)
    words = word(0 if deed.side > 0 else 1) + word(token) + word(given) + word(got) + word(0) + word(0) + word(0)
    order = keccak(f"{deed.hash} {index}".encode()).hex()
    return {
        "address": exchange.lower(),
        "topics": [
            ORDER_FILLED,
            "0x" + order,
            "0x" + (bytes(12) + raw_address(deed.wallet)).hex(),
            "0x" + (bytes(12) + raw_address(exchange)).hex(),
        ],
        "data": "0x" + words.hex(),
        "blockNumber": hex(block),
        "blockTimestamp": hex(block * BLOCK_NS // SECOND),
        "transactionHash": deed.hash,
        "logIndex": hex(index),
        "removed": False,
    }
