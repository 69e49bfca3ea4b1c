"""A lead's trades and what is kept of each lead. Pure."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from hashlib import blake2b

import msgspec
from msgspec import UnsetType

from pilotfish.domain.instrument import Side, to_units_floor
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.public.books import SIZE_DECIMALS
from pilotfish.venues.polymarket.wire.answers import PublicActivity
from pilotfish.venues.polymarket.wire.assets import ONE, PRICE_DECIMALS
from pilotfish.venues.polymarket.wire.messages import SIDES

_REMEMBERED = 65_536


class Source(IntEnum):
    DATA = 0
    CHAIN = 1


class Deed(msgspec.Struct, frozen=True):
    """A trade of a lead. `size6` in millionths of a share, `price` in price units."""

    tx: str
    token: str
    side: Side
    size6: int
    price: int
    at_s: int


class Lead(msgspec.Struct):
    """`newest_s`: stamp of the newest row known. `parts`: instrument → position, millionths of a share."""

    number: int
    address: str
    newest_s: int = 0
    ready: bool = False
    asking: bool = False
    auditing: bool = False
    poll_ns: int = 0
    audit_ns: int = 0
    seen: dict[int, None] = {}
    sources: dict[tuple[str, str, int], Source] = {}
    parts: dict[int, int] = {}
    prices: dict[int, int] = {}
    moves: int = 0  # rows told so far
    odd: dict[int, tuple[int, int]] = {}  # instrument → position as stated, `moves` then
    held: dict[str, list[tuple[Deed, int]]] = {}  # with their ids, by token that is not listed yet


def deed_of(row: PublicActivity) -> Deed:
    """Raises MessageRefused, NumericOverflow."""
    side = SIDES.get(row.side) if isinstance(row.side, str) else None
    if side is None or not isinstance(row.asset, str) or not row.size or not row.price or row.timestamp <= 0:
        raise MessageRefused(f"a trade of {row.proxyWallet[:42]}", "lacks side, token, size, price or time")
    size6 = to_units_floor(row.size, SIZE_DECIMALS)
    if size6 <= 0 or row.timestamp >= 2**33:
        raise MessageRefused(f"a trade of {row.size} shares at {row.timestamp}", "", "see what sent it")
    tx = row.transactionHash if isinstance(row.transactionHash, str) else ""
    return Deed(tx.lower() or f"at {row.timestamp}", row.asset, side, size6, price_of(row.price), row.timestamp)


def price_of(price: Decimal | UnsetType | None) -> int:
    """To the nearest price unit inside (0, 1); averages are finer. Raises NumericOverflow."""
    two: int = to_units_floor(2 * price, PRICE_DECIMALS) if isinstance(price, Decimal) else ONE
    nearest: int = min(max((two + 1) // 2, 1), ONE - 1)
    return nearest


def deed_id(tx: str, token: str, side: int, size6: int, occurrence: int) -> int:
    about = f"{tx} {token} {int(side)} {size6} {occurrence}".encode()
    return int.from_bytes(blake2b(about, digest_size=8).digest(), "big") >> 2


def remember(seen: dict[int, None], number: int) -> None:
    seen[number] = None
    if len(seen) > _REMEMBERED:
        del seen[next(iter(seen))]
