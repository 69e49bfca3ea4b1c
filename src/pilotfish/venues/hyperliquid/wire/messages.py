"""What the WebSocket says, field by field as the venue names it: numbers that matter stay decimal strings.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions. A field that some answers
lack is UNSET where absent and None where null, so that what was decoded encodes to the same message again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Ms = Annotated[int, Meta(ge=0, le=9_223_372_036_854)]  # milliseconds since 1970 that are int64 as nanoseconds too
Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Text = str | UnsetType
MaybeText = str | None | UnsetType


class Level(msgspec.Struct, frozen=True, gc=False):
    px: str
    sz: str
    n: Count | UnsetType = UNSET


class Book(msgspec.Struct, frozen=True):
    """A whole snapshot: bids from the best down, asks from the best up."""

    coin: str
    levels: tuple[list[Level], list[Level]]
    time: Ms


class BareLevel(msgspec.Struct, frozen=True, gc=False):
    """A level as far as it is traded on: how many orders stand there is passed over, which halves the reading."""

    px: str
    sz: str


class BareBook(msgspec.Struct, frozen=True, gc=False):
    coin: str
    levels: tuple[list[BareLevel], list[BareLevel]]
    time: Ms


class Bbo(msgspec.Struct, frozen=True):
    coin: str
    time: Ms
    bbo: tuple[Level | None, Level | None]


class Trade(msgspec.Struct, frozen=True):
    """`side` is the aggressor's; `users` are buyer and seller."""

    coin: str
    side: Literal["A", "B"]
    px: str
    sz: str
    time: Ms
    tid: Id
    hash: Text = UNSET
    users: tuple[str, str] | UnsetType = UNSET


class Ctx(msgspec.Struct, frozen=True):
    """Of a perpetual; spot lacks funding, oracle and premium and has its supply."""

    markPx: str
    prevDayPx: str
    dayNtlVlm: str
    midPx: MaybeText = UNSET
    dayBaseVlm: Text = UNSET
    funding: Text = UNSET
    openInterest: Text = UNSET
    oraclePx: Text = UNSET
    premium: MaybeText = UNSET
    impactPxs: list[str] | UnsetType | None = UNSET
    circulatingSupply: Text = UNSET
    totalSupply: Text = UNSET


class AssetCtx(msgspec.Struct, frozen=True):
    coin: str
    ctx: Ctx


class Candle(msgspec.Struct, frozen=True):
    t: Ms  # opens
    T: Ms  # closes
    s: str
    i: str
    o: str
    c: str
    h: str
    l: str  # noqa: E741  the venue's own name: low
    v: str
    n: Count


class BasicOrder(msgspec.Struct, frozen=True):
    """`sz` is what is left of `origSz`."""

    coin: str
    side: Literal["A", "B"]
    limitPx: str
    sz: str
    oid: Id
    timestamp: Ms
    origSz: Text = UNSET
    cloid: MaybeText = UNSET


class OrderState(msgspec.Struct, frozen=True):
    order: BasicOrder
    status: str
    statusTimestamp: Ms


class FillLiquidation(msgspec.Struct, frozen=True):
    markPx: str | float
    method: str
    liquidatedUser: MaybeText = UNSET


class UserFill(msgspec.Struct, frozen=True):
    """`startPosition` is signed, before the fill; `fee` includes the builder's and is in `feeToken`."""

    coin: str
    px: str
    sz: str
    side: Literal["A", "B"]
    time: Ms
    startPosition: str
    dir: str
    closedPnl: str
    hash: str
    oid: Id
    crossed: bool
    fee: str
    tid: Id | UnsetType = UNSET
    feeToken: MaybeText = UNSET
    cloid: MaybeText = UNSET
    liquidation: FillLiquidation | UnsetType | None = UNSET
    builderFee: MaybeText = UNSET
    builder: MaybeText = UNSET
    deployerFee: MaybeText = UNSET
    twapId: Id | UnsetType | None = UNSET


class Fills(msgspec.Struct, frozen=True):
    """The latest fills when the subscription begins (`isSnapshot`), after that the new ones."""

    user: str
    fills: list[UserFill]
    isSnapshot: bool | UnsetType = UNSET


class UserFunding(msgspec.Struct, frozen=True):
    """`usdc` is what the account received (paid: negative)."""

    coin: str
    usdc: str
    szi: str
    fundingRate: str
    time: Ms | UnsetType = UNSET
    nSamples: Count | UnsetType | None = UNSET


class Fundings(msgspec.Struct, frozen=True):
    user: str
    fundings: list[UserFunding]
    isSnapshot: bool | UnsetType = UNSET


class AccountLiquidation(msgspec.Struct, frozen=True):
    """A notice; what was traded comes as fills that carry `liquidation`."""

    lid: Id
    liquidator: str
    liquidated_user: str
    liquidated_ntl_pos: str
    liquidated_account_value: str


class NonUserCancel(msgspec.Struct, frozen=True):
    coin: str
    oid: Id


class UserEvent(msgspec.Struct, frozen=True):
    """One of them is set; TWAPs, which we do not send, are kept as they came."""

    fills: list[UserFill] | UnsetType = UNSET
    funding: UserFunding | UnsetType = UNSET
    liquidation: AccountLiquidation | UnsetType = UNSET
    nonUserCancel: list[NonUserCancel] | UnsetType = UNSET
    twapHistory: list[dict[str, Any]] | UnsetType = UNSET
    twapSliceFills: list[dict[str, Any]] | UnsetType = UNSET


class Subscribed(msgspec.Struct, frozen=True):
    method: str
    subscription: dict[str, Any]


class Posted(msgspec.Struct, frozen=True):
    """The answer to a `post`; `response.payload` is decoded by what was asked."""

    id: Id
    response: msgspec.Raw


class _Frame(msgspec.Struct, frozen=True, tag_field="channel"):
    pass


class BookFrame(_Frame, frozen=True, tag="l2Book"):
    data: Book


class BareBookFrame(_Frame, frozen=True, tag="l2Book"):
    """The same frame as `BookFrame`, read by whoever trades on it."""

    data: BareBook


class BboFrame(_Frame, frozen=True, tag="bbo"):
    data: Bbo


class TradesFrame(_Frame, frozen=True, tag="trades"):
    data: list[Trade]


class CtxFrame(_Frame, frozen=True, tag="activeAssetCtx"):
    data: AssetCtx


class SpotCtxFrame(_Frame, frozen=True, tag="activeSpotAssetCtx"):
    data: AssetCtx


class MidsFrame(_Frame, frozen=True, tag="allMids"):
    data: dict[str, dict[str, str]]


class AllCtxsFrame(_Frame, frozen=True, tag="allDexsAssetCtxs"):
    """The contexts of every perpetual, by exchange (the venue's own is "") and in the order of its universe."""

    data: dict[str, list[tuple[str, list[Ctx]]]]


class CandleFrame(_Frame, frozen=True, tag="candle"):
    data: Candle


class OrdersFrame(_Frame, frozen=True, tag="orderUpdates"):
    data: list[OrderState]


class FillsFrame(_Frame, frozen=True, tag="userFills"):
    data: Fills


class FundingsFrame(_Frame, frozen=True, tag="userFundings"):
    data: Fundings


class UserFrame(_Frame, frozen=True, tag="user"):
    """What the subscription `userEvents` is answered with."""

    data: UserEvent


class SubscribedFrame(_Frame, frozen=True, tag="subscriptionResponse"):
    data: Subscribed


class PostFrame(_Frame, frozen=True, tag="post"):
    data: Posted


class ErrorFrame(_Frame, frozen=True, tag="error"):
    data: str


class PongFrame(_Frame, frozen=True, tag="pong"):
    pass


Frame = (
    BookFrame | BboFrame | TradesFrame | CtxFrame | SpotCtxFrame | MidsFrame | AllCtxsFrame | CandleFrame | OrdersFrame
    | FillsFrame | FundingsFrame | UserFrame | SubscribedFrame | PostFrame | ErrorFrame | PongFrame
)  # fmt: skip
