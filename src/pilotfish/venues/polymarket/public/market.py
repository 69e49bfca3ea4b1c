"""The market channel: books, marks, and the proof that they may be acted on.

A disconnect loses what happened in between, so every connection begins with whole books. The stream says the best
prices after each change: where ours differ, a message was lost; and now and then the books are asked for by REST, where
what REST knows and the stream has not told after a while is a frozen feed (`comparing`).
https://docs.polymarket.com/market-data/websocket/market-channel
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import BookTop, DataTrust, Mark
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.books import Book, change_of, price_of, side_of, stamp_ns, stated, unit_of
from pilotfish.venues.polymarket.public.comparing import Comparing
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.settings import SECOND
from pilotfish.venues.polymarket.wire.answers import BookAnswer
from pilotfish.venues.polymarket.wire.assets import tick_of
from pilotfish.venues.polymarket.wire.codec import BOOK
from pilotfish.venues.polymarket.wire.messages import Book as Snapshot
from pilotfish.venues.polymarket.wire.messages import (
    ChangeMarket,
    LastTrade,
    MarketMessage,
    MarketResolved,
    PriceChanges,
    SubscribeMarket,
    TickSizeChange,
)
from pilotfish.venues.trust import Trust

STREAM = "market"
_PER_FRAME = 200
_AGAIN_NS = 900_000_000  # an unchanged book is told again before it is a second old
_RETRY_NS = SECOND
_VERDICT_NS = SECOND // 4
_AHEAD_NS = 5 * SECOND  # a stamp so far ahead of the venue's clock is none


class Books:
    """The watched tokens' books. `on_tick(instrument, tick, now_ns)`.

    `on_resolved(condition, winner, venue_ns, now_ns)`: the winner is empty where the message does not say it.
    """

    def __init__(self, link: Link, listing: Listing, trust: Trust) -> None:
        self._link, self._listing, self._trust = link, listing, trust
        self._books: dict[int, Book] = {}
        self._doubts: dict[int, Doubt] = {}
        self._comparing = Comparing(link, listing, self._books, self._compared)
        self._verdict_ns = 0
        self._open = False
        self.on_tick: Callable[[int, int, int], None] = lambda instrument, tick, now_ns: None
        self.on_resolved: Callable[[str, str, int, int], None] = lambda condition, winner, venue_ns, now_ns: None

    @property
    def watched(self) -> list[int]:
        """Instruments."""
        return list(self._books)

    def watch(self, instrument: int, now_ns: int) -> None:
        """Begin to follow a listed instrument's book; again changes nothing."""
        if instrument in self._books or (listed := self._listing.get(instrument)) is None:
            return
        self._books[instrument] = Book()
        self._trust.watch(instrument)
        if self._open:
            self._link.send(STREAM, ChangeMarket("subscribe", [listed.token], True))
        self._verdicts(now_ns)

    def depth(self, instrument: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int] | None:
        """(bids, asks, venue_ns) as (price, lots), best first; None without a whole book."""
        book, listed = self._books.get(instrument), self._listing.get(instrument)
        if book is None or listed is None or not book.whole:
            return None
        return *book.depth(unit_of(listed.instrument)), book.venue_ns

    # -- the stream ----------------------------------------------------------------------------------------------------

    def opened(self, now_ns: int) -> None:
        """A new stream: subscribe to everything, and trust nothing of before."""
        self._open = True
        self._trust.connected()
        self._forget()
        tokens = [listed.token for key in self._books if (listed := self._listing.get(key)) is not None]
        self._link.send(STREAM, SubscribeMarket(tokens[:_PER_FRAME]))
        for first in range(_PER_FRAME, len(tokens), _PER_FRAME):
            self._link.send(STREAM, ChangeMarket("subscribe", tokens[first : first + _PER_FRAME], True))
        self._comparing.begin(now_ns)
        self._verdicts(now_ns)

    def lost(self, now_ns: int) -> None:
        self._open = False
        self._trust.lost()
        self._forget()
        self._verdicts(now_ns)

    def hear(self, messages: Iterable[MarketMessage], now_ns: int) -> None:
        """Each message alone: what cannot be used is set aside without its neighbours."""
        for message in messages:
            try:
                self._hear(message, now_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("market message")
                self._missed(message, now_ns)

    def _missed(self, message: MarketMessage, now_ns: int) -> None:
        """What could not be used may have changed a book: those that it names are asked for."""
        tokens = [message.asset_id] if isinstance(message, Snapshot) else []
        if isinstance(message, PriceChanges):
            tokens = [row.asset_id for row in message.price_changes]
        for token in tokens:
            found = self._find(token)
            if found is not None:
                self._doubt(found[0].id, found[1], now_ns)

    def _stamp(self, text: str, now_ns: int) -> int:
        """Raises MessageRefused for a moment that is yet to come, too: it would overtake all that follows."""
        ns = stamp_ns(text)
        if ns > self._link.venue_ns(now_ns) + _AHEAD_NS:
            raise MessageRefused(f"stamp {text[:40]}", "lies in the future", "ask for the book")
        return ns

    def _hear(self, message: MarketMessage, now_ns: int) -> None:
        if isinstance(message, PriceChanges):
            self._changed(message, now_ns)
        elif isinstance(message, Snapshot):
            self._snapshot(message, now_ns)
        elif isinstance(message, LastTrade):
            self._traded(message, now_ns)
        elif isinstance(message, TickSizeChange):
            self._tick_changed(message, now_ns)
        elif isinstance(message, MarketResolved):
            self._resolved(message, now_ns)

    def _snapshot(self, message: Snapshot | BookAnswer, now_ns: int) -> None:
        found = self._find(message.asset_id)
        if found is None:
            return
        instrument, book = found
        ns = self._stamp(message.timestamp, now_ns)
        if ns < book.whole_ns:
            return self._link.set_aside("overtaken book")
        bids, asks = side_of(message.bids, instrument), side_of(message.asks, instrument)
        if isinstance(message.last_trade_price, str) and message.last_trade_price:
            book.last = stated(message.last_trade_price, instrument) or book.last
        book.replace(bids, asks, ns, message.hash if isinstance(message.hash, str) else "")
        self._trust.subscribed(instrument.id)
        self._trust.compared(instrument.id, agrees=True)
        self._told(instrument, book, now_ns, whole=True)

    def _changed(self, message: PriceChanges, now_ns: int) -> None:
        ns = self._stamp(message.timestamp, now_ns)
        touched: dict[int, tuple[Instrument, Book, int | None, int | None]] = {}
        for row in message.price_changes:
            found = self._find(row.asset_id)
            if found is None:
                continue
            instrument, book = found
            try:
                change = change_of(row, instrument, ns)
                best = stated(row.best_bid, instrument), stated(row.best_ask, instrument)
            except MessageRefused:
                self._link.set_aside("price change")
                self._doubt(instrument.id, book, now_ns)
                continue
            overtaken = ns < book.venue_ns  # then its best prices are older than ours
            book.apply(change)
            book.hash = row.hash if isinstance(row.hash, str) and not overtaken else ""
            touched[instrument.id] = (instrument, book, *((None, None) if overtaken else best))
        for instrument, book, bid, ask in touched.values():
            ours = book.best()
            if book.whole and ((bid is not None and bid != ours[0]) or (ask is not None and ask != ours[1])):
                self._link.counts["books that disagreed"] += 1
                self._doubt(instrument.id, book, now_ns)
            self._told(instrument, book, now_ns, whole=False)

    def _traded(self, message: LastTrade, now_ns: int) -> None:
        found = self._find(message.asset_id)
        if found is not None:
            instrument, book = found
            book.last = price_of(message.price, instrument)
            self._mark(instrument, book, self._stamp(message.timestamp, now_ns), now_ns)

    def _tick_changed(self, message: TickSizeChange, now_ns: int) -> None:
        """A new epoch: nothing is decided before a fresh book, and what rests is asked for."""
        found = self._find(message.asset_id)
        if found is None:
            return
        instrument, book = found
        tick = tick_of(message.new_tick_size)
        self._link.counts["tick sizes changed"] += 1
        self._doubt(instrument.id, book, now_ns)
        self.on_tick(instrument.id, tick, now_ns)

    def _resolved(self, message: MarketResolved, now_ns: int) -> None:
        winner, tokens = message.winning_asset_id, message.assets_ids
        for token in tokens if isinstance(tokens, list) else ():
            found = self._find(token)
            if found is not None:
                self.over(found[0].id, now_ns)
        said = winner if isinstance(winner, str) else ""
        self.on_resolved(message.market, said, stamp_ns(message.timestamp), now_ns)

    def over(self, instrument: int, now_ns: int) -> None:
        """Its market is decided: nothing of it is trusted any more."""
        book = self._books.get(instrument)
        if book is not None:
            self._trust.unsubscribed(instrument)
            book.whole = False
            self._verdicts(now_ns)

    # -- a second source -----------------------------------------------------------------------------------------------

    def _doubt(self, key: int, book: Book, now_ns: int) -> None:
        """A soft alarm: not trusted until a whole book is there, which is asked for."""
        self._trust.compared(key, agrees=False)
        if not book.asked:
            self._ask_book(key, book, now_ns)
        self._verdicts(now_ns)

    def _ask_book(self, key: int, book: Book, now_ns: int) -> None:
        listed = self._listing.get(key)
        if listed is None:
            return
        book.asked, book.retry_ns = True, 0
        self._link.counts["books asked for"] += 1
        request = Request("GET", self._link.settings.clob_url, "/book", Kind.BOOK, {"token_id": listed.token})

        def answered(answer: Answer | None, then_ns: int) -> None:
            if not book.asked or self._books.get(key) is not book:
                return  # a book came by the stream meanwhile, or the stream is another
            try:
                if answer is not None and answer.ok:
                    return self._snapshot(BOOK.decode(answer.body), then_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("book by REST")
            book.asked, book.retry_ns = False, then_ns + _RETRY_NS
            if answer is not None and answer.status == 404:  # no book exists for this token any more
                self._trust.unsubscribed(key)
                book.retry_ns = then_ns + 60 * SECOND

        self._link.ask(request, now_ns, answered, urgent=True)

    def _compared(self, key: int, agrees: bool, now_ns: int) -> None:
        if agrees:
            return self._trust.compared(key, agrees=True)
        self._link.counts["books that disagreed"] += 1
        self._doubt(key, self._books[key], now_ns)

    # -- what is told --------------------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> None:
        """Comparisons, retries, verdicts, and books that have not changed told again while they are trusted."""
        if self._open:
            self._comparing.tick(now_ns)
        self._verdicts(now_ns)
        self._verdict_ns = now_ns + _VERDICT_NS
        for key, book in self._books.items():
            if self._open and not book.asked and 0 < book.retry_ns <= now_ns:
                self._ask_book(key, book, now_ns)
            if book.told is not None and now_ns - book.told_ns >= _AGAIN_NS and self._doubts.get(key) is Doubt.NONE:
                self._say(key, book, book.told, now_ns)

    def next_ns(self) -> int | None:
        return self._verdict_ns if self._books else None

    def _told(self, instrument: Instrument, book: Book, now_ns: int, *, whole: bool) -> None:
        bid, ask = book.best()
        if not book.whole:
            return
        self._trust.book(instrument.id, bid, ask, book.venue_ns, now_ns, whole=whole)
        if not bid >= ask > 0:
            top = book.top(unit_of(instrument))
            if top != book.told or whole:
                self._say(instrument.id, book, top, now_ns)
            self._mark(instrument, book, book.venue_ns, now_ns)
        if self._trust.doubt(instrument.id, now_ns) != self._doubts.get(instrument.id):
            self._verdicts(now_ns)

    def _say(self, key: int, book: Book, top: tuple[int, int, int, int], now_ns: int) -> None:
        book.told, book.told_ns = top, now_ns
        self._link.told.append(BookTop(book.venue_ns, now_ns, key, *top))

    def _mark(self, instrument: Instrument, book: Book, venue_ns: int, now_ns: int) -> None:
        mark = book.mark(10**instrument.price_decimals)
        if book.whole and 0 < mark != book.marked:
            book.marked = mark
            self._link.told.append(Mark(venue_ns, now_ns, instrument.id, mark))

    def _verdicts(self, now_ns: int) -> None:
        for key, doubt in self._trust.changes(now_ns):
            self._doubts[key] = doubt
            self._link.told.append(DataTrust(now_ns, now_ns, key, doubt))

    def _find(self, token: str) -> tuple[Instrument, Book] | None:
        listed = self._listing.of_token(token)
        book = self._books.get(listed.instrument.id) if listed is not None else None
        return (listed.instrument, book) if listed is not None and book is not None else None

    def _forget(self) -> None:
        for key in self._books:
            self._books[key] = Book(last=self._books[key].last, told=self._books[key].told)
