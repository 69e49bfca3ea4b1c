"""A book that also tells what strangers trade with each other: the public prints."""

from __future__ import annotations

from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.matching import ANONYMOUS, OrderBook, Placed, Pulled, Trade


class TapedBook(OrderBook):
    """`drain` gives every execution; a stranger's with a stranger has maker id 0."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(instrument)
        self._tape: list[Trade | Pulled] = []

    def add(self, side: int, lots: int, price: int, tif: Tif = Tif.GTC, owner: int = ANONYMOUS) -> Placed:
        if owner != ANONYMOUS or not self.crosses(side, price):
            return super().add(side, lots, price, tif, owner)
        levels = list(zip(*self.depth(-side), strict=True))
        placed = super().add(side, lots, price, tif, owner)
        named = super().drain()
        self._tape += named
        self._tape += _among_strangers(levels, placed, named, side, self.now_ns)
        return placed

    def drain(self) -> list[Trade | Pulled]:
        tape, self._tape = [*self._tape, *super().drain()], []
        return tape

    def levels(self, side: int, most: int) -> list[tuple[int, int, int]]:
        """(price, lots, orders) of one side, best first."""
        half = self._half(side)
        return [
            (abs(key), half.levels[key].lots, sum(1 for order in half.levels[key].queue if order.lots))
            for key in half.keys[: -most - 1 : -1]
        ]


def _among_strangers(
    levels: list[tuple[int, int]], placed: Placed, named: list[Trade | Pulled], side: int, ns: int
) -> list[Trade | Pulled]:
    """What of a stranger's order traded with other strangers, level by level."""
    prints: list[Trade | Pulled] = []
    before = 0
    for price, total in levels:
        if before >= placed.filled:
            break
        lots = min(total, placed.filled) - before
        lots -= sum(one.lots for one in named if isinstance(one, Trade) and one.price == price)
        if lots > 0:
            prints.append(Trade(ns, 0, ANONYMOUS, placed.order_id, ANONYMOUS, side, lots, price))
        before = total
    return prints
