"""How the copies went: intended, filled, missed and why, with lag and slippage, per lead and in all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import Event
from pilotfish.domain.instrument import SUBLOT, Instrument
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Halted, Intended, PositionBreak, Quarantined, Settled
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.views.report.metrics import WeightedSample
from pilotfish.views.report.schema import Copies

_LAG_RESOLUTION_MS = 0.1
_SLIPPAGE_RESOLUTION_BPS = 0.01


class Score:
    """Counters of one lead, or of all."""

    def __init__(self) -> None:
        self.intended = self.filled = self.carried = self.partly = 0
        self.missed: dict[int, int] = defaultdict(int)
        self.missed_money: dict[int, Decimal] = defaultdict(Decimal)
        self.traded = self.intended_money = Decimal(0)
        self.lag_ms = WeightedSample(_LAG_RESOLUTION_MS)
        self.slippage_bps = WeightedSample(_SLIPPAGE_RESOLUTION_BPS)

    @property
    def missed_count(self) -> int:
        return sum(self.missed.values())

    def copies(self) -> Copies:
        """As the report has it. What is neither filled, partly filled nor missed is pending."""
        pending = self.intended - self.filled - self.carried - self.partly - self.missed_count
        return Copies(
            intended=self.intended,
            filled=self.filled + self.carried,
            partly=self.partly,
            missed=self.missed_count,
            pending=pending,
            missed_by_reason={Reason(r).text: n for r, n in sorted(self.missed.items())},
            missed_notional_by_reason={Reason(r).text: money for r, money in sorted(self.missed_money.items())},
            notional={"intended": self.intended_money, "traded": self.traded},
        )


class CopyView:
    """An observer of the shard. `on_copied` lets a terminal show copies as they happen."""

    def __init__(self, on_copied: Callable[[Copied], None] | None = None) -> None:
        self.all = Score()
        self.leads: dict[int, Score] = defaultdict(Score)
        self.orders: dict[str, int] = defaultdict(int)
        self.breaks: list[PositionBreak] = []
        self.quarantined: list[Quarantined] = []
        self.halted: list[str] = []
        self.fees = self.postings = 0
        self._on_copied = on_copied

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        for fact in outcome.facts:
            match fact:
                case Copied():
                    self._copied(fact, state)
                case Intended():
                    money = _money(state, fact.instrument, fact.lots)
                    for score in (self.all, self.leads[fact.lead]):
                        score.intended += fact.count
                        score.intended_money += money
                case Settled():
                    self.count(fact, state)
                case PositionBreak():
                    self.breaks.append(fact)
                case Quarantined():
                    self.quarantined.append(fact)
                case Halted():
                    self.halted.append(fact.why)
                case _:
                    pass

    def count(self, fact: Settled, state: State) -> None:
        """Copies that ended, for their lead and in all."""
        for score in (self.all, self.leads[fact.lead]):
            score.filled += fact.filled
            score.carried += fact.carried
            score.partly += fact.partly
            for reason, count in fact.missed.items():
                score.missed[reason] += count
                score.missed_money[reason] += _money(state, fact.instrument, fact.missed_lots[reason])

    def _copied(self, fact: Copied, state: State) -> None:
        if fact.hedge:  # an order of ours, but the copy of nothing
            self.orders["hedge"] += 1
            return
        traded = fact.lots > 0
        count = int(np.count_nonzero(traded))
        whole = bool((fact.lots * SUBLOT + SUBLOT > fact.quotas).all())
        self.orders["filled" if whole and count else "partly filled" if count else "unfilled"] += 1
        if not count:
            return
        instrument = state.listings[fact.instrument].instrument
        slippage = _slippage_bps(fact, instrument, traded)
        block = fact.filled_ns.size == 1 and fact.lots.size != 1
        stamps = fact.filled_ns if fact.filled_ns.size == 1 else fact.filled_ns[traded]
        lag = (stamps - fact.lead_ns) / 1e6
        notional = Decimal(int(fact.costs.sum())).scaleb(-instrument.money_decimals)
        for score in (self.all, self.leads[fact.lead]):
            score.traded += notional
            score.lag_ms.add(lag, count if block or lag.size == 1 else 1)
            score.slippage_bps.add(*slippage)
        if self._on_copied:
            self._on_copied(fact)


def _money(state: State, instrument: int, lots: int) -> Decimal:
    """What so many lots are worth at the mark."""
    listing = state.listings[instrument]
    return Decimal(listing.instrument.notional_floor(lots, listing.mark)).scaleb(-listing.instrument.money_decimals)


def _slippage_bps(fact: Copied, instrument: Instrument, traded: NDArray[np.bool_]) -> tuple[NDArray[np.float64], Ints]:
    """Average price against the lead's, in bps, positive is worse for the copier; a block has one price for all."""
    if fact.filled_ns.size == 1:
        lots, cost = int(fact.lots.sum()), int(fact.costs.sum())
        values = np.array([_bps(fact.side, lots, cost, fact.reference, instrument)])
        return values, np.array([int(np.count_nonzero(traded))])
    got: NDArray[np.float64] = fact.lots[traded].astype(np.float64)
    paid: NDArray[np.float64] = fact.costs[traded].astype(np.float64)
    prices = paid / got * float(10.0**-instrument.money_exponent)
    return (prices / fact.reference - 1.0) * fact.side * 1e4, np.ones(got.size, dtype=np.int64)


def _bps(side: int, lots: int, cost: int, reference: int, instrument: Instrument) -> float:
    price = cost * float(10.0**-instrument.money_exponent) / lots
    return float(side * (price / reference - 1.0) * 1e4)
