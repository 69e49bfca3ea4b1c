"""Slippage and replication lag of a stretch of a journal, per lead and in all, in exact integers."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from pilotfish.domain.arith import total_of
from pilotfish.domain.events import Event
from pilotfish.engine.facts import Copied
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.views.nav_figures import ALL

MICRO_BPS = 10**10  # of one


class Way(NamedTuple):
    """How copies went. Slippage is weighted by money, lag by copies; both rounded up: no better than it was."""

    slippage_micro_bps: int
    lag_ns: int


class _Sums:
    def __init__(self) -> None:
        self.lag_ns = self.copies = 0
        self.paid: dict[int, int] = defaultdict(int)  # by money exponent: signed costs, money units …
        self.due: dict[int, int] = defaultdict(int)  # … signed lots · the lead's price …
        self.turnover: dict[int, int] = defaultdict(int)  # … and unsigned

    def way(self) -> Way | None:
        """None where nothing was copied. All money is brought to the finest unit first, so nothing is rounded twice."""
        finest = min((0, *self.paid))
        excess = sum(paid * 10**-finest - self.due[e] * 10 ** (e - finest) for e, paid in self.paid.items())
        turnover = sum(amount * 10 ** (e - finest) for e, amount in self.turnover.items())
        if not turnover or not self.copies:
            return None
        return Way(-(-excess * MICRO_BPS // turnover), -(-self.lag_ns // self.copies))


class CopyFigures:
    """An observer of a shard. What hedges cost is no copy's slippage."""

    def __init__(self) -> None:
        self._sums: dict[int, _Sums] = defaultdict(_Sums)

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        for fact in outcome.facts:
            if isinstance(fact, Copied) and not fact.hedge:
                self._copied(fact, state)

    def taken(self) -> dict[int, Way]:
        """By lead, and ALL, since the last time this was asked; without those that copied nothing."""
        ways = {who: way for who, sums in sorted(self._sums.items()) if (way := sums.way()) is not None}
        self._sums.clear()
        return ways

    def _copied(self, fact: Copied, state: State) -> None:
        traded = fact.lots > 0
        count = int(np.count_nonzero(traded))
        if not count:
            return
        exponent = state.listings[fact.instrument].instrument.money_exponent
        block = fact.filled_ns.size == 1
        stamps = count * int(fact.filled_ns[0]) if block else total_of(fact.filled_ns[traded])
        turnover = total_of(fact.lots) * fact.reference
        for who in (ALL, fact.lead):
            sums = self._sums[who]
            sums.lag_ns += stamps - count * fact.lead_ns
            sums.copies += count
            sums.paid[exponent] += fact.side * total_of(fact.costs)
            sums.due[exponent] += fact.side * turnover
            sums.turnover[exponent] += turnover
