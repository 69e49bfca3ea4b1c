"""A full disk stops a shard before it acts: what is not in the journal never reaches the venue (rules 4 and 13)."""

from pathlib import Path

import numpy as np
import pytest

from pilotfish.domain.codec import decode_commands
from pilotfish.domain.errors import JournalError, JournalUnavailable
from pilotfish.domain.events import Timer
from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.domain.orders import CancelAll, Place, PlaceBatch, Query
from pilotfish.journal.port import RecordKind
from pilotfish.journal.recover import verify_file
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.worlds.shard import Shard
from pilotfish.worlds.verify import verify
from tests.conformance.crash_world import LISTED, SECOND, START_NS, LivelyVenue, opening

TIMER_NS = SECOND // 4
SEED = 3
FAR = START_NS + 600 * SECOND


class Listening(LivelyVenue):
    """Notes every command that is handed over."""

    def receive(self, commands, now_ns):
        self.heard = [*getattr(self, "heard", []), *commands]
        super().receive(commands, now_ns)


def room(journal: SqliteJournal, more_pages: int) -> None:
    """Let the file grow by so many pages and no further: SQLite then says what it says of a full disk."""
    (pages,) = journal._file._db.execute("PRAGMA page_count").fetchone()
    journal._file._db.execute(f"PRAGMA max_page_count = {pages + more_pages}")


def orders_in(journal: SqliteJournal) -> set[int]:
    commands = (c for r in journal.read() if r.kind is RecordKind.COMMANDS for c in decode_commands(r.payload))
    return {c.coid for c in commands if isinstance(c, Place | PlaceBatch)}


class Scene:
    """A shard that has copied for a minute."""

    def __init__(self, route: Route, folder: Path) -> None:
        self.path, self.venue = folder / "journal.db", Listening(route, SEED)
        self.journal = SqliteJournal(self.path)
        self.shard = Shard(self.journal, self.venue)
        self.shard.handle(opening(route, SEED), START_NS)
        self.shard.run(START_NS + 60 * SECOND, TIMER_NS)
        assert orders_in(self.journal), "it copies"

    def fill_the_disk(self) -> int:
        """Run until a commit that holds orders is refused. Returns how many commands the venue had heard before it."""
        heard, commit = [0], self.journal.commit

        def with_little_room() -> None:
            heard[0] = len(self.venue.heard)
            room(self.journal, 0 if self.wants_to_trade() else 10_000)
            commit()

        self.journal.commit = with_little_room
        with pytest.raises(JournalUnavailable, match="the disk is full"):
            self.shard.run(FAR, TIMER_NS)
        return heard[0]

    def wants_to_trade(self) -> bool:
        kept = [c for kind, raw in self.journal._buffer if kind == RecordKind.COMMANDS for c in decode_commands(raw)]
        return any(isinstance(c, Place | PlaceBatch) for c in kept)

    def die(self) -> None:
        self.journal.__exit__(JournalError, JournalError("a crash"), None)


@pytest.fixture(params=[Route.OMNIBUS, Route.SEGREGATED], ids=lambda route: route.name.lower())
def scene(request, tmp_path) -> Scene:
    return Scene(request.param, tmp_path)


def test_the_commands_of_a_step_that_is_not_durable_never_leave(scene):
    before = scene.fill_the_disk()
    assert scene.wants_to_trade(), "the records are kept, for whoever finds room"
    assert {type(c) for c in scene.venue.heard[before:]} <= {CancelAll}
    heard = {c.coid for c in scene.venue.heard if isinstance(c, Place | PlaceBatch)}
    assert heard == orders_in(scene.journal)


def test_the_shard_is_halted_and_its_orders_are_cancelled(scene):
    before = scene.fill_the_disk()
    assert scene.shard.state.guard.halted
    cancelled = {c.account for c in scene.venue.heard[before:] if c.instrument == -1}
    in_flight = {int(a) for batch in scene.shard.state.batches.values() for a in batch.batch.accounts}
    assert cancelled == ({OMNIBUS} if scene.shard.state.omnibus else in_flight)
    assert cancelled


def test_a_halted_shard_refuses_every_event_even_when_there_is_room_again(scene):
    scene.fill_the_disk()
    room(scene.journal, 10_000)
    heard, head, now = len(scene.venue.heard), scene.journal.head, scene.shard.state.now_ns
    for use in (
        lambda: scene.shard.handle([Timer(now, now)], now),
        lambda: scene.shard.run(FAR, TIMER_NS),
        scene.shard.commit,
        scene.shard.checkpoint,
    ):
        with pytest.raises(JournalError, match="restart the shard"):
            use()
    assert (len(scene.venue.heard), scene.journal.head) == (heard, head)


def test_a_restart_with_room_goes_on_and_agrees_with_the_venue(scene):
    scene.fill_the_disk()
    scene.die()
    before, venue = len(scene.venue.heard), scene.venue
    with SqliteJournal(scene.path) as journal:
        shard = Shard.open(journal, venue, venue.now_ns)
        assert isinstance(venue.heard[before], Query)
        assert not shard.state.guard.halted
        shard.run(venue.now_ns + 60 * SECOND, TIMER_NS)
        assert any(isinstance(c, Place | PlaceBatch) for c in venue.heard[before:]), "it copies again"
        venue.quiet = True
        shard.run(venue.now_ns + 20 * SECOND, TIMER_NS)
        while shard.state.blocks or shard.state.batches or shard.state.query_ns >= 0:
            shard.run(venue.now_ns + SECOND, TIMER_NS)
            assert venue.now_ns < FAR, "it settles"
        shard.checkpoint()
        assert verify(journal, verify_file(scene.path)).ok
        ledger, follower = shard.state.ledger, shard.state.follows.follower
        for account in venue.ours:
            rows = slice(None) if account == OMNIBUS else np.flatnonzero(follower == account)
            assert int(ledger.money.rows[rows].sum()) == venue.cash(account)
            held = [int(ledger.lots[i.id].rows[rows].sum()) for i in LISTED]
            assert held == [venue.position(account, i.id) for i in LISTED]
    assert venue.duplicates_received == 0
