"""Market data through ccxt: tops of books, marks, and the proof that they may be acted on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import BookTop, DataTrust, Event, Mark
from pilotfish.venues.ccxt.listing import Listed
from pilotfish.venues.trust import Trust, TrustTerms

MS = 1_000_000
SECOND = 1_000_000_000
AGAIN_NS = SECOND * 3 // 4  # a trusted book that stands still is told again this often
SETTLE_NS = 2 * SECOND  # how long a stream may lag behind an answer before they disagree
Row = Mapping[str, Any]
Top = tuple[int, int, int, int]


class Feeds:
    """Bid, bid lots, ask and ask lots of each instrument, as last heard on the stream."""

    def __init__(self, listed: Mapping[str, Listed], tell: Callable[[Event], None], terms: TrustTerms | None) -> None:
        self.listed, self.trust, self._tell = dict(listed), Trust(terms), tell
        self.counts: Counter[str] = Counter()
        self.tops: dict[int, tuple[Top, int]] = {}  # with the exchange's stamp
        self._told: dict[int, int] = {}
        self._moved: dict[int, int] = {}
        self._marks: dict[int, int] = {}
        self._seen: dict[tuple[str, str], object] = {}
        self._doubted: dict[int, tuple[Top, int]] = {}
        for one in self.listed.values():
            self.trust.watch(one.instrument.id)

    def overhear(self, books: Mapping[str, Row], marks: Mapping[str, Row], now_ns: int) -> None:
        """What ccxt knows now; what is the same object as before is not new."""
        for symbol, row in books.items():
            if self._seen.get(("book", symbol)) is not row:
                self._seen["book", symbol] = row
                self.book(symbol, row, now_ns)
        for symbol, row in marks.items():
            if self._seen.get(("mark", symbol)) is not row:
                self._seen["mark", symbol] = row
                self.mark(symbol, row, now_ns)

    def book(self, symbol: str, row: Row, now_ns: int) -> None:
        """A whole top of book. One that cannot be read is set aside."""
        listed = self.listed.get(symbol)
        if listed is None:
            return
        try:
            top = _top(listed, row.get("bid"), row.get("bidVolume"), row.get("ask"), row.get("askVolume"))
        except NumericOverflow:
            self.counts["set_aside"] += 1
            return
        instrument, stamp = listed.instrument.id, _stamp(row, now_ns)
        known = self.tops.get(instrument)
        if known is not None and stamp < known[1]:
            self.counts["overtaken"] += 1
            return
        self.trust.subscribed(instrument)
        self.trust.book(instrument, top[0], top[2], stamp, now_ns, whole=True)
        if known is None or known[0] != top:
            self._moved[instrument] = now_ns
        self.tops[instrument] = (top, stamp)
        if not top[0] >= top[2] > 0:  # a crossed one is a doubt, and no book
            self._say(instrument, now_ns)
        self.verdicts(now_ns)

    def mark(self, symbol: str, row: Row, now_ns: int) -> None:
        listed, price = self.listed.get(symbol), row.get("markPrice")
        if listed is None or price is None:
            return
        try:
            units = listed.mark(price)
        except NumericOverflow:
            self.counts["set_aside"] += 1
            return
        if units > 0:
            self._marks[listed.instrument.id] = units
            self._tell(Mark(_stamp(row, now_ns), now_ns, listed.instrument.id, units))

    def marked(self, instrument: int) -> int:
        """The last mark; 0 before the first."""
        return self._marks.get(instrument, 0)

    def moved(self, instrument: int) -> int:
        """When the top of book changed last, our clock."""
        return self._moved.get(instrument, 0)

    def lost(self, now_ns: int) -> None:
        """The stream is gone, and with it all that was known."""
        self.trust.lost()
        self.tops.clear()
        self._doubted.clear()
        self.verdicts(now_ns)

    def compared(self, symbol: str, row: Row, now_ns: int) -> None:
        """The same book by another way. It disagrees when the stream neither says the same nor moves for a while."""
        listed = self.listed[symbol]
        instrument = listed.instrument.id
        bids, asks = row.get("bids") or [[None, None]], row.get("asks") or [[None, None]]
        try:
            top = _top(listed, *(_written(one) for one in (bids[0][0], bids[0][1], asks[0][0], asks[0][1])))
        except NumericOverflow:
            self.counts["set_aside"] += 1
            return
        known = self.tops.get(instrument)
        if known is None:
            return
        if (known[0][0], known[0][2]) == (top[0], top[2]):
            self._doubted.pop(instrument, None)
            self.trust.compared(instrument, agrees=True)
        else:
            self._doubted.setdefault(instrument, (top, now_ns))

    def tick(self, now_ns: int) -> None:
        for instrument, (_, since_ns) in list(self._doubted.items()):
            if self._moved.get(instrument, 0) > since_ns:
                del self._doubted[instrument]
            elif now_ns - since_ns > SETTLE_NS:
                del self._doubted[instrument]
                self.counts["disagreements"] += 1
                self.trust.compared(instrument, agrees=False)
        self.verdicts(now_ns)
        for instrument in self.tops:
            still = now_ns - self._told.get(instrument, 0) >= AGAIN_NS
            if still and self.trust.doubt(instrument, now_ns) is Doubt.NONE:
                self._say(instrument, now_ns)

    def _say(self, instrument: int, now_ns: int) -> None:
        top, stamp = self.tops[instrument]
        self._told[instrument] = now_ns
        self._tell(BookTop(stamp, now_ns, instrument, *top))

    def verdicts(self, now_ns: int) -> None:
        """Tell whose verdict is new; before the first book every instrument is doubted."""
        for instrument, doubt in self.trust.changes(now_ns):
            self._tell(DataTrust(now_ns, now_ns, instrument, doubt))


def _top(listed: Listed, bid: object, bid_size: object, ask: object, ask_size: object) -> Top:
    bids = (listed.price(bid), listed.lots_floor(bid_size)) if bid is not None else (0, 0)
    asks = (listed.price(ask), listed.lots_floor(ask_size)) if ask is not None else (0, 0)
    if min(*bids, *asks) < 0:
        raise NumericOverflow(f"a book of {listed.symbol}: {bids} bid, {asks} asked", "is none", "wait for the next")
    return (*bids, *asks)


def _written(number: object) -> object:
    """ccxt's books are floats whatever it is told; the shortest text of one is what the exchange wrote (15 digits)."""
    return repr(number) if isinstance(number, float) else number


def _stamp(row: Row, now_ns: int) -> int:
    stamp = row.get("timestamp")
    ahead_ns = now_ns + SETTLE_NS  # a stamp that is yet to come would overtake all that follows
    return stamp * MS if isinstance(stamp, int) and 0 < stamp * MS <= ahead_ns else now_ns
