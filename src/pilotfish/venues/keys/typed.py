"""Typed data: its domain, its digest, and a signature as contracts take it. https://eips.ethereum.org/EIPS/eip-712"""

from __future__ import annotations

from functools import lru_cache

from pilotfish.venues.keys.key import keccak


@lru_cache(maxsize=64)
def separator(name: str, version: str, chain: int, contract: str | None) -> bytes:
    """The 32 bytes of a domain; some have no contract in it."""
    fields = "string name,string version,uint256 chainId" + (",address verifyingContract" if contract else "")
    place = bytes.fromhex(contract[2:]).rjust(32, b"\x00") if contract else b""
    return keccak(
        keccak(f"EIP712Domain({fields})".encode())
        + keccak(name.encode())
        + keccak(version.encode())
        + chain.to_bytes(32, "big")
        + place
    )


def typed_digest(separator: bytes, struct_hash: bytes) -> bytes:
    """What a key signs, 32 bytes."""
    return keccak(b"\x19\x01" + separator + struct_hash)


def for_contracts(signature: bytes) -> bytes:
    """65 bytes (r, s, v as 0 or 1) with v as 27 or 28."""
    return signature[:64] + bytes((27 + signature[64],))
