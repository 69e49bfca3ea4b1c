"""How a venue in another process is spoken to: one request, one answer, each a msgpack frame with its length before it.

A frame is four bytes of length, big-endian, then so many bytes, at most `FRAME_BYTES_MAX`. A large answer to `Advance`
is told in several frames. Addresses are a host and port on loopback, or the path of a Unix socket: nothing here proves
who is calling, so nothing here may be reached from another machine.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from pathlib import Path

import msgspec

from pilotfish.domain.errors import ConfigError, VenueError

FRAME_BYTES_MAX = 2**24
PROTOCOL = 1
_LENGTH = struct.Struct(">I")

Address = tuple[str, int] | Path


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    """First of all: the protocol the client speaks."""

    protocol: int


class Advance(msgspec.Struct, frozen=True, array_like=True, tag="advance"):
    """`Venue.events(until_ns)`."""

    until_ns: int


class Deliver(msgspec.Struct, frozen=True, array_like=True, tag="deliver"):
    """`Venue.submit(commands, now_ns)`; commands as `codec.encode_commands` writes them."""

    now_ns: int
    commands: bytes


class Welcome(msgspec.Struct, frozen=True, array_like=True, tag="welcome"):
    """Answer to `Hello`: what the venue promises, its virtual time, and when its next event is due."""

    idempotent_ids: bool
    now_ns: int
    next_ns: int | None


class Told(msgspec.Struct, frozen=True, array_like=True, tag="told"):
    """Answer to `Advance`: events as `codec.encode_event` writes them. With `more`, the next frame goes on."""

    events: list[bytes]
    more: bool
    next_ns: int | None


class Taken(msgspec.Struct, frozen=True, array_like=True, tag="taken"):
    """Answer to `Deliver`: the commands are on their way to the matching engine."""

    next_ns: int | None


class Refused(msgspec.Struct, frozen=True, array_like=True, tag="refused"):
    """Answer to what cannot be served; the server hangs up after it."""

    what: str
    why: str
    to_do: str


Request = Hello | Advance | Deliver
Answer = Welcome | Told | Taken | Refused


class Frames:
    """Frames over one connected socket. Every error is a VenueError, and leaves the connection unusable."""

    def __init__(self, sock: socket.socket, timeout_s: float, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._sock, self._timeout_s, self._most = sock, timeout_s, frame_bytes_max
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, payload: bytes) -> None:
        """Raises VenueError, before a byte has left, when the frame is too large."""
        if len(payload) > self._most:
            raise VenueError("a frame", f"{len(payload)} bytes, at most {self._most}", "split the batch")
        self._sock.settimeout(self._timeout_s)
        try:
            self._sock.sendall(_LENGTH.pack(len(payload)) + payload)
        except TimeoutError as bad:
            raise VenueError("the connection", f"took nothing for {self._timeout_s} s", "connect again") from bad
        except OSError as bad:
            raise VenueError("the connection", f"broke: {bad.strerror}", "connect again") from bad

    def receive(self, *, patient: bool = False) -> bytes | None:
        """One frame within the timeout; None when the other side ended the connection between two frames.

        `patient` waits without end for a frame to begin, as a server does.
        """
        self._sock.settimeout(None if patient else self._timeout_s)
        deadline = None if patient else time.monotonic() + self._timeout_s
        try:
            first = self._sock.recv(_LENGTH.size)
            if not first:
                return None
            deadline = deadline or time.monotonic() + self._timeout_s
            (length,) = _LENGTH.unpack(self._rest(first, _LENGTH.size, deadline))
            if length > self._most:
                raise VenueError("a frame", f"announces {length} bytes, at most {self._most}", "check who is speaking")
            return self._rest(b"", length, deadline)
        except TimeoutError as bad:
            raise VenueError("the connection", f"no answer within {self._timeout_s} s", "connect again") from bad
        except OSError as bad:
            raise VenueError("the connection", f"broke: {bad.strerror}", "connect again") from bad

    def _rest(self, begun: bytes, size: int, deadline: float) -> bytes:
        out = bytearray(begun)
        while len(out) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
            part = self._sock.recv(min(size - len(out), 2**20))
            if not part:
                raise VenueError("the connection", "ended in the middle of a frame", "connect again")
            out += part
        return bytes(out)

    def close(self) -> None:
        self._sock.close()


def open_socket(address: Address) -> tuple[socket.socket, tuple[str, int] | str]:
    """A socket of the right family, and the address as it takes it. Raises ConfigError for one beyond this machine."""
    if isinstance(address, Path):
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), str(address)
    host, port = address
    try:
        ip = ipaddress.ip_address(host)
    except ValueError as bad:
        raise ConfigError(f"address {host}:{port}", "is a name, not a number", "use 127.0.0.1 or ::1") from bad
    if not ip.is_loopback:
        raise ConfigError(f"address {host}:{port}", "can be reached from other machines", "use 127.0.0.1 or ::1")
    if not 0 <= port < 2**16:
        raise ConfigError(f"address {host}:{port}", "the port is not in 0..65535", "use 0 for any free port")
    return socket.socket(socket.AF_INET if ip.version == 4 else socket.AF_INET6, socket.SOCK_STREAM), (host, port)
