"""What everything that talks to the node shares: questions with their answers, and events on their way to the engine.

Questions go over HTTP, several in one request; what is pushed comes over the socket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from pilotfish.domain.events import Event
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.settings import SECOND, Settings
from pilotfish.venues.evm.wire.rpc import Call, Failure, Refusal, Reply, encode, read_replies, refusal_of_status
from pilotfish.venues.session import Ask, Out

_JSON = {"content-type": "application/json"}
_REST_NS, _REST_NS_MAX = SECOND, 60 * SECOND


class Said(msgspec.Struct, frozen=True):
    """What came of a question: a reply to each call, in order; or None, and what the node's refusal means."""

    replies: list[Reply] | None
    refusal: Refusal = Refusal.UNKNOWN

    @property
    def whole(self) -> list[msgspec.Raw] | None:
        """The results, where every call has one."""
        if self.replies is None or any(reply.error is not None for reply in self.replies):
            return None
        return [reply.result for reply in self.replies]


Then = Callable[[Said, int], None]


class Link:
    """`out` and `told` are the session's. Every `then` is called once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.out: list[Out] = []
        self.told: list[Event] = []
        self.counts: Counter[str] = Counter()
        self.up = False  # whether the engine was told that we are connected
        self.rest_ns = 0  # the node wants to be left alone until then
        self._strikes = 0
        self._asked = self._numbered = 0
        self._waiting: dict[int, tuple[list[int], Then]] = {}
        self._leaving: list[tuple[Call, Then]] = []
        self._gathered: list[tuple[Sequence[Call], Then]] = []

    def set_aside(self, why: str) -> None:
        """Count a message that cannot be used."""
        self.counts[f"set aside: {why}"] += 1

    def may_ask(self, now_ns: int) -> bool:
        """Whether the node has not asked for patience. Transactions do not wait for that."""
        return now_ns >= self.rest_ns

    def ask(self, calls: Sequence[Call], now_ns: int, then: Then) -> None:
        """In as many requests as it takes; where one of them fails, all have."""
        together = max(1, self.settings.ask_together)
        parts = [calls[first : first + together] for first in range(0, len(calls), together)]
        if len(parts) == 1:
            return self._send(parts[0], self.settings.http_url, self.settings.ask_timeout_ns, then)
        found: dict[int, Said] = {}

        def gathered(number: int) -> Then:
            def heard(said: Said, then_ns: int) -> None:
                found[number] = said
                if len(found) < len(parts):
                    return
                said_all = [found[k] for k in range(len(parts))]
                bad = next((one for one in said_all if one.replies is None), None)
                replies = [reply for one in said_all for reply in one.replies or ()]
                then(bad or Said(replies), then_ns)

            return heard

        for number, part in enumerate(parts):
            self._send(part, self.settings.http_url, self.settings.ask_timeout_ns, gathered(number))

    def ask_with_others(self, calls: Sequence[Call], then: Then) -> None:
        """What many ask at once: it leaves with `flush`, in as few requests as it takes."""
        self._gathered.append((calls, then))

    def ask_sending(self, call: Call, then: Then) -> None:
        """Of the node that takes our transactions. It leaves with `flush`, in order and together with others."""
        self._leaving.append((call, then))

    def ask_at(self, url: str, call: Call, then: Then) -> None:
        """Of somebody else's server."""
        self._send([call], url, self.settings.send_timeout_ns, then)

    def flush(self) -> None:
        """Let leave what is to be sent. Whoever lets the session act calls this at the end."""
        self._ask_gathered()
        leaving, self._leaving = self._leaving, []
        together = max(1, self.settings.send_together)
        for first in range(0, len(leaving), together):
            part = leaving[first : first + together]
            thens = [then for _, then in part]
            self._send([call for call, _ in part], self.settings.sending, self.settings.send_timeout_ns, _each(thens))

    def _ask_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        part: list[tuple[Sequence[Call], Then]] = []
        for calls, then in gathered:
            if part and sum(len(one) for one, _ in part) + len(calls) > self.settings.ask_together:
                self._ask_part(part)
                part = []
            part.append((calls, then))
        if part:
            self._ask_part(part)

    def _ask_part(self, part: Sequence[tuple[Sequence[Call], Then]]) -> None:
        def heard(said: Said, now_ns: int) -> None:
            first = 0
            for calls, then in part:
                last = first + len(calls)
                then(said if said.replies is None else Said(said.replies[first:last]), now_ns)
                first = last

        together = [call for calls, _ in part for call in calls]
        self._send(together, self.settings.http_url, self.settings.ask_timeout_ns, heard)

    def answered(self, ask: int, status: int, body: bytes, now_ns: int) -> None:
        waiting = self._waiting.pop(ask, None)
        if waiting is None:
            return self.set_aside("answer nobody waits for")
        numbers, then = waiting
        if status != 200:
            self.counts["requests refused"] += 1
            return then(Said(None, self._refused(refusal_of_status(status), now_ns)), now_ns)
        try:
            replies = read_replies(body)
        except MessageRefused:
            self.set_aside("answer")
            return then(Said(None), now_ns)
        if all(number in replies for number in numbers):
            self._strikes = 0
            return then(Said([replies[number] for number in numbers]), now_ns)
        whole = replies.get(-1, Reply()).error or Failure()
        self.counts["requests refused"] += 1
        then(Said(None, self._refused(whole.means(), now_ns)), now_ns)

    def failed(self, ask: int, now_ns: int) -> None:
        waiting = self._waiting.pop(ask, None)
        if waiting is not None:
            self.counts["requests without answer"] += 1
            waiting[1](Said(None), now_ns)

    def _refused(self, refusal: Refusal, now_ns: int) -> Refusal:
        if refusal is Refusal.LIMIT:
            self.counts["rate limited"] += 1
            self.rest_ns = now_ns + min(_REST_NS << min(self._strikes, 8), _REST_NS_MAX)
            self._strikes += 1
        return refusal

    def _send(self, calls: Sequence[Call], url: str, timeout_ns: int, then: Then) -> None:
        numbers = list(range(self._numbered + 1, self._numbered + 1 + len(calls)))
        self._numbered += len(calls)
        self._asked += 1
        requests = [call.request(number) for call, number in zip(calls, numbers, strict=True)]
        body = encode(requests[0] if len(requests) == 1 else requests)
        self._waiting[self._asked] = numbers, then
        self.out.append(Ask(self._asked, "POST", url, body, _JSON, timeout_ns))


def _each(thens: Sequence[Then]) -> Then:
    """To each what came of its own call."""

    def heard(said: Said, now_ns: int) -> None:
        for k, then in enumerate(thens):
            then(said if said.replies is None else Said([said.replies[k]]), now_ns)

    return heard
