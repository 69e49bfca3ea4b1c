"""Bybit v5: https://bybit-exchange.github.io/docs/v5/intro"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ccxt  # type: ignore[import-untyped]

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.ccxt.dialect import HEDGE, MS, UNBOUND, Dialect, Row, Standing
from pilotfish.venues.ccxt.settings import Settings


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

    def funding_paid(self, row: Row) -> object:
        """ccxt hands on Bybit's fee, which is positive when paid."""
        return row["amount"]

    async def standing(self, exchange: Any, symbols: Sequence[str]) -> Standing:
        key: Row = (await exchange.privateGetV5UserQueryApi())["result"]
        account: Row = (await exchange.privateGetV5AccountInfo())["result"]
        may: Mapping[str, list[str]] = key["permissions"]
        notes = [UNBOUND] if "*" in key["ips"] or not key["ips"] else []
        if not int(key["uta"]):
            notes.append("this is no unified account: upgrade it")
        if account["marginMode"] != "REGULAR_MARGIN":
            notes.append(f"margin mode is {account['marginMode']}: cross (REGULAR_MARGIN) is assumed")
        hedged = []
        for symbol in symbols:
            wanted = {"category": "linear", "symbol": exchange.market_id(symbol)}
            rows = (await exchange.privateGetV5PositionList(wanted))["result"]["list"]
            hedged += [one for one in rows if int(one["positionIdx"])]
        notes += [HEDGE] if hedged else []
        trades = "Order" in may.get("ContractTrade", []) or "DerivativesTrade" in may.get("Derivatives", [])
        return Standing(not int(key["readOnly"]) and trades, "Withdraw" in may.get("Wallet", []), notes)

    async def mark_prices(self, exchange: Any, symbols: Sequence[str]) -> Mapping[str, Row]:
        rows: Mapping[str, Row] = await exchange.fetch_tickers(list(symbols))
        return rows

    def equity(self, balance: Row) -> object:
        """ccxt hands on the wallet's money, without open positions."""
        coins = [coin for one in balance["info"]["result"]["list"] for coin in one["coin"] if coin["coin"] == "USDT"]
        return coins[0]["equity"] if coins else "0"

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


async def _first(exchange: Any, symbol: str, params: dict[str, str]) -> Row:
    """Bybit keeps open and lately ended orders in one place and the others in another."""
    for ask in (exchange.fetch_open_orders, exchange.fetch_canceled_and_closed_orders):
        for order in await ask(symbol, None, None, params):
            found: Row = order
            return found
    raise ccxt.OrderNotFound(f"{exchange.id} order {params}")
