"""Events per second: market data through the step, and the whole loop of a shard with its journal on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.instant import InstantVenue
from bench.measure import Row, no_collector, progress, row
from bench.scene import INSTRUMENTS, START_NS, Scene, every_limit, opening
from pilotfish.domain.events import BookTop, Event, LeadFill
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.worlds.shard import Shard

MARKET_EVENTS = 200_000
ROUNDS = 5
LOOP_EVENTS = 100_000
LOOP_FOLLOWERS = 1_000
TOPS_PER_FILL = 1_000
ALONE_EVENTS = 2_000


def run() -> list[Row]:
    """Market events through the step; the shard's loop in groups and with one commit for each event."""
    return [_market(), _loop()]


def market_feed(count: int) -> list[BookTop]:
    """Best prices of seven instruments in turn, moving all the time."""
    out = []
    for k in range(count):
        now, bid = START_NS + k * 1_000, 1_000_000 + k % 997
        out.append(BookTop(now, now, k % len(INSTRUMENTS), bid, 100 + k % 13, bid + 100, 100 + k % 17))
    return out


# -- the baseline of market data: Decimals in dicts, an isinstance chain ----------------------------------------------


@dataclass(frozen=True)
class NaiveFill:
    symbol: str
    price: Decimal
    size: Decimal


@dataclass(frozen=True)
class NaiveMark:
    symbol: str
    price: Decimal


@dataclass(frozen=True)
class NaiveTop:
    symbol: str
    ns: int
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal


class NaiveBooks:
    """What a first version does with the same events: check, store, keep the mid."""

    def __init__(self) -> None:
        self.books: dict[str, dict[str, Decimal | int]] = {i.symbol: {} for i in INSTRUMENTS}
        self.now_ns = 0

    def handle(self, event: object) -> list[object]:
        if isinstance(event, NaiveFill):
            raise NotImplementedError
        if isinstance(event, NaiveMark):
            self.books[event.symbol]["mark"] = event.price
        elif isinstance(event, NaiveTop):
            book = self.books.get(event.symbol)
            if book is None or event.bid >= event.ask or min(event.bid_size, event.ask_size) < 0:
                raise ValueError(f"cannot be true: {event}")
            self.now_ns = max(self.now_ns, event.ns)
            book["bid"], book["ask"] = event.bid, event.ask
            book["mid"] = (event.bid + event.ask) / 2
            book["seen_ns"] = event.ns
        return []


def naive(top: BookTop) -> NaiveTop:
    i = INSTRUMENTS[top.instrument]
    return NaiveTop(
        i.symbol, top.ours_ns, i.show_price(top.bid), i.show_lots(top.bid_lots), i.show_price(top.ask),
        i.show_lots(top.ask_lots),
    )  # fmt: skip


def _market() -> Row:
    progress.log(f"market events: {MARKET_EVENTS:,} through the step")
    feed = market_feed(MARKET_EVENTS)
    simple = [naive(top) for top in feed]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        state, books = Scene(every_limit(LOOP_FOLLOWERS)).state, NaiveBooks()
        with no_collector():
            began = perf_counter()
            for event in feed:
                step(state, event)
            ours.append(MARKET_EVENTS / (perf_counter() - began))
            began = perf_counter()
            for top in simple:
                books.handle(top)
            theirs.append(MARKET_EVENTS / (perf_counter() - began))
        _same_market(state, books)
    return row(
        "market events through the step", median(ours), "events/s", median(theirs),
        against="Decimals in dicts behind an isinstance chain", target="≥ 100,000/s",
    )  # fmt: skip


def _same_market(state: State, books: NaiveBooks) -> None:
    for listing in state.listings:
        book = books.books[listing.instrument.symbol]
        if (listing.instrument.show_price(listing.bid), listing.seen_ns) != (book["bid"], book["seen_ns"]):
            raise AssertionError(f"{listing.instrument.symbol} ended at {listing.bid}, the baseline at {book['bid']}")


# -- the loop of a shard -----------------------------------------------------------------------------------------------


def loop_feed(count: int, seed: int = 1) -> Iterator[Event]:
    """Market data with a lead fill after every thousand tops."""
    market, lead = market_feed(count), Scene(every_limit(1), seed=seed)
    for k, top in enumerate(market):
        yield top
        if k % TOPS_PER_FILL == TOPS_PER_FILL - 1:
            fill = lead.turn().fill
            yield LeadFill(top.ours_ns, top.ours_ns, 0, fill.instrument, fill.side, fill.lots, 1_000_000, fill.fill_id)


def _rate(count: int, group: bool) -> float:
    """Events per second from the venue through journal, step, gate and back."""
    with tempfile.TemporaryDirectory() as folder, SqliteJournal(Path(folder, "loop.journal")) as journal:
        venue = InstantVenue(list(loop_feed(count)))
        shard = Shard(journal, venue)
        shard.handle(opening(every_limit(LOOP_FOLLOWERS)), START_NS)
        shard.commit()
        began, before = perf_counter(), shard.events
        while (due := venue.next_ns()) is not None:
            shard.handle(venue.events(due), due)
            if not group:
                shard.commit()
        shard.commit()
        took = perf_counter() - began
        if shard.state.quarantined or shard.state.guard.halted or (count >= TOPS_PER_FILL and not venue.fills):
            raise AssertionError("the loop that was measured did not copy")
        return (shard.events - before) / took


def _loop() -> Row:
    progress.log(f"shard loop: {LOOP_EVENTS:,} events, journal on disk")
    grouped = median(_rate(LOOP_EVENTS, True) for _ in range(3))
    alone = median(_rate(ALONE_EVENTS, False) for _ in range(3))
    return row(
        "shard loop: venue, journal on disk, step, gate, venue", grouped, "events/s", alone,
        against="the same loop with one commit for each event",
        note=f"{LOOP_FOLLOWERS:,} followers, a lead fill every {TOPS_PER_FILL:,} events",
    )  # fmt: skip
