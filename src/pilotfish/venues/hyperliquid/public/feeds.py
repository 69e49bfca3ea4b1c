"""Books, best prices and marks of the instruments that are watched, and whether they may be trusted.

Per instrument: `l2Book` (a whole snapshot every time), `bbo` (faster, best prices alone) and `activeAssetCtx` (mark,
funding rate). https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import BookTop, DataTrust, Mark
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.decimals import MessageRefused, fixed, fixed_floor
from pilotfish.venues.hyperliquid.budget import info_weight, rows_weight
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.public.compared import Clock, Top
from pilotfish.venues.hyperliquid.public.comparing import HOPELESS, Comparison
from pilotfish.venues.hyperliquid.public.subscriptions import Subscriptions
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.hyperliquid.wire.books import NS_PER_MS, Depth, bbo_top, book_top, depth, mark
from pilotfish.venues.hyperliquid.wire.codec import CANDLES
from pilotfish.venues.hyperliquid.wire.messages import AssetCtx, BareBook, Bbo, Book, Candle
from pilotfish.venues.session import SECOND
from pilotfish.venues.trust import Trust

RETELL_NS = 900_000_000  # an unchanged, trusted book is told again
MARK_NS = 15 * SECOND  # so long a mark stands without being said again
_FUTURE_NS = 3_600 * SECOND
_CHANNELS = ("l2Book", "bbo", "activeAssetCtx")
CandlesThen = Callable[[list[Candle] | None, int], None]


class _Feed(msgspec.Struct):
    instrument: Instrument
    comparison: Comparison
    top: BookTop | None = None
    book: Depth | None = None
    book_ns: int = 0  # the venue's
    told_ns: int = 0
    said: Doubt | None = None
    mark: int = 0
    mark_ns: int = 0  # when the venue last said it
    marked_ns: int = 0  # when we last told it
    oracle: int = 0
    funding_e9: int = 0


class Feeds:
    """All that is watched. Judging is `Trust`'s; this tells it what happened."""

    def __init__(self, link: Link, listing: Listing, trust: Trust, subscriptions: Subscriptions) -> None:
        self._link, self._listing, self._trust, self._subscriptions = link, listing, trust, subscriptions
        self._instruments = {one.instrument.id: one.instrument for one in listing.by_coin.values()}
        self._feeds: dict[int, _Feed] = {}
        self.clock = Clock()

    def watch(self, instrument: int, now_ns: int) -> None:
        """Begin to follow an instrument. One that is not listed is counted."""
        if instrument in self._feeds:
            return
        if instrument not in self._instruments:
            return self._link.set_aside("an instrument that is not listed")
        one = self._instruments[instrument]
        comparison = Comparison(self._link, one, self._trust, self._subscriptions, self.clock)
        comparison.opened(now_ns)
        feed = self._feeds[instrument] = _Feed(one, comparison)
        self._trust.watch(instrument)
        coin = feed.instrument.symbol
        self._subscriptions.want(({"type": kind, "coin": coin} for kind in _CHANNELS), now_ns)
        self.verdicts(now_ns)

    def changed(self, subscription: dict[str, Any], confirmed: bool) -> None:
        """The venue has answered a subscription."""
        listed = self._listing.by_coin.get(str(subscription.get("coin")))
        feed = self._feeds.get(listed.instrument.id) if listed else None
        if feed is not None and subscription["type"] == "l2Book":
            (self._trust.subscribed if confirmed else self._trust.unsubscribed)(feed.instrument.id)

    def depth(self, instrument: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int] | None:
        """The latest whole book: bids and asks as (price, lots), best first, and the venue's stamp."""
        feed = self._feeds.get(instrument)
        if feed is None or feed.book is None:
            return None
        bids, bid_lots, asks, ask_lots = feed.book
        return list(zip(bids, bid_lots, strict=True)), list(zip(asks, ask_lots, strict=True)), feed.book_ns

    def price(self, instrument: int) -> int | None:
        """The mark, or while there is none a price of the book."""
        feed = self._feeds.get(instrument)
        if feed is None:
            return None
        return feed.mark or (feed.top and (feed.top.bid or feed.top.ask)) or None

    def oracle(self, instrument: int) -> int | None:
        """The oracle's price, by which funding is paid; the mark where none is told."""
        feed = self._feeds.get(instrument)
        return (feed.oracle or feed.mark or None) if feed else None

    def funding_rate_e9(self, instrument: int) -> int:
        """Of the current hour, in billionths."""
        feed = self._feeds.get(instrument)
        return feed.funding_e9 if feed else 0

    # -- from the stream -----------------------------------------------------------------------------------------------

    def opened(self, now_ns: int) -> None:
        """Nothing from before the gap holds any more."""
        self._trust.connected()
        for feed in self._feeds.values():
            feed.top, feed.book, feed.mark_ns = None, None, 0
            feed.comparison.opened(now_ns)
        self.verdicts(now_ns)

    def lost(self, now_ns: int) -> None:
        self._trust.lost()
        self.verdicts(now_ns)

    def on_book(self, book: Book | BareBook, now_ns: int) -> None:
        feed = self._feed(book.coin)
        if feed is None or not self._in_time(feed, book.time, now_ns):
            return
        try:
            whole = depth(book, feed.instrument)
            top = book_top(book, feed.instrument, now_ns)
        except (MessageRefused, NumericOverflow):
            return self._refused(feed, book, now_ns)
        feed.book, feed.book_ns = whole, top.venue_ns
        self._tell_top(feed, top, now_ns, whole=True)

    def on_bbo(self, message: Bbo, now_ns: int) -> None:
        feed = self._feed(message.coin)
        if feed is None or not self._in_time(feed, message.time, now_ns):
            return
        try:
            top = bbo_top(message, feed.instrument, now_ns)
        except (MessageRefused, NumericOverflow):
            return self._link.set_aside("best prices that cannot be")
        self._tell_top(feed, top, now_ns, whole=False)

    def on_context(self, message: AssetCtx, now_ns: int) -> None:
        feed = self._feed(message.coin)
        if feed is None:
            return
        try:
            told = mark(message, feed.instrument, now_ns)
            if isinstance(message.ctx.funding, str):
                feed.funding_e9 = fixed_floor(message.ctx.funding, 9)
            if isinstance(message.ctx.oraclePx, str):
                feed.oracle = fixed_floor(message.ctx.oraclePx, feed.instrument.price_decimals)
        except (MessageRefused, NumericOverflow):
            return self._link.set_aside("a mark that cannot be")
        feed.mark, feed.mark_ns, feed.marked_ns = told.price, now_ns, now_ns
        self._link.told.append(told)

    def candles(
        self, instrument: int, interval: str, since_ms: int, until_ms: int, now_ns: int, then: CandlesThen
    ) -> None:
        """Ask for candles of [since, until] ms; `interval` as the venue names it ("1m" … "1M"). None: no answer."""
        coin = self._instruments[instrument].symbol
        asked = {"coin": coin, "interval": interval, "startTime": since_ms, "endTime": until_ms}
        body = {"type": "candleSnapshot", "req": asked}

        def answered(raw: bytes | None, ns: int) -> None:
            rows: list[Candle] | None = None
            try:
                rows = CANDLES.decode(raw) if raw is not None else None
            except MessageRefused:
                self._link.set_aside("candles that cannot be read")
            self._link.budget.charge(rows_weight("candleSnapshot", len(rows or ())), ns)
            then(rows, ns)

        self._link.info(body, info_weight(body), now_ns, answered)

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> None:
        offset_ns = self.clock.offset_ns(now_ns)
        if offset_ns is not None:
            self._trust.clock(offset_ns)
        for feed in self._feeds.values():
            if not self._link.ready:
                break
            if feed.top is not None and feed.said == Doubt.NONE:
                self._tell_again(feed, now_ns)
            feed.comparison.tick(now_ns)
        self.verdicts(now_ns)

    def next_ns(self) -> int | None:
        if not (self._link.ready and self._feeds):
            return None
        return min((due for feed in self._feeds.values() for due in _due(feed)), default=None)

    @property
    def hopeless(self) -> bool:
        """A book disagrees with the second way again and again: what the stream says stands still."""
        return any(feed.comparison.strikes >= HOPELESS for feed in self._feeds.values())

    def verdicts(self, now_ns: int) -> None:
        """Tell every verdict that is new."""
        for instrument, doubt in self._trust.changes(now_ns):
            feed = self._feeds.get(instrument)
            if feed is not None:
                feed.said = doubt
            self._link.told.append(DataTrust(now_ns, now_ns, instrument, doubt))

    # -- within --------------------------------------------------------------------------------------------------------

    def _feed(self, coin: str) -> _Feed | None:
        listed = self._listing.by_coin.get(coin)
        feed = self._feeds.get(listed.instrument.id) if listed else None
        if feed is None:
            self._link.set_aside("a coin that is not followed")
        return feed

    def _in_time(self, feed: _Feed, ms: int, now_ns: int) -> bool:
        """Not overtaken by a newer message, and no nonsense. What was stamped ahead of time overtakes nothing."""
        if ms * NS_PER_MS > now_ns + _FUTURE_NS:
            self._link.set_aside("a stamp in the future")
            return False
        self.clock.stamp(ms * NS_PER_MS, now_ns)
        if feed.top is not None and ms * NS_PER_MS < feed.top.venue_ns <= now_ns + self._trust.terms.skew_ns:
            self._link.counts["overtaken"] += 1
            return False
        return True

    def _refused(self, feed: _Feed, book: Book | BareBook, now_ns: int) -> None:
        """A crossed book is a doubt of its own; any other that cannot be true is set aside."""
        self._link.set_aside("a book that cannot be")
        bids, asks = book.levels
        try:
            best = [fixed(side[0].px, feed.instrument.price_decimals) for side in (bids, asks) if side]
        except MessageRefused:
            return
        if len(best) == 2 and best[0] >= best[1] > 0:
            self._trust.book(feed.instrument.id, best[0], best[1], book.time * NS_PER_MS, now_ns, whole=True)
            self.verdicts(now_ns)

    def _tell_top(self, feed: _Feed, top: BookTop, now_ns: int, *, whole: bool) -> None:
        key = feed.instrument.id
        self._trust.book(key, top.bid, top.ask, top.venue_ns, now_ns, whole=whole)
        feed.comparison.tops.add(Top(top.venue_ns, top.bid, top.ask))
        old, feed.top = feed.top, top
        same = old is not None and (old.bid, old.bid_lots, old.ask, old.ask_lots) == (
            top.bid, top.bid_lots, top.ask, top.ask_lots,
        )  # fmt: skip
        if not same or now_ns - feed.told_ns >= RETELL_NS:
            self._tell(feed, now_ns)
        if self._trust.doubt(key, now_ns) != feed.said:
            self.verdicts(now_ns)

    def _tell_again(self, feed: _Feed, now_ns: int) -> None:
        """What is trusted and has not changed. The venue says marks every few seconds: silence for long is none."""
        if now_ns - feed.told_ns >= RETELL_NS:
            self._tell(feed, now_ns)
        if feed.mark and now_ns - feed.marked_ns >= RETELL_NS and now_ns - feed.mark_ns <= MARK_NS:
            feed.marked_ns = now_ns
            self._link.told.append(Mark(feed.mark_ns, now_ns, feed.instrument.id, feed.mark))

    def _tell(self, feed: _Feed, now_ns: int) -> None:
        if feed.top is not None:
            feed.told_ns = now_ns
            self._link.told.append(msgspec.structs.replace(feed.top, ours_ns=now_ns))


def _due(feed: _Feed) -> Iterator[int]:
    compare_ns = feed.comparison.next_ns()
    if compare_ns is not None:
        yield compare_ns
    if feed.top is not None and feed.said == Doubt.NONE:
        yield feed.told_ns + RETELL_NS
