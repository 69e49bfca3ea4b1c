"""Commands as they are handed over: looked up, taken into memory, grouped by account, passed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from pilotfish.domain.events import OrderUpdate
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, OrderSignal, Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.accounts import Account
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.ask import Asking
from pilotfish.venues.hyperliquid.trading.commands import Commands
from pilotfish.venues.hyperliquid.trading.line import Line
from pilotfish.venues.hyperliquid.trading.reconcile import Reconciler
from pilotfish.venues.hyperliquid.trading.results import Batch, Result
from pilotfish.venues.hyperliquid.trading.stream import Stream
from pilotfish.venues.hyperliquid.trading.told import Teller
from pilotfish.venues.hyperliquid.trading.working import Order, Orders, Stage
from pilotfish.venues.hyperliquid.wire.actions import Cloids, Listed
from pilotfish.venues.hyperliquid.wire.answers import OpenOrder
from pilotfish.venues.hyperliquid.wire.assets import Listing


class Intake:
    """What the shard wants. A command that cannot be carried out is answered, never raised."""

    def __init__(
        self, link: Link, listing: Listing, book: Orders, teller: Teller, asking: Asking, commands: Commands,
        line: Line, stream: Stream,
    ) -> None:  # fmt: skip
        self._link, self._listing, self._book, self._teller = link, listing, book, teller
        self._asking, self._commands, self._line = asking, commands, line
        self._cloids = Cloids(link.settings.journal)
        self._accounts = {account.account: account for account in stream.accounts.values()}
        self._streamed = stream.streamed
        self.closed = False  # nothing new is taken any more
        self._instruments: dict[int, Listed] = {}
        self.counts: Counter[str] = Counter()

    def submit(self, commands: Iterable[Command], reconciler: Reconciler, now_ns: int) -> None:
        """In order; neighbours of one kind and one account leave as one action."""
        for (kind, _), run in groupby(commands, key=self._bulk):
            together = list(run)
            if kind is Place:
                self._place([one for one in together if isinstance(one, Place)], now_ns)
            elif kind is Cancel:
                self._cancel([one.coid for one in together if isinstance(one, Cancel)], reconciler, now_ns)
            for one in together:
                if isinstance(one, PlaceBatch):
                    self._place_batch(one, now_ns)
                elif isinstance(one, Amend):
                    self._amend(one, reconciler, now_ns)
                elif isinstance(one, CancelAll):
                    self._cancel_all(one, reconciler, now_ns)

    def recall(self, commands: Iterable[Place | PlaceBatch], reconciler: Reconciler, now_ns: int) -> None:
        """Orders of before a restart, of which the journal knows no end: asked about, not sent."""
        for command in commands:
            batch = self._batch(command)
            for place in places(command):
                if self._book.get(place.coid) is not None:
                    continue
                listed, account = self._listed(place.instrument), self._accounts.get(place.account)
                if listed is None or account is None:
                    self.counts["not_recalled"] += 1
                    continue
                self._asking.doubtful(reconciler.adopt(account, listed, place, batch, now_ns), now_ns)

    # -- kind by kind --------------------------------------------------------------------------------------------------

    def _bulk(self, command: Command) -> tuple[type, int]:
        if isinstance(command, Place):
            return Place, command.account
        if isinstance(command, Cancel):
            order = self._book.get(command.coid)
            return Cancel, order.place.account if order is not None else -2 - command.coid
        return type(command), 0

    def _place(self, commands: Sequence[Place], now_ns: int) -> None:
        taken = [order for order in (self._take(place, None, now_ns) for place in commands) if order is not None]
        if taken:
            self._commands.place(taken, now_ns)

    def _place_batch(self, command: PlaceBatch, now_ns: int) -> None:
        known = self._book.batches.get(command.coid)
        if known is not None and not known.absent:
            self.counts["doubled"] += 1
            known.again()
            return self._teller.flush(known, now_ns)
        batch = self._batch(command)
        taken = [self._take(place, batch, now_ns) for place in places(command)]
        self._line.add([order for order in taken if order is not None], now_ns)

    def _batch(self, command: Place | PlaceBatch) -> Batch | None:
        """Orders that may rest are orders of their own, answered one by one."""
        if not isinstance(command, PlaceBatch) or command.tif is not Tif.IOC:
            return None
        batch = Batch(command)
        self._book.add_batch(batch)
        return batch

    def _take(self, place: Place, batch: Batch | None, now_ns: int) -> Order | None:
        """Into memory; None where it is known already, or cannot be."""
        known = self._book.get(place.coid)
        if known is not None and known.stage is not Stage.ABSENT:
            self.counts["doubled"] += 1
            self._teller.again(known, now_ns)
            return None
        account, listed = self._accounts.get(place.account), self._listed(place.instrument)
        if self.closed:
            self._refuse(place, batch, Reason.HALTED, now_ns)
            return None
        if account is None or listed is None:
            self.counts["not_ours"] += 1
            self._refuse(place, batch, Reason.REJECTED if listed is not None else Reason.UNMAPPED, now_ns)
            return None
        order = Order(place, account, listed, batch)
        self._book.add(order)
        return order

    def _refuse(self, place: Place, batch: Batch | None, reason: Reason, now_ns: int) -> None:
        if batch is None:
            rejected = OrderUpdate(now_ns, now_ns, place.coid, OrderSignal.REJECT, reason, place.lots)
            self._link.told.append(rejected)
            return
        index = place.coid - batch.command.coid
        self._teller.result(batch, Result(index, OrderSignal.REJECT, reason=reason, done_ns=now_ns), now_ns)

    def _cancel(self, coids: Sequence[int], reconciler: Reconciler, now_ns: int) -> None:
        known = [order for order in map(self._book.get, coids) if order is not None]
        if known:
            self._commands.cancel(known, now_ns)
        for coid in coids:
            if self._book.get(coid) is None:
                reconciler.find(coid, now_ns, self._cancel_found)

    def _cancel_found(self, order: Order | None, now_ns: int) -> None:
        if order is None:
            self.counts["cancels_of_unknown"] += 1  # said as absent by a Query, once it surely is
        elif not order.stage.over:
            self._commands.cancel([order], now_ns)

    def _amend(self, amend: Amend, reconciler: Reconciler, now_ns: int) -> None:
        def found(order: Order | None, ns: int) -> None:
            if order is None:
                self.counts["amendments_of_unknown"] += 1
            else:
                self._commands.amend(order, amend, ns)

        reconciler.find(amend.coid, now_ns, found)

    def _cancel_all(self, command: CancelAll, reconciler: Reconciler, now_ns: int) -> None:
        """What we know to be open, and what the venue says is open and ours. Strangers' orders are left alone."""
        account = self._accounts.get(command.account)
        if account is None:
            self.counts["not_ours"] += 1
            return
        mine = [
            order for order in self._book.of(account.trades_as)
            if command.instrument in (-1, order.place.instrument) and not order.stage.over
        ]  # fmt: skip
        if mine:
            self._commands.cancel(mine, now_ns)

        if account.trades_as in self._streamed:
            self._asking.open_orders(
                account, now_ns, lambda rows, ns: self._found_open(account, rows, command.instrument, reconciler, ns)
            )

    def _found_open(
        self, account: Account, rows: Sequence[OpenOrder], instrument: int, reconciler: Reconciler, now_ns: int
    ) -> None:
        for row in rows:
            coid = self._cloids.coid(row.cloid)
            listed = self._listing.by_coin.get(row.coin)
            if coid is None:
                self.counts["strangers"] += 1
            elif instrument == -1 or (listed is not None and listed.instrument.id == instrument):
                order = self._book.get(coid) or reconciler.adopt_open(account, coid, row, now_ns)
                if order is not None and not order.stage.over and not order.cancels:
                    self._commands.cancel([order], now_ns)

    def _listed(self, instrument: int) -> Listed | None:
        if instrument not in self._instruments:
            self._instruments = {one.instrument.id: one for one in self._listing.by_coin.values()}
        return self._instruments.get(instrument)


def places(command: Place | PlaceBatch) -> Iterator[Place]:
    """The orders that a command asks for, one by one."""
    if isinstance(command, Place):
        yield command
        return
    columns = (command.accounts.tolist(), command.lots.tolist(), command.prices.tolist())
    for k, (account, lots, price) in enumerate(zip(*columns, strict=True)):
        yield Place(
            command.coid + k, account, command.instrument, command.side, lots, price, command.tif, command.reduce_only
        )
