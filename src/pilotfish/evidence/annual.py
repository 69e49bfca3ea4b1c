"""A gain over some days as a yearly figure: simple beside compound, and how little a short sample says of either."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.errors import ConfigError
from pilotfish.evidence.luck import Interval, resampled

YEAR_DAYS = 365.0
STEPS_MIN = 8  # fewer daily returns support no interval


class Annualised(NamedTuple):
    """Shares of the capital a year: 1.42 is 142%. The compound figure is infinite where a float does not hold it."""

    simple: float
    compound: float


class Support(NamedTuple):
    """What a sample supports: intervals of the return over its whole time and of both yearly figures."""

    total: Interval
    simple: Interval
    compound: Interval
    block: float  # mean length of the blocks drawn, in steps
    steps: int


def annualise(gain: float, capital: float, days: float) -> Annualised:
    """`gain / capital · 365 / days`, and the same rate reinvested. Raises ConfigError without capital or time.

    More than the capital cannot be lost: the compound figure ends at −1.
    """
    if capital <= 0 or days <= 0:
        raise ConfigError(f"a gain on {capital:g} over {days:g} days", "has no yearly figure", "give both above zero")
    rate, years = gain / capital, days / YEAR_DAYS
    try:
        compound = max(1.0 + rate, 0.0) ** (1.0 / years) - 1.0
    except OverflowError:
        compound = float("inf")
    return Annualised(rate / years, compound)


def support(returns: NDArray[np.float64], days: float, seed: int, level: float = 0.95) -> Support | None:
    """Percentiles over `resampled` series of the daily `returns`, together `days` long; None for fewer than eight.

    Blocks of mean n^(1/3) keep what one day says of the next. The sample knows only the days it holds: no interval
    covers what did not happen in them.
    """
    n = returns.size
    if n < STEPS_MIN:
        return None
    totals = np.prod(np.maximum(1.0 + resampled(returns, seed), 0.0), axis=1) - 1.0
    low, high = (float(x) for x in np.percentile(totals, [50 * (1 - level), 50 * (1 + level)]))
    ends = annualise(low, 1.0, days), annualise(high, 1.0, days)
    return Support(
        Interval(low, high),
        Interval(ends[0].simple, ends[1].simple),
        Interval(ends[0].compound, ends[1].compound),
        max(n ** (1 / 3), 1.0),
        n,
    )
