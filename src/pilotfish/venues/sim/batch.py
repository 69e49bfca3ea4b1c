"""Thousands of IOC orders against one side of a book, with the result of matching them one by one in arrival order.

Everybody takes from the best price on, so all the book remembers is how much is gone. With D(p) the depth at prices no
worse than p, order i leaves the running total at C_i = C_{i-1} + clip(q_i, 0, D(limit_i) - C_{i-1}), and pays
F(C_i) - F(C_{i-1}), where F is the cost of the first lots of the book: piecewise linear, exact in integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import INT64_MAX, Ints, ints


class Matched(NamedTuple):
    """Per order, in arrival order: lots filled, and raw, the exact sum of lots·price; the book gives up `taken` lots.

    `raw` is int64, or a column of unlimited Python integers where int64 would not hold it.
    """

    filled: Ints
    raw: NDArray[Any]
    taken: int


def match_batch(prices: Sequence[int], cumulative: Sequence[int], side: int, lots: Ints, limits: Ints) -> Matched:
    """Match `side` orders of `lots` at `limits` (arrival order) against the other side's depth, best first.

    `prices` and `cumulative` are what `OrderBook.depth(-side)` returns. Orders with lots <= 0 get nothing.
    """
    n = lots.size
    if not prices or not n:
        return Matched(np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), 0)
    ladder = ints(prices)
    reach = ints([0, *cumulative])[np.searchsorted(side * ladder, side * limits, side="right")]
    total, totals = 0, [0]
    grow = totals.append
    for wanted, upto in zip(lots.tolist(), reach.tolist(), strict=True):
        room = upto - total
        if 0 < wanted < room:
            total += wanted
        elif wanted > 0 and room > 0:
            total = upto
        grow(total)
    taken = ints(totals)
    raw = np.diff(_cost_of_first(prices, cumulative, taken))
    return Matched(np.diff(taken), raw, total)


def _cost_of_first(prices: Sequence[int], cumulative: Sequence[int], taken: Ints) -> NDArray[Any]:
    """F: the sum of lots·price of the first `taken` lots of the book, elementwise."""
    before, costs, cost = [0, *cumulative[:-1]], [], 0
    for price, start, end in zip(prices, before, cumulative, strict=True):
        costs.append(cost)
        cost += (end - start) * price
    kind: type = np.int64 if cost <= INT64_MAX else object
    level = np.searchsorted(ints(cumulative), taken, side="left").clip(max=len(prices) - 1)
    into = (taken - ints(before)[level]).astype(kind)
    return np.asarray(np.array(costs, dtype=kind)[level] + into * np.array(prices, dtype=kind)[level])
