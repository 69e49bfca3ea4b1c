"""A signed transaction with a fee market's prices (EIP-1559, type 2)."""

from __future__ import annotations

from typing import NamedTuple

import rlp

from pilotfish.venues.keys.key import Key, keccak

TYPE = b"\x02"


class Unsigned(NamedTuple):
    """`to` empty makes a contract; `value` is wei, `max_fee` and `tip` are wei a unit of gas."""

    chain_id: int
    nonce: int
    gas: int
    max_fee: int
    tip: int
    to: bytes
    value: int
    data: bytes


def signed(key: Key, one: Unsigned) -> bytes:
    """What eth_sendRawTransaction takes."""
    fields: list[object] = [
        one.chain_id, one.nonce, one.tip, one.max_fee, one.gas, one.to, one.value, one.data, [],
    ]  # fmt: skip
    signature = key.sign_digest(keccak(TYPE + rlp.encode(fields)))
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    return TYPE + bytes(rlp.encode([*fields, signature[64], r, s]))


def created(sender: str, nonce: int) -> str:
    """Address of the contract that a transaction of `sender` makes."""
    return "0x" + keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[12:].hex()
