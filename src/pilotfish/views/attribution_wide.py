"""Columns of integers wider than 64 bits: sums of products (quantity · price) over a whole run, never rounded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import INT64_MAX, Ints, peak, total_of
from pilotfish.domain.errors import NumericOverflow
from pilotfish.ledger.book import Rows

Exact = NDArray[np.object_]  # unlimited integers
_MASK = 0xFFFFFFFF
_LIMIT = 2**94


class Wide:
    """`size` sums, each |sum| < 2^94: `high`·2^32 + `low`, and what was added lately and still fits 64 bits."""

    def __init__(self, size: int) -> None:
        self.high, self.low, self._late = (np.zeros(size, dtype=np.int64) for _ in range(3))
        self._bound = self._late_bound = 0  # no sum, no late part is larger than these

    def grow(self, size: int) -> None:
        more = np.zeros(size - self.high.size, dtype=np.int64)
        self.high, self.low, self._late = (np.concatenate([x, more]) for x in (self.high, self.low, self._late))

    def add(self, rows: Rows, column: Ints, factor: int, top: int | None = None) -> None:
        """Add column·factor to `rows` (no row twice); `top` is at least the column's peak, where that is known.

        Raises NumericOverflow before anything is added.
        """
        most = (peak(column) if top is None else top) * abs(factor)
        if not most:
            return
        if self._bound + most >= _LIMIT:
            raise NumericOverflow("a sum of the attribution", "leaves 95 bits", "use a coarser lot or price unit")
        self._bound += most
        if most > INT64_MAX:
            self._add_large(rows, column, factor)
            return
        if self._late_bound + most > INT64_MAX:
            self._carry()
        self._late_bound += most
        self._late[rows] += column * factor

    def _add_large(self, rows: Rows, column: Ints, factor: int) -> None:
        """The same in parts: column = a·2^32 + b, factor = c·2^32 + d·2^16 + e. What wraps comes back: the sum fits."""
        a, b = column >> 32, column & _MASK
        c, d, e = factor >> 32, factor >> 16 & 0xFFFF, factor & 0xFFFF
        middle, last = b * d, b * e  # the middle is worth 2^16 times as much
        low = self.low[rows] + ((middle & 0xFFFF) << 16) + (last & _MASK)
        self.high[rows] += column * c + a * (factor & _MASK) + (middle >> 16) + (last >> 32) + (low >> 32)
        self.low[rows] = low & _MASK

    def _carry(self) -> None:
        low = self.low + (self._late & _MASK)
        self.high += (self._late >> 32) + (low >> 32)
        self.low = low & _MASK
        self._late[:] = 0
        self._late_bound = 0

    def exact(self) -> Exact:
        """The sums as unlimited integers."""
        self._carry()
        if peak(self.high) < 2**31:
            return np.asarray(((self.high << 32) | self.low).astype(object))
        return np.asarray(self.high.astype(object) * 2**32 + self.low)


def total_below(column: Ints, top: int) -> int:
    """The sum of a column of which nothing is larger than `top`, as an unlimited integer."""
    return int(column.sum()) if top * column.size <= INT64_MAX else total_of(column)
