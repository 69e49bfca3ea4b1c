"""Bytes to messages and back. Whatever the bytes are: messages, or MessageRefused."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.wire.answers import (
    ApiKey,
    BalanceAllowance,
    BookAnswer,
    Cancelled,
    ClosedOnly,
    Failure,
    GammaMarket,
    Heartbeat,
    OpenOrder,
    OpenOrders,
    Posted,
    PublicActivity,
    PublicPosition,
    PublicTrade,
    Trades,
)
from pilotfish.venues.polymarket.wire.markets import ClobMarket, ClobMarkets, ShortMarket
from pilotfish.venues.polymarket.wire.messages import PING, PONG, MarketMessage, UserMessage
from pilotfish.venues.reading import Reading

T = TypeVar("T")


class Heard(NamedTuple, Generic[T]):
    """What a frame says, and why some of it could not be used."""

    messages: list[T]
    refused: list[MessageRefused]


class Stream(Generic[T]):
    """A channel's frames: one message, or a list of them, or a bare PONG."""

    def __init__(self, what: str, kind: Any) -> None:
        self._one: Reading[T] = Reading(f"{what} message", kind)
        self._frame: Reading[T | list[T]] = Reading(f"{what} frame", kind | list[kind])
        self._parts: Reading[list[msgspec.Raw]] = Reading(f"{what} frame", list[msgspec.Raw])

    def hear(self, raw: bytes | str) -> Heard[T]:
        """Never raises: a message that cannot be read is refused without its neighbours."""
        data = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
        if data in (PONG, PING, b""):
            return Heard([], [])
        try:
            frame = self._frame.decode(data)
        except MessageRefused as bad:
            return self._one_by_one(data, bad)
        return Heard(frame, []) if isinstance(frame, list) else Heard([frame], [])

    def _one_by_one(self, data: bytes, bad: MessageRefused) -> Heard[T]:
        try:
            parts = self._parts.decode(data)
        except MessageRefused:
            return Heard([], [bad])
        messages: list[T] = []
        refused: list[MessageRefused] = []
        for part in parts:
            try:
                messages.append(self._one.decode(bytes(part)))
            except MessageRefused as one:
                refused.append(one)
        return Heard(messages, refused)


MARKET: Stream[MarketMessage] = Stream("market", MarketMessage)
USER: Stream[UserMessage] = Stream("user", UserMessage)

POSTED: Reading[Posted] = Reading("answer to POST /order", Posted)
POSTED_BATCH: Reading[list[Posted]] = Reading("answer to POST /orders", list[Posted])
CANCELLED: Reading[Cancelled] = Reading("answer to a cancel", Cancelled)
OPEN_ORDER: Reading[OpenOrder] = Reading("/data/order", OpenOrder)
OPEN_ORDERS: Reading[OpenOrders] = Reading("/data/orders", OpenOrders)
TRADES: Reading[Trades] = Reading("/data/trades", Trades)
BALANCE_ALLOWANCE: Reading[BalanceAllowance] = Reading("/balance-allowance", BalanceAllowance)
API_KEY: Reading[ApiKey] = Reading("/auth/api-key", ApiKey)
HEARTBEAT: Reading[Heartbeat] = Reading("/v1/heartbeats", Heartbeat)
CLOSED_ONLY: Reading[ClosedOnly] = Reading("closed-only", ClosedOnly)
BOOK: Reading[BookAnswer] = Reading("/book", BookAnswer)
BOOKS: Reading[list[BookAnswer]] = Reading("/books", list[BookAnswer])
CLOB_MARKET: Reading[ClobMarket] = Reading("/markets/{id}", ClobMarket)
CLOB_MARKETS: Reading[ClobMarkets] = Reading("/markets", ClobMarkets)
SHORT_MARKET: Reading[ShortMarket] = Reading("/clob-markets/{id}", ShortMarket)
GAMMA_MARKET: Reading[GammaMarket] = Reading("Gamma /markets/{id}", GammaMarket)
GAMMA_MARKETS: Reading[list[GammaMarket]] = Reading("Gamma /markets", list[GammaMarket])
PUBLIC_TRADES: Reading[list[PublicTrade]] = Reading("data /trades", list[PublicTrade])
PUBLIC_ACTIVITY: Reading[list[PublicActivity]] = Reading("data /activity", list[PublicActivity])
PUBLIC_POSITIONS: Reading[list[PublicPosition]] = Reading("data /positions", list[PublicPosition])
SERVER_TIME: Reading[int] = Reading("/time", int)  # seconds
TEXTS: Reading[list[str]] = Reading("list of texts", list[str])
_FAILURE: Reading[Failure] = Reading("error", Failure)

encode = msgspec.json.Encoder(decimal_format="number").encode


def failure_of(body: bytes) -> str:
    """The text of a failed request's body, as much of it as is fit to be shown; never raises."""
    try:
        failure = _FAILURE.decode(body)
        said = failure.text or (failure.code if isinstance(failure.code, str) else "")
    except MessageRefused:
        said = body[:200].decode("utf-8", "replace")
    return said[:200]
