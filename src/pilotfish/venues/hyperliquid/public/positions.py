"""An account's positions as the venue states them, and as its fills add up to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.decimals import MessageRefused, fixed, fixed_floor, within
from pilotfish.venues.hyperliquid.wire.answers import Clearinghouse, Position
from pilotfish.venues.hyperliquid.wire.assets import Listing

MONEY_DECIMALS = 6
_REMEMBERED = 20_000


class Statement(NamedTuple):
    """`lots` by instrument: signed lots and the mark they are valued at. `value`: of the account, money units."""

    time_ms: int | None
    lots: dict[int, tuple[int, int]]
    value: int


def statement_of(state: Clearinghouse, listing: Listing, set_aside: Callable[[str], None]) -> Statement:
    """What of it can be used. Raises MessageRefused when the account's value is no number."""
    lots: dict[int, tuple[int, int]] = {}
    for row in state.assetPositions:
        try:
            instrument = listing.of(row.position.coin).instrument
            size = fixed(row.position.szi, instrument.lot_decimals)
            if size:
                lots[instrument.id] = (size, _price(row.position, abs(size), instrument))
        except (MessageRefused, NumericOverflow):
            set_aside("a position that cannot be used")
    margin = state.marginSummary or state.crossMarginSummary
    time_ms = state.time if isinstance(state.time, int) else None
    return Statement(time_ms, lots, fixed_floor(margin.accountValue, MONEY_DECIMALS))


def together(statements: Iterable[Statement]) -> Statement:
    """Of all exchanges the account trades on; the earliest stamp counts."""
    all_of = list(statements)
    lots = {key: stated for one in all_of for key, stated in one.lots.items()}
    stamps = [one.time_ms for one in all_of if one.time_ms is not None]
    return Statement(min(stamps, default=None), lots, sum(one.value for one in all_of))


def _price(position: Position, lots: int, instrument: Instrument) -> int:
    """The mark by which the venue values the position, or where that is less than a unit the entry."""
    value = fixed_floor(position.positionValue, instrument.money_decimals)
    e = instrument.money_exponent
    price = int(value // (lots * 10**e) if e >= 0 else value * 10**-e // lots)
    if price <= 0 and isinstance(position.entryPx, str):
        price = fixed_floor(position.entryPx, instrument.price_decimals)
    return max(within(price, f"a price of {instrument.symbol}"), 1)


class Known:
    """What has been told of one lead, as whoever listens adds it up."""

    def __init__(self) -> None:
        self.positions: dict[int, int] = {}
        self.newest: dict[int, int] = {}  # by instrument: the venue's stamp of its newest fill
        self._prices: dict[int, int] = {}
        self._seen: dict[int, None] = {}

    def has(self, fill_id: int) -> bool:
        return fill_id in self._seen

    def fill(self, fill: LeadFill) -> None:
        key = fill.instrument
        start = self.positions.get(key, 0) if fill.start is None else fill.start
        self.positions[key] = start + fill.change
        self.newest[key] = max(fill.venue_ns, self.newest.get(key, 0))
        self._prices[key] = fill.price
        self.skip(fill.fill_id)

    def skip(self, fill_id: int) -> None:
        """It is not to be told any more."""
        self._seen[fill_id] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def state(self, instrument: int, lots: int, price: int) -> None:
        self.positions[instrument] = lots
        self._prices[instrument] = price

    def price(self, instrument: int) -> int:
        """The last that was told with it; 1 where none was."""
        return self._prices.get(instrument, 1)

    @property
    def open(self) -> bool:
        return any(self.positions.values())
