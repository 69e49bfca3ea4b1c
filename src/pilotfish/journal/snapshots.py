"""A snapshot at rest: compressed, and sealed to its place in the chain."""

from __future__ import annotations

import zlib
from hashlib import blake2b
from typing import NamedTuple

from pilotfish.domain.errors import JournalCorrupt
from pilotfish.journal.chain import ROOT_BYTES
from pilotfish.journal.port import Head, Snapshot

SNAPSHOTS_KEPT = 2
_TAG = b"pilotfish/snapshot/v1"
_OLDER = "an older snapshot or the records from 0 give the same state, only more slowly"


class StoredSnapshot(NamedTuple):
    """`packed` is the payload in zlib; `seal` is blake2b-256 over the place and the payload."""

    position: int
    root: bytes
    packed: bytes
    seal: bytes


def _seal(head: Head, payload: bytes) -> bytes:
    return blake2b(_TAG + head.root + head.position.to_bytes(8, "big") + payload, digest_size=ROOT_BYTES).digest()


def pack(head: Head, payload: bytes) -> StoredSnapshot:
    return StoredSnapshot(*head, zlib.compress(payload, 1), _seal(head, payload))


def unpack(stored: StoredSnapshot, root: bytes) -> Snapshot:
    """The snapshot, if it is whole and stands on `root`, the chain's own at its position. Raises JournalCorrupt."""
    if stored.root != root:
        raise JournalCorrupt(stored.position, "its snapshot belongs to another chain", _OLDER)
    try:
        payload = zlib.decompress(stored.packed)
    except (zlib.error, TypeError) as bad:
        raise JournalCorrupt(stored.position, f"its snapshot cannot be unpacked ({bad})", _OLDER) from bad
    if _seal(Head(stored.position, root), payload) != stored.seal:
        raise JournalCorrupt(stored.position, "its snapshot does not match its seal", _OLDER)
    return Snapshot(stored.position, root, payload)
