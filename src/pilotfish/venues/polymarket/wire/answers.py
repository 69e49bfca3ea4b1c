"""What the CLOB's REST interface, Gamma and the data interface answer.

https://docs.polymarket.com/api-reference; where it is silent, the official client (polymarket-client 0.14). JSON
numbers become Decimal exactly; texts stay texts.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from pilotfish.venues.polymarket.wire.messages import Flag, Level, MakerOrder, MaybeText, SideName

END_CURSOR = "LTE="  # `next_cursor` of the last page
Stamp = str | int | None | UnsetType
MaybeDecimal = Decimal | None | UnsetType
Texts = list[str] | None | UnsetType


# -- orders and trades -------------------------------------------------------------------------------------------------


class Posted(msgspec.Struct, frozen=True):
    """Of POST /order, and one for each order of POST /orders: `statuses.placed` says what it means.

    `success` true with an empty `orderID` and an `errorMsg` is a reject. Amounts are of what traded at once, in whole
    units: a buyer makes dollars and takes shares.
    """

    success: Flag = UNSET
    orderID: MaybeText = UNSET
    errorMsg: MaybeText = UNSET
    status: MaybeText = UNSET
    makingAmount: MaybeText = UNSET
    takingAmount: MaybeText = UNSET
    tradeIDs: Texts = UNSET
    transactionsHashes: Texts = UNSET
    error: MaybeText = UNSET


class Failure(msgspec.Struct, frozen=True):
    """Of any request that failed."""

    error: MaybeText = UNSET
    error_msg: MaybeText = UNSET
    errorMsg: MaybeText = UNSET
    code: MaybeText = UNSET  # "post_only_mode"

    @property
    def text(self) -> str:
        return next((one for one in (self.error, self.error_msg, self.errorMsg) if isinstance(one, str) and one), "")


class Cancelled(msgspec.Struct, frozen=True):
    """Of every DELETE of orders: ids that were cancelled, and why the others were not."""

    canceled: Texts = UNSET
    not_canceled: dict[str, str] | UnsetType | None = UNSET


class OpenOrder(msgspec.Struct, frozen=True):
    """GET /data/order/{id}, and rows of GET /data/orders. `created_at` is in seconds."""

    id: str
    status: str
    market: str
    asset_id: str
    side: SideName
    original_size: str
    size_matched: str
    price: str
    order_type: MaybeText = UNSET
    created_at: Stamp = UNSET
    expiration: Stamp = UNSET
    associate_trades: Texts = UNSET
    outcome: MaybeText = UNSET
    owner: MaybeText = UNSET
    maker_address: MaybeText = UNSET


class OpenOrders(msgspec.Struct, frozen=True):
    data: list[OpenOrder] | None
    next_cursor: MaybeText = UNSET
    limit: int | UnsetType = UNSET
    count: int | UnsetType = UNSET


class TradeRow(msgspec.Struct, frozen=True):
    """Rows of GET /data/trades; `status` may have the prefix TRADE_STATUS_. Stamps are in seconds."""

    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: SideName
    size: str
    price: str
    status: str
    match_time: Stamp = UNSET
    last_update: Stamp = UNSET
    maker_orders: list[MakerOrder] | UnsetType | None = UNSET
    trader_side: MaybeText = UNSET
    transaction_hash: MaybeText = UNSET
    fee_rate_bps: MaybeText = UNSET
    bucket_index: int | UnsetType | None = UNSET
    maker_address: MaybeText = UNSET
    owner: MaybeText = UNSET
    outcome: MaybeText = UNSET
    error_msg: MaybeText = UNSET


class Trades(msgspec.Struct, frozen=True):
    data: list[TradeRow] | None
    next_cursor: MaybeText = UNSET
    limit: int | UnsetType = UNSET
    count: int | UnsetType = UNSET


# -- the account -------------------------------------------------------------------------------------------------------


class BalanceAllowance(msgspec.Struct, frozen=True):
    """In base units (10^-6); `allowances` by spender."""

    balance: str
    allowances: dict[str, str] | UnsetType | None = UNSET
    allowance: MaybeText = UNSET


class ApiKey(msgspec.Struct, frozen=True):
    """What POST /auth/api-key and GET /auth/derive-api-key answer. Never shown."""

    apiKey: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return "ApiKey(hidden)"


class Heartbeat(msgspec.Struct, frozen=True):
    """Of POST /v1/heartbeats: the id to send next; with an `error_msg` (status 400) the id that was expected."""

    heartbeat_id: str
    error_msg: MaybeText = UNSET
    error: MaybeText = UNSET


class ClosedOnly(msgspec.Struct, frozen=True):
    """GET /auth/ban-status/closed-only: whether this account may only reduce."""

    closed_only: bool


# -- books -------------------------------------------------------------------------------------------------------------


class BookAnswer(msgspec.Struct, frozen=True):
    """GET /book, and rows of POST /books. Bids rising, asks falling."""

    market: str
    asset_id: str
    bids: list[Level] | None
    asks: list[Level] | None
    timestamp: str
    hash: MaybeText = UNSET
    min_order_size: MaybeText = UNSET
    tick_size: MaybeText = UNSET
    neg_risk: Flag = UNSET
    last_trade_price: MaybeText = UNSET


# -- Gamma -------------------------------------------------------------------------------------------------------------


class FeeSchedule(msgspec.Struct, frozen=True):
    exponent: Decimal
    rate: Decimal
    takerOnly: Flag = UNSET
    rebateRate: MaybeDecimal = UNSET


class GammaMarket(msgspec.Struct, frozen=True):
    """Rows of Gamma's GET /markets. Ids and outcomes are JSON in a text, or plain lists.

    Markets of protocol "v2" trade in `positionIds`, the others in `clobTokenIds`.
    """

    conditionId: str
    clobTokenIds: str | list[str] | UnsetType | None = UNSET
    positionIds: str | list[str] | UnsetType | None = UNSET
    version: MaybeText = UNSET
    outcomes: str | list[str] | UnsetType | None = UNSET
    question: MaybeText = UNSET
    slug: MaybeText = UNSET
    active: Flag = UNSET
    closed: Flag = UNSET
    acceptingOrders: Flag = UNSET
    enableOrderBook: Flag = UNSET
    orderPriceMinTickSize: MaybeDecimal = UNSET
    orderMinSize: MaybeDecimal = UNSET
    negRisk: Flag = UNSET
    negRiskMarketID: MaybeText = UNSET
    feesEnabled: Flag = UNSET
    feeSchedule: FeeSchedule | UnsetType | None = UNSET
    endDate: MaybeText = UNSET
    secondsDelay: int | UnsetType | None = UNSET


# -- the data interface: what leads do ---------------------------------------------------------------------------------


class PublicTrade(msgspec.Struct, frozen=True):
    """Rows of GET /trades: public, by `proxyWallet`; without an id, so that rows may be equal. Seconds."""

    proxyWallet: str
    side: SideName
    asset: str
    conditionId: str
    size: Decimal
    price: Decimal
    timestamp: int
    transactionHash: MaybeText = UNSET
    outcome: MaybeText = UNSET
    outcomeIndex: int | UnsetType | None = UNSET
    title: MaybeText = UNSET
    slug: MaybeText = UNSET


class PublicActivity(msgspec.Struct, frozen=True):
    """Rows of GET /activity: TRADE, SPLIT, MERGE, REDEEM, REWARD, CONVERSION …; the latter name no token."""

    proxyWallet: str
    type: str
    timestamp: int
    conditionId: MaybeText = UNSET
    size: MaybeDecimal = UNSET
    usdcSize: MaybeDecimal = UNSET
    transactionHash: MaybeText = UNSET
    price: MaybeDecimal = UNSET
    asset: MaybeText = UNSET
    side: MaybeText = UNSET
    outcomeIndex: int | UnsetType | None = UNSET
    outcome: MaybeText = UNSET


class PublicPosition(msgspec.Struct, frozen=True):
    """Rows of GET /positions, with averages that the venue computed with floats."""

    proxyWallet: str
    asset: str
    conditionId: str
    size: Decimal
    avgPrice: MaybeDecimal = UNSET
    curPrice: MaybeDecimal = UNSET
    redeemable: Flag = UNSET
    mergeable: Flag = UNSET
    negativeRisk: Flag = UNSET
    outcome: MaybeText = UNSET
    outcomeIndex: int | UnsetType | None = UNSET
    oppositeAsset: MaybeText = UNSET
    title: MaybeText = UNSET
    slug: MaybeText = UNSET
