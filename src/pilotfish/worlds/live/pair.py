"""Leads of one venue copied on another: both behind one port.

The trading venue uses the run's own instrument ids, and gets every command; the leads' venue keeps ids of its own,
which are changed on the way out, and is asked what its leads did. While it is not connected exits go on; when it comes
back the core is made to ask what was missed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pilotfish.domain.events import Connection, Event, InstrumentListed, Reconciled
from pilotfish.domain.orders import Command, Query
from pilotfish.gate.approved import Approved
from pilotfish.venues.gateway import LiveVenue
from pilotfish.venues.paper import Level
from pilotfish.venues.session import Unfinished


class PairVenue:
    """`ids[k]`: the run's id of the leads' venue's instrument k. `count`: instruments of the run so far."""

    def __init__(self, leads: LiveVenue, trade: LiveVenue, ids: Sequence[int], count: int) -> None:
        self._leads, self._trade, self._ids, self._free = leads, trade, list(ids), count
        self._local = {one: k for k, one in enumerate(ids)}
        self.idempotent_ids = trade.idempotent_ids
        self._leads_up = self._trade_up = False
        self._asked: Query | None = None
        self._done: Reconciled | None = None  # by the trading venue
        self._followed: Reconciled | None = None  # by the leads'

    @property
    def failure(self) -> Exception | None:
        return self._trade.failure or self._leads.failure

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        held = {
            lead: [self._local[key] for key in keys if key in self._local] for lead, keys in unfinished.held.items()
        }
        self._leads.recall(Unfinished(unfinished.cursor, [], held), now_ns)
        self._trade.recall(msgspec.structs.replace(unfinished, held={}), now_ns)

    async def start(self) -> None:
        await self._trade.start()
        try:
            await self._leads.start()
        except BaseException:
            await self._trade.stop(0.0)
            raise

    async def stop(self, timeout_s: float = 10.0) -> None:
        try:
            await self._trade.stop(timeout_s)
        finally:
            await self._leads.stop(timeout_s)

    def events(self, until_ns: int) -> Sequence[Event]:
        """What the leads' venue told, then what the trading venue did."""
        told: list[Event] = []
        for event in self._leads.events(until_ns):
            told += self._of_leads(event)
        for event in self._trade.events(until_ns):
            told += self._of_trade(event)
        return told

    def next_ns(self) -> int | None:
        times = [ns for ns in (self._leads.next_ns(), self._trade.next_ns()) if ns is not None]
        return min(times, default=None)

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """Everything to the trading venue; a question to both, and answered when both have."""
        questions = [one for one in commands if isinstance(one.command, Query)]
        for one in questions:
            assert isinstance(one.command, Query)
            self._asked, self._done, self._followed = one.command, None, None
        self._trade.submit(commands, now_ns)
        if questions:
            self._leads.submit(questions, now_ns)

    def depth(self, instrument: int) -> tuple[Sequence[Level], Sequence[Level], int] | None:
        local = self._local.get(instrument)
        return self._trade.depth(instrument) if local is None else self._leads.depth(local)

    def counters(self) -> dict[str, int]:
        leads = {f"leads: {name}": count for name, count in self._leads.counters().items()}
        return leads | self._trade.counters()

    def _renumbered(self, event: Event) -> Event:
        if isinstance(event, InstrumentListed):
            one = event.instrument
            if one.id == len(self._ids):
                self._ids.append(self._free)
                self._local[self._free] = one.id
                self._free += 1
            listed = msgspec.structs.replace(one, id=self._ids[one.id])
            return msgspec.structs.replace(event, instrument=listed)
        local = getattr(event, "instrument", None)
        return event if local is None else msgspec.structs.replace(event, instrument=self._ids[local])

    def _of_leads(self, event: Event) -> list[Event]:
        if isinstance(event, Reconciled):
            if self._asked is not None and event.asked == self._asked.coids:
                self._followed = event
            return self._answer(event)
        if not isinstance(event, Connection):
            return [self._renumbered(event)]
        came_back = event.up and not self._leads_up and self._trade_up
        self._leads_up = event.up
        if came_back:
            return [msgspec.structs.replace(event, up=False), event]  # a gap is what the core asks about
        return self._answer(event)

    def _of_trade(self, event: Event) -> list[Event]:
        if isinstance(event, Connection):
            self._trade_up = event.up
        if not isinstance(event, Reconciled):
            return [event]
        if self._asked is not None and event.asked == self._asked.coids:
            self._done = event
        return self._answer(event)

    def _answer(self, event: Event) -> list[Event]:
        """When all that was asked is known; of the leads nothing is while their venue is away, and the cursor stays."""
        asked, done, followed = self._asked, self._done, self._followed
        if asked is None or done is None or (self._leads_up and followed is None):
            return []
        self._asked = None
        cursor = asked.cursor if followed is None else min(done.cursor, followed.cursor)
        return [msgspec.structs.replace(done, venue_ns=event.venue_ns, ours_ns=event.ours_ns, cursor=cursor)]
