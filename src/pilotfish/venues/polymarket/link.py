"""What everything that talks to the venue shares: streams, requests with their answers, and the venue's rate limits.

A request waits in line where its bucket is empty; orders never wait: who sends them asks `allows` first. Limits per IP:
https://docs.polymarket.com/api-reference/rate-limits; per signer, by the `Poly-RateLimit-*` headers:
https://docs.polymarket.com/api-reference/trading-rate-limits.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from pilotfish.domain.events import Event
from pilotfish.venues.polymarket.settings import MINUTE, NS_PER_MS, SECOND, Account, Credentials, Settings
from pilotfish.venues.polymarket.wire.auth import l2_headers
from pilotfish.venues.session import Ask, Out, Send

_BLOCKED_NS = SECOND  # for a 429 that does not say how long
_BLOCKED_NS_MAX = MINUTE
_SIGNERS_PART = 20  # a signer's bucket is so much smaller than the IP's
_UNIT = SECOND  # tokens are counted in billionths


class Kind(IntEnum):
    """Which bucket a request is taken from."""

    ORDER = 0
    CANCEL = 1
    BEAT = 2
    LEDGER = 3  # our orders and trades
    BOOK = 4
    ACTIVITY = 5
    POSITIONS = 6
    OTHER = 7


_PER_10_S = {
    Kind.ORDER: 3_500,
    Kind.CANCEL: 3_000,
    Kind.BEAT: 1_000,
    Kind.LEDGER: 900,
    Kind.BOOK: 500,
    Kind.ACTIVITY: 800,
    Kind.POSITIONS: 150,
    Kind.OTHER: 300,
}
_ORDERS_PER_10_MIN = 36_000


class Answer(NamedTuple):
    """Of an HTTP request; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


Then = Callable[[Answer | None, int], None]


class Request(NamedTuple):
    """`base` and `path` make the address; with an account it is signed by its credentials (path without query)."""

    method: str
    base: str
    path: str
    kind: Kind
    query: Mapping[str, str | int] = {}
    body: bytes = b""
    account: int | None = None
    timeout_ns: int = 0
    cost: int = 1


class Bucket(msgspec.Struct):
    """Tokens that come back evenly. Times in ns, tokens in billionths."""

    capacity: int
    window_ns: int
    tokens: int = 0
    seen_ns: int = 0
    blocked_ns: int = 0  # nothing leaves before
    strikes: int = 0

    def room(self, now_ns: int) -> int:
        """Whole tokens there are now."""
        if now_ns > self.seen_ns:
            back = (now_ns - self.seen_ns) * self.capacity * _UNIT // self.window_ns
            self.tokens = min(self.capacity * _UNIT, self.tokens + back)
            self.seen_ns = now_ns
        return 0 if now_ns < self.blocked_ns else self.tokens // _UNIT

    def take(self, count: int) -> None:
        self.tokens -= count * _UNIT

    def free_ns(self) -> int:
        """When there is a token again."""
        lack = max(0, _UNIT - self.tokens)
        return max(self.blocked_ns, self.seen_ns + -(-lack * self.window_ns // (self.capacity * _UNIT)))


class Link:
    """`out` and `told` are the session's. Every `then` is called once, with None where the outcome is unknown."""

    def __init__(self, settings: Settings, accounts: Mapping[int, tuple[Account, Credentials]]) -> None:
        self.settings, self.accounts = settings, accounts
        self.out: list[Out] = []
        self.told: list[Event] = []
        self.counts: Counter[str] = Counter()
        self.offset_ns = 0  # the venue's clock less ours
        self.up = False  # whether the engine was told that we are connected
        self._buckets = {kind: Bucket(n, 10 * SECOND, n * _UNIT) for kind, n in _PER_10_S.items()}
        self._sustained = Bucket(_ORDERS_PER_10_MIN, 10 * MINUTE, _ORDERS_PER_10_MIN * _UNIT)
        self._signers: dict[tuple[int, Kind], tuple[int, int]] = {}  # tokens said to be left, until when they lack
        self._lines: dict[Kind, deque[tuple[Request, Then]]] = {kind: deque() for kind in Kind}
        self._waiting: dict[int, tuple[Request, Then]] = {}
        self._asked = 0

    def venue_ns(self, now_ns: int) -> int:
        """The venue's clock."""
        return now_ns + self.offset_ns

    def send(self, stream: str, message: object) -> None:
        """One JSON frame, or a bare word."""
        self.out.append(Send(stream, message.encode() if isinstance(message, str) else msgspec.json.encode(message)))

    def set_aside(self, why: str) -> None:
        """Count a message that cannot be used."""
        self.counts[f"set aside: {why}"] += 1

    # -- requests ------------------------------------------------------------------------------------------------------

    def allows(self, kind: Kind, account: int, count: int, now_ns: int, reserve: int = 0) -> bool:
        """Whether `count` orders or cancels of `account` may leave now and leave `reserve` tokens."""
        room = self._buckets[kind].room(now_ns)
        if kind is Kind.ORDER:
            room = min(room, self._sustained.room(now_ns))
        left, lacks_ns = self._signers.get((account, kind), (0, 0))
        if self.venue_ns(now_ns) < lacks_ns and left < count + reserve // _SIGNERS_PART:
            return False
        return room >= count + reserve

    def ask(self, request: Request, now_ns: int, then: Then, *, urgent: bool = False) -> None:
        """Send it, or put it in line: `urgent` before the others of its kind."""
        line = self._lines[request.kind]
        if urgent:
            line.appendleft((request, then))
        else:
            line.append((request, then))
        self._drain(request.kind, now_ns)

    def answered(self, ask: int, status: int, headers: Mapping[str, str], body: bytes, now_ns: int) -> None:
        waiting = self._waiting.pop(ask, None)
        if waiting is None:
            return self.set_aside("answer nobody waits for")
        request, then = waiting
        self._limits(request, status, headers, now_ns)
        then(Answer(status, headers, body), now_ns)

    def failed(self, ask: int, now_ns: int) -> None:
        waiting = self._waiting.pop(ask, None)
        if waiting is not None:
            self.counts["requests without answer"] += 1
            waiting[1](None, now_ns)

    def tick(self, now_ns: int) -> None:
        for kind, line in self._lines.items():
            if line:
                self._drain(kind, now_ns)

    def next_ns(self) -> int | None:
        return min((self._buckets[kind].free_ns() for kind, line in self._lines.items() if line), default=None)

    @property
    def idle(self) -> bool:
        """Whether no order and no cancel is under way."""
        return not any(request.kind in (Kind.ORDER, Kind.CANCEL) for request, _ in self._waiting.values())

    def _drain(self, kind: Kind, now_ns: int) -> None:
        line, bucket = self._lines[kind], self._buckets[kind]
        while line and (kind is Kind.ORDER or bucket.room(now_ns) > 0):
            request, then = line.popleft()
            bucket.take(request.cost)
            if kind is Kind.ORDER:
                self._sustained.room(now_ns)
                self._sustained.take(request.cost)
            self._asked += 1
            self._waiting[self._asked] = request, then
            self.out.append(self._signed(self._asked, request, now_ns))

    def _signed(self, number: int, request: Request, now_ns: int) -> Ask:
        headers = {"content-type": "application/json"} if request.body else {}
        if request.account is not None:
            account, credentials = self.accounts[request.account]
            seconds = self.venue_ns(now_ns) // SECOND
            headers |= l2_headers(credentials, account.key, seconds, request.method, request.path, request.body or None)
        query = f"?{urlencode(request.query)}" if request.query else ""
        timeout_ns = request.timeout_ns or self.settings.ask_timeout_ns
        url = request.base + request.path + query
        return Ask(number, request.method, url, request.body, headers, timeout_ns)

    def _limits(self, request: Request, status: int, headers: Mapping[str, str], now_ns: int) -> None:
        """What the answer says of how much more may be asked."""
        bucket = self._buckets[request.kind]
        left, reset = _number(headers.get("poly-ratelimit-remaining")), _number(headers.get("poly-ratelimit-reset"))
        if request.account is not None and left is not None and reset is not None:
            self._signers[request.account, request.kind] = int(left), int(reset * SECOND)
        if headers.get("poly-ratelimit-warning", "").lower() == "true":
            self.counts["rate limit warnings"] += 1
        if status != 429:
            bucket.strikes = 0
            return
        self.counts["rate limited"] += 1
        after = _number(headers.get("retry-after"))
        wait_ns = int(after * SECOND) if after is not None else _BLOCKED_NS << min(bucket.strikes, 6)
        bucket.strikes += 1
        if left is None:  # the IP's limit; a signer's own concerns nobody else
            bucket.blocked_ns = max(bucket.blocked_ns, now_ns + min(max(wait_ns, NS_PER_MS), _BLOCKED_NS_MAX))


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < 1e12 else None
