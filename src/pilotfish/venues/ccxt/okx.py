"""OKX v5: https://www.okx.com/docs-v5/en/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.ccxt.dialect import HEDGE, MS, SECOND, UNBOUND, Dialect, Row, Standing
from pilotfish.venues.ccxt.settings import Settings


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

    async def standing(self, exchange: Any, symbols: Sequence[str]) -> Standing:
        account: Row = (await exchange.privateGetAccountConfig())["data"][0]
        may = {one.strip() for one in str(account["perm"]).split(",")}
        notes = [] if account["ip"] else [UNBOUND]
        if account["posMode"] != "net_mode":
            notes.append(HEDGE)
        spot = str(account["acctLv"]) == "1"
        notes += ["the account is in spot mode: swaps need futures mode or above"] if spot else []
        return Standing("trade" in may and not spot, "withdraw" in may, notes)
