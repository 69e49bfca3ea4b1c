"""The figures of every batch, computed from the journal alone."""

from __future__ import annotations

from collections.abc import Collection

from pilotfish.domain.events import Event
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.venues.evm.proof.figures import EVERYBODY, LAG, NAV, SLIPPAGE, Figure, ordered, subject_of
from pilotfish.views.attribution import AttributionView
from pilotfish.views.copy_figures import CopyFigures
from pilotfish.views.nav_figures import ALL, NavFigures

ALL_LEADS = "all"


class BatchFigures:
    """An onlooker of a replay from the first record on, which takes the figures after so many records.

    NAV per share is that of the moment; slippage and lag are those of the copies since the moment before.
    """

    def __init__(self, moments: Collection[int]) -> None:
        self.moments = set(moments)
        self.taken: dict[int, list[Figure]] = {}
        self.names: dict[bytes, str] = {EVERYBODY: ALL_LEADS}
        self._attribution = AttributionView()
        self._nav, self._copies = NavFigures(self._attribution), CopyFigures()

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        for view in (self._attribution, self._nav, self._copies):
            view(event, outcome, state)

    def at(self, position: int, state: State) -> None:
        if position in self.moments:
            self.taken[position] = self.take(state)

    def take(self, state: State) -> list[Figure]:
        """The figures now, in the order of their leaves. A new stretch begins."""
        figures = [Figure(NAV, self._subject(who, state), value) for who, value in self._nav.values(state).items()]
        for who, way in self._copies.taken().items():
            subject = self._subject(who, state)
            figures += [Figure(SLIPPAGE, subject, way.slippage_micro_bps), Figure(LAG, subject, way.lag_ns)]
        return ordered(figures)

    def _subject(self, lead: int, state: State) -> bytes:
        if lead == ALL:
            return EVERYBODY
        name = state.leads[lead].name
        subject = subject_of(lead, name)
        self.names[subject] = name
        return subject
