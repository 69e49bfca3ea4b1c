"""The chain in a process of its own, behind JSON-RPC on loopback: HTTP with batches, and WebSocket with subscriptions.

    python -m pilotfish.venues.evm.node.server [PORT]    says `Listening on 127.0.0.1:…` when it does

`venues.evm.node.nodes` starts it. Blocks and logs are pushed to their subscribers as each block is mined.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

from aiohttp import WSMsgType, web
from msgspec import json

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.node.asked import INVALID, LogFilter, Params, Request, read_params
from pilotfish.venues.evm.node.chain import Block, LocalChain
from pilotfish.venues.evm.node.pool import NodeRefused
from pilotfish.venues.evm.node.rpc import LocalRpc
from pilotfish.venues.evm.node.words import Json, head_words, logs_of, said

BODY_BYTES_MAX = 4 * 2**20
QUEUE_MAX = 10_000
SUBSCRIPTIONS_MAX = 100


class Subscribed(Params, frozen=True, array_like=True):
    kind: str
    wanted: LogFilter = LogFilter()


class Unsubscribed(Params, frozen=True, array_like=True):
    number: str


class Subscriber:
    """One WebSocket: what it wants to hear, and what it has not been told yet."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_MAX)
        self.slow = False
        self._wants: dict[str, Subscribed] = {}
        self._count = 0

    def manage(self, request: Request) -> object:
        """eth_subscribe and eth_unsubscribe. Raises NodeRefused."""
        if request.method == "eth_unsubscribe":
            return self._wants.pop(read_params(request.params, Unsubscribed).number, None) is not None
        asked: Subscribed = read_params(request.params, Subscribed)
        if asked.kind not in ("newHeads", "logs", "newPendingTransactions"):
            raise NodeRefused(INVALID, f"no subscription is called {asked.kind[:80]}")
        if len(self._wants) >= SUBSCRIPTIONS_MAX:
            raise NodeRefused(-32005, f"more than {SUBSCRIPTIONS_MAX} subscriptions")
        self._count += 1
        self._wants[hex(self._count)] = asked
        return hex(self._count)

    def block(self, block: Block) -> None:
        for number, asked in self._wants.items():
            if asked.kind == "newHeads":
                self._tell(number, head_words(block))
            elif asked.kind == "logs":
                for log in logs_of(block, asked.wanted):
                    self._tell(number, log)

    def pooled(self, transaction: bytes) -> None:
        for number, asked in self._wants.items():
            if asked.kind == "newPendingTransactions":
                self._tell(number, said(transaction))

    def _tell(self, number: str, result: Json | str) -> None:
        news = {"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": number, "result": result}}
        self.put(json.encode(news))

    def put(self, frame: bytes) -> None:
        """Who does not read is hung up on, rather than told half."""
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.slow = True


class NodeServer:
    """A chain behind sockets, on the running loop."""

    def __init__(self, chain: LocalChain, port: int = 0) -> None:
        self.rpc, self.port = LocalRpc(chain), port
        self._subscribers: set[Subscriber] = set()
        self._runner: web.AppRunner | None = None
        chain.mined.append(self._mined)
        chain.pooled.append(self._pooled)

    async def start(self) -> None:
        """Raises ConfigError where the port is taken."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/", self._post)
        app.router.add_get("/", self._socket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        except OSError as bad:
            await self._runner.cleanup()
            raise ConfigError(f"port {self.port}", f"cannot be listened on ({bad.strerror})", "name another") from None
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _mined(self, block: Block) -> None:
        for subscriber in self._subscribers:
            subscriber.block(block)

    def _pooled(self, transaction: bytes) -> None:
        for subscriber in self._subscribers:
            subscriber.pooled(transaction)

    def _is_ours(self, request: web.Request) -> bool:
        """Whether whoever asks means this machine: a name of somebody else's may have been made to point here."""
        return request.headers.get("Host", "").rpartition(":")[0] in ("127.0.0.1", "localhost")

    async def _post(self, request: web.Request) -> web.Response:
        # A page in somebody's browser may not drive the chain: it cannot send this type without asking first.
        if request.content_type != "application/json" or not self._is_ours(request):
            return web.Response(status=415, text="application/json to 127.0.0.1 alone is taken")
        reply = self.rpc.answer(await request.read())
        return web.Response(body=reply, content_type="application/json")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") or not self._is_ours(request):
            return web.Response(status=403, text="not from a browser")
        socket = web.WebSocketResponse(max_msg_size=BODY_BYTES_MAX, compress=False, timeout=0.1)
        if not socket.can_prepare(request).ok:
            return web.Response(status=405, text="POST, or a WebSocket")
        await socket.prepare(request)
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        writer = asyncio.create_task(self._write(socket, subscriber))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    subscriber.put(self.rpc.answer(message.data, subscriber.manage))
        finally:
            self._subscribers.discard(subscriber)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return socket

    @staticmethod
    async def _write(socket: web.WebSocketResponse, subscriber: Subscriber) -> None:
        while not socket.closed:
            frame = await subscriber.queue.get()
            if subscriber.slow:
                await socket.close(code=1008, message=b"too slow")
                return
            with suppress(ConnectionError):
                await socket.send_str(frame.decode())


async def _serve(port: int) -> None:
    """Until whoever started this closes its standard input."""
    server, ended = NodeServer(LocalChain(), port), asyncio.Event()
    await server.start()

    def heard() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            ended.set()

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), heard)
    print(f"Listening on 127.0.0.1:{server.port}", flush=True)
    await ended.wait()
    await server.stop()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    try:
        asyncio.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    except ConfigError as bad:
        raise SystemExit(str(bad)) from None


if __name__ == "__main__":
    main()
