"""Orders on their way: placed, cancelled, amended; and what nobody answered asked for until the exchange says.

One request about an order at a time, so that a cancel never overtakes its order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pilotfish.domain.events import OrderUpdate
from pilotfish.domain.orders import Amend, OrderSignal, Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.ccxt.asking import Account
from pilotfish.venues.ccxt.failures import Failure, Outcome, judge, judge_code
from pilotfish.venues.ccxt.listing import Listed
from pilotfish.venues.ccxt.orders import Order

PAUSE_NS = 500_000_000  # after a refusal for the rate, twice as long each time: who goes on is banned
PAUSE_NS_MAX = 60_000_000_000
Row = Mapping[str, Any]


class Trading:
    """Speaks for one account. `skewed` is called when a refusal blames the clock."""

    def __init__(self, account: Account, skewed: Callable[[], None]) -> None:
        self.account, self.orders, self.dialect = account, account.orders, account.dialect
        self.counts: Counter[str] = Counter()
        self._skewed, self._locks = skewed, dict[int, asyncio.Lock]()
        self._quiet_ns = self._pause_ns = 0

    # Placing.

    def place(self, places: Sequence[Place], instruments: Mapping[int, Listed]) -> None:
        """Send new orders, in batches where the exchange takes them; refuse here what it could not take."""
        now, fresh = self.account.clock(), list[Order]()
        for place in places:
            known = self.orders.known.get(place.coid)
            if known is not None:
                self.counts["said_again"] += 1
                self._say_again(known)
                continue
            listed = instruments.get(place.instrument)
            reason = self._cannot(place, listed)
            if listed is None or reason is not Reason.NONE:
                self.refuse(place.coid, place.lots, reason)
                continue
            order = self.orders.sent(place, listed, now)
            fresh.append(order)
        for start in range(0, len(fresh), self.dialect.batch):
            self.account.spawn(self._send(fresh[start : start + self.dialect.batch]))

    def busy(self) -> bool:
        """Whether a request about an order is under way."""
        return any(lock.locked() for lock in self._locks.values())

    def refuse(self, coid: int, lots: int, reason: Reason) -> None:
        """It never left."""
        now = self.account.clock()
        self.counts["refused_here"] += 1
        self.account.tell(OrderUpdate(now, now, coid, OrderSignal.REJECT, reason, lots))

    def _cannot(self, place: Place, listed: Listed | None) -> Reason:
        if listed is None or self.orders.ids.text(place.coid) is None or place.account >= 0:
            return Reason.REJECTED
        if place.lots <= 0 or place.price <= 0 or not listed.instrument.is_valid_price(place.price):
            return Reason.REJECTED
        amount = listed.amount(place.lots)
        if amount is None or listed.lots(str(listed.least)) > place.lots:
            return Reason.BELOW_MINIMUM
        quiet = self.account.clock() < self._quiet_ns and not place.reduce_only
        return Reason.RATE_LIMIT if quiet else Reason.NONE

    async def _send(self, orders: Sequence[Order]) -> None:
        requests = [self._request(order) for order in orders]
        locks = [self._lock(order) for order in orders]
        for lock in locks:
            await lock.acquire()
        for order in orders:
            order.busy += 1
        try:
            if len(requests) == 1:
                one = requests[0]
                row = await self.account.exchange.create_order(
                    one["symbol"], one["type"], one["side"], one["amount"], one["price"], one["params"]
                )
                rows: list[Row] = [row]
            else:
                rows = await self.account.exchange.create_orders(requests)
        except asyncio.CancelledError:
            self._all_lost(orders)
            raise
        except Exception as error:
            failure = judge(error)
            for order in orders:
                self._failed(order, failure)
        else:
            self._pause_ns = 0
            self._placed(orders, rows)
        finally:
            for order, lock in zip(orders, locks, strict=True):
                order.busy -= 1
                lock.release()

    def _request(self, order: Order) -> dict[str, Any]:
        listed = order.listed
        params: dict[str, Any] = {"clientOrderId": self.orders.ids.text(order.coid)}
        if order.tif is Tif.ALO:
            params["postOnly"] = True
        else:
            params["timeInForce"] = "IOC" if order.tif is Tif.IOC else "GTC"
        if order.reduce_only:
            params["reduceOnly"] = True
        side = "buy" if order.side > 0 else "sell"
        amount, price = listed.amount(order.lots), listed.price_text(order.price)
        return {
            "symbol": listed.symbol, "type": "limit", "side": side, "amount": amount, "price": price, "params": params
        }  # fmt: skip

    def _placed(self, orders: Sequence[Order], rows: Sequence[Row]) -> None:
        """Answers are found by client id, and by their place where a refusal does not say it."""
        if len(rows) != len(orders):
            return self._all_lost(orders)
        by_coid = {self.orders.ids.coid(self.dialect.client_id(row)): row for row in rows}
        for order, row in zip(orders, rows, strict=True):
            mine = by_coid.get(order.coid, row)
            info = mine.get("info")
            code = str((info.get("sCode") or info.get("code") or 0) if isinstance(info, Mapping) else 0)
            if code not in ("0", "200"):
                self._failed(order, judge_code(code))
                continue
            self.account.heard(mine)
            if not order.acked and not order.over:  # taken, it says, and not what became of it
                self.account.ask_until_known(order, soon=True)
        return None

    def _all_lost(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self._failed(order, Failure(Outcome.UNKNOWN, Reason.UNKNOWN))

    def _failed(self, order: Order, failure: Failure) -> None:
        now = self.account.clock()
        if failure.clock:
            self._skewed()
        if failure.outcome in (Outcome.REFUSED, Outcome.MISSING):
            self.counts[f"refused_{failure.reason.name.lower()}"] += 1
            if failure.reason is Reason.RATE_LIMIT and now >= self._quiet_ns:
                self._pause_ns = min(max(PAUSE_NS, 2 * self._pause_ns), PAUSE_NS_MAX)
                self._quiet_ns = now + self._pause_ns
            self.orders.refuse(order, failure.reason, now)
            return
        self.counts["unknown"] += 1
        order.sent_ns = now  # what we gave up waiting for was signed no later than now
        self.orders.lost(order, now)
        self.account.ask_until_known(order)

    def _say_again(self, order: Order) -> None:
        """A second Place with the same id is the same order: nothing is sent, and what is known is told again."""
        if order.over or order.acked:
            now = self.account.clock()
            total = order.total or 0
            whole = order.total is not None and total == order.lots
            signal = OrderSignal.FILLED if whole else OrderSignal.CANCEL if order.over else OrderSignal.ACK
            signal = OrderSignal.REJECT if order.refused else signal
            self.account.tell(
                OrderUpdate(now, now, order.coid, signal, Reason.NONE, order.lots - max(total, order.filled))
            )
        else:
            self.account.ask_until_known(order)

    # Cancelling and amending.

    async def cancel(self, order: Order) -> None:
        """Cancel one order; when it is not found, what became of it is asked for."""
        client = self.orders.ids.text(order.coid)
        async with self._lock(order):
            if order.over:
                return
            order.busy += 1
            try:
                row = await self.dialect.cancel(self.account.exchange, order.listed.symbol, client or "")
            except Exception as error:
                failure = judge(error)
                self.counts[f"cancel_{failure.outcome.name.lower()}"] += 1
                if failure.clock:
                    self._skewed()
            else:
                order.cancelled = True
                self.account.heard(row)
            finally:
                order.busy -= 1
        if not order.over:
            self.account.ask_until_ended(order)

    async def amend(self, order: Order, amend: Amend) -> None:
        """Change size and price in one request. A refusal leaves the order as it was, and is an ACK with its reason."""
        listed, now = order.listed, self.account.clock()
        amount = listed.amount(amend.lots)
        if amount is None or amend.price <= 0 or not listed.instrument.is_valid_price(amend.price):
            return self.orders.acknowledge(order, now, Reason.REJECTED)
        if amend.lots <= order.filled:
            return await self.cancel(order)
        async with self._lock(order):
            if order.over:
                return None
            order.busy += 1
            try:
                await self.dialect.amend(
                    self.account.exchange, listed.symbol, self.orders.ids.text(order.coid) or "",
                    "buy" if order.side > 0 else "sell", amount, listed.price_text(amend.price),
                )  # fmt: skip
            except Exception as error:
                failure = judge(error)
                self.counts[f"amend_{failure.outcome.name.lower()}"] += 1
                if failure.outcome is Outcome.REFUSED:
                    self.orders.acknowledge(order, self.account.clock(), failure.reason)
            else:
                order.lots, order.price = amend.lots, amend.price
                self.orders.acknowledge(order, self.account.clock())
            finally:
                order.busy -= 1
        return None

    def _lock(self, order: Order) -> asyncio.Lock:
        if len(self._locks) > 10_000:
            self._locks = {coid: lock for coid, lock in self._locks.items() if lock.locked()}
        return self._locks.setdefault(order.coid, asyncio.Lock())
