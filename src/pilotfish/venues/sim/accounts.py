"""The venue's own books: cash, positions and open orders of every account, as columns. Kept apart from our ledger on
purpose, so that an auditor can hold one against the other.

A trade moves its whole cost, on margin or not: equity is cash plus positions at the mark. Every asset sums to what was
deposited, over all accounts, ANONYMOUS and VENUE (fees and what rounding leaves) included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import INT64_MAX, Ints, ints, mul, muldiv_floor, peak
from pilotfish.domain.errors import NumericOverflow, VenueError
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.sim.matching import ANONYMOUS

VENUE = -1_000_002  # receives fees, pays rebates, keeps what rounding leaves
_MILLION = 1_000_000


class Accounts:
    """Columns over rows (one an account) and, for positions and open orders, instruments.

    Shapes: `cash`, `reserved` (rows,); `position`, `open_buy`, `open_sell` (instruments, rows), lots. `reserved` is the
    money that open buys of fully paid instruments may still cost.
    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.column = {instrument.id: k for k, instrument in enumerate(instruments)}
        self.size = 0
        self.ids = np.zeros(64, dtype=np.int64)
        self.cash, self.reserved = np.zeros(64, dtype=np.int64), np.zeros(64, dtype=np.int64)
        shape = (len(instruments), 64)
        self.position, self.open_buy, self.open_sell = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        self.active = np.zeros(len(instruments), dtype=np.bool_)  # instruments anybody ever ordered
        self._row: dict[int, int] = {}
        self._sorted: tuple[Ints, Ints] | None = None
        self.open([ANONYMOUS, VENUE], 0)

    def list_instrument(self, instrument: Instrument) -> None:
        """One more column, in which nobody holds anything."""
        self.column[instrument.id] = len(self.column)
        empty = np.zeros((1, self.position.shape[1]), dtype=np.int64)
        self.position, self.open_buy, self.open_sell = (
            np.concatenate([one, empty]) for one in (self.position, self.open_buy, self.open_sell)
        )
        self.active = np.append(self.active, False)

    def open(self, accounts: Iterable[int], cash: int) -> None:
        """Open accounts, each with `cash` money units. Raises VenueError when one is open already."""
        new = [int(account) for account in accounts]
        for account in new:
            if account in self._row:
                raise VenueError(f"account {account}", "is open already", "deposit into it instead")
            self._row[account] = len(self._row)
        if len(self._row) > self.ids.size:
            self._grow(max(2 * self.ids.size, len(self._row)))
        self.ids[self.size : len(self._row)] = new
        self.cash[self.size : len(self._row)] = cash
        self.size, self._sorted = len(self._row), None

    def row(self, account: int) -> int:
        """The account's row. Raises VenueError when it is not open."""
        row = self._row.get(account)
        if row is None:
            raise VenueError(f"account {account}", "is not open at this venue", "open_account it first")
        return row

    def rows(self, accounts: Ints) -> Ints:
        """Rows of a column of accounts; -1 where one is not open."""
        if self._sorted is None:
            order = np.argsort(self.ids[: self.size])
            self._sorted = (self.ids[order], order)
        ids, order = self._sorted
        at = np.searchsorted(ids, accounts).clip(max=self.size - 1)
        return np.where(ids[at] == accounts, order[at], -1)

    def has(self, account: int) -> bool:
        return account in self._row

    def move(self, row: int, cash: int, column: int = 0, lots: int = 0) -> None:
        """Change one account's cash and position. Raises NumericOverflow before anything has changed."""
        money, held = int(self.cash[row]) + cash, int(self.position[column, row]) + lots
        if max(abs(money), abs(held)) > INT64_MAX:
            raise NumericOverflow(f"account {self.ids[row]}", "leaves int64", "use smaller deposits or a coarser unit")
        self.cash[row], self.position[column, row] = money, held

    def move_all(self, rows: Ints, cash: Ints, column: int, lots: Ints) -> None:
        """The same for distinct rows at once."""
        if max(peak(self.cash[rows]) + peak(cash), peak(self.position[column, rows]) + peak(lots)) > INT64_MAX:
            raise NumericOverflow("accounts of a batch", "leave int64", "use smaller deposits or a coarser unit")
        self.cash[rows] += cash
        self.position[column, rows] += lots

    def hold(self, row: int, column: int, side: int, lots: int, money: int) -> None:
        """Open orders grow by `lots` and, for fully paid buys, by `money`; negative when they shrink."""
        (self.open_buy if side > 0 else self.open_sell)[column, row] += lots
        self.reserved[row] += money
        self.active[column] = True

    def totals(self) -> tuple[int, dict[int, int]]:
        """Cash, and lots per instrument id, summed over all accounts with unlimited integers."""
        lots = {key: sum(self.position[k, : self.size].tolist()) for key, k in self.column.items()}
        return sum(self.cash[: self.size].tolist()), lots

    def _grow(self, capacity: int) -> None:
        more = capacity - self.ids.size
        for name in ("ids", "cash", "reserved", "position", "open_buy", "open_sell"):
            old = getattr(self, name)
            pad = [(0, 0)] * (old.ndim - 1) + [(0, more)]
            setattr(self, name, np.pad(old, pad))


def fee_ceil(cost: int, rate_e6: int) -> int:
    """The venue's fee on `cost`, rounded up; a rebate (negative rate) is therefore rounded down in size."""
    return -(-cost * rate_e6 // _MILLION)


def fees_ceil(costs: Ints, rate_e6: int) -> Ints:
    """The same for a column of costs >= 0."""
    if rate_e6 < 0:
        return -muldiv_floor(costs, -rate_e6, _MILLION)
    return -muldiv_floor(-costs, rate_e6, _MILLION)


def costs_of(raw: NDArray[Any], side: int, instrument: Instrument) -> Ints:
    """Money for sums of lots·price: a buyer's rounded up, a seller's down, as `Instrument.cost` does."""
    e = instrument.money_exponent
    if raw.dtype == object:
        scaled = [value * 10**e if e >= 0 else -side * (-side * value // 10**-e) for value in raw.tolist()]
        if scaled and max(scaled) > INT64_MAX:
            raise NumericOverflow("the cost of an order", "leaves int64", "use a coarser money unit")
        return ints(scaled)
    return mul(raw, 10**e) if e >= 0 else -side * muldiv_floor(-side * raw, 1, 10**-e)
