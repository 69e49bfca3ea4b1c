"""What the exchange says of our orders, and asking for what it has not said: nothing is guessed, nothing assumed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from pilotfish.domain.events import Event, OrderUpdate
from pilotfish.domain.orders import OrderSignal
from pilotfish.venues.ccxt.dialect import Dialect
from pilotfish.venues.ccxt.failures import Outcome, judge
from pilotfish.venues.ccxt.orders import Order, Orders
from pilotfish.venues.ccxt.settings import Settings

SECOND = 1_000_000_000
Row = Mapping[str, Any]
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Account:
    """One account as the exchange tells of it. `spawn` runs a coroutine beside."""

    def __init__(
        self, exchange: Any, dialect: Dialect, settings: Settings, orders: Orders, *, clock: Callable[[], int],
        tell: Callable[[Event], None], spawn: Spawn,
    ) -> None:  # fmt: skip
        self.exchange, self.dialect, self.settings, self.orders = exchange, dialect, settings, orders
        self.counts: Counter[str] = Counter()
        self.clock, self.tell, self.spawn = clock, tell, spawn
        self.started_ns = clock()
        self._asked: set[int] = set()

    def heard(self, row: Row) -> None:
        """An order of ours, from wherever."""
        order = self.orders.order(row, self.dialect.client_id(row), self.clock())
        if order is not None and order.owed:
            self.ask_once(order, self._complete(order))

    def traded(self, row: Row) -> None:
        fee = self.dialect.fee(row)
        if not self.orders.trade(row, self.dialect.client_id(row), fee, self.clock()):
            self.counts["unplaced_trades"] += 1

    def busy(self) -> bool:
        """Whether something is being asked for."""
        return bool(self._asked)

    def ask_until_known(self, order: Order, *, soon: bool = False) -> None:
        """At once, or with `soon` when the stream has not said it by then."""
        self.ask_once(order, self._resolve(order, wait_first=soon))

    def surely_absent(self, order: Order | None) -> bool:
        """Whether an order that is not found can no longer turn up: its request is too old to be taken."""
        sent_ns = self.started_ns if order is None else max(order.sent_ns, self.started_ns)
        late = self.clock() - sent_ns > self.dialect.late_ns(self.settings)
        return late and (order is None or not order.busy)

    def ask_once(self, order: Order, asking: Coroutine[Any, Any, None]) -> None:
        if order.coid in self._asked:
            asking.close()
            return
        self._asked.add(order.coid)
        self.spawn(asking)

    async def _resolve(self, order: Order, *, wait_first: bool) -> None:
        """Ask what became of an order until the exchange knows it, or until it surely never arrived."""
        try:
            await self._again(lambda: self._known(order), wait_first=wait_first)
        finally:
            self._asked.discard(order.coid)
        if order.owed:
            self.ask_once(order, self._complete(order))

    async def _known(self, order: Order) -> bool:
        """Raises what ccxt raises, except that the order was not found."""
        if order.over or order.acked:
            return True
        try:
            row = await self.dialect.find(self.exchange, order.listed.symbol, self.orders.ids.text(order.coid) or "")
        except Exception as error:
            if judge(error).outcome is not Outcome.MISSING:
                raise
            return self.surely_absent(order)
        self.heard(row)
        return True

    async def _complete(self, order: Order) -> None:
        """Fetch the fills that the stream did not bring."""
        try:
            await self._again(lambda: self.completed(order), wait_first=True)
        finally:
            self._asked.discard(order.coid)

    async def completed(self, order: Order) -> bool:
        """Whether all of an order's fills were told, after asking for them. Raises what ccxt raises."""
        if order.owed and order.id:
            self.counts["fills_asked_for"] += 1
            for row in await self.dialect.trades_of(self.exchange, order.listed.symbol, order.id):
                self.traded(row)
        return not order.owed

    async def _again(self, attempt: Callable[[], Awaitable[bool]], *, wait_first: bool = False) -> None:
        """Until it succeeds, ever less often."""
        wait_ns = self.settings.retry_ns
        while True:
            if wait_first:
                await asyncio.sleep(wait_ns / SECOND)
                wait_ns = min(2 * wait_ns, self.settings.retry_ns_max)
            wait_first = True
            try:
                if await attempt():
                    return
            except Exception as error:
                self.counts[f"failed_{type(error).__name__}"] += 1

    def ask_until_ended(self, order: Order) -> None:
        """After a cancel."""
        self.ask_once(order, self._resolve_cancel(order))

    async def _resolve_cancel(self, order: Order) -> None:
        """The stream says that it ended, or is asked; an order that never was is said to be absent."""
        try:
            await self._again(lambda: self._ended(order), wait_first=True)
        finally:
            self._asked.discard(order.coid)

    async def _ended(self, order: Order) -> bool:
        if order.over:
            return await self.completed(order)
        try:
            row = await self.dialect.find(self.exchange, order.listed.symbol, self.orders.ids.text(order.coid) or "")
        except Exception as error:
            if judge(error).outcome is not Outcome.MISSING:
                raise
            if not self.surely_absent(order):
                return False
            now = self.clock()
            self.tell(OrderUpdate(now, now, order.coid, OrderSignal.ABSENT))
            return True
        self.heard(row)
        return row.get("status") == "open" or await self._over(order)

    async def _over(self, order: Order) -> bool:
        return order.over and await self.completed(order)
