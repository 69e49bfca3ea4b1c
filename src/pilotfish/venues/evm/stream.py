"""The one socket to the node: opened, subscribed, proven alive, opened again.

Every question on it is answered on it, so an answer proves that what was to be told before has been told; a stream on
which nothing comes for too long after one is half-open, and given up.
"""

from __future__ import annotations

from collections.abc import Callable

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link
from pilotfish.venues.evm.settings import SECOND
from pilotfish.venues.evm.wire.rpc import Call, Frame, encode, read_frame, read_height, read_text
from pilotfish.venues.session import Close, Open, Send

NAME = "node"
_FIRST_WAIT_NS = SECOND // 2
_PROBE_NS = 2 * SECOND
HEADS, LOGS = 1, 2
_PINGS_FROM = 10


class Stream:
    """`pushed(kind, raw, now_ns)`: a head or a log. `ready(now_ns)`: both are subscribed to. `gone(now_ns)`: it was
    open, and is not. `ponged(number, now_ns)`: the node answered, and what it says its newest block is.
    """

    def __init__(
        self, link: Link, logs: dict[str, object],
        pushed: Callable[[int, bytes, int], None], ready: Callable[[int], None], gone: Callable[[int], None],
        ponged: Callable[[int, int], None] = lambda number, now_ns: None,
    ) -> None:  # fmt: skip
        self._link, self._logs = link, logs
        self._pushed, self._ready, self._gone, self._ponged = pushed, ready, gone, ponged
        self.open = self._on = False
        self._subscribed: dict[str, int] = {}
        self._asked = _PINGS_FROM
        self._pinged_ns = self._wait_ns = self._subscribed_ns = 0
        self._waiting_ns = -1

    @property
    def ready(self) -> bool:
        return self.open and len(self._subscribed) == 2

    def start(self) -> None:
        self._on = True
        self._link.out.append(Open(NAME, self._link.settings.ws_url))

    def stop(self) -> None:
        self._on = self.open = False
        self._link.out.append(Close(NAME))

    def opened(self, now_ns: int) -> None:
        self.open, self._subscribed, self._waiting_ns = True, {}, -1
        self._subscribe(now_ns)
        self.ping(now_ns)

    def _subscribe(self, now_ns: int) -> None:
        """To what is not confirmed yet; what is told twice is known by its hash."""
        self._subscribed_ns = now_ns
        wanted = ((HEADS, ["newHeads"]), (LOGS, ["logs", self._logs]))
        for kind, params in wanted:
            if kind not in self._subscribed.values():
                self._send(Call("eth_subscribe", params), kind)

    def lost(self, now_ns: int) -> None:
        if not self._on:
            return
        was, self.open = self.open, False
        self._link.counts["streams opened again"] += 1
        self._link.out.append(Open(NAME, self._link.settings.ws_url, self._wait_ns))
        self._wait_ns = min(max(2 * self._wait_ns, _FIRST_WAIT_NS), self._link.settings.backoff_ns_max)
        if was:
            self._gone(now_ns)

    def frame(self, raw: bytes, now_ns: int) -> None:
        if not self.open:
            return
        try:
            frame = read_frame(raw)
            if frame.params is not None:
                kind = self._subscribed.get(frame.params.subscription)
                if kind is None:
                    return self._link.set_aside("frame of no subscription")
                self._waiting_ns = -1
                self._pushed(kind, bytes(frame.params.result), now_ns)
            else:
                self._replied(frame, now_ns)
        except MessageRefused:
            self._link.set_aside("frame")

    def _replied(self, frame: Frame, now_ns: int) -> None:
        """Raises MessageRefused."""
        if frame.id in (HEADS, LOGS):
            if frame.error is not None:
                self._link.counts["subscriptions refused"] += 1
                self._link.out.append(Close(NAME))
                return self.lost(now_ns)
            was = self.ready
            self._subscribed[read_text(frame.result)] = frame.id
            if self.ready and not was:
                self._wait_ns = 0
                self._ready(now_ns)
        elif frame.id == self._asked and frame.error is None:
            self._waiting_ns = -1
            self._ponged(read_height(frame.result), now_ns)

    def ping(self, now_ns: int) -> None:
        self._asked += 1
        self._pinged_ns = now_ns
        if self._waiting_ns < 0:
            self._waiting_ns = now_ns
        self._send(Call("eth_blockNumber"), self._asked)

    def probe(self, now_ns: int) -> None:
        """An answer is wanted before the next ping would be due."""
        if self.open and now_ns - self._pinged_ns >= _PROBE_NS:
            self.ping(now_ns)

    def tick(self, now_ns: int) -> None:
        settings = self._link.settings
        if not self.open:
            return
        if 0 <= self._waiting_ns <= now_ns - settings.pong_ns:
            self._link.counts["half-open streams"] += 1
            self._link.out.append(Close(NAME))
            self.lost(now_ns)
        elif now_ns - self._pinged_ns >= settings.ping_ns:
            self.ping(now_ns)
        elif not self.ready and now_ns - self._subscribed_ns >= settings.again_ns:
            self._subscribe(now_ns)

    def next_ns(self) -> int | None:
        if not self.open:
            return None
        due = self._pinged_ns + self._link.settings.ping_ns
        return min(due, self._waiting_ns + self._link.settings.pong_ns) if self._waiting_ns >= 0 else due

    def _send(self, call: Call, number: int) -> None:
        self._link.out.append(Send(NAME, encode(call.request(number))))
