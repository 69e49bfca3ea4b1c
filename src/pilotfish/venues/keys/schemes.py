"""What may be signed at all: a closed list. A signer never signs a digest it did not make itself.

Each scheme takes 32 bytes (the hash of what is agreed to) and puts the venue's own EIP-712 domain around them, so that
whoever reaches a signer can have orders signed and never a withdrawal or a transfer. Of what goes to a chain it is
shown the whole, and signs only what `venues.keys.permitted` lists.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Scheme(IntEnum):
    HYPERLIQUID_MAINNET = 0  # an L1 action's connection id, source "a"
    HYPERLIQUID_TESTNET = 1  # source "b"
    POLYMARKET_ORDER = 2  # the struct hash of an order for the CTF exchange, version 2
    POLYMARKET_NEG_RISK_ORDER = 3  # for the neg-risk exchange
    POLYMARKET_AUTH = 4  # the struct hash of a ClobAuth
    POLYMARKET_POSITION_ORDER = 5  # the struct hash of an order in position ids, for exchange version 3
    EVM_TRANSACTION = 6  # an unsigned transaction of type 2, not its hash
    EVM_INSTRUCTION = 7  # a lead's instruction itself, with its chain and its executor
    EVM_USER_OPERATION = 8  # a user operation itself, with its chain and its entry point


class SignRequest(msgspec.Struct, frozen=True, array_like=True):
    """`key`: address of the key that signs, 0x and 40 lower-case hexadecimal digits. `hash`: as the scheme says."""

    key: str
    scheme: Scheme
    hash: bytes
