"""One token's book: whole snapshots, changes of levels, and what follows from them. Pure.

Prices in the instrument's unit; sizes in millionths of a share, the token's own unit, since what is left of an order
may be finer than a lot. Changes say the size a level has now, so that saying one twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UnsetType

from pilotfish.domain.instrument import Instrument
from pilotfish.venues.decimals import MessageRefused, Numbers, fixed
from pilotfish.venues.polymarket.settings import NS_PER_MS
from pilotfish.venues.polymarket.wire.messages import SIDES, Level, PriceChange
from pilotfish.venues.polymarket.wire.stamps import moment_ns

SIZE_DECIMALS = 6
_SIZES = Numbers(SIZE_DECIMALS, least=0)  # a size of 0 takes a level away
_WIDE = 10  # where the spread is wider than a tenth the venue shows the last trade instead of the middle

Top = tuple[int, int, int, int]  # bid, its lots, ask, its lots


class Change(msgspec.Struct, frozen=True, gc=False):
    """One level as it stands from `ns` on."""

    ns: int
    side: int
    price: int
    size: int


class Book(msgspec.Struct):
    """`asked`: a whole book is on its way by REST, or is to be asked for from `retry_ns` on."""

    bids: dict[int, int] = {}  # price → size
    asks: dict[int, int] = {}
    venue_ns: int = 0
    hash: str = ""
    last: int = 0  # price of the last trade
    whole: bool = False
    asked: bool = False
    retry_ns: int = 0
    since: dict[tuple[int, int], int] = {}  # (side, price) → stamp of the level's last change
    whole_ns: int = 0  # stamp of the last snapshot
    told: Top | None = None
    told_ns: int = 0
    marked: int = 0

    def replace(self, bids: dict[int, int], asks: dict[int, int], ns: int, digest: str) -> None:
        """By a snapshot; levels that changed since it was made stay as they are."""
        since = {level: stamp for level, stamp in self.since.items() if stamp >= ns}
        for side, price in since:
            old, new = (self.bids, bids) if side > 0 else (self.asks, asks)
            _put(new, price, old.get(price, 0))
        self.bids, self.asks, self.since, self.hash, self.whole, self.asked = bids, asks, since, digest, True, False
        self.retry_ns = 0
        self.whole_ns, self.venue_ns = ns, max(since.values(), default=ns)

    def apply(self, change: Change) -> None:
        """A change that was overtaken on its way by a younger one of the same level changes nothing."""
        level = (change.side, change.price)
        if change.ns < self.since.get(level, self.whole_ns):
            return
        self.since[level] = change.ns
        self.venue_ns = max(self.venue_ns, change.ns)
        _put(self.bids if change.side > 0 else self.asks, change.price, change.size)

    def best(self) -> tuple[int, int]:
        """Best bid and ask; 0 where there is none."""
        return max(self.bids, default=0), min(self.asks, default=0)

    def top(self, unit: int) -> Top:
        """The best levels that hold at least a lot of `unit` millionths."""
        bid, ask = self.best()
        if bid and self.bids[bid] < unit:
            bid = max((price for price, size in self.bids.items() if size >= unit), default=0)
        if ask and self.asks[ask] < unit:
            ask = min((price for price, size in self.asks.items() if size >= unit), default=0)
        return bid, self.bids[bid] // unit if bid else 0, ask, self.asks[ask] // unit if ask else 0

    def depth(self, unit: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(price, lots) of both sides, best first."""
        bids = [(price, size // unit) for price, size in sorted(self.bids.items(), reverse=True) if size >= unit]
        asks = [(price, size // unit) for price, size in sorted(self.asks.items()) if size >= unit]
        return bids, asks

    def mark(self, one: int) -> int:
        """The price the venue shows: the middle, or the last trade where the spread is wide; 0 where neither is."""
        bid, ask = self.best()
        if bid and ask and (ask - bid) * _WIDE <= one:
            return (bid + ask) // 2
        return self.last or ((bid + ask) // 2 if bid and ask else bid or ask)


def _put(side: dict[int, int], price: int, size: int) -> None:
    if size:
        side[price] = size
    else:
        side.pop(price, None)


def unit_of(instrument: Instrument) -> int:
    """Millionths of a share in a lot."""
    unit: int = 10 ** (SIZE_DECIMALS - instrument.lot_decimals)
    return unit


def side_of(levels: Sequence[Level] | None, instrument: Instrument) -> dict[int, int]:
    """Price → size of one side of a snapshot. Raises MessageRefused."""
    found: dict[int, int] = {}
    for level in levels or ():
        price, size = price_of(level.price, instrument), _SIZES[level.size]
        if size < 0:
            raise MessageRefused(f"{instrument.symbol[:60]}: {size} at {price}", "is no level", "ask for it again")
        if size:
            found[price] = size
    return found


def change_of(row: PriceChange, instrument: Instrument, ns: int) -> Change:
    """Raises MessageRefused."""
    size = _SIZES[row.size]
    if size < 0:
        raise MessageRefused(f"{instrument.symbol[:60]}: a level of {row.size}", "", "ask for the book")
    return Change(ns, SIDES[row.side], price_of(row.price, instrument), size)


def price_of(text: str, instrument: Instrument) -> int:
    """A price inside (0, 1). Raises MessageRefused."""
    price = fixed(text, instrument.price_decimals)
    if not 0 < price < 10**instrument.price_decimals:
        raise MessageRefused(f"{instrument.symbol[:60]} at {text[:20]}", "lies outside (0, 1)", "ask for the book")
    return price


def stated(text: str | UnsetType | None, instrument: Instrument) -> int | None:
    """A best price as a message says it: 0 for none (0 or 1 or empty), None where it says nothing."""
    if not isinstance(text, str):
        return None
    one: int = 10**instrument.price_decimals
    price = fixed(text, instrument.price_decimals) if text else 0
    return price if 0 < price < one else 0


def stamp_ns(text: str) -> int:
    """A message's stamp. Raises MessageRefused."""
    ns = moment_ns(text)
    return ns - ns % NS_PER_MS
