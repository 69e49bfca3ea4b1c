"""Faults that end: what goes wrong in a fuzzed world, counted by kind, until a given moment and never after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import BatchUpdate, Event, Fill, OrderUpdate
from pilotfish.domain.orders import Command, OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import Approved
from pilotfish.venues.sim.faults import ONCE, FaultRates, Faults
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.worlds.fuzz.draws import Chance


class Weather(Faults):
    """The simulator's faults until `calm_ns` of outages and until `calm()` of everything else."""

    def __init__(self, seed: int, rates: FaultRates, calm_ns: int) -> None:
        super().__init__(seed, rates)
        self.calm_ns, self.storm = calm_ns, True
        self.counts: Counter[str] = Counter()

    def calm(self) -> None:
        self.storm = False

    def copies(self, droppable: bool) -> tuple[int, ...]:
        if not self.storm:
            return ONCE
        copies = super().copies(droppable)
        if copies != ONCE:
            self.counts["drop" if not copies else "duplicate" if len(copies) > 1 else "delay or reorder"] += 1
        return copies

    def lost_ack(self) -> bool:
        return self.storm and self._count("lost ack", super().lost_ack())

    def lost_then_filled(self) -> bool:
        return self.storm and self._count("lost then filled", super().lost_then_filled())

    def lost_of(self, n: int) -> NDArray[np.bool_]:
        lost = super().lost_of(n) if self.storm else np.zeros(n, dtype=np.bool_)
        self.counts["lost then filled"] += int(lost.sum())
        return lost

    def short(self, lots: Ints) -> Ints:
        cut = super().short(lots) if self.storm else lots
        self.counts["partial"] += int((cut < lots).sum())
        return cut

    def outages(self, kind: str, start_ns: int) -> Iterator[tuple[int, int]]:
        for begin, end in super().outages(kind, start_ns):
            if begin >= self.calm_ns:
                return
            self.counts[kind.replace("_", " ")] += 1
            yield begin, min(end, self.calm_ns)

    def _count(self, kind: str, hit: bool) -> bool:
        self.counts[kind] += hit
        return hit


class Crash(Exception):
    """The process dies here. Not an error of ours: it never leaves the simulation."""


class Passage:
    """The port between shard and venue, where the process may die and where a venue may reject what it then fills."""

    idempotent_ids = True

    def __init__(
        self, venue: SimVenue, chance: Chance, weather: Weather, reject_then_fill: float, keys_refused: float = 0.0
    ) -> None:
        self.venue, self.up = venue, True
        self._keys = keys_refused
        self.armed = ""  # "before" or "after": die at the next submission, before or after the venue has it
        self._chance, self._weather, self._rate = chance, weather, reject_then_fill

    def next_ns(self) -> int | None:
        return self.venue.next_ns()

    def events(self, until_ns: int) -> Sequence[Event]:
        out: list[Event] = []
        for event in self.venue.events(until_ns):
            if self._weather.storm and self._rate and isinstance(event, Fill) and self._chance.random() < self._rate:
                self._weather.counts["reject then fill"] += 1
                out.append(
                    OrderUpdate(event.venue_ns, event.ours_ns, event.coid, OrderSignal.REJECT, Reason.REJECTED, 0)
                )
            out.append(self._refused(event))
        return out

    def _refused(self, event: Event) -> Event:
        """Some orders that the venue rejects are rejected for our keys, or for a balance that it sees otherwise."""
        if not (self._keys and self._weather.storm and self._chance.random() < self._keys):
            return event
        why = (Reason.AUTHENTICATION, Reason.BALANCE)[int(self._chance.integers(2))]
        if isinstance(event, OrderUpdate) and event.signal is OrderSignal.REJECT:
            self._weather.counts[f"rejected: {why.name.lower()}"] += 1
            return msgspec.structs.replace(event, reason=why)
        if isinstance(event, BatchUpdate) and (event.signal == OrderSignal.REJECT).any():
            self._weather.counts[f"rejected: {why.name.lower()}"] += 1
            reasons = np.where(event.signal == OrderSignal.REJECT, int(why), event.reason)
            return msgspec.structs.replace(event, reason=reasons)
        return event

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        if self.armed == "before":
            raise Crash
        self.venue.submit(commands, now_ns)
        if self.armed == "after":
            raise Crash
