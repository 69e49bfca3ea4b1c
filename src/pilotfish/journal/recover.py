"""What to do with a journal file that does not open: find its first bad record, and save the whole groups before it."""

from __future__ import annotations

import os
from contextlib import closing
from itertools import islice
from pathlib import Path

from pilotfish.domain.errors import JournalCorrupt, JournalUnavailable
from pilotfish.journal.chain import RESTORE, ChainReport, verify_chain
from pilotfish.journal.inspection import Refused, identify, is_vacant, readable
from pilotfish.journal.port import Head
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.journal.store import Store


def verify_file(path: str | os.PathLike[str], expected_root: bytes | None = None, at: int | None = None) -> ChainReport:
    """`verify_chain` for a file, also for one that no longer opens as a journal. Writes nothing; a writer may go on.

    Raises JournalUnavailable when it is no journal or cannot be read at all.
    """
    try:
        with SqliteJournal(path, read_only=True) as journal:
            return verify_chain(journal, expected_root, at)
    except Refused as refused:
        return refused.report


def salvage(path: str | os.PathLike[str], into: str | os.PathLike[str]) -> ChainReport:
    """Copy every whole group before the first bad record into a new journal; `path` stays as it is.

    The report says how many records were saved and what stopped it; it holds when everything was saved. What the lost
    records led to (orders!) must be reconciled with the venues before the copy is traded on: its next positions, and
    the ids that derive from them, were used before. Snapshots are not copied, so the first restart replays from 0.
    Raises JournalUnavailable when `into` exists or `path` is no journal.
    """
    target = Path(into).resolve()
    if target.exists() or not is_vacant(target):
        raise JournalUnavailable(str(target), "it exists already", "name a new file")
    source = Path(path).resolve()
    identify(source)
    with closing(Store(source, read_only=True, damaged=True)) as store, SqliteJournal(target) as saved:
        found = readable(store)
        try:
            for group in store.groups():
                whole = list(islice(found, group.position - saved.head.position))
                if not whole or Head(whole[-1].position + 1, whole[-1].hash) != group:
                    raise JournalCorrupt(saved.head.position, "its group is not the one that was committed", RESTORE)
                for record in whole:
                    saved.append(record.kind, record.payload)
                saved.commit()
            for extra in found:
                raise JournalCorrupt(extra.position, "no group ends after it", RESTORE)
        except JournalCorrupt as bad:
            return ChainReport(*saved.head, bad.position, bad.why)
        return ChainReport(*saved.head)
