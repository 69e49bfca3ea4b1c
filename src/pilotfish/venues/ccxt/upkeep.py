"""What an account needs from time to time, whether it trades or not: the clock, a second look at books, funding."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any

from pilotfish.domain.errors import VenueError
from pilotfish.venues.ccxt.dialect import Dialect
from pilotfish.venues.ccxt.feeds import Feeds
from pilotfish.venues.ccxt.funding import Fundings
from pilotfish.venues.ccxt.listing import Listed
from pilotfish.venues.ccxt.positions import Positions
from pilotfish.venues.ccxt.settings import Settings
from pilotfish.venues.ccxt.streams import Streams

MS = 1_000_000
SECOND = 1_000_000_000


async def measure_clock(exchange: Any, clock: Callable[[], int]) -> int:
    """The exchange's clock less ours, ns; requests are signed by it from now on. Raises VenueError and ccxt's own."""
    sent_ns = clock()
    server_ms = await exchange.fetch_time()
    now_ns = clock()
    if not isinstance(server_ms, int):
        raise VenueError(f"{exchange.id} says no time", "", "check its address")
    offset_ns = server_ms * MS - (sent_ns + now_ns) // 2
    exchange.options["timeDifference"] = -offset_ns // MS
    return offset_ns


class Upkeep:
    """`since_ms`: from when on funding is told; the journal's cursor after a restart."""

    def __init__(
        self, exchange: Any, dialect: Dialect, settings: Settings, feeds: Feeds, streams: Streams,
        fundings: Fundings, positions: Positions, clock: Callable[[], int],
    ) -> None:  # fmt: skip
        self.exchange, self.dialect, self.settings, self.feeds = exchange, dialect, settings, feeds
        self.streams, self.fundings, self.positions, self._clock = streams, fundings, positions, clock
        self.counts: Counter[str] = Counter()
        self.offset_ns = 0
        self.since_ms = clock() // MS

    def loops(self, listed: Sequence[Listed], public: bool = False) -> Iterator[Coroutine[Any, Any, None]]:
        settings = self.settings
        yield self._every(settings.tick_ns, self._tick)
        yield self._every(settings.clock_ns, self.clock)
        yield self._every(settings.compare_ns, lambda: self._compare(listed))
        if public:
            return
        if settings.dead_man_ns:
            yield self._every(settings.dead_man_ns // 3, lambda: self.dead_man(listed))
        if not settings.spot:
            yield self._every(settings.funding_ns, lambda: self.funding(listed))
            yield self._every(settings.positions_ns, lambda: self.positions.look(self.exchange, listed))

    async def clock(self) -> None:
        self.offset_ns = await measure_clock(self.exchange, self._clock)
        self.feeds.trust.clock(self.offset_ns)

    async def dead_man(self, listed: Sequence[Listed]) -> None:
        await self.dialect.dead_man(self.exchange, [one.symbol for one in listed], self.settings.dead_man_ns)

    async def funding(self, listed: Sequence[Listed]) -> None:
        await self.fundings.look(listed, self.since_ms, self._clock())

    async def safely(self, act: Callable[[], Awaitable[None]]) -> None:
        """What fails is counted, and comes again."""
        try:
            await act()
        except Exception as error:
            self.counts[f"failed_{type(error).__name__}"] += 1

    async def _tick(self) -> None:
        now = self._clock()
        self.streams.tick(now)
        self.feeds.tick(now)

    async def _compare(self, listed: Sequence[Listed]) -> None:
        for one in self.streams.quiet(listed, self._clock()):
            book = await self.exchange.fetch_order_book(one.symbol, 5)
            self.counts["comparisons"] += 1
            self.feeds.compared(one.symbol, book, self._clock())

    async def _every(self, period_ns: int, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(period_ns / SECOND)
            await self.safely(act)
