"""What POST /info and POST /exchange answer.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint and …/exchange-endpoint
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pilotfish.venues.hyperliquid.wire.messages import Count, Id, MaybeText, Ms, Text, UserFunding

Decimals = Annotated[int, Meta(ge=0, le=18)]
Leverage = Annotated[int, Meta(ge=1, le=1_000)]
Flag = bool | None | UnsetType


class PerpAsset(msgspec.Struct, frozen=True):
    """Its number on the wire is its place in the universe."""

    name: str
    szDecimals: Decimals
    maxLeverage: Leverage
    onlyIsolated: Flag = UNSET
    isDelisted: Flag = UNSET
    marginTableId: Id | UnsetType | None = UNSET
    marginMode: MaybeText = UNSET
    growthMode: MaybeText = UNSET
    lastGrowthModeChangeTime: MaybeText = UNSET


class PerpMeta(msgspec.Struct, frozen=True):
    """`meta`, for one perpetual exchange; `collateralToken` is a spot token's index (0: USDC)."""

    universe: list[PerpAsset]
    marginTables: list[Any] | UnsetType = UNSET
    collateralToken: Id | UnsetType = UNSET


class SpotToken(msgspec.Struct, frozen=True):
    name: str
    szDecimals: Decimals
    weiDecimals: Decimals
    index: Id
    tokenId: str
    isCanonical: bool
    evmContract: dict[str, Any] | str | UnsetType | None = UNSET
    fullName: MaybeText = UNSET
    deployerTradingFeeShare: MaybeText = UNSET


class SpotPair(msgspec.Struct, frozen=True):
    """`tokens` are base and quote."""

    name: str
    tokens: tuple[Id, Id]
    index: Id
    isCanonical: bool


class SpotMeta(msgspec.Struct, frozen=True):
    universe: list[SpotPair]
    tokens: list[SpotToken]


class Margin(msgspec.Struct, frozen=True):
    accountValue: str
    totalNtlPos: str
    totalRawUsd: str
    totalMarginUsed: str


class PositionLeverage(msgspec.Struct, frozen=True):
    type: str
    value: Leverage
    rawUsd: Text = UNSET


class CumFunding(msgspec.Struct, frozen=True):
    allTime: str
    sinceOpen: str
    sinceChange: str


class Position(msgspec.Struct, frozen=True):
    coin: str
    szi: str  # signed
    leverage: PositionLeverage
    positionValue: str
    unrealizedPnl: str
    returnOnEquity: str
    marginUsed: str
    entryPx: MaybeText = UNSET
    liquidationPx: MaybeText = UNSET
    maxLeverage: Leverage | UnsetType = UNSET
    maxTradeSzs: list[str] | UnsetType = UNSET
    cumFunding: CumFunding | UnsetType = UNSET


class AssetPosition(msgspec.Struct, frozen=True):
    type: str
    position: Position


class Clearinghouse(msgspec.Struct, frozen=True):
    """`clearinghouseState`: margin and positions of an account."""

    assetPositions: list[AssetPosition]
    crossMarginSummary: Margin
    withdrawable: str
    marginSummary: Margin | UnsetType = UNSET
    crossMaintenanceMarginUsed: Text = UNSET
    time: Ms | UnsetType = UNSET


class SpotBalance(msgspec.Struct, frozen=True):
    coin: str
    token: Id
    total: str
    hold: str
    entryNtl: str


class SpotState(msgspec.Struct, frozen=True):
    balances: list[SpotBalance]


class OpenOrder(msgspec.Struct, frozen=True):
    """`openOrders`, and with the fields below it `frontendOpenOrders`."""

    coin: str
    side: Literal["A", "B"]
    limitPx: str
    sz: str
    oid: Id
    timestamp: Ms
    origSz: Text = UNSET
    cloid: MaybeText = UNSET
    reduceOnly: bool | UnsetType = UNSET
    orderType: Text = UNSET
    tif: MaybeText = UNSET
    isTrigger: bool | UnsetType = UNSET
    isPositionTpsl: bool | UnsetType = UNSET
    triggerPx: Text = UNSET
    triggerCondition: Text = UNSET
    children: list[OpenOrder] | UnsetType = UNSET


class OrderHistory(msgspec.Struct, frozen=True):
    order: OpenOrder
    status: str
    statusTimestamp: Ms


class KnownOrder(msgspec.Struct, frozen=True, tag_field="status", tag="order"):
    order: OrderHistory


class UnknownOrder(msgspec.Struct, frozen=True, tag_field="status", tag="unknownOid"):
    """The venue has no such order; it may not have it yet."""


OrderStatus = KnownOrder | UnknownOrder


class RateLimit(msgspec.Struct, frozen=True):
    """`userRateLimit`: requests of this address, and how many its volume allows."""

    cumVlm: str
    nRequestsUsed: Count
    nRequestsCap: Count
    nRequestsSurplus: Count | UnsetType = UNSET


class FundingDelta(UserFunding, frozen=True, kw_only=True, tag_field="type", tag="funding"):
    pass


class FundingRow(msgspec.Struct, frozen=True):
    """A row of `userFunding`, by which a gap is filled."""

    time: Ms
    hash: str
    delta: FundingDelta


# -- POST /exchange ----------------------------------------------------------------------------------------------------


class Resting(msgspec.Struct, frozen=True):
    oid: Id
    cloid: MaybeText = UNSET


class Filled(msgspec.Struct, frozen=True):
    totalSz: str
    avgPx: str
    oid: Id
    cloid: MaybeText = UNSET


class Status(msgspec.Struct, frozen=True):
    """Of one order of a batch; one of them is set."""

    resting: Resting | UnsetType = UNSET
    filled: Filled | UnsetType = UNSET
    error: Text = UNSET


class Statuses(msgspec.Struct, frozen=True):
    """In the order of the batch; a plain text is "success", "waitingForFill" or "waitingForTrigger"."""

    statuses: list[Status | str]


class Response(msgspec.Struct, frozen=True):
    type: str
    data: Statuses | UnsetType = UNSET


class Accepted(msgspec.Struct, frozen=True, tag_field="status", tag="ok"):
    response: Response


class Denied(msgspec.Struct, frozen=True, tag_field="status", tag="err"):
    response: str


Reply = Accepted | Denied
