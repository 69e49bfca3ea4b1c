"""Margin on columns: who may place this order, and who must be liquidated. One formula for one account or thousands.

Perps: initial margin is notional/max_leverage of the worst position that open orders could lead to, maintenance margin
is `maintenance_bps` of the position's notional, both at the mark and rounded up. Equity is cash plus positions at the
mark, rounded down. Spot and outcome tokens are fully paid: a buy needs the money, a sell the tokens; they are no
collateral.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, ints, muldiv_floor
from pilotfish.domain.instrument import BPS, Instrument, Kind
from pilotfish.venues.sim.accounts import Accounts, fees_ceil

Flags = NDArray[np.bool_]


class Margin:
    """The margin terms of all instruments as columns, and the marks they are applied at."""

    def __init__(self, instruments: Sequence[Instrument], accounts: Accounts) -> None:
        self._instruments: list[Instrument] = []
        self._accounts = accounts
        self.marks = np.zeros(0, dtype=np.int64)
        self._set(list(instruments))

    def list_instrument(self, instrument: Instrument) -> None:
        """After the accounts have listed it."""
        self._set([*self._instruments, instrument])

    def _set(self, instruments: list[Instrument]) -> None:
        self.marks = np.append(self.marks, np.zeros(len(instruments) - len(self._instruments), dtype=np.int64))
        self._instruments = instruments
        self._num = ints([10 ** max(i.money_exponent, 0) for i in instruments])
        self._den = ints([10 ** max(-i.money_exponent, 0) for i in instruments])
        self._leverage = ints([i.max_leverage for i in instruments])
        self._maintenance = ints([i.maintenance_bps for i in instruments])
        self._perp = np.array([i.kind == Kind.PERP for i in instruments], dtype=np.bool_)

    def lacks(self, column: int, rows: Ints, side: int, lots: Ints, prices: Ints) -> Flags:
        """Whether each account lacks the margin for one more order. What only reduces always passes."""
        accounts, instrument = self._accounts, self._instruments[column]
        accounts.active[column] = True
        if instrument.kind != Kind.PERP:
            if side < 0:
                return np.asarray(lots > accounts.position[column, rows] - accounts.open_sell[column, rows])
            costs = _costs_ceil(lots, prices, instrument)
            need = costs + fees_ceil(costs, instrument.taker_fee_e6)
            return np.asarray(self.free(rows, {}) < need)
        mark = int(self.marks[column]) or int(prices.max(initial=0))
        held = accounts.position[column, rows]
        buys, sells = accounts.open_buy[column, rows], accounts.open_sell[column, rows]
        before = np.maximum(np.abs(held + buys), np.abs(held - sells))
        buys, sells = (buys + lots, sells) if side > 0 else (buys, sells + lots)
        worst = np.maximum(np.abs(held + buys), np.abs(held - sells))
        fees = fees_ceil(instrument.notionals_floor(lots, mark), max(instrument.taker_fee_e6, 0))
        return np.asarray((worst > before) & (self.free(rows, {column: (worst, mark)}) < fees))

    def free(self, rows: Ints, instead: dict[int, tuple[Ints, int]]) -> Ints:
        """Equity less initial margin and reserved money; `instead` states (worst lots, mark) for some instruments."""
        accounts = self._accounts
        free = accounts.cash[rows] - accounts.reserved[rows]
        for k in np.flatnonzero(self._perp & accounts.active).tolist():
            held = accounts.position[k, rows]
            worst, mark = instead.get(k) or (
                np.maximum(np.abs(held + accounts.open_buy[k, rows]), np.abs(held - accounts.open_sell[k, rows])),
                int(self.marks[k]),
            )
            num, den = mark * int(self._num[k]), int(self._den[k])
            free = free + muldiv_floor(held, num, den) + muldiv_floor(-worst, num, den * int(self._leverage[k]))
        return free

    def breached(self) -> Ints:
        """Rows below maintenance margin, among those with a perp position, in row order."""
        accounts, size = self._accounts, self._accounts.size
        perps = np.flatnonzero(self._perp & accounts.active & (self.marks > 0))
        if not perps.size:
            return np.zeros(0, dtype=np.int64)
        rows = np.flatnonzero(accounts.position[perps, :size].any(axis=0))
        rows = rows[accounts.ids[rows] > EXEMPT]
        if not rows.size:
            return rows
        return rows[self.shortfall(rows) > 0]

    def shortfall(self, rows: Ints) -> Ints:
        """Maintenance margin less equity; positive means liquidation."""
        accounts = self._accounts
        short = -accounts.cash[rows]
        for k in np.flatnonzero(self._perp & accounts.active & (self.marks > 0)).tolist():
            held = accounts.position[k, rows]
            num, den = int(self.marks[k]) * int(self._num[k]), int(self._den[k])
            short = short - muldiv_floor(held, num, den)
            short = short - muldiv_floor(-np.abs(held), num * int(self._maintenance[k]), den * BPS)
        return short


EXEMPT = -1_000_000  # ANONYMOUS, the batch taker and the venue itself: accounts from here down have no margin


def _costs_ceil(lots: Ints, prices: Ints, instrument: Instrument) -> Ints:
    e = instrument.money_exponent
    return -muldiv_floor(-lots, prices * 10**e, 1) if e >= 0 else -muldiv_floor(-lots, prices, 10**-e)
