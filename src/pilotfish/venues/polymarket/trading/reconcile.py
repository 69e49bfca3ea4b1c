"""The engine's question after a gap: every trade since the cursor, what is open, and where each order stands.

The cursor is a second of the venue's clock, up to which all trades were told. An order that is neither open nor traded
and may still be on its way is called open: it is asked about again. One of an earlier life of ours is only known
when it was handed over (`recall`): without that the question is not answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from pilotfish.domain.events import Reconciled
from pilotfish.domain.orders import Place, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Link
from pilotfish.venues.polymarket.settings import SECOND
from pilotfish.venues.polymarket.trading.asking import Asking, Page
from pilotfish.venues.polymarket.trading.posting import Posting
from pilotfish.venues.polymarket.trading.results import Results
from pilotfish.venues.polymarket.trading.working import Batch, Order, Stage, Working
from pilotfish.venues.polymarket.wire.answers import OpenOrder
from pilotfish.venues.polymarket.wire.orders import OrderRefused, places
from pilotfish.venues.polymarket.wire.signing import OrderUnsignable

_AFTER_NS = 15 * SECOND  # an order is drawn at most so long after the engine has sent it

Then = Callable[[Reconciled | None, int], None]


class _Round(msgspec.Struct):
    """One question under way."""

    query: Query
    cursor: int
    waiting: int
    whole: bool = True
    open: dict[str, OpenOrder] = {}


class Reconciling:
    def __init__(self, link: Link, working: Working, results: Results, asking: Asking, posting: Posting) -> None:
        self._link, self._working, self._results = link, working, results
        self._asking, self._posting = asking, posting
        self._since_s = -1
        self._settling: list[Order] = []  # of an earlier life, over, with trades that are not heard of yet
        self._forgotten = True  # nothing of an earlier life was handed over

    def start(self, now_ns: int) -> None:
        self._since_s = self._link.venue_ns(now_ns) // SECOND

    def recall(
        self, orders: Iterable[tuple[Place | PlaceBatch, int]], settling: Iterable[tuple[Place | PlaceBatch, int]],
        now_ns: int,
    ) -> None:  # fmt: skip
        """Orders of an earlier life that may be under way, with when the engine sent them (our clock, ns), and those
        that are over and whose trades may yet fail. Their ids are found again, of every stamp they may have.
        """
        self._forgotten = False
        for command, sent_ns in orders:
            for order in self._again(command, sent_ns):
                order.want_answer(now_ns)
        for command, sent_ns in settling:
            self._settling += self._again(command, sent_ns)
        for order in self._settling:
            self._working.finish(order)

    def _again(self, command: Place | PlaceBatch, sent_ns: int) -> list[Order]:
        if isinstance(command, PlaceBatch):
            batch = Batch(command) if command.tif is Tif.IOC else None
            made = [Order(place, batch=batch, index=k) for k, place in enumerate(places(command))]
            if batch is not None:
                batch.orders = made
                self._working.batches[command.coid] = batch
        else:
            made = [Order(command)]
        for order in made:
            order.stage, order.first_ns, order.sent_ns, order.times = Stage.UNKNOWN, sent_ns, sent_ns, 1
            self._working.add(order)
            self._guess(order, sent_ns)
        return made

    def reconcile(self, query: Query, now_ns: int, then: Then) -> None:
        cursor = self._link.venue_ns(now_ns) // SECOND
        accounts = self._accounts(query)
        turn = _Round(query, cursor, 2 * len(accounts))
        if any(self._strange(coid) for coid in query.coids):
            self._link.counts["questions that cannot be answered"] += 1
            return then(None, now_ns)
        if not accounts:
            return then(self._answer(turn, now_ns), now_ns)
        oldest_s = min((order.first_ns for order in self._working.live.values()), default=now_ns) // SECOND
        since_s = query.cursor if query.cursor > 0 else min(self._since_s, oldest_s)
        recalled = [*(order for order in self._working.live.values() if order.guesses), *self._settling]
        recalled_ns = (order.first_ns for order in recalled)
        since_s = min(since_s, min(recalled_ns, default=now_ns) // SECOND)  # all that these traded, to know how much
        after_s = max(0, since_s - self._link.settings.trades_overlap_ns // SECOND)

        def each(page: Page, then_ns: int) -> None:
            for row in page.data or ():
                if isinstance(row, OpenOrder):
                    turn.open[row.id.lower()] = row

        def done(whole: bool, then_ns: int) -> None:
            turn.waiting, turn.whole = turn.waiting - 1, turn.whole and whole
            if turn.waiting:
                return
            if turn.whole:  # every trade of these is known, and watched until it is final
                self._settling = [order for order in self._settling if order.place.account not in accounts]
            then(self._answer(turn, then_ns) if turn.whole else None, then_ns)

        def listed(account: int) -> Callable[[bool, int], None]:
            """Trades are asked for after the open orders, so that what left these is among those."""

            def go_on(whole: bool, then_ns: int) -> None:
                done(whole, then_ns)
                self._asking.trades(account, {"after": str(after_s)}, then_ns, done)

            return go_on

        for account in accounts:
            self._asking.open_orders(account, now_ns, each, listed(account))

    def _accounts(self, query: Query) -> list[int]:
        """Whose orders are asked about or alive; with one account always that."""
        if len(self._link.accounts) == 1:
            return list(self._link.accounts)
        asked = {order.place.account for coid in query.coids for order in self._orders(coid)}
        others = {order.place.account for order in (*self._working.live.values(), *self._settling)}
        return sorted((asked | others) & set(self._link.accounts))

    def _orders(self, coid: int) -> list[Order]:
        batch = self._working.batches.get(coid)
        if batch is not None:
            return batch.orders
        order = self._working.orders.get(coid)
        return [order] if order is not None else []

    def _strange(self, coid: int) -> bool:
        return self._forgotten and not self._orders(coid)

    def _answer(self, turn: _Round, now_ns: int) -> Reconciled:
        open_: list[int] = []
        done: list[int] = []
        for order in list(self._working.live.values()):
            self._look(order, turn, now_ns)
        for coid in turn.query.coids:
            orders = self._orders(coid)
            if not orders:
                continue
            if len(orders) > 1 and any(o.absent for o in orders) and not all(o.absent for o in orders):
                for order in orders:  # of a batch some never arrived; they are not sent again alone
                    if order.absent:
                        self._results.refused(order, Reason.UNKNOWN, now_ns)
            if all(order.over for order in orders):
                done.append(coid)
            elif not all(order.absent for order in orders):
                open_.append(coid)
        self._results.flush(now_ns, everything=True)
        return Reconciled(self._link.venue_ns(now_ns), now_ns, turn.cursor, turn.query.coids, tuple(open_), tuple(done))

    def _look(self, order: Order, turn: _Round, now_ns: int) -> None:
        row = next((turn.open[name] for name in (order.id, *order.earlier, *order.guesses) if name in turn.open), None)
        if row is None:
            if order.stage not in (Stage.SIGNING, Stage.POSTED):
                self._asking.missing(order, now_ns)
            return
        try:
            self._asking.said(order, row.id, row.status, row.size_matched, now_ns)
        except MessageRefused:
            self._link.set_aside("open order")

    def _guess(self, order: Order, sent_ns: int) -> None:
        """Every id it may have. Its last sending may have kept the stamp of an earlier one."""
        settings, venue_ns = self._link.settings, self._link.venue_ns(sent_ns)
        stamps = range(
            (venue_ns - settings.same_ns) // settings.stamp_ns, (venue_ns + _AFTER_NS) // settings.stamp_ns + 1
        )
        for stamp in stamps:
            try:
                one = self._posting.draw(order, stamp)
            except (OrderRefused, OrderUnsignable):
                return
            order.guesses.add(one.id)
            self._working.by_id[one.id] = order
