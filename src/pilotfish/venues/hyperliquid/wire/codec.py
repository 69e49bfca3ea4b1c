"""Bytes to messages and back. Whatever the bytes are: a message, or MessageRefused."""

from __future__ import annotations

from typing import Any

import msgspec

from pilotfish.venues.hyperliquid.wire.answers import (
    Clearinghouse,
    FundingRow,
    OpenOrder,
    OrderHistory,
    OrderStatus,
    PerpMeta,
    RateLimit,
    Reply,
    SpotMeta,
    SpotState,
)
from pilotfish.venues.hyperliquid.wire.messages import BareBookFrame, Book, Candle, Frame, Trade, UserFill
from pilotfish.venues.reading import Reading

FRAME: Reading[Frame] = Reading("Hyperliquid frame", Frame)
_BARE_BOOK: Reading[BareBookFrame] = Reading("Hyperliquid frame", BareBookFrame)
_BOOK_BEGINS = b'{"channel":"l2Book"'


def read_frame(raw: bytes) -> Frame | BareBookFrame:
    """A frame as a session needs it: books, most of all bytes, without what nobody trades on. Raises MessageRefused."""
    return _BARE_BOOK.decode(raw) if raw.startswith(_BOOK_BEGINS) else FRAME.decode(raw)


META: Reading[PerpMeta] = Reading("meta", PerpMeta)
ALL_METAS: Reading[list[PerpMeta]] = Reading("allPerpMetas", list[PerpMeta])
SPOT_META: Reading[SpotMeta] = Reading("spotMeta", SpotMeta)
CLEARINGHOUSE: Reading[Clearinghouse] = Reading("clearinghouseState", Clearinghouse)
SPOT_STATE: Reading[SpotState] = Reading("spotClearinghouseState", SpotState)
OPEN_ORDERS: Reading[list[OpenOrder]] = Reading("openOrders", list[OpenOrder])
ORDER_STATUS: Reading[OrderStatus] = Reading("orderStatus", OrderStatus)
HISTORICAL_ORDERS: Reading[list[OrderHistory]] = Reading("historicalOrders", list[OrderHistory])
USER_FILLS: Reading[list[UserFill]] = Reading("userFills", list[UserFill])
USER_FUNDING: Reading[list[FundingRow]] = Reading("userFunding", list[FundingRow])
RATE_LIMIT: Reading[RateLimit] = Reading("userRateLimit", RateLimit)
L2_BOOK: Reading[Book] = Reading("l2Book", Book)
CANDLES: Reading[list[Candle]] = Reading("candleSnapshot", list[Candle])
RECENT_TRADES: Reading[list[Trade]] = Reading("recentTrades", list[Trade])
REPLY: Reading[Reply] = Reading("exchange reply", Reply)

INFO: dict[str, Reading[Any]] = {
    "meta": META,
    "allPerpMetas": ALL_METAS,
    "spotMeta": SPOT_META,
    "clearinghouseState": CLEARINGHOUSE,
    "spotClearinghouseState": SPOT_STATE,
    "openOrders": OPEN_ORDERS,
    "frontendOpenOrders": OPEN_ORDERS,
    "orderStatus": ORDER_STATUS,
    "historicalOrders": HISTORICAL_ORDERS,
    "userFills": USER_FILLS,
    "userFillsByTime": USER_FILLS,
    "userFunding": USER_FUNDING,
    "userRateLimit": RATE_LIMIT,
    "l2Book": L2_BOOK,
    "candleSnapshot": CANDLES,
    "recentTrades": RECENT_TRADES,
}
"""How the answer to each `type` of POST /info is read."""

encode = msgspec.json.Encoder().encode
