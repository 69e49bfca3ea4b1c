"""What happened to leads and to us, as events: trades, fills, funding, liquidations, the state of our orders.

Each row is told alone: one that cannot be used raises MessageRefused (or NumericOverflow) and `sort_out` sets it aside
without losing its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import TypeVar

import numpy as np

from pilotfish.domain.errors import NumericOverflow, PilotfishError
from pilotfish.domain.events import ORDER_MASK, Fill, Funding, LeadFill, Liquidation, OrderUpdate
from pilotfish.domain.instrument import Instrument, Kind, Side
from pilotfish.domain.orders import OrderSignal
from pilotfish.venues.decimals import MessageRefused, fixed, fixed_ceil, fixed_floor, within
from pilotfish.venues.hyperliquid.wire.actions import Cloids
from pilotfish.venues.hyperliquid.wire.answers import OrderHistory
from pilotfish.venues.hyperliquid.wire.books import NS_PER_MS
from pilotfish.venues.hyperliquid.wire.messages import OrderState, Trade, UserFill, UserFunding
from pilotfish.venues.hyperliquid.wire.statuses import meaning

T = TypeVar("T")
E = TypeVar("E")
_DUST = "Spot Dust Conversion"
_SIDE = {"B": Side.BUY, "A": Side.SELL}


def sort_out(rows: Iterable[T], tell: Callable[[T], E]) -> tuple[list[E], list[PilotfishError]]:
    """What could be told, and why the rest could not."""
    told: list[E] = []
    refused: list[PilotfishError] = []
    for one in rows:
        try:
            told.append(tell(one))
        except (MessageRefused, NumericOverflow) as bad:
            refused.append(bad)
    return told, refused


def lead_trades(trade: Trade, leads: Mapping[str, int], instrument: Instrument, ours_ns: int) -> list[LeadFill]:
    """The fills of leads (by lower-case address) in a public trade: none, one, or one of each side.

    `tid` is that of `userFills` too, so what is heard both ways counts once. The public trade names no order and no
    position.
    """
    if not isinstance(trade.users, tuple):
        raise MessageRefused(f"trade {trade.tid} of {trade.coin[:40]}", "names no users", "fill the gap by userFills")
    buyer, seller = (leads.get(user.lower()) for user in trade.users)
    if buyer is None and seller is None:
        return []
    if buyer == seller:
        raise MessageRefused(f"trade {trade.tid} of {trade.coin[:40]}", "buyer is seller: it moves nothing")
    lots, price = _traded(trade, instrument)
    ns = trade.time * NS_PER_MS
    sides = ((buyer, Side.BUY), (seller, Side.SELL))
    return [
        LeadFill(ns, ours_ns, lead, instrument.id, side, lots, price, trade.tid)
        for lead, side in sides
        if lead is not None
    ]


def lead_fill(fill: UserFill, lead: int, instrument: Instrument, ours_ns: int) -> LeadFill:
    """A fill as the venue keeps it for the lead's account. A spot balance finer than a lot is no `start`."""
    lots, price = _traded(fill, instrument)
    try:
        start = fixed(fill.startPosition, instrument.lot_decimals)
    except MessageRefused:
        if instrument.kind is not Kind.SPOT:
            raise
        start = None
    ns, side = fill.time * NS_PER_MS, _SIDE[fill.side]
    order = fill.oid & ORDER_MASK
    return LeadFill(ns, ours_ns, lead, instrument.id, side, lots, price, _tid(fill), start, order)


def own_fill(
    fill: UserFill, instrument: Instrument, cloids: Cloids, account: int, address: str, ours_ns: int
) -> Fill | Liquidation:
    """A fill of `account` at `address`: of our order, or forced on us. Somebody's order under our key is refused."""
    lots, price = _traded(fill, instrument)
    ns, side = fill.time * NS_PER_MS, _SIDE[fill.side]
    cost, fee = instrument.cost(side, lots, price), _fee(fill, instrument, side)
    forced = fill.liquidation
    if forced and isinstance(forced.liquidatedUser, str) and forced.liquidatedUser.lower() == address.lower():
        return Liquidation(ns, ours_ns, account, instrument.id, _tid(fill), side * lots, price, cost, fee)
    coid = cloids.coid(fill.cloid)
    if coid is None:
        raise MessageRefused(f"fill {fill.tid} of order {fill.oid}", "the order is not ours", "reconcile positions")
    return Fill(ns, ours_ns, coid, _tid(fill), lots, price, cost, fee, not fill.crossed)


def order_update(state: OrderState | OrderHistory, instrument: Instrument, cloids: Cloids, ours_ns: int) -> OrderUpdate:
    """What the venue says of an order of ours.

    A modify ends the old oid as "canceled" under the same cloid: who sent the modify keeps that one back.
    """
    placed = state.order
    coid = cloids.coid(placed.cloid)
    if coid is None:
        raise MessageRefused(f"order {placed.oid}", "is not ours", "reconcile open orders")
    signal, reason = meaning(state.status)
    left = fixed(placed.sz, instrument.lot_decimals)
    if left < 0 or (signal is OrderSignal.FILLED and left):
        raise MessageRefused(f"order {placed.oid} is {state.status} with {placed.sz} left", "", "ask for its status")
    return OrderUpdate(state.statusTimestamp * NS_PER_MS, ours_ns, coid, signal, reason, left)


def funding(row: UserFunding, time_ms: int, instrument: Instrument, account: int, price: int, ours_ns: int) -> Funding:
    """Funding of one account; `usdc` is what it got. The venue names no price: `price` is the oracle's as known."""
    paid = -fixed_floor(row.usdc, instrument.money_decimals)
    about = blake2b(f"{time_ms} {row.coin} {account}".encode(), digest_size=8).digest()
    return Funding(
        time_ms * NS_PER_MS,
        ours_ns,
        instrument.id,
        int.from_bytes(about, "big") >> 2,
        np.array([account], dtype=np.int64),
        np.array([paid], dtype=np.int64),
        within(price, f"the oracle's price of {row.coin}"),
        fixed_floor(row.fundingRate, 9),
    )


def _traded(row: Trade | UserFill, instrument: Instrument) -> tuple[int, int]:
    if isinstance(row, UserFill) and row.dir == _DUST:
        raise MessageRefused(f"{row.sz} {row.coin[:40]} converted as dust", "is no trade", "reconcile balances")
    lots, price = fixed(row.sz, instrument.lot_decimals), fixed(row.px, instrument.price_decimals)
    if lots <= 0 or price <= 0:
        raise MessageRefused(f"{row.sz} {row.coin[:40]} at {row.px}", "is no trade", "ask for the account's fills")
    return lots, price


def _tid(fill: UserFill) -> int:
    if not isinstance(fill.tid, int) or fill.tid == 0:
        raise MessageRefused(f"a fill of order {fill.oid}", "has no trade id", "ask for the account's fills again")
    return fill.tid


def _fee(fill: UserFill, instrument: Instrument, side: Side) -> int:
    """In money, rounded up. A spot buyer pays in what it bought: valued at the fill's price."""
    if not isinstance(fill.feeToken, str) or fill.feeToken == instrument.quote:
        return fixed_ceil(fill.fee, instrument.money_decimals)
    if instrument.kind is not Kind.SPOT or side is not Side.BUY:
        raise MessageRefused(f"fill {fill.tid} paid its fee in {fill.feeToken[:40]}", "", "reconcile balances")
    tokens = fixed_ceil(fill.fee, 12)
    price = fixed(fill.px, instrument.price_decimals)
    decimals = 12 + instrument.price_decimals - instrument.money_decimals
    one: int = 10**decimals
    return within(-(-tokens * price // one), f"the fee of fill {fill.tid}")
