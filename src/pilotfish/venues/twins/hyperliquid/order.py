"""One order at the venue, from the moment it has a number, and how the venue shows it."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET

from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import Tif
from pilotfish.venues.hyperliquid.wire.answers import OpenOrder, OrderHistory
from pilotfish.venues.hyperliquid.wire.messages import BasicOrder, OrderState
from pilotfish.venues.twins.hyperliquid.text import num

TIFS = {"Ioc": Tif.IOC, "FrontendMarket": Tif.IOC, "Gtc": Tif.GTC, "Alo": Tif.ALO}


class Fires(NamedTuple):
    """A trigger: at `price` of the mark the order goes to the book."""

    price: int
    is_market: bool
    takes_profit: bool

    def reached(self, side: int, mark: int) -> bool:
        """A stop that sells fires below its price; one that buys, and a profit that is taken by selling, above it."""
        return mark <= self.price if self._falls(side) else mark >= self.price

    def condition(self, side: int, instrument: Instrument) -> str:
        way = "below" if self._falls(side) else "above"
        return f"Price {way} {instrument.show_price(self.price).normalize():f}"

    def _falls(self, side: int) -> bool:
        return (side < 0) != self.takes_profit


class Wanted(NamedTuple):
    """An order as it was asked for."""

    asset: int
    side: int
    lots: int
    price: int
    tif: str
    reduce_only: bool
    cloid: str | None
    trigger: Fires | None = None


class Order:
    """`left` of `lots` has not traded. Open while `status` is "open" or "triggered"."""

    __slots__ = (
        "book_id", "children", "cloid", "instrument", "left", "lots", "ms", "oid", "owner", "parent", "price",
        "reduce_only", "side", "status", "status_ms", "tif", "trigger", "with_position",
    )  # fmt: skip

    def __init__(self, wanted: Wanted, instrument: Instrument, oid: int, owner: str, ms: int) -> None:
        self.oid, self.owner, self.instrument, self.ms, self.status_ms = oid, owner, instrument, ms, ms
        self.side, self.lots, self.left, self.price = wanted.side, wanted.lots, wanted.lots, wanted.price
        self.tif, self.reduce_only, self.cloid, self.trigger = (
            wanted.tif,
            wanted.reduce_only,
            wanted.cloid,
            wanted.trigger,
        )
        self.status = "open"
        self.book_id = 0
        self.with_position = False  # goes when the position goes
        self.parent: Order | None = None
        self.children: list[Order] = []

    @property
    def open(self) -> bool:
        return self.status in ("open", "triggered")

    @property
    def filled(self) -> int:
        return self.lots - self.left

    def state(self) -> OrderState:
        """As `orderUpdates` tells it."""
        it = self.instrument
        basic = BasicOrder(
            it.symbol, "B" if self.side > 0 else "A", num(self.price, it.price_decimals),
            num(self.left, it.lot_decimals), self.oid, self.ms, num(self.lots, it.lot_decimals),
            self.cloid if self.cloid else UNSET,
        )  # fmt: skip
        return OrderState(basic, self.status, self.status_ms)

    def basic(self) -> OpenOrder:
        """As `openOrders` lists it."""
        o = self.state().order
        return OpenOrder(o.coin, o.side, o.limitPx, o.sz, o.oid, o.timestamp, o.origSz, o.cloid)

    def full(self) -> OpenOrder:
        """As `frontendOpenOrders`, `orderStatus` and `historicalOrders` show it."""
        o, it, trigger = self.state().order, self.instrument, self.trigger
        kind = "Limit"
        if trigger:
            kind = f"{'Take Profit' if trigger.takes_profit else 'Stop'} {'Market' if trigger.is_market else 'Limit'}"
        return OpenOrder(
            o.coin, o.side, o.limitPx, o.sz, o.oid, o.timestamp, o.origSz,
            cloid=self.cloid, reduceOnly=self.reduce_only, orderType=kind, tif=None if trigger else self.tif,
            isTrigger=trigger is not None, isPositionTpsl=self.with_position,
            triggerPx=num(trigger.price, it.price_decimals) if trigger else "0.0",
            triggerCondition=trigger.condition(self.side, it) if trigger else "N/A",
            children=[child.full() for child in self.children],
        )  # fmt: skip

    def history(self) -> OrderHistory:
        return OrderHistory(self.full(), self.status, self.status_ms)
