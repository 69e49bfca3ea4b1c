"""Who signed: recomputed from the JSON as it came, the way the venue does it.

Written apart from `venues.hyperliquid.signing`, from the documentation and the official SDK, so that a mistake there is
found here. The venue reads an action into its own types and hashes it anew: fields stand in its order, and numbers have
no trailing zeros. Who signed anything else is recovered as some stranger.
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/signing
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from coincurve import PublicKey
from Crypto.Hash import keccak as _keccak

from pilotfish.venues.twins.hyperliquid.text import canonical, is_address

Fields = Sequence[tuple[str, str]]  # EIP-712 type and name

_ORDER_OF = {
    "order": ("type", "orders", "grouping", "builder"),
    "cancel": ("type", "cancels"),
    "cancelByCloid": ("type", "cancels"),
    "modify": ("type", "oid", "order"),
    "batchModify": ("type", "modifies"),
    "scheduleCancel": ("type", "time"),
    "updateLeverage": ("type", "asset", "isCross", "leverage"),
    "updateIsolatedMargin": ("type", "asset", "isBuy", "ntli"),
}
_NESTED = {
    "orders": ("a", "b", "p", "s", "r", "t", "c"),
    "order": ("a", "b", "p", "s", "r", "t", "c"),
    "cancels": ("a", "o", "asset", "cloid"),
    "modifies": ("oid", "order"),
    "trigger": ("isMarket", "triggerPx", "tpsl"),
    "builder": ("b", "f"),
}
_NUMBERS = ("p", "s", "triggerPx")
APPROVE_AGENT: Fields = (
    ("string", "hyperliquidChain"), ("address", "agentAddress"), ("string", "agentName"), ("uint64", "nonce"),
)  # fmt: skip
_DOMAIN: Fields = (
    ("string", "name"), ("string", "version"), ("uint256", "chainId"), ("address", "verifyingContract"),
)  # fmt: skip
_NOWHERE = "0x" + "00" * 20


def keccak(data: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=data).digest()


def action_digest(action: Mapping[str, Any], nonce: int, vault: str | None, expires: int | None, source: str) -> bytes:
    """What an L1 action's signature signs; `source` is "a" on mainnet and "b" on testnet."""
    packed = msgspec.msgpack.encode(_venue_order(action, _ORDER_OF.get(str(action.get("type")))))
    tail = nonce.to_bytes(8, "big") + (b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault[2:]))
    if expires is not None:
        tail += b"\x00" + expires.to_bytes(8, "big")
    agent = {"source": source, "connectionId": keccak(packed + tail)}
    return typed("Exchange", 1337, "Agent", (("string", "source"), ("bytes32", "connectionId")), agent)


def user_digest(action: Mapping[str, Any], name: str, fields: Fields) -> bytes:
    """What the signature of a user-signed action signs. Raises ValueError when a field is not what it must be."""
    chain = int(str(action.get("signatureChainId")), 16)
    return typed("HyperliquidSignTransaction", chain, f"HyperliquidTransaction:{name}", fields, action)


def typed(domain: str, chain: int, primary: str, fields: Fields, values: Mapping[str, Any]) -> bytes:
    """EIP-712 over flat structs. Raises ValueError."""
    about = {"name": domain, "version": "1", "chainId": chain, "verifyingContract": _NOWHERE}
    return keccak(b"\x19\x01" + _struct("EIP712Domain", _DOMAIN, about) + _struct(primary, fields, values))


def signer_of(digest: bytes, signature: object) -> str | None:
    """The address whose key made this signature; None when nobody's did."""
    if not isinstance(signature, dict):
        return None
    try:
        r, s = (int(signature[name], 16).to_bytes(32, "big") for name in "rs")
        v = int(signature["v"])
        key = PublicKey.from_signature_and_message(r + s + bytes([v - 27 if v >= 27 else v]), digest, hasher=None)
    except Exception:  # coincurve raises the bare class for what is on no curve
        return None
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def _struct(name: str, fields: Fields, values: Mapping[str, Any]) -> bytes:
    kind = f"{name}({','.join(f'{kind} {field}' for kind, field in fields)})"
    return keccak(keccak(kind.encode()) + b"".join(_word(kind, values.get(field)) for kind, field in fields))


def _word(kind: str, value: Any) -> bytes:
    if kind == "string":
        return keccak(str(value or "").encode())
    if kind == "bytes32" and isinstance(value, bytes):
        return value
    if kind == "address" and is_address(value):
        return bytes(12) + bytes.fromhex(value[2:])
    if kind.startswith("uint") and isinstance(value, int) and 0 <= value < 2**64:
        return value.to_bytes(32, "big")
    raise ValueError(f"{str(value)[:60]!r} is no {kind}")


def _venue_order(value: Any, order: tuple[str, ...] | None) -> Any:
    if isinstance(value, list):
        return [_venue_order(one, order) for one in value]
    if not isinstance(value, dict):
        return value
    names = [*(n for n in order if n in value), *(n for n in value if n not in order)] if order else list(value)
    return {
        name: canonical(value[name]) if name in _NUMBERS else _venue_order(value[name], _NESTED.get(name))
        for name in names
    }
