"""What befalls frames and requests between a session and a twin; the same in virtual time and over real sockets.

A silence is a stall: the stream stands, and what the venue says waits until it is over, as TCP keeps it. A half-open
stream never recovers: what either side says vanishes until someone closes it. Of the lasting faults each second with
an open stream is one opportunity; of the others each frame from the venue, and each request.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from pilotfish.venues.twins.faults import SECOND, Fault, TwinFaults

FOREVER = 2**62
# Texts that are no message, or none that the venue would send.
_EMPTY = (b"", b"null", b"[]", b"{}", b'"')
_WRONG = (*_EMPTY, b"{" * 500, b"[" * 500, b"1e999", b'{"channel":7}', b"<html>502</html>", b"\xff\xfe")


def target_of(url: str) -> str:
    """Path and query, as the first line of a request carries them."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class Fate(IntEnum):
    """Of a request: the first two are a timeout to whoever asked."""

    LOST = 0  # it never arrives
    UNANSWERED = 1  # it is executed, and nobody says so
    ANSWERED = 2


class Leg(NamedTuple):
    """One frame on its way to us. `late`: later frames overtake it. `ready_ns`: it is withheld until then."""

    data: bytes | None
    late: bool = False
    ready_ns: int = 0


class Joined:
    """One connection in virtual time: when its last frame arrives, each way."""

    __slots__ = ("back_ns", "name", "number", "open", "there_ns")

    def __init__(self, name: str, number: int) -> None:
        self.name, self.number, self.open = name, number, True
        self.there_ns = self.back_ns = 0


class Way:
    """The way between one session and one twin. Streams are the twin's numbers.

    `asks` tells which frames are a request or its answer, where a venue takes orders over its stream: these can be
    lost like requests.
    """

    def __init__(self, faults: TwinFaults | None = None, asks: Callable[[bytes], bool] | None = None) -> None:
        self.faults = faults or TwinFaults()
        self._asks = asks
        self._withheld: dict[int, int] = {}  # open stream → until when nothing comes
        self._half_open: set[int] = set()
        self._unanswered: dict[int, int] = {}  # stream → answers that will vanish
        self._refusing_ns = self._second = -FOREVER

    def refuses(self, now_ns: int) -> bool:
        """Whether a new stream is refused now: an outage lasts."""
        return now_ns < self._refusing_ns

    def refuse_until(self, ns: int) -> None:
        self._refusing_ns = max(self._refusing_ns, ns)

    def opened(self, stream: int) -> None:
        self._withheld[stream] = 0

    def closed(self, stream: int) -> None:
        self._withheld.pop(stream, None)
        self._unanswered.pop(stream, None)
        self._half_open.discard(stream)

    def breaks(self, now_ns: int) -> list[int]:
        """To be called at least once a second: begin what lasts. Returns the streams that end at this moment."""
        second = now_ns // SECOND
        if second <= self._second or not self._withheld:
            return []
        self._second = second
        if self.faults.hit(Fault.SILENT):
            stream = self._victims(Fault.SILENT)
            self._withheld.update(dict.fromkeys(stream, now_ns + self.faults.lasting_ns))
        if self.faults.hit(Fault.HALF_OPEN):
            self._half_open.update(self._victims(Fault.HALF_OPEN))
        if not self.faults.hit(Fault.DISCONNECT):
            return []
        self.refuse_until(now_ns + self.faults.lasting_ns)
        return self._victims(Fault.DISCONNECT)

    def request(self) -> Fate:
        if self.faults.hit(Fault.LOST_REQUEST):
            return Fate.LOST
        return Fate.UNANSWERED if self.faults.hit(Fault.LOST_ANSWER) else Fate.ANSWERED

    def arrives(self, stream: int, data: bytes) -> bool:
        """Whether a frame that we send gets to the venue."""
        if stream in self._half_open:
            return False
        if self._asks is None or not self._asks(data):
            return True
        fate = self.request()
        if fate is Fate.UNANSWERED:
            self._unanswered[stream] = self._unanswered.get(stream, 0) + 1
        return fate is not Fate.LOST

    def half_open(self, stream: int) -> bool:
        return stream in self._half_open

    def legs(self, stream: int, data: bytes | None) -> list[Leg]:
        """What comes to us of a frame, or of a hang-up (None), in this order."""
        if stream in self._half_open:
            return []
        ready_ns = self._withheld.get(stream, 0)
        if data is None or self._swallowed(stream, data):
            return [Leg(None, ready_ns=ready_ns)] if data is None else []
        hit, legs = self.faults.hit, []
        if hit(Fault.GARBAGE):
            legs.append(Leg(self._garbage(data), ready_ns=ready_ns))
        if hit(Fault.DROP):
            return legs
        legs.append(Leg(data, hit(Fault.REORDER), ready_ns))
        if hit(Fault.DOUBLE):
            legs.append(Leg(data, bool(self.faults.draw(Fault.DOUBLE, 2)), ready_ns))
        return legs

    def _swallowed(self, stream: int, data: bytes) -> bool:
        left = self._unanswered.get(stream, 0)
        if not left or self._asks is None or not self._asks(data):
            return False
        self._unanswered[stream] = left - 1
        return True

    def _victims(self, fault: Fault) -> list[int]:
        """One open stream, or all of them."""
        streams = sorted(self._withheld)
        which = self.faults.draw(fault, len(streams) + (len(streams) > 1))
        return streams[which : which + 1] or streams

    def _garbage(self, data: bytes) -> bytes:
        """Cut short, with one byte changed, or nothing that the venue would say."""
        draw = self.faults.draw
        kind = draw(Fault.GARBAGE, 3)
        if kind == 2 or not data:
            return _WRONG[draw(Fault.GARBAGE, len(_WRONG))]
        where = draw(Fault.GARBAGE, len(data))
        if kind == 1:
            return data[:where]
        return data[:where] + bytes([data[where] ^ (1 + draw(Fault.GARBAGE, 255))]) + data[where + 1 :]
