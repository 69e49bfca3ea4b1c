"""The venue's clock less ours, by GET /time: whole seconds, so it is known to half a second and half the way."""

from __future__ import annotations

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.settings import MINUTE, SECOND
from pilotfish.venues.polymarket.wire.codec import SERVER_TIME
from pilotfish.venues.trust import Trust

_AGAIN_NS = 5 * SECOND
_WAY_NS_MAX = 2 * SECOND  # an answer that took longer says too little


class Clock:
    """Tells `trust`, and has requests stamped by the venue's clock where ours is off by more than can be doubted."""

    def __init__(self, link: Link, trust: Trust) -> None:
        self._link, self._trust = link, trust
        self._due_ns = 0
        self._asking = False

    def tick(self, now_ns: int) -> None:
        if self._asking or now_ns < self._due_ns:
            return
        self._asking, self._due_ns = True, now_ns + MINUTE
        request = Request("GET", self._link.settings.clob_url, "/time", Kind.OTHER)

        def answered(answer: Answer | None, then_ns: int) -> None:
            self._asking = False
            way_ns = then_ns - now_ns
            try:
                seconds = SERVER_TIME.decode(answer.body) if answer is not None and answer.ok else 0
            except MessageRefused:
                seconds = 0
            if not 0 < seconds < 2**33 or way_ns > _WAY_NS_MAX:
                self._due_ns = then_ns + _AGAIN_NS
                return
            offset_ns = seconds * SECOND + SECOND // 2 - (now_ns + way_ns // 2)
            self._link.offset_ns = offset_ns if abs(offset_ns) > SECOND // 2 + way_ns // 2 else 0
            self._trust.clock(self._link.offset_ns)

        self._link.ask(request, now_ns, answered)

    def next_ns(self) -> int | None:
        return None if self._asking else self._due_ns
