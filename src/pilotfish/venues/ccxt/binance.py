"""Binance USDⓈ-M futures: https://developers.binance.com/docs/derivatives/usds-margined-futures"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ccxt  # type: ignore[import-untyped]

from pilotfish.venues.ccxt.dialect import HEDGE, MS, UNBOUND, Dialect, Row, Standing
from pilotfish.venues.ccxt.settings import Settings
from pilotfish.venues.gateway import Budget

WEIGHT_MAX = 2_400  # a minute and address: its page on limits


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
            "watchPositions": {"fetchPositionsSnapshot": False},  # else asked for with each stream of orders
            "fetchOpenOrders": {"warnWithoutSymbol": False},
            "warnOnFetchOpenOrdersWithoutSymbol": False,
            "recvWindow": settings.recv_window_ns // MS,
            "broker": {},
        }

    def urls(self, exchange: Any, base: str) -> None:
        api, ws = exchange.urls["api"], base.replace("http", "ws", 1)
        api |= {"fapiPublic": f"{base}/fapi/v1", "fapiPrivate": f"{base}/fapi/v1"}
        api |= {f"fapi{kind}V{n}": f"{base}/fapi/v{n}" for kind in ("Public", "Private") for n in (2, 3)}
        api |= {"sapi": f"{base}/sapi/v1", "public": f"{base}/api/v3", "private": f"{base}/api/v3"}
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

    async def standing(self, exchange: Any, symbols: Sequence[str]) -> Standing:
        key: Row = await exchange.sapiGetAccountApiRestrictions()
        account: Row = await exchange.fapiPrivateGetAccountConfig()
        markets: list[Row] = await exchange.fapiPrivateGetSymbolConfig()
        notes = [] if key["ipRestrict"] else [UNBOUND]
        if account["dualSidePosition"]:
            notes.append(HEDGE)
        if account["multiAssetsMargin"]:
            notes.append("the account is in multi-assets mode: other assets are margin too, and can be sold for it")
        ids = {exchange.market_id(symbol): symbol for symbol in symbols}
        isolated = [ids[one["symbol"]] for one in markets if one["symbol"] in ids and one["marginType"] == "ISOLATED"]
        notes += [f"{symbol} is on isolated margin: cross is assumed" for symbol in isolated]
        may_trade = bool(key["enableFutures"]) and bool(account["canTrade"])
        return Standing(may_trade, bool(key["enableWithdrawals"]), notes)

    def budgets(self, headers: Mapping[str, str]) -> list[Budget]:
        used = headers.get("x-mbx-used-weight-1m", "")
        return [Budget("request weight of this minute", int(used), WEIGHT_MAX)] if used.isdigit() else []
