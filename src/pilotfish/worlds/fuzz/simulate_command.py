"""`pilotfish simulate`: many seeds over processes, failures with how to rerun them, a table at the end."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from itertools import zip_longest
from multiprocessing import get_context

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pilotfish.domain.errors import ConfigError
from pilotfish.worlds.commands import progress_bar
from pilotfish.worlds.fuzz.simulation import SeedReport, simulate_seed


def simulate_seeds(first: int, seeds: int, workers: int, console: Console) -> bool:
    """Run worlds `first` … `first + seeds` - 1. False when any failed. Raises ConfigError for impossible numbers."""
    if first < 0 or seeds < 1 or workers < 1:
        raise ConfigError(
            f"--first {first} --seeds {seeds} --workers {workers}", "a seed is not negative, the rest at least 1"
        )
    reports: list[SeedReport] = []
    with progress_bar("simulating", seeds, console) as show:
        if workers == 1:
            for seed in range(first, first + seeds):
                _take(simulate_seed(seed), reports, console)
                show(len(reports), seeds)
        else:
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                futures: list[Future[SeedReport]] = [
                    pool.submit(simulate_seed, seed) for seed in range(first, first + seeds)
                ]
                for future in as_completed(futures):
                    _take(future.result(), reports, console)
                    show(len(reports), seeds)
    console.print(modes(reports))
    console.print(summary(reports))
    failed = sum(1 for report in reports if report.problems)
    if failed:
        console.print(f"[bold red]{failed} of {seeds} worlds failed[/]")
        return False
    console.print(f"[green]{seeds} worlds, nothing found[/]")
    return True


def _take(report: SeedReport, reports: list[SeedReport], console: Console) -> None:
    reports.append(report)
    for what in report.problems:
        console.print(f"[red]{escape(what)}[/]", highlight=False, soft_wrap=True)
    if report.problems:
        console.print(f"  rerun: {report.rerun}", highlight=False, soft_wrap=True)


def modes(reports: list[SeedReport]) -> Table:
    """Which modes were drawn, in how many worlds; and beside them what came of them, how often."""
    drawn: Counter[str] = Counter()
    happened: Counter[str] = Counter()
    for report in reports:
        drawn.update(report.drawn)
        happened.update(report.happened)
    table = Table(box=None, header_style="bold")
    for name in ("drawn", "worlds", "came of it", "times"):
        table.add_column(name, justify="right" if name in ("worlds", "times") else "left")
    pairs = zip_longest(sorted(drawn.items()), sorted(happened.items()), fillvalue=("", None))
    for (mode, worlds), (what, times) in pairs:
        table.add_row(mode, "" if worlds is None else f"{worlds:,}", what, "" if times is None else f"{times:,}")
    return table


def summary(reports: list[SeedReport]) -> Table:
    """What was simulated and what went wrong in it, by kind."""
    faults: Counter[str] = Counter()
    for report in reports:
        faults.update(report.faults)
    table = Table(show_header=False, box=None)
    rows = [
        ("worlds", len(reports)), ("events", sum(r.events for r in reports)),
        ("fills of leads", sum(r.lead_fills for r in reports)), ("orders", sum(r.orders for r in reports)),
        ("fills", sum(r.fills for r in reports)), ("restarts", sum(r.restarts for r in reports)),
        ("impossible events", sum(r.garbage for r in reports)),
        *((f"fault: {kind}", count) for kind, count in sorted(faults.items())),
        ("failed worlds", sum(1 for r in reports if r.problems)),
    ]  # fmt: skip
    for name, count in rows:
        table.add_row(name, f"{count:,}")
    return table
