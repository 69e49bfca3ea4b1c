"""Accounts that trade by themselves, from the twin's seed: leads to follow where there is no recording."""

from __future__ import annotations

from collections import deque

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.sim.chance import named
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.market import Market
from pilotfish.venues.twins.hyperliquid.order import Wanted

LOOKBACK = 30  # seconds
ACTS = 0.15  # of all seconds
BOUND_BPS = 20
SMALLEST = 12_000_000  # a little over the venue's minimum
GAIN = 600  # how many times its equity a trader would hold for a move of 100%


class Bot:
    """Looks once a second. `momentum` follows the last half minute, `reversion` fades it, `rebalancer` draws a goal."""

    def __init__(self, account: Account, market: Market, style: str, seed: int) -> None:
        if style not in ("momentum", "reversion", "rebalancer"):
            raise ConfigError(f"trader style {style!r}", "is not known", "momentum, reversion or rebalancer")
        self.account, self.market, self.style = account, market, style
        self._chance = named(seed % 2**64, "bot", account.address, market.coin)
        self._mids: deque[int] = deque(maxlen=LOOKBACK)
        self._goal = 0.0  # of its equity

    def act(self, core: Core) -> None:
        """Perhaps send an order towards the position wanted: across the spread, and never further than the bound."""
        market, mid = self.market, self.market.mid
        self._mids.append(mid)
        if self._chance.random() >= ACTS or len(self._mids) < 3:
            return
        if self.style == "rebalancer":
            self._goal = float(self._chance.uniform(-1, 1)) if self._chance.random() < 0.3 else self._goal
        else:
            move = (mid / self._mids[0] - 1) * GAIN
            self._goal = max(-1.0, min(1.0, move if self.style == "momentum" else -move))
        gap = int(self._goal * self.account.equity / mid) - self.account.holding(market).lots
        side, least = (1 if gap > 0 else -1), SMALLEST // mid + 1
        if abs(gap) < least:
            return
        lots = max(least, int(abs(gap) * self._chance.uniform(0.3, 1.0)))
        bid, _, ask, _ = market.book.best()
        near = ask if side > 0 else bid
        if near:
            price = market.instrument.bound_price(near, side, BOUND_BPS)
            core.place(self.account, Wanted(market.asset, side, lots, price, "Ioc", False, None))
