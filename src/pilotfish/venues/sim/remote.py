"""A venue in another process, behind the port of every venue: blocking calls to a `VenueServer` on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from pilotfish.domain.codec import decode_event, encode_commands
from pilotfish.domain.errors import EngineError, VenueError
from pilotfish.domain.events import Event
from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved
from pilotfish.venues.sim.frames import (
    FRAME_BYTES_MAX,
    PROTOCOL,
    Address,
    Advance,
    Answer,
    Deliver,
    Frames,
    Hello,
    Refused,
    Request,
    Taken,
    Told,
    Welcome,
    open_socket,
)

A = TypeVar("A", Welcome, Told, Taken)

_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_encode = msgspec.msgpack.Encoder().encode


class RemoteVenue:
    """Connects at construction and continues where the venue is: `now_ns` is its virtual time.

    What was told to an earlier client is not told again; a Query brings back what counts. Raises VenueError when the
    server cannot be reached, does not answer within `timeout_s`, or answers what it may not; from then on every call
    does. Nobody knows whether the call that failed arrived: restart the shard on a new connection, and it asks.
    """

    def __init__(self, address: Address, timeout_s: float = 10.0, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        sock, where = open_socket(address)
        sock.settimeout(timeout_s)
        try:
            sock.connect(where)
        except OSError as bad:
            sock.close()
            why = bad.strerror or f"no answer within {timeout_s} s"
            raise VenueError(f"the venue at {address}", why, "start its server, or check the address") from bad
        self._name = f"the venue at {address}"
        self._frames: Frames | None = Frames(sock, timeout_s, frame_bytes_max)
        welcome = self._call(Hello(PROTOCOL), Welcome)
        self.idempotent_ids: bool = welcome.idempotent_ids
        self.now_ns, self._next_ns = welcome.now_ns, welcome.next_ns

    def events(self, until_ns: int) -> Sequence[Event]:
        told = self._call(Advance(until_ns), Told)
        raw = list(told.events)
        while told.more:
            told = self._answer(Told)
            raw += told.events
        self.now_ns, self._next_ns = max(self.now_ns, until_ns), told.next_ns
        try:
            return [decode_event(one) for one in raw]
        except EngineError as bad:
            raise self._broken("told what is no event", bad.why) from bad

    def next_ns(self) -> int | None:
        """As of the last answer: with one client, nothing but its calls moves the venue."""
        self._usable()
        return self._next_ns

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        if commands:
            raw = encode_commands([approved.command for approved in commands])
            self._next_ns = self._call(Deliver(now_ns, raw), Taken).next_ns

    def close(self) -> None:
        if self._frames is not None:
            self._frames.close()
            self._frames = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, request: Request, kind: type[A]) -> A:
        frames = self._usable()
        try:
            frames.send(_encode(request))
        except VenueError:
            self.close()
            raise
        return self._answer(kind)

    def _answer(self, kind: type[A]) -> A:
        try:
            raw = self._usable().receive()
        except VenueError as bad:
            raise self._broken(f"{bad.what} {bad.why}", "") from bad
        if raw is None:
            raise self._broken("hung up", "")
        try:
            answer: object = _answers.decode(raw)
        except msgspec.MsgspecError as bad:
            raise self._broken("told what is no answer", str(bad)) from bad
        if isinstance(answer, Refused):
            self.close()
            raise VenueError(answer.what, answer.why, answer.to_do)
        if not isinstance(answer, kind):
            raise self._broken(f"told {type(answer).__name__} where {kind.__name__} was due", "")
        return answer

    def _broken(self, what: str, why: str) -> VenueError:
        """A failure after which nobody knows what belongs to what: the connection ends."""
        self.close()
        return VenueError(f"{self._name}: {what}", why, "check its process, and connect again")

    def _usable(self) -> Frames:
        if self._frames is None:
            raise VenueError(self._name, "is not connected any more", "connect again, and ask what became of orders")
        return self._frames
