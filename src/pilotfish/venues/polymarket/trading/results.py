"""What became of our orders, as events: the only place that tells the engine of them.

An order ends once. Its fills are told by the trades, which may come before or after its end; `lots_left` says how much
they will add up to. The results of a batch are told together, a few milliseconds' worth at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import BatchUpdate, Fill, OrderUpdate
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.polymarket.link import Link
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.trading.settlement import UNIT, Match, Part, Settlements, Trade, matches, status
from pilotfish.venues.polymarket.trading.working import NEVER, Batch, Order, Result, Stage, Working
from pilotfish.venues.polymarket.wire.assets import ONE
from pilotfish.venues.polymarket.wire.messages import UserTrade
from pilotfish.venues.polymarket.wire.statuses import Settlement as Status

_TOGETHER_NS = 5_000_000


class Results:
    """`surplus`: instrument → lots that traded beyond what was asked for. They are ours, and no follower's."""

    def __init__(self, link: Link, listing: Listing, working: Working, settlements: Settlements) -> None:
        self._link, self._listing, self._working, self._settlements = link, listing, working, settlements
        self.surplus: Counter[int] = Counter()
        self.on_end: Callable[[Order, int, int], bool] = lambda order, traded6, now_ns: False  # True: it goes on
        self._waiting: dict[int, Batch] = {}
        settlements.on_trade = self.trade

    def taken(self, order: Order, now_ns: int) -> None:
        """The venue has it, and it may rest."""
        order.had, order.absent, order.gone = True, False, None
        if order.over:
            return
        order.stage, order.ask_ns = Stage.OPEN, NEVER
        if not order.acked:
            order.acked = True
            if order.batch is None:
                self._word(order, OrderSignal.ACK, Reason.NONE, now_ns)

    def lost(self, order: Order, now_ns: int) -> None:
        """Sent, and nobody knows. It is asked for until the venue says."""
        if order.over:
            return
        if order.stage is not Stage.UNKNOWN:
            order.stage = Stage.UNKNOWN
            self._link.counts["unknown outcomes"] += 1
            if order.batch is None:
                self._word(order, OrderSignal.LOST, Reason.UNKNOWN, now_ns)
        order.want_answer(now_ns + self._link.settings.unknown_ask_ns)

    def refused(self, order: Order, reason: Reason, now_ns: int) -> None:
        """The venue would not have it, or we would not send it."""
        if order.over:
            return
        self._working.finish(order)
        if order.batch is None:
            self._word(order, OrderSignal.REJECT, reason, now_ns)
        else:
            self._result(order, OrderSignal.REJECT, 0, 0, reason, now_ns)

    def ended(self, order: Order, traded6: int, reason: Reason, now_ns: int, cost: int | None = None) -> None:
        """It is over, having traded `traded6` millionths of a share in all, for `cost` where that is known."""
        if order.over:
            return
        traded6 = max(traded6 - order.reversed6, order.filled6)
        if order.batch is not None and cost is None and traded6 > order.filled6:
            order.expects = traded6, reason  # its result says what it paid, and only the trades know that
            return order.want_answer(now_ns + self._link.settings.unknown_ask_ns)
        if self.on_end(order, traded6, now_ns):
            return
        self._working.finish(order)
        lots = min(traded6 // UNIT, order.place.lots)
        whole = lots == order.place.lots
        signal = OrderSignal.FILLED if whole else OrderSignal.CANCEL
        why = Reason.NONE if whole else reason
        if order.batch is None:
            self._word(order, signal, why, now_ns, order.place.lots - lots)
        elif order.filled6 == traded6 or cost is None:
            self._result(order, signal, order.told, order.cost, why, now_ns)
        else:
            self._result(order, signal, lots, cost, why, now_ns)

    def trade(self, trade: Trade, now_ns: int) -> None:
        """A trade as the stream or REST tells it, again at every step. Raises MessageRefused."""
        how_far = status(trade)
        found = matches(trade, self._working.by_id, self._listing.get)
        if not found:
            self._link.counts["trades of no order of ours"] += 1
        for order, match in found:
            order.had = True
            beyond = order.filled6 + match.size6 > order.place.lots * UNIT
            if beyond and isinstance(trade, UserTrade) and self._settlements.status(match.fill_id) is None:
                self._link.set_aside("trade beyond its order")  # no order trades more than it signs: REST will say
                self._settlements.ask(match.trade, order.place.account, now_ns)
            elif self._settlements.status(match.fill_id) is not None:
                self._settlements.goes_on(match.fill_id, how_far, now_ns)
            elif how_far is Status.FAILED:
                self._settlements.failed(order, match, self._fee(order, match, match.size6 // UNIT), now_ns)
            else:
                self._settlements.begin(order, match, self._fill(order, match, now_ns), how_far, now_ns)
                enough6, reason = order.expects or (order.place.lots * UNIT, Reason.NONE)
                if order.filled6 >= enough6:
                    self.ended(order, order.filled6, reason, now_ns)

    def flush(self, now_ns: int, *, everything: bool = False) -> None:
        """Tell the results of batches that have come together."""
        for batch in self._ready(NEVER if everything else now_ns):
            rows, batch.ready, batch.ready_ns = batch.ready, [], NEVER
            columns: list[Ints] = [
                np.array(column, dtype=np.int64)
                for column in zip(
                    *((r.index, r.signal, r.lots, r.cost, r.fee, r.reason, r.done_ns) for r in rows), strict=True
                )
            ]
            self._link.told.append(BatchUpdate(now_ns, now_ns, batch.command.coid, *columns))

    def next_ns(self) -> int | None:
        return min((batch.ready_ns for batch in self._waiting.values()), default=None)

    def _ready(self, now_ns: int) -> list[Batch]:
        due = [batch for batch in self._waiting.values() if batch.ready_ns <= now_ns or batch.over]
        for batch in due:
            del self._waiting[batch.command.coid]
        return due

    def _fee(self, order: Order, match: Match, lots: int) -> int:
        listed = self._listing.get(order.place.instrument)
        return 0 if match.maker or listed is None else listed.fee.money(lots, match.price)

    def _fill(self, order: Order, match: Match, now_ns: int) -> Part:
        """Count it; returns what is told of it. What is less than a lot is told with the next."""
        order.filled6 += match.size6
        lots = order.filled6 // UNIT - (order.filled6 - match.size6) // UNIT
        room = max(0, order.place.lots - order.told)
        if lots > room:
            self.surplus[order.place.instrument] += order.place.side * (lots - room)
            self._link.counts["surplus lots"] += lots - room
        kept = min(lots, room)
        cost = order.held + match.cost
        if not kept:
            order.held = cost if not lots else 0
            return Part(0, 0, 0)
        cost = cost if kept == lots else cost * kept // lots
        fee = self._fee(order, match, kept)
        order.held, order.told, order.cost, order.fee = 0, order.told + kept, order.cost + cost, order.fee + fee
        if order.batch is None:
            ns = match.venue_ns or now_ns
            self._link.told.append(
                Fill(ns, now_ns, order.place.coid, match.fill_id, kept, match.price, cost, fee, match.maker)
            )
        return Part(kept, cost, fee)

    def _word(self, order: Order, signal: OrderSignal, reason: Reason, now_ns: int, left: int | None = None) -> None:
        left = order.place.lots - order.told if left is None else left
        self._link.told.append(OrderUpdate(now_ns, now_ns, order.place.coid, signal, reason, left))

    def _result(self, order: Order, signal: OrderSignal, lots: int, cost: int, reason: Reason, now_ns: int) -> None:
        batch = order.batch
        if batch is None:
            return
        listed = self._listing.get(order.place.instrument)
        fee = order.fee
        if lots and lots != order.told and listed is not None:
            fee = listed.fee.money(lots, max(1, min(ONE - 1, cost * ONE // (lots * UNIT))))
        batch.ready.append(Result(order.index, int(signal), lots, cost, fee, int(reason), now_ns))
        batch.ready_ns = min(batch.ready_ns, now_ns + _TOGETHER_NS)
        self._waiting[batch.command.coid] = batch
