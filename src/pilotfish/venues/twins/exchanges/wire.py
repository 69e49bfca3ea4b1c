"""The part of a protocol that these exchanges share: requests that are signed, streams that are subscribed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from pilotfish.domain.instrument import Side
from pilotfish.venues.sim.matching import OrderBook
from pilotfish.venues.twins.exchanges.core import CexTwin
from pilotfish.venues.twins.exchanges.records import CexAccount, CexMarket, Refusal
from pilotfish.venues.twins.faults import Fault
from pilotfish.venues.twins.port import Answer, Push

Params = dict[str, Any]
Public = Callable[[Params], object]
Private = Callable[[CexAccount, Params], object]
MINUTE_NS = 60_000_000_000
_ORDERING = ("order", "batch")


class Signed(msgspec.Struct, frozen=True):
    """One request: `query` and `body` exactly as they came, `params` of either."""

    method: str
    path: str
    query: str
    body: str
    headers: dict[str, str]
    params: Params


class CexWire(CexTwin):
    """Answers by route: (method, path) → what takes the parameters and returns what is to be encoded."""

    public: Mapping[tuple[str, str], Public] = {}
    private: Mapping[tuple[str, str], Private] = {}
    streams: dict[int, Params]
    weight = 0  # requests of this minute
    _minute = 0

    def add_routes(self, more: tuple[Mapping[tuple[str, str], Public], Mapping[tuple[str, str], Private]]) -> None:
        self.public, self.private = {**self.public, **more[0]}, {**self.private, **more[1]}

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes, now_ns: int) -> Answer:
        self.advance(now_ns)
        self.requests.append((method, url, headers, body))
        minute = now_ns // MINUTE_NS
        self._minute, self.weight = minute, self.weight + 1 if minute == self._minute else 1
        parts = urlsplit(url)
        try:
            signed = self._signed(method, parts.path, parts.query, body.decode(), headers)
        except (ValueError, UnicodeDecodeError):
            return self.no("malformed")
        if self.faults.hit(Fault.RATE_LIMIT):
            return self.no("rate_limit")
        public = self.public.get((method, parts.path))
        try:
            if public is not None:
                return self.yes(public(signed.params))
            private = self.private.get((method, parts.path))
            if private is None:
                return self.no("no_such_path")
            account = self.authentic(signed)
            fails = any(word in parts.path for word in _ORDERING) and self.faults.hit(Fault.ERROR_500)
            if fails and self.faults.draw(Fault.ERROR_500, 2):
                return self.no("unknown")
            answer = self.yes(private(account, signed.params))
            return self.no("unknown") if fails else answer
        except Refusal as refusal:
            return self.no(refusal.kind)
        except (KeyError, ValueError, ArithmeticError):
            return self.no("malformed")

    def authentic(self, request: Signed) -> CexAccount:
        """Whose request this is. Raises Refusal: key, signature, clock."""
        raise NotImplementedError

    def yes(self, result: object) -> Answer:
        raise NotImplementedError

    def no(self, kind: str) -> Answer:
        raise NotImplementedError

    def known(self, key: str | None) -> CexAccount:
        """Raises Refusal: key; also while the fault lasts that forgets keys."""
        account = self.accounts.get(key or "")
        if account is None or self.strikes(Fault.AUTH):
            raise Refusal("key")
        return account

    def timely(self, stamp_ms: int, window_ms: int, ahead_ms: int = 1_000) -> None:
        """Raises Refusal: clock."""
        now_ms = self.stamp_ms(self.now_ns)
        if not now_ms - window_ms <= stamp_ms < now_ms + ahead_ms:
            raise Refusal("clock")

    # Streams.

    def opened(self, stream: int, path: str, now_ns: int) -> None:
        self.advance(now_ns)
        self.streams[stream] = {"path": path, "topics": set(), "account": None}

    def closed(self, stream: int, now_ns: int) -> None:
        self.streams.pop(stream, None)

    def push(self, stream: int, message: object) -> None:
        self.pushes.append(Push(stream, message if isinstance(message, bytes) else msgspec.json.encode(message)))

    def publish(self, topic: str, message: object) -> None:
        for stream, state in self.streams.items():
            if topic in state["topics"]:
                self.push(stream, message)

    def tell(self, owner: int, message: object, topic: str | None = None) -> None:
        """To the private streams of one account."""
        for stream, state in self.streams.items():
            account = state["account"]
            if account is not None and account.number == owner and (topic is None or topic in state["topics"]):
                self.push(stream, message)

    @staticmethod
    def _signed(method: str, path: str, query: str, body: str, headers: dict[str, str]) -> Signed:
        params: Params = dict(parse_qsl(query, keep_blank_values=True))
        if body.lstrip().startswith(("{", "[")):
            decoded = msgspec.json.decode(body)
            params |= decoded if isinstance(decoded, dict) else {"list": decoded}
        else:
            params |= dict(parse_qsl(body, keep_blank_values=True))
        return Signed(method, path, query, body, headers, params)


def digest(secret: str, text: str) -> bytes:
    """HMAC-SHA256, as all three sign."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()


def same(one: bytes | str, other: bytes | str) -> bool:
    first, second = (x.encode() if isinstance(x, str) else x for x in (one, other))
    return hmac.compare_digest(first, second)


def levels(market: CexMarket, book: OrderBook, side: Side) -> list[list[str]]:
    """[price, amount] of one side, best first."""
    prices, cumulative = book.depth(side)
    before = [0, *cumulative]
    return [[market.price_text(price), market.amount(cumulative[k] - before[k])] for k, price in enumerate(prices)]
