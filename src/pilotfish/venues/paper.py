"""Paper trading behind the port: a live venue's public data, and our orders matched against it in the simulator.

What is assumed: our orders take the simulator's order delay to arrive, meet the newest whole book the venue has told,
and take liquidity that is there again with the next one; a resting order fills when a later book crosses it, or after
what stood before it has gone. Nothing of ours reaches the venue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pilotfish.domain.events import BookTop, Event, InstrumentListed, InstrumentSettled, Mark, Reconciled
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import Command, Query
from pilotfish.gate.approved import Approved
from pilotfish.venues.port import Venue
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.matching import OrderBook
from pilotfish.venues.sim.venue import SimVenue

Level = tuple[int, int]  # price in price units, lots


class Depth(Protocol):
    """The newest whole book of an instrument: bids and asks, best first, and the venue's stamp in ns."""

    def depth(self, instrument: int) -> tuple[Sequence[Level], Sequence[Level], int] | None: ...


class LiveBook:
    """A simulated market's liquidity, as the venue tells it."""

    def __init__(self, instrument: int, source: Depth) -> None:
        self._instrument, self._source = instrument, source
        self._shown = -1
        self.marked = 0

    def advance(self, book: OrderBook, until_ns: int) -> None:
        """Put the newest book in place, once. A crossed one is passed over: the venue will tell another."""
        found = self._source.depth(self._instrument)
        if found is None or found[2] == self._shown:
            return
        bids, asks, self._shown = found
        if not (bids and asks and bids[0][0] >= asks[0][0]):
            book.replace_anonymous(bids, asks)

    def mark(self, instrument_id: int, ns: int) -> int:
        return self.marked


class PaperVenue:
    """`public` is the live venue without accounts; `depth` its books. Our accounts exist in the simulator alone."""

    idempotent_ids = True

    def __init__(
        self,
        public: Venue,
        depth: Depth,
        instruments: Sequence[Instrument],
        cash: Mapping[int, int],
        start_ns: int,
        latency: Latency | None = None,
    ) -> None:
        """`cash`: money units by account (OMNIBUS, or follower ids)."""
        self._public, self._depth = public, depth
        self._books = {one.id: LiveBook(one.id, depth) for one in instruments}
        config = SimConfig(start_ns=start_ns)  # the venue's own tops are told, not the simulator's
        self.sim = SimVenue(instruments, self._books, latency or Latency(1), Faults(1), config=config)
        for account, amount in cash.items():
            self.sim.open_account(account, amount)

    def restore(self, positions: Mapping[int, Mapping[int, int]]) -> None:
        """After a restart: lots by account and instrument, as the ledger has them."""
        accounts = self.sim.exchange.accounts
        for account, held in positions.items():
            for instrument, lots in held.items():
                column = self.sim.exchange.markets[instrument].column
                accounts.move(accounts.row(account), 0, column, lots)
                accounts.active[column] = True

    def events(self, until_ns: int) -> Sequence[Event]:
        """What the venue told, then what the simulator makes of our orders by now."""
        told: list[Event] = []
        for event in self._public.events(until_ns):
            if isinstance(event, Reconciled):
                continue  # of orders the venue has never seen: the simulator knows what became of them
            if isinstance(event, InstrumentListed) and event.instrument.id not in self._books:
                self._list(event.instrument)
            if isinstance(event, InstrumentSettled) and event.instrument in self._books:
                market = self.sim.exchange.markets[event.instrument]
                self.sim.exchange.pay_out(market, event.price, until_ns)
            told.append(event)
            if isinstance(event, Mark) and event.instrument in self._books:
                self._books[event.instrument].marked = event.price
            if isinstance(event, BookTop):
                self._meet(event.instrument, until_ns)
        return [*told, *self.sim.events(until_ns)]

    def next_ns(self) -> int | None:
        times = [ns for ns in (self._public.next_ns(), self.sim.next_ns()) if ns is not None]
        return min(times, default=None)

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """Everything to the simulator; a question goes to the venue as well, for what leads did meanwhile."""
        self.sim.submit(commands, now_ns)
        questions = [one for one in commands if isinstance(one.command, Query)]
        if questions:
            self._public.submit(questions, now_ns)

    def _list(self, instrument: Instrument) -> None:
        """The venue has listed it while we run."""
        self._books[instrument.id] = LiveBook(instrument.id, self._depth)
        self.sim.exchange.list_instrument(instrument, self._books[instrument.id])

    def _meet(self, instrument: int, now_ns: int) -> None:
        """A new book may cross what rests."""
        market = self.sim.exchange.markets.get(instrument)
        if market is not None and market.live:
            self.sim.exchange.advance(market, now_ns)
