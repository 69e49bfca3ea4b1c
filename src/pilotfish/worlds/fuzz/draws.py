"""How the drawing of fuzzed worlds is done: its units, and the few ways to be random."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints

Chance = np.random.Generator
USDC = 10**6
SECOND = 1_000_000_000
MS = 1_000_000
START_NS = 1_790_000_000 * SECOND
DELAY_NS_MAX = 6 * SECOND  # of a withheld lead
WINDOW_NS_MAX = 8 * SECOND  # of a TWAP


def some(chance: Chance, share: float, most: float) -> float:
    """A rate up to `most` in this share of worlds, zero in the others."""
    rate = float(chance.random()) * most
    return rate if chance.random() < share else 0.0


def log(chance: Chance, low: float, high: float) -> float:
    return float(np.exp(chance.uniform(np.log(low), np.log(high))))


def pick(chance: Chance, values: list[int]) -> int:
    return int(chance.choice(values))


def sprinkled(chance: Chance, values: list[int], n: int, share: float) -> Ints:
    """One of `values` in this share of rows, 0 in the others."""
    return np.where(chance.random(n) < share, chance.choice(values, n), 0).astype(np.int64)
