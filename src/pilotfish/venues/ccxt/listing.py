"""An exchange's market as one of our Instruments, and our integers as its decimal strings. Nothing passes a float.

Contracts are counted in their own size (OKX: 0.01 BTC); lots are of the base asset, so that a copy from another venue
needs no other unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import Any

import msgspec

from pilotfish.domain.errors import ConfigError, NumericOverflow
from pilotfish.domain.instrument import Instrument, Kind, TickRule, to_units_ceil, to_units_floor
from pilotfish.venues.ccxt.settings import Settings

LEVERAGE_ELSE = 10  # where the exchange keeps it to private brackets


class Listed(msgspec.Struct, frozen=True):
    """One market. `contract` is its size in the base asset, `step` and `least` are amounts in contracts."""

    instrument: Instrument
    symbol: str
    market: str
    contract: Decimal
    step: Decimal
    least: Decimal

    def amount(self, lots: int) -> str | None:
        """Lots as the exchange's amount; None when it is not a whole number of its steps."""
        amount = self.instrument.show_lots(lots) / self.contract
        return None if amount % self.step else format(amount.normalize(), "f")

    def lots(self, amount: object) -> int:
        """The exchange's amount in lots. Raises NumericOverflow when it is none."""
        return self.instrument.lots(_decimal(amount) * self.contract)

    def lots_floor(self, amount: object) -> int:
        """An amount in a book, which need not be whole lots (0 where none is said)."""
        if amount is None:
            return 0
        return to_units_floor(_decimal(amount) * self.contract, self.instrument.lot_decimals)

    def price_text(self, price: int) -> str:
        return format(self.instrument.show_price(price).normalize(), "f")

    def price(self, price: object) -> int:
        """Raises NumericOverflow when it is no price on the grid."""
        return self.instrument.price(_decimal(price))

    def mark(self, price: object) -> int:
        """A mark or index price, finer than the grid at times, rounded to the nearest unit."""
        twice: int = to_units_floor(2 * _decimal(price), self.instrument.price_decimals)
        return (twice + 1) // 2

    def money_ceil(self, money: object) -> int:
        """A fee in money units, rounded against us. Raises NumericOverflow."""
        return to_units_ceil(_decimal(money), self.instrument.money_decimals)


def listed(index: int, market: Mapping[str, object], venue: str) -> Listed:
    """A ccxt market (with `number = str`). Raises ConfigError when it is not one that we can trade exactly."""
    symbol, spot = str(market["symbol"]), bool(market.get("spot"))
    if not spot and not (market.get("swap") and market.get("linear")):
        raise ConfigError(f"market {symbol}", "is neither spot nor a linear perpetual", "choose another")
    precision, limits = _mapping(market["precision"]), _mapping(market.get("limits"))
    try:
        contract = Decimal(1) if spot else _decimal(market.get("contractSize") or "1")
        step, tick = _decimal(precision["amount"]), _decimal(precision["price"])
        lot, lot_decimals = (step * contract), _decimals(step * contract)
        price_decimals = _decimals(tick)
        least = _decimal(_mapping(limits.get("amount")).get("min") or step)
        cost = _decimal(_mapping(limits.get("cost")).get("min") or 0)
        leverage = int(_decimal(_mapping(limits.get("leverage")).get("max") or LEVERAGE_ELSE))
        fees = [int((_decimal(market.get(one) or 0) * 1_000_000).to_integral_value()) for one in ("taker", "maker")]
        if step <= 0 or tick <= 0 or contract <= 0 or lot_decimals < 0:
            raise NumericOverflow(f"{symbol}: step {step}, tick {tick}, contract {contract}", f"lot {lot}")
    except (NumericOverflow, DecimalException, KeyError) as bad:
        raise ConfigError(f"market {symbol}", f"its precision cannot be used ({bad})", "choose another") from bad
    instrument = Instrument(
        index, symbol, venue, Kind.SPOT if spot else Kind.PERP, lot_decimals, price_decimals,
        quote=str(market["quote"]), tick_rule=TickRule.FIXED, tick=int(tick.scaleb(price_decimals)),
        min_notional=to_units_ceil(cost, 6), max_leverage=1 if spot else max(1, leverage),
        maintenance_bps=0 if spot else 10_000 // (2 * max(1, leverage)), taker_fee_e6=fees[0], maker_fee_e6=fees[1],
    )  # fmt: skip
    return Listed(instrument, symbol, str(market["id"]), contract, step, least)


def listed_all(exchange: Any, settings: Settings, known: Mapping[str, int]) -> tuple[Listed, ...]:
    """The named markets of an exchange that has loaded its own; `known`: symbol → id, new ones come after those.

    Raises ConfigError for a market that is not there or cannot be traded.
    """
    ids, free = dict(known), max(known.values(), default=-1) + 1
    for symbol in settings.symbols:
        if symbol not in exchange.markets:
            what, to_do = f"{settings.exchange} has no market {symbol}", "write it as ccxt does, such as BTC/USDT:USDT"
            raise ConfigError(what, "its list does not have it", to_do)
        if symbol not in ids:
            ids[symbol], free = free, free + 1
    return tuple(listed(ids[one], exchange.market(one), settings.exchange) for one in settings.symbols)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _decimal(value: object) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, (str, int, Decimal)) else Decimal("nan")
    except DecimalException as bad:
        raise NumericOverflow(f"number {value!r}", "is none that we can hold", "check the source") from bad
    if not number.is_finite() or abs(number.adjusted()) > 60:
        raise NumericOverflow(f"number {value!r}", "is none that we can hold", "check the source")
    return number


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
