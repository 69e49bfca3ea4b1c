"""From a scheme and a hash to the digest that is signed: the domain is put around it here, in the signer's process."""

from __future__ import annotations

from pilotfish.venues.hyperliquid.wire.signing import agent_digest
from pilotfish.venues.keys.key import KeyRefused, keccak
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.polymarket.wire.signing import DOMAINS


def digest_of(request: SignRequest) -> bytes:
    """32 bytes. Raises KeyRefused where the hash is not 32 bytes."""
    if len(request.hash) != 32:
        raise KeyRefused(f"a hash of {len(request.hash)} bytes", "is none of 32", "see who asked")
    if request.scheme in DOMAINS:
        return keccak(b"\x19\x01" + DOMAINS[request.scheme] + request.hash)
    return agent_digest(request.hash, mainnet=request.scheme is Scheme.HYPERLIQUID_MAINNET)
