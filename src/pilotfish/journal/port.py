"""What every journal is to the rest of the system: an append-only sequence of opaque bytes, chained by hashes.

Positions count from 0 without gaps. A `Head` or a `Snapshot` at position n covers the records 0 … n-1, so n is also
where replay goes on and the position the next record gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from types import TracebackType
from typing import NamedTuple, Protocol, Self


class RecordKind(IntEnum):
    """What the bytes of a record are. Hashed with them: a command cannot pass for an event."""

    EVENT = 0
    COMMANDS = 1  # what the engine answered to the event before
    DIGEST = 2  # of the state, at a checkpoint


class Record(NamedTuple):
    """One record. `hash` is the root of the chain up to and including it, 32 bytes."""

    position: int
    kind: RecordKind
    payload: bytes
    hash: bytes


class Head(NamedTuple):
    """How far a journal goes: `position` records, whose chain ends in `root` (32 bytes)."""

    position: int
    root: bytes


class Snapshot(NamedTuple):
    """The caller's state after `position` records. `notes` says which newer snapshots were damaged and passed over."""

    position: int
    root: bytes
    payload: bytes
    notes: tuple[str, ...] = ()


class Journal(Protocol):
    """One writer, any number of readers. Raises JournalCorrupt, JournalUnavailable, and JournalError for a misuse."""

    @property
    def head(self) -> Head:
        """The committed head; what is only appended does not count."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found wrong and dealt with, in sentences an operator should see."""
        ...

    def append(self, kind: RecordKind, payload: bytes) -> int:
        """Buffer one record and return its position. It is not safe before `commit` has returned."""
        ...

    def commit(self) -> None:
        """Make all buffered records durable as one group, entirely or not at all; they stay buffered when it raises.

        After it returned, a journal on disk keeps them through SIGKILL and loss of power. With none it does nothing.
        """
        ...

    def read(self, start: int = 0, end: int | None = None) -> Iterator[Record]:
        """Committed records `start` … `end`-1, streamed; `end` is cut to the head at the time of the call.

        Positions and types are checked, hashes are not: `chain.verify_chain` and `read_from_snapshot` do that.
        """
        ...

    def snapshot(self, payload: bytes) -> None:
        """Keep the caller's state as of the committed head, durably. Refused while records are buffered.

        Kept are the two newest, and one at position 0 if there is any. The records themselves are all kept.
        """
        ...

    def latest_snapshot(self) -> Snapshot | None:
        """The newest snapshot that is whole and belongs to this chain; damaged ones are named in its notes and ours."""
        ...

    def read_from_snapshot(self) -> tuple[Snapshot | None, Iterator[Record]]:
        """The latest snapshot and all records after it, each checked against the chain as it is read."""
        ...

    def close(self) -> None:
        """Release the file and the lock. Raises JournalError if records were buffered and never committed."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
