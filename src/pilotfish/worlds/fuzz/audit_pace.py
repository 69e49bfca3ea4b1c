"""What time must bring, and what it must not: an order nobody asks about, and orders that only beget orders."""

from __future__ import annotations

from typing import Any

from pilotfish.domain.events import BatchUpdate, BookTop, Connection, Event, Fill, Mark, OrderUpdate, Reconciled
from pilotfish.domain.orders import Command, Place, PlaceBatch, Query, Tif

UNASKED_NS_MAX = 10_000_000_000  # an order without a last word must be asked about long before this
BARREN_MAX = 30  # answers in a row that made new orders though nothing had traded, no time passed and no lead moved


class Pace:
    """Sees every step; says what is wrong with its pace, or an empty string."""

    def __init__(self) -> None:
        self._since: dict[int, int] = {}  # client order id → when it left last
        self._asked_ns = self._barren = self._executions = 0
        self._up = True
        self._resting: dict[int, set[int]] = {}  # first client order id → those of its orders that nothing was said of

    def see(self, event: Event, commands: list[Command], now_ns: int, executions: int, state: Any) -> str:
        """`executions` counts what has traded so far."""
        if isinstance(event, Connection):
            self._up, self._asked_ns = event.up, now_ns
        known = event.open if isinstance(event, Reconciled) else ()
        for waiting in self._resting.values():
            waiting.difference_update((event.coid,) if isinstance(event, OrderUpdate | Fill) else known)
        orders = 0
        for command in commands:
            if isinstance(command, Query):
                self._asked_ns = now_ns
            elif isinstance(command, Place | PlaceBatch):
                self._since[command.coid] = now_ns
                orders += 1
                if command.tif is not Tif.IOC:
                    size = 1 if isinstance(command, Place) else command.lots.size
                    self._resting[command.coid] = set(range(command.coid, command.coid + size))
        return self._storm(event, orders, executions) or self._forgotten(now_ns, state)

    def _storm(self, event: Event, orders: int, executions: int) -> str:
        if isinstance(event, BookTop | Mark):
            return ""
        if not isinstance(event, OrderUpdate | BatchUpdate) or executions != self._executions:
            self._barren, self._executions = 0, executions
        elif orders:
            self._barren += 1
            if self._barren > BARREN_MAX:
                self._barren = 0
                return f"{BARREN_MAX} answers in a row made new orders, though nothing had traded"
        return ""

    def _forgotten(self, now_ns: int, state: Any) -> str:
        if not self._up:
            return ""
        for coid in state.ledger.reservations:
            if coid in self._resting and not self._resting[coid]:
                continue
            waited = now_ns - max(self._since.get(coid, now_ns), self._asked_ns)
            if waited > UNASKED_NS_MAX:
                self._asked_ns = now_ns  # said once
                return f"order {coid} has no last word for {waited / 1e9:.1f} s, and nobody asked"
        return ""
