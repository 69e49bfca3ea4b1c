"""What a risk rule may look at. docs/rules.md has the same table; a test keeps the two equal."""

from __future__ import annotations

from typing import Literal

import msgspec

_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS
_THURSDAY = 3  # 1 January 1970, counted from Monday


class Variable(msgspec.Struct, frozen=True):
    type: Literal["int", "double", "string"]
    unit: str
    meaning: str


VARIABLES: dict[str, Variable] = {
    "order.side": Variable("int", "1, -1", "buy is 1, sell is -1"),
    "order.notional_usdc": Variable("double", "USDC", "lots times limit price of the whole block or batch"),
    "order.lots": Variable("int", "lots", "size of the whole block or batch"),
    "order.price": Variable("double", "quote asset", "limit price"),
    "instrument.symbol": Variable("string", "", "the venue's symbol"),
    "instrument.venue": Variable("string", "", "the venue's name"),
    "instrument.kind": Variable("string", "", "'perp', 'spot' or 'outcome'"),
    "market.mark": Variable("double", "quote asset", "mark price"),
    "market.spread_bps": Variable("double", "bps", "best ask less best bid, of their mid"),
    "market.age_ms": Variable("int", "ms", "age of the mark at decision time"),
    "lead.name": Variable("string", "", "the lead trader's name"),
    "lead.equity_usdc": Variable("double", "USDC", "the lead trader's equity"),
    "lead.position_usdc": Variable("double", "USDC", "the lead's position in this instrument; short is < 0"),
    "platform.followers": Variable("int", "follows", "follows that are active"),
    "platform.equity_usdc": Variable("double", "USDC", "equity of all follows"),
    "platform.gross_usdc": Variable("double", "USDC", "size of all positions at the marks, longs and shorts added"),
    "platform.open_orders": Variable("int", "orders", "orders of ours that are not done"),
    "platform.liquidations_5m": Variable("int", "accounts", "liquidations in the last five minutes"),
    "platform.insurance_usdc": Variable("double", "USDC", "what the insurance pool holds"),
    "platform.refusals": Variable("int", "orders", "refusals by the gate since the journal began"),
    "time.hour_utc": Variable("int", "0 to 23", "hour of the event by our stamp, UTC"),
    "time.weekday": Variable("int", "0 to 6", "weekday of the event by our stamp, UTC; Monday is 0"),
}


class RuleValues(msgspec.Struct, frozen=True, kw_only=True):
    """The variables' values for one order: `order.side` is `order_side`. None, NaN and infinity mean "not known".

    `Rulebook.uses` says which are read; the others may stay None. `time_ns` is the event's `ours_ns`.
    """

    order_side: int | None = None
    order_notional_usdc: float | None = None
    order_lots: int | None = None
    order_price: float | None = None
    instrument_symbol: str | None = None
    instrument_venue: str | None = None
    instrument_kind: str | None = None
    market_mark: float | None = None
    market_spread_bps: float | None = None
    market_age_ms: int | None = None
    lead_name: str | None = None
    lead_equity_usdc: float | None = None
    lead_position_usdc: float | None = None
    platform_followers: int | None = None
    platform_equity_usdc: float | None = None
    platform_gross_usdc: float | None = None
    platform_open_orders: int | None = None
    platform_liquidations_5m: int | None = None
    platform_insurance_usdc: float | None = None
    platform_refusals: int | None = None
    time_ns: int | None = None

    @property
    def time_hour_utc(self) -> int | None:
        return None if self.time_ns is None else self.time_ns // _HOUR_NS % 24

    @property
    def time_weekday(self) -> int | None:
        return None if self.time_ns is None else (self.time_ns // _DAY_NS + _THURSDAY) % 7


def field(variable: str) -> str:
    """The attribute of `RuleValues` that holds a variable."""
    return variable.replace(".", "_", 1)
