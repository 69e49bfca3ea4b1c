"""The accounts that every local chain makes rich, and by what number such a chain is known."""

from __future__ import annotations

from functools import cache

from eth_account.hdaccount.deterministic import HDPath
from eth_account.hdaccount.mnemonic import Mnemonic

from pilotfish.venues.keys.key import Key

CHAIN_ID = 31_337
"""What local chains call themselves, anvil too; no public chain has it."""
MNEMONIC = "test test test test test test test test test test test junk"
"""What local nodes everywhere unlock: everybody knows these keys, so nothing of worth may ever be theirs."""


@cache
def local_keys(count: int = 10) -> tuple[Key, ...]:
    """The same on every local node."""
    seed = Mnemonic.to_seed(MNEMONIC)
    return tuple(Key(HDPath(f"m/44'/60'/0'/0/{n}").derive(seed)) for n in range(count))


def known_to_all() -> frozenset[str]:
    """Addresses whose keys everybody has."""
    return frozenset(key.address for key in local_keys(20))
