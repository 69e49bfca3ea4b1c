"""How long a restart takes: a million events in a journal on disk, a snapshot, and a tail of a few thousand events."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.progress import track

from bench.instant import InstantVenue
from bench.measure import Row, no_collector, progress, row
from bench.rates import market_feed
from bench.scene import START_NS, Scene, every_limit, opening
from pilotfish.domain.codec import decode_event
from pilotfish.domain.events import Event, LeadFill, Timer
from pilotfish.engine.snapshot import decode_state, digest
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.journal.chain import GENESIS, checked
from pilotfish.journal.port import RecordKind
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.worlds.shard import Shard

EVENTS = 1_000_000
TAIL = 5_000
FOLLOWERS = 32_000
PER_LEAD_FILL = 1_000
PER_TIMER = 100
CHUNK = 10_000
MEASURED = 50_000  # records of the replay from the start that is extrapolated
ROUNDS = 3
LATER_NS = START_NS + 3_600 * 10**9


def run() -> list[Row]:
    """Open, read the snapshot, decode it, replay the tail: against a replay of everything."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shard.journal")
        records, before = _build(path)
        progress.log(f"restart: {records:,} records, {path.stat().st_size / 2**20:,.0f} MiB")
        if not _stands(path, before):
            raise AssertionError("the restarted shard is not the one that stopped")
        times = [_restart_s(path) for _ in range(ROUNDS)]
        whole = _replay_s(path) / MEASURED * records
    return [
        row(
            f"restart with {EVENTS:,} events, {FOLLOWERS:,} followers", median(times), "s", whole,
            against=f"replay from the start, extrapolated from its first {MEASURED:,} of {records:,} records",
            target="≤ 3 s", note=f"{TAIL:,} events after the snapshot; file in the page cache",
        )
    ]  # fmt: skip


def _feed(count: int) -> Iterator[Event]:
    """Tops, a timer every hundred events, a lead fill every thousand."""
    lead = Scene(every_limit(1))
    for k, top in enumerate(market_feed(count)):
        if k % PER_LEAD_FILL == PER_LEAD_FILL // 2:
            fill = lead.turn().fill
            yield LeadFill(top.ours_ns, top.ours_ns, 0, fill.instrument, fill.side, fill.lots, 1_000_000, fill.fill_id)
        elif k % PER_TIMER == PER_TIMER - 1:
            yield Timer(top.ours_ns, top.ours_ns)
        else:
            yield top


def _build(path: Path) -> tuple[int, bytes]:
    """A shard that lived through `EVENTS` events with a snapshot `TAIL` before the end: its records and its digest."""
    with SqliteJournal(path) as journal:
        first = opening(every_limit(FOLLOWERS))
        feed = list(_feed(EVENTS))
        venue = InstantVenue(feed)
        shard = Shard(journal, venue)
        shard.handle(first, START_NS)
        chunks = track(range(0, EVENTS, CHUNK), description="building the journal", console=progress, transient=True)
        for end in chunks:
            _live(shard, venue, min(end + CHUNK, EVENTS - TAIL) - 1, feed)
        shard.checkpoint()
        _live(shard, venue, EVENTS - 1, feed)
        shard.commit()
        if shard.state.quarantined or shard.state.guard.halted or not venue.fills:
            raise AssertionError("the shard that was built did not copy")
        return journal.head.position, digest(shard.state)


def _live(shard: Shard, venue: InstantVenue, last: int, feed: list[Event]) -> None:
    until = feed[last].ours_ns
    while (due := venue.next_ns()) is not None and due <= until:
        shard.handle(venue.events(due), due)


def _stands(path: Path, before: bytes) -> bool:
    """Whether snapshot and tail give the state of the shard that stopped."""
    with SqliteJournal(path, read_only=True) as journal:
        snapshot, tail = journal.read_from_snapshot()
        if snapshot is None:
            return False
        state = decode_state(snapshot.payload)
        for record in tail:
            if record.kind is RecordKind.EVENT:
                step(state, decode_event(record.payload))
        return digest(state) == before


def _restart_s(path: Path) -> float:
    """Seconds until a shard can handle its first event: lock, checks, snapshot, tail, the question to the venue."""
    with no_collector():
        began = perf_counter()
        with SqliteJournal(path) as journal:
            shard = Shard.open(journal, InstantVenue([]), LATER_NS)
            shard.commit()
            return perf_counter() - began


def _replay_s(path: Path) -> float:
    """Seconds for the first `MEASURED` records, checked, decoded and applied."""
    progress.log(f"restart: replay of the first {MEASURED:,} records")
    with SqliteJournal(path, read_only=True) as journal, no_collector():
        began, state = perf_counter(), State()
        for record in checked(journal.read(0, MEASURED), GENESIS):
            if record.kind is RecordKind.EVENT:
                step(state, decode_event(record.payload))
        return perf_counter() - began
