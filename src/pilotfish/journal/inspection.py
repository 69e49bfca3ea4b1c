"""Is this file a journal, and is all of it there? Asked before anything is opened for writing: nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from pilotfish.domain.errors import JournalCorrupt, JournalUnavailable
from pilotfish.journal.buffered import records
from pilotfish.journal.chain import GENESIS, RESTORE, ChainReport, checked
from pilotfish.journal.port import Head, Record
from pilotfish.journal.store import APPLICATION_ID, FORMAT, Store, wal_of
from pilotfish.journal.wal import inspect_wal

UNFINISHED = "the last group was never finished and is not there; its commit had not returned"
_EVERYTHING = 2**62


class Refused(JournalCorrupt):
    """A file that is not opened. `report` says how far its records can be trusted all the same."""

    def __init__(self, report: ChainReport, to_do: str) -> None:
        self.report = report
        super().__init__(report.records if report.first_bad is None else report.first_bad, report.why, to_do)


def is_vacant(path: Path) -> bool:
    """Nothing is there yet, or an empty file. Raises JournalCorrupt when a log is there without its journal."""
    if path.exists() and (not path.is_file() or path.stat().st_size):
        return False
    wal = wal_of(path)
    if wal.exists() and wal.stat().st_size:
        raise JournalCorrupt(0, f"{path.name} is gone, but {wal.name} is there", "restore it; do not remove the log")
    return True


def identify(path: Path) -> None:
    """Raises JournalUnavailable unless `path` is a journal of this version. Touches nothing, not even a lock."""
    if not path.is_file() or not path.stat().st_size:
        raise JournalUnavailable(str(path), "there is no journal here", "check the path")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as db:
            db.execute("PRAGMA writable_schema = ON")  # a file that lost its end still says what it is
            ((application,),) = db.execute("PRAGMA application_id")
            ((version,),) = db.execute("PRAGMA user_version")
    except (sqlite3.Error, ValueError) as bad:
        raise JournalUnavailable(str(path), f"it is not a journal ({bad})", "name another path") from bad
    if application != APPLICATION_ID:
        raise JournalUnavailable(str(path), "it belongs to another application", "name another path")
    if version != FORMAT:
        raise JournalUnavailable(str(path), f"format {version} is not {FORMAT}", "use the release that wrote it")


def examine(path: Path, *, alone: bool) -> tuple[Head, list[str]]:
    """The head, and what should be said about it.

    Only who is `alone` with the file can tell a group that was never finished from one being written just now. Raises
    JournalUnavailable when the file cannot be read, and Refused, at the first bad record, when committed ones are gone.
    """
    identify(path)
    wal = wal_of(path)
    try:
        # A look while a writer writes may catch the log in between; what is still there at a second look is real.
        damage = inspect_wal(wal).damage and inspect_wal(wal).damage
        unfinished = alone and inspect_wal(wal).unfinished
    except OSError as bad:
        raise JournalUnavailable(str(wal), str(bad.strerror), "check the disk and the rights") from bad
    try:
        with closing(Store(path, read_only=True)) as store:
            head = store.check()
            if damage:
                raise JournalCorrupt(head.position, f"it was committed, but in {wal.name} {damage}", RESTORE)
            if path.stat().st_size % store.page_bytes and not (wal.exists() and wal.stat().st_size):
                raise JournalCorrupt(head.position, "the file ends within a page: it was cut", RESTORE)
    except JournalCorrupt as bad:
        raise Refused(survey(path, bad), bad.to_do) from bad
    return head, [UNFINISHED] if unfinished else []


def survey(path: Path, refused: JournalCorrupt) -> ChainReport:
    """How far a file that was refused can be trusted: every record and hash from the start."""
    head = GENESIS
    limit = _EVERYTHING if refused.__cause__ else refused.position  # SQLite does not say which record it means
    try:
        with closing(Store(path, read_only=True, damaged=True)) as store:
            for record in islice(readable(store), limit):
                head = Head(record.position + 1, record.hash)
    except JournalCorrupt as found:
        return ChainReport(*head, found.position, found.why)
    return ChainReport(*head, head.position, refused.why)


def readable(store: Store) -> Iterator[Record]:
    """The good records from the start. Ends, or raises JournalCorrupt at the first bad one."""
    return checked(records(store.rows(0, _EVERYTHING), 0, None), GENESIS)
