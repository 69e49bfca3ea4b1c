"""The venue of the live figures, in a process of its own: one coin, one lead, and a clock at its own socket.

No matching: an order is answered as filled at its limit price. What is timed is written by this process and read by
it, both by its own clock: the `trades` frame in which the lead trades, and the orders that come back.

python -m bench.live_server      JSON lines: the address out, then for each `Series` that comes in its `Times`
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from time import perf_counter_ns
from typing import Any

import msgspec
import uvloop
from aiohttp import web
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from bench.live_market import ACCOUNT, COIN, PRICE, Market, follower, frame

STREAMED = 10  # accounts that have streams of their own
TICK_S = 0.3  # between two books
TIMEOUT_S = 20.0
POLL_S = 0.002


class Series(msgspec.Struct):
    """`rounds` trades of the lead, each answered by `orders` orders. `echo`: of the bare sockets instead."""

    rounds: int
    orders: int = 1
    gap_s: float = 0.0  # of silence before each
    echo: bool = False


class Times(msgspec.Struct):
    """From the write of the lead's trade to the read of the last order of it, ns; and rounds without an answer."""

    ns: list[int]
    missed: int


class Venue:
    """Streams, questions, and the series that are timed."""

    def __init__(self) -> None:
        self.market = Market()
        self.streams: set[Stream] = set()
        self.trades: Stream | None = None
        self.echo: Stream | None = None
        self._wanted = self._began = self._last = 0
        self._done = asyncio.Event()
        self._orders: list[tuple[Stream, dict[str, Any]]] = []

    async def play(self, series: Series) -> Times:
        """Raises TimeoutError where nobody listens."""
        times, missed = list[int](), 0
        for _ in range(series.rounds):
            stream = await self._listener(series)
            await asyncio.sleep(series.gap_s)
            raw = Market().lead_trades() if series.echo else self.market.lead_trades()
            self._done.clear()
            self._wanted, self._orders = series.orders, []
            self._began = perf_counter_ns()
            stream.send(raw)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._done.wait(), TIMEOUT_S)
            if self._wanted:
                missed += 1
            else:
                times.append(self._last - self._began)
        return Times(times, missed)

    async def _listener(self, series: Series) -> Stream:
        async with asyncio.timeout(TIMEOUT_S):
            while (stream := self.echo if series.echo else self.trades) is None:
                await asyncio.sleep(POLL_S)
        return stream

    def read(self, count: int) -> None:
        """So many orders have just been read."""
        self._last = perf_counter_ns()
        self._wanted = max(0, self._wanted - count)
        if not self._wanted:
            self._done.set()

    def ordered(self, stream: Stream | None, action: dict[str, Any]) -> dict[str, Any]:
        """The reply to an action; the fills are told when all orders of the round have arrived."""
        if action["type"] != "order":
            return {"status": "ok", "response": {"type": "default"}}
        statuses = []
        for order in action["orders"]:
            self.market.tid += 1
            if stream is not None and "c" in order:
                self._orders.append((stream, order))
            statuses.append({"filled": {"totalSz": order["s"], "avgPx": order["p"], "oid": self.market.tid}})
        if not self._wanted:
            asyncio.get_running_loop().call_soon(self._tell)
        return {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}

    def _tell(self) -> None:
        """Fills of the accounts that are streamed, and the public prints of the others, by place in the batch."""
        orders, self._orders = self._orders, []
        coids = [int(order["c"], 16) & (2**64 - 1) for _, order in orders]
        printed: list[tuple[int, dict[str, Any]]] = []
        for coid, (stream, order) in zip(coids, orders, strict=True):
            place = coid - min(coids)
            if stream.segregated and place >= STREAMED:
                printed.append((place, order))
            else:
                stream.send(self.market.fill(follower(place) if stream.segregated else ACCOUNT, order))
        if printed and self.trades is not None:
            self.trades.send(self.market.tape(printed))

    def tick(self) -> None:
        """The state of the coin, to everybody who listens."""
        book = self.market.book()
        best = [side[0] for side in book["levels"]]
        ctx = {"markPx": f"{PRICE}.0", "prevDayPx": f"{PRICE}.0", "dayNtlVlm": "1.0", "midPx": f"{PRICE}.5",
               "funding": "0.00001", "openInterest": "1.0", "oraclePx": f"{PRICE}.0", "premium": "0.0"}  # fmt: skip
        told = {"l2Book": book, "bbo": {"coin": COIN, "time": book["time"], "bbo": best},
                "activeAssetCtx": {"coin": COIN, "ctx": ctx}}  # fmt: skip
        for stream in self.streams:
            for kind in stream.wants & set(told):
                stream.send(frame(kind, told[kind]))


class Stream(WSListener):
    """One WebSocket. On /echo whatever comes is an order."""

    def __init__(self, venue: Venue, *, echo: bool) -> None:
        self._venue, self._echo = venue, echo
        self.wants: set[str] = set()
        self.segregated = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        if self._echo:
            self._venue.echo = self
        self._venue.streams.add(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._venue.streams.discard(self)
        if self._venue.trades is self:
            self._venue.trades = None

    def on_ws_frame(self, transport: WSTransport, frame_: WSFrame) -> None:
        if frame_.msg_type == WSMsgType.CLOSE:
            return transport.disconnect()
        if frame_.msg_type != WSMsgType.TEXT:
            return
        raw = frame_.get_payload_as_bytes()
        if self._echo:
            return self._venue.read(1)
        if b'"type":"order"' in raw:
            self._venue.read(1)  # before it is even parsed
        message = msgspec.json.decode(raw)
        if message["method"] == "post":
            action = message["request"]["payload"]["action"]
            payload = self._venue.ordered(self, action)
            data = {"id": message["id"], "response": {"type": "action", "payload": payload}}
            self.send(frame("post", data))
        elif message["method"] == "subscribe":
            self._subscribe(message["subscription"], message)
        elif message["method"] == "ping":
            self.send(b'{"channel":"pong"}')

    def _subscribe(self, subscription: dict[str, Any], message: dict[str, Any]) -> None:
        self.wants.add(subscription["type"])
        if subscription["type"] == "trades":
            self._venue.trades = self
            self._venue.market.begin()
        if subscription.get("user") == follower(0):
            self.segregated = True
        self.send(frame("subscriptionResponse", message))
        self._venue.tick()

    def send(self, raw: bytes) -> None:
        self._transport.send(WSMsgType.TEXT, raw)


async def serve(venue: Venue) -> tuple[str, str, web.AppRunner]:
    """Listen on loopback: addresses of the stream and of HTTP."""

    async def info(request: web.Request) -> web.Response:
        return _json(venue.market.answer(msgspec.json.decode(await request.read())))

    async def exchange(request: web.Request) -> web.Response:
        raw = await request.read()
        if b'"order"' in raw:
            venue.read(1)
        return _json(venue.ordered(None, msgspec.json.decode(raw)["action"]))

    app = web.Application()
    app.add_routes([web.post("/info", info), web.post("/exchange", exchange)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()

    def listener(request: WSUpgradeRequest) -> Stream:
        return Stream(venue, echo=request.path == b"/echo")

    server = await ws_create_server(listener, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    return f"ws://{host}:{port}", "http://{}:{}".format(*runner.addresses[0]), runner


def _json(answer: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


async def main() -> None:
    """Until the standard input ends."""
    venue = Venue()
    ws, http, runner = await serve(venue)
    print(msgspec.json.encode([ws, http]).decode(), flush=True)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def ticks() -> None:
        while True:
            venue.tick()
            await asyncio.sleep(TICK_S)

    ticking = loop.create_task(ticks())
    while line := await reader.readline():
        times = await venue.play(msgspec.json.decode(line, type=Series))
        print(msgspec.json.encode(times).decode(), flush=True)
    ticking.cancel()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
