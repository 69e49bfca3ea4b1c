"""The answer to a Query: where each order stands, then every fill since the cursor, then which order is open or over.

In this order, because an order that is called over must have all its fills told. The cursor is a stamp of the venue,
ms: up to there everything of ours has been told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from pilotfish.domain.events import Reconciled
from pilotfish.domain.instrument import Side
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Place, Tif
from pilotfish.venues.decimals import MessageRefused, fixed
from pilotfish.venues.hyperliquid.accounts import SECOND, Account
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.ask import OVERLAP_MS, Asking
from pilotfish.venues.hyperliquid.trading.nonces import NS_PER_MS
from pilotfish.venues.hyperliquid.trading.results import Batch
from pilotfish.venues.hyperliquid.trading.stream import Stream
from pilotfish.venues.hyperliquid.trading.told import Teller
from pilotfish.venues.hyperliquid.trading.working import Order, Orders, Stage
from pilotfish.venues.hyperliquid.wire.actions import Cloids, Listed
from pilotfish.venues.hyperliquid.wire.answers import KnownOrder, OpenOrder, OrderHistory, OrderStatus
from pilotfish.venues.hyperliquid.wire.assets import Listing

BEHIND_MS = 5_000  # how far the venue's answers may be behind its matching
LOOK_NS = 60 * SECOND  # what the streams say is held against the venue's own books so often, when we are asked
SHORT_NS = 5 * SECOND  # and so often where fills are missing
MANY = 10  # from so many orders of an account on, `openOrders` is lighter than `orderStatus` for each
FIRST_MS = 3_600_000  # a journal without a cursor is asked for from so long before this process began
_TIF = {"Ioc": Tif.IOC, "FrontendMarket": Tif.IOC, "Gtc": Tif.GTC, "Alo": Tif.ALO}

Then = Callable[[Reconciled | None, int], None]


class Reconciler:
    """One question at a time; one that comes meanwhile waits, and only the latest of these."""

    def __init__(
        self, link: Link, listing: Listing, orders: Orders, teller: Teller, asking: Asking, stream: Stream
    ) -> None:
        self._link, self._listing, self._orders = link, listing, orders
        self._teller, self._asking, self._stream = teller, asking, stream
        self._began_ms = 0
        omnibus = [account for account in stream.accounts.values() if account.account == OMNIBUS]
        self._omnibus = omnibus[0] if omnibus else None
        self._cloids = Cloids(link.settings.journal)
        self._fetched_ns: dict[str, int] = {}  # when an account's fills were last asked for, and came
        self._gap_ns = 0
        self._running: _Round | None = None
        self._next: tuple[int, tuple[int, ...], Then] | None = None

    def began(self, now_ns: int) -> None:
        """When this process first spoke: what others sent before it has expired some time after."""
        if not self._began_ms:
            self._began_ms = now_ns // NS_PER_MS
            self.since(0)

    def gap(self, now_ns: int) -> None:
        """The streams were down until now: nothing they said before is the last word."""
        self._gap_ns = now_ns

    def since(self, cursor: int) -> None:
        """Nothing older than the cursor, less an overlap, is told."""
        self._stream.floor_ms = (cursor or self._began_ms - FIRST_MS) - OVERLAP_MS

    def ask(self, cursor: int, coids: Sequence[int], now_ns: int, then: Then) -> None:
        """`then(answer, now_ns)` is called once; None where the answer could not be complete."""
        if self._running is not None:
            if self._next is not None:
                self._next[2](None, now_ns)
            self._next = (cursor, tuple(coids), then)
            return
        self.since(cursor)
        self._running = _Round(cursor, tuple(coids), then)
        self._statuses(self._running, now_ns)

    def find(self, coid: int, now_ns: int, then: Callable[[Order | None, int], None]) -> None:
        """An order by its id: from memory, or as the venue knows it under the one account that has no other orders."""
        order = self._orders.get(coid)
        account = self._omnibus
        if order is not None or account is None:
            return then(order, now_ns)

        def answered(status: OrderStatus | None, ns: int) -> None:
            if isinstance(status, KnownOrder) and self._orders.get(coid) is None:
                self._adopt(account, coid, status.order, now_ns, ns)
            then(self._orders.get(coid), ns)

        self._asking.status(account.trades_as, coid, now_ns, answered)

    def adopt(self, account: Account, listed: Listed, place: Place, batch: Batch | None, now_ns: int) -> Order:
        """Take an order of before this process into memory: it is unknown until the venue says."""
        order = Order(place, account, listed, batch, Stage.UNKNOWN, adopted=True)
        order.posted_ms = max(self._stream.floor_ms, 0)
        order.expires_ns = max(self._unknown_expires_ns(), now_ns)
        self._orders.add(order)
        return order

    def adopt_open(self, account: Account, coid: int, row: OpenOrder, now_ns: int) -> Order | None:
        """The same, as the venue describes it; None where that cannot be used."""
        try:
            listed = self._listing.of(row.coin)
            lots = fixed(row.origSz if isinstance(row.origSz, str) else row.sz, listed.instrument.lot_decimals)
            price = fixed(row.limitPx, listed.instrument.price_decimals)
        except MessageRefused:
            self._link.set_aside("an order that makes no sense")
            return None
        tif = _TIF.get(row.tif if isinstance(row.tif, str) else "", Tif.GTC)
        side = Side.BUY if row.side == "B" else Side.SELL
        only_reduces = row.reduceOnly is True
        place = Place(coid, account.account, listed.instrument.id, side, lots, price, tif, only_reduces)
        return self.adopt(account, listed, place, None, now_ns)

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _statuses(self, round_: _Round, now_ns: int) -> None:
        asked = [coid for coid in round_.coids if coid not in self._orders.batches and self._askable(coid, now_ns)]
        by_account: defaultdict[Account, list[int]] = defaultdict(list)
        for coid in asked:
            order = self._orders.get(coid)
            account = order.account if order is not None else self._omnibus
            if account is not None:
                by_account[account].append(coid)
        round_.waiting = len(asked)
        if not asked:
            return self._fills(round_, now_ns)
        for account, coids in by_account.items():
            if len(coids) > MANY:
                then = partial(self._open_orders, round_, account, coids, now_ns)
                self._asking.open_orders_once(account, now_ns, then)
            else:
                self._each(round_, account, coids, now_ns)

    def _each(self, round_: _Round, account: Account, coids: Sequence[int], now_ns: int) -> None:
        for coid in coids:
            then = partial(self._status, round_, account, coid, now_ns)
            self._asking.status(account.trades_as, coid, now_ns, then)

    def _open_orders(  # one answer for all that rest, instead of many
        self, round_: _Round, account: Account, coids: Sequence[int], asked_ns: int, rows: list[OpenOrder] | None,
        now_ns: int,
    ) -> None:  # fmt: skip
        open_ = {row.oid: row for row in rows or ()}
        rest: list[int] = []
        for coid in coids:
            order = self._orders.get(coid)
            row = open_.get(order.oid) if order is not None else None
            if order is not None and row is not None and row.cloid == self._cloids.cloid(coid):
                self._asking.told(order, OrderHistory(row, "open", row.timestamp), asked_ns, now_ns)
                round_.waiting -= 1
            else:
                rest.append(coid)
        self._each(round_, account, rest, now_ns)
        if not round_.waiting:
            self._fills(round_, now_ns)

    def _askable(self, coid: int, now_ns: int) -> bool:
        """What is settled, or is known to rest, is not asked about; what nobody here has placed only where there is but
        one account.
        """
        order = self._orders.get(coid)
        if order is None:
            return self._omnibus is not None
        fresh = order.confirmed_ns > max(self._gap_ns, now_ns - LOOK_NS)
        return not order.stage.over and not (order.stage is Stage.OPEN and fresh and not order.cancels)

    def _status(
        self, round_: _Round, account: Account, coid: int, asked_ns: int, status: OrderStatus | None, now_ns: int
    ) -> None:
        order = self._orders.get(coid)
        if status is None:
            round_.failed = True
        elif isinstance(status, KnownOrder):
            if order is None:
                self._adopt(account, coid, status.order, asked_ns, now_ns)
            elif not order.stage.over:
                self._asking.told(order, status.order, asked_ns, now_ns)
        elif order is None:
            if asked_ns >= self._unknown_expires_ns():
                round_.absent.add(coid)
        elif self._asking.surely_absent(order, asked_ns):
            self._teller.absent(order, now_ns)
        round_.waiting -= 1
        if not round_.waiting:
            self._fills(round_, now_ns)

    def _fills(self, round_: _Round, now_ns: int) -> None:
        """Of the ten accounts that are streamed, and of those where something rests: since a gap, and now and then."""
        if round_.failed:
            return self._done(round_, None, now_ns)
        stream, live = self._stream, [order for order in self._orders.all_live() if order.batch is None]
        resting = {order.account.trades_as for order in live}
        short = {order.account.trades_as for order in live if order.stage is Stage.ENDED}
        due: list[Account] = []
        for address, account in stream.accounts.items():
            fetched_ns = self._fetched_ns.get(address, 0)
            stale = fetched_ns <= max(self._gap_ns, now_ns - LOOK_NS)
            wanted = address in short and fetched_ns < now_ns - SHORT_NS
            if (address in stream.streamed or address in resting) and (stale or wanted):
                due.append(account)
        round_.waiting = len(due)
        if not due:
            return self._done(round_, self._answer(round_, now_ns), now_ns)
        for account in due:
            then = partial(self._filled, round_, account, now_ns)
            self._asking.fills(account, max(stream.floor_ms, 0), now_ns, then)

    def _filled(self, round_: _Round, account: Account, asked_ns: int, whole: bool, now_ns: int) -> None:
        if whole:
            self._fetched_ns[account.trades_as] = asked_ns
        round_.failed |= not whole
        round_.waiting -= 1
        if not round_.waiting:
            self._done(round_, None if round_.failed else self._answer(round_, now_ns), now_ns)

    def _answer(self, round_: _Round, now_ns: int) -> Reconciled:
        """What is not sure yet is left out, and asked for again by the engine."""
        open_: list[int] = []
        over: list[int] = []
        absent: list[int] = []
        for coid in round_.coids:
            batch, order = self._orders.batches.get(coid), self._orders.get(coid)
            if batch is not None:
                self._teller.flush(batch, now_ns)
                (absent if batch.absent else over if batch.over else open_).append(coid)
            elif order is None:
                absent += [coid] if coid in round_.absent else []
            elif order.stage is Stage.OPEN:
                open_.append(coid)
            elif order.stage is Stage.ABSENT:
                absent.append(coid)
            elif order.stage is Stage.REFUSED or order.accounted():
                self._teller.again(order, now_ns)
                over.append(coid)
        asked = tuple(coid for coid in round_.coids if coid in {*open_, *over, *absent})
        cursor = max(round_.cursor, self._reached_ms())
        return Reconciled(now_ns, now_ns, cursor, asked, tuple(open_), tuple(over))

    def _reached_ms(self) -> int:
        """Up to where nothing of ours is missing: fills were asked for, and no order of a batch is without its result.

        A process that begins at the cursor must find all that this one has not told.
        """
        live = self._orders.all_live()
        addresses = self._stream.streamed | {order.account.trades_as for order in live if order.batch is None}
        fetched_ns = min((self._fetched_ns.get(address, 0) for address in addresses), default=0)
        begun_ms = [order.posted_ms for order in live if order.batch is not None and order.posted_ms]
        return min([fetched_ns // NS_PER_MS - BEHIND_MS, *begun_ms])

    def _done(self, round_: _Round, answer: Reconciled | None, now_ns: int) -> None:
        self._running = None
        round_.then(answer, now_ns)
        if self._next is not None:
            (cursor, coids, then), self._next = self._next, None
            self.ask(cursor, coids, now_ns, then)

    def _adopt(self, account: Account, coid: int, history: OrderHistory, asked_ns: int, now_ns: int) -> None:
        order = self.adopt_open(account, coid, history.order, now_ns)
        if order is not None:
            self._asking.told(order, history, asked_ns, now_ns)

    def _unknown_expires_ns(self) -> int:
        """From when on nothing that another process sent before this one can arrive any more."""
        settings = self._link.settings
        return self._began_ms * NS_PER_MS + settings.expires_after_ns + settings.clock_margin_ns


class _Round:
    def __init__(self, cursor: int, coids: tuple[int, ...], then: Then) -> None:
        self.cursor, self.coids, self.then = cursor, coids, then
        self.waiting = 0
        self.failed = False
        self.absent: set[int] = set()
