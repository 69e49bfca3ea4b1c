"""Rate limits and heartbeats: https://docs.polymarket.com/api-reference/rate-limits and …/trading/heartbeats.

Each signer has a bucket of order tokens: a batch costs one for each of its orders, a cancel of all one and one for each
order. The size of the bucket depends on a tier that the venue does not publish; here it is a setting.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pilotfish.venues.twins.polymarket.accounts import ApiKey, Refused
from pilotfish.venues.twins.polymarket.wallets import keccak

SECOND = 1_000_000_000


class LimitTerms(msgspec.Struct, frozen=True):
    """Of the signer's bucket, and POST /order per 10 s from one address."""

    bucket: int = 400
    per_s: float = 40.0
    posts_10s: int = 3_500


class Limits:
    """Off without terms. Headers say what is left of the bucket."""

    def __init__(self, terms: LimitTerms | None) -> None:
        self._terms = terms
        self._left: dict[str, tuple[float, int]] = {}  # owner → tokens, as of ns
        self._posts: list[int] = []

    def spend(self, owner: str, tokens: int, now_ns: int) -> dict[str, str]:
        """The headers of the answer. Raises Limited when there is not enough."""
        if self._terms is None:
            return {}
        terms = self._terms
        left, at_ns = self._left.get(owner, (float(terms.bucket), now_ns))
        left = min(float(terms.bucket), left + (now_ns - at_ns) * terms.per_s / SECOND)
        self._posts = [ns for ns in self._posts if now_ns - ns < 10 * SECOND]
        enough = left >= tokens and len(self._posts) < terms.posts_10s
        if enough:
            left -= tokens
            self._posts.append(now_ns)
        self._left[owner] = (left, now_ns)
        wait_s = max(0.0, (tokens - left) / terms.per_s)
        headers = {
            "poly-ratelimit-remaining": str(int(left)),
            "poly-ratelimit-reset": str(round(wait_s, 3)),
            "poly-ratelimit-tier": "twin",
        }
        if left < terms.bucket / 10:
            headers["poly-ratelimit-warning"] = "true"
        if not enough:
            raise Limited(headers | {"retry-after": str(max(1, round(wait_s)))})
        return headers


class Limited(Refused):
    """429, with the headers that say when to come back."""

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        super().__init__(429, "Too Many Requests")
        self.headers = headers or {"retry-after": "1"}


class Heartbeats:
    """Who has begun to send heartbeats and goes silent for `patience_ns` has all orders cancelled."""

    def __init__(self, patience_ns: int) -> None:
        self._patience_ns = patience_ns
        self._expected: dict[str, str] = {}  # API key → id
        self._heard: dict[str, tuple[int, ApiKey]] = {}
        self._count = 0

    def beat(self, key: ApiKey, said: str, now_ns: int) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        expected = self._expected.get(key.key, "")
        if said != expected:
            return 400, {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}
        self._count += 1
        digits = keccak(f"{key.key} {self._count}".encode()).hex()
        self._expected[key.key] = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
        self._heard[key.key] = (now_ns, key)
        return 200, {"heartbeat_id": self._expected[key.key]}

    def missed(self, now_ns: int) -> list[ApiKey]:
        """Whose orders are to be cancelled; they begin anew."""
        gone = [key for at_ns, key in self._heard.values() if now_ns - at_ns >= self._patience_ns]
        for key in gone:
            self.forget(key)
        return gone

    def forget(self, key: ApiKey) -> None:
        self._heard.pop(key.key, None)
        self._expected.pop(key.key, None)

    def next_ns(self) -> int | None:
        due = min((at_ns for at_ns, _ in self._heard.values()), default=None)
        return None if due is None else due + self._patience_ns
