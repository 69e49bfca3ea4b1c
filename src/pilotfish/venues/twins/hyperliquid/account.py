"""An account: money, positions, orders and what was told about them. Integers throughout."""

from __future__ import annotations

from collections import deque

import msgspec

from pilotfish.domain.instrument import BPS
from pilotfish.venues.hyperliquid.wire.answers import (
    AssetPosition,
    Clearinghouse,
    CumFunding,
    FundingRow,
    Margin,
    Position,
    PositionLeverage,
)
from pilotfish.venues.hyperliquid.wire.messages import UserFill
from pilotfish.venues.twins.hyperliquid.market import Market
from pilotfish.venues.twins.hyperliquid.order import Order
from pilotfish.venues.twins.hyperliquid.settings import MONEY
from pilotfish.venues.twins.hyperliquid.text import num, ratio

KEPT = 2_000  # of orders that are over


class Holding(msgspec.Struct):
    """A position: signed lots, what it cost (>= 0), and how it is margined. Money in USDC units."""

    market: Market
    lots: int = 0
    entry: int = 0
    leverage: int = 20
    cross: bool = True
    added: int = 0  # isolated margin put in by hand
    funding: int = 0  # paid in all

    def trade(self, change: int, price: int) -> int:
        """Apply a signed trade at its price; the profit it realised."""
        market, closing = self.market, 0
        profit = 0
        if self.lots * change < 0:
            closing = min(abs(self.lots), abs(change))
            cost = self.entry * closing // abs(self.lots)
            way = 1 if self.lots > 0 else -1
            profit = way * (market.cash(closing, price) - cost)
            self.entry -= cost
        self.lots += change
        self.entry += market.cash(abs(change) - closing, price)
        return profit

    @property
    def value(self) -> int:
        return self.market.cash(self.lots, self.market.mark)

    @property
    def gain(self) -> int:
        """Not realised yet, at the mark."""
        return self.value - self.entry if self.lots > 0 else self.entry - self.value

    @property
    def margin(self) -> int:
        return self.value // self.leverage + self.added

    @property
    def maintenance(self) -> int:
        return self.value * self.market.instrument.maintenance_bps // BPS


class Account:
    """`cash` is what was deposited and realised, less fees and funding."""

    def __init__(self, address: str, number: int) -> None:
        self.address, self.number = address, number  # the number owns its orders in the books
        self.cash = 0
        self.deposited = False
        self.played = False  # trades as recorded, whatever its money would allow: never liquidated
        self.master: str | None = None  # of a sub-account
        self.holdings: dict[str, Holding] = {}
        self.orders: dict[int, Order] = {}  # open
        self.closed: deque[Order] = deque(maxlen=KEPT)
        self.cloids: dict[str, Order] = {}  # accepted, the latest under each
        self.fills: list[UserFill] = []
        self.fundings: list[FundingRow] = []
        self.volume = 0
        self.requests = 0  # used of its budget
        self.cancel_ms: int | None = None  # the dead man's switch
        self.switches = 0  # of it that went off today

    def holding(self, market: Market) -> Holding:
        held = self.holdings.get(market.coin)
        if held is None:
            leverage = min(20, market.instrument.max_leverage)
            held = self.holdings[market.coin] = Holding(market, leverage=leverage)
        return held

    @property
    def equity(self) -> int:
        return self.cash + sum(held.gain for held in self.holdings.values())

    @property
    def maintenance(self) -> int:
        return sum(held.maintenance for held in self.holdings.values())

    def lacks(self, market: Market, side: int, lots: int) -> bool:
        """Whether one more order needs margin that is not there. What only reduces never does."""
        before, after = self._worst(market), self._worst(market, side, lots)
        if after <= before:
            return False
        need = sum(
            market.cash(self._worst(held.market, side if held.market is market else 0, lots), held.market.mark)
            // held.leverage
            for held in (self.holding(market), *(h for h in self.holdings.values() if h.market is not market))
        )
        return self.equity < need

    def _worst(self, market: Market, side: int = 0, lots: int = 0) -> int:
        """The largest position that open orders, and one more, could lead to."""
        held, most = self.holding(market).lots, 0
        for way in (1, -1):
            resting = sum(
                order.left
                for order in self.orders.values()
                if order.instrument is market.instrument
                and order.side == way
                and order.book_id
                and not order.reduce_only
            )
            most = max(most, abs(held + way * (resting + (lots if side == way else 0))))
        return most

    def clearinghouse(self, ms: int) -> Clearinghouse:
        held = [one for one in self.holdings.values() if one.lots]
        value, equity = sum(one.value for one in held), self.equity
        used = sum(one.margin for one in held)
        net = sum(one.value if one.lots > 0 else -one.value for one in held)
        summary = Margin(num(equity, MONEY), num(value, MONEY), num(equity - net, MONEY), num(used, MONEY))
        return Clearinghouse(
            [AssetPosition("oneWay", self._position(one)) for one in held],
            summary,
            withdrawable=num(max(0, min(self.cash, equity - used)), MONEY),
            marginSummary=summary,
            crossMaintenanceMarginUsed=num(self.maintenance, MONEY),
            time=ms,
        )

    def _position(self, held: Holding) -> Position:
        market, it = held.market, held.market.instrument
        kind = "cross" if held.cross else "isolated"
        net = held.value if held.lots > 0 else -held.value
        raw = msgspec.UNSET if held.cross else num(held.margin - net, MONEY)
        paid = num(held.funding, MONEY)
        return Position(
            it.symbol,
            market.size(held.lots),
            PositionLeverage(kind, held.leverage, raw),
            num(held.value, MONEY),
            num(held.gain, MONEY),
            ratio(held.gain * held.leverage, held.entry, 10),
            num(held.margin, MONEY),
            entryPx=ratio(held.entry, abs(held.lots) * 10**it.price_decimals, it.price_decimals + 1),
            liquidationPx=self._liquidation(held),
            maxLeverage=it.max_leverage,
            cumFunding=CumFunding(paid, paid, paid),
        )

    def _liquidation(self, held: Holding) -> str | None:
        """The mark at which equity meets maintenance margin, everything else standing still."""
        it = held.market.instrument
        way = 1 if held.lots > 0 else -1
        spare = self.equity - self.maintenance
        per_unit = abs(held.lots) * (BPS - way * it.maintenance_bps)
        price = held.market.mark - way * (spare * BPS // per_unit)
        return num(price, it.price_decimals) if price > 0 else None
