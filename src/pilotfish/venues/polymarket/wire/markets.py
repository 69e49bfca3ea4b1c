"""What is listed, in the words of the CLOB's /markets and of its /clob-markets (Gamma's are among the `answers`).

https://docs.polymarket.com/api-reference; where it is silent, the official client (polymarket-client 0.14). JSON
numbers become Decimal exactly. A market has many more fields; those here are what an order needs to know.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from pilotfish.venues.polymarket.wire.answers import MaybeDecimal
from pilotfish.venues.polymarket.wire.messages import Flag, MaybeText


class Token(msgspec.Struct, frozen=True):
    token_id: str
    outcome: str
    price: MaybeDecimal = UNSET
    winner: Flag = UNSET


class ClobMarket(msgspec.Struct, frozen=True):
    """GET /markets/{condition id}, and rows of GET /markets. Its base fees are of V1 and say nothing any more."""

    condition_id: str
    minimum_order_size: Decimal
    minimum_tick_size: Decimal
    tokens: list[Token] | None
    active: bool
    closed: bool
    accepting_orders: bool
    enable_order_book: bool
    neg_risk: Flag = UNSET
    question: MaybeText = UNSET
    market_slug: MaybeText = UNSET
    end_date_iso: MaybeText = UNSET
    seconds_delay: int | UnsetType | None = UNSET
    archived: Flag = UNSET
    neg_risk_market_id: MaybeText = UNSET


class ClobMarkets(msgspec.Struct, frozen=True):
    data: list[ClobMarket]
    next_cursor: MaybeText = UNSET
    limit: int | UnsetType = UNSET
    count: int | UnsetType = UNSET


class FeeDetails(msgspec.Struct, frozen=True):
    """A taker pays shares · r · (p·(1-p))^e."""

    r: MaybeDecimal = UNSET
    e: MaybeDecimal = UNSET
    to: Flag = UNSET  # takers only


class ShortToken(msgspec.Struct, frozen=True):
    t: str  # token id
    o: MaybeText = UNSET  # outcome


class ShortMarket(msgspec.Struct, frozen=True):
    """GET /clob-markets/{condition id}: what an order needs to know, fees included."""

    t: list[ShortToken]
    mts: Decimal  # minimum tick size
    mos: MaybeDecimal = UNSET  # minimum order size
    nr: Flag = UNSET  # neg-risk
    fd: FeeDetails | UnsetType | None = UNSET
