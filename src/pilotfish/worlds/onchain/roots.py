"""Roots of a journal's hash chain at the records that were anchored, also of a journal that does not open any more."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from pilotfish.domain.errors import JournalCorrupt
from pilotfish.journal.chain import GENESIS
from pilotfish.journal.inspection import readable
from pilotfish.journal.port import Journal
from pilotfish.journal.store import Store


def root_at(journal: Journal, records: int) -> bytes | None:
    """The root after so many records of a journal whose chain holds; None where it has not so many."""
    if records == 0:
        return GENESIS.root
    if records > journal.head.position:
        return None
    (last,) = journal.read(records - 1, records)
    return last.hash


def roots_of_a_damaged(path: Path, moments: Collection[int]) -> tuple[int, dict[int, bytes]]:
    """How many records the chain can be followed for, and the roots at `moments` as far as that."""
    good, wanted = 0, set(moments)
    found = {0: GENESIS.root} if 0 in wanted else {}
    with closing(Store(path, read_only=True, damaged=True)) as store:
        try:
            for record in readable(store):
                good = record.position + 1
                if good in wanted:
                    found[good] = record.hash
        except JournalCorrupt:
            pass
    return good, found
