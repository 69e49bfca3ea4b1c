"""Recorded leads in front of follower accounts, with everybody's delay, depth, fees and impact."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from pilotfish.domain.errors import ConfigError, RecordingError
from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import Route
from pilotfish.journal.port import Journal
from pilotfish.venues.recordings import Recording, read_recordings
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.figures import MarketFigures
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.market import MarketSource
from pilotfish.venues.sim.modelled import ModelledBook
from pilotfish.venues.sim.recorded import RecordedBook, load_hyperliquid, load_polymarket
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.worlds.calendar import Calendar
from pilotfish.worlds.followers import Population
from pilotfish.worlds.movement import figures_of
from pilotfish.worlds.platform import Settings
from pilotfish.worlds.platform_events import platform_events
from pilotfish.worlds.world import LeadSetup, SimWorld, held, opening_events

SECOND = 1_000_000_000
BEFORE_NS = 2 * SECOND  # market data starts this long before a lead's fill …
TOP_EVERY_NS = SECOND // 2  # … comes this often …
AFTER_NS = 12 * SECOND  # … and goes on this long after: the retry window and a little more
SAMPLES = 160
ASSUMED_LEVERAGE = 3  # a recording of fills says nothing of the account's equity


class Tape(msgspec.Struct):
    """The recordings as one story: instruments and leads under common ids, fills of all leads in time order."""

    recordings: list[Recording]
    instruments: list[Instrument]
    figures: list[MarketFigures]
    notes: list[str]
    leads: list[LeadSetup]
    fills: list[LeadFill]
    anchors: dict[int, list[tuple[int, int, int]]]  # instrument → (ns, price, side) of the leads' fills
    recorded: dict[int, RecordedBook]  # instruments whose book was recorded while the leads traded
    book_errors: list[RecordingError]
    window: tuple[int, int] | None = None  # from when to when, where that is not from the first fill to the last

    @property
    def start_ns(self) -> int:
        return self.window[0] if self.window else self.fills[0].venue_ns - 10 * SECOND

    @property
    def end_ns(self) -> int:
        return self.window[1] if self.window else self.fills[-1].venue_ns + 3 * AFTER_NS


class ReplayOptions(msgspec.Struct, frozen=True):
    seed: int = 1
    route: Route = Route.OMNIBUS
    strict: bool = False
    accounts: int = 1
    lead_equity: dict[str, int] = {}  # lead name → money units, instead of the assumption
    books: tuple[Path, ...] = ()  # recordings of order books, used where they cover a lead's fills
    platform: Settings = Settings()


def read_tape(files: Sequence[Path], options: ReplayOptions) -> Tape:
    """Read recordings and put them on one time line. Raises ConfigError when none of them holds a trade."""
    recordings = read_recordings(files, strict=options.strict, accounts=options.accounts)
    with_trades = [recording for recording in recordings if recording.fills]
    if not with_trades:
        why = "; ".join(note for r in recordings for note in [*map(str, r.issues), *r.notes][:2]) or "no fill was read"
        raise ConfigError(
            "the recordings hold no account's trades", why, "name a file of fills, see docs/recordings.md"
        )
    instruments: list[Instrument] = []
    ids: dict[tuple[str, str], int] = {}
    fills: list[LeadFill] = []
    leads: list[LeadSetup] = []
    anchors: dict[int, list[tuple[int, int, int]]] = {}
    for number, recording in enumerate(with_trades):
        local = [_common(instrument, ids, instruments) for instrument in recording.instruments]
        for fill in recording.fills:
            common = local[fill.instrument]
            lots, price = _rescale(fill, recording.instruments[fill.instrument], instruments[common])
            start = None if fill.start is None else _lots(fill.start, recording, fill.instrument, instruments[common])
            moved = msgspec.structs.replace(
                fill, lead=number, instrument=common, lots=lots, price=price, start=start,
                held_back=_lots(fill.held_back, recording, fill.instrument, instruments[common]),
            )  # fmt: skip
            fills.append(moved)
            anchors.setdefault(common, []).append((fill.venue_ns, price, fill.side))
        first = {local[k]: _lots(v, recording, k, instruments[local[k]]) for k, v in recording.first_positions.items()}
        name = _unique(recording, leads)
        equity = options.lead_equity.get(name, options.lead_equity.get(recording.account, 0))
        leads.append(LeadSetup(name, equity or _assumed_equity(recording), {k: v for k, v in first.items() if v}))
    fills.sort(key=lambda fill: fill.venue_ns)
    for path in anchors.values():
        path.sort()
    found = figures_of(instruments, anchors)
    tape = Tape(recordings, instruments, [f for f, _ in found], [n for _, n in found], leads, fills, anchors, {}, [])
    tokens = {ids[i.venue, i.symbol]: r.tokens.get(i.id, "") for r in with_trades for i in r.instruments}
    for file in options.books:
        _use_books(tape, file, tokens)
    return tape


def _use_books(tape: Tape, path: Path, tokens: dict[int, str]) -> None:
    """Take the book of every instrument that this file recorded from a lead's first fill to its last."""
    for instrument in tape.instruments:
        polymarket = instrument.venue == "polymarket"
        book = (
            load_polymarket(path, instrument, tokens[instrument.id])
            if polymarket
            else load_hyperliquid(path, instrument)
        )
        tape.book_errors += book.errors
        if not book.snapshots:
            continue
        source, times = RecordedBook(instrument, book.snapshots), [ns for ns, _, _ in tape.anchors[instrument.id]]
        if source.covers(min(times)) and source.covers(max(times)):
            tape.recorded[instrument.id] = source
            tape.notes[instrument.id] = f"{len(book.snapshots):,} recorded books of {path.name}"
        else:
            tape.notes[instrument.id] += f"; {path.name} does not cover all of the lead's fills"


def _common(instrument: Instrument, ids: dict[tuple[str, str], int], instruments: list[Instrument]) -> int:
    """The common id of an instrument; where two recordings differ in decimals the finer ones are kept."""
    key = (instrument.venue, instrument.symbol)
    if key not in ids:
        ids[key] = len(instruments)
        instruments.append(msgspec.structs.replace(instrument, id=len(instruments)))
        return ids[key]
    known = instruments[ids[key]]
    lot, price = (max(a, b) for a, b in (
        (known.lot_decimals, instrument.lot_decimals), (known.price_decimals, instrument.price_decimals)
    ))  # fmt: skip
    ticks = [i.tick * 10 ** (price - i.price_decimals) for i in (known, instrument)]
    tick = known.tick if known.tick_rule is TickRule.SIGNIFICANT else min(ticks)
    instruments[ids[key]] = msgspec.structs.replace(known, lot_decimals=lot, price_decimals=price, tick=tick)
    return ids[key]


def _rescale(fill: LeadFill, own: Instrument, common: Instrument) -> tuple[int, int]:
    lots = fill.lots * 10 ** (common.lot_decimals - own.lot_decimals)
    return lots, fill.price * 10 ** (common.price_decimals - own.price_decimals)


def _lots(lots: int, recording: Recording, local: int, common: Instrument) -> int:
    return lots * int(10 ** (common.lot_decimals - recording.instruments[local].lot_decimals))


def _unique(recording: Recording, leads: Sequence[LeadSetup]) -> str:
    """A short name: the account, or what the file calls it; numbered when two are alike."""
    name = recording.account or Path(recording.file).name.split(".")[0]
    taken = {lead.name for lead in leads}
    return name if name not in taken else f"{name}#{sum(t.startswith(name) for t in taken) + 1}"


def _assumed_equity(recording: Recording) -> int:
    """What its fully paid positions cost at their peak, and perpetuals over an assumed leverage; at least 1,000 USDC.
    Stated in the report as assumed.
    """
    held = dict(recording.first_positions)
    prices: dict[int, int] = {}
    peak = 0
    part = [ASSUMED_LEVERAGE if i.kind is Kind.PERP else 1 for i in recording.instruments]
    for fill in recording.fills:
        held[fill.instrument] = (fill.start if fill.start is not None else held.get(fill.instrument, 0)) + (fill.change)
        prices[fill.instrument] = fill.price
        bound = sum(recording.instruments[k].notional_floor(held[k], price) // part[k] for k, price in prices.items())
        peak = max(peak, bound)
    return max(peak, 1_000 * 10**6)


def build(tape: Tape, population: Population, journal: Journal, options: ReplayOptions) -> SimWorld:
    """The world at its opening: venue funded, books modelled, leads and follows known to the shard."""
    sources: dict[int, MarketSource] = {
        instrument.id: tape.recorded.get(instrument.id)
        or ModelledBook(instrument, figures, options.seed, tape.anchors[instrument.id])
        for instrument, figures in zip(tape.instruments, tape.figures, strict=True)
    }
    venue = SimVenue(
        tape.instruments,
        sources,
        Latency(options.seed, account_medians=population.delays_ns),
        Faults(options.seed),
        config=SimConfig(start_ns=tape.start_ns),
    )
    world = SimWorld(journal, venue)
    marks = [sources[instrument.id].mark(instrument.id, tape.start_ns) for instrument in tape.instruments]
    start_ns, follows = tape.start_ns, population.follows
    terms = platform_events(options.platform, tape.instruments, [lead.name for lead in tape.leads], start_ns)
    opening = opening_events(options.route, tape.instruments, marks, tape.leads, follows, start_ns, terms)
    world.open(opening, follows, options.route, start_ns, Calendar.of(options.platform, follows, start_ns))
    return world


def play(world: SimWorld, tape: Tape, progress: Callable[[int, int], None]) -> None:
    """Run the whole tape. `progress(done, total)` counts lead fills."""
    fill = sample = 0
    tops = merge_tops(tape)
    next_top = next(tops, None)
    every = max((tape.end_ns - tape.start_ns) // SAMPLES, 1)
    while fill < len(tape.fills) or next_top is not None:
        fill_ns = tape.fills[fill].venue_ns if fill < len(tape.fills) else tape.end_ns
        top_ns = next_top[0] if next_top is not None else tape.end_ns
        sample_ns = tape.start_ns + sample * every
        moment = min(fill_ns, top_ns, sample_ns)
        world.advance(moment)
        if moment == sample_ns and sample_ns <= max(fill_ns, top_ns):
            for instrument in held(world.shard.state):
                world.venue.publish_top(instrument, moment)
            world.equity.sample(world.shard.state, moment)
            sample += 1
        elif next_top is not None and moment == top_ns:
            world.venue.publish_top(next_top[1], moment)
            next_top = next(tops, None)
        else:
            world.venue.publish(moment, tape.fills[fill])
            fill += 1
            progress(fill, len(tape.fills))
    world.settle_down(tape.end_ns if tape.window else tape.end_ns + 60 * SECOND)
    world.equity.sample(world.shard.state, world.now_ns)


def merge_tops(tape: Tape) -> Iterator[tuple[int, int]]:
    """When to publish which instrument's top of book: around the start and every fill, once each, in time order."""
    wanted: set[tuple[int, int]] = set()
    moments = [(tape.start_ns, key) for key in {k for lead in tape.leads for k in lead.positions}]  # may be taken over
    for ns, instrument in [*moments, *((fill.venue_ns, fill.instrument) for fill in tape.fills)]:
        first, last = (ns - BEFORE_NS) // TOP_EVERY_NS, (ns + AFTER_NS) // TOP_EVERY_NS
        wanted.update((tick * TOP_EVERY_NS, instrument) for tick in range(first, last + 1))
    return iter(sorted(entry for entry in wanted if tape.start_ns <= entry[0] <= tape.end_ns))


def replay(
    tape: Tape, population: Population, journal: Journal, options: ReplayOptions, progress: Callable[[int, int], None]
) -> tuple[SimWorld, float]:
    """Play the tape into a fresh journal. Returns the world and the seconds it took."""
    began = time.monotonic()
    world = build(tape, population, journal, options)
    play(world, tape, progress)
    return world, time.monotonic() - began
