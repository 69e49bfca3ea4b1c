"""One WebSocket of a served twin: what the way lets through goes out in order, by one task that writes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from aiohttp import ClientConnectionError, web

from pilotfish.venues.twins.way import Leg


class Stream:
    """`ended`: the twin hung up; what the client still sends reaches nobody."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, clock: Callable[[], int]) -> None:
        self.ended = False
        self._socket, self._transport, self._clock = socket, request.transport, clock
        self._waiting: deque[Leg] = deque()
        self._late: list[bytes] = []
        self._wake = asyncio.Event()

    def put(self, legs: Iterable[Leg]) -> None:
        self._waiting.extend(legs)
        self._wake.set()

    def turn(self, release: bool) -> None:
        """Time has passed: what was withheld may go; with `release` what is late as well, whether overtaken or not."""
        if release:
            self._waiting.extendleft(Leg(data) for data in reversed(self._late))
            self._late.clear()
        self._wake.set()

    async def write(self) -> None:
        """Until the client is gone, or the twin has hung up."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting and self._waiting[0].ready_ns <= self._clock():
                leg = self._waiting.popleft()
                if leg.late and leg.data is not None:
                    self._late.append(leg.data)
                    continue
                try:
                    if leg.data is None:
                        await self._socket.close()
                        return
                    for data in (leg.data, *self._late):
                        await self._socket.send_str(data.decode(errors="replace"))
                except ClientConnectionError:
                    return  # it went: the task that reads sees it, and tells the twin
                self._late.clear()

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()
