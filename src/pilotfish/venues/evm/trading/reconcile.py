"""The engine's question after a gap: every trade since the cursor, where each order stands, and what leads hold.

The cursor is a block's number, up to which everything was told. An answer is given when the chain was read whole up to
a block that was the newest after the question came. An order of an earlier life is found by the tag behind its call;
where no block has it and its deadline has passed on the chain, it never came and never can.
"""

from __future__ import annotations

from collections.abc import Callable

from pilotfish.domain.events import Reconciled
from pilotfish.domain.orders import Place, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.evm.link import Link
from pilotfish.venues.evm.settings import SECOND
from pilotfish.venues.evm.trading.desk import Desk
from pilotfish.venues.evm.trading.working import Batch, Order, Stage, places
from pilotfish.venues.evm.wire.swaps import Pool
from pilotfish.venues.session import Unfinished

Then = Callable[[Reconciled | None, int], None]


class Reconciling:
    """`since_ns`: when the oldest order that is not finished was sent; -1 where there is none. `cursor`: a block's
    number, or 0.
    """

    def __init__(self, link: Link, desk: Desk, pools: dict[int, Pool]) -> None:
        self._link, self._desk, self._pools = link, desk, pools
        self._forgotten = True  # nothing of an earlier life was handed over
        self.cursor = 0
        self.since_ns = -1

    def recall(self, unfinished: Unfinished) -> None:
        self._forgotten, self.cursor = False, unfinished.cursor
        for command, sent_ns in unfinished.orders:
            self._recall(command, sent_ns)
        for command, sent_ns in unfinished.settling:
            for order in self._recall(command, sent_ns):
                self._desk.working.finish(order)

    def _recall(self, command: Place | PlaceBatch, sent_ns: int) -> list[Order]:
        pool = self._pools.get(command.instrument)
        if pool is None:
            return []
        settings, batch = self._link.settings, None
        if isinstance(command, PlaceBatch):
            batch = Batch(command) if command.tif is Tif.IOC else None
            alone = list(places(command))
        else:
            alone = [command]
        self.since_ns = sent_ns if self.since_ns < 0 else min(self.since_ns, sent_ns)
        deadline_s = (sent_ns + settings.recall_ns + settings.order_ns) // SECOND + 1
        made = [
            Order(one, pool, Stage.UNKNOWN, None, batch, k, deadline_s=deadline_s, first_ns=sent_ns, recalled=True)
            for k, one in enumerate(alone)
        ]
        for order in made:
            self._desk.working.add(order)
        if batch is not None:
            batch.orders = made
            self._desk.working.batches[command.coid] = batch
        return made

    def answerable(self, query: Query) -> bool:
        """Whether every order that is asked about is known, or nothing of before was forgotten."""
        working = self._desk.working
        return not self._forgotten or all(working.asked(coid) for coid in query.coids)

    def answer(self, query: Query, block: int, venue_ns: int, now_ns: int) -> Reconciled:
        """As of a block up to which everything was read."""
        open_: list[int] = []
        done: list[int] = []
        for coid in query.coids:
            orders = self._desk.working.asked(coid)
            if not orders:
                continue
            if len(orders) > 1 and any(o.absent for o in orders) and not all(o.absent for o in orders):
                for order in orders:  # of a batch some never came; they are not sent again alone
                    if order.absent:
                        self._desk.results.refused(order, Reason.UNKNOWN, now_ns)
            if all(order.over for order in orders):
                done.append(coid)
            elif not all(order.absent for order in orders):
                open_.append(coid)
        self._desk.results.flush(now_ns)
        return Reconciled(venue_ns, now_ns, block, query.coids, tuple(open_), tuple(done))
