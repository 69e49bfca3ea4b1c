"""Whether the stream lives: pings, the answers to them, and how long to wait before the next stream."""

from __future__ import annotations

from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.session import SECOND
from pilotfish.venues.trust import Trust

BACKOFF_NS = SECOND // 2
STABLE_NS = 60 * SECOND  # a stream that stood so long is no reason to wait before the next
PROBE_NS = 2 * SECOND  # between pings that prove that the stream lives


class Pulse:
    """The venue hangs up after 60 s without a message; a stream on which nothing follows a ping is half-open."""

    def __init__(self, link: Link, trust: Trust) -> None:
        self._link, self._trust = link, trust
        self._tries = 0
        self._opened_ns = self._last_ping_ns = 0
        self._pinged_ns: int | None = None  # the oldest ping that nothing came after

    def opened(self, now_ns: int) -> None:
        self._opened_ns = self._last_ping_ns = now_ns
        self._pinged_ns = None

    def heard(self) -> None:
        """Anything at all came."""
        self._pinged_ns = None

    def half_open(self, now_ns: int) -> bool:
        return self._pinged_ns is not None and now_ns - self._pinged_ns >= self._link.settings.pong_ns

    def tick(self, now_ns: int) -> None:
        if now_ns - self._opened_ns >= STABLE_NS:
            self._tries = 0
        since_ns = now_ns - self._last_ping_ns
        if since_ns >= self._link.settings.ping_ns or (since_ns >= PROBE_NS and self._trust.needs_probe(now_ns)):
            self._last_ping_ns = now_ns
            self._pinged_ns = now_ns if self._pinged_ns is None else self._pinged_ns
            self._link.counts["probes"] += 1
            self._link.send({"method": "ping"})

    def wait_ns(self) -> int:
        """Before the next stream: nothing after a good one, ever more while none stands."""
        self._tries += 1
        if self._tries == 1:
            return 0
        return min(BACKOFF_NS << min(self._tries - 2, 16), self._link.settings.backoff_ns_max)
