"""When an order is over: its block lies deep enough, or it can never be mined.

It can never be mined when its nonce was used by another transaction, or when its deadline has passed on the chain; both
as deep as its own block would have to lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pilotfish.domain.reasons import Reason
from pilotfish.venues.evm.link import Link
from pilotfish.venues.evm.public.reading import Reading
from pilotfish.venues.evm.settings import SECOND
from pilotfish.venues.evm.trading.lane import Lane
from pilotfish.venues.evm.trading.nonces import Slot, Use
from pilotfish.venues.evm.trading.results import Results
from pilotfish.venues.evm.trading.working import NEVER, Order, Stage

TRIES = 4  # nonces that an order may be sent under, one after the other


class Ends:
    """`send(order, now_ns)`: under another nonce, where the last one was certainly used by somebody else."""

    def __init__(
        self, link: Link, results: Results, lanes: Mapping[int, Lane], reading: Reading,
        send: Callable[[Order, int], None],
    ) -> None:  # fmt: skip
        self._link, self._results, self._lanes = link, results, lanes
        self._reading, self._send = reading, send

    def settle(self, orders: Iterable[Order], read_to: int, now_ns: int) -> None:
        """Blocks up to here are read whole: what was traded in them is known."""
        head = self._reading.blocks.get(read_to)
        if head is None:
            return
        for order in orders:
            if not order.over:
                self._settle(order, read_to, head.stamp_ns, now_ns)
        self._results.flush(now_ns)

    def _settle(self, order: Order, read_to: int, stamp_ns: int, now_ns: int) -> None:
        depth, slot = self._link.settings.depth, order.slot
        mined = max((one.block for one in order.fills.values()), default=order.reverted)
        if mined >= 0:
            if read_to - mined >= depth:
                traded_ns = max((one.stamp_ns for one in order.fills.values()), default=stamp_ns)
                self._results.ended(order, Reason.NO_DEPTH if order.fills else Reason.SLIPPAGE, traded_ns, now_ns)
        elif slot is not None and slot.mined is not None and slot.mined.voids:
            if read_to - slot.block >= depth:
                self._dead(order, stamp_ns, now_ns)
        elif slot is not None and slot.passed >= 0 and read_to - slot.passed > depth:
            self._passed(order, slot, stamp_ns, now_ns)
        elif order.deadline_s and not order.absent:
            deep = self._reading.blocks.get(read_to - depth)
            if deep is not None and deep.stamp_ns // SECOND > order.deadline_s:
                self._dead(order, stamp_ns, now_ns)

    def _passed(self, order: Order, slot: Slot, stamp_ns: int, now_ns: int) -> None:
        """Another transaction was mined under its nonce."""
        self._link.counts["nonces taken by others"] += 1
        self._lanes[order.place.account].nonces.free(slot)
        order.slot = None
        fresh = now_ns // SECOND < order.deadline_s and not order.acked and not slot.voiding
        if fresh and order.tries < TRIES and not order.cancelling:
            return self._send(order, now_ns)
        self._dead(order, stamp_ns, now_ns)

    def _dead(self, order: Order, stamp_ns: int, now_ns: int) -> None:
        """What a node had, or what was to be cancelled, ends so; of what nobody ever said that they have it is said,
        when asked, that it never came.
        """
        slot, lane = order.slot, self._lanes.get(order.place.account)
        order.slot = None
        if slot is not None and slot.mined is None and lane is not None and slot.nonce in lane.nonces.slots:
            slot.use = Use.FILLER  # whose it was is still known, should a block that deep be replaced
            if lane.ready and not slot.voiding:
                lane.void(slot, now_ns)  # its nonce stands in the way of all that come after
        if order.acked or order.cancelling:
            self._results.ended(order, Reason.NONE if order.cancelling else Reason.REJECTED, stamp_ns, now_ns)
        else:
            order.absent, order.stage, order.ask_ns = True, Stage.UNKNOWN, NEVER
