"""A trade as both sides and the public are told of it."""

from __future__ import annotations

from msgspec import UNSET

from pilotfish.venues.hyperliquid.wire.messages import FillLiquidation, Trade, UserFill
from pilotfish.venues.sim.accounts import fee_ceil
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.market import Market
from pilotfish.venues.twins.hyperliquid.order import Order
from pilotfish.venues.twins.hyperliquid.settings import MONEY
from pilotfish.venues.twins.hyperliquid.text import num


def direction(start: int, change: int) -> str:
    """The venue's word for what a fill did to a position."""
    after, was = start + change, "Long" if start > 0 else "Short"
    if start * change >= 0:
        return "Open Long" if change > 0 else "Open Short"
    return f"Close {was}" if start * after >= 0 else f"{was} > {'Long' if after > 0 else 'Short'}"


def book_fill(
    account: Account, order: Order, market: Market, trade: Trade, lots: int, price: int, crossed: bool,
    forced: FillLiquidation | None = None,
) -> UserFill:  # fmt: skip
    """Post one side of a trade to its account, and say so."""
    it, held = market.instrument, account.holding(market)
    start, money = held.lots, market.cash(lots, price)
    profit = held.trade(order.side * lots, price)
    fee = fee_ceil(money, it.taker_fee_e6 if crossed else it.maker_fee_e6)
    account.cash += profit - fee
    account.volume += money
    order.left -= lots
    fill = UserFill(
        coin=it.symbol, px=trade.px, sz=trade.sz, side="B" if order.side > 0 else "A", time=trade.time,
        startPosition=market.size(start), dir=direction(start, order.side * lots), closedPnl=num(profit, MONEY),
        hash=str(trade.hash), oid=order.oid, crossed=crossed, fee=num(fee, MONEY), tid=trade.tid, feeToken="USDC",
        cloid=order.cloid or UNSET, liquidation=forced or UNSET, twapId=None,
    )  # fmt: skip
    account.fills.append(fill)
    return fill
