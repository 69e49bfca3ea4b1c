"""What the twins of centralised exchanges keep: markets, accounts, orders and fills, in our integers."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.orders import Tif


class CexMarket(msgspec.Struct, frozen=True):
    """`name` as the exchange writes it; `contract`: the base asset in one of its contracts."""

    instrument: Instrument
    name: str
    base: str
    contract: Decimal = Decimal(1)

    def amount(self, lots: int) -> str:
        return _text(self.instrument.show_lots(lots) / self.contract)

    def lots(self, amount: str) -> int:
        return self.instrument.lots(Decimal(amount) * self.contract)

    def price_text(self, price: int) -> str:
        return _text(self.instrument.show_price(price))


class CexOrder(msgspec.Struct):
    """`status` is open, filled, cancelled (with `why`) or expired (an IOC's rest)."""

    id: int
    client: str
    owner: int
    market: CexMarket
    side: int
    lots: int
    price: int
    tif: Tif
    reduce_only: bool
    created_ns: int
    updated_ns: int
    book_id: int = 0
    filled: int = 0
    raw: int = 0  # exact sum of lots times price
    status: str = "open"
    fee: int = 0

    @property
    def average(self) -> str:
        return _text(self.market.instrument.show_price(self.raw) / self.filled) if self.filled else "0"


class CexTrade(msgspec.Struct, frozen=True):
    """One fill of one account's order; `fee` in money units."""

    id: int
    order: CexOrder
    lots: int
    price: int
    fee: int
    maker: bool
    ns: int


class Rights(msgspec.Struct):
    """What a key may do, and how its account is set. `bound`: to an address."""

    trades: bool = True
    withdraws: bool = False
    bound: bool = True
    hedged: bool = False
    isolated: bool = False


class CexAccount(msgspec.Struct):
    """One API key. `money` in money units; positions in lots by the market's name."""

    number: int
    key: str
    secret: str
    password: str
    money: int
    positions: dict[str, int] = {}
    rights: Rights = msgspec.field(default_factory=Rights)


class CexFunding(msgspec.Struct, frozen=True):
    """What one account paid (> 0) for a position; `rate_e6` in millionths, `price` the mark."""

    id: int
    owner: int
    name: str
    lots: int
    money: int
    rate_e6: int
    price: int
    ns: int


class Refusal(Exception):
    """The exchange says no; `kind` is a word that each protocol has its own code for."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


class Terms(msgspec.Struct, frozen=True):
    """Of an exchange: its least notional in money units, its leverage, its fees in millionths."""

    least: int
    leverage: int
    taker_e6: int
    maker_e6: int


class Steps(msgspec.Struct, frozen=True):
    """Of a market: contract size, decimals of a lot in the base asset and of a price; the tick is one unit."""

    contract: str
    lot: int
    price: int


def perpetual(index: int, venue: str, name: str, base: str, steps: Steps, terms: Terms) -> CexMarket:
    """A linear perpetual against USDT."""
    instrument = Instrument(
        index, f"{base}/USDT:USDT", venue, Kind.PERP, steps.lot, steps.price, quote="USDT", min_notional=terms.least,
        max_leverage=terms.leverage, taker_fee_e6=terms.taker_e6, maker_fee_e6=terms.maker_e6,
    )  # fmt: skip
    return CexMarket(instrument, name, base, Decimal(steps.contract))


def rate_text(rate_e6: int) -> str:
    return format(Decimal(rate_e6).scaleb(-6), "f")


def money_text(money: int) -> str:
    return format(Decimal(money).scaleb(-6), "f")


def _text(value: Decimal) -> str:
    return format(value.normalize(), "f")
