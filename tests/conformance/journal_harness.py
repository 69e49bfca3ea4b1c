"""What the tests of journals share: a way to crash and to damage each kind, and something to fill them with."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any, Protocol

from pilotfish.journal.memory import MemoryJournal
from pilotfish.journal.port import Journal, RecordKind
from pilotfish.journal.sqlite import SqliteJournal

COLUMNS = ("position", "kind", "payload", "hash")


class Harness(Protocol):
    """What a test needs to do to a journal beyond its own port."""

    def make(self) -> Journal: ...
    def crashed(self, journal: Any) -> Journal:
        """The journal that a restart finds when the process died just now."""

    def change(self, journal: Any, position: int, column: str, value: Any) -> None: ...
    def remove(self, journal: Any, position: int) -> None: ...
    def damage_snapshot(self, journal: Any, position: int, column: str) -> None: ...


class InMemory:
    def make(self):
        return MemoryJournal()

    def crashed(self, journal):
        return journal.reopened()

    def change(self, journal, position, column, value):
        row = list(journal._records[position])
        row[COLUMNS.index(column)] = value
        journal._records[position] = tuple(row)

    def remove(self, journal, position):
        del journal._records[position]

    def damage_snapshot(self, journal, position, column):
        stored = journal._snapshots[position]
        damaged = bytearray(getattr(stored, column))
        damaged[len(damaged) // 2] ^= 1
        journal._snapshots[position] = stored._replace(**{column: bytes(damaged)})


class OnDisk:
    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def make(self):
        self.count += 1
        return SqliteJournal(self.folder / f"{self.count}.journal")

    def crashed(self, journal):
        """The files as they lie on the disk, the log included, without anything that `close` does."""
        self.count += 1
        copy = self.folder / f"{self.count}.journal"
        for tail in ("", "-wal"):
            shutil.copyfile(f"{journal.path}{tail}", f"{copy}{tail}")
        return SqliteJournal(copy)

    def _sql(self, journal, text, *values):
        db = sqlite3.connect(journal.path)
        with db:
            assert db.execute(text, values).rowcount == 1
        db.close()

    def change(self, journal, position, column, value):
        self._sql(journal, f"UPDATE records SET {column} = ? WHERE position = ?", value, position)

    def remove(self, journal, position):
        self._sql(journal, "DELETE FROM records WHERE position = ?", position)

    def damage_snapshot(self, journal, position, column):
        damaged = bytearray(getattr(journal._snapshot_at(position), column))
        damaged[len(damaged) // 2] ^= 1
        self._sql(journal, f"UPDATE snapshots SET {column} = ? WHERE position = ?", bytes(damaged), position)


def fill(journal: Journal, count: int, group: int = 4) -> None:
    """`count` different records, in groups."""
    start = journal.head.position
    for n in range(start, start + count):
        journal.append(RecordKind(n % 3), f"record {n}".encode())
        if n % group == group - 1:
            journal.commit()
    journal.commit()


def contents(journal: Journal) -> list[tuple[int, bytes]]:
    return [(record.kind, record.payload) for record in journal.read()]
