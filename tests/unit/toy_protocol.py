"""The smallest venue that needs everything a driver does: a stream that counts, orders by request, pings, signatures.

The session watches its stream: a ping that is not answered in `PATIENCE_NS` ends the connection. It tells `Timer`s for
what it saw, with the number it saw as the venue's stamp, so that a test can compare what was said with what was heard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pilotfish.domain.events import Connection, Event, OrderUpdate, Timer
from pilotfish.domain.orders import Command, OrderSignal, Place
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.session import SECOND, Ask, Close, Open, Out, Send, Sign
from pilotfish.venues.twins.port import Answer, Push

PING_NS = 2 * SECOND
PATIENCE_NS = 3 * SECOND


def place(coid: int) -> Approved[Command]:
    return Approved(Place(coid, -1, 0, 1, 1, 100), _KEY)


class ToySession:
    """`base`: where the venue is, http. Orders are requests: /order?coid, or frames when `by_stream`."""

    name = "toy"
    idempotent_ids = True

    def __init__(
        self, base: str = "http://toy", by_stream: bool = False, timeout_ns: int = SECOND, retry_ns: int = SECOND
    ) -> None:
        self.base, self.by_stream, self.timeout_ns, self.retry_ns = base, by_stream, timeout_ns, retry_ns
        self.out: list[Out] = []
        self.told: list[Event] = []
        self.counts: Counter[str] = Counter()
        self.up = False
        self.why: list[str] = []  # of every stream that was lost
        self.answers: list[tuple[int, int, dict[str, str], bytes]] = []
        self.signatures: dict[int, bytes] = {}
        self.parts = 0
        self._stopped = False
        self._ping_ns: int | None = None
        self._pong_due_ns: int | None = None
        self._url = self.base.replace("http", "ws", 1) + "/ws?toy=1"

    def start(self, now_ns: int) -> None:
        self.out.append(Open("feed", self._url))

    def opened(self, name: str, now_ns: int) -> None:
        self.up = True
        self.told.append(Connection(now_ns, now_ns, True))
        self.out.append(Send(name, b"subscribe"))
        self._ping_ns, self._pong_due_ns = now_ns + PING_NS, None

    def lost(self, name: str, why: str, now_ns: int) -> None:
        self.why.append(why)
        self._again(now_ns)

    def frame(self, name: str, raw: bytes, now_ns: int) -> None:
        kind, _, number = raw.partition(b" ")
        if raw == b"pong":
            self._pong_due_ns = None
        elif kind == b"n" and number.isdigit():
            self.told.append(Timer(int(number), now_ns))
        elif kind == b"done" and number.isdigit():
            self.told.append(OrderUpdate(now_ns, now_ns, int(number), OrderSignal.FILLED))
        else:
            self.counts["set_aside"] += 1

    def answered(self, ask: int, status: int, headers: dict[str, str], body: bytes, now_ns: int) -> None:
        self.answers.append((ask, status, headers, body))
        self.told.append(OrderUpdate(now_ns, now_ns, ask, OrderSignal.FILLED if status == 200 else OrderSignal.REJECT))

    def failed(self, ask: int, why: str, now_ns: int) -> None:
        self.counts["failed"] += 1
        self.told.append(OrderUpdate(now_ns, now_ns, ask, OrderSignal.LOST))

    def signed(self, sign: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        self.parts += 1
        self.signatures.update({first + k: one for k, one in enumerate(signatures)})

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        for approved in commands:
            command = approved.command
            if not isinstance(command, Place):
                self.counts["set_aside"] += 1
            elif self.by_stream:
                self.out.append(Send("feed", b"order %d" % command.coid))
            else:
                url = f"{self.base}/order?coid={command.coid}"
                self.out.append(Ask(command.coid, "POST", url, b"buy", {"X-Toy": "yes"}, self.timeout_ns))

    def sign(self, count: int) -> None:
        """Have this many hashes signed; hash k is 32 times the byte k."""
        requests = [
            SignRequest("0x" + "0" * 40, Scheme.HYPERLIQUID_MAINNET, bytes([k % 256]) * 32) for k in range(count)
        ]
        self.out.append(Sign(7, requests))

    def tick(self, now_ns: int) -> None:
        if self._pong_due_ns is not None and now_ns >= self._pong_due_ns:
            self.counts["silent"] += 1
            self.out.append(Close("feed"))
            self._again(now_ns)
        elif self._ping_ns is not None and now_ns >= self._ping_ns:
            self.out.append(Send("feed", b"ping"))
            self._ping_ns = now_ns + PING_NS
            self._pong_due_ns = self._pong_due_ns or now_ns + PATIENCE_NS

    def next_ns(self) -> int | None:
        return min((t for t in (self._ping_ns, self._pong_due_ns) if t is not None), default=None)

    def stop(self, now_ns: int) -> None:
        self._stopped, self._ping_ns, self._pong_due_ns = True, None, None
        self.out.append(Close("feed"))

    @property
    def stopped(self) -> bool:
        return self._stopped

    def counters(self) -> dict[str, int]:
        return dict(self.counts)

    def _again(self, now_ns: int) -> None:
        self._ping_ns = self._pong_due_ns = None
        if self.up:
            self.told.append(Connection(now_ns, now_ns, False))
        self.up = False
        if not self._stopped:
            self.counts["reconnects"] += 1
            self.out.append(Open("feed", self._url, self.retry_ns))


class ToyTwin:
    """Counts `n 0`, `n 1`, … to whoever subscribed, one every `every_ns`; executes orders, pings back."""

    def __init__(self, start_ns: int = 0, every_ns: int = SECOND // 10) -> None:
        self.pushes: list[Push] = []
        self.orders: list[int] = []
        self.paths: list[str] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.open: set[int] = set()
        self.ended: list[int] = []
        self.said = 0
        self.subscribed: set[int] = set()
        self._every_ns, self._next_ns = every_ns, start_ns

    def opened(self, stream: int, path: str, now_ns: int) -> None:
        self.open.add(stream)
        self.paths.append(path)

    def closed(self, stream: int, now_ns: int) -> None:
        self.open.discard(stream)
        self.subscribed.discard(stream)
        self.ended.append(stream)

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None:
        if raw == b"subscribe":
            self.subscribed.add(stream)
        elif raw == b"ping":
            self.pushes.append(Push(stream, b"pong"))
        elif raw.startswith(b"order "):
            self.orders.append(int(raw[6:]))
            self.pushes.append(Push(stream, b"done " + raw[6:]))
        elif raw == b"bye":
            self.hang_up(stream)
        else:
            self.pushes.append(Push(stream, b"echo " + raw))

    def hang_up(self, stream: int) -> None:
        self.open.discard(stream)
        self.subscribed.discard(stream)
        self.pushes.append(Push(stream, None))

    def say(self, data: bytes) -> None:
        self.pushes += [Push(stream, data) for stream in sorted(self.subscribed)]

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes, now_ns: int) -> Answer:
        self.requests.append((method, url, headers, body))
        path, _, coid = url.partition("?coid=")
        if path != "/order":
            return Answer(404, b"no such path")
        self.orders.append(int(coid))
        return Answer(200, b'{"status":"ok"}', {"X-Coid": coid})

    def advance(self, now_ns: int) -> None:
        while now_ns >= self._next_ns:
            self._next_ns += self._every_ns
            self.say(b"n %d" % self.said)
            self.said += 1

    def next_ns(self) -> int | None:
        return self._next_ns
