"""What anybody may ask: books and prices of the CLOB, gamma's markets, the data API's trades, activity and positions.

The data API is served in both of its shapes: the recorded one (`/activity`, camelCase, numbers) and the one that
polymarket-client 0.14 asks for (`/v2/activity`, snake_case, in an envelope with a cursor).
"""

from __future__ import annotations

import json
from typing import Any

from pilotfish.venues.twins.polymarket.accounts import Refused
from pilotfish.venues.twins.polymarket.markets import ONE, SHARE, TwinMarket
from pilotfish.venues.twins.polymarket.people import Deed, Holding, People
from pilotfish.venues.twins.polymarket.records import priced, side_name
from pilotfish.venues.twins.polymarket.streams import Streams

SECOND = 1_000_000_000
Query = dict[str, str]


def market_of(markets: dict[str, TwinMarket], token: str) -> tuple[TwinMarket, int]:
    """A token's market, and which of its outcomes it is. Raises Refused."""
    if not token.isdecimal():
        raise Refused(400, "Invalid token id")
    market = markets.get(token)
    if market is None or not market.open:
        raise Refused(404, "No orderbook exists for the requested token id")
    return market, market.listed.tokens.index(token)


def by_condition(markets: dict[str, TwinMarket], condition: str) -> TwinMarket:
    found = next((m for m in markets.values() if m.listed.condition == condition.lower()), None)
    if found is None:
        raise Refused(404, "market not found")
    return found


def clob_market(market: TwinMarket) -> dict[str, Any]:
    """`/clob-markets/{condition}`, in the short names of the official client."""
    listed = market.listed
    said: dict[str, Any] = {
        "c": listed.condition,
        "mts": market.tick / ONE,
        "mos": listed.min_shares,
        "nr": listed.neg_risk,
        "t": [{"t": token, "o": outcome} for token, outcome in zip(listed.tokens, listed.outcomes, strict=True)],
    }
    return said | ({"fd": {"r": listed.fee_rate / SHARE, "e": 1, "to": True}} if listed.fee_rate else {})


def long_market(market: TwinMarket) -> dict[str, Any]:
    """`/markets/{condition}` of the CLOB."""
    listed, won = market.listed, market.winner
    return {
        "condition_id": listed.condition,
        "question": listed.question,
        "market_slug": listed.slug,
        "end_date_iso": listed.end,
        "active": True,
        "closed": not market.open,
        "archived": False,
        "accepting_orders": market.open,
        "enable_order_book": market.open,
        "minimum_order_size": listed.min_shares,
        "minimum_tick_size": market.tick / ONE,
        "seconds_delay": listed.delay_s,
        "maker_base_fee": 0,
        "taker_base_fee": listed.fee_rate // 100,
        "neg_risk": listed.neg_risk,
        "tokens": [
            {"token_id": token, "outcome": listed.outcomes[i], "price": market.price(i) / ONE, "winner": won == i}
            for i, token in enumerate(listed.tokens)
        ],
    }


def gamma_market(market: TwinMarket) -> dict[str, Any]:
    """gamma's `/markets`; lists are JSON in strings, as they are there."""
    listed, (bids, asks) = market.listed, market.seen(0)
    bid, ask = next(iter(bids), 0), next(iter(asks), ONE)
    return {
        "id": str(1000 + market.number),
        "question": listed.question,
        "conditionId": listed.condition,
        "slug": listed.slug,
        "endDate": listed.end,
        "outcomes": json.dumps(list(listed.outcomes)),
        "outcomePrices": json.dumps([priced(market.price(i)) for i in (0, 1)]),
        "clobTokenIds": json.dumps(list(listed.tokens)),
        "active": True,
        "closed": not market.open,
        "archived": False,
        "acceptingOrders": market.open,
        "enableOrderBook": market.open,
        "orderPriceMinTickSize": market.tick / ONE,
        "orderMinSize": listed.min_shares,
        "secondsDelay": listed.delay_s,
        "negRisk": listed.neg_risk,
        "makerBaseFee": 0,
        "takerBaseFee": listed.fee_rate // 100,
        "feesEnabled": listed.fee_rate > 0,
        "feeSchedule": {"exponent": 1, "rate": listed.fee_rate / SHARE, "takerOnly": True, "rebateRate": 0},
        "bestBid": bid / ONE,
        "bestAsk": ask / ONE,
        "lastTradePrice": market.price(0) / ONE,
        "events": [{"id": str(market.number), "slug": listed.slug, "title": listed.question}],
        "umaResolutionStatus": "" if market.open else "resolved",
    }


def quote(streams: Streams, token: str, side: str) -> int:
    """The best price of one side, price units. Raises Refused where there is none."""
    market_of(streams.markets, token)
    if side not in ("BUY", "SELL"):
        raise Refused(400, "Invalid side")
    book = streams.book(token)
    levels = book["bids"] if side == "BUY" else book["asks"]
    if not levels:
        raise Refused(404, "No orderbook exists for the requested token id")
    return round(float(levels[-1]["price"]) * ONE)


def middle(streams: Streams, token: str) -> str:
    total = quote(streams, token, "BUY") + quote(streams, token, "SELL")
    return priced(total // 2) + ("5" if total % 2 else "")


def trades(people: People, query: Query, now_ns: int, *, snake: bool) -> list[dict[str, Any]]:
    """Newest first, of one wallet or of all; in the older shape takers' trades alone unless `takerOnly` is false."""
    user = query.get("user", "")
    takers = query.get("taker_only" if snake else "takerOnly", "false" if snake else "true").lower() == "true"
    deeds = _asked(people.deeds(user, now_ns) if user else people.everybody(now_ns), query)
    return [_deed(d, snake=snake, activity=False) for d in deeds if d.kind == "TRADE" and (d.taker or not takers)]


def activity(people: People, query: Query, now_ns: int, *, snake: bool) -> list[dict[str, Any]]:
    """One wallet's. Raises Refused without one."""
    if not query.get("user"):
        raise Refused(400, "required query param 'user' not provided")
    kinds = set(filter(None, query.get("type", "").split(",")))
    deeds = [d for d in _asked(people.deeds(query["user"], now_ns), query) if not kinds or d.kind in kinds]
    ascending = "ASC" in (query.get("sortDirection"), query.get("sort_direction"))
    return [_deed(d, snake=snake, activity=True) for d in (reversed(deeds) if ascending else deeds)]


def _asked(deeds: list[Deed], query: Query) -> list[Deed]:
    conditions = set(filter(None, (query.get("market") or query.get("condition_id", "")).split(",")))
    start, end = int(query.get("start") or 0), int(query.get("end") or 2**62)
    return [
        d for d in deeds
        if (not conditions or d.market.listed.condition in conditions)
        and start <= d.ns // SECOND <= end
        and query.get("side", side_name(d.side)) == side_name(d.side)
    ]  # fmt: skip


def _deed(deed: Deed, *, snake: bool, activity: bool) -> dict[str, Any]:
    listed, traded = deed.market.listed, deed.kind == "TRADE"
    said: dict[str, Any] = {
        "proxyWallet": deed.wallet,
        "timestamp": deed.ns // SECOND,
        "conditionId": listed.condition,
        "size": deed.lots / SHARE,
        "transactionHash": deed.hash,
        "price": deed.price / SHARE if traded else 0,
        "asset": listed.tokens[deed.outcome] if traded else "",
        "side": side_name(deed.side) if traded else "",
        "outcomeIndex": deed.outcome if traded else 999,
        "outcome": listed.outcomes[deed.outcome] if traded else "",
        "title": listed.question,
        "slug": listed.slug,
        "icon": "",
        "eventSlug": listed.slug,
        "name": "",
        "pseudonym": "",
    }
    if activity:
        said |= {"type": deed.kind, "usdcSize": deed.money / SHARE}
    return _snake(said) | ({"is_combo": False} if activity else {}) if snake else said


def positions(people: People, wallet: str, now_ns: int, *, snake: bool) -> list[dict[str, Any]]:
    """What the wallet's shown deeds have left it with."""
    found = people.holdings(wallet, now_ns)
    return [_position(wallet, market, outcome, h, snake) for (_, outcome), (market, h) in found.items() if h.lots > 0]


def value(people: People, wallet: str, now_ns: int) -> float:
    found = people.holdings(wallet, now_ns).items()
    return sum(h.lots * market.price(outcome) for (_, outcome), (market, h) in found) / SHARE / ONE


def _position(wallet: str, market: TwinMarket, outcome: int, held: Holding, snake: bool) -> dict[str, Any]:
    listed, price = market.listed, market.price(outcome) / ONE
    size, cost, realized = held.lots / SHARE, held.cost / SHARE, held.realized / SHARE
    now = size * price
    said: dict[str, Any] = {
        "proxyWallet": wallet.lower(),
        "asset": listed.tokens[outcome],
        "conditionId": listed.condition,
        "size": size,
        "avgPrice": cost / size,
        "initialValue": cost,
        "currentValue": now,
        "cashPnl": now - cost,
        "percentPnl": 100 * (now - cost) / cost if cost else 0.0,
        "totalBought": held.bought / SHARE,
        "realizedPnl": realized,
        "percentRealizedPnl": 0.0,
        "curPrice": price,
        "redeemable": not market.open,
        "mergeable": False,
        "title": listed.question,
        "slug": listed.slug,
        "icon": "",
        "eventSlug": listed.slug,
        "outcome": listed.outcomes[outcome],
        "outcomeIndex": outcome,
        "oppositeOutcome": listed.outcomes[1 - outcome],
        "oppositeAsset": listed.tokens[1 - outcome],
        "endDate": listed.end[:10],
        "negativeRisk": listed.neg_risk,
    }
    if not snake:
        return said
    extra = {"total_cost_usdc": cost, "entry_fees_usdc": 0, "total_pnl": now - cost + realized, "archived": False}
    status = {"status": "OPEN" if market.open else "REDEEMABLE", "verified": True}
    return _snake(said) | extra | status


_NEW_NAMES = {
    "asset": "token_id", "oppositeAsset": "opposite_token_id", "initialValue": "entry_cost_usdc",
    "curPrice": "current_price", "totalBought": "total_size", "cashPnl": "unrealized_pnl",
}  # fmt: skip


def _snake(said: dict[str, Any]) -> dict[str, Any]:
    made = {
        _NEW_NAMES.get(name) or "".join("_" + c.lower() if c.isupper() else c for c in name): value
        for name, value in said.items()
    }
    return made | ({"current_size": made["size"]} if "avg_price" in made else {})
