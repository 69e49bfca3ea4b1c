"""The venue's stamps: texts or numbers, in seconds, in milliseconds, or ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import UnsetType

from pilotfish.domain.arith import INT64_MAX
from pilotfish.venues.decimals import MessageRefused

_MILLISECONDS_FROM = 10**11  # larger than any second until the year 5138, smaller than any millisecond since 1973
_NS, _NS_PER_MS = 1_000_000_000, 1_000_000
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def moment_ns(stamp: str | int | UnsetType | None) -> int:
    """Nanoseconds since 1970. Raises MessageRefused for what is absent, empty or no moment in int64."""
    if isinstance(stamp, str):
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 19):
            return _iso_ns(stamp)
        stamp = int(stamp)
    if not isinstance(stamp, int) or isinstance(stamp, bool) or stamp <= 0:
        raise MessageRefused(f"{stamp!r} is no stamp", "", "see what sent it")
    ns = stamp * (_NS_PER_MS if stamp >= _MILLISECONDS_FROM else _NS)
    if ns > INT64_MAX:
        raise MessageRefused(f"stamp {stamp} leaves int64", "", "see what sent it")
    return ns


def moment_ns_or(stamp: str | int | UnsetType | None, otherwise_ns: int) -> int:
    """The same, or `otherwise_ns` where the venue says nothing that can be read."""
    try:
        return moment_ns(stamp)
    except MessageRefused:
        return otherwise_ns


def _iso_ns(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text) if len(text) <= 40 else None
        if moment is not None:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            ns = (moment - _EPOCH) // _MICROSECOND * 1_000
            if 0 < ns <= INT64_MAX:
                return ns
    except (ValueError, OverflowError):
        pass
    raise MessageRefused(f"{text[:40]!r} is no stamp", "", "see what sent it")
