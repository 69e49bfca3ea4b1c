"""Each fault × each venue, until every one was injected often enough: the table, on a terminal and as a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import NamedTuple

from rich.table import Table

from pilotfish.domain.mandate import Route
from pilotfish.venues.twins.faults import Fault
from pilotfish.worlds.trials.stages import STAGES, faults_of
from pilotfish.worlds.trials.trial import Result

ENOUGH = 100
SEEDS_MAX = 200  # a fault that cannot happen on a venue is not waited for


class Cell(NamedTuple):
    venue: str
    route: Route
    fault: Fault


def cells(venues: Sequence[str], faults: Iterable[Fault]) -> list[Cell]:
    """What is to be tried: faults that a venue can have, on each route it has."""
    wanted = set(faults)
    return [
        Cell(venue, route, fault)
        for venue in venues
        for route in STAGES[venue].routes
        for fault in faults_of(venue, route)
        if fault in wanted
    ]


def run_cell(cell: Cell, seed: int) -> Result:
    tried = STAGES[cell.venue]
    return tried.run(tried.make, cell.fault, seed, cell.route)


def run_all(
    wanted: Sequence[Cell], enough: int, workers: int, progress: Callable[[Cell, Result], None]
) -> dict[Cell, Result]:
    """Seeds 0, 1, … of every cell until its fault was injected `enough` times. `progress` hears of each seed."""
    found = {cell: Result() for cell in wanted}
    seeds = dict.fromkeys(wanted, 0)
    under_way: dict[Future[Result], Cell] = {}
    with ProcessPoolExecutor(workers) as pool:

        def more(cell: Cell) -> None:
            if found[cell].injected < enough and seeds[cell] < SEEDS_MAX:
                under_way[pool.submit(run_cell, cell, seeds[cell])] = cell
                seeds[cell] += 1

        for cell in wanted:
            more(cell)
        while under_way:
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                cell = under_way.pop(future)
                found[cell].add(future.result())
                progress(cell, found[cell])
                more(cell)
    return found


def drawn(found: dict[Cell, Result]) -> Table:
    """One row a fault and venue."""
    made = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in ("venue", "route", "fault"):
        made.add_column(name, no_wrap=True)
    for name in COLUMNS:
        made.add_column(name, justify="right", no_wrap=True, min_width=8)
    for cell, result in found.items():
        made.add_row(
            cell.venue, cell.route.name.lower(), cell.fault.value.replace("_", " "), *_figures(result),
            style="" if result.clean else "bold red",
        )  # fmt: skip
    return made


COLUMNS = ("injected", "orders", "traded", "lost", "doubled", "wrong")


def page(found: dict[Cell, Result]) -> str:
    """The same as Markdown."""
    head = ["venue", "route", "fault", *COLUMNS]
    rows = [
        [cell.venue, cell.route.name.lower(), cell.fault.value.replace("_", " "), *_figures(result)]
        for cell, result in found.items()
    ]
    lines = [head, ["---"] * 3 + ["--:"] * len(COLUMNS), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines) + "\n"


def _figures(result: Result) -> list[str]:
    columns = (result.injected, result.orders, result.fills, result.lost, result.doubled, result.wrong)
    return [f"{number:,}" for number in columns]
