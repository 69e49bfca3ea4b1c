"""A venue on trial: its session, its twin, and the twin's books of record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import Route
from pilotfish.venues.port import Venue
from pilotfish.venues.twins.faults import TwinFaults


class Stage(Protocol):
    """Leads trade by themselves from the seed until `calm`, which ends every fault as well."""

    venue: Venue
    instruments: list[Instrument]
    leads: list[str]
    lead_equity: int
    open_to: list[int]  # followers with an account of their own, on the segregated route

    def position(self, account: int, instrument: int) -> int:
        """Signed lots by the venue's own books."""
        ...

    def executed(self) -> dict[int, int]:
        """Lots traded by client order id, by the venue's own books."""
        ...

    def doubled(self) -> int:
        """Orders the venue took though it had their client order id before."""
        ...

    def calm(self) -> None: ...


StageOf = Callable[[int, TwinFaults, Route], Stage]
