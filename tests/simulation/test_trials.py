"""Faults against sessions and twins in virtual time: nothing lost, doubled or wrong; and a defect would be seen."""

import msgspec
import pytest

from pilotfish.domain.events import Fill
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.worlds.trials.stages import STAGES, faults_of
from pilotfish.worlds.trials.table import Cell, page, run_cell
from pilotfish.worlds.trials.trial import RATES, Result, run_trial

CELLS = [
    pytest.param(Cell(venue, route, fault), id=f"{venue}-{route.name.lower()}-{fault.value}")
    for venue, stage in STAGES.items()
    if stage.run is run_trial  # the others: test_trials_ccxt
    for route in stage.routes
    for fault in faults_of(venue, route)
]


@pytest.mark.parametrize("cell", CELLS)
def test_after_the_fault_every_order_and_position_is_what_the_venue_s_books_say(cell: Cell) -> None:
    result = Result()
    for seed in range(3):
        result.add(run_cell(cell, seed))
        if result.injected:
            break
    assert result.injected, "the fault did not happen"
    assert result.orders > 10
    assert result.fills
    assert result.clean, result.notes


def test_every_fault_has_a_rate_and_a_venue() -> None:
    assert set(RATES) == set(Fault)
    tried = {fault for venue, stage in STAGES.items() for route in stage.routes for fault in faults_of(venue, route)}
    assert tried == set(Fault)


class Defective:
    """A venue whose adapter has a defect: `spoil` changes what it tells."""

    def __init__(self, stage, spoil) -> None:
        self._stage, self._venue, self._spoil = stage, stage.venue, spoil
        stage.venue = self
        self.idempotent_ids = True

    def events(self, until_ns):
        return [one for event in self._venue.events(until_ns) for one in self._spoil(event)]

    def next_ns(self):
        return self._venue.next_ns()

    def submit(self, commands, now_ns) -> None:
        self._venue.submit(commands, now_ns)


def lost_fill():
    gone: list = []

    def spoil(event):
        if isinstance(event, Fill) and (not gone or (event.coid, event.fill_id) in gone):
            gone.append((event.coid, event.fill_id))
            return []
        return [event]

    return spoil


def other_id():
    number = [0]

    def spoil(event):
        if isinstance(event, Fill) and event.lots > 1:
            number[0] += 1
            half = msgspec.structs.replace(event, lots=event.lots // 2, fill_id=event.fill_id + number[0])
            return [half]
        return [event]

    return spoil


@pytest.mark.parametrize("defect", [lost_fill, other_id])
def test_an_adapter_that_loses_or_shortens_fills_is_found_out(defect) -> None:
    def stage_of(seed: int, faults: TwinFaults, route):
        stage = STAGES["hyperliquid"].make(seed, faults, route)
        Defective(stage, defect())
        return stage

    result = run_trial(stage_of, Fault.GARBAGE, 1)
    assert result.lost
    assert result.wrong
    assert result.notes


def test_the_page_has_a_row_for_every_cell() -> None:
    found = {Cell("hyperliquid", STAGES["hyperliquid"].routes[0], Fault.DROP): Result(100, 5, 4)}
    assert page(found).splitlines()[-1] == "| hyperliquid | omnibus | drop | 100 | 5 | 4 | 0 | 0 | 0 |"
