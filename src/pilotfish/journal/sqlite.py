"""The journal of a shard on disk: one SQLite file in WAL mode, synced at every commit.

Beside `path` lie `path`-wal and `path`-shm while it is open, and `path`-lock always. Copy a journal only when no writer
has it open (then `path` alone is all of it, unless a crash left a `path`-wal), or with SQLite's own backup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pilotfish.journal.buffered import BufferedJournal, Row
from pilotfish.journal.inspection import examine, identify, is_vacant
from pilotfish.journal.lock import WriterLock
from pilotfish.journal.port import Head
from pilotfish.journal.snapshots import StoredSnapshot
from pilotfish.journal.store import Store, create


class SqliteJournal(BufferedJournal):
    """Opens the journal at `path`, or makes one where there is none (not with `read_only`).

    Raises JournalUnavailable when another process writes to it, when the file is something else or of another version,
    or when it cannot be read or written; JournalCorrupt when committed records are gone. A refusal changes nothing.
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.path = Path(path).resolve()
        if read_only or not is_vacant(self.path):
            identify(self.path)  # before the lock: beside a file that is not ours, not even a lock is left
        self._lock = None if read_only else WriterLock(self.path)
        try:
            if not read_only and is_vacant(self.path):
                create(self.path)
            head, notes = examine(self.path, alone=not read_only)
            self._file = Store(self.path, read_only=read_only)
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise
        super().__init__(head, notes, read_only=read_only)

    @property
    def head(self) -> Head:
        return self._file.head() if self._read_only and not self._closed else self._head

    def _store(self, rows: Sequence[Row], head: Head) -> None:
        self._file.write(rows, head)

    def _rows(self, start: int, end: int) -> Iterator[Row]:
        return self._file.rows(start, end)

    def _root_at(self, position: int) -> bytes:
        return self._file.root_at(position)

    def _store_snapshot(self, stored: StoredSnapshot) -> None:
        self._file.write_snapshot(stored)

    def _snapshot_positions(self) -> list[int]:
        return self._file.snapshot_positions()

    def _snapshot_at(self, position: int) -> StoredSnapshot:
        return self._file.snapshot_at(position)

    def _release(self) -> None:
        self._file.close()
        if self._lock is not None:
            self._lock.release()
