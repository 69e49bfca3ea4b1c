"""What is not known is asked, ever less often, until the venue says: never guessed.

An order is looked for by its id among those that are open; the venue forgets those that are over, so an order that is
not found there is looked for among the trades. Found nowhere twice over, it has ended with what it traded, if the venue
ever had it; else it is absent, and called so only long after it was last sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.orders import OrderSignal, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.settings import SECOND
from pilotfish.venues.polymarket.trading.results import Results
from pilotfish.venues.polymarket.trading.settlement import UNIT, size6_of
from pilotfish.venues.polymarket.trading.working import NEVER, Order, Stage, Working
from pilotfish.venues.polymarket.wire.answers import END_CURSOR, OpenOrders, TradeRow, Trades
from pilotfish.venues.polymarket.wire.codec import OPEN_ORDER, OPEN_ORDERS, TRADES
from pilotfish.venues.polymarket.wire.orders import may_rest
from pilotfish.venues.polymarket.wire.statuses import order_status
from pilotfish.venues.reading import Reading

_SURE_NS = SECOND  # between two looks that found the same
_PAGES_MAX = 1_000
_DOUBLINGS_MAX = 8

Page = Trades | OpenOrders


class Asking:
    def __init__(self, link: Link, listing: Listing, working: Working, results: Results) -> None:
        self._link, self._listing, self._working, self._results = link, listing, working, results
        self.on_open: Callable[[Order, bool, int], None] = lambda order, delayed, now_ns: None

    def tick(self, now_ns: int) -> None:
        for order in list(self._working.live.values()):
            if order.ask_ns <= now_ns and not order.asking and order.stage is not Stage.SIGNING:
                self._ask(order, now_ns)

    def next_ns(self) -> int | None:
        asked = (order.ask_ns for order in self._working.live.values() if not order.asking)
        soonest = min(asked, default=NEVER)
        return soonest if soonest < NEVER else None

    def said(self, order: Order, name: str, status: str, size_matched: object, now_ns: int) -> None:
        """What the venue says of an order, by the stream or asked. Raises MessageRefused."""
        name = name.lower()
        if name != order.id and order.id and name in order.earlier:
            return  # of before an amendment
        if not order.id:
            order.found = name
        signal, reason = order_status(status)
        traded6 = order.base6 + size6_of(size_matched)
        whole = traded6 >= order.place.lots * UNIT
        if signal is OrderSignal.CANCEL or (signal is OrderSignal.FILLED and (whole or not may_rest(order.place))):
            order.had = True
            why = reason if reason is not Reason.NONE or order.place.tif is not Tif.IOC else Reason.NO_DEPTH
            return self._results.ended(order, traded6, why, now_ns)
        if signal is OrderSignal.LOST:  # it did not match after a delay; what follows is said by its next status
            return order.want_answer(now_ns + self._link.settings.unknown_ask_ns)
        self._results.taken(order, now_ns)
        if order.place.tif is Tif.IOC:
            order.want_answer(now_ns + self._link.settings.unknown_ask_ns)
        if not order.over:
            self.on_open(order, status.upper().endswith("DELAYED"), now_ns)

    def missing(self, order: Order, now_ns: int) -> None:
        """It is not among the open orders, and every trade was told."""
        if order.over:
            return
        if order.gone is None or order.gone[0] != order.filled6:
            order.gone = (order.filled6, now_ns)
            return order.want_answer(now_ns + _SURE_NS)
        if now_ns - order.gone[1] < _SURE_NS:
            return order.want_answer(order.gone[1] + _SURE_NS)
        if order.had or order.filled6 > order.base6:
            why = Reason.NO_DEPTH if order.place.tif is Tif.IOC else Reason.NONE
            self._results.ended(order, order.filled6, why, now_ns)
        elif now_ns - order.sent_ns >= self._link.settings.absent_ns:
            if order.refused is not Reason.NONE:
                self._results.refused(order, order.refused, now_ns)
            else:
                order.absent = True

    def _ask(self, order: Order, now_ns: int) -> None:
        settings = self._link.settings
        order.asking, order.asks = True, order.asks + 1
        again_ns = min(settings.unknown_ask_ns << min(order.asks, _DOUBLINGS_MAX), settings.unknown_ask_ns_max)
        if not order.id:  # not known from before a restart: it is looked for among the trades
            order.asking, order.ask_ns = False, now_ns + again_ns
            return
        if order.expects is not None:
            order.ask_ns = now_ns + again_ns
            return self._ask_trades(order, now_ns)
        request = Request("GET", settings.clob_url, f"/data/order/{order.id}", Kind.LEDGER, account=order.place.account)

        def answered(answer: Answer | None, then_ns: int) -> None:
            order.asking, order.ask_ns = False, then_ns + again_ns
            if order.over or answer is None or not (answer.ok or answer.status == 404):
                return
            if answer.status == 404 or answer.body.strip() in (b"", b"null", b"{}"):
                return self._ask_trades(order, then_ns)
            try:
                row = OPEN_ORDER.decode(answer.body)
                self.said(order, row.id, row.status, row.size_matched, then_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("order by REST")

        self._link.ask(request, now_ns, answered, urgent=True)

    def _ask_trades(self, order: Order, now_ns: int) -> None:
        listed = self._listing.get(order.place.instrument)
        if listed is None:
            return
        settings = self._link.settings
        after_s = max(0, self._link.venue_ns(order.first_ns) - settings.trades_overlap_ns) // SECOND
        query = {"asset_id": listed.token, "after": str(after_s)}
        order.asking = True

        def done(whole: bool, then_ns: int) -> None:
            order.asking = False
            if whole:
                self.missing(order, then_ns)

        self.trades(order.place.account, query, now_ns, done)

    # -- whole listings ------------------------------------------------------------------------------------------------

    def trades(self, account: int, query: Mapping[str, str], now_ns: int, done: Callable[[bool, int], None]) -> None:
        """Tell every trade of a listing; `done` says whether all of it was read."""

        def each(page: Page, then_ns: int) -> None:
            for row in page.data or ():
                if isinstance(row, TradeRow):
                    self.trade(row, then_ns)

        self.pages("/data/trades", TRADES, account, query, now_ns, each, done)

    def open_orders(
        self, account: int, now_ns: int, each: Callable[[Page, int], None], done: Callable[[bool, int], None]
    ) -> None:
        self.pages("/data/orders", OPEN_ORDERS, account, {}, now_ns, each, done)

    def trade(self, row: TradeRow, now_ns: int) -> None:
        try:
            self._results.trade(row, now_ns)
        except (MessageRefused, NumericOverflow):
            self._link.set_aside("trade by REST")

    def pages(
        self, path: str, reading: Reading[Any], account: int, query: Mapping[str, str], now_ns: int,
        each: Callable[[Page, int], None], done: Callable[[bool, int], None], number: int = 0,
    ) -> None:  # fmt: skip
        """Page after page, until the last one or a failure."""
        request = Request("GET", self._link.settings.clob_url, path, Kind.LEDGER, query, account=account)

        def answered(answer: Answer | None, then_ns: int) -> None:
            if answer is None or not answer.ok or number >= _PAGES_MAX:
                return done(False, then_ns)
            try:
                page = reading.decode(answer.body)
            except MessageRefused:
                self._link.set_aside(path)
                return done(False, then_ns)
            each(page, then_ns)
            cursor = page.next_cursor
            if not isinstance(cursor, str) or cursor in ("", END_CURSOR):
                return done(True, then_ns)
            following = {**query, "next_cursor": cursor}
            self.pages(path, reading, account, following, then_ns, each, done, number + 1)

        self._link.ask(request, now_ns, answered, urgent=True)
