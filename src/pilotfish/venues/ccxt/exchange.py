"""One ccxt.pro exchange object, made honest: no broker ids, exact numbers, nothing overheard is lost, nothing hangs.

What ccxt does on its own and is undone here:
* It marks orders for its brokers: Bybit's `Referer` header on every request, id prefixes on Binance, tags on OKX.
* It parses numbers into floats; `number = str` keeps what the exchange wrote.
* `watch_…` wakes whoever waits, once: of two messages read in one go the second wakes nobody until a third comes. So
  what it understood is taken from its caches after every message.
* It sorts a batch's answers by time, and so parts refusals from their orders.
* It logs every request, headers and keys included, for whoever listens at debug level.
* A frame that is no JSON ends its reading loop without a word: here it ends the connection, and that is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import ccxt  # type: ignore[import-untyped]
import ccxt.pro  # type: ignore[import-untyped]

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.ccxt.dialects import DIALECTS
from pilotfish.venues.ccxt.settings import Credentials, Settings

MS = 1_000_000
_SILENT = logging.Logger("ccxt", logging.CRITICAL + 1)  # its own says every request with its headers, keys included
Heard = Callable[[str, object], None]
"""Called with the stream's address and the message after ccxt has understood it."""


def make(settings: Settings, credentials: Credentials, heard: Heard, garbled: Callable[[], None]) -> Any:
    """The exchange, with its markets still to be loaded. Raises ConfigError for one that is not certified here."""
    dialect = DIALECTS.get(settings.exchange)
    if dialect is None:
        raise ConfigError(
            f"exchange {settings.exchange!r}", "has no dialect and no twin here", f"choose one of {', '.join(DIALECTS)}"
        )
    dialect.check(settings)
    exchange = _listening(getattr(ccxt.pro, dialect.id), heard, garbled)(
        {
            "apiKey": credentials.key,
            "secret": credentials.secret,
            "password": credentials.password,
            "enableRateLimit": settings.throttled,
            "timeout": settings.timeout_ns // MS,
            "options": dialect.options(settings),
        }
    )
    exchange.newUpdates = True
    exchange.logger = _SILENT
    exchange.has["fetchCurrencies"] = False
    exchange.timeout_on_exit = 0
    exchange.streaming["keepAlive"] = settings.heartbeat_ns // MS
    exchange.options["broker"] = {}
    if settings.urls:
        dialect.urls(exchange, settings.urls["base"])
    return exchange


def take_new(exchange: Any) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """(orders, trades) of ours that ccxt has understood since the last call, each once."""
    orders, trades = exchange.orders, exchange.myTrades
    exchange.orders = exchange.myTrades = None
    return list(orders or ()), list(trades or ())


def _listening(base: Any, heard: Heard, garbled: Callable[[], None]) -> Any:
    class Listening(base):  # type: ignore[misc]
        number = str

        def handle_message(self, client: Any, message: object) -> None:
            super().handle_message(client, message)
            heard(client.url, message)

        def client(self, url: str) -> Any:
            known = url in (self.clients or {})
            client = super().client(url)
            if not known:
                read = client.handle_text_or_binary_message

                def guarded(data: object) -> None:
                    try:
                        read(data)
                    except Exception as bad:
                        garbled()
                        client.on_error(
                            ccxt.NetworkError(f"{self.id}: a frame that cannot be read: {type(bad).__name__}")
                        )

                client.handle_text_or_binary_message = guarded
            return client

        def parse_orders(
            self, orders: Any, market: Any = None, since: Any = None, limit: Any = None, params: Any = None
        ) -> Any:
            """In the order of the answer: ccxt sorts by time, and a refusal in a batch has none."""
            if since is None and limit is None and isinstance(orders, list):
                return [self.extend(self.parse_order(row, market), params or {}) for row in orders]
            return super().parse_orders(orders, market, since, limit, params or {})

        def sign(self, *args: Any, **kwargs: Any) -> Any:
            signed = super().sign(*args, **kwargs)
            if signed.get("headers"):
                signed["headers"].pop("Referer", None)
            return signed

    Listening.__name__ = base.__name__
    return Listening
