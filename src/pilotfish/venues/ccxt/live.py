"""The venue as a live run drives it."""

from __future__ import annotations

from collections.abc import Sequence

from pilotfish.domain.events import Event
from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved
from pilotfish.venues.ccxt.venue import CcxtVenue
from pilotfish.venues.paper import Level
from pilotfish.venues.session import SECOND, Unfinished


class CcxtLive:
    """`cancel`: open orders are cancelled when it stops."""

    def __init__(self, venue: CcxtVenue, cancel: bool) -> None:
        self.venue, self._cancel = venue, cancel
        self.idempotent_ids = venue.idempotent_ids

    @property
    def failure(self) -> Exception | None:
        return self.venue.failure

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        self.venue.recall(unfinished)

    async def start(self) -> None:
        await self.venue.start()

    async def stop(self, timeout_s: float = 10.0) -> None:
        await self.venue.stop(int(timeout_s * SECOND), cancel=self._cancel)

    def events(self, until_ns: int) -> Sequence[Event]:
        return self.venue.events(until_ns)

    def next_ns(self) -> int | None:
        return self.venue.next_ns()

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        self.venue.submit(commands, now_ns)

    def depth(self, instrument: int) -> tuple[Sequence[Level], Sequence[Level], int] | None:
        return self.venue.depth(instrument)

    def counters(self) -> dict[str, int]:
        return self.venue.counters()
