"""One perpetual: its book, its mark, and what has been traded in it."""

from __future__ import annotations

from collections import deque

import msgspec

from pilotfish.domain.instrument import Instrument
from pilotfish.venues.hyperliquid.wire.messages import Book, Candle, Ctx, Level, Trade
from pilotfish.venues.sim.market import MarketSource
from pilotfish.venues.twins.hyperliquid.order import Order
from pilotfish.venues.twins.hyperliquid.settings import MONEY
from pilotfish.venues.twins.hyperliquid.tape import TapedBook
from pilotfish.venues.twins.hyperliquid.text import num, ratio

DEPTH = 20
RECENT = 10
MINUTE_MS = 60_000
CANDLES = 5_000
INTERVALS = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "8h": 480, "12h": 720,
    "1d": 1_440, "3d": 4_320, "1w": 10_080,
}  # fmt: skip


class Minute(msgspec.Struct):
    """Prices in price units, volume in lots."""

    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    trades: int = 0


class Market:
    """`asset` is its number on the wire. `mark` moves with the source, or with the mid where that gives none."""

    def __init__(self, instrument: Instrument, asset: int, source: MarketSource, mark: int) -> None:
        self.instrument, self.asset, self.source, self.mark = instrument, asset, source, mark
        self.coin = instrument.symbol
        self.book = TapedBook(instrument)
        self.live: dict[int, Order] = {}  # by the book's own number
        self.triggers: list[Order] = []  # wait for the mark
        self.recent: deque[Trade] = deque(maxlen=RECENT)
        self.minutes: dict[int, Minute] = {}
        self.money = 0  # traded in all
        self.lots = 0
        self.began = mark

    def advance(self, ns: int) -> None:
        self.book.now_ns = ns
        self.source.advance(self.book, ns)
        bid, _, ask, _ = self.book.best()
        self.mark = self.source.mark(self.instrument.id, ns) or ((bid + ask) // 2 if bid and ask else self.mark)

    def text(self, price: int) -> str:
        return num(price, self.instrument.price_decimals)

    def size(self, lots: int) -> str:
        return num(lots, self.instrument.lot_decimals)

    def cash(self, lots: int, price: int) -> int:
        """|lots| at `price` in USDC units: exact, the venue's perpetuals are listed so."""
        return self.instrument.notional_floor(lots, price)

    @property
    def mid(self) -> int:
        bid, _, ask, _ = self.book.best()
        return (bid + ask) // 2 if bid and ask else self.mark

    def printed(self, trade: Trade, price: int, lots: int) -> None:
        """Count a public trade."""
        self.recent.appendleft(trade)
        self.money += self.cash(lots, price)
        self.lots += lots
        minute = self._minute(trade.time, price)
        minute.high, minute.low, minute.close = max(minute.high, price), min(minute.low, price), price
        minute.lots += lots
        minute.trades += 1

    def looked(self, ms: int) -> None:
        """Begin a minute that nobody traded in."""
        self._minute(ms, self.mid)

    def snapshot(self, ms: int, figures: int | None = None, mantissa: int | None = None) -> Book:
        """The book, grouped to so many significant figures where asked."""
        return Book(self.coin, (self._side(1, figures, mantissa), self._side(-1, figures, mantissa)), ms)

    def top(self) -> tuple[Level | None, Level | None]:
        """The best level of each side."""
        bids, asks = self._side(1, None, None, 1), self._side(-1, None, None, 1)
        return bids[0] if bids else None, asks[0] if asks else None

    def context(self, funding_rate_e9: int) -> Ctx:
        bid, _, ask, _ = self.book.best()
        bid, ask, mid = bid or self.mark, ask or self.mark, self.mid
        return Ctx(
            markPx=self.text(self.mark),
            prevDayPx=self.text(self.began),
            dayNtlVlm=num(self.money, MONEY),
            midPx=ratio(bid + ask, 2 * 10**self.instrument.price_decimals, self.instrument.price_decimals + 1),
            dayBaseVlm=self.size(self.lots),
            funding=num(funding_rate_e9, 9),
            openInterest=self.size(self.lots),
            oraclePx=self.text(self.mark),
            premium=ratio(mid - self.mark, self.mark, 10),
            impactPxs=[self.text(bid), self.text(ask)],
        )

    def candles(self, interval: str, start_ms: int, end_ms: int) -> list[Candle]:
        """Raises KeyError for an interval the venue does not have."""
        span = INTERVALS[interval] * MINUTE_MS
        rows: dict[int, Minute] = {}
        for ms, minute in self.minutes.items():
            opens = ms // span * span
            if opens + span <= start_ms or opens > end_ms:
                continue
            row = rows.get(opens)
            if row is None:
                rows[opens] = msgspec.structs.replace(minute)
                continue
            row.high, row.low, row.close = max(row.high, minute.high), min(row.low, minute.low), minute.close
            row.lots += minute.lots
            row.trades += minute.trades
        text = self.text
        return [
            Candle(
                t=t, T=t + span - 1, s=self.coin, i=interval, o=text(row.open), c=text(row.close), h=text(row.high),
                l=text(row.low), v=self.size(row.lots), n=row.trades,
            )
            for t, row in sorted(rows.items())
        ]  # fmt: skip

    def _minute(self, ms: int, price: int) -> Minute:
        key = ms // MINUTE_MS * MINUTE_MS
        minute = self.minutes.get(key)
        if minute is None:
            minute = self.minutes[key] = Minute(price, price, price, price)
            if len(self.minutes) > CANDLES:
                del self.minutes[next(iter(self.minutes))]
        return minute

    def _side(self, side: int, figures: int | None, mantissa: int | None, most: int = DEPTH) -> list[Level]:
        if figures is None:
            rows = self.book.levels(side, most)
        else:
            grouped: dict[int, tuple[int, int]] = {}
            for price, lots, count in self.book.levels(side, 1_000):
                step = 10 ** max(0, len(str(price)) - figures) * (mantissa or 1)
                near = price // step * step if side > 0 else -(-price // step) * step
                old = grouped.get(near, (0, 0))
                grouped[near] = (old[0] + lots, old[1] + count)
            rows = [(price, lots, count) for price, (lots, count) in grouped.items()][:most]
        return [Level(self.text(price), self.size(lots), max(count, 1)) for price, lots, count in rows]
