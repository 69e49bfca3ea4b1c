"""From the venue to us: stamps, delays, order of delivery, faults on the way, and the record that a Query replays.

Each channel is first in, first out, as a TCP stream is; only a delayed or reordered message leaves its place. A message
reaches us when the connection has stood from its sending to its arrival; what a break loses is not sent again.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from pilotfish.domain.events import BookTop, Connection, Event, LeadFill, LeadPosition, Mark, Reconciled
from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Latency


class Channel(IntEnum):
    PRIVATE = 0  # our orders and accounts
    MARKET = 1
    LEADS = 2


class Wire:
    """Sends through the agenda; what has arrived is collected by `collect`."""

    def __init__(self, latency: Latency, faults: Faults, agenda: Agenda) -> None:
        self._latency, self._faults, self._agenda = latency, faults, agenda
        self.record: list[Event] = []  # everything of ours that a Query replays, in order
        self.leads: dict[tuple[int, int], tuple[int, int]] = {}  # (lead, instrument) → lots, last price
        self._due = dict.fromkeys(Channel, 0)
        self._arrived: list[Event] = []
        self._breaks = 0  # connections that ended so far
        self._down = 0  # outages that overlap now

    @property
    def up(self) -> bool:
        return not self._down

    def tell(self, event: Event, durable: bool = False, muted: bool = False) -> None:
        """Send one event, at its venue stamp. `durable` events are replayed by a Query; `muted` ones only by it."""
        if durable:
            self.record.append(event)
        if muted or self._down:
            return
        channel = _channel(event)
        delay = self._latency.answer_ns() if channel is Channel.PRIVATE else self._latency.market_ns()
        for extra in self._faults.copies(droppable=channel is not Channel.PRIVATE):
            due = max(event.venue_ns + delay, self._agenda.now_ns, self._due[channel])
            if not extra:
                self._due[channel] = due
            self._send(event, due + extra)

    def lead(self, event: LeadFill | LeadPosition) -> None:
        """Tell of a lead, and remember the position it leaves."""
        key = (event.lead, event.instrument)
        if isinstance(event, LeadPosition):
            self.leads[key] = (event.lots, event.price)
        else:
            before = self.leads.get(key, (0, 0))[0] if event.start is None else event.start
            self.leads[key] = (before + event.side * event.lots, event.price)
        self.tell(event, durable=isinstance(event, LeadFill))

    def answer(self, cursor: int, ns: int, reconciled: Reconciled, marks: dict[int, int]) -> None:
        """Replay the record from `cursor`, state every lead's position, then `reconciled`; all at once and in order.

        Nothing but a disconnect can lose an answer: it is one response to one request.
        """
        if self._down:
            return
        positions = [
            LeadPosition(ns, ns, lead, instrument, lots, marks.get(instrument) or price)
            for (lead, instrument), (lots, price) in sorted(self.leads.items())
        ]
        due = max(ns + self._latency.answer_ns(), self._agenda.now_ns, self._due[Channel.PRIVATE])
        self._due[Channel.PRIVATE] = due
        for event in (*self.record[max(0, cursor) :], *positions):
            self._send(event, due)
        self._send(msgspec.structs.replace(reconciled, cursor=len(self.record)), due)

    def break_off(self, ns: int) -> None:
        """The connection is gone: what is under way is lost, and we notice at once."""
        self._down += 1
        if self._down == 1:
            self._breaks += 1
            self._arrived.append(Connection(ns, ns, False))

    def restore(self, ns: int) -> bool:
        """End one outage; True when none is left and the connection is back."""
        self._down -= 1
        if not self._down:
            self._arrived.append(Connection(ns, ns, True))
        return not self._down

    def hang_up(self, ns: int) -> None:
        """Who listened is gone, and what is unread or under way. The next one is told of an outage that lasts."""
        self._breaks += 1
        self._arrived = [Connection(ns, ns, False)] if self._down else []

    def collect(self) -> list[Event]:
        arrived, self._arrived = self._arrived, []
        return arrived

    def _send(self, event: Event, due: int) -> None:
        stamped = msgspec.structs.replace(event, ours_ns=due)
        connection = self._breaks
        self._agenda.at(due, lambda: self._arrive(stamped, connection))

    def _arrive(self, event: Event, connection: int) -> None:
        if connection == self._breaks and not self._down:
            self._arrived.append(event)


def _channel(event: Event) -> Channel:
    if isinstance(event, BookTop | Mark):
        return Channel.MARKET
    return Channel.LEADS if isinstance(event, LeadFill | LeadPosition) else Channel.PRIVATE
