"""The WebSocket: who listens to what, and what they are told.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from pilotfish.venues.hyperliquid.wire import messages as m
from pilotfish.venues.hyperliquid.wire.answers import SpotState
from pilotfish.venues.hyperliquid.wire.codec import encode
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.info import Info
from pilotfish.venues.twins.hyperliquid.info_user import balances, newest
from pilotfish.venues.twins.hyperliquid.market import INTERVALS, Market
from pilotfish.venues.twins.hyperliquid.text import is_address
from pilotfish.venues.twins.hyperliquid.wanted import Unreadable
from pilotfish.venues.twins.port import Push

OF_COIN = ("l2Book", "bbo", "trades", "activeAssetCtx", "candle")
OF_USER = ("orderUpdates", "userFills", "userEvents", "userFundings")
STATES = ("clearinghouseState", "openOrders", "spotState")  # whole, whenever they changed
SNAPSHOT_ROWS = 2_000


class Wish(NamedTuple):
    """A subscription."""

    kind: str
    coin: str = ""
    user: str = ""
    interval: str = ""
    figures: int | None = None
    mantissa: int | None = None


class Listener:
    """A stream that is up."""

    def __init__(self, now_ns: int) -> None:
        self.heard_ns = now_ns
        self.wishes: dict[Wish, None] = {}


class Streams:
    def __init__(self, core: Core, info: Info, faults: TwinFaults) -> None:
        self.core, self.info, self.faults = core, info, faults
        self.pushes: list[Push] = []
        self.up: dict[int, Listener] = {}
        self._shown: dict[str, object] = {}  # the book, top and mids as they were told last

    # -- requests ------------------------------------------------------------------------------------------------------

    def subscribe(self, stream: int, raw: Any) -> None:
        wish, listener = self._wish(raw), self.up[stream]
        if wish is None:
            return self.error(stream, f"Invalid subscription {_text(raw)}")
        if wish in listener.wishes:
            return self.error(stream, f"Already subscribed: {_text(raw)}")
        settings = self.core.settings
        users = {wish.user for other in self.up.values() for wish in other.wishes if wish.user}
        if wish.user and wish.user not in users and len(users) >= settings.users_max:
            return self.error(stream, f"Cannot track more than {settings.users_max} total users.")
        if sum(len(other.wishes) for other in self.up.values()) >= settings.subscriptions_max:
            return self.error(stream, f"Cannot subscribe to more than {settings.subscriptions_max} channels.")
        listener.wishes[wish] = None
        self._say(stream, m.SubscribedFrame(m.Subscribed("subscribe", _echo(wish, raw))))
        for frame in self._first(wish):
            self._say(stream, frame)

    def unsubscribe(self, stream: int, raw: Any) -> None:
        wish = self._wish(raw)
        if wish is None or wish not in self.up[stream].wishes:
            return self.error(stream, f"Already unsubscribed: {_text(raw)}")
        del self.up[stream].wishes[wish]
        self._say(stream, m.SubscribedFrame(m.Subscribed("unsubscribe", _echo(wish, raw))))

    def error(self, stream: int, why: str) -> None:
        self._say(stream, m.ErrorFrame(why))

    def posted(self, stream: int, number: int, kind: str, payload: Any) -> None:
        body = encode({"type": kind, "payload": payload})
        self._say(stream, m.PostFrame(m.Posted(number, msgspec.Raw(body))))

    def pong(self, stream: int) -> None:
        self._say(stream, m.PongFrame())

    # -- what happens --------------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """All that happened and nobody has been told."""
        news = self.core.news
        if news.anything:
            for stream, listener in self.up.items():
                for wish in listener.wishes:
                    for frame in self._news(wish):
                        self._say(stream, frame)
        news.clear()

    def tick(self, *, books: bool, frozen: bool) -> None:
        """Markets as they stand: what changed. A frozen venue goes on trading and does not show it."""
        if frozen or not any(listener.wishes for listener in self.up.values()):
            return
        stands = dict(self._stands(books))
        changed = {key for key, now in stands.items() if self._shown.get(key) != now}
        self._shown.update(stands)
        for stream, listener in self.up.items():
            for wish in listener.wishes:
                if f"{wish.kind}:{wish.coin or wish.user}" in changed:
                    for frame in self._first(wish):
                        self._say(stream, self._spoilt(frame))

    def idle(self, now_ns: int) -> list[int]:
        """Streams that have said nothing for too long."""
        least = now_ns - self.core.settings.idle_ns
        return [stream for stream, listener in self.up.items() if listener.heard_ns <= least]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _stands(self, books: bool) -> Iterator[tuple[str, object]]:
        for market in self.core.by_coin.values():
            top = market.book.best()
            yield f"bbo:{market.coin}", top
            if books:
                yield f"l2Book:{market.coin}", (market.book.depth(1), market.book.depth(-1))
                yield f"activeAssetCtx:{market.coin}", (market.mark, top, market.money)
                yield f"candle:{market.coin}", (len(market.minutes), market.lots)
        if books:
            yield "allMids:", self.info.mids()
            for user in {wish.user for one in self.up.values() for wish in one.wishes if wish.kind in STATES}:
                account = self.core.accounts.get(user) or Account(user, 0)
                yield f"clearinghouseState:{user}", account.equity
                yield f"openOrders:{user}", [(order.oid, order.left) for order in newest(account)]

    def _first(self, wish: Wish) -> Iterator[Any]:
        """What stands now: said at the beginning of a subscription, and again when it has changed."""
        core = self.core
        if wish.kind == "allMids":
            yield m.MidsFrame({"mids": self.info.mids()})
        elif wish.coin:
            yield from self._market(wish, core.by_coin[wish.coin])
        elif wish.kind in STATES:
            yield self._state(wish)
        elif wish.kind in ("userFills", "userFundings"):
            account = core.accounts.get(wish.user) or Account(wish.user, 0)
            if wish.kind == "userFills":
                fills = account.fills[: -SNAPSHOT_ROWS - 1 : -1]
                yield m.FillsFrame(m.Fills(wish.user, fills, isSnapshot=True))
            else:
                rows = [_funding(row) for row in account.fundings]
                yield m.FundingsFrame(m.Fundings(wish.user, rows, isSnapshot=True))

    def _state(self, wish: Wish) -> dict[str, Any]:
        account = self.core.accounts.get(wish.user) or Account(wish.user, 0)
        shown: dict[str, Callable[[], tuple[str, Any]]] = {
            "clearinghouseState": lambda: ("clearinghouseState", account.clearinghouse(self.core.ms)),
            "openOrders": lambda: ("orders", [order.full() for order in newest(account)]),
            "spotState": lambda: ("spotState", SpotState(balances(account))),
        }
        name, state = shown[wish.kind]()
        return {"channel": wish.kind, "data": {"dex": "", "user": wish.user, name: state}}

    def _market(self, wish: Wish, market: Market) -> Iterator[Any]:
        ms = self.core.ms
        if wish.kind == "l2Book":
            yield m.BookFrame(market.snapshot(ms, wish.figures, wish.mantissa))
        elif wish.kind == "bbo":
            yield m.BboFrame(m.Bbo(market.coin, ms, market.top()))
        elif wish.kind == "activeAssetCtx":
            yield m.CtxFrame(m.AssetCtx(market.coin, market.context(self.core.settings.funding_rate_e9)))
        elif wish.kind == "candle":
            for candle in market.candles(wish.interval, ms, ms):
                yield m.CandleFrame(candle)
        elif market.recent:
            yield m.TradesFrame(list(market.recent))

    def _news(self, wish: Wish) -> Iterator[Any]:
        news, user = self.core.news, wish.user
        tells: dict[str, Callable[[], Iterator[Any]]] = {
            "trades": lambda: (m.TradesFrame(rows) for rows in [news.trades.get(wish.coin)] if rows),
            "orderUpdates": lambda: (m.OrdersFrame(rows) for rows in [news.orders.get(user)] if rows),
            "userFills": lambda: (m.FillsFrame(m.Fills(user, rows)) for rows in [news.fills.get(user)] if rows),
            "userFundings": lambda: (
                m.FundingsFrame(m.Fundings(user, [_funding(row) for row in rows]))
                for rows in [news.fundings.get(user)] if rows
            ),
            "userEvents": lambda: self._events(user),
        }  # fmt: skip
        if wish.kind in tells:
            yield from tells[wish.kind]()

    def _events(self, user: str) -> Iterator[Any]:
        news = self.core.news
        if fills := news.fills.get(user):
            yield m.UserFrame(m.UserEvent(fills=fills))
        for row in news.fundings.get(user, ()):
            yield m.UserFrame(m.UserEvent(funding=_funding(row)))
        for notice in news.liquidations.get(user, ()):
            yield m.UserFrame(m.UserEvent(liquidation=notice))
        if cancels := news.cancels.get(user):
            yield m.UserFrame(m.UserEvent(nonUserCancel=cancels))

    def _spoilt(self, frame: Any) -> Any:
        """A book that is crossed, where the faults want one."""
        if not isinstance(frame, m.BookFrame) or not all(frame.data.levels) or not self.faults.hit(Fault.CROSSED):
            return frame
        book, (bids, asks) = frame.data, frame.data.levels
        crossed = msgspec.structs.replace(bids[0], px=asks[0].px)
        return m.BookFrame(m.Book(book.coin, ([crossed, *bids[1:]], asks), book.time))

    def _wish(self, raw: Any) -> Wish | None:
        if not isinstance(raw, dict):
            return None
        kind, coin, user, interval = (raw.get(name, "") for name in ("type", "coin", "user", "interval"))
        if kind == "allMids":
            return Wish(kind)
        if kind in OF_USER or kind in STATES:
            return Wish(kind, user=user.lower()) if is_address(user) else None
        if kind not in OF_COIN or coin not in self.core.by_coin:
            return None
        if kind == "candle":
            return Wish(kind, coin, interval=interval) if interval in INTERVALS else None
        try:
            return Wish(kind, coin, "", "", *(self.info.figures(raw) if kind == "l2Book" else (None, None)))
        except Unreadable:
            return None

    def _say(self, stream: int, frame: Any) -> None:
        self.pushes.append(Push(stream, encode(frame)))


def _funding(row: Any) -> m.UserFunding:
    d = row.delta
    return m.UserFunding(d.coin, d.usdc, d.szi, d.fundingRate, row.time)


def _echo(wish: Wish, raw: dict[str, Any]) -> dict[str, Any]:
    """A subscription as the venue says it back: with what was left out."""
    filled: dict[str, dict[str, Any]] = {
        "l2Book": {"nSigFigs": None, "mantissa": None},
        "userFills": {"aggregateByTime": False},
    }
    return {**raw, **{name: raw.get(name, value) for name, value in filled.get(wish.kind, {}).items()}}


def _text(raw: Any) -> str:
    return encode(raw).decode()
