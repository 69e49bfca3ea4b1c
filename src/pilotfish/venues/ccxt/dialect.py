"""Where the exchanges differ, as far as ccxt does not hide it: `binance`, `bybit` and `okx` say how.

How an order is asked for by client id, what confirms a private subscription, how many orders one request takes, which
marks of its own ccxt would add, and for how long a request that was delayed can still be taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.ccxt.settings import Settings
from pilotfish.venues.gateway import Budget

SECOND = 1_000_000_000
MS = 1_000_000
WINDOW_MS = 6 * 86_400_000  # the exchanges answer for seven days at a time
Row = Mapping[str, Any]
UNBOUND = "the API key is bound to no address: bind it to this machine's"
HEDGE = "the account is in hedge mode, orders will be refused: set one-way position mode"


class Standing(msgspec.Struct, frozen=True):
    """What an API key may do, and what of its account is not as we assume."""

    may_trade: bool
    may_withdraw: bool
    notes: list[str] = []


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

    def funding_paid(self, row: Row) -> object:
        """What a funding cost, as text; ccxt says what came in."""
        amount = str(row["amount"])
        return amount[1:] if amount.startswith("-") else f"-{amount}"

    async def standing(self, exchange: Any, symbols: Sequence[str]) -> Standing:
        """Raises what ccxt raises, and KeyError for an answer without what it must have."""
        raise NotImplementedError

    def budgets(self, headers: Mapping[str, str]) -> list[Budget]:
        """Of the headers of an answer, names in lower case; empty where the exchange counts nothing that lasts."""
        return []

    async def mark_prices(self, exchange: Any, symbols: Sequence[str]) -> Mapping[str, Row]:
        """Rows with `markPrice`, by symbol."""
        rows: Mapping[str, Row] = await exchange.fetch_mark_prices(list(symbols))
        return rows

    def equity(self, balance: Row) -> object:
        """Of the account in USDT, open positions at their marks."""
        return balance.get("USDT", {}).get("total") or "0"

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
