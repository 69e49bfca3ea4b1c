"""Markets as instruments: every market has two outcome tokens, and each is an instrument of its own.

Sizes have 2 decimals in orders, prices lie on a grid of 0.1 … 0.0001 between 0 and 1. Three sources say the same in
different words: Gamma (discovery), the CLOB's /markets, and /clob-markets (the only one that always tells the fees).
https://docs.polymarket.com/trading/orders/overview and …/trading/fees
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any, NamedTuple

import msgspec

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.instrument import Instrument, Kind, TickRule, to_units_ceil, to_units_floor
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.keys.schemes import Scheme
from pilotfish.venues.polymarket.wire.answers import GammaMarket
from pilotfish.venues.polymarket.wire.markets import ClobMarket, ShortMarket
from pilotfish.venues.reading import Reading

VENUE, QUOTE = "polymarket", "USDC"
LOT_DECIMALS, PRICE_DECIMALS, MONEY_DECIMALS = 2, 4, 6
ONE = 10**PRICE_DECIMALS
MIN_NOTIONAL = 1_000_000  # 1 USDC, of orders that trade at once
MIN_LOTS = 500  # 5 shares, where a market does not say
TICKS = {1000: 3, 100: 4, 50: 5, 25: 6, 10: 5, 1: 6}
"""Ticks the venue knows, in price units, and how many decimals amounts may have there."""

_FEE_UNIT = Decimal("0.00001")
_RESERVED = ((1 << 64) - 1) << 40  # zero in a position id, and never in a token id of the CTF
_TEXTS: Reading[list[str]] = Reading("list of texts", list[str])


class Fee(NamedTuple):
    """A taker pays shares · rate · (p·(1-p))^exponent in USDC, to five decimals. Makers pay nothing."""

    rate: Decimal = Decimal(0)
    exponent: Decimal = Decimal(1)

    def money(self, lots: int, price: int) -> int:
        """In money units, for `lots` that a taker bought or sold at `price`."""
        if not self.rate:
            return 0
        with localcontext(Context(prec=40)):
            odds = Decimal(price * (ONE - price)).scaleb(-2 * PRICE_DECIMALS)
            paid = Decimal(abs(lots)).scaleb(-LOT_DECIMALS) * self.rate * odds**self.exponent
            return int(paid.quantize(_FEE_UNIT, ROUND_HALF_UP).scaleb(MONEY_DECIMALS))

    @property
    def bound_e6(self) -> int:
        """Its most, in millionths of notional, where the exponent is 1 or more: rate·(1-p) at the lowest price."""
        return to_units_ceil(self.rate, 6)


class Market(NamedTuple):
    """What the three sources agree on. `tokens` are (token id, outcome)."""

    condition: str
    name: str
    tokens: tuple[tuple[str, str], ...]
    tick: int  # price units
    min_lots: int
    neg_risk: bool
    open: bool  # takes orders
    fee: Fee = Fee()


class Listed(NamedTuple):
    """An instrument and what an order for it must know."""

    instrument: Instrument
    token: str
    condition: str
    scheme: Scheme
    min_lots: int = MIN_LOTS
    fee: Fee = Fee()
    opposite: str = ""  # the other token of the market


def of_clob(market: ClobMarket, fee: Fee | None = None) -> Market:
    """Fees are not told here. Raises MessageRefused."""
    return Market(
        market.condition_id,
        _first(market.market_slug, market.question, market.condition_id),
        _tokens((one.token_id, one.outcome) for one in market.tokens or ()),
        tick_of(market.minimum_tick_size),
        min_lots_of(market.minimum_order_size),
        market.neg_risk is True,
        market.active and market.accepting_orders and market.enable_order_book and not market.closed,
        fee or Fee(),
    )


def of_gamma(market: GammaMarket) -> Market:
    """Raises MessageRefused, also for the old markets that have no order book."""
    tokens = _texts(market.positionIds if market.version == "v2" else market.clobTokenIds)
    outcomes = _texts(market.outcomes) if market.outcomes else [str(k) for k in range(len(tokens))]
    if len(outcomes) != len(tokens):
        raise MessageRefused(f"market {market.conditionId[:80]}", f"{len(tokens)} tokens, {len(outcomes)} outcomes")
    schedule = market.feeSchedule if market.feesEnabled is not False else None
    return Market(
        market.conditionId,
        _first(market.slug, market.question, market.conditionId),
        _tokens(zip(tokens, outcomes, strict=True)),
        tick_of(market.orderPriceMinTickSize),
        min_lots_of(market.orderMinSize),
        market.negRisk is True,
        bool(market.acceptingOrders and market.enableOrderBook and market.active is not False and not market.closed),
        fee_of(schedule.rate, schedule.exponent) if schedule else Fee(),
    )


def of_short(market: ShortMarket, condition: str, name: str, *, is_open: bool = True) -> Market:
    """The answer names neither the condition nor the market; both are as asked. Raises MessageRefused."""
    details = market.fd or None
    return Market(
        condition,
        name,
        _tokens((one.t, one.o if isinstance(one.o, str) else str(k)) for k, one in enumerate(market.t)),
        tick_of(market.mts),
        min_lots_of(market.mos),
        market.nr is True,
        is_open,
        fee_of(details.r, details.e) if details else Fee(),
    )


def listed(market: Market, first_id: int) -> list[Listed]:
    """The market's tokens as instruments with ids from `first_id`; the symbol is `slug/Outcome`."""
    ids = [token for token, _ in market.tokens]
    return [
        Listed(
            Instrument(
                first_id + k, f"{market.name}/{outcome}", VENUE, Kind.OUTCOME, LOT_DECIMALS, PRICE_DECIMALS,
                MONEY_DECIMALS, QUOTE, TickRule.GRID, market.tick, MIN_NOTIONAL, taker_fee_e6=market.fee.bound_e6,
            ),
            token,
            market.condition,
            scheme_of(token, neg_risk=market.neg_risk),
            market.min_lots,
            market.fee,
            next((other for other in ids if other != token), ""),
        )
        for k, (token, outcome) in enumerate(market.tokens)
    ]  # fmt: skip


def with_tick(one: Listed, tick: int) -> Listed:
    """The same after a `tick_size_change`; the engine is told the instrument again."""
    return one._replace(instrument=msgspec.structs.replace(one.instrument, tick=tick))


def scheme_of(token: str, *, neg_risk: bool) -> Scheme:
    """Which exchange trades the token. Raises MessageRefused when it is no token id."""
    if is_position(token):
        return Scheme.POLYMARKET_POSITION_ORDER
    return Scheme.POLYMARKET_NEG_RISK_ORDER if neg_risk else Scheme.POLYMARKET_ORDER


def is_position(token: str) -> bool:
    """Whether the id is a position id of protocol 2 and no CTF token. Raises MessageRefused when it is neither."""
    if not (token.isascii() and token.isdigit() and len(token) <= 78 and int(token) < 2**256):
        raise MessageRefused(f"{token[:90]!r} is no token id", "", "ask for the market again")
    return int(token) & _RESERVED == 0


def tick_of(size: Decimal | str | Any) -> int:
    """A tick size in price units. Raises MessageRefused for one that the venue's rules do not know."""
    tick = _units(size, PRICE_DECIMALS, "tick size")
    if tick not in TICKS:
        raise MessageRefused(f"tick size {str(size)[:40]}", "is none of 0.1 … 0.0001", "see whether rules have changed")
    return tick


def min_lots_of(size: Decimal | str | Any) -> int:
    """The least size of a resting order, in lots; where the market does not say, the usual 5 shares."""
    return _units(size, LOT_DECIMALS, "minimum size") if isinstance(size, (Decimal, str)) else MIN_LOTS


def fee_of(rate: Decimal | Any, exponent: Decimal | Any) -> Fee:
    """Raises MessageRefused unless the rate is in [0, 1] and the exponent in [0, 8]."""
    rate = rate if isinstance(rate, Decimal) else Decimal(0)
    exponent = exponent if isinstance(exponent, Decimal) else Decimal(0)
    if not (rate.is_finite() and exponent.is_finite() and 0 <= rate <= 1 and 0 <= exponent <= 8):
        raise MessageRefused(f"fee {rate} with exponent {exponent}", "is none we can hold", "ask for the market again")
    return Fee(rate, exponent)


def _tokens(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    tokens = tuple(pairs)
    if len({token for token, _ in tokens}) != 2 or len(tokens) != 2:
        raise MessageRefused(f"a market of {len(tokens)} tokens", "has no two", "it cannot be traded here")
    for token, _ in tokens:
        is_position(token)
    return tokens


def _units(size: Decimal | str | Any, decimals: int, what: str) -> int:
    try:
        value = Decimal(size) if isinstance(size, str) else size
        if isinstance(value, Decimal):
            units = to_units_floor(value, decimals)
            if units >= 0 and units == to_units_ceil(value, decimals):
                return units
    except (ArithmeticError, NumericOverflow):
        pass
    raise MessageRefused(f"{what} {str(size)[:40]}", "is no number we can hold", "ask for the market again")


def _texts(said: str | list[str] | Any) -> list[str]:
    if isinstance(said, str):
        return _TEXTS.decode(said)
    return said if isinstance(said, list) else []


def _first(*texts: str | Any) -> str:
    return next(text for text in texts if isinstance(text, str) and text)
