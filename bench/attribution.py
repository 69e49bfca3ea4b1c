"""What the attribution costs for 32,000 follows and 1,000 fills of a lead, against Fractions follow by follow."""

from __future__ import annotations

from fractions import Fraction
from time import perf_counter

import msgspec
import numpy as np

from bench.measure import Row, no_collector, progress, row
from bench.scene import INSTRUMENTS, Scene, checked, every_limit
from pilotfish.domain.events import Event
from pilotfish.domain.instrument import SUBLOT
from pilotfish.engine.facts import Copied, Fact, Targeted
from pilotfish.engine.step import Outcome, step
from pilotfish.views.attribution import AttributionView
from pilotfish.views.attribution_tables import FollowTable

FOLLOWERS = 32_000
FILLS = 1_000
SAMPLE = 32  # follows that the baseline does; its time is extrapolated to all
PARTS = ("ideal", "rounding", "missed", "delay", "slippage")


class Holding:
    """One follow in one instrument, in Fractions of lots and price units: what is on is carried from price to price."""

    def __init__(self) -> None:
        self.target = self.held = self.price = Fraction(0)
        self.ideal = self.rounding = self.missed = self.delay = self.slippage = Fraction(0)

    def carry(self, price: Fraction) -> None:
        """Everything held, asked for, or off by since the last price is worth what the price moved."""
        moved, gap = price - self.price, self.held - self.target
        self.ideal += self.target * moved
        if abs(gap) < 1:
            self.rounding += gap * moved
        else:
            self.missed += gap * moved
        self.price = price

    def asked(self, lots: Fraction, price: Fraction) -> None:
        self.carry(price)
        self.target += lots

    def traded(self, lots: int, cost: Fraction, reference: Fraction, decision: Fraction) -> None:
        """Signed lots for a signed cost in lots · price units."""
        self.carry(reference)
        self.held += lots
        self.delay += lots * (reference - decision)
        self.slippage += lots * decision - cost


class Plain:
    """The baseline: an object with Fractions for each follow in each instrument."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows
        self.holdings = {(row, k): Holding() for row in rows for k in range(len(INSTRUMENTS))}

    def hear(self, facts: list[Fact], of: int) -> None:
        for fact in facts:
            if isinstance(fact, Targeted):
                delta, price = _all(fact.delta, fact.rows, of), Fraction(fact.price)
                for row in self.rows:
                    if delta[row]:
                        self.holdings[row, fact.instrument].asked(Fraction(delta[row], SUBLOT), price)
            elif isinstance(fact, Copied):
                unit = Fraction(10) ** -INSTRUMENTS[fact.instrument].money_exponent
                lots, costs = _all(fact.lots, fact.rows, of), _all(fact.costs, fact.rows, of)
                reference = Fraction(fact.reference)
                decision = Fraction(fact.decision, 2) if fact.decision else reference
                for row in self.rows:
                    if lots[row]:
                        signed, cost = fact.side * lots[row], fact.side * costs[row] * unit
                        self.holdings[row, fact.instrument].traded(signed, cost, reference, decision)

    def parts(self, row: int, marks: list[int]) -> dict[str, Fraction]:
        """In base units of money, at the marks."""
        sums = dict.fromkeys(PARTS, Fraction(0))
        for k, instrument in enumerate(INSTRUMENTS):
            holding = self.holdings[row, k]
            holding.carry(Fraction(marks[k]))
            for name in PARTS:
                sums[name] += getattr(holding, name) * Fraction(10) ** instrument.money_exponent
        return sums


def _all(column: np.ndarray, rows: slice | np.ndarray, of: int) -> list[int]:
    """A fact's column as plain numbers by row."""
    if isinstance(rows, slice) and rows == slice(0, of):
        return list(column.tolist())
    whole = np.zeros(of, dtype=np.int64)
    whole[rows] = column
    return list(whole.tolist())


class Watched:
    """A scene played with the view looking on: how long the view took, and the facts for the baseline."""

    def __init__(self, count: int) -> None:
        self.scene, self.view, self.spent_s = Scene(every_limit(count)), AttributionView(), 0.0
        self.facts: list[list[Fact]] = []
        self.sample = np.linspace(0, count - 1, min(SAMPLE, count)).astype(np.int64)

    def go(self, event: Event) -> Outcome:
        outcome = checked(step(self.scene.state, event))
        began = perf_counter()
        self.view(event, outcome, self.scene.state)
        self.spent_s += perf_counter() - began
        if kept := [_sampled(fact, self.sample) for fact in outcome.facts if isinstance(fact, Targeted | Copied)]:
            self.facts.append(kept)
        return outcome

    def turn(self) -> None:
        turn = self.scene.turn()
        for top in turn.tops:
            self.go(top)
        for answer in self.scene.answers(self.go(turn.fill), turn.fill.price + 70, part=97):
            self.go(answer)

    def tables(self) -> FollowTable:
        """Both tables and the total, timed; what they sum to is checked before anybody believes the time."""
        state, began = self.scene.state, perf_counter()
        table, trades, _ = self.view.follows(state), self.view.table(state), self.view.result(state)
        self.spent_s += perf_counter() - began
        totals = table.totals()
        if any(totals != table.actual - table.amounts["ideal"]) or sum(totals) != sum(t.total for t in trades):
            raise AssertionError("the parts do not sum to the difference from the lead")
        return table


def _sampled(fact: Targeted | Copied, sample: np.ndarray) -> Fact:
    """The fact as it concerns the sample; all of the scene's follows are in every fact."""
    rows = np.arange(sample.size)
    names = ("delta",) if isinstance(fact, Targeted) else ("quotas", "lots", "costs", "fees")
    return msgspec.structs.replace(fact, rows=rows, **{name: getattr(fact, name)[sample] for name in names})


def measured(count: int, fills: int) -> tuple[float, float]:
    """Seconds of the view, and of the baseline extrapolated from its sample to all; their parts are equal."""
    watched = Watched(count)
    with no_collector():
        for _ in range(fills):
            watched.turn()
        table = watched.tables()
    plain = Plain(list(range(watched.sample.size)))
    marks = [listing.mark for listing in watched.scene.state.listings]
    with no_collector():
        began = perf_counter()
        for facts in watched.facts:
            plain.hear(facts, watched.sample.size)
        parts = [plain.parts(row, marks) for row in plain.rows]
        took = perf_counter() - began
    for here, there in zip(parts, watched.sample.tolist(), strict=True):
        if any(value * table.fine.money != table.amounts[name][there] for name, value in here.items()):
            raise AssertionError(f"the baseline attributed follow {there} otherwise: the comparison means nothing")
    return watched.spent_s, took * count / watched.sample.size


def run() -> list[Row]:
    progress.log(f"attribution: {FOLLOWERS:,} followers, {FILLS:,} fills of the lead")
    ours, theirs = measured(FOLLOWERS, FILLS)
    return [
        row(
            f"attribution of {FILLS:,} fills, {FOLLOWERS:,} followers", ours, "s", theirs, target="≤ 5 s",
            against=f"Fractions follow by follow, {SAMPLE} of them measured and extrapolated to all",
            note="every part of every follow and every trade, exact; the copies themselves are not in it",
        )
    ]  # fmt: skip
