"""What became of our orders, as events: the only place that tells the engine of them.

A fill is told as soon as a block has it, and taken back where a reorganisation removes it; an order's end waits until
its block lies as deep as the settings say. The results of a batch are told at their end alone.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import BatchUpdate, Fill, FillReversed, OrderUpdate
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.evm.link import Link
from pilotfish.venues.evm.public.confirmations import Acted, Key
from pilotfish.venues.evm.public.leads import fill_id
from pilotfish.venues.evm.trading.working import NEVER, Batch, Fills, Order, Result, Stage, Undo, Working
from pilotfish.venues.evm.wire.rpc import Log
from pilotfish.venues.evm.wire.swaps import Traded


class Results:
    def __init__(self, link: Link, working: Working) -> None:
        self._link, self._working = link, working
        self.acted: Acted[Undo] = Acted()
        self._returned: Counter[Key] = Counter()  # how often a branch that had lost was left again
        self._waiting: dict[int, Batch] = {}

    def taken(self, order: Order, now_ns: int) -> None:
        """A node has it."""
        if order.over:
            return
        order.stage, order.ask_ns, order.absent = Stage.POOLED, NEVER, False
        if not order.acked:
            order.acked = True
            if order.batch is None:
                self._word(order, OrderSignal.ACK, Reason.NONE, now_ns, now_ns)

    def lost(self, order: Order, now_ns: int) -> None:
        """Sent, and nobody knows."""
        if order.over or order.fills:
            return
        if order.stage is not Stage.UNKNOWN:
            order.stage = Stage.UNKNOWN
            self._link.counts["unknown outcomes"] += 1
            if order.batch is None:
                self._word(order, OrderSignal.LOST, Reason.UNKNOWN, now_ns, now_ns)
        order.ask_ns = min(order.ask_ns, now_ns + self._link.settings.unknown_ask_ns)

    def refused(self, order: Order, reason: Reason, now_ns: int) -> None:
        """The node would not have it, or we would not send it."""
        if order.over:
            return
        self._working.finish(order)
        if order.batch is None:
            self._word(order, OrderSignal.REJECT, reason, now_ns, now_ns)
        else:
            self._result(order, OrderSignal.REJECT, reason, now_ns)

    def filled(self, order: Order, trade: Traded, log: Log, stamp_ns: int, now_ns: int) -> None:
        """A block has it. Again changes nothing."""
        if log.key in self.acted:
            return
        place = order.place
        if order.filled + trade.lots > place.lots or trade.side != place.side:
            self._link.counts["trades beyond their order"] += 1
            return
        number = fill_id(log) ^ self._returned[log.key] % 2**16  # who took a fill back takes its number for gone
        self.acted.note(log.key, log.block, Undo(order, log.key))
        order.fills = {**order.fills, log.key: Fills(number, trade, log.block, stamp_ns)}
        order.absent = False
        if order.batch is None or order.taken_back:
            self._link.told.append(Fill(stamp_ns, now_ns, place.coid, number, trade.lots, trade.price, trade.cost, 0))

    def undone(self, undo: Undo, now_ns: int) -> None:
        """Its block was replaced."""
        order, place = undo.order, undo.order.place
        found = order.fills.get(undo.key)
        if found is None:
            return
        order.fills = {key: one for key, one in order.fills.items() if key != undo.key}
        self._link.counts["fills taken back"] += 1
        self._returned[undo.key] += 1
        trade = found.trade
        order.taken_back |= order.over
        if order.batch is None or order.over:
            self._link.told.append(
                FillReversed(
                    found.stamp_ns, now_ns, place.coid, found.fill_id, place.account, place.instrument, place.side,
                    trade.lots, trade.price, trade.cost, 0,
                )
            )  # fmt: skip

    def ended(self, order: Order, reason: Reason, stamp_ns: int, now_ns: int) -> None:
        """It is over, having traded what it has."""
        if order.over:
            return
        self._working.finish(order)
        lots = order.filled
        whole = lots == order.place.lots
        signal = OrderSignal.FILLED if whole else OrderSignal.CANCEL
        why = Reason.NONE if whole else reason
        if order.batch is None:
            self._word(order, signal, why, stamp_ns, now_ns, order.place.lots - lots)
        else:
            self._result(order, signal, why, stamp_ns)

    def again(self, order: Order, now_ns: int, reason: Reason = Reason.NONE) -> None:
        """Say how it ended, or that it still stands."""
        if order.batch is not None:
            return
        left = order.place.lots - order.filled
        signal = OrderSignal.ACK if not order.over else OrderSignal.CANCEL if left else OrderSignal.FILLED
        self._word(order, signal, reason, now_ns, now_ns, left)

    def flush(self, now_ns: int) -> None:
        """Tell the results of batches."""
        waiting, self._waiting = self._waiting, {}
        for batch in waiting.values():
            rows, batch.ready = batch.ready, []
            columns: dict[str, Ints] = {
                name: np.array([getattr(row, name) for row in rows], dtype=np.int64)
                for name in Result.__struct_fields__
            }
            index, signal, lots, cost, reason, done_ns = columns.values()
            self._link.told.append(
                BatchUpdate(
                    int(done_ns.max()), now_ns, batch.command.coid, index, signal, lots, cost, np.zeros_like(lots),
                    reason, done_ns,
                )
            )  # fmt: skip

    def _word(
        self, order: Order, signal: OrderSignal, reason: Reason, venue_ns: int, now_ns: int, left: int = -1
    ) -> None:
        lots = order.place.lots if left < 0 else left
        self._link.told.append(OrderUpdate(venue_ns, now_ns, order.place.coid, signal, reason, max(lots, 0)))

    def _result(self, order: Order, signal: OrderSignal, reason: Reason, done_ns: int) -> None:
        assert order.batch is not None
        result = Result(order.index, int(signal), order.filled, order.cost, int(reason), done_ns)
        order.batch.ready.append(result)
        self._waiting[order.batch.command.coid] = order.batch
