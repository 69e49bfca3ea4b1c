"""Transactions with a base fee and a tip (EIP-1559, type 2): written, hashed, read. https://eips.ethereum.org/EIPS/eip-1559"""

from __future__ import annotations

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire import rlp
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.keys.schemes import Scheme, SignRequest

TYPE = b"\x02"
GAS_MAX = 16_777_216  # of one transaction: EIP-7825
_FIELDS, _SIGNED = 9, 12
_WORD_MAX = 2**256


class Transaction(msgspec.Struct, frozen=True):
    """`to` is 20 bytes; no contract is created by this. Amounts in wei; `tip_wei` and `fee_wei_max` for one gas."""

    chain: int
    nonce: int
    tip_wei: int
    fee_wei_max: int
    gas: int
    to: bytes
    value_wei: int = 0
    data: bytes = b""

    def unsigned(self) -> bytes:
        """What is hashed and signed."""
        return TYPE + rlp.encode(self._fields())

    def digest(self) -> bytes:
        return keccak(self.unsigned())

    def raw(self, signature: bytes) -> bytes:
        """With a signature of 65 bytes (r, s, v as 0 or 1): what is sent."""
        r, s = (rlp.number(int.from_bytes(signature[k : k + 32], "big")) for k in (0, 32))
        return TYPE + rlp.encode([*self._fields(), rlp.number(signature[64]), r, s])

    def request(self, key: str) -> SignRequest:
        """For whoever holds `key`: it is shown the transaction itself, and signs only what may be signed."""
        return SignRequest(key, Scheme.EVM_TRANSACTION, self.unsigned())

    def _fields(self) -> list[rlp.Item]:
        numbers = (self.chain, self.nonce, self.tip_wei, self.fee_wei_max, self.gas)
        return [*map(rlp.number, numbers), self.to, rlp.number(self.value_wei), self.data, []]


def hash_of(raw: bytes) -> str:
    """By which the chain knows a signed transaction."""
    return "0x" + keccak(raw).hex()


def read(raw: bytes) -> Transaction:
    """An unsigned one. Raises MessageRefused."""
    return _read(raw, _FIELDS)[0]


def read_signed(raw: bytes) -> tuple[Transaction, bytes]:
    """With its signature (r, s, v as 0 or 1). Raises MessageRefused."""
    transaction, (v, r, s) = _read(raw, _SIGNED)
    if v > 1:
        raise MessageRefused("a transaction's signature", f"has the parity {v}", "see who signed it")
    return transaction, r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((v,))


def _read(raw: bytes, count: int) -> tuple[Transaction, list[int]]:
    if raw[:1] != TYPE:
        raise MessageRefused(f"{len(raw)} bytes", "are no transaction of type 2", "see who sent it")
    fields = rlp.decode(raw[1:])
    if isinstance(fields, bytes) or len(fields) != count:
        raise MessageRefused(f"{len(raw)} bytes", f"are no transaction of {count} fields", "see who sent it")
    chain, nonce, tip_wei, fee_wei_max, gas = map(rlp.integer, fields[:5])
    to, value, data, access = fields[5:9]
    if not isinstance(to, bytes) or len(to) != 20 or not isinstance(data, bytes):
        raise MessageRefused("a transaction", "does not name the contract that it calls", "see who sent it")
    if access != []:
        raise MessageRefused("a transaction", "has a list of accesses", "see who sent it")
    made = Transaction(chain, nonce, tip_wei, fee_wei_max, gas, to, rlp.integer(value), data)
    return made, [rlp.integer(one) for one in fields[9:]]
