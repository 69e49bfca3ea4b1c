"""A journal replayed beside its writer, to go on from where it stopped: roots and figures, and nothing that acts."""

from __future__ import annotations

from collections.abc import Collection

from pilotfish.domain.codec import decode_event
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.journal.chain import GENESIS, checked
from pilotfish.journal.port import Head, Journal, RecordKind
from pilotfish.venues.evm.proof.figures import Figure
from pilotfish.worlds.onchain.figures import BatchFigures


class FigureReplay:
    """From the first record on. Every record is checked against the hash chain before it counts."""

    def __init__(self, moments: Collection[int] = ()) -> None:
        """`moments`: after how many records figures were taken already, by batches that are anchored."""
        self.head = GENESIS
        self.figures = BatchFigures(moments)
        self.roots: dict[int, bytes] = {}
        self._state = State()

    def advance(self, journal: Journal, until: int) -> None:
        """Up to `until` records. Raises JournalCorrupt where the chain does not hold, EngineError where no event is."""
        for record in checked(journal.read(self.head.position, until), self.head):
            self._pass(self.head)
            if record.kind is RecordKind.EVENT:
                event = decode_event(record.payload)
                self.figures(event, step(self._state, event), self._state)
            self.head = Head(record.position + 1, record.hash)
        self._pass(self.head)

    def take(self) -> list[Figure]:
        """The figures of a batch that ends here."""
        taken = self.figures.take(self._state)
        self.figures.taken[self.head.position] = taken
        self.roots[self.head.position] = self.head.root
        return taken

    def _pass(self, head: Head) -> None:
        if head.position in self.figures.moments and head.position not in self.figures.taken:
            self.figures.at(head.position, self._state)
            self.roots[head.position] = head.root
