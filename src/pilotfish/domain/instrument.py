"""What is traded and in which units. The only home of venues' tick rules.

Quantity is int64 lots (10^-lot_decimals of the base), price int64 in the instrument's price unit (10^-price_decimals
of the quote asset), money int base units (10^-money_decimals). Decimal appears only here, at the edge.
"""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Clamped,
    Context,
    Decimal,
    DecimalException,
    Inexact,
    Subnormal,
    Underflow,
)
from enum import IntEnum

import msgspec

from pilotfish.domain.arith import INT64_MAX, Ints, mul, muldiv_floor
from pilotfish.domain.errors import NumericOverflow

CHAINS = ("evm",)  # venues whose trades stand in blocks, which may be replaced
SUBLOT = 1_000_000  # exact targets are kept in millionths of a lot
BPS = 10_000
# Scaling by a power of ten is exact here or an error; the default context would round to 28 digits and say nothing.
_EXACT = Context(prec=1_000)
for _signal in (Inexact, Subnormal, Underflow, Clamped):
    _EXACT.traps[_signal] = True


class Side(IntEnum):
    BUY = 1
    SELL = -1


class Kind(IntEnum):
    PERP = 0  # margined, funded
    SPOT = 1  # fully paid
    OUTCOME = 2  # a token that pays 0 or 1; fully paid, price inside (0, 1)


class TickRule(IntEnum):
    FIXED = 0  # multiples of `tick`
    SIGNIFICANT = 1  # at most `tick` significant figures; whole numbers always allowed (Hyperliquid: 5)
    GRID = 2  # multiples of `tick`, strictly inside (0, 1) (prediction markets)


class Instrument(msgspec.Struct, frozen=True, array_like=True):
    """One tradable thing on one venue. `id` is its index in the journal's listing order."""

    id: int
    symbol: str
    venue: str
    kind: Kind
    lot_decimals: int
    price_decimals: int
    money_decimals: int = 6
    quote: str = "USDC"
    tick_rule: TickRule = TickRule.FIXED
    tick: int = 1
    min_notional: int = 0  # money units; reductions that close a position are exempt
    max_leverage: int = 1  # initial margin is notional / max_leverage
    maintenance_bps: int = 0  # maintenance margin, of notional
    taker_fee_e6: int = 0  # millionths of notional; 450 = 4.5 bps
    maker_fee_e6: int = 0

    @property
    def money_exponent(self) -> int:
        """Money per lot·price unit is 10^money_exponent; 0 on Hyperliquid perps and Polymarket: exact notionals."""
        return self.money_decimals - self.lot_decimals - self.price_decimals

    @property
    def reversible(self) -> bool:
        """Whether its venue may take a trade back after the order is over: a match that fails to settle, a block that
        is replaced.
        """
        return self.kind is Kind.OUTCOME or (self.kind is Kind.SPOT and self.venue in CHAINS)

    def lots(self, size: Decimal | str) -> int:
        """Size in lots. Raises NumericOverflow when it is not finite, not on the lot grid, or too large."""
        return _to_int(size, self.lot_decimals, f"{self.symbol} size")

    def price(self, price: Decimal | str) -> int:
        """Price in price units, which must be on the unit grid (not necessarily on the tick)."""
        return _to_int(price, self.price_decimals, f"{self.symbol} price")

    def show_price(self, price: int) -> Decimal:
        return Decimal(price).scaleb(-self.price_decimals)

    def show_lots(self, lots: int) -> Decimal:
        return Decimal(lots).scaleb(-self.lot_decimals)

    def notional_floor(self, lots: int, price: int) -> int:
        """|lots|·price in money units, rounded down."""
        raw, e = abs(lots) * price, self.money_exponent
        return _fits(raw * 10**e if e >= 0 else raw // 10**-e)

    def notional_ceil(self, lots: int, price: int) -> int:
        """|lots|·price in money units, rounded up."""
        raw, e = abs(lots) * price, self.money_exponent
        return _fits(raw * 10**e if e >= 0 else -(-raw // 10**-e))

    def cost(self, side: int, lots: int, price: int) -> int:
        """Money that changes hands: a buyer's rounded up, a seller's down, so rounding never favours us."""
        return self.notional_ceil(lots, price) if side > 0 else self.notional_floor(lots, price)

    def notionals_floor(self, lots: Ints, price: int) -> Ints:
        """Signed notionals of a column of lots, rounded down in magnitude for longs."""
        e = self.money_exponent
        return mul(lots, price * 10**e) if e >= 0 else muldiv_floor(lots, price, 10**-e)

    def lots_floor(self, money: Ints, price: int) -> Ints:
        """How many lots each amount of money buys at `price`, rounded down."""
        e = self.money_exponent
        return muldiv_floor(money, 1, price * 10**e) if e >= 0 else muldiv_floor(money, 10**-e, price)

    def round_price(self, price: int, side: int) -> int:
        """The nearest valid price that is no worse for us: down for a buy, up for a sell. All tick logic is here."""
        step = self._step(price)
        rounded = price // step * step if side > 0 else -(-price // step) * step
        if self.tick_rule is TickRule.GRID:
            one: int = 10**self.price_decimals
            return min(max(rounded, step), one - step)
        return max(rounded, step)

    def bound_price(self, reference: int, side: int, bps: int) -> int:
        """The worst price a `side` order may pay, `bps` from `reference`, on the tick and never beyond the bound."""
        return self.round_price(
            reference * (BPS + side * bps) // BPS if side > 0 else -(-reference * (BPS - bps) // BPS), side
        )

    def is_valid_price(self, price: int) -> bool:
        return price > 0 and self.round_price(price, Side.BUY) == price

    def _step(self, price: int) -> int:
        if self.tick_rule is not TickRule.SIGNIFICANT:
            return self.tick
        digits = len(str(abs(price)))
        step: int = pow(10, max(0, digits - self.tick))
        whole: int = pow(10, self.price_decimals)  # integers are always allowed
        return step if step < whole else whole


def _fits(money: int) -> int:
    if money > INT64_MAX:
        raise NumericOverflow(f"notional {money}", "leaves int64", "check the size and the price")
    return money


def _to_int(value: Decimal | str, decimals: int, what: str) -> int:
    try:
        scaled = Decimal(value).scaleb(decimals, _EXACT)
        if not scaled.is_finite():
            raise NumericOverflow(f"{what} {value!s}", "is not a finite number", "check the source")
        whole = scaled.to_integral_value(ROUND_FLOOR, _EXACT)
    except DecimalException as bad:
        raise NumericOverflow(f"{what} {value!r}", "is not a number we can hold", "check the source") from bad
    if whole != scaled:
        raise NumericOverflow(f"{what} {value!s}", f"has more than {decimals} decimals", "round it first, by name")
    if abs(whole) > INT64_MAX:
        raise NumericOverflow(f"{what} {value!s}", "leaves int64", "check the source")
    return int(whole)


def to_units_floor(value: Decimal, decimals: int) -> int:
    """A Decimal in units of 10^-decimals, rounded down. Raises NumericOverflow when it is no number we can hold."""
    return _to_units(value, decimals, ROUND_FLOOR)


def to_units_ceil(value: Decimal, decimals: int) -> int:
    """A Decimal in units of 10^-decimals, rounded up. Raises NumericOverflow when it is no number we can hold."""
    return _to_units(value, decimals, ROUND_CEILING)


def _to_units(value: Decimal, decimals: int, rounding: str) -> int:
    try:
        whole = value.scaleb(decimals, _EXACT).to_integral_value(rounding, _EXACT)
    except DecimalException as bad:
        raise NumericOverflow(f"amount {value!r}", "is not a number we can hold", "check the source") from bad
    if not whole.is_finite() or abs(whole) > INT64_MAX:
        raise NumericOverflow(f"amount {value!s}", "leaves int64", "check the source")
    return int(whole)
