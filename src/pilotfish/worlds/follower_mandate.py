"""A row's mandate: what each column of a followers file means, in which unit, and which contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

from pilotfish.copying.extension import sizer
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.mandate import (
    BPS,
    DEFAULTS,
    NO_LIMIT,
    Direction,
    LeadGone,
    Minimum,
    Sides,
    Sizing,
    Start,
    SymbolRule,
)
from pilotfish.domain.mandate_checks import HEDGE_BPS, HOLD_NS_MAX, LOOKBACK_MAX
from pilotfish.worlds import follower_cells as cells
from pilotfish.worlds.follower_cells import BadCell
from pilotfish.worlds.population import MONEY_DECIMALS, USDC

CAPITAL_MAX = 10**9 * USDC  # of one row, a billion
RATIO_MAX = 1_000 * 10**9  # billionths
E2_MAX = 100_000  # a thousandfold
T = TypeVar("T")


class Refused(Exception):
    """Why a row cannot be used, by column, and what to do."""

    def __init__(self, column: str, why: str, to_do: str) -> None:
        self.column, self.why, self.to_do = column, why, to_do
        super().__init__(why)


class Cell(NamedTuple):
    """A column of the file: the mandate's column, its parser, and what an empty cell stands for (else none)."""

    field: str
    parse: Callable[[str], int]
    default: str = ""


def _money(high: int = CAPITAL_MAX) -> Callable[[str], int]:
    return lambda text: cells.units(text, MONEY_DECIMALS, high)


def _percent(high: int = BPS - 1, low: int = 1) -> Callable[[str], int]:
    return lambda text: cells.units(text, 2, high, low)


def _one_of(**options: int) -> Callable[[str], int]:
    return lambda text: cells.choice(text, {name: int(value) for name, value in options.items()})


def _number(decimals: int, high: int, low: int = 1) -> Callable[[str], int]:
    return lambda text: cells.units(text, decimals, high, low)


_YES = _one_of(yes=1, no=0)
VALUES = {  # of the sizings that take a value
    "fixed_ratio": (Sizing.FIXED_RATIO, _number(9, RATIO_MAX)),
    "fixed_amount": (Sizing.FIXED_AMOUNT, _money()),
    "risk": (Sizing.RISK, _percent(BPS)),
}
CELLS = {
    "direction": Cell("direction", _one_of(same=Direction.SAME, reverse=Direction.REVERSE), "same"),
    "sides": Cell("sides", _one_of(both=Sides.BOTH, long=Sides.LONG, short=Sides.SHORT), "both"),
    "hedge": Cell("hedge_bps", _percent(HEDGE_BPS[1], HEDGE_BPS[0])),
    "hedge_band": Cell("hedge_band_bps", _percent()),
    "start": Cell(
        "start", _one_of(new=Start.NEW_TRADES, existing=Start.EXISTING, better_price=Start.BETTER_PRICE), "new"
    ),
    "depth": Cell("depth", _YES, "no"),
    "lookback": Cell("lookback", _number(0, LOOKBACK_MAX)),
    "volume_multiple": Cell("multiplier_cap_e2", _number(2, E2_MAX)),
    "skip_below": Cell("lead_notional_min", _money()),
    "skip_leverage_below": Cell("lead_leverage_min_e2", _number(2, E2_MAX)),
    "hold_seconds": Cell("hold_ns_min", _number(9, HOLD_NS_MAX)),
    "max_order": Cell("order_cap", _money(NO_LIMIT - 1)),
    "max_position": Cell("position_cap", _money(NO_LIMIT - 1)),
    "max_total": Cell("total_cap", _money(NO_LIMIT - 1)),
    "max_leverage": Cell("leverage_cap_e2", _number(2, E2_MAX), "20"),
    "slippage_open_bps": Cell("open_bps", _number(0, BPS - 1, 0), "50"),
    "slippage_exit_bps": Cell("exit_bps", _number(0, BPS - 1, 0), "300"),
    "minimum": Cell("minimum", _one_of(skip=Minimum.SKIP, **{"raise": Minimum.RAISE}, carry=Minimum.CARRY), "carry"),
    "take_profit": Cell("take_profit_bps", _percent(100 * BPS)),
    "stop_loss": Cell("stop_loss_bps", _percent()),
    "trailing_stop": Cell("trailing_bps", _percent()),
    "price_stop": Cell("price_stop_bps", _percent()),
    "equity_stop": Cell("equity_stop", _money()),
    "margin_stop": Cell("margin_stop_bps", _percent(BPS)),
    "close_stage": Cell("stage_bps", _percent(BPS)),
    "lead_gone": Cell("lead_gone", _one_of(hold=LeadGone.HOLD, reduce=LeadGone.REDUCE, close=LeadGone.CLOSE), "hold"),
    "coupon": Cell("coupon", _YES, "no"),
}
CAPS = {"order_cap": "max_order", "position_cap": "max_position", "total_cap": "max_total"}


def mandate_of(row: dict[str, str], sizers: dict[str, int]) -> dict[str, int]:
    """The row's columns of `Follows`. An extension's sizer gets the next number in `sizers`. Raises Refused."""
    sizing, value = _sizing(row, sizers)
    mandate = {"sizing": sizing, "value": value}
    for name, (field, parse, default) in CELLS.items():
        mandate[field] = cell(row, name, parse, default) if row.get(name) or default else DEFAULTS[field]
    _contradictions(row, mandate)
    return mandate


def _sizing(row: dict[str, str], sizers: dict[str, int]) -> tuple[int, int]:
    """The sizing mode and its value."""
    name = row.get("sizing") or "proportional"
    if name.lower() in VALUES:
        mode, parse = VALUES[name.lower()]
        return int(mode), cell(row, "value", lambda text: parse(cells.present(text)))
    if row.get("value"):
        why = f"is only for {', '.join(VALUES)}"
        raise Refused("value", why, "leave it empty, or set sizing to one of these")
    if name.lower() == "proportional":
        return int(Sizing.PROPORTIONAL), 0
    try:
        sizer(name)
    except ConfigError as bad:
        why = f"{cells.shown(name)} is unknown; as an extension it {bad.why}"
        raise Refused("sizing", why, f"use proportional, {', '.join(VALUES)}, or an installed extension") from bad
    return int(Sizing.EXTENSION), sizers.setdefault(name, len(sizers))


def _contradictions(row: dict[str, str], mandate: dict[str, int]) -> None:
    for (small, a), (large, b) in combinations(CAPS.items(), 2):
        if NO_LIMIT > mandate[small] > mandate[large]:
            raise Refused(a, f"{row[a]} is above {b} {row[b]}", f"raise {b}, or lower {a}")
    if mandate["sizing"] == Sizing.FIXED_AMOUNT and mandate["value"] > mandate["order_cap"]:
        raise Refused("value", f"{row['value']} is above max_order {row['max_order']}", "raise max_order, or lower it")
    if mandate["multiplier_cap_e2"] and not mandate["lookback"]:
        raise Refused(
            "volume_multiple", "is a multiple of nothing", "set lookback: the orders that make the usual volume"
        )
    if row.get("hedge_band") and not mandate["hedge_bps"]:
        raise Refused("hedge_band", "is a band around no hedge", "set hedge, or leave it empty")
    if mandate["hedge_bps"] and mandate["hedge_band_bps"] >= mandate["hedge_bps"]:
        raise Refused("hedge_band", f"{row['hedge_band']} is as wide as the hedge: nothing would be", "lower it")


def rule_of(row: dict[str, str], known: Sequence[str] | None) -> SymbolRule:
    """The symbols allowed and denied. Raises Refused."""
    allow = cell(row, "allow", lambda text: cells.symbols(text, known))
    deny = cell(row, "deny", lambda text: cells.symbols(text, known))
    if both := sorted(set(allow) & set(deny)):
        raise Refused("deny", f"{', '.join(both)} is allowed and denied", "name it once")
    return SymbolRule(allow, deny)


def cell(row: dict[str, str], column: str, parse: Callable[[str], T], default: str = "") -> T:
    """The parsed cell, or its default's value when it is empty or has no column."""
    try:
        return parse(row.get(column) or default)
    except BadCell as bad:
        raise Refused(column, bad.why, bad.to_do) from bad
