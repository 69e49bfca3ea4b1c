"""A twin behind real sockets on loopback: HTTP and WebSocket, for the driver and for a venue's own official clients.

    with serving(twin) as url:  # from a thread of its own, for clients that block
        Client(base_url=url).buy(...)

    async with TwinServer(twin) as server:  # on the running loop
        await client.connect(server.url)

The way's faults are applied here: a lost request or answer is a request that hangs until the client gives up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self, TypeVar

from aiohttp import WSMsgType, web

from pilotfish.venues.twins.faults import SECOND, TwinFaults
from pilotfish.venues.twins.port import Twin
from pilotfish.venues.twins.stream import Stream
from pilotfish.venues.twins.way import Fate, Way

BODY_BYTES_MAX = 16 * 2**20
TURN_S_MIN, TURN_S_MAX = 0.001, 1.0  # faults that last have their opportunity each second
T = TypeVar("T")


class TwinServer:
    """Serves `twin` on 127.0.0.1. `clock`: true time, ns since epoch. `port` 0 takes a free one. `asks`: see `Way`.

    What a twin raises is answered by 500 or a hang-up, kept in `failure`, and raised again when the server is left.
    """

    def __init__(
        self,
        twin: Twin,
        faults: TwinFaults | None = None,
        clock: Callable[[], int] = time.time_ns,
        port: int = 0,
        asks: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.twin, self.way = twin, Way(faults, asks)
        self.url = ""
        self.failure: Exception | None = None
        self._clock, self._port = clock, port
        self._streams: dict[int, Stream] = {}
        self._count = self._second = 0
        self._timer: asyncio.TimerHandle | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        self._loop, self.left = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # A request that hangs ends when its client has gone.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self._by_itself()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up on everybody and stop listening."""
        self.left.set()
        if self._timer is not None:
            self._timer.cancel()
        for stream in self._streams.values():
            stream.abort()
        if self._runner is not None:
            await self._runner.cleanup()
        if self.failure is not None:
            raise self.failure

    def call(self, act: Callable[[], T]) -> T:
        """Do something to the twin between two messages, and send what it then has to say. On the server's own loop."""
        done = act()
        self._pushed()
        return done

    def call_from_thread(self, act: Callable[[], T]) -> T:
        """`call`, for a server that runs in another thread."""

        async def there() -> T:
            return self.call(act)

        return asyncio.run_coroutine_threadsafe(there(), self._loop).result()

    def turn(self) -> None:
        """Take up what time has brought: for whoever moves the clock himself. On the server's own loop."""
        self._safely(self._passed)

    def leave_from_thread(self) -> None:
        """Let who waits for `left` leave, for a server that runs in another thread."""
        with suppress(RuntimeError):  # its loop is closed: it left by itself
            self._loop.call_soon_threadsafe(self.left.set)

    # HTTP.

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("upgrade", "").lower() == "websocket":
            return await self._converse(request)
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        fate = self.way.request()
        response: web.Response | None = None
        if fate is not Fate.LOST:
            answer = self._safely(
                lambda now_ns: self.twin.request(request.method, request.raw_path, headers, body, now_ns)
            )
            if answer is None:
                return web.Response(status=500, text="the twin failed")
            told = {"content-type": "application/json"} | {name.lower(): text for name, text in answer.headers.items()}
            response = web.Response(status=answer.status, body=answer.body, headers=told)
        if response is None or fate is Fate.UNANSWERED:
            await self.left.wait()  # until the client gives up, which cancels this
            response = web.Response(status=503)
        return response

    # WebSocket.

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        if self.way.refuses(self._clock()):
            return web.Response(status=503)
        socket = web.WebSocketResponse(autoping=False, compress=False, timeout=1.0, max_msg_size=BODY_BYTES_MAX)
        await socket.prepare(request)
        self._count += 1
        number = self._count
        stream = self._streams[number] = Stream(socket, request, self._clock)
        self.way.opened(number)
        self._safely(lambda now_ns: self.twin.opened(number, request.raw_path, now_ns))
        writer = asyncio.create_task(stream.write())
        try:
            await self._listen(number, stream, socket)
        finally:
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
            del self._streams[number]
            if not stream.ended:
                self.way.closed(number)
                self._safely(lambda now_ns: self.twin.closed(number, now_ns))
        return socket

    async def _listen(self, number: int, stream: Stream, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.PING:
                if not self.way.half_open(number):
                    await socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY) and not stream.ended:
                raw = message.data.encode() if message.type is WSMsgType.TEXT else message.data
                if self.way.arrives(number, raw):
                    self._frame(number, stream, raw)

    def _frame(self, number: int, stream: Stream, raw: bytes) -> None:
        self._safely(lambda now_ns: self.twin.frame(number, raw, now_ns))
        if self.failure is not None:
            stream.abort()

    # The twin.

    def _safely(self, act: Callable[[int], T]) -> T | None:
        """Let the twin act at this moment, and send what it has to say. None when it raised."""
        try:
            now_ns = self._clock()
            due_ns = self.twin.next_ns()
            if due_ns is not None and due_ns <= now_ns:
                self.twin.advance(now_ns)
            done = act(now_ns)
            self._pushed()
        except Exception as bad:
            self.failure = self.failure or bad
            return None
        return done

    def _pushed(self) -> None:
        while self.twin.pushes:
            pushes, self.twin.pushes = self.twin.pushes, []
            for push in pushes:
                stream = self._streams.get(push.stream)
                if stream is None or stream.ended:
                    continue
                stream.put(self.way.legs(push.stream, push.data))
                if push.data is None:
                    stream.ended = True
                    self.way.closed(push.stream)

    def _by_itself(self) -> None:
        """What time brings, and again when the next thing is due."""
        self.turn()
        due_ns = None if self.failure else self.twin.next_ns()
        wait_s = TURN_S_MAX if due_ns is None else (due_ns - self._clock()) / SECOND
        self._timer = self._loop.call_later(min(max(wait_s, TURN_S_MIN), TURN_S_MAX), self._by_itself)

    def _passed(self, now_ns: int) -> None:
        for number in self.way.breaks(now_ns):
            self._streams[number].abort()
        release = now_ns // SECOND > self._second
        self._second = now_ns // SECOND
        for stream in self._streams.values():
            stream.turn(release)


@contextmanager
def server_in_thread(
    twin: Twin, faults: TwinFaults | None = None, clock: Callable[[], int] = time.time_ns, port: int = 0
) -> Iterator[TwinServer]:
    """A server on a loop and in a thread of its own. Leaving waits for its end, and raises what the twin raised."""
    server = TwinServer(twin, faults, clock, port)
    ready = threading.Event()
    raised: list[Exception] = []

    async def life() -> None:
        async with server:
            ready.set()
            await server.left.wait()

    def run() -> None:
        try:
            asyncio.run(life())
        except Exception as bad:
            raised.append(bad)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="twin")
    thread.start()
    ready.wait()
    if raised:
        thread.join()
        raise raised[0]
    try:
        yield server
    finally:
        server.leave_from_thread()
        thread.join()
        if raised:  # above what the block raised, which may follow from it
            raise raised[0]


@contextmanager
def serving(twin: Twin, faults: TwinFaults | None = None, clock: Callable[[], int] = time.time_ns) -> Iterator[str]:
    """`server_in_thread`, for who needs its address alone: http://127.0.0.1:port; streams are at ws:// of the same."""
    with server_in_thread(twin, faults, clock) as server:
        yield server.url
