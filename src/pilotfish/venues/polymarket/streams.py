"""The WebSockets: one for the market, one for each account of ours. Opened again when lost, with ever longer waits.

A PING is answered by PONG on the same stream, so what the stream has not told by then has not happened; a stream on
which nothing comes for too long after a PING is half-open, and given up.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pilotfish.venues.polymarket.link import Link
from pilotfish.venues.polymarket.settings import SECOND
from pilotfish.venues.session import Close, Open

_FIRST_WAIT_NS = SECOND // 2
_STABLE_NS = 30 * SECOND  # after this a stream that is lost is opened again without a wait
_PROBE_NS = 2 * SECOND  # between PINGs when a probe is wanted


class Stream(msgspec.Struct):
    name: str
    url: str
    open: bool = False
    proven: bool = False  # a PONG came since it was opened
    opened_ns: int = 0
    pinged_ns: int = 0
    waiting_ns: int = -1  # since when a PING is not answered
    wait_ns: int = 0


class Streams:
    """`gone(name, now_ns)`: a stream that was open is not any more."""

    def __init__(self, link: Link, gone: Callable[[str, int], None]) -> None:
        self._link, self._gone = link, gone
        self._streams: dict[str, Stream] = {}

    def start(self, name: str, url: str) -> None:
        self._streams[name] = Stream(name, url)
        self._link.out.append(Open(name, url))

    def stop(self) -> None:
        for name in self._streams:
            self._link.out.append(Close(name))
        self._streams = {}

    def opened(self, name: str, now_ns: int) -> bool:
        """Whether it is ours."""
        stream = self._streams.get(name)
        if stream is None:
            return False
        stream.open, stream.proven, stream.opened_ns, stream.waiting_ns = True, False, now_ns, -1
        return True

    def lost(self, name: str, now_ns: int) -> None:
        stream = self._streams.get(name)
        if stream is None:
            return
        was, stream.open = stream.open, False
        if was and now_ns - stream.opened_ns >= _STABLE_NS:
            stream.wait_ns = 0
        self._link.counts["streams opened again"] += 1
        self._link.out.append(Open(name, stream.url, stream.wait_ns))
        stream.wait_ns = min(max(2 * stream.wait_ns, _FIRST_WAIT_NS), self._link.settings.backoff_ns_max)
        if was:
            self._gone(name, now_ns)

    def heard(self, name: str, now_ns: int, *, pong: bool) -> bool:
        """A frame has come; whether the stream is one of ours that is open."""
        stream = self._streams.get(name)
        if stream is None or not stream.open:
            return False
        stream.waiting_ns = -1
        if pong:
            stream.proven, stream.wait_ns = True, 0
        return True

    def proven(self, name: str) -> bool:
        stream = self._streams.get(name)
        return stream is not None and stream.open and stream.proven

    def ping(self, name: str, now_ns: int) -> None:
        stream = self._streams[name]
        stream.pinged_ns = now_ns
        if stream.waiting_ns < 0:
            stream.waiting_ns = now_ns
        self._link.send(name, "PING")

    def probe(self, name: str, now_ns: int) -> None:
        """An answer is wanted before the next PING would be due."""
        stream = self._streams.get(name)
        if stream is not None and stream.open and now_ns - stream.pinged_ns >= _PROBE_NS:
            self.ping(name, now_ns)

    def tick(self, now_ns: int) -> None:
        settings = self._link.settings
        for name, stream in self._streams.items():
            if not stream.open:
                continue
            if 0 <= stream.waiting_ns <= now_ns - settings.pong_ns:
                self._link.counts["half-open streams"] += 1
                self._link.out.append(Close(name))
                self.lost(name, now_ns)
            elif now_ns - stream.pinged_ns >= settings.ping_ns:
                self.ping(name, now_ns)

    def next_ns(self) -> int | None:
        settings = self._link.settings
        due = [stream.pinged_ns + settings.ping_ns for stream in self._streams.values() if stream.open]
        due += [s.waiting_ns + settings.pong_ns for s in self._streams.values() if s.open and s.waiting_ns >= 0]
        return min(due, default=None)
