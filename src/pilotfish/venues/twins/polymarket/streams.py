"""The WebSocket channels `market` and `user`: who listens to what, and what they are told.

https://docs.polymarket.com/developers/CLOB/websocket; shapes as recorded. A client that sends nothing, PING neither, is
hung up on. A wrong key on the user channel is hung up on, too (observed by users, not documented).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from pilotfish.venues.twins.polymarket.accounts import Accounts, ApiKey
from pilotfish.venues.twins.polymarket.markets import ONE, TwinMarket
from pilotfish.venues.twins.polymarket.records import Order, Trade, priced, shares, side_name
from pilotfish.venues.twins.port import Push

SECOND = 1_000_000_000
MS = 1_000_000
_encode = msgspec.json.encode
Sides = tuple[dict[int, int], dict[int, int]]


class _Stream(msgspec.Struct):
    channel: str
    heard_ns: int
    tokens: set[str] = set()
    extra: bool = False  # custom_feature_enabled
    key: ApiKey | None = None
    conditions: set[str] | None = None  # None: all


class Streams:
    """`clock` gives the venue's own time, ns. What is told collects in `pushes`."""

    def __init__(self, accounts: Accounts, clock: Callable[[], int], silent_ns: int) -> None:
        self.pushes: list[Push] = []
        self.markets: dict[str, TwinMarket] = {}  # by token
        self.frozen = False
        self._shown: dict[int, Sides] = {}  # by market, in YES terms: what has been told last
        self._streams: dict[int, _Stream] = {}
        self._accounts, self._clock, self._silent_ns = accounts, clock, silent_ns

    def opened(self, stream: int, path: str, now_ns: int) -> None:
        channel = path.partition("?")[0].rpartition("/")[2]
        if channel not in ("market", "user"):
            self.pushes.append(Push(stream, None))
            return
        self._streams[stream] = _Stream(channel, now_ns)

    def closed(self, stream: int) -> None:
        self._streams.pop(stream, None)

    def frame(self, number: int, raw: bytes, now_ns: int) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.heard_ns = now_ns
        if raw == b"PING":
            self.pushes.append(Push(number, b"PONG"))
            return
        try:
            said = msgspec.json.decode(raw, type=dict[str, Any])
            (self._ask_market if stream.channel == "market" else self._ask_user)(number, stream, said)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError, AttributeError):
            self.pushes.append(Push(number, b"INVALID OPERATION"))

    def hang_up(self, now_ns: int) -> None:
        """On those who have been silent for too long."""
        for number, stream in list(self._streams.items()):
            if now_ns - stream.heard_ns >= self._silent_ns:
                self._drop(number)

    def _drop(self, number: int) -> None:
        self.closed(number)
        self.pushes.append(Push(number, None))

    def next_ns(self) -> int | None:
        """When somebody will have been silent for too long."""
        return min((stream.heard_ns for stream in self._streams.values()), default=None)

    def _ask_market(self, number: int, stream: _Stream, said: dict[str, Any]) -> None:
        tokens = {str(token) for token in said.get("assets_ids", said.get("asset_ids", []))}
        if said.get("operation") == "unsubscribe":
            stream.tokens -= tokens
            return
        stream.extra = bool(said.get("custom_feature_enabled", stream.extra))
        new = [token for token in sorted(tokens - stream.tokens) if token in self.markets]
        stream.tokens |= tokens
        if new:
            self.pushes.append(Push(number, _encode([self.book(token) for token in new])))

    def _ask_user(self, number: int, stream: _Stream, said: dict[str, Any]) -> None:
        markets = said.get("markets")
        named = {str(market).lower() for market in markets} if markets else None
        if stream.key is None:
            auth = said.get("auth") or {}
            stream.key = self._accounts.by_credentials(auth.get("apiKey"), auth.get("secret"), auth.get("passphrase"))
            stream.conditions = named
            if stream.key is None:
                self._drop(number)
        elif named is not None and said.get("operation") == "unsubscribe":
            stream.conditions = (stream.conditions or set()) - named
        elif named is not None:
            stream.conditions = (stream.conditions or set()) | named

    def book(self, token: str) -> dict[str, Any]:
        """A token's book as `/book` and the stream give it: bids ascending, asks descending, the best last."""
        market = self.markets[token]
        outcome = market.listed.tokens.index(token)
        bids, asks = self._seen(market, outcome)
        said: dict[str, Any] = {
            "market": market.listed.condition,
            "asset_id": token,
            "timestamp": str(self._clock() // MS),
            "bids": [{"price": priced(p), "size": shares(n)} for p, n in reversed(bids.items())],
            "asks": [{"price": priced(p), "size": shares(n)} for p, n in reversed(asks.items())],
            "min_order_size": str(market.listed.min_shares),
            "neg_risk": market.listed.neg_risk,
            "tick_size": priced(market.tick),
            "last_trade_price": priced(market.price(outcome)) if market.last_price else "",
        }
        return said | {"hash": hashlib.sha1(_encode(said | {"hash": ""})).hexdigest(), "event_type": "book"}

    def _seen(self, market: TwinMarket, outcome: int) -> Sides:
        if self.frozen and market.number in self._shown:
            bids, asks = self._shown[market.number]
            if outcome:
                return {ONE - p: n for p, n in asks.items()}, {ONE - p: n for p, n in bids.items()}
            return dict(bids), dict(asks)
        return market.seen(outcome)

    def publish(self, market: TwinMarket) -> None:
        """Tell what has changed in a book since it was told last."""
        if self.frozen:
            return
        before = self._shown.get(market.number, ({}, {}))
        after = market.seen(0)
        self._shown[market.number] = after
        changes = [
            (side, price, after[i].get(price, 0))
            for i, side in enumerate((1, -1))
            for price in {**before[i], **after[i]}
            if before[i].get(price, 0) != after[i].get(price, 0)
        ]
        if changes and self._listening(market):
            self._tell_changes(market, changes, after)
            if _top(before) != _top(after):
                self._tell_tops(market, after)

    def cross(self, market: TwinMarket) -> None:
        """Tell a bid above the ask that is not there; the next `publish` takes it back."""
        bids, asks = market.seen(0)
        if not asks or not self._listening(market):
            return
        price = min(next(iter(asks)) + market.tick, ONE - market.tick)
        bids = {price: 100_000_000, **bids}
        self._shown[market.number] = (bids, asks)
        self._tell_changes(market, [(1, price, bids[price])], (bids, asks))

    def _tell_changes(self, market: TwinMarket, changes: list[tuple[int, int, int]], now: Sides) -> None:
        (bid, ask), told = _top(now), []
        for outcome, token in enumerate(market.listed.tokens):
            digest = hashlib.sha1(f"{token}{now}".encode()).hexdigest()
            best = (ONE - ask if ask else 0, ONE - bid if bid else 0) if outcome else (bid, ask)
            for side, price, lots in changes:
                told.append({
                    "asset_id": token,
                    "price": priced(ONE - price if outcome else price),
                    "size": shares(lots),
                    "side": side_name(-side if outcome else side),
                    "hash": digest,
                    "best_bid": priced(best[0]),
                    "best_ask": priced(best[1]) if best[1] else "1",
                })  # fmt: skip
        self._tell(market, {"market": market.listed.condition, "price_changes": told, "event_type": "price_change"})

    def _tell_tops(self, market: TwinMarket, now: Sides) -> None:
        (bid, ask) = _top(now)
        for outcome, token in enumerate(market.listed.tokens):
            low, high = (ONE - ask if ask else 0, ONE - bid if bid else ONE) if outcome else (bid, ask or ONE)
            tops = {"best_bid": priced(low), "best_ask": priced(high), "spread": priced(high - low)}
            self._tell(market, {"asset_id": token, **tops, "event_type": "best_bid_ask"}, token, extra=True)

    def traded(self, market: TwinMarket, outcome: int, side: int, lots: int, price: int) -> None:
        """A public print; the book is told anew with it."""
        token = market.listed.tokens[outcome]
        if self.frozen or not self._listening(market):
            return
        self.publish(market)
        for each in market.listed.tokens:
            self._tell(market, self.book(each), each)
        said = {"asset_id": token, "price": priced(price), "side": side_name(side), "size": shares(lots)}
        self._tell(market, {**said, "fee_rate_bps": "0", "event_type": "last_trade_price"}, token)

    def tick_changed(self, market: TwinMarket, old: int) -> None:
        ticks = {"old_tick_size": priced(old), "new_tick_size": priced(market.tick)}
        for token in market.listed.tokens:
            self._tell(market, {"asset_id": token, **ticks, "event_type": "tick_size_change"}, token)

    def resolved(self, market: TwinMarket) -> None:
        listed, winner = market.listed, market.winner or 0
        said = {"id": str(market.number), "assets_ids": list(listed.tokens), "winning_asset_id": listed.tokens[winner]}
        outcome = {"winning_outcome": listed.outcomes[winner], "event_type": "market_resolved"}
        self._tell(market, {**said, **outcome}, extra=True)

    def order(self, order: Order, kind: str, status: str = "") -> None:
        self._tell_user(order.owner, order.market, order.told(kind, self._clock(), status))

    def trade(self, trade: Trade) -> None:
        """Each owner with a part in it is told once."""
        for account in trade.accounts:
            for key in sorted({p.order.owner for p in trade.parts if p.order and p.account is account}):
                self._tell_user(key, trade.market, trade.told(account, key))

    def _tell_user(self, key: str, market: TwinMarket, message: dict[str, Any]) -> None:
        for number, stream in self._streams.items():
            if stream.key is None or stream.key.key != key:
                continue
            if stream.conditions is None or market.listed.condition.lower() in stream.conditions:
                self.pushes.append(Push(number, _encode(message)))

    def _tell(self, market: TwinMarket, message: dict[str, Any], token: str = "", *, extra: bool = False) -> None:
        """To who listens to this token, or without one to either token of the market."""
        stamped = {"market": market.listed.condition, "timestamp": str(self._clock() // MS)} | message
        raw = _encode(stamped)
        wanted = {token} if token else set(market.listed.tokens)
        for number, stream in self._streams.items():
            if stream.channel == "market" and wanted & stream.tokens and (stream.extra or not extra):
                self.pushes.append(Push(number, raw))

    def _listening(self, market: TwinMarket) -> bool:
        tokens = set(market.listed.tokens)
        return any(stream.tokens & tokens for stream in self._streams.values())


def _top(sides: Sides) -> tuple[int, int]:
    """Best bid and ask; 0 for none. Levels are best first."""
    return next(iter(sides[0]), 0), next(iter(sides[1]), 0)
