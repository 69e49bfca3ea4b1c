"""How many requests an address may still make: 10,000, and one for every USDC it has ever traded.

Cancels may go on to the lesser of twice that and 100,000 more. Learned by `userRateLimit`, counted between the answers.
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits
"""

from __future__ import annotations

from collections.abc import Container
from enum import IntEnum

import msgspec

from pilotfish.venues.hyperliquid.accounts import SECOND
from pilotfish.venues.hyperliquid.wire.answers import RateLimit

FREE = 10_000
CANCELS_MORE = 100_000
TRICKLE_NS = 10 * SECOND  # beyond its limit an address may still make one request in this time
_KEEP = 100  # of the limit, for orders that only reduce
ASK_NS = 60 * SECOND


class Use(IntEnum):
    OPEN = 0
    REDUCE = 1
    CANCEL = 2


class _Address(msgspec.Struct):
    used: int = 0
    limit: int = FREE
    spent_since: int = 0  # ours, since it was asked
    asked_ns: int = -(2**62)
    trickled_ns: int = -(2**62)


class Limits:
    """Requests by address. What others send with the same account is seen only when the venue is asked."""

    def __init__(self) -> None:
        self._addresses: dict[str, _Address] = {}

    def spend(self, address: str, count: int, use: Use, now_ns: int) -> bool:
        """Count `count` requests, or say that they do not fit. An order or a cancel of a batch counts as one."""
        one = self._of(address)
        limit = one.limit - _KEEP if use is Use.OPEN else one.limit
        if use is Use.CANCEL:
            limit = min(one.limit + CANCELS_MORE, 2 * one.limit)
        if one.used + count > limit:
            if use is Use.OPEN or count > 1 or now_ns < one.trickled_ns + TRICKLE_NS:
                return False
            one.trickled_ns = now_ns
        one.used += count
        one.spent_since += count
        return True

    def to_ask(self, always: Container[str], now_ns: int) -> list[str]:
        """Addresses whose `userRateLimit` should be asked now: those of `always` at first, the others once they have
        spent a tenth of what was left to them.
        """
        due = [
            address for address, one in self._addresses.items()
            if now_ns >= one.asked_ns + ASK_NS
            and (one.spent_since * 10 > max(one.limit - one.used, 0) or (one.asked_ns < 0 and address in always))
        ]  # fmt: skip
        for address in due:
            self._addresses[address].asked_ns = now_ns
        return due

    def learn(self, address: str, answer: RateLimit) -> None:
        one = self._of(address)
        one.used, one.limit, one.spent_since = answer.nRequestsUsed, answer.nRequestsCap, 0

    def exhausted(self, address: str) -> None:
        """The venue says that the address has used up its requests."""
        one = self._of(address)
        one.used = max(one.used, one.limit)
        one.asked_ns = -(2**62)

    def _of(self, address: str) -> _Address:
        return self._addresses.setdefault(address, _Address())
