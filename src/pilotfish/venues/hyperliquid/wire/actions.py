"""What we ask of the venue: domain commands as wire actions.

Structs encode in the order of their fields, with `type` first: the order in which the official SDK builds its
dictionaries, which the hash depends on. Numbers become text from integers.
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/exchange-endpoint
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from pilotfish.domain.errors import VenueError
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.orders import Amend, Place, PlaceBatch, Tif
from pilotfish.venues.decimals import shown

Grouping = Literal["na", "normalTpsl", "positionTpsl"]
_TIF = {Tif.IOC: "Ioc", Tif.GTC: "Gtc", Tif.ALO: "Alo"}
_DECIMALS_MAX = {Kind.PERP: 6, Kind.SPOT: 8}  # less the decimals of the size


class ActionRefused(VenueError):
    """The venue would refuse this action; it was not built."""


# -- the wire ----------------------------------------------------------------------------------------------------------


class Limit(msgspec.Struct, frozen=True):
    tif: str


class Trigger(msgspec.Struct, frozen=True):
    isMarket: bool
    triggerPx: str
    tpsl: Literal["tp", "sl"]


class OrderKind(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the two."""

    limit: Limit | UnsetType = UNSET
    trigger: Trigger | UnsetType = UNSET


class Order(msgspec.Struct, frozen=True):
    a: int  # asset
    b: bool  # is a buy
    p: str  # limit price
    s: str  # size
    r: bool  # reduce only
    t: OrderKind
    c: str | UnsetType = UNSET  # cloid


class Orders(msgspec.Struct, frozen=True, tag_field="type", tag="order"):
    orders: Sequence[Order]
    grouping: Grouping = "na"


class CancelOid(msgspec.Struct, frozen=True):
    a: int
    o: int


class Cancels(msgspec.Struct, frozen=True, tag_field="type", tag="cancel"):
    cancels: Sequence[CancelOid]


class CancelCloid(msgspec.Struct, frozen=True):
    asset: int
    cloid: str


class CancelsByCloid(msgspec.Struct, frozen=True, tag_field="type", tag="cancelByCloid"):
    cancels: Sequence[CancelCloid]


class Modify(msgspec.Struct, frozen=True, tag_field="type", tag="modify"):
    """The venue takes the order away and places another: it has a new oid, and what had filled stays filled."""

    oid: int | str  # oid or cloid
    order: Order


class Modified(msgspec.Struct, frozen=True):
    oid: int | str
    order: Order


class BatchModify(msgspec.Struct, frozen=True, tag_field="type", tag="batchModify"):
    modifies: Sequence[Modified]


class ScheduleCancel(msgspec.Struct, frozen=True, tag_field="type", tag="scheduleCancel"):
    """The dead man's switch: everything is cancelled at `time` (ms, ≥ 5 s ahead). Without a time it is taken back."""

    time: int | UnsetType = UNSET


class UpdateLeverage(msgspec.Struct, frozen=True, tag_field="type", tag="updateLeverage"):
    asset: int
    isCross: bool
    leverage: int


class UpdateIsolatedMargin(msgspec.Struct, frozen=True, tag_field="type", tag="updateIsolatedMargin"):
    asset: int
    isBuy: bool
    ntli: int  # money units, 1e-6 USDC


class VaultTransfer(msgspec.Struct, frozen=True, tag_field="type", tag="vaultTransfer"):
    vaultAddress: str
    isDeposit: bool
    usd: int  # money units, 1e-6 USDC


class ApproveAgent(msgspec.Struct, frozen=True, tag_field="type", tag="approveAgent"):
    """Signed field by field, not as an L1 action: `signing.approve_agent` makes it."""

    agentAddress: str
    nonce: int
    signatureChainId: str
    hyperliquidChain: str
    agentName: str | UnsetType = UNSET


Action = (
    Orders | Cancels | CancelsByCloid | Modify | BatchModify | ScheduleCancel | UpdateLeverage | UpdateIsolatedMargin
    | VaultTransfer
)  # fmt: skip


# -- from commands -----------------------------------------------------------------------------------------------------


class Listed(NamedTuple):
    """An instrument and the number the venue knows it by."""

    instrument: Instrument
    asset: int


class When(NamedTuple):
    """A trigger: at `price` (price units) the order goes to the market, bounded by its limit price."""

    price: int
    tpsl: Literal["tp", "sl"]
    is_market: bool = True


class Cloids(NamedTuple):
    """Client order ids on the wire: 16 bytes, this journal's 8 before the order's 8, so that nobody's are mistaken."""

    journal: int

    def cloid(self, coid: int) -> str:
        if not (0 <= coid < 2**63 and 0 <= self.journal < 2**64):
            raise ActionRefused(f"client order id {coid}", "does not fit 8 bytes", "ids count up from the journal")
        return f"0x{self.journal:016x}{coid:016x}"

    def coid(self, cloid: str | UnsetType | None) -> int | None:
        """Our id, or None where the order is not this journal's. Never raises."""
        if not isinstance(cloid, str) or len(cloid) != 34 or not cloid.startswith(f"0x{self.journal:016x}"):
            return None
        try:
            coid = int(cloid[18:].encode("ascii"), 16)
        except ValueError:
            return None
        return coid if coid < 2**63 and self.cloid(coid) == cloid else None


def order(place: Place, listed: Listed, cloids: Cloids, when: When | None = None) -> Order:
    """One order. Raises ActionRefused for what the venue's size and price rules forbid."""
    return _order(place, place.lots, place.price, place.coid, listed, cloids, when)


def orders(batch: PlaceBatch, listed: Listed, cloids: Cloids) -> list[Order]:
    """One order for each account of the batch, in its order; every account signs and sends its own."""
    columns = zip(batch.lots.tolist(), batch.prices.tolist(), strict=True)
    return [_order(batch, lots, px, batch.coid + k, listed, cloids, None) for k, (lots, px) in enumerate(columns)]


def modified(amend: Amend, place: Place, filled: int, listed: Listed, cloids: Cloids) -> Modified:
    """`place` as `amend` wants it. The venue's size is of a new order, so what has filled is taken off."""
    cloid = cloids.cloid(amend.coid)
    return Modified(cloid, _order(place, amend.lots - filled, amend.price, amend.coid, listed, cloids, None))


def cancels(which: Iterable[tuple[int, int]], cloids: Cloids) -> CancelsByCloid:
    """Cancel by (asset, client order id): also what CancelAll becomes, over the orders that are open."""
    return CancelsByCloid([CancelCloid(asset, cloids.cloid(coid)) for asset, coid in which])


def cancels_by_oid(which: Iterable[tuple[int, int]]) -> Cancels:
    """Cancel by (asset, the venue's order id): for orders that are not ours to name."""
    return Cancels([CancelOid(asset, oid) for asset, oid in which])


def price_text(price: int, instrument: Instrument) -> str:
    """At most 5 significant figures unless whole, and 6 - szDecimals decimals (spot 8). Raises ActionRefused."""
    text = shown(price, instrument.price_decimals)
    allowed = max(0, _DECIMALS_MAX.get(instrument.kind, 0) - instrument.lot_decimals)
    if not instrument.is_valid_price(price) or len(text.partition(".")[2]) > allowed:
        raise ActionRefused(f"{instrument.symbol} at {text}", "is off the venue's tick", "round the price first")
    return text


_LIMIT = {tif: OrderKind(limit=Limit(name)) for tif, name in _TIF.items()}


def _order(
    common: Place | PlaceBatch, lots: int, price: int, coid: int, listed: Listed, cloids: Cloids, when: When | None
) -> Order:
    instrument = listed.instrument
    if lots <= 0:
        raise ActionRefused(f"{instrument.symbol}: {lots} lots", "is no size", "cancel what is not wanted any more")
    return Order(
        listed.asset,
        common.side > 0,
        price_text(price, instrument),
        shown(lots, instrument.lot_decimals),
        common.reduce_only,
        _LIMIT[common.tif] if when is None else _trigger(when, instrument),
        cloids.cloid(coid),
    )


def _trigger(when: When, instrument: Instrument) -> OrderKind:
    return OrderKind(trigger=Trigger(when.is_market, price_text(when.price, instrument), when.tpsl))
