"""What comes in: HTTP requests, and what is said on streams."""

from __future__ import annotations

from typing import Any

import msgspec

from pilotfish.venues.hyperliquid.wire.codec import encode
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.hyperliquid import clock
from pilotfish.venues.twins.hyperliquid.actions import Desk, items
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.info import Info
from pilotfish.venues.twins.hyperliquid.limits import Limits, action_weight, info_weight
from pilotfish.venues.twins.hyperliquid.streams import Streams
from pilotfish.venues.twins.hyperliquid.wanted import UNREADABLE, Unreadable
from pilotfish.venues.twins.port import Answer

_JSON = {"content-type": "application/json"}
_TEXT = {"content-type": "text/plain; charset=utf-8"}
_UNREADABLE = (UNREADABLE.encode(), _TEXT)
_WORDS = {429: (b"null", _JSON), 500: (b"Internal Server Error", _TEXT)}


class Door:
    """Answers in the venue's words whatever comes; the market has been brought up to now before."""

    def __init__(
        self, core: Core, info: Info, desk: Desk, streams: Streams, limits: Limits, faults: TwinFaults
    ) -> None:
        self.core, self.info, self.desk, self.streams = core, info, desk, streams
        self.limits, self.faults = limits, faults

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None:
        listener = self.streams.up.get(stream)
        if listener is None:
            return
        listener.heard_ns = now_ns
        try:
            message = msgspec.json.decode(raw)
            method = message["method"]
            if method == "ping":
                self.streams.pong(stream)
            elif method == "subscribe":
                self.streams.subscribe(stream, message["subscription"])
            elif method == "unsubscribe":
                self.streams.unsubscribe(stream, message["subscription"])
            elif method == "post":
                self._post(stream, message["id"], message["request"]["type"], message["request"]["payload"])
            else:
                raise KeyError(method)
        except (msgspec.MsgspecError, KeyError, TypeError, UnicodeDecodeError, RecursionError):
            text = raw.decode(errors="replace")
            self.streams.error(stream, f"Error parsing JSON into valid websocket request: {text}")

    def request(self, method: str, url: str, body: bytes) -> Answer:
        path = url.partition("?")[0]
        if path not in ("/info", "/exchange"):
            return Answer(404, b"", _TEXT)
        if method != "POST":
            return Answer(405, b"", _TEXT)
        try:
            asked = msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Answer(400, b"Failed to parse the request body as JSON", _TEXT)
        status, answer = self._serve(path, asked)
        self.streams.tell()
        return Answer(200, encode(answer), _JSON) if status == 200 else Answer(status, *_WORDS.get(status, _UNREADABLE))

    def _exchange(self, asked: Any) -> Any:
        for market in self.core.markets.values():
            clock.move(self.core, market)
        return self.desk.take(asked)

    def _post(self, stream: int, number: Any, kind: str, payload: Any) -> None:
        if not isinstance(number, int) or kind not in ("info", "action"):
            raise TypeError(kind)
        status, answer = self._serve("/info" if kind == "info" else "/exchange", payload)
        if status != 200:
            text, _ = _WORDS.get(status, _UNREADABLE)
            self.streams.posted(stream, number, "error", f"{status} {text.decode()}")
        else:
            data = {"type": payload["type"], "data": answer} if kind == "info" else answer
            self.streams.posted(stream, number, kind, data)
        self.streams.tell()

    def _serve(self, path: str, asked: Any) -> tuple[int, Any]:
        """HTTP status and answer. A 500 may come before anything was done, and after."""
        if self.faults.hit(Fault.RATE_LIMIT) or not self.limits.spend(_weight(path, asked), self.core.now_ns):
            return 429, None
        broken = self.faults.hit(Fault.ERROR_500)
        if broken and not self.faults.draw(Fault.ERROR_500, 2):
            return 500, None
        try:
            answer = self.info.answer(asked) if path == "/info" else self._exchange(asked)
        except Unreadable:
            return 422, None
        return (500, None) if broken else (200, answer)


def _weight(path: str, asked: Any) -> int:
    if not isinstance(asked, dict):
        return 1
    action = asked.get("action")
    if path == "/info":
        return info_weight(str(asked.get("type")))
    return action_weight(items(action) if isinstance(action, dict) else 1)
