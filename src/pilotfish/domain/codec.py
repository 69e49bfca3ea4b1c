"""Events and commands to bytes and back: msgpack, columns as raw little-endian int64. Same value, same bytes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from pilotfish.domain.errors import EngineError
from pilotfish.domain.events import Event
from pilotfish.domain.orders import Command


def to_plain(value: Any) -> Any:
    """Encoder hook: a column as its raw bytes, an unsigned or boolean one with its type before it."""
    if isinstance(value, np.ndarray):
        if value.dtype == np.int64 and value.ndim == 1:
            return value.astype("<i8", copy=False).tobytes()
        return [value.dtype.str, list(value.shape), value.tobytes()]
    if isinstance(value, np.integer):
        return int(value)
    raise NotImplementedError(f"{type(value).__name__} is not part of the vocabulary")


def from_plain(kind: type, value: Any) -> Any:
    """Decoder hook: the reverse of `to_plain`; the array is writable."""
    if getattr(kind, "__origin__", None) is np.ndarray:  # `Ints`, and nothing but its own bytes
        if not isinstance(value, bytes):
            raise ValueError(f"a column is {type(value).__name__}, not bytes")
        return np.frombuffer(value, dtype="<i8").astype(np.int64)
    if kind is np.ndarray:
        dtype, shape, raw = value
        if dtype != "|b1":
            raise ValueError(f"a column of {dtype!r} is not part of the vocabulary")
        return np.frombuffer(raw, dtype=np.bool_).reshape(shape).copy()
    raise NotImplementedError(f"{kind} is not part of the vocabulary")


_encoder = msgspec.msgpack.Encoder(enc_hook=to_plain)
_events = msgspec.msgpack.Decoder(Event, dec_hook=from_plain)
_commands = msgspec.msgpack.Decoder(list[Command], dec_hook=from_plain)


_UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)


def encode_event(event: Event) -> bytes:
    return _encoder.encode(event)


def encode_commands(commands: list[Command]) -> bytes:
    return _encoder.encode(commands)


def decode_event(raw: bytes) -> Event:
    """Raises EngineError when the bytes are not an event."""
    try:
        return _events.decode(raw)  # type: ignore[no-any-return]
    except _UNREADABLE as bad:
        raise EngineError("a record is not an event", str(bad), "verify the journal it came from") from bad


def decode_commands(raw: bytes) -> list[Command]:
    """Raises EngineError when the bytes are not a list of commands."""
    try:
        return _commands.decode(raw)
    except _UNREADABLE as bad:
        raise EngineError("a record is not a list of commands", str(bad), "verify the journal it came from") from bad
