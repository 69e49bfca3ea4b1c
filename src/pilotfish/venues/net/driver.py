"""A session over real sockets: the live venue.

A frame goes from the socket through the session to whoever listens, and the orders that follow back into the socket,
in one callback: nothing waits for a task in between. Requests and signatures are tasks. Everything runs on one loop and
in one thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from pilotfish.domain.errors import PilotfishError, VenueError
from pilotfish.domain.events import Connection, Event
from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved
from pilotfish.venues.net.http import Answered, Http
from pilotfish.venues.net.signing import Signer, SignHere, sign_in_parts
from pilotfish.venues.net.sockets import Socket
from pilotfish.venues.net.terms import WireTerms
from pilotfish.venues.session import SECOND, Ask, Close, Open, Out, Send, Session, Sign

TICK_S_MIN = 0.001  # a tick that asks for itself again at once gets its turn this much later
LINGER_S = 1.0  # how long a closed stream may take to say goodbye


def new_loop() -> asyncio.AbstractEventLoop:
    """The fastest loop there is: uvloop, and asyncio's own where that is not installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Driver:
    """Drives `session` on the running loop, from `start` to `stop`.

    `on_ready` is called when events wait, and takes them by `events`; it may submit. `signer` makes signatures
    elsewhere, `sign_here` in this thread: one of them, for a session that asks for any. `clock`: ns since epoch.
    `join` raises what went wrong. An error in session or signer ends every stream, and is told as a lost connection;
    after one in `on_ready`, which is not called again, the session goes on until `stop` lets it shut down.
    """

    def __init__(
        self,
        session: Session,
        clock: Callable[[], int] = time.time_ns,
        signer: Signer | None = None,
        sign_here: SignHere | None = None,
        on_ready: Callable[[], None] | None = None,
        wire: WireTerms | None = None,
    ) -> None:
        self.session, self.idempotent_ids = session, session.idempotent_ids
        self.on_ready = on_ready
        self.failure: Exception | None = None
        self.counts: Counter[str] = Counter()
        self._clock, self._now_ns = clock, 0
        self._signer, self._sign_here = signer, sign_here
        self._wire = wire or WireTerms()
        self._sockets: dict[str, tuple[Socket, asyncio.Task[None]]] = {}
        self._told: list[Event] = []
        self._tasks: set[asyncio.Task[None]] = set()  # requests and signatures
        self._lives: dict[asyncio.Task[None], Socket] = {}  # every connection that has not ended yet
        self._timer: asyncio.TimerHandle | None = None
        self._armed_ns = 0
        self._running = self._announcing = self._halted = False
        self._http: Http | None = None
        self._moved, self._ended = asyncio.Event(), asyncio.Event()

    # The port.

    def events(self, until_ns: int) -> Sequence[Event]:
        """All that waits: real time has no later."""
        told, self._told = self._told, []
        return told

    def next_ns(self) -> int | None:
        return self._told[0].ours_ns if self._told else None

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """What the session has to send is in the socket's hands when this returns. It never calls `on_ready` itself."""
        if not self._running:
            self.counts["submitted_while_down"] += len(commands)
            return
        self._enter(lambda now_ns: self.session.submit(commands, now_ns))
        if self._told and not self._announcing:
            self._loop.call_soon(self._announce)

    # Life.

    async def start(self) -> None:
        """Open the streams. Raises VenueError when it was started before."""
        if self._http is not None:
            raise VenueError(f"the driver of {self.session.name}", "was started before", "make a new one")
        self._loop, self._http = asyncio.get_running_loop(), Http(self._wire)
        self._running = True
        self._do(self.session.start)

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Let the session shut down, wait for it so long, and close everything. `session.stopped` says how it ended."""
        self._do(self.session.stop)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._running and not self.session.stopped:
                    self._moved.clear()
                    await self._moved.wait()
        await self._close()

    async def join(self) -> None:
        """Wait for the end, or for what goes wrong, and raise that."""
        await self._ended.wait()
        if self.failure is not None:
            raise self.failure

    def turn(self) -> None:
        """Tick the session where its time has come: for whoever moves the clock himself."""
        self._do(self._tick_if_due)

    def counters(self) -> dict[str, int]:
        return self.session.counters() | self.counts

    # Into the session.

    def _now(self) -> int:
        """Never before what was said before, whatever the machine's clock does."""
        self._now_ns = max(self._now_ns, self._clock())
        return self._now_ns

    def _do(self, act: Callable[[int], None]) -> None:
        self._enter(act)
        self._announce()

    def _enter(self, act: Callable[[int], None]) -> None:
        """Let the session act, and do what it then wants done."""
        if not self._running:
            return
        try:
            act(self._now())
            session = self.session
            while session.out:
                out, session.out = session.out, []
                for one in out:
                    self._carry_out(one)
            if session.told:
                self._told += session.told
                session.told = []
            self._rearm(session.next_ns())
        except Exception as bad:
            self._break_down(f"the session of {self.session.name}", bad)
        self._moved.set()

    def _announce(self) -> None:
        if self.on_ready is None or self._announcing:
            return
        self._announcing = True
        try:
            while self._told and not self._halted:
                waiting = self._told
                self.on_ready()
                if self._told is waiting:
                    break  # it did not take them now
        except Exception as bad:
            self._halted = True
            self.failure = self.failure or bad
            self._ended.set()
        finally:
            self._announcing = False

    def _rearm(self, wanted: int | None) -> None:
        if wanted is None or (self._timer is not None and self._armed_ns <= wanted):
            return  # a timer that comes early asks again
        if self._timer is not None:
            self._timer.cancel()
        self._armed_ns = wanted
        self._timer = self._loop.call_later(max((wanted - self._now_ns) / SECOND, TICK_S_MIN), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.turn()

    def _tick_if_due(self, now_ns: int) -> None:
        wanted = self.session.next_ns()
        if wanted is not None and wanted <= now_ns:
            self.session.tick(now_ns)

    # Out of the session.

    def _carry_out(self, one: Out) -> None:
        if isinstance(one, Send):
            pair = self._sockets.get(one.name)
            if pair is None or not pair[0].send(one.data):
                self.counts["sent_without_a_stream"] += 1
        elif isinstance(one, Ask):
            self._task(self._ask(one))
        elif isinstance(one, Open):
            self._shut(one.name)
            socket = Socket(one.name, self._opened, self._message, self._wire)
            life = self._loop.create_task(self._live(socket, one))
            self._sockets[one.name], self._lives[life] = (socket, life), socket
            life.add_done_callback(self._lives.pop)
        elif isinstance(one, Close):
            self._shut(one.name)
        else:
            self._task(self._sign(one))

    def _task(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _shut(self, name: str) -> None:
        if (pair := self._sockets.pop(name, None)) is not None:
            socket, life = pair
            socket.close()
            if not socket.dialled:
                life.cancel()

    async def _live(self, socket: Socket, one: Open) -> None:
        if one.wait_ns > 0:
            await asyncio.sleep(one.wait_ns / SECOND)
        why = await socket.live(one.url)
        if self._current(socket):
            del self._sockets[one.name]
            self._do(lambda now_ns: self.session.lost(one.name, why, now_ns))

    def _current(self, socket: Socket) -> bool:
        pair = self._sockets.get(socket.name)
        return pair is not None and pair[0] is socket

    def _opened(self, socket: Socket) -> None:
        if self._current(socket):
            self._do(lambda now_ns: self.session.opened(socket.name, now_ns))

    def _message(self, socket: Socket, raw: bytes) -> None:
        if self._current(socket):
            self._do(lambda now_ns: self.session.frame(socket.name, raw, now_ns))

    async def _ask(self, ask: Ask) -> None:
        assert self._http is not None
        answer = await self._http.ask(ask)
        if isinstance(answer, Answered):
            self._do(lambda now_ns: self.session.answered(ask.id, *answer, now_ns))
        else:
            self._do(lambda now_ns: self.session.failed(ask.id, answer, now_ns))

    async def _sign(self, one: Sign) -> None:
        def give(first: int, signatures: list[bytes]) -> None:
            self._do(lambda now_ns: self.session.signed(one.id, first, signatures, now_ns))

        try:
            await sign_in_parts(one.requests, self._signer, self._sign_here, give)
        except Exception as bad:
            self._break_down("the signer", bad)

    # Ends.

    def _break_down(self, what: str, bad: Exception) -> None:
        """The session is not asked again: nobody knows what state it is in."""
        if not self._running:
            return
        self._running = False
        why = str(bad) if isinstance(bad, PilotfishError) else f"{type(bad).__name__} in {_place(bad)}"
        failure = VenueError(what, why, "restart; the venue will be asked what became of every order")
        failure.__cause__ = bad
        self.failure = self.failure or failure
        self._told += [*self.session.told, Connection(self._now(), self._now(), False)]
        self.session.told = []
        for name in list(self._sockets):
            self._shut(name)
        for socket in self._lives.values():
            socket.abort()
        for task in self._tasks - {asyncio.current_task(self._loop)}:
            task.cancel()
        self._moved.set()
        self._ended.set()
        self._loop.call_soon(self._announce)

    async def _close(self) -> None:
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        for name in list(self._sockets):
            self._shut(name)
        await self._gone([*self._tasks, *self._lives], LINGER_S)
        for socket in self._lives.values():
            socket.abort()
        await self._gone([*self._lives], 2 * self._wire.connect_s)
        if self._http is not None:
            await self._http.close()
        self._ended.set()

    async def _gone(self, tasks: list[asyncio.Task[None]], timeout_s: float) -> None:
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)


def _place(bad: Exception) -> str:
    """Where it was raised; what it says may quote what nobody should read."""
    frame = traceback.extract_tb(bad.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
