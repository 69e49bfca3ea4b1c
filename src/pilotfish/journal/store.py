"""The SQLite file of a journal: tables, pragmas, and what goes wrong with files.

records     one row a record; `position` is the rowid, so a scan is in order
groups      one row a commit: the head it ended in
snapshots   zlib, sealed
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pilotfish.domain.errors import JournalCorrupt, JournalUnavailable
from pilotfish.journal.buffered import Row
from pilotfish.journal.chain import GENESIS, RESTORE
from pilotfish.journal.port import Head
from pilotfish.journal.snapshots import SNAPSHOTS_KEPT, StoredSnapshot

APPLICATION_ID = 0x50465348  # "PFSH"
FORMAT = 1
TABLES = (
    "CREATE TABLE groups (ended INTEGER PRIMARY KEY, root BLOB NOT NULL)",
    "CREATE TABLE records (position INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
    " payload BLOB NOT NULL, hash BLOB NOT NULL)",
    "CREATE TABLE snapshots (position INTEGER PRIMARY KEY, root BLOB NOT NULL,"
    " packed BLOB NOT NULL, seal BLOB NOT NULL)",
)
_CHUNK_ROWS, _CHUNK_BYTES = 4096, 2**22
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_KEPT = "; what was not committed is kept, commit again"


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def create(path: Path) -> None:
    """A new, empty journal: made beside `path` and then renamed, so that a half-made one never bears the name."""
    fresh = path.with_name(path.name + "-new")
    with _as_journal_errors(path, 0):
        try:
            fresh.unlink(missing_ok=True)
            db = sqlite3.connect(fresh, isolation_level=None)
            try:
                db.execute("PRAGMA synchronous = EXTRA")
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT}")
                for table in TABLES:
                    db.execute(table)
                db.execute("PRAGMA journal_mode = WAL")
            finally:
                db.close()
            fresh.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as bad:
            raise JournalUnavailable(str(path), str(bad.strerror), "check the folder and its space") from bad


class Store:
    """One connection. `damaged=True` reads what can still be read of a file that lost its end."""

    def __init__(self, path: Path, *, read_only: bool, damaged: bool = False) -> None:
        self.path = path
        with _as_journal_errors(path, 0):
            if not read_only:
                self._db = _connect(path, "mode=rw")
                self._tune()
                return
            self._db = _connect(path, "mode=ro", damaged)
            try:
                self._db.execute("SELECT 1 FROM sqlite_schema").fetchone()
            except sqlite3.OperationalError as bad:
                # A folder we cannot write has no place for SQLite's shared memory. Without a log, none is needed.
                wal = wal_of(path)
                if bad.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN or (wal.exists() and wal.stat().st_size):
                    raise
                self._db.close()
                self._db = _connect(path, "immutable=1", damaged)

    def _tune(self) -> None:
        self._db.execute("PRAGMA synchronous = FULL")  # in WAL mode: every commit is synced
        self._db.execute("PRAGMA wal_autocheckpoint = 1000")  # 4 MiB
        self._db.execute("PRAGMA journal_size_limit = 16777216")

    @property
    def page_bytes(self) -> int:
        with self.reading(0):
            return int(self._db.execute("PRAGMA page_size").fetchone()[0])

    def check(self) -> Head:
        """The head, once the tables agree about it. Raises JournalCorrupt when committed records are gone."""
        with self.reading(0):
            wanted = "SELECT sql FROM sqlite_schema WHERE name IN ('groups','records','snapshots') OR type = 'trigger'"
            tables = sorted(bytes(sql).decode(errors="replace") for (sql,) in self._db.execute(wanted))
        if tables != sorted(TABLES):
            raise JournalCorrupt(0, "its tables are not those of a journal", RESTORE)
        self._db.execute("BEGIN")  # one view, while a writer may go on
        try:
            head = self.head()
            with self.reading(head.position):
                group = self._db.execute("SELECT ended, root FROM groups ORDER BY ended DESC LIMIT 1").fetchone()
                snapshots = self.snapshot_positions()
        finally:
            self._db.rollback()
        ended, root = group or GENESIS
        if ended != head.position:
            why = f"{ended} records were committed, {head.position} are there"
            raise JournalCorrupt(min(ended, head.position), why, RESTORE)
        if root != head.root:
            raise JournalCorrupt(max(ended - 1, 0), "its hash is not the one its group was committed with", RESTORE)
        if snapshots and snapshots[0] > ended:
            raise JournalCorrupt(ended, f"it is missing: there is a snapshot at {snapshots[0]}", RESTORE)
        return head

    def head(self) -> Head:
        """Where the records end. Raises JournalCorrupt."""
        with self.reading(0):
            last = self._db.execute("SELECT position, hash FROM records ORDER BY position DESC LIMIT 1").fetchone()
        return Head(last[0] + 1, last[1]) if last else GENESIS

    def rows(self, start: int, end: int) -> Iterator[Row]:
        """In chunks, so that no reader holds up checkpoints. Damage raises JournalCorrupt after the last good row."""
        while start < end:
            chunk, failed = self._chunk(start, end)
            yield from chunk
            if failed is not None and not chunk:
                with _as_journal_errors(self.path, start):
                    raise failed
            if not chunk:
                return
            start = chunk[-1][0] + 1

    def _chunk(self, start: int, end: int) -> tuple[list[Row], sqlite3.Error | None]:
        chunk: list[Row] = []
        size = 0
        try:
            cursor = self._db.execute(
                "SELECT position, kind, payload, hash FROM records WHERE position BETWEEN ? AND ? ORDER BY position",
                (start, end - 1),
            )
            for row in cursor:
                chunk.append(row)
                size += len(row[2]) if type(row[2]) is bytes else 0
                if len(chunk) == _CHUNK_ROWS or size >= _CHUNK_BYTES:
                    break
            cursor.close()
        except sqlite3.Error as bad:
            return chunk, bad
        return chunk, None

    def groups(self) -> Iterator[Head]:
        """Where each group ended, in order."""
        with self.reading(0):
            for ended, root in self._db.execute("SELECT ended, root FROM groups ORDER BY ended"):
                yield Head(ended, root)

    def root_at(self, position: int) -> bytes:
        if position == 0:
            return GENESIS.root
        for row in self.rows(position - 1, position):
            return row[3]
        raise JournalCorrupt(position - 1, "it is missing", RESTORE)

    def write(self, rows: Sequence[Row], head: Head) -> None:
        """One group, entirely or not at all."""
        first = rows[0][0]
        with _as_journal_errors(self.path, first, _KEPT), self._transaction():
            try:
                self._db.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
                self._db.execute("INSERT INTO groups VALUES (?, ?)", head)
            except sqlite3.IntegrityError as bad:
                if self.head() == head:  # an interrupt came between this very commit and its caller
                    return
                why = "another program wrote a record in its place"
                raise JournalCorrupt(first, why, "find out what else writes to this file") from bad

    def write_snapshot(self, stored: StoredSnapshot) -> None:
        with _as_journal_errors(self.path, stored.position), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", stored)
            for old in self.snapshot_positions()[SNAPSHOTS_KEPT:]:
                if old != GENESIS.position:
                    self._db.execute("DELETE FROM snapshots WHERE position = ?", (old,))

    def snapshot_positions(self) -> list[int]:
        """Newest first."""
        with self.reading(0):
            return [at for (at,) in self._db.execute("SELECT position FROM snapshots ORDER BY position DESC")]

    def snapshot_at(self, position: int) -> StoredSnapshot:
        with self.reading(position):
            row = self._db.execute("SELECT * FROM snapshots WHERE position = ?", (position,)).fetchone()
        if row is None:
            raise JournalCorrupt(position, "its snapshot is missing", RESTORE)
        return StoredSnapshot(*row)

    @contextmanager
    def reading(self, position: int) -> Iterator[None]:
        with _as_journal_errors(self.path, position):
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.rollback()
            raise

    def close(self) -> None:
        self._db.close()


def _connect(path: Path, how: str, damaged: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, isolation_level=None, timeout=2.0)
    db.text_factory = bytes  # damaged text must not fail to decode before it can be judged
    if damaged:
        db.execute("PRAGMA writable_schema = ON")  # otherwise SQLite reads nothing of a file shorter than it should be
    db.execute("PRAGMA trusted_schema = OFF")
    return db


@contextmanager
def _as_journal_errors(path: Path, position: int, kept: str = "") -> Iterator[None]:
    """SQLite's errors as ours. `position` is the first record that the operation could not vouch for."""
    try:
        yield
    except sqlite3.Error as bad:
        code = getattr(bad, "sqlite_errorcode", 0) & 0xFF
        if code in _CORRUPT:
            raise JournalCorrupt(position, f"SQLite says: {bad}", RESTORE) from bad
        if code == sqlite3.SQLITE_FULL:
            raise JournalUnavailable(str(path), "the disk is full", "free some space" + kept) from bad
        if code in _BUSY:
            raise JournalUnavailable(str(path), "another program has locked it", "close that program" + kept) from bad
        if code == sqlite3.SQLITE_ERROR and "no such" in str(bad):
            raise JournalCorrupt(position, f"SQLite says: {bad}", RESTORE) from bad
        raise JournalUnavailable(str(path), f"SQLite says: {bad}", "check the disk and the rights" + kept) from bad
