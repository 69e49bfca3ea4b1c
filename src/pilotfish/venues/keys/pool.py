"""Signing elsewhere: a pool of processes for batches, or a signer that somebody else started."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from pilotfish.venues.keys.key import Key, KeyRefused
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.keys.signer import Made, Wanted
from pilotfish.venues.sim.frames import FRAME_BYTES_MAX

_LENGTH = struct.Struct(">I")
_encode = msgspec.msgpack.Encoder().encode
_made: msgspec.msgpack.Decoder[Made] = msgspec.msgpack.Decoder(Made)


class SignerLink:
    """One signer at the other end of a socket; questions may overlap, answers come in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float = 10.0) -> None:
        self._reader, self._writer, self._timeout_s = reader, writer, timeout_s
        self._turn = asyncio.Lock()
        self._next = 0
        self.waiting = 0

    @classmethod
    async def connect(cls, path: Path) -> Self:
        """To an external signer. Raises KeyRefused."""
        try:
            return cls(*await asyncio.open_unix_connection(str(path)))
        except OSError as bad:
            raise KeyRefused(f"signer at {path}", bad.strerror or "no answer", "start it: pilotfish signer") from bad

    async def addresses(self) -> list[str]:
        return (await self._call([])).addresses

    async def sign(self, requests: Sequence[SignRequest]) -> list[bytes]:
        """65 bytes for each. Raises KeyRefused: no such key, or the signer is gone."""
        if not requests:
            return []
        made = await self._call(list(requests))
        if len(made.signatures) != len(requests):
            raise KeyRefused("the signer", f"made {len(made.signatures)} of {len(requests)} signatures", "restart it")
        return made.signatures

    async def _call(self, requests: list[SignRequest]) -> Made:
        self.waiting += len(requests)
        try:
            async with self._turn:
                self._next += 1
                raw = _encode(Wanted(self._next, requests))
                self._writer.write(_LENGTH.pack(len(raw)) + raw)
                made = _made.decode(await asyncio.wait_for(self._answer(), self._timeout_s))
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as bad:
            self._writer.close()  # nobody knows what belongs to what any more
            raise KeyRefused("the signer", f"is gone ({type(bad).__name__})", "restart it") from bad
        finally:
            self.waiting -= len(requests)
        if made.refused:
            raise KeyRefused("the signer refused", made.refused)
        return made

    async def _answer(self) -> bytes:
        (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        if length > FRAME_BYTES_MAX:
            raise EOFError
        return await self._reader.readexactly(length)

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # it was gone already
            await self._writer.wait_closed()


class SignerPool:
    """Worker processes that hold the same keys. `async with SignerPool(keys, 2) as pool: await pool.sign(requests)`."""

    def __init__(self, secrets: Sequence[bytes], processes: int) -> None:
        self._secrets, self._processes = list(secrets), processes
        self._links: list[SignerLink] = []
        self._workers: list[subprocess.Popen[bytes]] = []

    async def __aenter__(self) -> Self:
        raw = _encode(self._secrets)
        self._secrets.clear()
        for _ in range(self._processes):
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-m", "pilotfish.venues.keys.signer", str(theirs.fileno())]
            self._workers.append(subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL))
            theirs.close()
            ours.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=ours)
            writer.write(_LENGTH.pack(len(raw)) + raw)
            self._links.append(SignerLink(reader, writer, timeout_s=30.0))
        for link in self._links:
            await link.addresses()  # each is up, and has its keys
        return self

    async def __aexit__(self, *_: object) -> None:
        for link in self._links:
            await link.close()
        for process in self._workers:
            await asyncio.to_thread(process.wait)

    @property
    def processes(self) -> list[int]:
        """Process ids."""
        return [process.pid for process in self._workers]

    async def sign(self, requests: Sequence[SignRequest]) -> list[bytes]:
        """By whoever has least to do. Raises KeyRefused."""
        return await min(self._links, key=lambda link: link.waiting).sign(requests)


def secrets_of(keys: Sequence[Key]) -> list[bytes]:
    """What a pool's workers are given, over a socket that no other process has."""
    return [key.reveal() for key in keys]
