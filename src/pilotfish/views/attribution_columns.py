"""What the attribution keeps for every follow: sums of quantity · price, in columns.

A *gap* is position − target, in sub-lots: rounding where it is below one lot, missed where it is more. `price2` is
twice a price in the instrument's price unit, so that a mid is exact.
"""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, peak
from pilotfish.domain.instrument import SUBLOT
from pilotfish.ledger.book import Rows
from pilotfish.views.attribution_trades import Trade
from pilotfish.views.attribution_wide import Wide, total_below


class Line:
    """One instrument: where follows stood after the latest event."""

    def __init__(self, size: int) -> None:
        self.held, self.target, self.rounding, self.hedge = (np.zeros(size, dtype=np.int64) for _ in range(4))
        self.price2 = 0  # the last seen, for where a mark is missing

    def grow(self, size: int) -> None:
        more = np.zeros(size - self.held.size, dtype=np.int64)
        for name in ("held", "target", "rounding", "hedge"):
            setattr(self, name, np.concatenate([getattr(self, name), more]))

    def gap(self, rows: Rows = slice(None)) -> Ints:
        gap = self.held[rows] * SUBLOT
        gap -= self.target[rows]
        return gap


class Sums:
    """Over all instruments of one money exponent: what quantities were bought for. A quantity q bought at price2 adds
    q·price2 here, and is worth q·(twice the end mark − price2) in the end. `delay` and `fills` are in lots, the others
    in sub-lots.

    What the gaps were bought for need not be kept: it is that of the positions, at the lead's prices (`delay` +
    `fills`), less that of the targets (`ideal` + `hedge`).
    """

    def __init__(self, size: int) -> None:
        self.ideal, self.hedge, self.rounding, self.delay, self.fills = (Wide(size) for _ in range(5))

    def grow(self, size: int) -> None:
        for sums in (self.ideal, self.hedge, self.rounding, self.delay, self.fills):
            sums.grow(size)

    def asked(self, line: Line, trade: Trade, rows: Rows, delta: Ints, price2: int, hedge: Trade | None = None) -> None:
        """Targets of `rows` moved by `delta` at a price; with `hedge`, for a hedge and not for the lead's trade."""
        top = peak(delta)
        total = total_below(delta, top)
        line.target[rows] += delta
        if hedge is None:
            self.ideal.add(rows, delta, price2, top)
            trade.ideal.buy(total, price2)
        else:
            line.hedge[rows] += delta
            self.hedge.add(rows, delta, price2, top)
            hedge.hedge.buy(total, price2)
        self._gap(line, trade, rows, -total, price2)

    def traded(self, line: Line, trade: Trade, rows: Rows, lots: Ints, reference2: int, decision2: int) -> None:
        """Positions of `rows` moved by signed `lots`, measured against the lead's price and the decision's."""
        top = peak(lots)
        total = total_below(lots, top)
        line.held[rows] += lots
        self.delay.add(rows, lots, reference2 - decision2, top)
        self.fills.add(rows, lots, decision2, top)
        trade.delay += total * (reference2 - decision2)
        trade.fills += total * decision2
        trade.copies += int(np.count_nonzero(lots))
        self._gap(line, trade, rows, total * SUBLOT, reference2)

    def _gap(self, line: Line, trade: Trade, rows: Rows, total: int, price2: int) -> None:
        """Gaps changed, by `total` in all: what of that is rounding, what is missed."""
        after = line.gap(rows)
        np.copyto(after, 0, where=np.abs(after) >= SUBLOT)
        rounding = after - line.rounding[rows]
        line.rounding[rows] = after
        line.price2 = price2
        self.rounding.add(rows, rounding, price2, 2 * SUBLOT)
        rounded = int(rounding.sum())
        trade.rounding.buy(rounded, price2)
        trade.missed.buy(total - rounded, price2)
