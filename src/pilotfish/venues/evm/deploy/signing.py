"""Transactions signed by a key in this process: those of local accounts and of a deployer, that make contracts too."""

from __future__ import annotations

from pilotfish.venues.evm.wire import rlp
from pilotfish.venues.evm.wire.transactions import Transaction
from pilotfish.venues.keys.key import Key, keccak


def signed(key: Key, one: Transaction) -> bytes:
    """What eth_sendRawTransaction takes. `one.to` empty makes a contract."""
    return one.raw(key.sign_digest(one.digest()))


def created(sender: str, nonce: int) -> str:
    """Address of the contract that a transaction of `sender` makes."""
    return "0x" + keccak(rlp.encode([bytes.fromhex(sender[2:]), rlp.number(nonce)]))[12:].hex()
