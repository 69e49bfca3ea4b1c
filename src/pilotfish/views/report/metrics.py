"""Percentiles and histograms of values that occur many times, exact without expanding them.

A block fill gives thousands of followers the same lag and the same slippage, so a sample is kept as two columns, value
and count: 20 million copies in 50,000 block fills are 50,000 rows. Percentiles equal numpy's on the expanded values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.errors import InvariantBroken
from pilotfish.views.report.schema import Distribution, Histogram

Floats = NDArray[np.float64]
_COMPACT_ROWS = 1 << 17  # rows that may wait before equal values are merged
_BINS = 60


class WeightedSample:
    """A growing sample of (value, count) pairs; the order in which they arrive changes no result.

    Values are float64; NaN and infinite ones are set aside in `dropped`. Where all values differ (a lag in ns per
    order), `resolution` rounds them to its multiples, so that memory is bounded by the range and not by the count:
    16 bytes for each different value.
    """

    def __init__(self, resolution: float | None = None) -> None:
        if resolution is not None and not (math.isfinite(resolution) and resolution > 0):
            raise InvariantBroken(f"resolution {resolution}", "is not a positive number", "give a step, or None")
        self._resolution = resolution
        self._values: Floats = np.empty(0)  # sorted, each once
        self._counts: Ints = np.empty(0, dtype=np.int64)
        self._waiting: list[tuple[Floats, Ints]] = []
        self._waiting_rows = 0
        self.dropped = 0

    def add(self, values: ArrayLike, counts: ArrayLike = 1) -> None:
        """Add values[i] counts[i] times; scalars broadcast. Raises InvariantBroken for a negative count."""
        v, c = np.broadcast_arrays(np.asarray(values, dtype=np.float64), np.asarray(counts, dtype=np.int64))
        v, c = v.ravel(), c.ravel()
        if c.size and int(c.min()) < 0:
            raise InvariantBroken(
                "a sample was given a negative count", f"{int(c.min())}", "counts are copies, not lots"
            )
        finite = np.isfinite(v)
        self.dropped += int(c[~finite].sum())
        keep = finite & (c > 0)
        # + 0.0 turns −0.0 into 0.0 and copies, so that the caller may reuse its arrays
        v = v[keep] + 0.0 if self._resolution is None else np.round(v[keep] / self._resolution) * self._resolution + 0.0
        self._waiting.append((v, c[keep]))
        self._waiting_rows += v.size
        if self._waiting_rows > max(_COMPACT_ROWS, self._values.size):
            self._compact()

    def merge(self, other: WeightedSample) -> None:
        """Add everything in `other`, which stays as it is."""
        values, counts = other.columns()
        self.dropped += other.dropped
        self.add(values, counts)

    def columns(self) -> tuple[Floats, Ints]:
        """The different values, ascending, and how often each occurs."""
        self._compact()
        return self._values, self._counts

    @property
    def count(self) -> int:
        return int(self.columns()[1].sum())

    @property
    def mean(self) -> float | None:
        values, counts = self.columns()
        return float((values * counts).sum() / counts.sum()) if values.size else None

    def percentile(self, q: float) -> float | None:
        """As numpy.percentile(expanded, q), method "linear" (Hyndman and Fan 1996, type 7); None if empty."""
        return self.percentiles([q])[0]

    def percentiles(self, qs: Sequence[float]) -> list[float | None]:
        values, counts = self.columns()
        if not values.size:
            return [None] * len(qs)
        ends = np.cumsum(counts)
        at = (int(ends[-1]) - 1) * (np.asarray(qs, dtype=np.float64) / 100)
        lower = np.floor(at)
        t = at - lower
        a = values[np.searchsorted(ends, lower, side="right")]
        b = values[np.searchsorted(ends, np.minimum(lower + 1, ends[-1] - 1), side="right")]
        gap = b - a  # from the nearer end, as numpy does, so that the result stays between a and b
        return [float(x) for x in np.where(t >= 0.5, b - gap * (1 - t), a + gap * t)]

    def histogram(self, edges: Sequence[float]) -> Histogram:
        """Counts between ascending `edges`; every value is in a bin, below or above."""
        values, counts = self.columns()
        e = np.asarray(edges, dtype=np.float64)
        if e.size < 2 or not np.isfinite(e).all() or (np.diff(e) <= 0).any():
            raise InvariantBroken("histogram edges", "are not ascending numbers", "give at least two")
        total = np.concatenate([[0], np.cumsum(counts)])
        at = np.searchsorted(values, e, side="left")
        at[-1] = np.searchsorted(values, e[-1], side="right")
        upto = total[at]
        return Histogram(
            edges=e.tolist(), counts=np.diff(upto).tolist(), below=int(upto[0]), above=int(total[-1] - upto[-1])
        )

    def distribution(self, scale: Literal["linear", "log"] = "linear", bins: int = _BINS) -> Distribution:
        """All of a Distribution, with a histogram on suitable edges: geometric for lags, round steps otherwise."""
        values, counts = self.columns()
        if not values.size:
            return Distribution()
        low, p50, p90, p99, high = self.percentiles([0.5, 50, 90, 99, 99.5])
        edges = log_edges(values, bins) if scale == "log" else step_edges(low or 0.0, high or 0.0, bins)
        return Distribution(
            count=int(counts.sum()), mean=self.mean, p50=p50, p90=p90, p99=p99,
            min=float(values[0]), max=float(values[-1]), histogram=self.histogram(edges) if edges else None,
        )  # fmt: skip

    def _compact(self) -> None:
        if not self._waiting:
            return
        v = np.concatenate([self._values, *(v for v, _ in self._waiting)])
        c = np.concatenate([self._counts, *(c for _, c in self._waiting)])
        self._waiting, self._waiting_rows = [], 0
        order = np.argsort(v, kind="stable")
        v, c = v[order], c[order]
        if v.size:
            starts = np.flatnonzero(np.concatenate([[True], v[1:] != v[:-1]]))
            v, c = v[starts], np.add.reduceat(c, starts)
        self._values, self._counts = v, c


def log_edges(values: Floats, bins: int = _BINS) -> list[float]:
    """Geometric edges over the positive values; zero and negative ones fall below. Empty when none is positive."""
    positive = values[values > 0]
    if not positive.size:
        return []
    low, high = float(positive.min()), float(positive.max())
    if high < low * 1.5:
        low, high = low / 1.25, high * 1.25
    edges = np.geomspace(low, high, bins + 1)
    edges[0], edges[-1] = low, high  # geomspace may end an ulp inside
    return [float(x) for x in edges]


def step_edges(low: float, high: float, bins: int = _BINS) -> list[float]:
    """Edges at multiples of 1, 2 or 5·10^n that cover [low, high] in at most `bins` bins and put one edge at 0."""
    width = max(high - low, abs(high) * 1e-3, 0.1)
    raw = width / max(bins - 2, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1, 2, 5, 10, 20) if power * k >= raw)
    first, last = math.floor(low / step), math.floor(high / step) + 1
    return [k * step for k in range(first, last + 1)]
