"""Questions about our orders: `orderStatus` until the venue says, an account's fills until they add up.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint. An order that the venue does not know
may still be on its way; from its expiry on it cannot arrive any more, and only then is it absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from pilotfish.domain.errors import NumericOverflow
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.accounts import SECOND, Account
from pilotfish.venues.hyperliquid.budget import rows_weight
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.agenda import Agenda
from pilotfish.venues.hyperliquid.trading.told import Teller
from pilotfish.venues.hyperliquid.trading.working import Order, Orders, Stage
from pilotfish.venues.hyperliquid.wire.actions import Cloids
from pilotfish.venues.hyperliquid.wire.answers import KnownOrder, OpenOrder, OrderHistory, OrderStatus
from pilotfish.venues.hyperliquid.wire.codec import OPEN_ORDERS, ORDER_STATUS, USER_FILLS
from pilotfish.venues.hyperliquid.wire.messages import UserFill
from pilotfish.venues.hyperliquid.wire.told import order_update

STATUS_WEIGHT, FILLS_WEIGHT = 2, 20
OPEN_ORDERS_TRIES = 5
PAGE_ROWS = 2_000  # the venue's
FIRST_NS, LATEST_NS = SECOND // 4, 30 * SECOND
OVERLAP_MS = 10_000
BELIEVED_NS = 30 * SECOND  # fills that say for so long that less was traded are believed before the status

Rows = Callable[[Account, list[UserFill], int], None]


class Asking:
    """Asks /info, reads what it answers, and asks again where it does not."""

    def __init__(self, link: Link, orders: Orders, teller: Teller, agenda: Agenda, cloids: Cloids) -> None:
        self._link, self._orders, self._teller, self._agenda, self._cloids = link, orders, teller, agenda, cloids
        self._chasing: set[str] = set()  # addresses
        self._wait_ns: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self.rows: Rows = _nothing  # who tells the fills of an account
        teller.doubtful, teller.short = self.doubtful, self.short

    # -- where an order stands -----------------------------------------------------------------------------------------

    def doubtful(self, order: Order, now_ns: int, wait_ns: int = FIRST_NS) -> None:
        """Ask about an order until the venue says."""
        if not order.asking:
            order.asking = True
            self._agenda.at(now_ns + wait_ns, partial(self._ask, order, wait_ns))

    def status(self, address: str, coid: int, now_ns: int, then: Callable[[OrderStatus | None, int], None]) -> None:
        """`orderStatus` by our id; None where there is no answer that can be read."""
        body = {"type": "orderStatus", "user": address, "oid": self._cloids.cloid(coid)}

        def answered(raw: bytes | None, ns: int) -> None:
            try:
                then(None if raw is None else ORDER_STATUS.decode(raw), ns)
            except MessageRefused:
                self._link.set_aside("an order status that cannot be read")
                then(None, ns)

        self._link.info(body, STATUS_WEIGHT, now_ns, answered, urgent=True)

    def told(self, order: Order, history: OrderHistory, asked_ns: int, now_ns: int) -> bool:
        """Take over what the venue says of an order, asked for at `asked_ns`. False where it says nothing yet."""
        try:
            update = order_update(history, order.listed.instrument, self._cloids, now_ns)
        except (MessageRefused, NumericOverflow):
            self._link.set_aside("an order status that makes no sense")
            return False
        order.known = True
        amending = order.amending
        amended = amending is not None and order.oid not in (0, history.order.oid)
        if amending is not None and amended:
            self._orders.amended(order, amending, history.order.oid)
        elif amending is not None and asked_ns < order.expires_ns + self._link.settings.clock_margin_ns:
            return False  # the amendment may still arrive
        elif amending is not None:
            order.amending, order.amend = None, order.amend or amending
        self._orders.named(order, history.order.oid)
        if order.stage is Stage.POSTED:
            order.stage = Stage.UNKNOWN
        rested = order.stage is Stage.OPEN
        self._teller.word(order, update, now_ns)
        if amended and rested:
            self._teller.again(order, now_ns)
        if order.stage is Stage.OPEN and order.place.lots - update.lots_left > order.filled:
            order.hinted = True  # something of it traded that nobody has told
            self.chase(order.account, now_ns, self._link.settings.fills_wait_ns)
        return True

    def surely_absent(self, order: Order, asked_ns: int) -> bool:
        """Whether "unknown", asked for at `asked_ns`, means that the venue never had it and cannot get it."""
        return not order.known and asked_ns >= order.expires_ns + self._link.settings.clock_margin_ns

    def _ask(self, order: Order, wait_ns: int, now_ns: int) -> None:
        if order.stage.over or not order.asking:  # the stream has said it
            order.asking = False
            return
        self.counts["inquiries"] += 1

        def then(status: OrderStatus | None, ns: int) -> None:
            settled, order.asking = order.stage.over or not order.asking, False
            if settled:
                return
            if isinstance(status, KnownOrder) and self.told(order, status.order, now_ns, ns):
                return
            if status is not None and not isinstance(status, KnownOrder) and self.surely_absent(order, now_ns):
                return self._teller.absent(order, ns)
            self.doubtful(order, ns, min(2 * wait_ns, LATEST_NS))

        self.status(order.account.trades_as, order.coid, now_ns, then)

    def open_orders(self, account: Account, now_ns: int, then: Callable[[list[OpenOrder], int], None]) -> None:
        """What the venue says is open for an account, on every exchange that we have traded on; asked until it says."""
        coins = {order.listed.instrument.symbol for order in self._orders.of(account.trades_as)}
        for dex in {coin.partition(":")[0] for coin in coins if ":" in coin} | {""}:
            self._open_orders({"type": "openOrders", "user": account.trades_as, "dex": dex}, 0, then, now_ns)

    def open_orders_once(
        self, account: Account, now_ns: int, then: Callable[[list[OpenOrder] | None, int], None]
    ) -> None:
        """Of the venue's own exchange and spot; None where there is no answer that can be read."""

        def answered(raw: bytes | None, ns: int) -> None:
            try:
                then(None if raw is None else OPEN_ORDERS.decode(raw), ns)
            except MessageRefused:
                self._link.set_aside("open orders that cannot be read")
                then(None, ns)

        self._link.info({"type": "openOrders", "user": account.trades_as}, FILLS_WEIGHT, now_ns, answered, urgent=True)

    def _open_orders(
        self, body: dict[str, str], tries: int, then: Callable[[list[OpenOrder], int], None], now_ns: int
    ) -> None:
        def answered(raw: bytes | None, ns: int) -> None:
            try:
                if raw is not None:
                    return then(OPEN_ORDERS.decode(raw), ns)
            except MessageRefused:
                self._link.set_aside("open orders that cannot be read")
            if tries < OPEN_ORDERS_TRIES:
                self._agenda.at(ns + (SECOND << tries), partial(self._open_orders, body, tries + 1, then))
            else:
                self.counts["open_orders_unknown"] += 1

        self._link.info(body, FILLS_WEIGHT, now_ns, answered)

    # -- fills ---------------------------------------------------------------------------------------------------------

    def short(self, order: Order, now_ns: int) -> None:
        """Fills of an order that ended are missing: they are awaited, then asked for."""
        self.chase(order.account, now_ns, self._link.settings.fills_wait_ns)

    def chase(self, account: Account, now_ns: int, wait_ns: int) -> None:
        """Ask for the account's fills after `wait_ns`, and again until nothing is missing."""
        address = account.trades_as
        if address in self._chasing:
            return
        self._chasing.add(address)
        self._agenda.at(now_ns + wait_ns, partial(self._chase, account))

    def fills(
        self, account: Account, since_ms: int, now_ns: int, then: Callable[[bool, int], None], urgent: bool = True
    ) -> None:
        """Have all fills since `since_ms` told, page by page. `then(whole, now_ns)`: whether all came."""
        address = account.trades_as
        body = {"type": "userFillsByTime", "user": address, "startTime": since_ms, "aggregateByTime": False}

        def answered(raw: bytes | None, ns: int) -> None:
            if raw is None:
                return then(False, ns)
            try:
                rows = USER_FILLS.decode(raw)
            except MessageRefused:
                self._link.set_aside("fills that cannot be read")
                return then(False, ns)
            self._link.budget.charge(rows_weight("userFillsByTime", len(rows)), ns)
            self.rows(account, rows, ns)
            latest_ms = max((row.time for row in rows), default=since_ms)
            if len(rows) < PAGE_ROWS:
                return then(True, ns)
            if latest_ms == since_ms:  # more in one millisecond than a page holds: nothing can page through that
                self.counts["fills_cut"] += 1
            self.fills(account, max(latest_ms, since_ms + 1), ns, then, urgent)

        self._link.info(body, FILLS_WEIGHT, now_ns, answered, urgent=urgent)

    def _chase(self, account: Account, now_ns: int) -> None:
        address = account.trades_as
        wanted = [order for order in self._orders.of(address) if _wants_fills(order)]
        if not wanted:
            self._chasing.discard(address)
            self._wait_ns.pop(address, None)
            return
        self.counts["chases"] += 1
        since_ms = min(order.posted_ms for order in wanted) - OVERLAP_MS
        for order in wanted:
            order.hinted = False

        def then(whole: bool, ns: int) -> None:
            self._chasing.discard(address)
            for order in wanted:
                if whole:
                    self._only_exact(order, now_ns, ns)
                order.hinted |= not whole
            if any(_wants_fills(order) for order in self._orders.of(address)):
                wait_ns = self._wait_ns[address] = min(2 * self._wait_ns.get(address, SECOND), LATEST_NS)
                self.chase(account, ns, wait_ns)
            else:
                self._wait_ns.pop(address, None)

        self.fills(account, max(since_ms, 0), now_ns, then)

    def _only_exact(self, order: Order, asked_ns: int, now_ns: int) -> None:
        """Parts from the tape that the account's own fills do not confirm were somebody else's."""
        end = order.end
        if order.stage is not Stage.ENDED or order.accounted() or end is None:
            return
        if asked_ns >= end.ours_ns + self._link.settings.clock_margin_ns:
            order.parts = {tid: part for tid, part in order.parts.items() if part.exact}
            order.waived = order.adopted and order.batch is None
            # No fill at all of an adopted order: it may be older than what was asked for.
            believable = order.missing > 0 and (order.filled > 0 or not order.adopted)
            if not order.accounted() and believable and asked_ns >= end.ours_ns + BELIEVED_NS:
                self.counts["ends_corrected"] += 1
                return self._teller.corrected(order, now_ns)
            if order.accounted():
                self._teller.settle(order, now_ns)


def _wants_fills(order: Order) -> bool:
    return order.hinted or (order.stage is Stage.ENDED and not order.accounted())


def _nothing(_account: Account, _rows: list[UserFill], _now_ns: int) -> None:
    """Until who listens is there."""
