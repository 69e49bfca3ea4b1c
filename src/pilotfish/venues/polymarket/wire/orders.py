"""What we ask of the venue: domain commands as orders to be signed, and signed orders as request bodies.

GTC stays, ALO is GTC with `postOnly`, an IOC that sells is FAK. Amounts are integers throughout: with lots of 0.01 and
prices of 0.0001 their product is money in base units exactly, so no order needs rounding.

A FAK or FOK that buys would be matched by the dollars it gives: at a better price than its limit it gets more shares
than were asked for, and nobody's. A GTC buys the shares that are signed, so an IOC that buys is a GTC, and whoever
sends it cancels at once what rests of it.
https://docs.polymarket.com/trading/orders/create; amounts as in the official client (polymarket-client 0.14); what a
purchase by dollars does is from reports of its users (py-clob-client-v2 #89, #99).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from pilotfish.domain.errors import VenueError
from pilotfish.domain.orders import Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.polymarket.wire.assets import MIN_NOTIONAL, TICKS, Listed
from pilotfish.venues.polymarket.wire.signing import (
    Maker,
    OrderUnsignable,
    OrderWords,
    checksummed,
    order_hash,
    order_id,
    order_signature,
    sign_request,
)

T = TypeVar("T")
BATCH_MAX = 15  # orders of one POST /orders
CANCELS_MAX = 3_000  # of one DELETE /orders
EXPIRY_S_MIN = 180  # a GTD order lives at least so long, as the official client has it
_SALTS = 2**53  # what a JSON number holds in every language
_SHARE = 10_000  # base units of a lot


class OrderRefused(VenueError):
    """The venue would refuse this order; it was not built."""

    def __init__(self, reason: Reason, what: str, why: str = "", to_do: str = "") -> None:
        self.reason = reason
        super().__init__(what, why, to_do)


# -- the wire ----------------------------------------------------------------------------------------------------------


class SignedOrder(msgspec.Struct, frozen=True):
    """Expiration in seconds, 0 for none. Not signed; the venue cancels by it."""

    builder: str
    expiration: str
    maker: str
    makerAmount: str
    metadata: str
    salt: int
    side: str
    signature: str
    signatureType: int
    signer: str
    takerAmount: str
    timestamp: str
    tokenId: str


class Body(msgspec.Struct, frozen=True):
    """Of POST /order; a list of them of POST /orders. `owner` is the API key."""

    order: SignedOrder
    orderType: str
    owner: str
    deferExec: bool = False
    postOnly: bool | UnsetType = UNSET

    def __repr__(self) -> str:
        return f"Body({self.orderType} {self.order.side} {self.order.tokenId})"


class CancelOne(msgspec.Struct, frozen=True):
    """Of DELETE /order. DELETE /orders takes a list of ids, DELETE /cancel-all nothing."""

    orderID: str


class CancelMarket(msgspec.Struct, frozen=True):
    """Of DELETE /cancel-market-orders: all orders in a market, or in one token of it."""

    market: str | UnsetType = UNSET
    asset_id: str | UnsetType = UNSET


# -- from commands -----------------------------------------------------------------------------------------------------


class Salts(NamedTuple):
    """Salts that derive from client order ids, so that a retry is the same order. Each journal has its own range."""

    journal: int

    def salt(self, coid: int) -> int:
        if not (0 <= coid < _SALTS and 0 <= self.journal < 2**64):
            raise OrderRefused(
                Reason.BAD_INTENT, f"client order id {coid}", "does not fit 53 bits", "begin a new journal"
            )
        return (coid + _offset(self.journal)) % _SALTS

    def coid(self, salt: int) -> int | None:
        """The id it came from, if it is of this journal: every number is some journal's salt."""
        return (salt - _offset(self.journal)) % _SALTS if 0 <= salt < _SALTS else None


class Drawn(NamedTuple):
    """An order before its signature. Kept, it can be sent again as the very same order, with the same id."""

    words: OrderWords
    hash: bytes  # of its struct
    id: str  # by which the venue will know it
    kind: str  # GTC, GTD, FAK
    post_only: bool = False
    expires_s: int = 0

    @property
    def request(self) -> SignRequest:
        return sign_request(self.words, self.hash)


class How(NamedTuple):
    """What a command does not say."""

    timestamp_ms: int  # part of the id: the same for a retry
    expires_s: int = 0  # GTC becomes GTD
    builder: bytes = bytes(32)
    metadata: bytes = bytes(32)


def drawn(place: Place, listed: Listed, maker: Maker, salts: Salts, how: How) -> Drawn:
    """Raises OrderRefused for what the venue's rules forbid, OrderUnsignable for what no contract could hold."""
    _check(place, listed, how)
    gives, gets = amounts(place)
    words = OrderWords(
        listed.scheme, maker, listed.token, place.side, gives, gets, salts.salt(place.coid), how.timestamp_ms,
        how.metadata, how.builder,
    )  # fmt: skip
    digest = order_hash(words)
    if not may_rest(place):
        return Drawn(words, digest, order_id(words, digest), "FAK")
    kind = "GTD" if how.expires_s else "GTC"
    return Drawn(words, digest, order_id(words, digest), kind, place.tif is Tif.ALO, how.expires_s)


def body(one: Drawn, signed: bytes, owner: str) -> Body:
    """`signed` answers `one.request`: r, s, and v as 0 or 1. Raises OrderUnsignable when it is no signature."""
    words = one.words
    order = SignedOrder(
        "0x" + words.builder.hex(),
        str(one.expires_s),
        checksummed(words.maker.address),
        str(words.maker_amount),
        "0x" + words.metadata.hex(),
        words.salt,
        "BUY" if words.side > 0 else "SELL",
        order_signature(words, one.hash, signed),
        int(words.maker.signature_type),
        checksummed(words.signer),
        str(words.taker_amount),
        str(words.timestamp_ms),
        words.token,
    )
    return Body(order, one.kind, owner, postOnly=True if one.post_only else UNSET)


def places(batch: PlaceBatch) -> Iterator[Place]:
    """The orders of a batch one by one. Each account signs and sends its own: one API key cannot post for another."""
    columns = zip(batch.accounts.tolist(), batch.lots.tolist(), batch.prices.tolist(), strict=True)
    for k, (account, lots, price) in enumerate(columns):
        yield Place(batch.coid + k, account, batch.instrument, batch.side, lots, price, batch.tif, batch.reduce_only)


def chunks(items: Sequence[T], size: int = BATCH_MAX) -> Iterator[Sequence[T]]:
    """As many at once as one request takes."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def may_rest(place: Place) -> bool:
    """Whether the venue may keep it open. A purchase that is to trade at once is cancelled by its sender."""
    return place.tif is not Tif.IOC or place.side > 0


def amounts(place: Place) -> tuple[int, int]:
    """What the maker gives and gets at least, in base units."""
    shares, money = place.lots * _SHARE, place.lots * place.price
    return (money, shares) if place.side > 0 else (shares, money)


def _check(place: Place, listed: Listed, how: How) -> None:
    instrument = listed.instrument
    if place.lots <= 0:
        raise OrderRefused(Reason.BAD_INTENT, f"{place.lots} lots", "are no size", "cancel what is not wanted any more")
    if not instrument.is_valid_price(place.price) or instrument.tick not in TICKS:
        raise OrderRefused(
            Reason.BAD_INTENT, f"{instrument.symbol[:80]} at {place.price}", "is off the venue's tick", "round it first"
        )
    if may_rest(place) and place.lots < listed.min_lots:
        raise OrderRefused(
            Reason.BELOW_MINIMUM, f"{place.lots} lots", f"a resting order has at least {listed.min_lots}", "order more"
        )
    if place.tif is Tif.IOC and place.side > 0 and place.lots * place.price < MIN_NOTIONAL:
        raise OrderRefused(
            Reason.BELOW_MINIMUM, f"{place.lots} lots at {place.price}", "a buyer gives 1 USDC at the least"
        )
    if place.tif is Tif.IOC and how.expires_s:
        raise OrderRefused(Reason.BAD_INTENT, "an order that trades at once", "cannot expire later", "rest it, or not")
    if len(how.builder) != 32 or len(how.metadata) != 32:
        raise OrderUnsignable("a builder's code or metadata", "is not of 32 bytes", "mend the settings")


@lru_cache(maxsize=64)
def _offset(journal: int) -> int:
    return int.from_bytes(keccak(b"pilotfish salts" + journal.to_bytes(8, "big"))[:7], "big") % _SALTS
