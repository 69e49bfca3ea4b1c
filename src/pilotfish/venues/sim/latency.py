"""How long messages take: lognormal by median and 99th percentile, whole nanoseconds, from a seed.

Published by Hyperliquid: an order sent from the same data centre takes 200 ms at the median and 900 ms at p99; over
the public path the WebSocket takes 100-200 ms and an order 600-700 ms. Assumed: the whole published order time passes
before matching (so fills come late rather than early), answers take as long as market data, and a p99 that nobody
published keeps the published ratio of 4.5 for orders and is 400 ms for the WebSocket.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.errors import ConfigError
from pilotfish.venues.sim.chance import Normals, named

Z99 = 2.3263478740408408  # 99th percentile of the standard normal
MS = 1_000_000


class Delay(NamedTuple):
    """A lognormal delay; both 0 is no delay at all."""

    median_ns: int
    p99_ns: int

    @property
    def sigma(self) -> float:
        return math.log(self.p99_ns / self.median_ns) / Z99 if self.median_ns else 0.0


MARKET = Delay(150 * MS, 400 * MS)
COLOCATED_ORDER = Delay(200 * MS, 900 * MS)
PUBLIC_ORDER = Delay(650 * MS, 2_925 * MS)
NO_DELAY = Delay(0, 0)


class Latency:
    """Delays of market data (lead feed included), orders on their way in, and answers on their way out.

    An order of a batch has a part that belongs to the account (its path) and a part drawn anew; `account_share` is the
    account's share of the variance, so a batch's delays have the stated median and p99 whatever the split.
    """

    def __init__(
        self,
        seed: int,
        market: Delay = MARKET,
        order: Delay = COLOCATED_ORDER,
        answer: Delay = MARKET,
        account_share: float = 0.5,
        account_medians: Ints | None = None,
    ) -> None:
        """`account_medians[i]`: account i's own median order delay, ns; what is drawn anew then spreads around it."""
        for name, delay in (("market", market), ("order", order), ("answer", answer)):
            if not 0 <= delay.median_ns <= delay.p99_ns or (delay.p99_ns and not delay.median_ns):
                raise ConfigError(f"{name} delay {tuple(delay)}", "needs 0 < median <= p99, or 0 and 0", "mend it")
        if not 0.0 <= account_share <= 1.0:
            raise ConfigError(f"account_share {account_share}", "is not in 0..1", "give a share of the variance")
        self._seed = seed
        self._market, self._order, self._answer = market, order, answer
        self._share = account_share
        self._medians = account_medians
        self._draw = {name: Normals(seed, "latency", name) for name in ("market", "order", "answer")}
        self._jitter = named(seed, "latency", "batch")

    @classmethod
    def none(cls) -> Latency:
        """Everything arrives at the moment it is sent."""
        return cls(0, NO_DELAY, NO_DELAY, NO_DELAY)

    def market_ns(self) -> int:
        return self._one("market", self._market)

    def order_ns(self) -> int:
        return self._one("order", self._order)

    def answer_ns(self) -> int:
        return self._one("answer", self._answer)

    def batch_ns(self, accounts: Ints) -> Ints:
        """The delay of each account's order in one batch, ns."""
        if not self._order.median_ns:
            return np.zeros(accounts.size, dtype=np.int64)
        fresh = self._jitter.standard_normal(accounts.size)
        if self._medians is not None:
            spread = np.exp(self._order.sigma * math.sqrt(1.0 - self._share) * fresh)
            return np.asarray(np.rint(self._medians[accounts] * spread), dtype=np.int64)
        fixed = _normal_of(accounts, self._seed)
        z = math.sqrt(self._share) * fixed + math.sqrt(1.0 - self._share) * fresh
        return np.asarray(np.rint(self._order.median_ns * np.exp(self._order.sigma * z)), dtype=np.int64)

    def _one(self, name: str, delay: Delay) -> int:
        if not delay.median_ns:
            return 0
        return round(delay.median_ns * math.exp(delay.sigma * self._draw[name]()))


def _normal_of(accounts: Ints, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A standard normal number that belongs to each account: splitmix64 of its id, then Box-Muller."""
    state = accounts.astype(np.uint64) + np.uint64(seed % 2**64)
    u = [_splitmix(state + np.uint64(k * 0x9E3779B97F4A7C15 % 2**64)) for k in (1, 2)]
    first, second = ((x >> np.uint64(11)).astype(np.float64) + 0.5 for x in u)
    unit = 2.0**-53
    return np.asarray(np.sqrt(-2.0 * np.log(first * unit)) * np.cos(2.0 * np.pi * second * unit))


def _splitmix(x: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
