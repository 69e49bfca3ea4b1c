"""How much of a record could be luck: intervals, and the Sharpe ratio deflated for how many leads were looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_normal = NormalDist()
_EULER = 0.5772156649015329


class Interval(NamedTuple):
    """Both ends of a two-sided interval."""

    low: float
    high: float


def wilson(wins: int, trials: int, level: float = 0.95) -> Interval:
    """Interval of a proportion (Wilson 1927): inside [0, 1], and honest for few trials."""
    if trials <= 0:
        return Interval(0.0, 1.0)
    z = _normal.inv_cdf((1 + level) / 2)
    share, spread = wins / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


def sharpe(returns: Floats) -> float | None:
    """Mean over standard deviation (n − 1) of the steps, not annualised; None where nothing varies."""
    if returns.size < 3:
        return None
    spread = float(returns.std(ddof=1))
    return float(returns.mean()) / spread if spread > 1e-15 else None


def resampled(returns: Floats, seed: int, draws: int = 2_000) -> Floats:
    """Stationary bootstrap (Politis & Romano 1994): `draws` series of the same length, shape (draws, n).

    Blocks of geometric length with mean n^(1/3) keep what one step says of the next; the same seed, the same draws.
    """
    n = returns.size
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, n, (draws, n))
    fresh = rng.random((draws, n)) < 1.0 / max(n ** (1 / 3), 1.0)
    at = np.empty((draws, n), dtype=np.int64)
    at[:, 0] = starts[:, 0]
    for k in range(1, n):
        at[:, k] = np.where(fresh[:, k], starts[:, k], (at[:, k - 1] + 1) % n)
    return np.asarray(returns[at], dtype=np.float64)


def intervals(
    returns: Floats, flows: Floats, invested: float, seed: int, level: float = 0.95
) -> tuple[Interval, Interval] | None:
    """(Sharpe per step, money-weighted return): percentiles over `resampled`. None for fewer than eight steps.

    `flows[k]` comes in before step k and meets the drawn steps from there on; `invested` is modified Dietz's Σ w·F. A
    draw without any variation says nothing of a ratio, and counts as Sharpe 0.
    """
    if returns.size < 8:
        return None
    drawn = resampled(returns, seed)
    means, spreads = drawn.mean(axis=1), drawn.std(axis=1, ddof=1)
    ratios = np.where(spreads > 1e-15, means / np.maximum(spreads, 1e-15), 0.0)
    money = np.zeros(drawn.shape[0])
    for k in range(returns.size):
        money = (money + flows[k]) * np.maximum(1.0 + drawn[:, k], 0.0)
    gains = (money - flows[: returns.size].sum()) / invested
    ends = [50 * (1 - level), 50 * (1 + level)]
    (a, b), (c, d) = np.percentile(ratios, ends), np.percentile(gains, ends)
    return Interval(float(a), float(b)), Interval(float(c), float(d))


def probabilistic_sharpe(returns: Floats, benchmark: float = 0.0) -> float | None:
    """Probability that the true Sharpe ratio (per step) is above `benchmark`, with skewness and kurtosis.

    Bailey & López de Prado 2012, "The Sharpe Ratio Efficient Frontier", eq. 9 (the variance is Mertens').
    """
    ratio = sharpe(returns)
    if ratio is None:
        return None
    centred = (returns - returns.mean()) / returns.std()
    skew, kurtosis = float((centred**3).mean()), float((centred**4).mean())
    variance = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio * ratio
    return _normal.cdf((ratio - benchmark) * math.sqrt(returns.size - 1) / math.sqrt(max(variance, 1e-12)))


def luckiest(ratios: Sequence[float], trials: int) -> float:
    """The highest Sharpe ratio that `trials` leads without any skill would show.

    Bailey & López de Prado 2014, "The Deflated Sharpe Ratio", eq. 1: `ratios` are those seen, for their variance.
    """
    if trials < 2 or len(ratios) < 2:
        return 0.0
    spread = float(np.std(np.asarray(ratios), ddof=1))
    highest = (1 - _EULER) * _normal.inv_cdf(1 - 1 / trials) + _EULER * _normal.inv_cdf(1 - 1 / (trials * math.e))
    return spread * highest


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's: Pearson's over ranks, equal values share theirs. None for fewer than three, or without variation."""
    if len(first) < 3 or len(first) != len(second):
        return None
    a, b = _ranks(np.asarray(first)), _ranks(np.asarray(second))
    if a.std() == 0 or b.std() == 0:
        return None
    return float(((a - a.mean()) * (b - b.mean())).mean() / (a.std() * b.std()))


def rank_interval(correlation: float, count: int, level: float = 0.95) -> Interval | None:
    """Interval of Spearman's coefficient: Fisher's z with variance 1.06 / (n − 3) (Fieller, Hartley, Pearson 1957)."""
    if count < 5:
        return None
    z, half = math.atanh(min(max(correlation, -0.999999), 0.999999)), math.sqrt(1.06 / (count - 3))
    half *= _normal.inv_cdf((1 + level) / 2)
    return Interval(math.tanh(z - half), math.tanh(z + half))


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)
