"""An efficient price that passes through given points: Brownian bridges between them, bounded bridges outside.

Every value is a function of (key, time) alone: a bridge is halved at fixed times, and each half's draw is keyed by its
own ends (dyadic midpoint displacement, Lévy's construction), so questions may come in any order.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from pilotfish.venues.sim.shape import uniforms

FINEST_NS = 50_000_000  # below this the path is straight
OUTSIDE_NS = 3_600_000_000_000  # outside the anchors the path is tied every hour, so that its variance is bounded
_normal = NormalDist()


class _Span(NamedTuple):
    start: int
    x_start: float
    end: int
    x_end: float


class EfficientPath:
    """x(t) in bps (see `shape.Scale`) through `nodes`, strictly increasing (ns, x), at `vol_bps` per √s.

    Beyond the first and the last node the path is tied, every hour, to independent draws around that node with variance
    vol²·1800 s: driftless, with the volatility of a walk, and with a total variance that never grows.
    """

    def __init__(self, nodes: Sequence[tuple[int, float]], vol_bps: float, *key: object) -> None:
        self._times, self._xs = [ns for ns, _ in nodes], [x for _, x in nodes]
        self._vol = vol_bps / math.sqrt(1e9)  # per √ns
        self._key = key
        self._spans: list[_Span] = []  # the halvings that led to the last answer, widest first

    def at(self, ns: int) -> float:
        spans = self._spans
        while spans and not spans[-1].start <= ns <= spans[-1].end:
            spans.pop()
        if not spans:
            spans.append(self._widest(ns))
        while True:
            start, x_start, end, x_end = spans[-1]
            if ns == end:  # exactly, whichever of the two spans that meet here was asked
                return x_end
            if end - start <= FINEST_NS:
                return x_start + (x_end - x_start) * ((ns - start) / (end - start))
            middle = (start + end) // 2
            x = (x_start + x_end) / 2 + self._vol * math.sqrt((end - start) / 4) * self._draw("half", start, end)
            spans.append(_Span(start, x_start, middle, x) if ns <= middle else _Span(middle, x, end, x_end))

    def _widest(self, ns: int) -> _Span:
        times, xs = self._times, self._xs
        if times[0] <= ns <= times[-1] and len(times) > 1:
            i = min(bisect_right(times, ns), len(times) - 1)
            return _Span(times[i - 1], xs[i - 1], times[i], xs[i])
        last = ns >= times[-1]
        tie, x = (times[-1], xs[-1]) if last else (times[0], xs[0])
        j = (ns - tie) // OUTSIDE_NS
        ends = [(tie + i * OUTSIDE_NS, x + self._tied(i) if i else x) for i in (j, j + 1)]
        return _Span(*ends[0], *ends[1])

    def _tied(self, i: int) -> float:
        return self._vol * math.sqrt(OUTSIDE_NS / 2) * self._draw("tie", i)

    def _draw(self, *what: object) -> float:
        return _normal.inv_cdf(uniforms(1, *self._key, *what)[0])
