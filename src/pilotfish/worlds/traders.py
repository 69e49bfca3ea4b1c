"""Three lead traders for the seeded market: they trade the simulated book like anybody else."""

from __future__ import annotations

from collections import deque

import numpy as np

from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import Place, Tif

STYLES = ("momentum", "reversion", "rebalancer")


class Trader:
    """One lead: looks at the mid every so often and moves toward the position its style asks for.

    `momentum` follows the last minute's move, `reversion` fades it, `rebalancer` draws a new position now and then. A
    trade crosses the spread with a small bound, in parts, so that partial fills, reductions and flips all happen.
    """

    def __init__(self, account: int, style: str, instrument: Instrument, equity: int, seed: int) -> None:
        self.account, self.style, self.instrument = account, style, instrument
        self._chance = np.random.default_rng([seed, account, instrument.id])
        self._mids: deque[int] = deque(maxlen=60)
        self._goal = 0
        self._equity = equity
        self._ids = account << 48 | instrument.id << 40

    def act(self, bid: int, ask: int, position: int) -> Place | None:
        """An order to send now, or None. `position` is its own, in lots."""
        if not bid or not ask:
            return None
        mid = (bid + ask) // 2
        self._mids.append(mid)
        if len(self._mids) < 10 or self._chance.random() > 0.08:
            return None
        self._decide(mid)
        gap = self._goal - position
        unit = self.instrument.min_notional or 10_000_000
        per_lot = max(self.instrument.notional_floor(1_000, mid) / 1_000, 1e-9)
        smallest = int(unit / per_lot) + 1
        if abs(gap) < 2 * smallest:
            return None
        part = max(smallest, int(abs(gap) * self._chance.uniform(0.3, 1.0)))
        side = 1 if gap > 0 else -1
        price = self.instrument.bound_price(ask if side > 0 else bid, side, 20)
        self._ids += 1
        return Place(self._ids, self.account, self.instrument.id, side, min(part, abs(gap)), price, Tif.IOC)

    def _decide(self, mid: int) -> None:
        """The position wanted, in lots: at most the style's share of equity, both ways."""
        drift = mid / self._mids[0] - 1.0
        most = self._equity / max(self.instrument.notional_floor(1_000, mid) / 1_000, 1e-9)
        if self.style == "rebalancer":
            if self._chance.random() < 0.15:
                self._goal = int(most * self._chance.uniform(-1, 1))
            return
        lean = float(np.clip(drift * 600, -1, 1)) * (1 if self.style == "momentum" else -1)
        self._goal = int(most * lean)
