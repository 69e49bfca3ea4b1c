"""One instrument at the simulated venue: its book, where its liquidity comes from, and the named orders that rest."""

from __future__ import annotations

from typing import Protocol

from pilotfish.domain.instrument import Instrument
from pilotfish.venues.sim.matching import OrderBook
from pilotfish.venues.sim.records import OrderRecord


class MarketSource(Protocol):
    """Where an instrument's liquidity comes from: order flow, a recorded book, a model."""

    def advance(self, book: OrderBook, until_ns: int) -> None:
        """Bring the anonymous liquidity of `book` up to `until_ns`; may trade with what rests there."""
        ...

    def mark(self, instrument_id: int, ns: int) -> int:
        """The mark price at `ns`, price units; 0 while there is none."""
        ...


class Market:
    """One instrument's book, its source, and the named orders that rest in it."""

    def __init__(self, instrument: Instrument, column: int, source: MarketSource | None) -> None:
        self.instrument, self.column, self.source = instrument, column, source
        self.book = OrderBook(instrument)
        self.live: dict[int, OrderRecord] = {}
        self.reducing: dict[int, OrderRecord] = {}  # the reduce-only ones among them
