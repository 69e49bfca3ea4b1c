"""A journal's roots go to the chain: beside the shard, never in its way, and a crash at any moment does no harm.

What was anchored is read from the chain each time, so nothing has to be remembered. A batch names the head it follows:
a second copy of it fails, whoever sent it, and what the chain then tells is what counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from pilotfish.domain.errors import PilotfishError
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.evm.eyes import Node
from pilotfish.venues.evm.proof.anchoring import Batch, anchor_call
from pilotfish.venues.evm.proof.figures import tree_of
from pilotfish.venues.evm.proof.reading import Told, read_anchors
from pilotfish.worlds.onchain.checking import chain_findings
from pilotfish.worlds.onchain.kept import keep
from pilotfish.worlds.onchain.replaying import FigureReplay


class AnchorRefused(PilotfishError):
    """Nothing was sent: what is anchored and what the journal holds do not go together."""


class Sender(Protocol):
    """Whoever signs for the publisher and pays. One transaction at a time: a second one replaces the first."""

    address: str

    async def send(self, to: str, data: bytes) -> str:
        """Its hash, once it is in a block and did what it should. Raises NoAnswer where it failed or nobody knows."""
        ...


class Round(NamedTuple):
    """What one look came to. `transaction` is empty where nothing was new."""

    records: int
    batches: int
    transaction: str = ""


class Publisher:
    """Anchors one journal. A publisher's address speaks for one journal and no other, or its past would be arguable."""

    def __init__(self, journal: Path, node: Node, anchor: str, sender: Sender, since: int = 0) -> None:
        self._path, self._node, self._anchor, self._sender, self._since = journal, node, anchor, sender, since
        self._replay = FigureReplay()
        self._pending: Batch | None = None

    async def round(self) -> Round:
        """Anchor what is new. Raises AnchorRefused, NoAnswer, JournalError; to be tried again at any time."""
        told = await read_anchors(self._node, self._anchor, self._sender.address, self._since)
        if findings := chain_findings(told):
            raise AnchorRefused("nothing is anchored on what this node tells", findings[0])
        with SqliteJournal(self._path, read_only=True) as journal:
            batch = self._batch(told, journal)
        done = len(told.batches)
        if batch is None:
            return Round(self._replay.head.position, done)
        keep(self._path, self._replay.figures.taken)
        transaction = await self._sender.send(self._anchor, anchor_call(told.head, batch))
        return Round(batch.records, done + 1, transaction)

    def _batch(self, told: Told, journal: SqliteJournal) -> Batch | None:
        """The batch that follows what is anchored: the one that was on its way, or a new one; None where all is."""
        anchored = [logged.batch for logged in told.batches]
        if self._pending in anchored:
            self._pending = None
        moments = [batch.records for batch in anchored] + ([self._pending.records] if self._pending else [])
        if moments != sorted(self._replay.figures.taken):  # a first look, or the same key was used elsewhere
            moments = [batch.records for batch in anchored]
            self._replay, self._pending = FigureReplay(moments), None
        if moments and moments[-1] > journal.head.position:
            self._refuse(f"{moments[-1]:,} records are anchored, and the journal has {journal.head.position:,}")
        if self._pending is not None:
            return self._pending
        self._replay.advance(journal, journal.head.position)
        for number, batch in enumerate(anchored):
            if self._replay.roots.get(batch.records) != batch.journal_root:
                self._refuse(f"batch {number} has another root after {batch.records:,} records")
        head = self._replay.head
        if head.position == (moments[-1] if moments else 0):
            return None
        self._pending = Batch(head.root, tree_of(self._replay.take()).root, head.position)
        return self._pending

    def _refuse(self, why: str) -> None:
        raise AnchorRefused(
            f"{self._path.name} is not the journal that {self._sender.address} has anchored",
            why,
            "name the right journal, or anchor this one by a key of its own; pilotfish verify --onchain says more",
        )
