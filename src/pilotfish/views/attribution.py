"""Why followers did not earn exactly what an ideal copy would have: six parts that sum to the difference, exactly.

The ideal copy trades every follow's exact target (sub-lots) at the lead's own price, at once and free of charge. Sums
are kept as exact fractions of money; nothing is a plug but `missed`: the quantity we did not have, valued like the
ideal.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from pilotfish.domain.events import Event
from pilotfish.domain.instrument import SUBLOT, Instrument
from pilotfish.engine.facts import Copied, Targeted
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.ledger.book import Account
from pilotfish.views.report.schema import Attribution

_DIGITS = 12  # decimals that the report's money is rounded to; the rest of `rounding` takes what that leaves


class AttributionView:
    """An observer of the shard; sums over all follows, per instrument."""

    def __init__(self) -> None:
        self.ideal_cash: dict[int, Fraction] = defaultdict(Fraction)
        self.ideal_lots: dict[int, Fraction] = defaultdict(Fraction)
        self.delay = self.slippage = Fraction(0)
        self.rounding_lots: dict[int, Fraction] = defaultdict(Fraction)
        self.rounding_cash: dict[int, Fraction] = defaultdict(Fraction)
        self.notional = 0

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        for fact in outcome.facts:
            if isinstance(fact, Targeted):
                lots = Fraction(int(fact.delta.sum()), SUBLOT)
                self.ideal_lots[fact.instrument] += lots
                self.ideal_cash[fact.instrument] -= lots * fact.price
            elif isinstance(fact, Copied):
                self._copied(fact, state.listings[fact.instrument].instrument)

    def _copied(self, fact: Copied, instrument: Instrument) -> None:
        lots, cost = int(fact.lots.sum()), int(fact.costs.sum())
        if not lots:
            return
        unit = _unit(instrument)
        decision = Fraction(fact.decision, 2) if fact.decision else Fraction(fact.reference)
        self.delay -= fact.side * lots * (decision - fact.reference) * unit
        self.slippage -= fact.side * (cost - lots * decision * unit)
        self.notional += cost
        if lots * SUBLOT > int(fact.quotas.sum()) - SUBLOT:  # everybody was served: what is left is rounding
            odd = fact.side * (lots - Fraction(int(fact.quotas.sum()), SUBLOT))
            self.rounding_lots[fact.instrument] += odd
            self.rounding_cash[fact.instrument] -= odd * fact.reference

    def result(self, state: State) -> Attribution:
        """At the marks of `state`. `total` is what follows earned less what the ideal copy would have."""
        ledger = state.ledger
        actual = Fraction(int(ledger.money.rows.sum()) + ledger.money.system[Account.EXTERNAL])
        ideal = rounding = Fraction(0)
        for key, listing in enumerate(state.listings):
            mark, unit = listing.mark, _unit(listing.instrument)
            actual += int(ledger.lots[key].rows.sum()) * mark * unit
            ideal += (self.ideal_cash[key] + self.ideal_lots[key] * mark) * unit
            rounding += (self.rounding_cash[key] + self.rounding_lots[key] * mark) * unit
        fee = Fraction(-ledger.money.system[Account.FEES])
        funding = Fraction(-ledger.money.system[Account.FUNDING])
        missed = actual - ideal - (self.delay + self.slippage + fee + funding + rounding)
        parts = {
            "delay": self.delay, "slippage": self.slippage, "fee": fee, "funding": funding,
            "rounding": rounding, "missed": missed,
        }  # fmt: skip
        return Attribution.of(
            copied_notional=_money(Fraction(self.notional)),
            ideal_pnl=_money(ideal),
            **{name: _money(value) for name, value in parts.items()},
        )


def _unit(instrument: Instrument) -> Fraction:
    """Money base units per lot and price unit."""
    return Fraction(10) ** instrument.money_exponent


def _money(base: Fraction, decimals: int = 6) -> Decimal:
    """Base units as money, to 12 decimals: below anything that can be paid."""
    scaled = round(base * 10 ** (_DIGITS - decimals))
    return Decimal(scaled).scaleb(-_DIGITS)
