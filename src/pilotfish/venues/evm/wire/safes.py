"""A Safe's transaction: the hash that owners sign (EIP-712, Safe 1.3 on) and their signatures as it takes them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.wire.instructions import address_word, uint_word
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.typed import for_contracts, typed_digest

_DOMAIN = keccak(b"EIP712Domain(uint256 chainId,address verifyingContract)")
_TYPE = keccak(
    b"SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,"
    b"uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)


class SignaturesRefused(VenueError):
    """Signatures that no Safe would take."""


class SafeTransaction(msgspec.Struct, frozen=True):
    """A plain call: nobody is refunded, and nothing is delegated (a delegate call could change the Safe itself)."""

    to: str
    data: bytes
    nonce: int
    """The Safe's own `nonce()`."""
    value: int = 0
    """wei"""

    def digest(self, chain_id: int, safe: str) -> bytes:
        """What owners sign, 32 bytes, as `getTransactionHash`. Raises InstructionRefused."""
        nothing = bytes(32) * 6  # operation, safeTxGas, baseGas, gasPrice, gasToken, refundReceiver
        struct_hash = keccak(
            _TYPE + address_word(self.to) + uint_word(self.value) + keccak(self.data) + nothing + uint_word(self.nonce)
        )
        separator = keccak(_DOMAIN + uint_word(chain_id) + address_word(safe))
        return typed_digest(separator, struct_hash)


def signature(digest: bytes, key: Key) -> tuple[str, bytes]:
    """An owner's address and its 65 bytes: r, s, v as 27 or 28."""
    return key.address, for_contracts(key.sign_digest(digest))


def packed(signatures: Iterable[tuple[str, bytes]]) -> bytes:
    """Of several owners, by address as the Safe demands. Raises SignaturesRefused: one twice, or not of 65 bytes."""
    ordered = sorted(signatures, key=lambda one: address_word(one[0]))
    addresses = [address_word(address) for address, _ in ordered]
    if len(set(addresses)) < len(addresses):
        raise SignaturesRefused("an owner signed twice", "a Safe counts each once", "collect another owner's signature")
    if any(len(raw) != 65 for _, raw in ordered):
        raise SignaturesRefused("a signature", "is not of 65 bytes", "take r, s and v of an owner's key")
    return b"".join(raw for _, raw in ordered)
