"""What all journals do alike: buffer, number, hash, check. A subclass only stores and fetches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from pilotfish.domain.errors import JournalCorrupt, JournalError, JournalUnavailable
from pilotfish.journal.chain import GENESIS, RESTORE, ROOT_BYTES, checked, link
from pilotfish.journal.port import Head, Journal, Record, RecordKind, Snapshot
from pilotfish.journal.snapshots import StoredSnapshot, pack, unpack

Row = tuple[int, int, bytes, bytes]  # position, kind, payload, hash; from a file any of them may be of another type
RECORD_BYTES_MAX = 2**28
_KINDS = tuple(RecordKind)
_PLAIN = tuple(int(kind) for kind in _KINDS)  # a driver stores a plain int faster than an IntEnum


class BufferedJournal(Journal):
    """See `Journal` for the contract."""

    def __init__(self, head: Head = GENESIS, notes: Iterable[str] = (), *, read_only: bool = False) -> None:
        self._head, self._notes, self._read_only = head, list(notes), read_only
        self._buffer: list[tuple[int, bytes]] = []
        self._closed = False

    @abstractmethod
    def _store(self, rows: Sequence[Row], head: Head) -> None:
        """Make `rows` durable as one group that ends in `head`, entirely or not at all."""

    @abstractmethod
    def _rows(self, start: int, end: int) -> Iterator[Row]: ...

    @abstractmethod
    def _root_at(self, position: int) -> bytes:
        """The root after `position` records, as stored. Raises JournalCorrupt when it cannot be read."""

    @abstractmethod
    def _store_snapshot(self, stored: StoredSnapshot) -> None:
        """Keep it durably, and of the older ones what `SNAPSHOTS_KEPT` says."""

    @abstractmethod
    def _snapshot_positions(self) -> list[int]:
        """Newest first."""

    @abstractmethod
    def _snapshot_at(self, position: int) -> StoredSnapshot:
        """Raises JournalCorrupt when it cannot be read."""

    @abstractmethod
    def _release(self) -> None: ...

    @property
    def head(self) -> Head:
        return self._head

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def append(self, kind: RecordKind, payload: bytes) -> int:
        self._check_writable()
        if type(kind) is not RecordKind or type(payload) is not bytes:
            raise JournalError("append", f"{kind!r} with {type(payload).__name__}", "give a RecordKind and bytes")
        if len(payload) > RECORD_BYTES_MAX:
            raise JournalError("append", f"{len(payload)} bytes, at most {RECORD_BYTES_MAX}", "split the record")
        self._buffer.append((_PLAIN[kind], payload))
        return self._head.position + len(self._buffer) - 1

    def commit(self) -> None:
        self._check_writable()
        if not self._buffer:
            return
        rows: list[Row] = []
        root = self._head.root
        for position, (kind, payload) in enumerate(self._buffer, self._head.position):
            root = link(root, kind, position, payload)
            rows.append((position, kind, payload, root))
        head = Head(self._head.position + len(rows), root)
        self._store(rows, head)
        self._head, self._buffer = head, []

    def read(self, start: int = 0, end: int | None = None) -> Iterator[Record]:
        self._check_open()
        last = self.head.position
        stop = last if end is None else min(end, last)
        if not 0 <= start <= last or (end is not None and end < start):
            raise JournalError(f"read {start} to {end}", f"the journal has {last} records", "ask for what it has")
        return records(self._rows(start, stop), start, stop)

    def snapshot(self, payload: bytes) -> None:
        self._check_writable()
        if self._buffer:
            raise JournalError("snapshot", f"{len(self._buffer)} records are not committed", "commit first")
        stored = pack(self._head, payload)
        if len(stored.packed) > RECORD_BYTES_MAX:
            raise JournalError("snapshot", f"{len(stored.packed)} bytes, at most {RECORD_BYTES_MAX}", "use more shards")
        self._store_snapshot(stored)

    def latest_snapshot(self) -> Snapshot | None:
        self._check_open()
        notes: list[str] = []
        for position in self._snapshot_positions():
            try:
                found = unpack(self._snapshot_at(position), self._root_at(position))
            except JournalCorrupt as bad:
                notes.append(f"the snapshot at {position} was passed over: {bad.why}")
                if notes[-1] not in self._notes:
                    self._notes.append(notes[-1])
            else:
                return found._replace(notes=tuple(notes))
        return None

    def read_from_snapshot(self) -> tuple[Snapshot | None, Iterator[Record]]:
        found = self.latest_snapshot()
        base = GENESIS if found is None else Head(found.position, found.root)
        return found, checked(self.read(base.position), base)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._release()
        if lost := len(self._buffer):
            raise JournalError("close", f"{lost} records were appended and never committed", "commit before closing")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # the records that error left uncommitted are its business, not a second error
            self._buffer = []
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal", "is closed", "open it again")

    def _check_writable(self) -> None:
        self._check_open()
        if self._read_only:
            raise JournalUnavailable("the journal", "was opened to read only", "open it without read_only to write")


def records(rows: Iterator[Row], start: int, stop: int | None) -> Iterator[Record]:
    """Rows as records, refusing what no journal has written, and fewer than up to `stop`. Raises JournalCorrupt."""
    expected = start
    for position, kind, payload, digest in rows:
        if position != expected:
            raise JournalCorrupt(expected, f"it is missing; record {position} comes next", RESTORE)
        if type(kind) is not int or not 0 <= kind < len(_KINDS):
            raise JournalCorrupt(expected, f"kind {kind!r} is not a record's", RESTORE)
        if type(payload) is not bytes or type(digest) is not bytes or len(digest) != ROOT_BYTES:
            raise JournalCorrupt(expected, "its payload or its hash is not what a record has", RESTORE)
        yield Record(position, _KINDS[kind], payload, digest)
        expected += 1
    if stop is not None and expected != stop:
        raise JournalCorrupt(expected, f"it is missing; {stop} records were committed", RESTORE)
