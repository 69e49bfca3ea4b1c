"""The venue of the live figures, in a process of its own: one coin, one lead, and a clock at its own socket.

No matching: an order is answered as filled at its limit price. What is timed is written by this process and read by
it, both by its own clock: the `trades` frame in which the lead trades, and the orders that come back.

python -m bench.live_server      JSON lines: the address out, then for each `Series` that comes in its `Times`
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from time import perf_counter_ns
from typing import Any

import msgspec
import uvloop
from aiohttp import web
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

COIN, PRICE, LOT_DECIMALS, SIZE = "BTC", 66_400, 5, "0.5"
LEAD, STRANGER = "0x" + "1e" * 20, "0x" + "57" * 20
ACCOUNT = "0x" + "ac" * 20  # of the one omnibus account
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


def follower(number: int) -> str:
    """The address of a segregated account."""
    return f"0x{number + 1:040x}"


class Market:
    """What the lead holds and did, and how the coin stands. Numbers are strings as the venue writes them."""

    def __init__(self) -> None:
        self.lots, self.tid = 0, 10**12
        self.fills: list[dict[str, Any]] = []

    def begin(self) -> None:
        """The lead starts from nothing, for whoever listens anew."""
        self.lots = 0
        self.fills.clear()

    def lead_trades(self) -> bytes:
        """A frame of the shape that was recorded: prints of strangers, the lead's among them."""
        buys = self.lots <= 0
        ms, size = _ms(), SIZE
        rows = [self._print(ms, "0.00219", (STRANGER, follower(10**6))) for _ in range(3)]
        users = (LEAD, STRANGER) if buys else (STRANGER, LEAD)
        mine = self._print(ms, size, users, "B" if buys else "A")
        self.fills.append(
            {"coin": COIN, "px": mine["px"], "sz": size, "side": mine["side"], "time": ms, "tid": mine["tid"],
             "startPosition": text(self.lots), "dir": "Open Long", "closedPnl": "0.0", "hash": mine["hash"],
             "oid": mine["tid"], "crossed": True, "fee": "0.1", "feeToken": "USDC"}
        )  # fmt: skip
        self.lots += round(float(size) * 10**LOT_DECIMALS) * (1 if buys else -1)
        return frame("trades", [rows[0], mine, *rows[1:]])

    def tape(self, orders: list[tuple[int, dict[str, Any]]]) -> bytes:
        """Prints of followers' fills."""
        out = []
        for index, order in orders:
            users = (follower(index), STRANGER) if order["b"] else (STRANGER, follower(index))
            out.append(self._print(_ms(), order["s"], users, "B" if order["b"] else "A", order["p"]))
        return frame("trades", out)

    def fill(self, user: str, order: dict[str, Any]) -> bytes:
        self.tid += 1
        row = {"coin": COIN, "px": order["p"], "sz": order["s"], "side": "B" if order["b"] else "A", "time": _ms(),
               "startPosition": "0.0", "dir": "Open Long", "closedPnl": "0.0", "hash": "0x" + "0" * 64,
               "oid": self.tid, "crossed": True, "fee": "0.01", "tid": self.tid, "feeToken": "USDC",
               "cloid": order.get("c")}  # fmt: skip
        return frame("userFills", {"user": user, "fills": [row]})

    def book(self) -> dict[str, Any]:
        sides = [[{"px": f"{PRICE + sign * k}.0", "sz": "20.0", "n": 3} for k in range(20)] for sign in (-1, 1)]
        sides[1] = sides[1][1:]
        return {"coin": COIN, "time": _ms(), "levels": sides}

    def answer(self, body: dict[str, Any]) -> Any:
        """POST /info."""
        kind, user = body["type"], body.get("user")
        if kind == "l2Book":
            return self.book()
        if kind == "clearinghouseState":
            return self._state(user)
        if kind == "userFillsByTime":
            rows = self.fills if user == LEAD else []
            return [row for row in rows if body["startTime"] <= row["time"] <= body.get("endTime", 2**60)][-2_000:]
        if kind == "userRateLimit":
            return {"cumVlm": "1000000000.0", "nRequestsUsed": 0, "nRequestsCap": 10**9}
        return {"balances": []} if kind == "spotClearinghouseState" else []

    def _state(self, user: str | None) -> dict[str, Any]:
        zero = {"accountValue": "1000000.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"}
        held = self.lots if user == LEAD else 0
        position = {
            "coin": COIN, "szi": text(held), "leverage": {"type": "cross", "value": 5}, "entryPx": f"{PRICE}.0",
            "positionValue": f"{abs(held) * PRICE / 10**LOT_DECIMALS:f}", "unrealizedPnl": "0.0",
            "returnOnEquity": "0.0", "marginUsed": "0.0",
        }  # fmt: skip
        rows = [{"type": "oneWay", "position": position}] if held else []
        return {"assetPositions": rows, "crossMarginSummary": zero, "marginSummary": zero, "withdrawable": "0.0",
                "time": _ms()}  # fmt: skip

    def _print(self, ms: int, size: str, users: tuple[str, str], side: str = "B", px: str = "") -> dict[str, Any]:
        self.tid += 1
        return {"coin": COIN, "hash": f"0x{self.tid:064x}", "px": px or f"{PRICE}.0", "side": side, "sz": size,
                "tid": self.tid, "time": ms, "users": users}  # fmt: skip


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


def frame(channel: str, data: object) -> bytes:
    return msgspec.json.encode({"channel": channel, "data": data})


def text(lots: int) -> str:
    return f"{lots / 10**LOT_DECIMALS:f}"


def _ms() -> int:
    return time.time_ns() // 1_000_000


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
