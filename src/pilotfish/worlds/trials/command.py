"""`pilotfish trials`: every fault on every venue's own session, against its twin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.twins.faults import Fault
from pilotfish.worlds.trials.stages import STAGES
from pilotfish.worlds.trials.table import Cell, cells, drawn, page, run_all
from pilotfish.worlds.trials.trial import Result

NOTES_MAX = 10


def trials(
    venues: Sequence[str], faults: Sequence[str], times: int, workers: int, out: Path | None, console: Console
) -> bool:
    """Returns whether nothing was lost, doubled or wrong. Raises ConfigError for a name that nobody knows."""
    chosen = list(venues) or list(STAGES)
    if unknown := [name for name in chosen if name not in STAGES]:
        raise ConfigError(f"venue {', '.join(unknown)}", "is not tried", f"use some of {', '.join(STAGES)}")
    names = [fault.value for fault in Fault]
    if unknown := [name for name in faults if name not in names]:
        raise ConfigError(f"fault {', '.join(unknown)}", "is not known", f"use some of {', '.join(names)}")
    wanted = cells(chosen, [Fault(name) for name in faults] or list(Fault))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    seen: dict[Cell, int] = {}
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("injecting", total=times * len(wanted))

        def progress(cell: Cell, result: Result) -> None:
            seen[cell] = min(times, result.injected)
            bar.update(task, completed=sum(seen.values()), description=f"{cell.venue}: {cell.fault.value}")

        found = run_all(wanted, times, workers, progress)
    console.print(drawn(found))
    notes = [note for result in found.values() for note in result.notes]
    for note in notes[:NOTES_MAX]:
        console.print(f"[red]✗[/] {note}", highlight=False)
    if short := [cell for cell, result in found.items() if result.injected < times]:
        named = ", ".join(f"{cell.fault.value} on {cell.venue}" for cell in short)
        console.print(f"[yellow]injected less than {times} times: {named}[/]")
    if out is not None:
        out.write_text(page(found), encoding="utf-8")
    return all(result.clean for result in found.values())
