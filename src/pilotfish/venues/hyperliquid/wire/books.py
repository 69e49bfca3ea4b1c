"""Books, best prices and marks as events. A book that cannot be true is refused whole."""

from __future__ import annotations

from typing import NamedTuple

from pilotfish.domain.events import BookTop, Mark
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.decimals import MessageRefused, Numbers, fixed, fixed_floor
from pilotfish.venues.hyperliquid.wire.messages import AssetCtx, BareBook, BareLevel, Bbo, Book, Level

NS_PER_MS = 1_000_000


DECIMALS_MAX = 18
NUMBERS = tuple(Numbers(decimals) for decimals in range(DECIMALS_MAX + 1))


class Depth(NamedTuple):
    """Columns of both sides, best first."""

    bids: list[int]  # prices
    bid_lots: list[int]
    asks: list[int]
    ask_lots: list[int]


def depth(book: Book | BareBook, instrument: Instrument) -> Depth:
    """The whole book. Raises MessageRefused when it is crossed, out of order or holds an empty level."""
    price, lots = NUMBERS[instrument.price_decimals], NUMBERS[instrument.lot_decimals]
    bid_side, ask_side = book.levels
    bids, bid_lots = [price[level.px] for level in bid_side], [lots[level.sz] for level in bid_side]
    asks, ask_lots = [price[level.px] for level in ask_side], [lots[level.sz] for level in ask_side]
    below = 0
    for one in bids[::-1] + asks:
        if one <= below:
            raise MessageRefused(f"a book of {instrument.symbol} is crossed or out of order", "", "ask for it again")
        below = one
    return Depth(bids, bid_lots, asks, ask_lots)


def book_top(book: Book | BareBook, instrument: Instrument, ours_ns: int) -> BookTop:
    """The best level of each side; a side without orders has price 0. Raises MessageRefused."""
    bids, asks = book.levels
    return _top(bids[0] if bids else None, asks[0] if asks else None, instrument, book.time, ours_ns)


def bbo_top(message: Bbo, instrument: Instrument, ours_ns: int) -> BookTop:
    """The same of a `bbo` message. Raises MessageRefused."""
    return _top(*message.bbo, instrument, message.time, ours_ns)


def mark(message: AssetCtx, instrument: Instrument, ours_ns: int) -> Mark:
    """The mark, rounded down to the price unit. The venue does not stamp it: both stamps are ours."""
    price = fixed_floor(message.ctx.markPx, instrument.price_decimals)
    if price <= 0:
        raise MessageRefused(f"{instrument.symbol} marked at {message.ctx.markPx}", "", "wait for the next one")
    return Mark(ours_ns, ours_ns, instrument.id, price)


def _top(
    bid: Level | BareLevel | None, ask: Level | BareLevel | None, instrument: Instrument, ms: int, ours_ns: int
) -> BookTop:
    bid_price, bid_lots = _level(bid, instrument)
    ask_price, ask_lots = _level(ask, instrument)
    if bid_price and ask_price and bid_price >= ask_price:
        raise MessageRefused(f"{instrument.symbol} is crossed", f"{bid_price} bid, {ask_price} asked", "ask again")
    return BookTop(ms * NS_PER_MS, ours_ns, instrument.id, bid_price, bid_lots, ask_price, ask_lots)


def _level(level: Level | BareLevel | None, instrument: Instrument) -> tuple[int, int]:
    if level is None:
        return 0, 0
    price, lots = fixed(level.px, instrument.price_decimals), fixed(level.sz, instrument.lot_decimals)
    if price <= 0 or lots <= 0:
        raise MessageRefused(f"{instrument.symbol}: {level.sz} at {level.px}", "is no level of a book", "ask again")
    return price, lots
