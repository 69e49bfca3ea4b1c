"""The attribution at the marks of a moment: one row a follow, one row a trade, and all together. Exact integers.

Amounts are counted in *fine units*, of which a money unit has 2·10^6·10^k: a sub-lot at half a price unit is a whole
number of them. Only the last step, to Decimal, leaves integers, and it is exact as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.engine.state import Listing, State
from pilotfish.views.attribution_columns import Line, Sums
from pilotfish.views.attribution_trades import Kind, Trade
from pilotfish.views.attribution_wide import Exact, Wide
from pilotfish.views.report.schema import PARTS, Attribution

AMOUNTS = ("ideal", "delay", "slippage", "venue_fee", "copy_fee", "funding", "rounding", "missed", "hedge", "insurance")
_CONTEXT = Context(prec=1_000, traps=[Inexact])


class Fine(msgspec.Struct, frozen=True):
    """The unit of one attribution; 10^-`finest` is the smallest money exponent among its instruments, or 1."""

    finest: int
    money_decimals: int

    @classmethod
    def of(cls, state: State) -> Fine:
        instruments = [listing.instrument for listing in state.listings]
        finest = max([0, *(-instrument.money_exponent for instrument in instruments)])
        return cls(finest, instruments[0].money_decimals if instruments else 6)

    @property
    def money(self) -> int:
        """Fine units in one base unit of money."""
        unit: int = 2 * SUBLOT * 10**self.finest
        return unit

    def sublot(self, exponent: int) -> int:
        """Fine units in one sub-lot at half a price unit; a lot has SUBLOT times as many."""
        unit: int = 10 ** (self.finest + exponent)
        return unit

    def show(self, amount: int) -> Decimal:
        """An amount as money, exactly: half of 10^-n has n + 1 decimals."""
        decimals = self.money_decimals + 7 + self.finest
        return Decimal(5 * amount).scaleb(-decimals, _CONTEXT)


class FollowTable(msgspec.Struct, frozen=True):
    """`amounts` by name, one unlimited integer a follow, in fine units; `actual` is from the ledger alone."""

    fine: Fine
    amounts: dict[str, Exact]
    actual: Exact

    def totals(self) -> Exact:
        """What each follow earned less what its ideal copy would have, by the parts."""
        return np.asarray(sum(column for name, column in self.amounts.items() if name != "ideal"))


class TradeRow(msgspec.Struct, frozen=True):
    trade: Trade
    amounts: dict[str, int]  # fine units

    @property
    def total(self) -> int:
        return sum(amount for name, amount in self.amounts.items() if name != "ideal")


def mark2(listing: Listing) -> int:
    """Twice the mark positions are valued at; 0 where nothing was ever seen."""
    return 2 * (listing.mark or listing.valued)


def by_follow(state: State, lines: dict[int, Line], sums: dict[int, Sums], paid: dict[str, Ints]) -> FollowTable:
    """Every part of every follow. Raises NumericOverflow where a sum leaves 95 bits."""
    fine, size = Fine.of(state), state.ledger.follows
    zero: Exact = np.asarray(np.zeros(size, dtype=np.int64).astype(object))
    worth = dict.fromkeys(("ideal", "hedge", "rounding", "missed", "delay", "fills", "positions"), zero)
    for exponent, of in sums.items():
        here = [key for key in lines if state.listings[key].instrument.money_exponent == exponent]
        marked = _marked([(lines[key], mark2(state.listings[key])) for key in here], size)
        bought = {name: getattr(of, name).exact() for name in ("ideal", "hedge", "rounding", "delay", "fills")}
        at_leads = (bought["delay"] + bought["fills"]) * SUBLOT  # what positions would have cost at the leads' prices
        bought["missed"] = at_leads - bought["ideal"] - bought["hedge"] - bought["rounding"]
        unit = fine.sublot(exponent)
        for name in ("ideal", "hedge", "rounding", "missed"):
            worth[name] = worth[name] + (marked[name] - bought[name]) * unit
        for name in ("delay", "fills"):
            worth[name] = worth[name] + bought[name] * (SUBLOT * unit)
        worth["positions"] = worth["positions"] + marked["held"] * (SUBLOT * unit)
    money = {name: column.astype(object) * fine.money for name, column in paid.items()}
    amounts = {
        "ideal": worth["ideal"], "delay": worth["delay"], "slippage": worth["fills"] - money["paid"],
        "venue_fee": -money["venue_fee"], "copy_fee": -money["copy_fee"], "funding": -money["funding"],
        "rounding": worth["rounding"], "missed": worth["missed"], "hedge": worth["hedge"],
        "insurance": -money["insurance"],
    }  # fmt: skip
    balance = state.ledger.money.rows.astype(object) * fine.money
    return FollowTable(fine, amounts, np.asarray(balance + worth["positions"] + money["flows"]))


def _marked(lines: list[tuple[Line, int]], size: int) -> dict[str, Exact]:
    """Quantities at the end, times twice their marks, summed over instruments."""
    sums = {name: Wide(size) for name in ("ideal", "hedge", "rounding", "missed", "held")}
    for line, mark in lines:
        quantities = (line.target - line.hedge, line.hedge, line.rounding, line.gap() - line.rounding, line.held)
        for wide, quantity in zip(sums.values(), quantities, strict=True):
            wide.add(slice(None), quantity, mark)
    return {name: wide.exact() for name, wide in sums.items()}


def by_trade(trades: Iterable[Trade], state: State) -> list[TradeRow]:
    """By kind, then time; what belongs to no single trade comes last."""
    fine, kinds = Fine.of(state), list(Kind)
    ordered = sorted(trades, key=lambda t: (kinds.index(t.kind), t.at_ns, t.lead, t.instrument))
    return [TradeRow(trade, _amounts(trade, state, fine)) for trade in ordered]


def _amounts(trade: Trade, state: State, fine: Fine) -> dict[str, int]:
    unit = mark = 0
    if trade.instrument >= 0:
        listing = state.listings[trade.instrument]
        unit, mark = fine.sublot(listing.instrument.money_exponent), mark2(listing)
    return {
        "ideal": trade.ideal.worth(mark) * unit,
        "delay": trade.delay * SUBLOT * unit,
        "slippage": trade.fills * SUBLOT * unit - trade.paid * fine.money,
        "venue_fee": -trade.venue_fee * fine.money,
        "copy_fee": -trade.copy_fee * fine.money,
        "funding": -trade.funding * fine.money,
        "rounding": trade.rounding.worth(mark) * unit,
        "missed": trade.missed.worth(mark) * unit,
        "hedge": trade.hedge.worth(mark) * unit,
        "insurance": -trade.insurance * fine.money,
    }


def in_all(trades: Iterable[Trade], state: State, notional: int) -> Attribution:
    """The report's figures, exact to the last digit."""
    fine = Fine.of(state)
    rows = by_trade(trades, state)
    sums = {name: sum(row.amounts[name] for row in rows) for name in AMOUNTS}
    sums["fee"] = sums["venue_fee"] + sums["copy_fee"]
    return Attribution.of(
        copied_notional=fine.show(notional * fine.money),
        ideal_pnl=fine.show(sums["ideal"]),
        venue_fee=fine.show(sums["venue_fee"]),
        copy_fee=fine.show(sums["copy_fee"]),
        **{name: fine.show(sums[name]) for name in PARTS},
    )
