"""Resting orders, their queues, and one side of a book as sorted prices."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque


class Resting:
    """An order in the queue of its price. `lots` is what is left; 0 once it is gone."""

    __slots__ = ("lots", "order_id", "owner", "price", "side")

    def __init__(self, order_id: int, owner: int, side: int, price: int, lots: int) -> None:
        self.order_id, self.owner, self.side, self.price, self.lots = order_id, owner, side, price, lots


class Level:
    __slots__ = ("lots", "queue")

    def __init__(self) -> None:
        self.lots = 0
        self.queue: deque[Resting] = deque()  # cancelled orders stay as lots = 0 until they reach the front


class Half:
    """One side. Keys are side·price, ascending, so that the best price of either side is the last key."""

    __slots__ = ("keys", "levels", "side")

    def __init__(self, side: int) -> None:
        self.side = side
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def push(self, order: Resting) -> None:
        key = self.side * order.price
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level()
            insort(self.keys, key)
        level.queue.append(order)
        level.lots += order.lots

    def shrink(self, order: Resting, lots: int) -> None:
        """Take `lots` from an order wherever it stands; an empty price disappears."""
        key = self.side * order.price
        level = self.levels[key]
        order.lots -= lots
        level.lots -= lots
        if not level.lots:
            self.drop(key)

    def drop(self, key: int) -> None:
        del self.levels[key]
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            del self.keys[bisect_left(self.keys, key)]
