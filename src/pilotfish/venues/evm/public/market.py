"""Pools as books: what the newest swap left, what the ticks around it hold, and the proof that it may be acted on.

A swap's log says price and liquidity as they stand after it; how the liquidity changes from tick to tick is read from
the pool, whole: at the start, when somebody adds or takes liquidity, after a replaced block, now and then to compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import BookTop, DataTrust, Mark
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.public.ladder import SLOT0, State, Ticks, ladder, map_question, read_state, words_around
from pilotfish.venues.evm.public.reading import Block, Reading
from pilotfish.venues.evm.settings import SECOND
from pilotfish.venues.evm.wire.rpc import Call, Log
from pilotfish.venues.evm.wire.swaps import SWAP, Pool, read_swap
from pilotfish.venues.trust import Trust

_AGAIN_NS = 900_000_000  # an unchanged book is told again before it is a second old
_VERDICT_NS = SECOND // 4
_STAMPS = 8  # blocks that the clock is judged by

Level = tuple[int, int]


class Book(msgspec.Struct):
    """`at`: block and place of the log that `state` is from; a reading of the whole stands after all of its block."""

    pool: Pool
    state: State | None = None
    ticks: Ticks = msgspec.field(default_factory=Ticks)
    at: tuple[int, int] = (-1, -1)
    whole_ns: int = -1
    bids: list[Level] = []
    asks: list[Level] = []
    venue_ns: int = 0
    told: tuple[int, int, int, int] | None = None
    told_ns: int = 0
    marked: int = 0
    stale: bool = True  # the ticks are to be read
    asked: bool = False
    retry_ns: int = 0


class Market:
    def __init__(self, link: Link, pools: Sequence[Pool], reading: Reading, trust: Trust) -> None:
        self._link, self._reading, self._trust = link, reading, trust
        self._books = {pool.instrument.id: Book(pool) for pool in pools}
        self._by_address = {pool.address: self._books[pool.instrument.id] for pool in pools}
        self._doubts: dict[int, Doubt] = {}
        self._offsets: list[int] = []
        self._verdict_ns = 0
        self._open = False
        for key in self._books:
            trust.watch(key)

    @property
    def ready(self) -> bool:
        return all(book.whole_ns >= 0 for book in self._books.values())

    def depth(self, instrument: int) -> tuple[list[Level], list[Level], int] | None:
        """(bids, asks, venue_ns), best first; None before the first reading."""
        book = self._books.get(instrument)
        return (book.bids, book.asks, book.venue_ns) if book is not None and book.whole_ns >= 0 else None

    def mark(self, instrument: int) -> int:
        """0 before the first reading."""
        book = self._books.get(instrument)
        return book.marked if book is not None else 0

    def best(self, instrument: int, side: int) -> int:
        """What the first unit costs a buyer, or brings a seller; 0 where it is not known."""
        book = self._books.get(instrument)
        if book is None or book.state is None:
            return 0
        return book.pool.ask(book.state.root) if side > 0 else book.pool.bid(book.state.root)

    # -- the stream ----------------------------------------------------------------------------------------------------

    def opened(self, now_ns: int) -> None:
        """Both subscriptions stand: what is read from now on has no gap behind it."""
        self._open = True
        self._offsets.clear()
        self._trust.connected()
        for key, book in self._books.items():
            self._trust.subscribed(key)
            book.stale, book.asked = True, False
        self._verdicts(now_ns)

    def lost(self, now_ns: int) -> None:
        self._open = False
        self._trust.lost()
        self._verdicts(now_ns)

    def ponged(self, number: int, now_ns: int) -> None:
        """The node answers on the stream. It proves something only while blocks come, and those it names are known."""
        head = self._reading.head
        young = head is not None and now_ns - head.stamp_ns <= self._link.settings.head_age_ns_max
        if head is not None and young and number <= head.number:
            self._trust.probed(now_ns)

    def headed(self, stamp_ns: int, now_ns: int) -> None:
        """A block has just come. Its stamp is a whole second, and as old as it took to get here: the youngest of a few
        says how far the clocks are apart.
        """
        self._offsets = [*self._offsets[1 - _STAMPS :], stamp_ns - now_ns]
        nearest = max(self._offsets)
        self._trust.clock(nearest + SECOND if nearest < -SECOND else max(nearest, 0))

    def pushed(self, log: Log, stamp_ns: int, now_ns: int) -> None:
        book = self._by_address.get(log.address)
        if book is not None:
            self._apply(book, log, stamp_ns, now_ns)
            self._tell(book, now_ns, proven=False)

    def removed(self, log: Log) -> None:
        book = self._by_address.get(log.address)
        if book is not None:
            book.stale = True

    def read(self, block: Block, now_ns: int) -> None:
        """A block whole: the books stand as of it."""
        for log in block.logs:
            book = self._by_address.get(log.address)
            if book is not None:
                self._apply(book, log, block.stamps[log.block], now_ns)
        for book in self._books.values():
            if not block.linked:
                book.stale = True
            if book.stale:
                self._ask(book, now_ns)
            elif book.state is not None:
                book.venue_ns = max(book.venue_ns, block.last.stamp_ns)
                self._tell(book, now_ns, proven=True)

    def _apply(self, book: Book, log: Log, stamp_ns: int, now_ns: int) -> None:
        if log.topics[:1] != (SWAP,):
            book.stale = True
            return
        if (log.block, log.index) <= book.at or book.state is None:
            return
        try:
            swap = read_swap(log)
        except MessageRefused:
            self._link.set_aside("log")
            book.stale = True
            return
        book.at, book.state = (log.block, log.index), State(swap.root, swap.liquidity, swap.tick)
        book.venue_ns = max(book.venue_ns, stamp_ns)
        self._draw(book)

    # -- reading a pool whole ------------------------------------------------------------------------------------------

    def _ask(self, book: Book, now_ns: int) -> None:
        """Price and liquidity, and which ticks around are in use; then what these hold."""
        head = self._reading.head
        if book.asked or head is None or not self._link.may_ask(now_ns):
            book.retry_ns = max(now_ns, self._link.rest_ns) + self._link.settings.again_ns
            return
        book.asked, book.stale, number = True, False, head.number
        center = book.state.tick if book.state is not None else 0
        places = words_around(center, book.pool.spacing)

        def called(data: bytes) -> Call:
            call = {"to": book.pool.address, "data": "0x" + data.hex()}
            return Call("eth_call", [call, hex(number)])

        def heard(said: Said, then_ns: int) -> None:
            if not book.asked:
                return
            try:
                state, used = read_state(said.whole, places, book.pool.spacing)
            except MessageRefused:
                return self._failed(book, then_ns)
            if words_around(state.tick, book.pool.spacing) != places:  # where to look was only guessed
                book.state, book.asked, book.stale = state, False, True
                return self._ask(book, then_ns)
            near = used.near(state.tick)
            if not near:
                return self._whole(book, state, used, number, then_ns)
            questions = [called(used.question(tick)) for tick in near]
            self._link.ask(questions, then_ns, lambda more, later_ns: ticked(state, used, near, more, later_ns))

        def ticked(state: State, used: Ticks, near: list[int], said: Said, then_ns: int) -> None:
            if not book.asked:
                return
            try:
                used.answer(near, said.whole)
            except MessageRefused:
                return self._failed(book, then_ns)
            self._whole(book, state, used, number, then_ns)

        self._link.ask([called(data) for data in (*SLOT0, *(map_question(one) for one in places))], now_ns, heard)

    def _failed(self, book: Book, now_ns: int) -> None:
        book.asked, book.stale = False, True
        book.retry_ns = now_ns + self._link.settings.again_ns
        self._link.counts["pools asked again"] += 1

    def _whole(self, book: Book, state: State, ticks: Ticks, number: int, now_ns: int) -> None:
        """As the pool stands at the end of a block. Where the logs, up to the same block, said something else, one was
        lost.
        """
        book.asked, key = False, book.pool.instrument.id
        if book.at[0] > number:
            book.ticks = ticks
            return self._draw(book)
        if book.state is not None and book.whole_ns >= 0 and book.state != state and not book.stale:
            self._link.counts["pools that disagreed"] += 1
        head = self._reading.blocks.get(number)
        book.state, book.ticks, book.at, book.retry_ns, book.whole_ns = state, ticks, (number, 2**31), 0, now_ns
        book.venue_ns = max(book.venue_ns, head.stamp_ns if head is not None else 0)
        self._draw(book)
        self._trust.compared(key, agrees=True)
        self._tell(book, now_ns, proven=True, whole=True)

    # -- what is told --------------------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> None:
        self._verdicts(now_ns)
        self._verdict_ns = now_ns + _VERDICT_NS
        for key, book in self._books.items():
            old = book.whole_ns >= 0 and now_ns - book.whole_ns >= self._link.settings.compare_ns
            if self._open and self._reading.current and (old or 0 < book.retry_ns <= now_ns):
                book.retry_ns = 0
                self._ask(book, now_ns)
            if book.told is not None and now_ns - book.told_ns >= _AGAIN_NS and self._doubts.get(key) is Doubt.NONE:
                self._say(book, book.told, now_ns)

    def next_ns(self) -> int | None:
        return self._verdict_ns

    def _draw(self, book: Book) -> None:
        if book.state is not None:
            book.bids, book.asks = ladder(book.pool, book.state, book.ticks)

    def _tell(self, book: Book, now_ns: int, *, proven: bool, whole: bool = False) -> None:
        key = book.pool.instrument.id
        bid, bid_lots = _first(book.bids)
        ask, ask_lots = _first(book.asks)
        if proven:
            self._trust.book(key, bid, ask, book.venue_ns, now_ns, whole=whole)
        if bid >= ask > 0:
            return
        top = bid, bid_lots, ask, ask_lots
        if top != book.told or whole:
            self._say(book, top, now_ns)
        mark = book.pool.price_floor(book.state.root) if book.state is not None else 0
        if 0 < mark != book.marked and mark < 2**62:
            book.marked = mark
            self._link.told.append(Mark(book.venue_ns, now_ns, key, mark))
        if self._trust.doubt(key, now_ns) != self._doubts.get(key):
            self._verdicts(now_ns)

    def _say(self, book: Book, top: tuple[int, int, int, int], now_ns: int) -> None:
        book.told, book.told_ns = top, now_ns
        self._link.told.append(BookTop(book.venue_ns, now_ns, book.pool.instrument.id, *top))

    def _verdicts(self, now_ns: int) -> None:
        for key, doubt in self._trust.changes(now_ns):
            self._doubts[key] = doubt
            self._link.told.append(DataTrust(now_ns, now_ns, key, doubt))


def _first(levels: Iterable[Level]) -> Level:
    return next(iter(levels), (0, 0))
