"""Our orders at this venue: commands in, and everything that becomes of them out as events.

The venue knows no change of an order: an Amend is a cancel, and a new order for what is left once it is known how much
the old one traded. It keeps the client order id, loses its place in the queue, and its end is the whole's end.
The venue refuses an order whose hash it has seen ("Duplicated"), and a retry has the same hash: ids are idempotent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import OrderUpdate
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, OrderSignal, Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import Approved
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.link import Link
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.trading.asking import Asking
from pilotfish.venues.polymarket.trading.cancels import Cancels
from pilotfish.venues.polymarket.trading.posting import DELAYED_NS, Guards, Posting
from pilotfish.venues.polymarket.trading.reconcile import Reconciling
from pilotfish.venues.polymarket.trading.results import Results
from pilotfish.venues.polymarket.trading.settlement import UNIT, Settlements
from pilotfish.venues.polymarket.trading.working import Batch, Order, Stage, Working
from pilotfish.venues.polymarket.wire.messages import UserMessage, UserOrder
from pilotfish.venues.polymarket.wire.orders import places


class Trading:
    """`settlements.provisional` and `results.surplus` say what is not sure, and what is nobody's."""

    def __init__(self, link: Link, listing: Listing, keys: Keyring | None, guards: Guards) -> None:
        self._link = link
        self.working = Working()
        self.settlements = Settlements(link)
        self.results = Results(link, listing, self.working, self.settlements)
        self.posting = Posting(link, listing, self.working, self.results, keys, guards)
        self.asking = Asking(link, listing, self.working, self.results)
        self.cancels = Cancels(link, listing, self.working)
        self.reconciling = Reconciling(link, self.working, self.results, self.asking, self.posting)
        self.results.on_end = self._goes_on
        self.posting.on_taken = self.asking.on_open = self._taken
        self._stopping_ns = -1

    # -- commands ------------------------------------------------------------------------------------------------------

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """All but Query, which asks about leads too."""
        alone: list[Order] = []
        for approved in commands:
            command = approved.command
            if isinstance(command, Place):
                alone += self._place(command, now_ns)
            elif isinstance(command, PlaceBatch):
                self._place_batch(command, now_ns)
            elif isinstance(command, Cancel):
                self._cancel(command, now_ns)
            elif isinstance(command, CancelAll):
                self._cancel_all(command, now_ns)
            elif isinstance(command, Amend):
                self._amend(command, now_ns)
        self.posting.send(alone, now_ns)
        self.cancels.flush(now_ns)
        self.results.flush(now_ns)

    def _place(self, place: Place, now_ns: int) -> list[Order]:
        order = self.working.orders.get(place.coid)
        if order is None:
            return [self.working.add(Order(place))]
        return self._again(order, now_ns)

    def _place_batch(self, command: PlaceBatch, now_ns: int) -> None:
        if command.coid in self.working.orders:
            again = [self.working.orders[command.coid + k] for k in range(command.lots.size)]
            return self.posting.send([one for order in again for one in self._again(order, now_ns)], now_ns)
        batch = Batch(command) if command.tif is Tif.IOC else None
        made = [self.working.add(Order(place, batch=batch, index=k)) for k, place in enumerate(places(command))]
        if batch is not None:
            batch.orders = made
            self.working.batches[command.coid] = batch
        self.posting.send(made, now_ns, elsewhere=True)

    def _again(self, order: Order, now_ns: int) -> list[Order]:
        """The same order once more: what is over is said again, what is absent or unknown is sent again as it was."""
        if order.over:
            if order.batch is None:
                left = order.place.lots - order.told
                signal = OrderSignal.CANCEL if left else OrderSignal.FILLED
                self._link.told.append(OrderUpdate(now_ns, now_ns, order.place.coid, signal, Reason.NONE, left))
            return []
        order.absent, order.gone, order.refused = False, None, Reason.NONE
        return [order] if order.stage is Stage.UNKNOWN else []

    def _cancel(self, command: Cancel, now_ns: int) -> None:
        order = self.working.orders.get(command.coid)
        if order is None:
            self._link.counts["cancels of unknown orders"] += 1
            return
        order.amend = None
        if order.over:
            self._again(order, now_ns)
        self.cancels.want([order], now_ns)

    def _cancel_all(self, command: CancelAll, now_ns: int) -> None:
        if command.account not in self._link.accounts:
            return
        mine = self.working.open_of(command.account, command.instrument)
        for order in mine:
            order.amend = None
            if order.stage is Stage.SIGNING:
                self.results.refused(order, Reason.KILLED, now_ns)
        self.cancels.everything(command.account, command.instrument, now_ns)
        self.cancels.want(mine, now_ns)

    def _amend(self, command: Amend, now_ns: int) -> None:
        order = self.working.orders.get(command.coid)
        if order is None or order.over:
            self._link.counts["amends of orders that are over"] += 1
            return
        order.amend = command
        self.cancels.want([order], now_ns)

    def _goes_on(self, order: Order, traded6: int, now_ns: int) -> bool:
        """An order to be amended has ended: what is left of it is placed anew."""
        amend, order.amend = order.amend, None
        if amend is None or traded6 >= min(amend.lots, order.place.lots) * UNIT:
            return False
        order.place = msgspec.structs.replace(order.place, lots=amend.lots, price=amend.price)
        order.base6, order.body, order.cancelling, order.asks = traded6, None, False, 0
        order.times, order.had, order.gone, order.stage = 0, False, None, Stage.SIGNING
        order.acked = False  # the new one is acknowledged by itself
        self.posting.send([order], now_ns)
        return True

    def _taken(self, order: Order, delayed: bool, now_ns: int) -> None:
        """The venue has it. A purchase that is held back is given the time to trade before its rest is cancelled."""
        if not order.cancelling:
            return
        if delayed and order.place.tif is Tif.IOC:
            order.cancel_ns = max(order.cancel_ns, order.sent_ns + DELAYED_NS)
        else:
            order.cancel_ns = min(order.cancel_ns, now_ns)
        self.cancels.flush(now_ns)

    # -- what the venue says -------------------------------------------------------------------------------------------

    def hear(self, messages: Iterable[UserMessage], now_ns: int) -> None:
        """Each message alone."""
        for message in messages:
            try:
                if isinstance(message, UserOrder):
                    self._hear_order(message, now_ns)
                else:
                    self.results.trade(message, now_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("user message")
        self.results.flush(now_ns)

    def _hear_order(self, message: UserOrder, now_ns: int) -> None:
        order = self.working.by_id.get(message.id.lower())
        if order is None:
            self._link.counts["orders of no order of ours"] += 1
            return
        default = "CANCELED" if message.type == "CANCELLATION" else "LIVE"
        status = message.status if isinstance(message.status, str) and message.status else default
        self.asking.said(order, message.id.lower(), status, message.size_matched, now_ns)

    def unknown(self, account: int, now_ns: int) -> None:
        """The server may have cancelled everything of this account: what was open is asked for."""
        for order in self.working.open_of(account):
            if order.stage in (Stage.OPEN, Stage.UNKNOWN):
                self.results.lost(order, now_ns)
                order.want_answer(now_ns)

    def ask_open(self, instrument: int, now_ns: int) -> None:
        """The tick has changed: what rests in this instrument may be void."""
        for order in self.working.live.values():
            if order.place.instrument == instrument and order.stage is Stage.OPEN:
                order.want_answer(now_ns)

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> None:
        self.posting.tick(now_ns)
        self.asking.tick(now_ns)
        self.cancels.flush(now_ns)
        self.settlements.tick(now_ns)
        self.results.flush(now_ns)

    def next_ns(self) -> int | None:
        parts = (self.posting, self.asking, self.cancels, self.settlements, self.results)
        return min((ns for part in parts if (ns := part.next_ns()) is not None), default=None)

    def stop(self, now_ns: int) -> None:
        self._stopping_ns = now_ns
        if self._link.settings.cancel_on_stop:
            self.cancels.want(self.working.live.values(), now_ns)
            self.cancels.flush(now_ns)

    def quiet(self, now_ns: int) -> bool:
        """After `stop`: whether nothing more is waited for. What is provisional is, since there may be no next process
        to hear of a match that fails.
        """
        if now_ns - self._stopping_ns >= self._link.settings.stop_ns_max:
            return True
        live = any(not order.absent for order in self.working.live.values())  # what never arrived is not waited for
        open_ = self._link.settings.cancel_on_stop and live
        return self._link.idle and self.settlements.idle and not open_ and not self.results.next_ns()
