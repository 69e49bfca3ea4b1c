"""What Polymarket's three shapes share: names of outcomes, and prices freed of float noise.

A fill's price is money over shares. Where it was computed with floats (0.8900000000000001), or from amounts rounded to
10^-6 (0.4500008494228172), the price on the market's grid that gives the same money is the price.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from itertools import count

from pilotfish.domain.instrument import Instrument
from pilotfish.venues.recordings import instruments
from pilotfish.venues.recordings.instruments import Seen
from pilotfish.venues.recordings.rows import RowError
from pilotfish.venues.recordings.types import Recording

_GRID, _FINE = Decimal("0.0001"), Decimal("0.000001")
_MONEY_ROUNDING = Decimal("0.000002")  # size and money are each rounded to 10^-6
STAMPS = "stamps carry no time zone: read as UTC"


def outcome(index: int, symbol: str, seen: Seen, notes: list[str]) -> Instrument:
    """An outcome token; `notes` stay as they are (`noted` speaks for all instruments at once)."""
    return instruments.outcome(index, symbol, seen)


def noted(recordings: list[Recording]) -> list[Recording]:
    """Say of how many instruments some fills are averages, whose prices no order could have."""
    for one in recordings:
        if fine := sum(i.price_decimals == 6 for i in one.instruments):
            one.notes.append(
                f"{fine} of {len(one.instruments)} instruments have fills at average prices, kept to 10^-6"
            )
    return recordings


def clean_size(size: Decimal) -> Decimal:
    """Shares in the token's own unit, 10^-6. Raises RowError when less than one unit is left."""
    shares = size.quantize(_FINE, ROUND_HALF_EVEN)
    if shares <= 0:
        raise RowError("size", f"{size} is less than the smallest unit of a share, 0.000001")
    return shares


def clean_price(price: Decimal, size: Decimal, money: Decimal | None, column: str = "price") -> Decimal:
    """The price on the grid of 10^-4 where it explains the money, else to 10^-6. Raises RowError outside (0, 1)."""
    on_grid = price.quantize(_GRID, ROUND_HALF_EVEN)
    explained = abs(on_grid - price) < _FINE if money is None else abs(on_grid * size - money) <= _MONEY_ROUNDING
    found = on_grid if explained and on_grid > 0 else price.quantize(_FINE, ROUND_HALF_EVEN)
    if not 0 < found < 1:
        raise RowError(column, f"{price} is no price of an outcome", "it lies between 0 and 1, both excluded")
    return found


class Names:
    """Readable symbols, one for each identity: a second market of the same name gets a number."""

    def __init__(self) -> None:
        self._by_identity: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, identity: str, readable: str) -> str:
        if identity not in self._by_identity:
            choices = (readable if n == 1 else f"{readable}#{n}" for n in count(1))
            self._by_identity[identity] = next(c for c in choices if c not in self._taken)
            self._taken.add(self._by_identity[identity])
        return self._by_identity[identity]


class Occurrences:
    """Numbers equal rows of a file without ids, so that each keeps an id of its own."""

    def __init__(self) -> None:
        self._seen: dict[tuple[object, ...], int] = {}

    def key(self, *parts: object) -> tuple[object, ...]:
        self._seen[parts] = self._seen.get(parts, 0) + 1
        return (*parts, self._seen[parts])

    @property
    def repeated(self) -> int:
        return sum(n - 1 for n in self._seen.values())
