"""What a silent failure cannot imitate: the same book asked for by another way, and the venue's clock beside ours."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from pilotfish.venues.session import SECOND

TOLERANCE_NS = 1 * SECOND  # the stream says a book at most every half second
WAIT_NS = 2 * SECOND  # how long the stream may take to reach the moment of the answer
_KEPT_NS = 30 * SECOND
_KEPT = 256


class Top(NamedTuple):
    """Best prices as of the venue's stamp; a side without orders is 0."""

    venue_ns: int
    bid: int
    ask: int


class Tops:
    """What the stream said lately, oldest first."""

    def __init__(self) -> None:
        self._tops: deque[Top] = deque(maxlen=_KEPT)

    def add(self, top: Top) -> None:
        """In the order of the venue's stamps; what repeats is kept once, with its first and its last stamp."""
        tops = self._tops
        if len(tops) > 1 and tops[-1][1:] == tops[-2][1:] == top[1:]:
            tops.pop()
        tops.append(top)
        while tops[0].venue_ns < top.venue_ns - _KEPT_NS and len(tops) > 2:
            tops.popleft()

    def clear(self) -> None:
        self._tops.clear()

    def reaches(self, venue_ns: int) -> bool:
        """Whether the stream has come as far as this moment."""
        return bool(self._tops) and self._tops[-1].venue_ns >= venue_ns

    def agrees(self, other: Top) -> bool | None:
        """Whether both ways can be true. None: nothing to compare with.

        The book moves between the two, and the stream leaves states out. So each price of the other way must lie
        between the lowest and the highest that the stream said around that moment: what was in force `TOLERANCE_NS`
        before it, and all until `TOLERANCE_NS` after it.
        """
        from_ns, until_ns = other.venue_ns - TOLERANCE_NS, other.venue_ns + TOLERANCE_NS
        around = [top for top in self._tops if from_ns < top.venue_ns <= until_ns]
        before = [top for top in self._tops if top.venue_ns <= from_ns]
        if not (around := before[-1:] + around):
            return None
        bids, asks = [top.bid for top in around], [top.ask for top in around]
        return min(bids) <= other.bid <= max(bids) and min(asks) <= other.ask <= max(asks)


class Clock:
    """The venue's clock less ours. A stamp is old by its way to us, never young: the largest difference is nearest.

    Over a window, so that neither a slow frame nor a clock that was set counts for long.
    """

    def __init__(self, window_ns: int = 10 * SECOND) -> None:
        self._window_ns = window_ns
        self._since_ns = 0
        self._now: int | None = None
        self._before: int | None = None

    def stamp(self, venue_ns: int, now_ns: int) -> None:
        """The venue's time in something that arrived now."""
        self._turn(now_ns)
        offset = venue_ns - now_ns
        self._now = offset if self._now is None else max(self._now, offset)

    def offset_ns(self, now_ns: int) -> int | None:
        """None: nothing was heard in the window."""
        self._turn(now_ns)
        return max((one for one in (self._now, self._before) if one is not None), default=None)

    def _turn(self, now_ns: int) -> None:
        if now_ns - self._since_ns >= 2 * self._window_ns:
            self._now = self._before = None
            self._since_ns = now_ns
        elif now_ns - self._since_ns >= self._window_ns:
            self._before, self._now = self._now, None
            self._since_ns = now_ns
