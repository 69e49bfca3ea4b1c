"""What the two WebSockets say, field by field as the venue names it: numbers that matter stay decimal strings.

https://docs.polymarket.com/market-data/websocket/market-channel and …/user-channel; where these are silent, the
official client (polymarket-client 0.14). A field that some messages lack is UNSET where absent and None where null, so
that what was decoded encodes to the same message again. Stamps are texts too: `stamps.moment_ns` reads them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from pilotfish.domain.instrument import Side

PING, PONG = b"PING", b"PONG"  # text frames, ours every 10 s

Text = str | UnsetType
MaybeText = str | None | UnsetType
Flag = bool | None | UnsetType
SideName = Literal["BUY", "SELL", "buy", "sell"]
SIDES: dict[str, Side] = {"BUY": Side.BUY, "buy": Side.BUY, "SELL": Side.SELL, "sell": Side.SELL}


# -- channel `market` --------------------------------------------------------------------------------------------------


class Level(msgspec.Struct, frozen=True, gc=False):
    price: str
    size: str


class Book(msgspec.Struct, frozen=True, tag_field="event_type", tag="book"):
    """A whole snapshot of one token: bids rising, asks falling, so that the best of each is last. Not to rely on."""

    market: str  # condition id
    asset_id: str  # token id
    bids: list[Level]
    asks: list[Level]
    timestamp: str
    hash: MaybeText = UNSET
    last_trade_price: MaybeText = UNSET
    tick_size: MaybeText = UNSET
    min_order_size: MaybeText = UNSET
    neg_risk: Flag = UNSET


class PriceChange(msgspec.Struct, frozen=True):
    """A level as it stands now: size 0 takes it away. `best_bid` and `best_ask` are of the book after it."""

    asset_id: str
    price: str
    size: str
    side: SideName
    hash: MaybeText = UNSET
    best_bid: MaybeText = UNSET
    best_ask: MaybeText = UNSET


class PriceChanges(msgspec.Struct, frozen=True, tag_field="event_type", tag="price_change"):
    """Of one market: usually both of its tokens."""

    market: str
    price_changes: list[PriceChange]
    timestamp: str


class TickSizeChange(msgspec.Struct, frozen=True, tag_field="event_type", tag="tick_size_change"):
    market: str
    asset_id: str
    new_tick_size: str
    timestamp: str
    old_tick_size: MaybeText = UNSET
    side: MaybeText = UNSET


class LastTrade(msgspec.Struct, frozen=True, tag_field="event_type", tag="last_trade_price"):
    """`side` is the taker's."""

    market: str
    asset_id: str
    price: str
    side: SideName
    timestamp: str
    size: MaybeText = UNSET
    fee_rate_bps: MaybeText = UNSET
    transaction_hash: MaybeText = UNSET


class BestBidAsk(msgspec.Struct, frozen=True, tag_field="event_type", tag="best_bid_ask"):
    """Only where the subscription asked for custom features."""

    market: str
    asset_id: str
    timestamp: str
    best_bid: MaybeText = UNSET
    best_ask: MaybeText = UNSET
    spread: MaybeText = UNSET


class NewMarket(msgspec.Struct, frozen=True, tag_field="event_type", tag="new_market"):
    """Only where the subscription asked for custom features. What it trades like is asked for by REST."""

    id: str
    market: str
    timestamp: str
    assets_ids: list[str] | UnsetType | None = UNSET
    outcomes: list[str] | UnsetType | None = UNSET
    question: MaybeText = UNSET
    slug: MaybeText = UNSET


class MarketResolved(msgspec.Struct, frozen=True, tag_field="event_type", tag="market_resolved"):
    """Only where the subscription asked for custom features. The winner redeems at 1, the others at 0."""

    id: str
    market: str
    timestamp: str
    assets_ids: list[str] | UnsetType | None = UNSET
    winning_asset_id: MaybeText = UNSET
    winning_outcome: MaybeText = UNSET
    question: MaybeText = UNSET
    slug: MaybeText = UNSET
    event_message: dict[str, Any] | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET


MarketMessage = Book | PriceChanges | TickSizeChange | LastTrade | BestBidAsk | NewMarket | MarketResolved


# -- channel `user` ----------------------------------------------------------------------------------------------------


class UserOrder(msgspec.Struct, frozen=True, tag_field="event_type", tag="order"):
    """An order of ours: `type` is PLACEMENT, UPDATE or CANCELLATION, `size_matched` may be empty for nothing.

    `created_at` is in seconds or milliseconds or empty.
    """

    id: str  # the order's hash
    market: str
    asset_id: str
    side: SideName
    original_size: str
    size_matched: str
    price: str
    type: Literal["PLACEMENT", "UPDATE", "CANCELLATION"]
    timestamp: MaybeText = UNSET
    status: MaybeText = UNSET
    order_type: MaybeText = UNSET
    created_at: MaybeText = UNSET
    expiration: MaybeText = UNSET
    associate_trades: list[str] | UnsetType | None = UNSET
    outcome: MaybeText = UNSET
    owner: MaybeText = UNSET
    order_owner: MaybeText = UNSET
    maker_address: MaybeText = UNSET


class MakerOrder(msgspec.Struct, frozen=True):
    """A resting order's part in a trade. Its `price` and `outcome` are its own token's, not the taker's."""

    order_id: str
    matched_amount: str
    price: str
    asset_id: str
    owner: MaybeText = UNSET
    maker_address: MaybeText = UNSET
    side: SideName | UnsetType | None = UNSET
    fee_rate_bps: MaybeText = UNSET
    outcome: MaybeText = UNSET
    outcome_index: int | UnsetType | None = UNSET


class UserTrade(msgspec.Struct, frozen=True, tag_field="event_type", tag="trade"):
    """A trade that an order of ours took part in, again at every step of its settlement (`statuses.settlement`).

    `asset_id`, `side`, `size` and `price` are the taker's. One trade has one taker and any number of makers.
    """

    id: str
    market: str
    asset_id: str
    side: SideName
    size: str
    price: str
    status: str
    taker_order_id: str
    maker_orders: list[MakerOrder] | UnsetType | None = UNSET
    trader_side: MaybeText = UNSET
    timestamp: MaybeText = UNSET
    match_time: MaybeText = UNSET
    last_update: MaybeText = UNSET
    transaction_hash: MaybeText = UNSET
    fee_rate_bps: MaybeText = UNSET
    bucket_index: int | UnsetType | None = UNSET
    maker_address: MaybeText = UNSET
    owner: MaybeText = UNSET
    trade_owner: MaybeText = UNSET
    outcome: MaybeText = UNSET
    type: MaybeText = UNSET


UserMessage = UserOrder | UserTrade


# -- what we say -------------------------------------------------------------------------------------------------------


class SubscribeMarket(msgspec.Struct, frozen=True):
    """First frame on `market`; every book is told at once, and then its changes."""

    assets_ids: list[str]
    custom_feature_enabled: bool = True
    type: str = "market"


class ChangeMarket(msgspec.Struct, frozen=True):
    """Later frames: the venue refuses tokens that are subscribed already."""

    operation: Literal["subscribe", "unsubscribe"]
    assets_ids: list[str]
    custom_feature_enabled: bool | UnsetType = UNSET


class SubscribeUser(msgspec.Struct, frozen=True):
    """First frame on `user`, for all markets unless some are named. `auth`: `Credentials.stream`. Never shown."""

    auth: dict[str, str]
    markets: list[str] | UnsetType = UNSET
    type: str = "user"

    def __repr__(self) -> str:
        return "SubscribeUser(auth=hidden)"
