"""Leads of one venue copied on another: both behind one port.

The trading venue uses the run's own instrument ids, and gets every command; the leads' venue keeps ids of its own,
which are changed on the way out, and is asked what its leads did. Nothing leaves while either is not connected.
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
        self._up: dict[str, bool] = {}
        self._told_up: bool | None = None
        self._asked: tuple[int, ...] | None = None
        self._answers: dict[str, Reconciled] = {}

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
            told += self._merged("leads", self._renumbered(event))
        for event in self._trade.events(until_ns):
            told += self._merged("trade", event)
        return told

    def next_ns(self) -> int | None:
        times = [ns for ns in (self._leads.next_ns(), self._trade.next_ns()) if ns is not None]
        return min(times, default=None)

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """Everything to the trading venue; a question to both, and answered when both have."""
        questions = [one for one in commands if isinstance(one.command, Query)]
        for one in questions:
            assert isinstance(one.command, Query)
            self._asked, self._answers = one.command.coids, {}
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

    def _merged(self, side: str, event: Event) -> list[Event]:
        if isinstance(event, Connection):
            self._up[side] = event.up
            up = self._up.get("leads", False) and self._up.get("trade", False)
            changed, self._told_up = up is not self._told_up, up
            return [msgspec.structs.replace(event, up=up)] if changed else []
        if not isinstance(event, Reconciled):
            return [event]
        if event.asked != self._asked:
            return []  # of a question that was asked anew meanwhile
        self._answers[side] = event
        if len(self._answers) < 2:
            return []
        trade, self._asked = self._answers["trade"], None
        cursor = min(answer.cursor for answer in self._answers.values())
        return [msgspec.structs.replace(trade, venue_ns=event.venue_ns, ours_ns=event.ours_ns, cursor=cursor)]
