"""What every twin is: a venue's wire protocol over a simulated market, without sockets and without a clock.

A twin is driven like the session at the other end: in virtual time by `venues.twins.virtual`, or behind real sockets
on loopback by `venues.twins.server`. Faults on the way (silence, loss, doubling, delay, unknown outcomes) belong to
those two; faults of the venue (`venues.twins.faults`) to the twin.
"""

from __future__ import annotations

from typing import Protocol

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """Of an HTTP request."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class Push(msgspec.Struct, frozen=True):
    """One frame to the stream `stream`; without data the venue hangs up."""

    stream: int
    data: bytes | None


class Twin(Protocol):
    """Times are true time, ns since epoch; a skewed twin stamps by its own clock."""

    pushes: list[Push]  # emptied by whoever drives

    def opened(self, stream: int, path: str, now_ns: int) -> None:
        """A stream was connected at `path` (with its query, if any). Numbers are never used twice."""
        ...

    def closed(self, stream: int, now_ns: int) -> None:
        """The other side hung up. After a hang-up of the twin's own this is not called."""
        ...

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None: ...

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes, now_ns: int) -> Answer:
        """`url` is path and query; header names are lower case."""
        ...

    def advance(self, now_ns: int) -> None:
        """Bring the market up to `now_ns`; what it has to say is in `pushes`."""
        ...

    def next_ns(self) -> int | None:
        """When something will happen by itself."""
        ...
