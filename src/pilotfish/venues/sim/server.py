"""A simulated venue served from a process of its own, so that whoever trades on it can crash and the venue goes on.

One client at a time: a client that died is read to its end before the next one is heard, so what it had sent whole
arrives and what it had sent in part does not. What was under way to it is lost, as on any socket.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

import msgspec

from pilotfish.domain.arith import INT64_MAX
from pilotfish.domain.codec import decode_commands, encode_event
from pilotfish.domain.errors import PilotfishError, VenueError
from pilotfish.domain.events import Event
from pilotfish.domain.orders import Command, PlaceBatch
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

DAY_NS = 86_400_000_000_000
_ENVELOPE_BYTES = 64  # of a `Told` around its events, and more than enough
_requests = msgspec.msgpack.Decoder(Request)
_encode = msgspec.msgpack.Encoder().encode


class Served(Protocol):
    """What a server needs of a venue; `SimVenue` has it all."""

    idempotent_ids: bool

    @property
    def now_ns(self) -> int: ...
    def events(self, until_ns: int) -> Sequence[Event]: ...
    def next_ns(self) -> int | None: ...
    def receive(self, commands: Sequence[Command], now_ns: int) -> None: ...
    def hang_up(self) -> None: ...


class VenueServer:
    """Listens from construction on; `serve` answers until `close`. Raises ConfigError for an address off loopback."""

    def __init__(
        self, venue: Served, address: Address, timeout_s: float = 10.0, frame_bytes_max: int = FRAME_BYTES_MAX
    ) -> None:
        self._venue, self._timeout_s, self._most = venue, timeout_s, frame_bytes_max
        self._listener, where = open_socket(address)
        try:
            self._listener.bind(where)
            self._listener.listen()
        except OSError as bad:
            self._listener.close()
            raise VenueError(f"address {address}", str(bad.strerror or bad), "choose another one") from bad
        self._path = address if isinstance(address, Path) else None
        self._client: socket.socket | None = None
        self._closed = threading.Event()

    @property
    def address(self) -> Address:
        """Where it listens; the port that was given for 0."""
        if self._path is not None:
            return self._path
        host, port = self._listener.getsockname()[:2]
        return host, port

    def serve(self) -> None:
        """Answer one client after the other, until another thread calls `close`."""
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                if self._closed.is_set():
                    return
                raise
            self._client = client
            with client:
                self.converse(client)
            self._client = None

    def converse(self, client: socket.socket) -> None:
        """Everything one client has to say. What it may not say is answered by `Refused`, and ends its connection."""
        frames = Frames(client, self._timeout_s, self._most)
        try:
            while (payload := frames.receive(patient=True)) is not None:
                try:
                    for answer in self._answers(payload):
                        frames.send(_encode(answer))
                except PilotfishError as bad:
                    frames.send(_encode(Refused(bad.what, bad.why, bad.to_do)))
                    return
        except VenueError:
            return  # it died, or does not speak in frames: neither is the venue's affair
        finally:
            self._venue.hang_up()

    def close(self) -> None:
        """Stop listening and let `serve` return; a client that is connected is cut off."""
        self._closed.set()
        for sock in (self._listener, self._client):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _answers(self, payload: bytes) -> Iterator[Answer]:
        try:
            request = _requests.decode(payload)
        except msgspec.MsgspecError as bad:
            raise VenueError("a request", str(bad), "use RemoteVenue of the same release") from bad
        if isinstance(request, Hello):
            if request.protocol != PROTOCOL:
                raise VenueError(f"protocol {request.protocol}", f"this venue speaks {PROTOCOL}", "use one release")
            yield Welcome(self._venue.idempotent_ids, self._venue.now_ns, self._venue.next_ns())
        elif isinstance(request, Advance):
            yield from self._advance(request)
        else:
            yield self._deliver(request)

    def _advance(self, request: Advance) -> Iterator[Answer]:
        last = max(self._venue.now_ns, self._venue.next_ns() or 0) + DAY_NS
        if request.until_ns > last:
            raise VenueError(f"events until {request.until_ns}", "more than a day past all that is due", "go in steps")
        raw = [encode_event(event) for event in self._venue.events(request.until_ns)]
        due = self._venue.next_ns()
        groups = list(self._in_frames(raw))
        for number, group in enumerate(groups, 1):
            yield Told(group, number < len(groups), due)

    def _in_frames(self, raw: list[bytes]) -> Iterator[list[bytes]]:
        group: list[bytes] = []
        size = _ENVELOPE_BYTES
        for event in raw:
            if group and size + len(event) + 5 > self._most:
                yield group
                group, size = [], _ENVELOPE_BYTES
            group.append(event)
            size += len(event) + 5  # its own length, at most
        yield group

    def _deliver(self, request: Deliver) -> Taken:
        if not -INT64_MAX <= request.now_ns <= INT64_MAX:
            raise VenueError("the commands' time", f"{request.now_ns} leaves int64", "send ns since epoch")
        commands = decode_commands(request.commands)
        for command in commands:
            _refuse_impossible(command)
        self._venue.receive(commands, request.now_ns)
        return Taken(self._venue.next_ns())


def _refuse_impossible(command: Command) -> None:
    """No engine writes such a command, but a wire can carry it. Raises VenueError, before any was received."""
    fields = [getattr(command, name) for name in command.__struct_fields__]
    if isinstance(command, PlaceBatch) and len({c.size for c in (command.accounts, command.lots, command.prices)}) > 1:
        raise VenueError(f"batch {command.coid}", "its columns differ in length", "send one row an order")
    numbers = chain.from_iterable(field if isinstance(field, tuple) else (field,) for field in fields)
    for number in numbers:
        if isinstance(number, int) and abs(number) > INT64_MAX:
            raise VenueError(f"a {type(command).__name__}", f"{number} leaves int64", "check who is speaking")
