"""A centralised exchange as a Venue, through ccxt: one account, one API key, on the running asyncio loop.

There is no public attribution of trades on these exchanges, so nobody is followed *there*; leads of other venues are
copied *into* them (InstrumentMapped).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.events import Connection, Event, OrderUpdate
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, OrderSignal, Place, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import Approved
from pilotfish.venues.ccxt.asking import Account
from pilotfish.venues.ccxt.dialects import DIALECTS
from pilotfish.venues.ccxt.exchange import make, take_new
from pilotfish.venues.ccxt.failures import judge, unusable
from pilotfish.venues.ccxt.feeds import Feeds
from pilotfish.venues.ccxt.funding import Fundings
from pilotfish.venues.ccxt.ids import ClientIds
from pilotfish.venues.ccxt.listing import listed_all
from pilotfish.venues.ccxt.orders import Orders
from pilotfish.venues.ccxt.positions import Positions, stated
from pilotfish.venues.ccxt.reconcile import find, reconcile
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.ccxt.streams import Streams
from pilotfish.venues.ccxt.trading import Trading
from pilotfish.venues.ccxt.upkeep import Upkeep, measure_clock
from pilotfish.venues.paper import Level
from pilotfish.venues.session import Unfinished
from pilotfish.venues.trust import TrustTerms

MS = 1_000_000
SECOND = 1_000_000_000


class CcxtVenue:
    """`on_ready` is called when `events` has something new. Start it before the first command, stop it at the end.

    `known`: symbol → instrument id of an existing journal; new symbols get the ids after those. Without a key in
    `credentials` there are public data only, and commands have no effect.
    """

    idempotent_ids = True  # an order is sent again only when it surely never arrived

    def __init__(
        self, settings: Settings, credentials: Credentials, *, known: Mapping[str, int] | None = None,
        clock: Callable[[], int] = time.time_ns, on_ready: Callable[[], None] | None = None,
        terms: TrustTerms | None = None,
    ) -> None:  # fmt: skip
        settings.check()
        self.settings, self.dialect = settings, DIALECTS.get(settings.exchange)
        self.failure: VenueError | None = None
        self.counts: Counter[str] = Counter()
        self.exchange = make(settings, credentials, self._heard, self._garbled)
        self._known, self._terms, self._clock, self._on_ready = dict(known or {}), terms, clock, on_ready
        self.public = not credentials.key
        self._recalled: list[tuple[Place, int]] = []
        self._events: list[Event] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = self._started = False
        self._asking: asyncio.Task[None] | None = None

    def recall(self, unfinished: Unfinished) -> None:
        """Before `start`: orders of before a restart, and when they were sent. They are asked about, never sent."""
        self._recalled = [(place, ns) for place, ns in unfinished.orders if isinstance(place, Place)]

    async def start(self) -> tuple[Instrument, ...]:
        """Read the markets and the clock, open the streams. Raises ConfigError and VenueError; nothing is left open."""
        try:
            offset_ns = await measure_clock(self.exchange, self._clock)
            await self.exchange.load_markets()
        except Exception as error:
            await self.exchange.close()
            raise unusable(self.settings.exchange, error) from None
        try:
            self.listed = listed_all(self.exchange, self.settings, self._known)
        except ConfigError:
            await self.exchange.close()
            raise
        self.by_id = {one.instrument.id: one for one in self.listed}
        by_symbol = {one.symbol: one for one in self.listed}
        assert self.dialect is not None
        self.feeds = Feeds(by_symbol, self._tell, self._terms)
        self.feeds.verdicts(self._clock())
        self.orders = Orders(ClientIds(self.settings.namespace), by_symbol, self._tell)
        self.account = Account(
            self.exchange, self.dialect, self.settings, self.orders, clock=self._clock, tell=self._tell,
            spawn=self._spawn,
        )  # fmt: skip
        self.trading = Trading(self.account, self._skewed)
        for place, sent_ns in self._recalled:
            if place.instrument in self.by_id:
                self.orders.sent(place, self.by_id[place.instrument], sent_ns)
        self.streams = Streams(self.exchange, self.dialect, self.settings, self.feeds, self._up, self._clock)
        self.streams.public = self.public
        fundings = Fundings(self.exchange, self.dialect, self._tell, self.feeds.marked)
        self.upkeep = Upkeep(
            self.exchange, self.dialect, self.settings, self.feeds, self.streams, fundings, Positions(self.orders),
            self._clock,
        )  # fmt: skip
        self.upkeep.offset_ns = offset_ns
        self.feeds.trust.clock(offset_ns)
        self._started = True
        self._up(False, self._clock())  # nothing is sent before our own stream stands
        if self.settings.dead_man_ns and not self.public:
            await self.upkeep.safely(lambda: self.upkeep.dead_man(self.listed))
        for loop in (*self.streams.loops(tuple(by_symbol)), *self.upkeep.loops(self.listed, self.public)):
            self._spawn(loop)
        return tuple(one.instrument for one in self.listed)

    # The port.

    def events(self, until_ns: int) -> Sequence[Event]:
        """All that became known; `until_ns` is our clock, which live events never run ahead of."""
        told, self._events = self._events, []
        return told

    def next_ns(self) -> int | None:
        return self._events[0].ours_ns if self._events else None

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        places: list[Place] = []
        if self.public:
            self.counts["submitted_without_key"] += len(commands)
            return
        for approved in commands:
            command = approved.command
            if isinstance(command, Place):
                places.append(command)
                continue
            if places:
                self.trading.place(places, self.by_id)
                places = []
            self._take(command)
        if places:
            self.trading.place(places, self.by_id)

    def _take(self, command: Command) -> None:
        if isinstance(command, PlaceBatch):
            self.trading.refuse(command.coid, 0, Reason.REJECTED)
        elif isinstance(command, Cancel):
            self._spawn(self._cancel(command.coid))
        elif isinstance(command, Amend):
            self._spawn(self._amend(command))
        elif isinstance(command, CancelAll):
            self._spawn(self._cancel_all(command))
        elif isinstance(command, Query) and (self._asking is None or self._asking.done()):
            self._asking = self._spawn(self._query(command))

    def depth(self, instrument: int) -> tuple[Sequence[Level], Sequence[Level], int] | None:
        """The top of book, which is all that is heard: bids, asks, and the exchange's stamp in ns."""
        found = self.feeds.tops.get(instrument) if self._started else None
        if found is None:
            return None
        (bid, bid_lots, ask, ask_lots), stamp = found
        return ([(bid, bid_lots)] if bid else []), ([(ask, ask_lots)] if ask else []), stamp

    async def stop(self, timeout_ns: int = 5 * SECOND, *, cancel: bool = True) -> None:
        """Cancel what is open and wait for the answers, within `timeout_ns`; then close everything."""
        self._stopping = True
        if self._started and cancel and not self.public:
            try:
                async with asyncio.timeout(timeout_ns / SECOND):
                    await self._cancel_all(CancelAll(OMNIBUS))
            except TimeoutError:
                self.counts["stopped_in_the_middle"] += 1
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.exchange.close()
        if self._started:
            self.streams.stop()

    def counters(self) -> dict[str, int]:
        """What was set aside, refused or repeated, by name, since the start: for people."""
        parts = [self.counts]
        if self._started:
            parts += [
                self.orders.counts,
                self.feeds.counts,
                self.account.counts,
                self.trading.counts,
                self.upkeep.counts,
                self.upkeep.fundings.counts,
                self.upkeep.positions.counts,
                self.streams.counts,
            ]
        return dict(sum(parts, Counter[str]()))

    async def holdings(self) -> tuple[dict[int, int], str]:
        """(instrument → signed lots, the account's equity in its own words) as the exchange states them."""
        balance = await self.exchange.fetch_balance()
        return await stated(self.exchange, self.listed), str(balance.get("USDT", {}).get("total", ""))

    # Commands that take time.

    async def _cancel(self, coid: int) -> None:
        order = self.orders.known.get(coid)
        if order is None:
            try:
                order = await find(self.account, coid, self.listed)
            except Exception as error:
                self.counts[f"failed_{type(error).__name__}"] += 1
                return
        if order is not None:
            await self.trading.cancel(order)
        elif self.account.surely_absent(None):
            now = self._clock()
            self._tell(OrderUpdate(now, now, coid, OrderSignal.ABSENT))

    async def _amend(self, amend: Amend) -> None:
        order = self.orders.known.get(amend.coid)
        if order is not None:
            await self.trading.amend(order, amend)

    async def _cancel_all(self, command: CancelAll) -> None:
        """Ours alone, those of before a restart included; what others placed on this account stays."""
        if command.account != OMNIBUS:
            return
        some = [one for one in self.listed if command.instrument in (-1, one.instrument.id)]
        await asyncio.gather(*(self.trading.cancel(order) for order in self.orders.open(command.instrument)))
        for one in some:
            try:
                for row in await self.exchange.fetch_open_orders(one.symbol):
                    self.account.heard(row)
            except Exception as error:
                self.counts[f"failed_{type(error).__name__}"] += 1
        await asyncio.gather(*(self.trading.cancel(o) for o in self.orders.open(command.instrument) if not o.cancelled))

    async def _query(self, query: Query) -> None:
        try:
            self._tell(await reconcile(self.account, query, self.listed, self.upkeep.offset_ns))
            if query.cursor > 0:
                self.upkeep.since_ms = min(self.upkeep.since_ms, query.cursor)
        except Exception as error:  # the engine asks again
            self.counts["queries_unanswered"] += 1
            self.counts[f"failed_{type(error).__name__}"] += 1
            if judge(error).clock:
                self._skewed()

    def _skewed(self) -> None:
        """A refusal that blames the clock."""
        self.counts["clock_refusals"] += 1
        self._spawn(self.upkeep.safely(self.upkeep.clock))

    # Underneath.

    def _heard(self, url: str, message: object) -> None:
        if not self._started:
            return
        now = self._clock()
        self.streams.heard(url, message, now)
        orders, trades = take_new(self.exchange)
        for row in trades:
            self.account.traded(row)
        for row in orders:
            self.account.heard(row)
        self.feeds.overhear(self.exchange.bidsasks, self.exchange.tickers, now)

    def _garbled(self) -> None:
        self.counts["set_aside"] += 1

    def _up(self, up: bool, now_ns: int) -> None:
        self._tell(Connection(now_ns, now_ns, up))

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        if self._on_ready is not None:
            self._on_ready()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that failed is a mistake of ours: kept, and told as a lost connection, so that nothing goes on."""
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        what = f"{self.settings.exchange} adapter"
        self.failure = self.failure or VenueError(what, f"{type(error).__name__} in {task.get_coro()}", "report this")
        self.counts["mistakes"] += 1
        self._up(False, self._clock())
