"""A venue's rate limit: a token bucket in whole numbers, refilled by virtual time."""

from __future__ import annotations

from typing import NamedTuple

from pilotfish.domain.errors import ConfigError

_NS = 1_000_000_000
BATCH_ORDERS_PER_WEIGHT = 40  # Hyperliquid: an action with n orders weighs 1 + floor(n / 40)


class RateLimit(NamedTuple):
    """`capacity` requests at once, `per_second` more each second; of each account, or of our one address."""

    capacity: int
    per_second: int
    per_account: bool = False


class TokenBuckets:
    """Buckets by account, or one for all; full at first use. `limit` None lets everything pass."""

    def __init__(self, limit: RateLimit | None) -> None:
        if limit and (limit.capacity < 1 or limit.per_second < 0):
            raise ConfigError(f"rate limit {tuple(limit)}", "needs capacity >= 1 and per_second >= 0", "mend it")
        self._limit = limit
        self._level: dict[int, tuple[int, int]] = {}  # tokens in billionths, and when

    def takes(self, account: int, orders: int, ns: int) -> bool:
        """Whether a request with `orders` orders passes; it takes its weight only when it does."""
        if self._limit is None:
            return True
        key = account if self._limit.per_account else 0
        full = self._limit.capacity * _NS
        tokens, since = self._level.get(key, (full, ns))
        tokens = min(full, tokens + max(0, ns - since) * self._limit.per_second)
        weight = (1 + orders // BATCH_ORDERS_PER_WEIGHT if orders > 1 else 1) * _NS
        passes = tokens >= weight
        self._level[key] = (tokens - weight if passes else tokens, max(ns, since))
        return passes
