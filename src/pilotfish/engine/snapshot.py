"""State to bytes and back, and its digest. What is a cache is left out and rebuilt."""

from __future__ import annotations

import hashlib

import msgspec

from pilotfish.domain.codec import from_plain, to_plain
from pilotfish.domain.errors import EngineError
from pilotfish.engine.state import State

_encoder = msgspec.msgpack.Encoder(enc_hook=to_plain)
_decoder = msgspec.msgpack.Decoder(State, dec_hook=from_plain)


def encode_state(state: State) -> bytes:
    """The same state gives the same bytes."""
    return _encoder.encode(msgspec.structs.replace(state, exposures=None))


def decode_state(raw: bytes) -> State:
    """Raises EngineError when the bytes are not a state of this version."""
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, TypeError) as bad:
        raise EngineError("a snapshot cannot be read", str(bad), "replay the journal from its start") from bad


def digest(state: State) -> bytes:
    """32 bytes that change when anything in the state does."""
    return hashlib.blake2b(encode_state(state), digest_size=32).digest()
