"""From a scheme and what it is shown to the digest that is signed: the venue's EIP-712 domain is put around it here, in
the signer's process. The domains are the venues' own, as their official clients have them.
"""

from __future__ import annotations

from pilotfish.venues.keys.key import KeyRefused, keccak
from pilotfish.venues.keys.permitted import digest_of_instruction, digest_of_operation, digest_of_transaction
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.keys.typed import separator, typed_digest

POLYGON = 137
EXCHANGE = {
    Scheme.POLYMARKET_ORDER: "0xE111180000d2663C0091e4f400237545B87B996B",
    Scheme.POLYMARKET_NEG_RISK_ORDER: "0xe2222d279d744050d28e00520010520000310F59",
    Scheme.POLYMARKET_POSITION_ORDER: "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa",
}
"""The contract that settles what is signed under each scheme, and whose leave to move money and tokens it needs."""


def _exchange(version: str, scheme: Scheme) -> bytes:
    return separator("Polymarket CTF Exchange", version, POLYGON, EXCHANGE[scheme])


NOBODY = "0x" + "00" * 20  # Hyperliquid's domains name no contract and have the field
_L1 = b"\x19\x01" + separator("Exchange", "1", 1337, NOBODY)
_AGENT = keccak(b"Agent(string source,bytes32 connectionId)")
_AGENT_OF = {True: _AGENT + keccak(b"a"), False: _AGENT + keccak(b"b")}  # mainnet, testnet
DOMAINS: dict[Scheme, bytes] = {
    Scheme.POLYMARKET_ORDER: _exchange("2", Scheme.POLYMARKET_ORDER),
    Scheme.POLYMARKET_NEG_RISK_ORDER: _exchange("2", Scheme.POLYMARKET_NEG_RISK_ORDER),
    Scheme.POLYMARKET_POSITION_ORDER: _exchange("3", Scheme.POLYMARKET_POSITION_ORDER),
    Scheme.POLYMARKET_AUTH: separator("ClobAuthDomain", "1", POLYGON, None),
}
"""Where the digest is keccak(0x1901 ‖ separator ‖ struct hash)."""


def digest_of(request: SignRequest) -> bytes:
    """32 bytes. Raises KeyRefused where the hash is not 32 bytes, or what is shown is not what may be signed."""
    if request.scheme is Scheme.EVM_TRANSACTION:
        return digest_of_transaction(request.hash, request.key)
    if request.scheme is Scheme.EVM_INSTRUCTION:
        return digest_of_instruction(request.hash)
    if request.scheme is Scheme.EVM_USER_OPERATION:
        return digest_of_operation(request.hash)
    if len(request.hash) != 32:
        raise KeyRefused(f"a hash of {len(request.hash)} bytes", "is none of 32", "see who asked")
    if request.scheme in DOMAINS:
        return typed_digest(DOMAINS[request.scheme], request.hash)
    return agent_digest(request.hash, mainnet=request.scheme is Scheme.HYPERLIQUID_MAINNET)


def agent_digest(connection: bytes, *, mainnet: bool) -> bytes:
    """Of a Hyperliquid action's hash: an `Agent` that carries it. All that a signer needs to know of an L1 action."""
    return keccak(_L1 + keccak(_AGENT_OF[mainnet] + connection))
