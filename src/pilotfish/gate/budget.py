"""Our own rate budget, one token bucket a venue: exact, from the events' stamps, with a reserve that only exits use.

A venue that is asked too often bans an account, exits included. So opens wait here first.
"""

from __future__ import annotations

import msgspec

_SECOND_NS = 1_000_000_000


class Rate(msgspec.Struct, frozen=True, array_like=True):
    """So many orders may leave at once, `per_s` come back each second, and the last `reserve` are for exits."""

    tokens: int
    per_s: int
    reserve: int = 0


class Bucket(msgspec.Struct):
    """What is left, in billionths of an order, and since when; `cancels` is how many ever passed."""

    left_e9: int
    since_ns: int
    cancels: int = 0


def room(buckets: dict[str, Bucket], rate: Rate | None, venue: str, now_ns: int, *, exit: bool) -> int | None:
    """How many orders may leave to `venue` now; None: as many as there are."""
    if rate is None:
        return None
    bucket = _refilled(buckets, rate, venue, now_ns)
    return max(bucket.left_e9 // _SECOND_NS - (0 if exit else rate.reserve), 0)


def spend(buckets: dict[str, Bucket], rate: Rate | None, venue: str, now_ns: int, count: int) -> None:
    """Orders that leave. What was promised before (a resend) leaves in any case, and no debt is kept."""
    if rate is not None:
        bucket = _refilled(buckets, rate, venue, now_ns)
        bucket.left_e9 = max(bucket.left_e9 - count * _SECOND_NS, 0)


def count_cancels(buckets: dict[str, Bucket], rate: Rate | None, venue: str, now_ns: int, count: int) -> None:
    """Cancels always pass. They use the budget up for opens, but never the reserve for exits."""
    if rate is not None:
        bucket = _refilled(buckets, rate, venue, now_ns)
        bucket.cancels += count
        floor = min(bucket.left_e9, rate.reserve * _SECOND_NS)
        bucket.left_e9 = max(bucket.left_e9 - count * _SECOND_NS, floor)


def _refilled(buckets: dict[str, Bucket], rate: Rate, venue: str, now_ns: int) -> Bucket:
    most = rate.tokens * _SECOND_NS
    bucket = buckets.setdefault(venue, Bucket(most, now_ns))
    bucket.left_e9 = min(bucket.left_e9 + max(now_ns - bucket.since_ns, 0) * rate.per_s, most)
    bucket.since_ns = max(now_ns, bucket.since_ns)
    return bucket
