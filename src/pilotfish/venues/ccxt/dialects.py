"""Where the exchanges differ, as far as ccxt does not hide it.

How an order is asked for by client id, what confirms a private subscription, how many orders one request takes, which
marks of its own ccxt would add, and for how long a request that was delayed can still be taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ccxt  # type: ignore[import-untyped]

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.venues.ccxt.settings import Settings

SECOND = 1_000_000_000
MS = 1_000_000
WINDOW_MS = 6 * 86_400_000  # the exchanges answer for seven days at a time
Row = Mapping[str, Any]


class Dialect:
    """`streams` are ccxt's watch methods for our orders and fills, `marks` the one for mark prices."""

    id = ""
    batch = 1  # orders in one request
    streams: tuple[str, ...] = ("watch_orders",)
    marks = "watch_mark_prices"
    private = ""  # what the address of the private stream contains, and that of the books
    books = "/public"
    silent_when_up = False  # whether the private stream has nothing to confirm
    page = 100  # trades in one answer …
    newest_first = True  # … and which of them
    order_key = "orderId"  # by which an order's trades are asked for

    def options(self, settings: Settings) -> dict[str, Any]:
        """ccxt's, with every broker id off."""
        raise NotImplementedError

    def urls(self, exchange: Any, base: str) -> None:
        """Point the exchange at another host; `base` is http://host:port."""
        raise NotImplementedError

    def client_id(self, row: Row) -> object:
        """The client order id in an order or a trade; nothing where the exchange does not say it."""
        info = row.get("info")
        return row.get("clientOrderId") or (info.get(self._client_key) if isinstance(info, Mapping) else None)

    _client_key = ""

    def fee(self, row: Row) -> object:
        """What a trade cost: `cost` (rebates < 0) and `currency`."""
        return row.get("fee")

    async def find(self, exchange: Any, symbol: str, client: str) -> Row:
        """One order by its client id. Raises ccxt.OrderNotFound."""
        order: Row = await exchange.fetch_order("", symbol, {"clientOrderId": client})
        return order

    async def find_by_id(self, exchange: Any, symbol: str, number: str) -> Row:
        order: Row = await exchange.fetch_order(number, symbol)
        return order

    async def cancel(self, exchange: Any, symbol: str, client: str) -> Row:
        order: Row = await exchange.cancel_order(None, symbol, {"clientOrderId": client})
        return order

    async def amend(self, exchange: Any, symbol: str, client: str, side: str, amount: str, price: str) -> None:
        """All three change an order in one step, under the same client id; `amount` is its whole size."""
        params = {self._amend_key: client}
        await exchange.edit_order(None, symbol, "limit", side, amount, price, params)

    _amend_key = "clientOrderId"

    async def trades_of(self, exchange: Any, symbol: str, number: str) -> list[Row]:
        trades: list[Row] = await exchange.fetch_my_trades(symbol, None, self.page, {self.order_key: number})
        return trades

    async def trades(self, exchange: Any, symbol: str, since_ms: int, until_ms: int) -> list[Row]:
        """All of the account's trades in that time. Raises VenueError when a page cannot be passed."""
        found: dict[str, Row] = {}
        for start in range(since_ms, until_ms, WINDOW_MS):
            await self._window(exchange, symbol, start, min(start + WINDOW_MS, until_ms), found)
        return list(found.values())

    async def _window(self, exchange: Any, symbol: str, start: int, end: int, found: dict[str, Row]) -> None:
        while True:
            page: list[Row] = await exchange.fetch_my_trades(symbol, start, self.page, {"until": end})
            fresh = [row for row in page if row["id"] not in found]
            found |= {row["id"]: row for row in fresh}
            if len(page) < self.page:
                return
            if not fresh:
                what = f"trades of {symbol}"
                raise VenueError(what, "more of them in one millisecond than one page holds", "ask again")
            stamps = [int(row["timestamp"]) for row in page]
            start, end = (start, min(stamps)) if self.newest_first else (max(stamps), end)

    def confirms(self, message: object) -> bool:
        """Whether a message of the private stream confirms one subscription."""
        return False

    def ends(self, message: object) -> bool:
        """Whether a message says that the private stream is over although it stays open."""
        return False

    def renew(self, exchange: Any) -> None:
        """Forget what the ended private stream was opened with."""

    def check(self, settings: Settings) -> None:
        """Raises ConfigError for what this exchange cannot do."""

    def late_ns(self, settings: Settings) -> int:
        """A request this old is not taken any more, whatever delayed it."""
        return settings.recv_window_ns + 2 * SECOND

    async def dead_man(self, exchange: Any, symbols: Sequence[str], after_ns: int) -> None:
        """Have the exchange cancel everything `after_ns` from now, unless it is told again. 0 ends it."""
        raise NotImplementedError


class Binance(Dialect):
    """USDⓈ-M futures. An id is unique among open orders alone, so an order is asked for before it is sent again."""

    id = "binance"
    batch = 5
    private = "private"
    silent_when_up = True
    page = 1000
    newest_first = False
    _client_key = "c"

    def options(self, settings: Settings) -> dict[str, Any]:
        kind = "spot" if settings.spot else "linear"
        return {
            "defaultType": "spot" if settings.spot else "swap",
            "defaultSubType": None if settings.spot else "linear",
            "fetchMarkets": {"types": [kind]},
            "fetchMargins": False,
            "fetchCurrencies": False,
            "fetchOpenOrders": {"warnWithoutSymbol": False},
            "warnOnFetchOpenOrdersWithoutSymbol": False,
            "recvWindow": settings.recv_window_ns // MS,
            "broker": {},
        }

    def urls(self, exchange: Any, base: str) -> None:
        api, ws = exchange.urls["api"], base.replace("http", "ws", 1)
        api |= {"fapiPublic": f"{base}/fapi/v1", "fapiPrivate": f"{base}/fapi/v1"}
        api |= {f"fapi{kind}V{n}": f"{base}/fapi/v{n}" for kind in ("Public", "Private") for n in (2, 3)}
        api |= {"public": f"{base}/api/v3", "private": f"{base}/api/v3"}
        api["ws"] = api["ws"] | {"linear": f"{ws}/ws", "spot": f"{ws}/ws"}

    async def amend(self, exchange: Any, symbol: str, client: str, side: str, amount: str, price: str) -> None:
        if not exchange.market(symbol)["linear"]:
            raise ccxt.NotSupported("spot orders cannot be amended in one step")
        await exchange.fapiPrivatePutOrder(
            {
                "symbol": exchange.market_id(symbol), "origClientOrderId": client, "side": side.upper(),
                "quantity": amount, "price": price,
            }
        )  # fmt: skip

    def ends(self, message: object) -> bool:
        return isinstance(message, Mapping) and message.get("e") in ("listenKeyExpired", "eventStreamTerminated")

    def renew(self, exchange: Any) -> None:
        exchange.options["linear"] = {}

    async def dead_man(self, exchange: Any, symbols: Sequence[str], after_ns: int) -> None:
        for symbol in symbols:
            await exchange.fapiPrivatePostCountdownCancelAll(
                {"symbol": exchange.market_id(symbol), "countdownTime": after_ns // MS}
            )


class Bybit(Dialect):
    """v5, unified account. Placing is acknowledged before it is done: only the stream says what became of it."""

    id = "bybit"
    batch = 10
    streams = ("watch_orders", "watch_my_trades")
    marks = "watch_tickers"
    private = "/v5/private"
    _client_key = "orderLinkId"

    def options(self, settings: Settings) -> dict[str, Any]:
        return {
            "defaultType": "spot" if settings.spot else "swap",
            "defaultSubType": "linear",
            "fetchMarkets": {"types": ["spot" if settings.spot else "linear"]},
            "fetchCurrencies": False,
            "recvWindow": settings.recv_window_ns // MS,
            "watchMyTrades": {"execType": ["Trade", "AdlTrade", "BustTrade"]},
        }

    def urls(self, exchange: Any, base: str) -> None:
        ws = base.replace("http", "ws", 1)
        api: dict[str, Any] = exchange.urls["api"]
        for name in ("spot", "futures", "v2", "public", "private"):
            api[name] = base
        api["ws"] = {
            "public": {kind: f"{ws}/v5/public/{kind}" for kind in ("spot", "linear", "inverse", "option")},
            "private": {
                "spot": {"unified": f"{ws}/v5/private", "nonUnified": f"{ws}/v5/private"},
                "contract": f"{ws}/v5/private",
                "usdc": f"{ws}/v5/private",
                "trade": f"{ws}/v5/trade",
            },
        }

    _amend_key = "orderLinkId"

    async def cancel(self, exchange: Any, symbol: str, client: str) -> Row:
        order: Row = await exchange.cancel_order(None, symbol, {"orderLinkId": client})
        return order

    def check(self, settings: Settings) -> None:
        if settings.dead_man_ns:
            why = "is bound to a stream that ccxt does not keep"
            raise ConfigError("the dead man's switch on bybit", why, "set dead_man_ns to 0")

    async def find(self, exchange: Any, symbol: str, client: str) -> Row:
        return await _first(exchange, symbol, {"orderLinkId": client})

    async def find_by_id(self, exchange: Any, symbol: str, number: str) -> Row:
        return await _first(exchange, symbol, {"orderId": number})

    def confirms(self, message: object) -> bool:
        return isinstance(message, Mapping) and message.get("op") == "subscribe" and message.get("success") is True


class Okx(Dialect):
    """v5. Amounts are in contracts; a request without an end of its own is taken for 30 s."""

    id = "okx"
    batch = 20
    private = "/private"
    order_key = "ordId"
    _amend_key = "clOrdId"
    _client_key = "clOrdId"

    def options(self, settings: Settings) -> dict[str, Any]:
        kind = "spot" if settings.spot else "swap"
        return {
            "defaultType": kind,
            "fetchMarkets": {"types": [kind]},
            "fetchCurrencies": False,
            "brokerId": None,
            "watchOrders": {"type": kind.upper()},
        }

    def urls(self, exchange: Any, base: str) -> None:
        exchange.urls["api"] |= {"rest": base, "ws": base.replace("http", "ws", 1) + "/ws/v5"}

    def fee(self, row: Row) -> object:
        """Negative when charged; ccxt turns it round in answers and leaves it in the stream."""
        info = row["info"]
        cost = str(info.get("fillFee") or info.get("fee") or "")
        currency = info.get("fillFeeCcy") or info.get("feeCcy")
        return {"cost": cost[1:] if cost.startswith("-") else f"-{cost}", "currency": currency} if cost else None

    def confirms(self, message: object) -> bool:
        return isinstance(message, Mapping) and message.get("event") == "subscribe"

    def late_ns(self, settings: Settings) -> int:
        return 32 * SECOND

    def check(self, settings: Settings) -> None:
        if settings.dead_man_ns and not 10 * SECOND <= settings.dead_man_ns <= 120 * SECOND:
            raise ConfigError("the dead man's switch on okx", "takes 10 to 120 s", "mend dead_man_ns")

    async def dead_man(self, exchange: Any, symbols: Sequence[str], after_ns: int) -> None:
        await exchange.cancel_all_orders_after(after_ns // MS)


async def _first(exchange: Any, symbol: str, params: dict[str, str]) -> Row:
    """Bybit keeps open and lately ended orders in one place and the others in another."""
    for ask in (exchange.fetch_open_orders, exchange.fetch_canceled_and_closed_orders):
        for order in await ask(symbol, None, None, params):
            found: Row = order
            return found
    raise ccxt.OrderNotFound(f"{exchange.id} order {params}")


DIALECTS: dict[str, Dialect] = {one.id: one for one in (Binance(), Bybit(), Okx())}
