"""Commands on their way to the venue: orders, cancels and amendments, in bulk where one account asks for several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import msgspec

from pilotfish.domain.events import OrderUpdate
from pilotfish.domain.orders import Amend, OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.accounts import SECOND
from pilotfish.venues.hyperliquid.trading.agenda import Agenda
from pilotfish.venues.hyperliquid.trading.ask import Asking
from pilotfish.venues.hyperliquid.trading.limits import Limits, Use
from pilotfish.venues.hyperliquid.trading.nonces import NS_PER_MS
from pilotfish.venues.hyperliquid.trading.post import Outcome, Post, Poster
from pilotfish.venues.hyperliquid.trading.told import Teller
from pilotfish.venues.hyperliquid.trading.working import Order, Orders, Stage
from pilotfish.venues.hyperliquid.wire.actions import (
    ActionRefused,
    BatchModify,
    Cloids,
    cancels,
    modified,
)
from pilotfish.venues.hyperliquid.wire.actions import Order as WireOrder
from pilotfish.venues.hyperliquid.wire.actions import Orders as OrdersAction
from pilotfish.venues.hyperliquid.wire.actions import order as wire_order
from pilotfish.venues.hyperliquid.wire.answers import Reply, Status
from pilotfish.venues.hyperliquid.wire.replies import Asked, order_updates, results

CHUNK = 39  # items of an action: its weight is 1 + n // 40
AGAIN_NS = SECOND  # what could not be sent is tried again
CONFIRM_NS = SECOND  # how long the stream may take to confirm a cancel before it is asked for
_GONE = "never placed, already canceled, or filled"


class Commands:
    """Sends for orders in memory. What a reply says goes to the teller."""

    def __init__(
        self, poster: Poster, orders: Orders, teller: Teller, asking: Asking, agenda: Agenda, limits: Limits,
        cloids: Cloids, streamed: frozenset[str],
    ) -> None:  # fmt: skip
        self._poster, self._orders, self._teller, self._asking = poster, orders, teller, asking
        self._agenda, self._limits, self._cloids, self._streamed = agenda, limits, cloids, streamed
        self.counts: Counter[str] = Counter()
        teller.opened = self.opened

    # -- placing -------------------------------------------------------------------------------------------------------

    def place(self, orders: Sequence[Order], now_ns: int) -> None:
        """Orders of one account, in one action for every `CHUNK`."""
        posts = [one for one in (self.placing(order, now_ns) for order in orders) if one is not None]
        for start in range(0, len(posts), CHUNK):
            chunk = posts[start : start + CHUNK]
            together = [order for order, _ in chunk]
            action = OrdersAction([wire for _, wire in chunk])
            then = partial(self.placed, together)
            self._poster.post(Post(together[0].account, action, then, len(chunk)), now_ns)

    def placing(self, order: Order, now_ns: int) -> tuple[Order, WireOrder] | None:
        """The order as the venue takes it, and counted; None where it was refused here."""
        use = Use.REDUCE if order.place.reduce_only else Use.OPEN
        try:
            wire = wire_order(order.place, order.listed, self._cloids)
        except ActionRefused:
            self._teller.refuse(order, Reason.BAD_INTENT, now_ns)
            return None
        if not self._limits.spend(order.account.trades_as, 1, use, now_ns):
            self._teller.refuse(order, Reason.RATE_LIMIT, now_ns)
            return None
        order.stage, order.known = Stage.POSTED, False
        order.posted_ms = now_ns // NS_PER_MS
        order.expires_ns = now_ns + self._poster.expires_ns
        return order, wire

    def placed(self, orders: Sequence[Order], outcome: Outcome, now_ns: int) -> None:
        """What became of an `order` action."""
        if isinstance(outcome, Reason):
            for order in orders:
                self._teller.refuse(order, outcome, now_ns)
            return
        asked = [Asked(order.place, order.listed.instrument) for order in orders]
        given = _given(outcome, len(orders))
        if outcome is None:
            for order in orders:
                self._lost(order, now_ns)
            return
        for order, update, status in zip(orders, order_updates(outcome, asked, now_ns), given, strict=True):
            self._number(order, status)
            if _doubled(status):  # an earlier sending of this very order may have arrived
                self._lost(order, now_ns)
                continue
            if update.reason is Reason.RATE_LIMIT:
                self._limits.exhausted(order.account.trades_as)
            self._teller.replied(order, update, now_ns)

    # -- cancelling ----------------------------------------------------------------------------------------------------

    def cancel(self, orders: Sequence[Order], now_ns: int) -> None:
        """Orders of one account. One that has not left us is simply not sent."""
        going: list[Order] = []
        for order in orders:
            if order.stage.over:
                self._teller.again(order, now_ns)
                continue
            order.cancels = True
            if order.stage is Stage.QUEUED:
                self._teller.word(order, _word(order, OrderSignal.CANCEL, Reason.NONE, now_ns), now_ns)
            else:
                going.append(order)
        for start in range(0, len(going), CHUNK):
            chunk = going[start : start + CHUNK]
            if not self._limits.spend(chunk[0].account.trades_as, len(chunk), Use.CANCEL, now_ns):
                self.counts["cancels_late"] += 1
                self._agenda.at(now_ns + AGAIN_NS, partial(self._cancel_again, chunk))
                continue
            action = cancels([(order.listed.asset, order.coid) for order in chunk], self._cloids)
            self._poster.post(Post(chunk[0].account, action, partial(self._cancelled, chunk), len(chunk)), now_ns)

    def _cancelled(self, orders: Sequence[Order], outcome: Outcome, now_ns: int) -> None:
        if isinstance(outcome, Reason):  # it never left: a cancel is not given up
            self.counts["cancels_late"] += 1
            self._agenda.at(now_ns + AGAIN_NS, partial(self._cancel_again, orders))
            return
        for order, status in zip(orders, _given(outcome, len(orders)), strict=True):
            if order.stage.over:
                continue
            if isinstance(status, Status) and isinstance(status.error, str) and _GONE not in status.error.lower():
                self.counts["cancels_late"] += 1
                self._agenda.at(now_ns + AGAIN_NS, partial(self._cancel_again, [order]))
            elif status == "success" and order.account.trades_as in self._streamed:
                self._asking.doubtful(order, now_ns, CONFIRM_NS)  # the stream says how much was left
            else:
                self._asking.doubtful(order, now_ns)

    def _cancel_again(self, orders: Sequence[Order], now_ns: int) -> None:
        self.cancel([order for order in orders if not order.stage.over], now_ns)

    # -- amending ------------------------------------------------------------------------------------------------------

    def amend(self, order: Order, amend: Amend, now_ns: int) -> None:
        """Change what rests. Its place in the queue is lost: the venue places a new order under the same client id."""
        if order.stage.over:
            return self._teller.again(order, now_ns)
        order.amend = amend
        if order.stage is Stage.QUEUED:
            order.place = msgspec.structs.replace(order.place, lots=amend.lots, price=amend.price)
            order.amend = None
        elif order.stage is Stage.OPEN:
            self.opened(order, now_ns)

    def opened(self, order: Order, now_ns: int) -> None:
        """It rests: what is wanted of it is asked for."""
        if order.cancels:
            return self.cancel([order], now_ns)
        amend = order.amend
        if amend is None or order.amending is not None:
            return
        order.amend = None
        if amend.lots <= order.filled:  # nothing more is wanted than has traded
            return self.cancel([order], now_ns)
        try:
            change = modified(amend, order.place, order.filled, order.listed, self._cloids)
        except ActionRefused:
            self.counts["amendments_refused"] += 1
            return self._teller.again(order, now_ns, Reason.BAD_INTENT)
        if not self._limits.spend(order.account.trades_as, 1, Use.REDUCE, now_ns):
            self.counts["amendments_refused"] += 1
            return self._amend_again(order, amend, now_ns)
        order.amending = amend
        order.expires_ns = now_ns + self._poster.expires_ns
        self._poster.post(Post(order.account, BatchModify([change]), partial(self._amended, order, amend)), now_ns)

    def _amended(self, order: Order, amend: Amend, outcome: Outcome, now_ns: int) -> None:
        if order.stage.over:
            return
        if outcome is None:  # `amending` stays: the venue is asked which of the two rests
            return self._asking.doubtful(order, now_ns)
        order.amending, held, order.held = None, order.held, None
        status = _given(outcome, 1)[0]
        stands = isinstance(status, Status) and (status.resting or status.filled)
        if stands:
            self._orders.amended(order, amend, stands.oid)
            if isinstance(status, Status) and status.resting:
                self._teller.again(order, now_ns)
            else:
                self._asking.doubtful(order, now_ns)
            return self.opened(order, now_ns)
        self.counts["amendments_refused"] += 1
        if isinstance(outcome, Reason):
            self._amend_again(order, amend, now_ns)
        elif held is not None:  # it was not the amendment that ended it
            self._teller.word(order, held, now_ns)
        else:
            self._asking.doubtful(order, now_ns)

    def _amend_again(self, order: Order, amend: Amend, now_ns: int) -> None:
        """An amendment only ever makes an order smaller: it is not given up."""
        order.amend = order.amend or amend
        self._agenda.at(now_ns + AGAIN_NS, partial(self._still_open, order))

    def _still_open(self, order: Order, now_ns: int) -> None:
        if order.stage is Stage.OPEN:
            self.opened(order, now_ns)

    # -- between -------------------------------------------------------------------------------------------------------

    def _number(self, order: Order, status: Status | str | None) -> None:
        if isinstance(status, Status):
            stands = status.resting or status.filled
            if stands and not order.stage.over:
                self._orders.named(order, stands.oid)

    def _lost(self, order: Order, now_ns: int) -> None:
        self._teller.replied(order, _word(order, OrderSignal.LOST, Reason.UNKNOWN, now_ns), now_ns)


def _word(order: Order, signal: OrderSignal, reason: Reason, now_ns: int) -> OrderUpdate:
    return OrderUpdate(now_ns, now_ns, order.coid, signal, reason, order.place.lots)


def _given(outcome: Reply | Reason | None, count: int) -> Sequence[Status | str | None]:
    """What the reply says of each item; None where it does not."""
    if outcome is None or isinstance(outcome, Reason):
        return [None] * count
    try:
        return results(outcome, count)
    except MessageRefused:
        return [None] * count


def _doubled(status: Status | str | None) -> bool:
    """Whether the venue refuses an id because it has seen it. Which words it has for that is not documented."""
    if not (isinstance(status, Status) and isinstance(status.error, str)):
        return False
    text = status.error.lower()
    return "cloid" in text and any(word in text for word in ("duplicate", "already", "exists"))
