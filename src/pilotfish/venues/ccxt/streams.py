"""The streams of one account and its markets: kept open, and known to be up or down."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any

import ccxt  # type: ignore[import-untyped]

from pilotfish.venues.ccxt.dialect import Dialect
from pilotfish.venues.ccxt.feeds import Feeds
from pilotfish.venues.ccxt.listing import Listed
from pilotfish.venues.ccxt.settings import Settings

MS = 1_000_000
SECOND = 1_000_000_000


class Streams:
    """`up(is_up, now_ns)` is called when all of what trading needs came up, or the first of it was lost."""

    def __init__(
        self, exchange: Any, dialect: Dialect, settings: Settings, feeds: Feeds, up: Callable[[bool, int], None],
        clock: Callable[[], int],
    ) -> None:  # fmt: skip
        self.exchange, self.dialect, self.settings, self.feeds = exchange, dialect, settings, feeds
        self.counts: Counter[str] = Counter()
        self._up, self._clock = up, clock
        self.public = False  # without a key there is no private stream, and none is waited for
        self._market = self._private = self._told = False
        self._confirmed = 0
        self._market_url = ""

    def loops(self, symbols: tuple[str, ...]) -> Iterator[Coroutine[Any, Any, None]]:
        """Each keeps one subscription, for ever."""
        yield self._keep(lambda: self.exchange.watch_bids_asks(list(symbols)), self._market_lost)
        if not self.settings.spot:
            yield self._keep(lambda: getattr(self.exchange, self.dialect.marks)(list(symbols)), self._marks_lost)
        for name in () if self.public else self.dialect.streams:
            yield self._keep(getattr(self.exchange, name), self._private_lost)

    def heard(self, url: str, message: object, now_ns: int) -> None:
        """A message has come in on the stream at `url`, before what it says is told."""
        if self.dialect.private in url:
            self._confirmed += self.dialect.confirms(message)
            if self.dialect.ends(message):
                self._hang_up(url)
        elif self.dialect.books in url and not self._market:
            self._market, self._market_url = True, url
            self.feeds.trust.connected()
        self._judge(now_ns)

    def tick(self, now_ns: int) -> None:
        """A pong on the stream of books proves that what it has not told has not changed."""
        client = self._client(self._market_url)
        if self._market and client is not None and client.lastPong:
            self.feeds.trust.probed(client.lastPong * MS)
        self._judge(now_ns)

    def quiet(self, listed: Iterable[Listed], now_ns: int) -> list[Listed]:
        """Those whose books have stood still for long enough to compare them by another way."""
        return [
            one
            for one in listed
            if one.instrument.id in self.feeds.tops
            and now_ns - self.feeds.moved(one.instrument.id) >= self.settings.compare_ns
        ]

    def stop(self) -> None:
        self._market = self._private = self._told = False

    def _judge(self, now_ns: int) -> None:
        self._private = self._confirmed >= len(self.dialect.streams) or (
            self.dialect.silent_when_up and self._private_open()
        )
        is_up = self._market and (self._private or self.public)
        if is_up != self._told:
            self._told = is_up
            self._up(is_up, now_ns)

    def _private_open(self) -> bool:
        clients = [client for url, client in (self.exchange.clients or {}).items() if self.dialect.private in url]
        return any(client.connection is not None and not client.closed() for client in clients)

    def _client(self, url: str) -> Any:
        return (self.exchange.clients or {}).get(url)

    def _hang_up(self, url: str) -> None:
        """The exchange ended the stream without closing it: a new key, and a new stream."""
        self.counts["streams_ended"] += 1
        client = self._client(url)
        if client is not None:
            client.on_error(ccxt.NetworkError(f"{self.exchange.id}: the stream was ended"))

    async def _keep(self, watch: Callable[[], Awaitable[object]], lost: Callable[[int], None]) -> None:
        wait_ns = self.settings.retry_ns
        while True:
            try:
                await watch()
                wait_ns = self.settings.retry_ns
            except Exception as error:
                self.counts["streams_lost"] += 1
                self.counts[f"stream_{type(error).__name__}"] += 1
                lost(self._clock())
                await asyncio.sleep(wait_ns / SECOND)
                wait_ns = min(2 * wait_ns, self.settings.retry_ns_max)

    def _market_lost(self, now_ns: int) -> None:
        self._market = False
        self.feeds.lost(now_ns)
        self._judge(now_ns)

    def _marks_lost(self, now_ns: int) -> None:
        """Marks stop, and age by themselves."""

    def _private_lost(self, now_ns: int) -> None:
        """Every subscription of it has to be confirmed anew, on a stream that is new for all of them."""
        self._confirmed = 0
        self.dialect.renew(self.exchange)
        for url, client in list((self.exchange.clients or {}).items()):
            if self.dialect.private in url and client.connection is not None and not client.closed():
                client.on_error(ccxt.NetworkError(f"{self.exchange.id}: the private stream begins anew"))
        self.exchange.orders = self.exchange.myTrades = None
        self._judge(now_ns)
