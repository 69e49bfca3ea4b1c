"""A process that holds keys and signs, and nothing else: a worker of a pool, or a signer that a person starts apart.

Spoken to in frames over a Unix socket (venues.sim.frames): `Wanted` in, `Made` out. What it signs is only what the
schemes know, so that whoever gets at its socket can place orders and cannot withdraw.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import sys
import threading
from pathlib import Path

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.keys.key import Key, KeyRefused
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.sim.frames import Frames

TIMEOUT_S = 10.0


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """No requests: which addresses there are."""

    id: int
    requests: list[SignRequest] = []


class Made(msgspec.Struct, frozen=True, array_like=True):
    """65 bytes for each request, in order; or why not. Addresses where nothing was to be signed."""

    id: int
    signatures: list[bytes] = []
    addresses: list[str] = []
    refused: str = ""


_wanted: msgspec.msgpack.Decoder[Wanted] = msgspec.msgpack.Decoder(Wanted)
_encode = msgspec.msgpack.Encoder().encode


def answer(keys: Keyring, raw: bytes) -> bytes:
    """One frame's answer. Never raises for what the other side sent."""
    try:
        wanted = _wanted.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as bad:
        return _encode(Made(-1, refused=f"no request: {bad}"))
    try:
        if not wanted.requests:
            return _encode(Made(wanted.id, addresses=list(keys.addresses)))
        return _encode(Made(wanted.id, keys.sign_all(wanted.requests)))
    except KeyRefused as bad:
        return _encode(Made(wanted.id, refused=str(bad)))


def serve(sock: socket.socket, keys: Keyring) -> None:
    """Answer one connection until it ends."""
    frames = Frames(sock, TIMEOUT_S)
    try:
        while (raw := frames.receive(patient=True)) is not None:
            frames.send(answer(keys, raw))
    except VenueError:
        pass  # who asked is gone
    finally:
        frames.close()


class SignerServer:
    """An external signer: listens at a path that its owner alone may open, and answers this user's processes only."""

    def __init__(self, path: Path, keys: Keyring) -> None:
        self._keys, self.path = keys, path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o177)
            try:
                self._sock.bind(str(path))
            finally:
                os.umask(before)
        except OSError as bad:
            self._sock.close()
            raise KeyRefused(
                f"signer at {path}", bad.strerror or "cannot listen", "remove a stale socket, or choose another"
            ) from bad
        self._sock.listen(16)

    def run(self) -> None:
        """Until `close`."""
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            if _peer(sock) != os.getuid():
                sock.close()
                continue
            threading.Thread(target=serve, args=(sock, self._keys), daemon=True).start()

    def close(self) -> None:
        self._sock.close()
        self.path.unlink(missing_ok=True)


def keep_to_yourself() -> None:
    """No core dump of this process: it would hold the keys."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def worker(descriptor: int) -> None:
    """A pool's worker: its first frame are the keys, over the socket it was started with."""
    keep_to_yourself()
    sock = socket.socket(fileno=descriptor)
    frames = Frames(sock, TIMEOUT_S)
    raw = frames.receive()
    if raw is not None:
        serve(sock, Keyring(Key(secret) for secret in msgspec.msgpack.decode(raw, type=list[bytes])))


def _peer(sock: socket.socket) -> int:
    """The user id of the process at the other end."""
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(uid)


if __name__ == "__main__":
    worker(int(sys.argv[1]))
