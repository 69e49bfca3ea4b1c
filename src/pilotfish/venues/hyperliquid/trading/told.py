"""What became known of our orders, as events: every word once, and for batches a result that is final and exact."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pilotfish.domain.events import Fill, OrderUpdate
from pilotfish.domain.orders import OrderSignal, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.agenda import Agenda
from pilotfish.venues.hyperliquid.trading.results import Batch, Result
from pilotfish.venues.hyperliquid.trading.working import Order, Orders, Stage, Traded

GATHER_NS = 50_000_000  # results of a batch are gathered so long before they are told
_ENDS = (OrderSignal.FILLED, OrderSignal.CANCEL)
_OVER = (OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT)

Hook = Callable[[Order, int], None]


class Teller:
    """Takes words and fills of orders in any order, and as often as they come.

    `doubtful(order, now_ns)` is called when nobody knows what became of an order, `short(order, now_ns)` when it ended
    and fills of it are missing, `opened(order, now_ns)` when it rests and something is wanted of it.
    """

    def __init__(self, link: Link, orders: Orders, agenda: Agenda) -> None:
        self._link, self._orders, self._agenda = link, orders, agenda
        self.doubtful: Hook = _nothing
        self.short: Hook = _nothing
        self.opened: Hook = _nothing

    def word(self, order: Order, update: OrderUpdate, now_ns: int) -> None:
        """What the venue says of an order, fills apart."""
        signal = update.signal
        if signal is not OrderSignal.LOST:
            order.confirmed_ns = now_ns
        if order.stage.over and not self._overturns(order, signal):
            return
        if signal in _OVER and order.stage is Stage.POSTED and order.place.tif is Tif.IOC:
            order.held = update  # the reply that is on its way says exactly how much was filled
        elif signal is OrderSignal.LOST:
            self._lost(order, update, now_ns)
        elif signal is OrderSignal.ACK:
            self._open(order, update, now_ns)
        elif signal is OrderSignal.REJECT:
            order.stage, order.end = Stage.REFUSED, update
            self._last_word(order, update, now_ns)
            self._orders.settle(order)
        elif signal in _ENDS:
            if order.stage.over:
                self._orders.revive(order)
            order.stage, order.left, order.end, order.known = Stage.ENDED, update.lots_left, update, True
            if order.batch is None:
                self._link.told.append(update)
            self.settle(order, now_ns)

    def replied(self, order: Order, update: OrderUpdate, now_ns: int) -> None:
        """What the reply to its placing says."""
        if update.signal is not OrderSignal.LOST and order.stage is Stage.POSTED:
            order.stage, order.held = Stage.UNKNOWN, None
        self.word(order, update, now_ns)

    def refuse(self, order: Order, reason: Reason, now_ns: int) -> None:
        """It never left us."""
        order.stage = Stage.QUEUED
        update = OrderUpdate(now_ns, now_ns, order.coid, OrderSignal.REJECT, reason, order.place.lots)
        self.word(order, update, now_ns)

    def absent(self, order: Order, now_ns: int) -> None:
        """The venue surely never had it, and cannot get it any more. Said when the engine asks."""
        if order.stage.over:
            return
        order.stage, order.end = Stage.ABSENT, None
        self._orders.settle(order)
        if order.batch is not None:
            order.batch.never_had(self._index(order))
        elif order.cancels:
            self._link.told.append(OrderUpdate(now_ns, now_ns, order.coid, OrderSignal.ABSENT))

    def fill(self, order: Order, fill: Fill, now_ns: int) -> None:
        """A fill as the venue keeps it for the account. What was summed from the tape is made exact by it."""
        seen = order.parts.get(fill.fill_id)
        if seen is not None and seen.exact:
            return
        order.known = True
        order.parts[fill.fill_id] = Traded(fill.lots, fill.cost, fill.fee, fill.venue_ns, True)
        if order.batch is None:
            self._link.told.append(fill)
        if order.stage is Stage.ENDED:
            self.settle(order, now_ns)

    def settle(self, order: Order, now_ns: int) -> None:
        """An order that ended is settled when every lot of it is accounted for."""
        if not order.accounted():
            return self.short(order, now_ns)
        self._orders.settle(order)
        end = order.end
        if order.batch is None or end is None:
            return
        parts = order.parts.values()
        cost = sum(part.cost for part in parts)
        exact = all(part.exact for part in parts)
        fee = sum(part.fee for part in parts) if exact else self._fee(order, cost)
        done_ns = max((part.ns for part in parts), default=end.venue_ns)
        signal = OrderSignal.FILLED if order.left == 0 else OrderSignal.CANCEL
        self.result(
            order.batch, Result(self._index(order), signal, order.filled, cost, fee, end.reason, done_ns), now_ns
        )

    def corrected(self, order: Order, now_ns: int) -> None:
        """The account's fills say that less was traded than the order's last word did."""
        order.left += order.missing
        end = OrderUpdate(now_ns, now_ns, order.coid, OrderSignal.CANCEL, Reason.NO_DEPTH, order.left)
        order.end = end
        if order.batch is None:
            self._link.told.append(end)
        self.settle(order, now_ns)

    def again(self, order: Order, now_ns: int, reason: Reason = Reason.NONE) -> None:
        """Handed over once more, or amended (or not, for `reason`): where it stands is said again."""
        if order.batch is None and order.stage is Stage.OPEN:
            left = order.place.lots - order.filled
            self._link.told.append(OrderUpdate(now_ns, now_ns, order.coid, OrderSignal.ACK, reason, left))
        elif order.batch is None and order.end is not None:
            self._link.told.append(order.end)

    def flush(self, batch: Batch, now_ns: int) -> None:
        if batch.waits:
            self._link.told.append(batch.update(now_ns))

    def _lost(self, order: Order, update: OrderUpdate, now_ns: int) -> None:
        if order.held is not None:  # no reply, but the stream has said how it ended
            held, order.held, order.stage = order.held, None, Stage.UNKNOWN
            return self.word(order, held, now_ns)
        if order.stage is not Stage.UNKNOWN:
            order.stage = Stage.UNKNOWN
            self._last_word(order, update, now_ns)
        self.doubtful(order, now_ns)

    def _open(self, order: Order, update: OrderUpdate, now_ns: int) -> None:
        if order.stage is Stage.ABSENT:
            self._orders.revive(order)
        first = order.stage is not Stage.OPEN
        order.stage, order.known = Stage.OPEN, True
        if first:
            order.asking = False
            if order.batch is None:
                self._link.told.append(update)
        if order.place.tif is Tif.IOC:  # it cannot rest: the venue is not through with it
            self.doubtful(order, now_ns)
        else:
            self.opened(order, now_ns)

    def _last_word(self, order: Order, update: OrderUpdate, now_ns: int) -> None:
        """A REJECT or a LOST, of an order alone or of one in a batch."""
        if order.batch is None:
            self._link.told.append(update)
            return
        result = Result(self._index(order), update.signal, 0, 0, 0, update.reason, update.venue_ns)
        self.result(order.batch, result, now_ns)

    def result(self, batch: Batch, result: Result, now_ns: int) -> None:
        """Of one order of a batch: told together with those that come soon after it."""
        waited = batch.waits
        batch.add(result)
        if batch.over:
            self.flush(batch, now_ns)
        elif not waited:
            self._agenda.at(now_ns + GATHER_NS, partial(self.flush, batch))

    def _overturns(self, order: Order, signal: OrderSignal) -> bool:
        """A trade is a fact: what was thought refused or absent has ended after all."""
        if order.stage is Stage.ABSENT:
            return signal is not OrderSignal.LOST
        return order.stage is Stage.REFUSED and signal is OrderSignal.FILLED

    def _index(self, order: Order) -> int:
        assert order.batch is not None
        return order.coid - order.batch.command.coid

    def _fee(self, order: Order, cost: int) -> int:
        """By the instrument's rate: the public tape names no fee."""
        return -(-cost * order.listed.instrument.taker_fee_e6 // 1_000_000)


def _nothing(_order: Order, _now_ns: int) -> None:
    """Until who listens is there."""
