"""A session joined with a twin in virtual time: a whole venue behind the port, the way between them included.

Everything comes from seeds and nothing waits, so what took a day of faults repeats in a second. Each stream is first
in, first out in both directions, as TCP keeps it; requests may overtake each other, as they do over connections of
their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.domain.events import Event
from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.session import Ask, Close, Open, Send, Session, Sign
from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.sim.latency import MS, Delay, Latency
from pilotfish.venues.twins.faults import SECOND, Fault, TwinFaults
from pilotfish.venues.twins.port import Answer, Twin
from pilotfish.venues.twins.way import FOREVER, Fate, Joined, Way, target_of

LATE_NS = 250 * MS  # a frame that is overtaken is late by up to this
SIGN_PART = 64  # signatures that come back at once
STEP_NS = MS  # a tick that asks for itself again at once gets its turn this much later


class Delays(msgspec.Struct, frozen=True):
    """How long it takes: a frame or a request to the venue, what comes back, a connection, a signature."""

    there: Delay = Delay(5 * MS, 20 * MS)
    back: Delay = Delay(5 * MS, 20 * MS)
    connect_ns: int = 20 * MS
    sign_ns: int = 100_000
    seed: int = 1


class VirtualVenue:
    """A venue in virtual time, from `start_ns` on. `signer` makes the 65 bytes for a session that has things signed.

    `asks`: see `Way`. Whoever needs session or twin itself kept them.
    """

    def __init__(
        self,
        session: Session,
        twin: Twin,
        faults: TwinFaults | None = None,
        delays: Delays | None = None,
        start_ns: int = 0,
        signer: Callable[[SignRequest], bytes] | None = None,
        asks: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.session, self.twin = session, twin
        self.idempotent_ids = session.idempotent_ids
        self.way = Way(faults, asks)
        self.delays = delays or Delays()
        self.frames = self.requests = self.astray = 0  # frames from the venue; requests; frames sent without a stream
        self._latency = Latency(self.delays.seed, self.delays.back, self.delays.there)
        self._signer = signer
        self._agenda = Agenda(start_ns)
        self._streams: dict[str, Joined] = {}
        self._numbers: dict[int, Joined] = {}
        self._dialled: dict[str, int] = {}  # name → number of the stream that is being opened
        self._count = 0
        self._told: list[Event] = []
        self._tick_ns: int | None = None
        self._advance_ns = twin.next_ns()
        self._ticked_ns = self._advanced_ns = -FOREVER
        self._agenda.at(start_ns, self._start)

    # The port.

    def events(self, until_ns: int) -> Sequence[Event]:
        self._run(until_ns)
        told, self._told = self._told, []
        return told

    def next_ns(self) -> int | None:
        return self._agenda.now_ns if self._told else self._due()

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        self._run(now_ns)
        self.session.submit(commands, self.now_ns)
        self._drain()

    # What a world may do.

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self._agenda.now_ns

    def disconnect(self, at_ns: int, for_ns: int) -> None:
        """Break every stream at `at_ns` and refuse new ones for so long, whatever the fault rates say."""
        self._agenda.at(at_ns, lambda: self._outage(at_ns + for_ns))

    def stop(self) -> None:
        """Tell the session to shut down, now. Run on until it is `stopped`."""
        self.session.stop(self.now_ns)
        self._drain()

    def touch(self) -> None:
        """Take up what session or twin have to say after somebody else called them."""
        self._pushed()
        self._drain()

    # Time.

    def _due(self) -> int | None:
        return min(
            (t for t in (self._agenda.next_ns(), self._advance_ns, self._tick_ns) if t is not None), default=None
        )

    def _run(self, until_ns: int) -> None:
        agenda = self._agenda
        while (due := self._due()) is not None and due <= until_ns:
            now = max(due, agenda.now_ns)
            if (planned := agenda.next_ns()) is not None and planned <= due:
                agenda.run(planned)
            elif self._advance_ns is not None and self._advance_ns <= due:
                agenda.now_ns = self._advanced_ns = now
                self.twin.advance(now)
                self._pushed()
            else:
                agenda.now_ns = self._ticked_ns = now
                self.session.tick(now)
                self._drain()
        agenda.now_ns = max(agenda.now_ns, until_ns)

    def _start(self) -> None:
        self.session.start(self.now_ns)
        self._drain()
        self._agenda.at(self.now_ns + SECOND, self._second)

    def _second(self) -> None:
        for number in self.way.breaks(self.now_ns):
            self._break(self._numbers[number])
        self._agenda.at(self.now_ns + SECOND, self._second)

    # From the session.

    def _drain(self) -> None:
        session = self.session
        while session.out:
            out, session.out = session.out, []
            for one in out:
                self._carry_out(one)
        if session.told:
            self._told += session.told
            session.told = []
        wanted = session.next_ns()
        self._tick_ns = None if wanted is None else max(wanted, self._ticked_ns + STEP_NS)

    def _carry_out(self, one: Open | Close | Send | Ask | Sign) -> None:
        if isinstance(one, Send):
            self._send(one)
        elif isinstance(one, Ask):
            self._ask(one)
        elif isinstance(one, Open):
            self._open(one)
        elif isinstance(one, Close):
            self._dialled.pop(one.name, None)
            self._shut(self._streams.get(one.name))
        else:
            self._sign(one)

    def _open(self, one: Open) -> None:
        self._shut(self._streams.get(one.name))
        self._count += 1
        number = self._dialled[one.name] = self._count
        due = self.now_ns + one.wait_ns + self.delays.connect_ns
        self._agenda.at(due, lambda: self._connect(one, number))

    def _connect(self, one: Open, number: int) -> None:
        if self._dialled.get(one.name) != number:
            return
        del self._dialled[one.name]
        if self.way.refuses(self.now_ns):
            self.session.lost(one.name, "connection refused", self.now_ns)
            return self._drain()
        stream = self._streams[one.name] = self._numbers[number] = Joined(one.name, number)
        self.way.opened(number)
        self.twin.opened(number, target_of(one.url), self.now_ns)
        self._pushed()
        if stream.open:
            self.session.opened(one.name, self.now_ns)
            self._drain()

    def _send(self, one: Send) -> None:
        stream = self._streams.get(one.name)
        if stream is None:
            self.astray += 1
        elif self.way.arrives(stream.number, one.data):
            stream.there_ns = max(stream.there_ns, self.now_ns + self._latency.order_ns())
            self._agenda.at(stream.there_ns, partial(self._to_twin, stream, one.data))

    def _to_twin(self, stream: Joined, data: bytes) -> None:
        if stream.open:
            self.twin.frame(stream.number, data, self.now_ns)
            self._pushed()

    def _ask(self, ask: Ask) -> None:
        self.requests += 1
        deadline = self.now_ns + ask.timeout_ns
        fate = self.way.request()
        if fate is Fate.LOST:
            return self._agenda.at(deadline, partial(self._failed, ask.id))
        self._agenda.at(self.now_ns + self._latency.order_ns(), partial(self._requested, ask, deadline, fate))

    def _requested(self, ask: Ask, deadline: int, fate: Fate) -> None:
        headers = {name.lower(): value for name, value in ask.headers.items()}
        answer = self.twin.request(ask.method, target_of(ask.url), headers, ask.body, self.now_ns)
        due = self.now_ns + self._latency.market_ns()
        if fate is Fate.UNANSWERED or due > deadline:
            self._agenda.at(deadline, partial(self._failed, ask.id))
        else:
            self._agenda.at(due, partial(self._answered, ask.id, answer))
        self._pushed()

    def _answered(self, ask: int, answer: Answer) -> None:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        self.session.answered(ask, answer.status, headers, answer.body, self.now_ns)
        self._drain()

    def _failed(self, ask: int) -> None:
        self.session.failed(ask, "no answer in time", self.now_ns)
        self._drain()

    def _sign(self, one: Sign) -> None:
        for first in range(0, len(one.requests), SIGN_PART):
            last = min(first + SIGN_PART, len(one.requests))
            self._agenda.at(self.now_ns + last * self.delays.sign_ns, partial(self._signed, one, first, last))

    def _signed(self, one: Sign, first: int, last: int) -> None:
        if self._signer is None:
            raise VenueError("a signature", "this session has batches signed elsewhere", "give VirtualVenue a signer")
        signatures = [self._signer(request) for request in one.requests[first:last]]
        self.session.signed(one.id, first, signatures, self.now_ns)
        self._drain()

    # From the twin.

    def _pushed(self) -> None:
        twin = self.twin
        while twin.pushes:
            pushes, twin.pushes = twin.pushes, []
            for push in pushes:
                self._push(push.stream, push.data)
        wanted = twin.next_ns()
        self._advance_ns = None if wanted is None else max(wanted, self._advanced_ns + 1)

    def _push(self, number: int, data: bytes | None) -> None:
        stream = self._numbers.get(number)
        if stream is None or not stream.open:
            return
        legs = self.way.legs(number, data)
        if data is None:  # the venue is through with it: what we send from now on vanishes
            stream.open = False
            self.way.closed(number)
        for leg in legs:
            due = max(stream.back_ns, leg.ready_ns, self.now_ns + self._latency.market_ns())
            if leg.late:
                due += 1 + self.way.faults.draw(Fault.REORDER, LATE_NS)
            else:
                stream.back_ns = due
            self._agenda.at(due, partial(self._to_us, stream, leg.data))

    def _to_us(self, stream: Joined, data: bytes | None) -> None:
        if self._streams.get(stream.name) is not stream:
            return
        if data is None:
            return self._lose(stream, "the venue hung up")
        self.frames += 1
        self.session.frame(stream.name, data, self.now_ns)
        self._drain()

    # Ends.

    def _shut(self, stream: Joined | None) -> None:
        """We close: the venue hears of it after what was sent before."""
        if stream is None:
            return
        del self._streams[stream.name]
        due = max(stream.there_ns, self.now_ns + self._latency.order_ns())
        self._agenda.at(due, partial(self._closed, stream))

    def _closed(self, stream: Joined) -> None:
        self._numbers.pop(stream.number, None)
        if stream.open:
            stream.open = False
            self.way.closed(stream.number)
            self.twin.closed(stream.number, self.now_ns)
            self._pushed()

    def _outage(self, until_ns: int) -> None:
        self.way.refuse_until(until_ns)
        for stream in list(self._numbers.values()):
            self._break(stream)

    def _break(self, stream: Joined) -> None:
        """Both sides notice at once; what is under way is lost."""
        self._closed(stream)
        if self._streams.get(stream.name) is stream:
            self._lose(stream, "connection reset")

    def _lose(self, stream: Joined, why: str) -> None:
        del self._streams[stream.name]
        self._numbers.pop(stream.number, None)
        self.session.lost(stream.name, why, self.now_ns)
        self._drain()
