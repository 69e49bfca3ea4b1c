"""What every part of a session shares: one stream, posts over it, questions over HTTP, and the budget for both.

Callbacks are called exactly once, and never from inside the call that handed them over.
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/post-requests
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from pilotfish.domain.events import Event
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.accounts import Settings
from pilotfish.venues.hyperliquid.budget import Budget
from pilotfish.venues.hyperliquid.wire.answers import Denied, Reply
from pilotfish.venues.hyperliquid.wire.codec import REPLY, encode
from pilotfish.venues.hyperliquid.wire.messages import Posted
from pilotfish.venues.session import SECOND, Ask, Out, Send

STREAM = "main"
IN_FLIGHT_MAX = 100  # posts; the venue's rule
ASKS_MAX = 16  # questions over HTTP at once
TOO_MANY_NS = 10 * SECOND  # how long nothing is asked after the venue's 429
# A denial that begins with 429 is of requests in general, and says nothing of the account's own limit.
_NOT_SENT = "429: not sent, our own budget for the venue's rate limit is spent"
_TOO_MANY = "429: over the venue's rate limit of pending posts"
_STREAM_DOWN = "not sent: the stream is down"

Then = Callable[[Reply | None, int], None]
ThenInfo = Callable[[bytes | None, int], None]


class Rank(IntEnum):
    """Who goes first when the budget is short."""

    URGENT = 0  # reconciliation
    BACKFILL = 1
    SPARE = 2  # comparisons: only from what is plenty


_KEPT = {Rank.URGENT: 0.0, Rank.BACKFILL: 0.02, Rank.SPARE: 0.33}  # of the budget, left for those who go before


class _PostAnswer(msgspec.Struct, frozen=True):
    type: str
    payload: msgspec.Raw


class _Post(NamedTuple):
    payload: bytes
    weight: int
    then: Then
    due_ns: int


class _Info(NamedTuple):
    body: dict[str, Any]
    weight: int
    then: ThenInfo


class Link:
    """One per session. `out` and `told` are emptied by whoever drives it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.out: list[Out] = []
        self.told: list[Event] = []
        self.ready = False
        self.sent_ns = 0  # when something last left on the stream
        self.budget = Budget(settings.weight_per_minute)
        self._keep = {rank: int(part * settings.weight_per_minute) for rank, part in _KEPT.items()}
        self.counts: Counter[str] = Counter()
        self._last_id = 0
        self._posts: deque[_Post] = deque()
        self._posted: dict[int, _Post] = {}
        self._infos: dict[Rank, deque[_Info]] = {rank: deque() for rank in Rank}
        self._asked: dict[int, _Info] = {}
        self._refused: list[tuple[Then, str]] = []
        self._now_ns = 0
        self._quiet_ns = 0  # nothing is asked until then; orders and cancels still go

    def send(self, message: object) -> None:
        """A JSON frame on the stream; nothing while it is down."""
        if self.ready:
            self.out.append(Send(STREAM, encode(message)))
            self.sent_ns = self._now_ns

    def post(self, payload: bytes, now_ns: int, then: Then, weight: int = 1) -> None:
        """A signed action, as JSON. `weight` is 1 + n // 40 for n orders.

        `then(reply, ns)`: the venue's reply; a `Denied` of our own when it surely did not leave; None when its
        outcome is unknown.
        """
        if not self.ready:
            self._refused.append((then, _STREAM_DOWN))
            return
        self._posts.append(_Post(payload, weight, then, now_ns + self.settings.post_timeout_ns))
        self._flush(now_ns)

    def info(
        self,
        body: dict[str, Any],
        weight: int,
        now_ns: int,
        then: ThenInfo,
        urgent: bool = False,
        spare: bool = False,
    ) -> None:
        """POST /info. Waits in line for the budget. `then(answer, ns)`: the body, or None when there is none."""
        rank = Rank.URGENT if urgent else Rank.SPARE if spare else Rank.BACKFILL
        self._infos[rank].append(_Info(body, weight, then))
        self._flush(now_ns)

    def set_aside(self, why: str) -> None:
        """Count a message that cannot be used."""
        self.counts["set_aside"] += 1
        self.counts[f"set_aside: {why}"] += 1

    # -- what happened -------------------------------------------------------------------------------------------------

    def opened(self, now_ns: int) -> None:
        self._now_ns = self.sent_ns = now_ns
        self.ready = True

    def lost(self, now_ns: int) -> None:
        """What was sent has an unknown outcome; what waited did not leave."""
        self.ready = False
        posted, self._posted = self._posted, {}
        waiting, self._posts = self._posts, deque()
        self._refused += [(one.then, _STREAM_DOWN) for one in waiting]
        for one in posted.values():
            one.then(None, now_ns)

    def replied(self, posted: Posted, now_ns: int) -> None:
        """The answer to a post; one that nobody waits for any more is counted."""
        one = self._posted.pop(posted.id, None)
        if one is None:
            return self.set_aside("an answer that nobody waits for")
        try:
            answer = msgspec.json.decode(posted.response, type=_PostAnswer)
            if answer.type == "error":
                reply: Reply | None = Denied(msgspec.json.decode(answer.payload, type=str))
            else:
                reply = REPLY.decode(bytes(answer.payload))
        except (MessageRefused, msgspec.MsgspecError, UnicodeDecodeError):
            self.set_aside("an answer that cannot be read")
            reply = None
        one.then(reply, now_ns)
        self._flush(now_ns)

    def too_many(self, post: int, now_ns: int) -> None:
        """The venue would not take this post: too many at once."""
        self.counts["posts_refused"] += 1
        one = self._posted.pop(post, None)
        if one is not None:
            one.then(Denied(_TOO_MANY), now_ns)

    def answered(self, ask: int, status: int, body: bytes, now_ns: int) -> None:
        one = self._asked.pop(ask, None)
        if one is None:
            return
        if status == 429:
            self.counts["too_many_requests"] += 1
            self._quiet_ns = now_ns + TOO_MANY_NS
        elif status != 200:
            self.counts["asks_failed"] += 1
        one.then(body if status == 200 else None, now_ns)
        self._flush(now_ns)

    def failed(self, ask: int, now_ns: int) -> None:
        one = self._asked.pop(ask, None)
        if one is not None:
            self.counts["asks_failed"] += 1
            one.then(None, now_ns)
            self._flush(now_ns)

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> None:
        self._now_ns = now_ns
        refused, self._refused = self._refused, []
        for then, why in refused:
            then(Denied(why), now_ns)
        for number in [number for number, one in self._posted.items() if one.due_ns <= now_ns]:
            self.counts["posts_unanswered"] += 1
            self._posted.pop(number).then(None, now_ns)
        while self._posts and self._posts[0].due_ns <= now_ns:
            self.counts["posts_not_sent"] += 1
            self._posts.popleft().then(Denied(_NOT_SENT), now_ns)
        self._flush(now_ns)

    def next_ns(self) -> int | None:
        if self._refused:
            return self._now_ns
        due = [one.due_ns for one in self._posted.values()] + [one.due_ns for one in self._posts]
        soon_ns = max(self.budget.more_ns(self._now_ns), self._now_ns + SECOND // 10)
        if self._posts and len(self._posted) < IN_FLIGHT_MAX:
            due.append(soon_ns)
        if any(self._infos.values()) and len(self._asked) < ASKS_MAX:
            due.append(self._quiet_ns if self._now_ns < self._quiet_ns else soon_ns)
        return min(due, default=None)

    def counters(self) -> dict[str, int]:
        waiting = sum(map(len, self._infos.values())) + len(self._posts)
        return dict(self.counts) | {"waiting_for_budget": waiting}

    def _flush(self, now_ns: int) -> None:
        self._now_ns = max(self._now_ns, now_ns)
        while self._posts and len(self._posted) < IN_FLIGHT_MAX:
            if not self.budget.take(self._posts[0].weight, now_ns):
                break
            one = self._posts.popleft()
            number = self._number()
            self._posted[number] = one._replace(due_ns=now_ns + self.settings.post_timeout_ns)
            frame = b'{"method":"post","id":%d,"request":{"type":"action","payload":%b}}' % (number, one.payload)
            self.out.append(Send(STREAM, frame))
            self.sent_ns = now_ns
        for rank, line in self._infos.items() if now_ns >= self._quiet_ns else ():
            while line and len(self._asked) < ASKS_MAX:
                if not self.budget.take(line[0].weight, now_ns, self._keep[rank]):
                    return
                self._ask(line.popleft())

    def _ask(self, one: _Info) -> None:
        number = self._number()
        self._asked[number] = one
        headers = {"content-type": "application/json"}
        url, timeout_ns = f"{self.settings.http_url}/info", self.settings.info_timeout_ns
        self.out.append(Ask(number, "POST", url, encode(one.body), headers, timeout_ns))

    def _number(self) -> int:
        self._last_id += 1
        return self._last_id
