"""Nonces of actions: milliseconds, each used once by a key.

The venue keeps the 100 highest nonces of a signer and takes one that is higher than the lowest of these, was not used,
and lies between two days behind its clock and one day ahead. Being the time, they need not be kept over a restart. Two
processes that sign with one key would meet: give each its own agent.
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/nonces-and-api-wallets
"""

from __future__ import annotations

from pilotfish.domain.errors import VenueError

NS_PER_MS = 1_000_000
AHEAD_MS_MAX = 12 * 3_600 * 1_000  # half of what the venue allows: our clock may be off too


class NoncesSpent(VenueError):
    """No nonce is left that the venue would take; nothing was signed."""


class Nonces:
    """Strictly increasing per key, also where the clock steps back."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def take(self, key: str, now_ns: int) -> int:
        """The next nonce of `key`, ms. Raises NoncesSpent when the clock stands far behind what was used before."""
        now_ms = now_ns // NS_PER_MS
        nonce = max(now_ms, self._last.get(key, 0) + 1)
        if nonce > now_ms + AHEAD_MS_MAX:
            raise NoncesSpent(
                f"the next nonce of {key[:42]} is {nonce - now_ms} ms ahead of the clock",
                "the clock has been set back, or was wrong before",
                "set the clock right, and authorise a new agent if that is not enough",
            )
        self._last[key] = nonce
        return nonce
