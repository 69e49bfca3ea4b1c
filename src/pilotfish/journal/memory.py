"""A journal without a file, for simulation, replay and tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pilotfish.journal.buffered import BufferedJournal, Row
from pilotfish.journal.chain import GENESIS
from pilotfish.journal.port import Head
from pilotfish.journal.snapshots import SNAPSHOTS_KEPT, StoredSnapshot


class MemoryJournal(BufferedJournal):
    """Lives as long as the process. `reopened` shows what a restart would find."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[Row] = []
        self._snapshots: dict[int, StoredSnapshot] = {}

    def reopened(self) -> MemoryJournal:
        """As after a crash: a new journal with what was committed. This one is closed, and what it buffered is gone."""
        found = MemoryJournal()
        found._head, found._records, found._snapshots = self._head, self._records, self._snapshots
        self._closed = True
        return found

    def _store(self, rows: Sequence[Row], head: Head) -> None:
        self._records += rows

    def _rows(self, start: int, end: int) -> Iterator[Row]:
        return (self._records[i] for i in range(start, min(end, len(self._records))))

    def _root_at(self, position: int) -> bytes:
        return self._records[position - 1][3] if position else GENESIS.root

    def _store_snapshot(self, stored: StoredSnapshot) -> None:
        self._snapshots[stored.position] = stored
        for old in self._snapshot_positions()[SNAPSHOTS_KEPT:]:
            if old != GENESIS.position:
                del self._snapshots[old]

    def _snapshot_positions(self) -> list[int]:
        return sorted(self._snapshots, reverse=True)

    def _snapshot_at(self, position: int) -> StoredSnapshot:
        return self._snapshots[position]

    def _release(self) -> None:
        """Nothing to release; `reopened` still finds what was committed."""
