"""Equity over time: each lead's own result, the band of followers, and how far each follower's path strays."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import Event, LeadFill, LeadPosition
from pilotfish.domain.instrument import SUBLOT
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.views.attribution import AttributionView
from pilotfish.views.attribution_tables import mark2
from pilotfish.views.report.metrics import WeightedSample
from pilotfish.views.report.schema import Band, Equity, LeadCurve, TrackingError

Floats = NDArray[np.float64]
_HOW = (
    "standard deviation over the samples of (follower's return − that of its ideal copy), both of the most it had "
    "deposited; the ideal copy trades every target, hedges included, at once, at the lead's price and free of charge"
)


class EquityView:
    """An observer that keeps the leads' cash, and samples everybody when asked.

    What each follow was given, and what its ideal copy has earned, `attribution` knows: it observes the same shard.
    """

    def __init__(self, attribution: AttributionView) -> None:
        self._attribution = attribution
        self.cash: dict[tuple[int, int], int] = {}
        self.held: dict[tuple[int, int], int] = {}
        self._seen: dict[int, set[int]] = {}
        self.times_ms: list[int] = []
        self.lead_pnl: dict[int, list[Decimal | None]] = {}
        self.lead_return: dict[int, list[float | None]] = {}
        self.bands: dict[int | None, Band] = {}
        self._given: Ints = np.zeros(0, dtype=np.int64)  # the most each follow had deposited, money units
        self._strays: Floats = np.zeros((3, 0))  # by follow: samples, their sum, their squares' sum

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        if type(event) is LeadPosition and (event.lead, event.instrument) not in self.held:
            key, instrument = (event.lead, event.instrument), state.listings[event.instrument].instrument
            value = instrument.notional_floor(event.lots, event.price)
            self.held[key], self.cash[key] = event.lots, -value if event.lots > 0 else value
        elif type(event) is LeadFill and 0 <= event.instrument < len(state.listings) and event.lots > 0:
            if event.fill_id in self._seen.setdefault(event.lead, set()):
                return  # told again after a gap
            self._seen[event.lead].add(event.fill_id)
            key = (event.lead, event.instrument)
            instrument = state.listings[event.instrument].instrument
            self.held[key] = self.held.get(key, 0) + event.change
            cost = event.side * instrument.cost(event.side, event.lots, event.price)
            self.cash[key] = self.cash.get(key, 0) - cost

    def pnl(self, state: State, lead: int) -> int:
        """What the lead's fills since the start have earned at today's marks, money units, before its fees."""
        total = 0
        for (who, key), cash in self.cash.items():
            if who == lead:
                held, listing = self.held[who, key], state.listings[key]
                value = listing.instrument.notional_floor(held, listing.mark)
                total += cash + (value if held > 0 else -value)
        return total

    def sample(self, state: State, now_ns: int) -> None:
        """One point of every curve."""
        self.times_ms.append(now_ns // 1_000_000)
        deposits = -self._attribution.columns["flows"]
        given = self._most_given(deposits)
        returns = (state.ledger.money.rows + position_value(state) - deposits) / given * 1e4
        self._band(None, returns)
        for number, lead in enumerate(state.leads):
            pnl = self.pnl(state, number)
            decimals = state.listings[0].instrument.money_decimals if state.listings else 6
            self.lead_pnl.setdefault(number, []).append(Decimal(pnl).scaleb(-decimals))
            self.lead_return.setdefault(number, []).append(pnl / lead.equity * 1e4)
            if lead.count:
                self._band(number, returns[lead.rows])
        stray = returns - ideal_result(self._attribution, state) / given * 1e4
        self._strays += np.stack([np.ones_like(stray), stray, stray * stray])

    def _most_given(self, deposits: Ints) -> Ints:
        """What returns are measured by: money paid out on the way does not make a loss look larger."""
        more = deposits.size - self._given.size
        self._given = np.maximum(np.concatenate([self._given, deposits[self._given.size :]]), deposits)
        self._strays = np.pad(self._strays, ((0, 0), (0, more)))
        return np.maximum(self._given, 1)

    def _band(self, lead: int | None, returns: Floats) -> None:
        band = self.bands.setdefault(lead, Band(mean=[], p5=[], p50=[], p95=[]))
        if not returns.size:
            for line in (band.mean, band.p5, band.p50, band.p95):
                line.append(None)
            return
        low, middle, high = np.percentile(returns, [5, 50, 95])
        band.mean.append(float(returns.mean()))
        band.p5.append(float(low))
        band.p50.append(float(middle))
        band.p95.append(float(high))

    def tracking_error(self, state: State) -> TrackingError:
        """Per follow, over the samples taken."""
        count, total, squares = self._strays[:, self._strays[0] >= 2]
        if not count.size:
            return TrackingError(how="too few samples")
        mean = total / count
        spread = np.sqrt(np.maximum(squares / count - mean * mean, 0.0))
        sample = WeightedSample(0.01)
        sample.add(spread)
        return TrackingError(bps=sample.distribution(), how=f"{_HOW}; {int(count.max())} samples")

    def curves(self, names: list[str]) -> Equity:
        leads = [
            LeadCurve(
                id=name,
                pnl=self.lead_pnl.get(i, []),
                return_bps=self.lead_return.get(i, []),
                followers=self.bands.get(i),
            )
            for i, name in enumerate(names)
        ]
        return Equity(times_ms=self.times_ms, leads=leads, followers=self.bands.get(None, Band()))


def position_value(state: State) -> Ints:
    """What each follow's positions are worth at the marks, computed anew: a view must not touch the core's cache."""
    value = np.zeros(len(state.follows), dtype=np.int64)
    for key, listing in enumerate(state.listings):
        mark = listing.mark or listing.valued
        if mark > 0:
            value += listing.instrument.notionals_floor(state.ledger.lots[key].rows, mark)
    return value


def ideal_result(attribution: AttributionView, state: State) -> Floats:
    """What the ideal copy of every follow's targets, hedges included, has earned at the marks, money units."""
    earned: Floats = np.zeros(state.ledger.follows)
    for exponent, sums in attribution.sums.items():
        unit = 10.0**exponent / (2 * SUBLOT)
        earned -= (sums.ideal.exact().astype(np.float64) + sums.hedge.exact().astype(np.float64)) * unit
    for key, line in attribution.lines.items():
        listing = state.listings[key]
        earned += line.target * (mark2(listing) * 10.0**listing.instrument.money_exponent / (2 * SUBLOT))
    return earned
