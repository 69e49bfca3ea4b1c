"""Faults against the exchanges' venue over loopback sockets, on a loop that is faster than the clock.

Every fault is tried on one of the exchanges, in turn; `pilotfish trials` tries each on all of them.
"""

import asyncio
import time

import ccxt
import pytest

from pilotfish.domain.events import Fill
from pilotfish.domain.mandate import Route
from pilotfish.venues.ccxt.venue import CcxtVenue
from pilotfish.venues.twins.fast_loop import SECOND, FastLoop, ccxt_time
from pilotfish.venues.twins.faults import Fault
from pilotfish.worlds.trials.ccxt import TWINS
from pilotfish.worlds.trials.stages import STAGES, faults_of
from pilotfish.worlds.trials.table import Cell, run_cell
from pilotfish.worlds.trials.trial import Result

NAMES = tuple(TWINS)
START_NS = 1_790_000_000 * SECOND


def in_turn() -> list[Cell]:
    """Each fault once, and the exchanges one after the other among those that can have it."""
    chosen = []
    for number, fault in enumerate(Fault):
        able = [name for name in NAMES if fault in faults_of(name, Route.OMNIBUS)]
        chosen += [Cell(able[number % len(able)], Route.OMNIBUS, fault)] if able else []
    return chosen


CELLS = [pytest.param(cell, id=f"{cell.venue}-{cell.fault.value}") for cell in in_turn()]


@pytest.mark.parametrize("cell", CELLS)
def test_after_the_fault_every_order_and_position_is_what_the_exchange_s_books_say(cell: Cell) -> None:
    result = Result()
    for seed in range(5):
        result.add(run_cell(cell, seed))
        if result.injected and result.orders > 5:
            break
    assert result.injected, "the fault did not happen"
    assert result.orders > 5
    assert result.clean, result.notes


def test_every_fault_and_every_exchange_has_its_turn() -> None:
    cells = in_turn()
    assert {cell.venue for cell in cells} == set(NAMES)
    assert {cell.fault for cell in cells} == set(Fault) - {Fault.SETTLEMENT}
    assert all(STAGES[name].routes == (Route.OMNIBUS,) for name in NAMES)


def test_an_adapter_that_loses_fills_is_found_out(monkeypatch) -> None:
    told = CcxtVenue._tell

    def lose(self, event):
        if not (isinstance(event, Fill) and event.fill_id % 5 == 0):
            told(self, event)

    monkeypatch.setattr(CcxtVenue, "_tell", lose)
    result = run_cell(Cell("bybit", Route.OMNIBUS, Fault.DROP), 1)
    assert result.lost
    assert result.wrong
    assert result.notes


def test_time_that_nobody_is_busy_in_is_skipped_and_goes_in_order() -> None:
    loop = FastLoop(START_NS, 1.0)

    async def sleepers() -> list[int]:
        woken: list[int] = []

        async def one(seconds: int) -> None:
            await asyncio.sleep(seconds)
            woken.append(seconds)
            assert loop.clock() >= START_NS + seconds * SECOND

        async with asyncio.timeout(5_000):
            await asyncio.gather(one(3_600), one(60), one(1_800))
        return woken

    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(sleepers()) == [60, 1_800, 3_600]
    assert loop.clock() - START_NS >= 3_600 * SECOND
    assert time.monotonic() >= began  # the machine's clock was left alone


def test_ccxt_reads_the_clock_of_the_trial_and_afterwards_the_machine_s_again() -> None:
    reads = ccxt.Exchange.milliseconds
    with ccxt_time(lambda: START_NS):
        assert ccxt.Exchange.milliseconds() == START_NS // 1_000_000
        assert ccxt.Exchange.seconds() == START_NS // SECOND
    assert ccxt.Exchange.milliseconds is reads
