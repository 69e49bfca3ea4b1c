"""A venue's protocol as a state machine without sockets and without a clock.

What happens on the wire goes in by method, with the time; what is to be sent comes out as `Out`, what became known as
events. A driver moves bytes: over real sockets (`venues.net.driver`), or in virtual time to a twin (`twins.virtual`).
The same session therefore meets the same faults in a test, from a seed, as it meets in the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from pilotfish.domain.events import Event
from pilotfish.domain.orders import Command, Place, PlaceBatch
from pilotfish.gate.approved import Approved
from pilotfish.venues.keys.schemes import SignRequest

SECOND = 1_000_000_000


class Open(msgspec.Struct, frozen=True):
    """Connect the stream `name` to `url` (after `wait_ns`). Answer: `opened`, or `lost` when it cannot be."""

    name: str
    url: str
    wait_ns: int = 0


class Close(msgspec.Struct, frozen=True):
    """Give the stream up. Nothing of it is told any more, `lost` neither: who closes knows."""

    name: str


class Send(msgspec.Struct, frozen=True):
    """One text frame. Nothing says that it arrived."""

    name: str
    data: bytes


class Ask(msgspec.Struct, frozen=True):
    """An HTTP request. Answer: `answered` or `failed` with this `id`, once, at the latest after `timeout_ns`."""

    id: int
    method: str
    url: str
    body: bytes = b""
    headers: dict[str, str] = {}
    timeout_ns: int = 5 * SECOND


class Sign(msgspec.Struct, frozen=True):
    """Have these signed elsewhere, for batches. Answer: `signed` with this `id`, perhaps in parts."""

    id: int
    requests: Sequence[SignRequest]


Out = Open | Close | Send | Ask | Sign


class Unfinished(msgspec.Struct, frozen=True):
    """What a journal leaves open at a restart: the cursor, orders without an end and when they were sent, and the
    instruments each lead held. `settling`: orders that are over and traded lately, where a trade may yet fail.
    """

    cursor: int
    orders: list[tuple[Place | PlaceBatch, int]] = []
    held: dict[int, list[int]] = {}
    settling: list[tuple[Place | PlaceBatch, int]] = []


class Session(Protocol):
    """What a driver drives. No method raises for what the venue says or fails to say.

    `out` and `told` are emptied by whoever drives. All times are ours, ns since epoch.
    """

    name: str
    idempotent_ids: bool
    out: list[Out]
    told: list[Event]

    def start(self, now_ns: int) -> None:
        """Open the streams."""
        ...

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        """Before `start`, at every start: orders of before are asked about, never sent."""
        ...

    def opened(self, name: str, now_ns: int) -> None: ...

    def lost(self, name: str, why: str, now_ns: int) -> None: ...

    def frame(self, name: str, raw: bytes, now_ns: int) -> None: ...

    def answered(self, ask: int, status: int, headers: dict[str, str], body: bytes, now_ns: int) -> None:
        """Header names are lower case."""
        ...

    def failed(self, ask: int, why: str, now_ns: int) -> None:
        """No answer: timeout, reset, refused. Whether the request arrived is not known."""
        ...

    def signed(self, sign: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        """65 bytes each (r, s, v as 0 or 1), for the requests from index `first` on."""
        ...

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None: ...

    def tick(self, now_ns: int) -> None:
        """Time has come: heartbeats, probes, timeouts, reconnections, verdicts of trust."""
        ...

    def next_ns(self) -> int | None:
        """When `tick` is wanted next."""
        ...

    def stop(self, now_ns: int) -> None:
        """Shut down: cancel what is open and close. `stopped` says when nothing is waited for any more."""
        ...

    @property
    def stopped(self) -> bool: ...

    def counters(self) -> dict[str, int]:
        """What was set aside, refused or repeated, by name, since the start: for people."""
        ...


class Outbox(Protocol):
    """Where the parts of a session leave what is to be sent and what became known."""

    out: list[Out]
    told: list[Event]


L = TypeVar("L", bound=Outbox)


class Linked(Generic[L]):
    """A session whose parts speak through one link: what they leave there is the session's own."""

    _link: L

    @property
    def out(self) -> list[Out]:
        return self._link.out

    @out.setter
    def out(self, out: list[Out]) -> None:
        self._link.out = out

    @property
    def told(self) -> list[Event]:
        return self._link.told

    @told.setter
    def told(self, told: list[Event]) -> None:
        self._link.told = told
