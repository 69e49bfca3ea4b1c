"""Why followers did not earn exactly what an ideal copy would have: parts that sum to the difference, exactly.

The ideal copy trades every follow's exact target (sub-lots) at the lead's own price, at once and free of charge. Every
part is computed from what happened, none as what is left over; docs/attribution.md has the formulae.
"""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, apportion, total_of
from pilotfish.domain.events import BookTop, Event, Funding, InstrumentSettled, Liquidation, Mark
from pilotfish.engine.facts import Copied, FeeCharged, InsurancePaid, Targeted
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.ledger.book import Account, Rows
from pilotfish.views.attribution_columns import Line, Sums
from pilotfish.views.attribution_tables import FollowTable, TradeRow, by_follow, by_trade, in_all, mark2
from pilotfish.views.attribution_trades import Kind, Trade
from pilotfish.views.report.schema import Attribution

Key = tuple[Kind, int, int, int]  # with lead, instrument, lead_ns
MONEY = ("paid", "venue_fee", "copy_fee", "funding", "insurance", "flows")


class AttributionView:
    """An observer of the shard from its first event on: columns for every follow, sums for every trade."""

    def __init__(self) -> None:
        self.lines: dict[int, Line] = {}  # by instrument, once anything of it moved
        self.sums: dict[int, Sums] = {}  # by money exponent
        self.trades: dict[Key, Trade] = {}
        self.columns: dict[str, Ints] = {name: np.zeros(0, dtype=np.int64) for name in MONEY}  # money, > 0: paid
        self.notional = 0
        self._money: Ints = np.zeros(0, dtype=np.int64)  # balances as the facts explain them
        self._external = 0

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        if type(event) in (BookTop, Mark) and not outcome.facts:
            return
        self._grow(state.ledger.follows)
        targeted: list[tuple[Targeted, Trade]] = []
        told = (event, *outcome.facts, *(approved.command for approved in outcome.commands))
        touched = {getattr(each, "instrument", -1) for each in told}
        if any(not hasattr(fact, "instrument") for fact in outcome.facts):  # a stop, a close: it may be anywhere
            touched |= self.lines.keys()
        for fact in outcome.facts:
            if isinstance(fact, Targeted):
                targeted.append((fact, self._targeted(fact, state)))
            elif isinstance(fact, Copied):
                self._copied(fact, state)
            elif isinstance(fact, FeeCharged):
                self._paid("copy_fee", self.trade(Kind(fact.kind)), fact.rows, fact.amounts)
            elif isinstance(fact, InsurancePaid):
                self._paid("insurance", self.trade(Kind.INSURANCE), fact.rows, -fact.amounts)
        for key in sorted(touched):
            if key in state.columns:
                self._own_moves(key, event, state, targeted)
        self._own_money(event, state)

    def result(self, state: State) -> Attribution:
        """All follows together, at the marks of `state`: what they earned less what the ideal copy would have."""
        self._catch_up(state)
        return in_all(self.trades.values(), state, self.notional)

    def follows(self, state: State) -> FollowTable:
        """One row a follow, at the marks of `state`."""
        self._catch_up(state)
        return by_follow(state, self.lines, self.sums, self.columns)

    def table(self, state: State) -> list[TradeRow]:
        """One row a trade, then one for each kind of thing that belongs to no single trade; sums to the total."""
        self._catch_up(state)
        return by_trade(self.trades.values(), state)

    # -- what the facts say ------------------------------------------------------------------------------------------

    def trade(self, kind: Kind, lead: int = -1, instrument: int = -1, at_ns: int = 0) -> Trade:
        """The row of a trade, new where it is the first we hear of it."""
        key = (kind, lead, instrument, at_ns)
        if key not in self.trades:
            self.trades[key] = Trade(kind, lead, instrument, at_ns)
        return self.trades[key]

    def _targeted(self, fact: Targeted, state: State) -> Trade:
        trade = self.trade(Kind.TRADE, fact.lead, fact.instrument, fact.lead_ns)
        line, sums = self._line(fact.instrument, state)
        self._asked(line, sums, trade, fact, fact.delta)
        return trade

    def _asked(self, line: Line, sums: Sums, trade: Trade, fact: Targeted, delta: Ints) -> None:
        """A hedge is booked to its instrument; what its copies then cost, to the trade."""
        hedge = self.trade(Kind.HEDGE, instrument=fact.instrument) if fact.hedge else None
        sums.asked(line, trade, fact.rows, delta, 2 * fact.price, hedge)

    def _copied(self, fact: Copied, state: State) -> None:
        if not fact.lots.any():
            return
        line, sums = self._line(fact.instrument, state)
        trade = self.trade(Kind.TRADE, fact.lead, fact.instrument, fact.lead_ns)
        reference2 = 2 * fact.reference
        sums.traded(line, trade, fact.rows, fact.side * fact.lots, reference2, fact.decision or reference2)
        notional = self._paid("paid", trade, fact.rows, fact.side * fact.costs)
        self._paid("venue_fee", trade, fact.rows, fact.fees)
        self.notional += abs(notional)

    def _paid(self, name: str, trade: Trade | None, rows: Rows, amounts: Ints) -> int:
        """Follows paid `amounts` of money, which stays inside int64 as the ledger's balances do. Returns the sum."""
        self.columns[name][rows] += amounts
        self._money[rows] -= amounts
        total = total_of(amounts)
        if trade is not None:
            setattr(trade, name, getattr(trade, name) + total)
        return total

    # -- what only the state says --------------------------------------------------------------------------------------

    def _own_moves(self, key: int, event: Event | None, state: State, targeted: list[tuple[Targeted, Trade]]) -> None:
        """Targets and positions that moved without a fact: minimum policies, liquidations, whatever else there is."""
        held, targets = state.ledger.lots[key].rows, state.columns[key].targets
        if key not in self.lines and not (held.any() or targets.any()):
            return
        line, sums = self._line(key, state)
        if np.array_equal(targets, line.target) and np.array_equal(held, line.held):
            return
        for fact, trade in targeted:  # part of a trade that its mandate dropped or raised in the same step: its price
            if fact.instrument == key and (dropped := (targets - line.target)[fact.rows]).any():
                self._asked(line, sums, trade, fact, dropped)
        moved, lots = targets - line.target, held - line.held
        if not (moved.any() or lots.any()):
            return
        kind = Kind.LIQUIDATION if isinstance(event, Liquidation) else Kind.OWN
        price2 = mark2(state.listings[key]) or getattr(event, "price", 0) * 2 or line.price2
        if isinstance(event, InstrumentSettled):
            price2 = 2 * event.price  # nothing is a price as well
        trade = self.trade(kind, instrument=key)
        sums.asked(line, trade, slice(None), moved, price2)
        rows = np.flatnonzero(lots)
        sums.traded(line, trade, rows, lots[rows], price2, price2)
        spent = self._money[rows] - state.ledger.money.rows[rows]
        if isinstance(event, Liquidation) and rows.size:
            fees = apportion(event.fee, np.abs(lots[rows]))
            self._paid("venue_fee", trade, rows, fees)
            spent -= fees
        self._paid("paid", trade, rows, spent)

    def _own_money(self, event: Event | None, state: State) -> None:
        """Money that moved without a fact: funding, deposits, transfers between follows; or else it was charged."""
        money = state.ledger.money
        outside = self._external - money.system[Account.EXTERNAL]
        self._external = money.system[Account.EXTERNAL]
        if np.array_equal(self._money, money.rows):
            return
        spent = self._money - money.rows
        if isinstance(event, Funding):
            self._paid("funding", self.trade(Kind.FUNDING, instrument=event.instrument), slice(None), spent)
        elif -total_of(spent) == outside:
            self._paid("flows", None, slice(None), spent)
        else:
            self._paid("copy_fee", self.trade(Kind.CHARGE), slice(None), spent)

    def _catch_up(self, state: State) -> None:
        """What moved in an instrument that no event, command or fact named is valued now."""
        self._grow(state.ledger.follows)
        for key in sorted(state.columns):
            self._own_moves(key, None, state, [])
        self._own_money(None, state)

    # -- room ----------------------------------------------------------------------------------------------------------

    def _line(self, key: int, state: State) -> tuple[Line, Sums]:
        size, exponent = self._money.size, state.listings[key].instrument.money_exponent
        if key not in self.lines:
            self.lines[key] = Line(size)
        if exponent not in self.sums:
            self.sums[exponent] = Sums(size)
        return self.lines[key], self.sums[exponent]

    def _grow(self, size: int) -> None:
        if size == self._money.size:
            return
        more = np.zeros(size - self._money.size, dtype=np.int64)
        self._money = np.concatenate([self._money, more])
        self.columns = {name: np.concatenate([column, more]) for name, column in self.columns.items()}
        for line in self.lines.values():
            line.grow(size)
        for sums in self.sums.values():
            sums.grow(size)
