"""The simulated venue behind the port of every venue: matching, margin, latency and faults, all of it from seeds.

An order sent at `now` reaches the matching engine after its order delay; what the venue says reaches us after an answer
or market-data delay. `events(until)` runs everything in between in order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.domain.events import Event, LeadFill, LeadPosition, Mark
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, Place, PlaceBatch, Query
from pilotfish.gate.approved import Approved
from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.desk import Desk
from pilotfish.venues.sim.exchange import Exchange
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.margin import EXEMPT
from pilotfish.venues.sim.market import Market, MarketSource
from pilotfish.venues.sim.publisher import Publisher
from pilotfish.venues.sim.records import Executed
from pilotfish.venues.sim.wire import Wire


class SimVenue:
    """A venue in virtual time. Call `events(now)` before `submit(..., now)`: a live world has read its socket by then.

    `leads` names the accounts (neither OMNIBUS nor >= 0 unless listed here) whose fills are published as `LeadFill`s.
    """

    idempotent_ids = True

    def __init__(
        self,
        instruments: Sequence[Instrument],
        sources: Mapping[int, MarketSource],
        latency: Latency,
        faults: Faults,
        leads: Mapping[int, int] | None = None,
        config: SimConfig | None = None,
    ) -> None:
        self._config = config or SimConfig()
        self._config.check()
        self._latency = latency
        self._agenda = Agenda(self._config.start_ns)
        self._wire = Wire(latency, faults, self._agenda)
        self._exchange = Exchange(instruments, sources, leads or {}, self._wire, faults)
        self._publisher = Publisher(self._exchange, self._wire, self._agenda, self._config)
        self._desk = Desk(self._exchange, self._wire, self._agenda, self._config, self._publisher.step)
        self._no_overtaking = 0  # a Query reaches the venue after every order sent before it
        for kind, start in (
            ("disconnects", self._break),
            ("stale_books", self._freeze_books),
            ("stale_marks", self._freeze_marks),
        ):
            self._outages(faults.outages(kind, self._config.start_ns), start)

    # The port.

    def events(self, until_ns: int) -> Sequence[Event]:
        self._agenda.run(until_ns)
        return self._wire.collect()

    def next_ns(self) -> int | None:
        return self._agenda.next_ns()

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        self.receive([approved.command for approved in commands], now_ns)

    # What a server between two processes needs.

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self._agenda.now_ns

    def receive(self, commands: Sequence[Command], now_ns: int) -> None:
        """What `submit` hands over, and a wire without the type: the gate of the process at its other end approved it.

        Nothing in the process of an engine calls this but `submit`.
        """
        for command in commands:
            if self._wire.up:  # without a connection nothing leaves, and nobody says so
                self._send(command, now_ns)

    def hang_up(self) -> None:
        """Who listened is gone: what arrived unread or is under way is lost, and the next one starts from here."""
        self._wire.hang_up(self._agenda.now_ns)

    # What a world may do.

    def open_account(self, account: int, cash: int) -> None:
        """Open an account with `cash` money units. Raises VenueError when it is open, or the id is the venue's own."""
        self.open_accounts([account], cash)

    def open_accounts(self, accounts: Iterable[int], cash: int) -> None:
        ids = [int(account) for account in accounts]
        if ids and min(ids) <= EXEMPT:
            raise VenueError(f"account {min(ids)}", "ids from -1000000 down are the venue's own", "choose another id")
        self._exchange.accounts.open(ids, cash)

    def deposit(self, account: int, amount: int) -> None:
        """Cash into an open account; a withdrawal is negative, and is not checked against margin."""
        self._exchange.accounts.move(self._exchange.accounts.row(account), amount)

    def submit_for(self, account: int, command: Place | Cancel | Amend | CancelAll, now_ns: int) -> None:
        """A command of somebody who is not us, at the matching engine at `now_ns`; nothing is answered.

        Raises VenueError when the account is ours or not open.
        """
        if self._exchange.is_ours(account):
            raise VenueError(f"account {account}", "is ours: its orders need the gate", "name it in `leads`")
        self._exchange.accounts.row(account)
        self._agenda.at(now_ns, lambda: self._desk.other(account, command))

    def publish(self, venue_ns: int, event: Event) -> None:
        """Let the venue say `event` at `venue_ns`: a recorded LeadFill, LeadPosition or Mark. Stamps are set here."""
        stamped = msgspec.structs.replace(event, venue_ns=venue_ns, ours_ns=venue_ns)
        self._agenda.at(venue_ns, lambda: self._publish(stamped))

    def publish_top(self, instrument: int, ns: int) -> None:
        """Let the venue tell the instrument's top and mark at `ns`, changed or not."""
        market = self._market(instrument)
        self._agenda.at(ns, lambda: self._publisher.publish(market, self._agenda.now_ns, always=True))

    def disconnect(self, at_ns: int, for_ns: int) -> None:
        """Break the connection at `at_ns` for so long, whatever the fault rates say."""
        self._agenda.at(at_ns, lambda: self._break(at_ns + for_ns))

    def freeze_books(self, at_ns: int, for_ns: int) -> None:
        """No book top is told for so long; orders still meet the true book."""
        self._agenda.at(at_ns, lambda: self._freeze_books(at_ns + for_ns))

    def freeze_marks(self, at_ns: int, for_ns: int) -> None:
        """The oracle stands still for so long: marks neither move nor are told, and margin uses the old ones."""
        self._agenda.at(at_ns, lambda: self._freeze_marks(at_ns + for_ns))

    # Books of record, for auditors.

    def cash(self, account: int) -> int:
        return int(self._exchange.accounts.cash[self._exchange.accounts.row(account)])

    def position(self, account: int, instrument: int) -> int:
        """Signed lots."""
        accounts = self._exchange.accounts
        return int(accounts.position[self._market(instrument).column, accounts.row(account)])

    def totals(self) -> tuple[int, dict[int, int]]:
        """Cash and lots per instrument over all accounts, VENUE and ANONYMOUS included: deposits, and zero."""
        return self._exchange.accounts.totals()

    @property
    def orders_executed(self) -> dict[int, Executed]:
        """Client order id → (lots, cost, fee) of every order of ours that was accepted."""
        return self._desk.executed()

    @property
    def orders_accepted(self) -> int:
        return len(self._desk.executed())

    @property
    def duplicates_received(self) -> int:
        """Orders that came with a client order id the venue already had."""
        return self._desk.duplicates

    @property
    def exchange(self) -> Exchange:
        """Books and accounts themselves, for tests and worlds that look closer."""
        return self._exchange

    def _market(self, instrument: int) -> Market:
        market = self._exchange.markets.get(instrument)
        if market is None:
            raise VenueError(f"instrument {instrument}", "is not listed at this venue", "give it to SimVenue")
        return market

    def _send(self, command: Command, now_ns: int) -> None:
        if isinstance(command, PlaceBatch):
            arrivals = now_ns + self._latency.batch_ns(command.accounts)
            first = int(arrivals.min(initial=now_ns + 2**62)) if arrivals.size else now_ns
            self._no_overtaking = max(self._no_overtaking, first)
            self._agenda.at(first, lambda: self._desk.place_batch(command, arrivals))
            return
        arrival = now_ns + self._latency.order_ns()
        if isinstance(command, Query):
            arrival = max(arrival, self._no_overtaking)
        else:
            self._no_overtaking = max(self._no_overtaking, arrival)
        self._agenda.at(arrival, lambda: self._desk.take(command))

    def _publish(self, event: Event) -> None:
        if isinstance(event, LeadFill | LeadPosition):
            return self._wire.lead(event)
        if isinstance(event, Mark) and not self._publisher.frozen_marks:
            self._publisher.set_mark(self._market(event.instrument), event.price, self._agenda.now_ns)
        if not self._publisher.withholds(event):
            self._wire.tell(event)

    def _outages(self, spans: Iterator[tuple[int, int]], start: Callable[[int], None]) -> None:
        """Schedule the next outage of one kind, and after it the one that follows."""
        span = next(spans, None)
        if span is None:
            return
        begin, end = span

        def run() -> None:
            start(end)
            self._outages(spans, start)

        self._agenda.at(begin, run)

    def _break(self, until_ns: int) -> None:
        self._wire.break_off(self._agenda.now_ns)
        self._agenda.at(until_ns, self._restore)

    def _restore(self) -> None:
        if self._wire.restore(self._agenda.now_ns):
            self._desk.unmute()
            self._publisher.publish_all(self._agenda.now_ns)

    def _freeze_books(self, until_ns: int) -> None:
        self._publisher.frozen_books += 1
        self._agenda.at(until_ns, self._publisher.thaw_books)

    def _freeze_marks(self, until_ns: int) -> None:
        self._publisher.frozen_marks += 1
        self._agenda.at(until_ns, self._publisher.thaw_marks)
