"""A venue for measuring the loop: a given feed goes in, and whatever is sent is filled at once at the lead's price."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bench.scene import filled
from pilotfish.domain.events import Event, LeadFill, OrderUpdate
from pilotfish.domain.orders import Command, OrderSignal, Place
from pilotfish.gate.approved import Approved
from pilotfish.venues.port import Venue


class InstantVenue(Venue):
    """See `Venue`. It answers before the next event of the feed."""

    idempotent_ids = True

    def __init__(self, feed: Sequence[Event]) -> None:
        self._feed = deque(feed)
        self._answers: deque[Event] = deque()
        self._price = 0
        self.fills = 0

    def events(self, until_ns: int) -> Sequence[Event]:
        out = list(self._answers)
        self._answers.clear()
        while not out and self._feed and self._feed[0].ours_ns <= until_ns:
            event = self._feed.popleft()
            if isinstance(event, LeadFill):
                self._price = event.price
            out.append(event)
        return out

    def next_ns(self) -> int | None:
        first = self._answers or self._feed
        return first[0].ours_ns if first else None

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        for approved in commands:
            place = approved.command
            if isinstance(place, Place):
                self.fills += 1
                self._answers.append(filled(place, place.lots, self._price, self.fills, now_ns))
                self._answers.append(OrderUpdate(now_ns, now_ns, place.coid, OrderSignal.FILLED))
