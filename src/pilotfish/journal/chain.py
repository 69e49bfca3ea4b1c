"""The hash chain: what makes a journal evidence.

    root_0 = blake2b-256("pilotfish/journal/v1")
    root_n+1 = blake2b-256(root_n || kind u8 || n u64 big-endian || payload)

Record n carries root_n+1. A change to one record breaks the chain at that record. Whoever can rewrite a record can also
rewrite every hash after it: that is found only against a root kept elsewhere, which is what anchors are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from pilotfish.domain.errors import JournalCorrupt
from pilotfish.journal.port import Head, Journal, Record

ROOT_BYTES = 32
GENESIS = Head(0, blake2b(b"pilotfish/journal/v1", digest_size=ROOT_BYTES).digest())
RESTORE = "do not trade on it; restore a copy, or salvage the whole groups before it (docs/journal.md)"

_header = Struct(">BQ").pack


def link(root: bytes, kind: int, position: int, payload: bytes) -> bytes:
    """The root after one more record."""
    return blake2b(root + _header(kind, position) + payload, digest_size=ROOT_BYTES).digest()


def checked(records: Iterable[Record], after: Head) -> Iterator[Record]:
    """The same records, each only once its hash follows from the one before; `after` is the head they continue.

    Raises JournalCorrupt at the first that does not.
    """
    position, root = after
    for record in records:
        if record.position != position:
            raise JournalCorrupt(position, f"record {record.position} stands in its place", RESTORE)
        root = link(root, record.kind, position, record.payload)
        if record.hash != root:
            raise JournalCorrupt(position, "its bytes do not give the hash it carries", RESTORE)
        position += 1
        yield record


class ChainReport(NamedTuple):
    """`records` good records from the start, whose chain ends in `root`. `first_bad` is None when everything holds."""

    records: int
    root: bytes
    first_bad: int | None = None
    why: str = ""

    @property
    def holds(self) -> bool:
        return self.first_bad is None


def verify_chain(journal: Journal, expected_root: bytes | None = None, at: int | None = None) -> ChainReport:
    """Recompute every hash from the start, and compare with a root that was kept elsewhere.

    `expected_root` is the root after `at` records, or after all of them when `at` is None. Without it, a journal that
    somebody rewrote consistently, or cut short at the end of a group, still holds: nothing inside a file can show that.
    When only the expected root differs, no single record is at fault, and `first_bad` is the first one that the
    expected root does not vouch for. Raises JournalUnavailable when the file cannot be read at all.
    """
    head, met = GENESIS, 0 if expected_root == GENESIS.root else None
    at_root = GENESIS.root
    try:
        for record in checked(journal.read(), GENESIS):
            head = Head(record.position + 1, record.hash)
            if record.hash == expected_root:
                met = head.position
            if head.position == at:
                at_root = head.root
    except JournalCorrupt as bad:
        return ChainReport(*head, bad.position, bad.why)
    if expected_root is None:
        return ChainReport(*head)
    if at is not None and head.position < at:
        return ChainReport(*head, head.position, f"the anchor covers {at} records, the journal has {head.position}")
    if (head.root if at is None else at_root) == expected_root:
        return ChainReport(*head)
    if met is not None:
        why = f"the expected root is the one after {met} records" + (f", not {at}" if at is not None else "")
        return ChainReport(*head, met, f"{why}; the records after it are not covered")
    return ChainReport(*head, 0, "the chain holds but leads to another root: rewritten, or another journal")
