"""What the commands do, apart from how they are typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.mandate import Route
from pilotfish.journal.recover import salvage, verify_file
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.recordings import read_recordings
from pilotfish.venues.sim.figures import MarketFigures
from pilotfish.views.attribution_files import write_attribution
from pilotfish.views.report.schema import ModelFigure
from pilotfish.views.report.table import LiveView, summary_table
from pilotfish.views.report.write import write_report
from pilotfish.views.targets import write_positions
from pilotfish.worlds import model
from pilotfish.worlds.followers import Population, random_population, read_followers
from pilotfish.worlds.market import INSTRUMENTS, LEAD_EQUITY, SeededMarket, SeededOptions
from pilotfish.worlds.platform import Settings, read_platform
from pilotfish.worlds.population import CAPITAL_MEDIAN
from pilotfish.worlds.replay import ASSUMED_LEVERAGE, ReplayOptions, Tape, read_tape, replay
from pilotfish.worlds.reporting import Inputs, make_report
from pilotfish.worlds.traders import STYLES
from pilotfish.worlds.verify import Onlooker, verify
from pilotfish.worlds.world import World

USDC = 10**6


class ReplayJob(msgspec.Struct, frozen=True):
    """What `pilotfish replay` was asked for."""

    files: Sequence[Path]
    followers: str
    out: Path
    options: ReplayOptions
    positions: Path | None = None
    copiers: Sequence[Path] = ()
    capital: float = CAPITAL_MEDIAN


def replay_files(job: ReplayJob, console: Console) -> None:
    """`pilotfish replay`: read, play, report."""
    options, tape = job.options, read_tape(job.files, job.options)
    for recording in tape.recordings:
        for issue in recording.issues[:5]:
            console.print(f"[yellow]set aside:[/] {issue}", soft_wrap=True)
    names, equities = [lead.name for lead in tape.leads], [lead.equity for lead in tape.leads]
    symbols = [instrument.symbol for instrument in tape.instruments]
    population = population_of(job.followers, names, equities, options.seed, symbols, options.strict, job.capital)
    console.print(
        f"{len(tape.fills):,} fills of {len(names)} lead(s) in {len(symbols)} instrument(s); "
        f"{len(population.names):,} followers, {len(population.follows):,} follows"
    )
    journal, path = fresh_journal(job.out)
    with progress_bar("replaying", len(tape.fills), console) as show:
        world, wall = replay(tape, population, journal, options, show)
    inputs = Inputs(
        title="Replay of recorded leads",
        seed=options.seed,
        route=options.route.name.lower(),
        books=["recorded" if i.id in tape.recorded else "modelled" for i in tape.instruments],
        book_errors=tape.book_errors,
        notes=tape.notes,
        model=model.figures(
            _distinct(tape),
            _equities(tape, options.lead_equity),
            capital=job.capital if job.followers.isdigit() else None,
        ),
        recordings=tape.recordings,
        copiers=read_recordings(job.copiers, strict=options.strict) if job.copiers else [],
        venue="simulated from recordings",
        lead_fees=[sum(r.fees) for r in tape.recordings if r.fills],
    )
    finish(world, population, path, inputs, wall, console)
    if job.positions is not None:
        count = write_positions(job.positions, world.shard.state, population.names)
        console.print(f"{count:,} positions in {job.positions}")


def finish(world: World, population: Population, journal: Path, inputs: Inputs, wall: float, console: Console) -> None:
    """The report of a world that has ended, on disk and on the terminal."""
    report = make_report(world, population, str(journal), inputs, wall)
    world.shard.journal.close()
    paths = write_report(report, journal.parent)
    parts = write_attribution(journal.parent, world.attribution, world.shard.state)
    console.print(summary_table(report))
    console.print(f"report: {paths[1]}\nattribution: {parts[0]} and {parts[1].name}", highlight=False)
    console.print(f"journal: pilotfish verify {journal}", highlight=False)


def seeded_market(
    followers: str,
    seed: int,
    minutes: float,
    out: Path,
    route: Route,
    console: Console,
    capital: float = CAPITAL_MEDIAN,
    platform: Settings | None = None,
) -> None:
    """`pilotfish run`: three leads in the seeded market, a live table, a report."""
    if not 0 < minutes <= 24 * 60:
        raise ConfigError(f"--minutes {minutes}", "is not between 0 and a day", "20 is a good start")
    equities = [LEAD_EQUITY] * len(STYLES)
    population = population_of(followers, list(STYLES), equities, seed, [s for s, *_ in INSTRUMENTS], False, capital)
    journal, path = fresh_journal(out)
    market = SeededMarket(SeededOptions(seed, minutes, route, platform or Settings()), population, journal)
    with LiveView(console) as view:
        wall = market.run(view.update, 0.5 if console.is_terminal else 10.0)
    chosen = ModelFigure(value=LEAD_EQUITY / USDC, unit="USDC", source="chosen for the demonstration")
    figures = list({f.name: f for f in market.figures}.values())
    inputs = Inputs(
        "Three leads in a seeded market", seed, route.name.lower(), ["seeded"] * len(market.notes), market.notes,
        model.figures(figures, {"equity of each lead": chosen}, capital=capital if followers.isdigit() else None),
    )  # fmt: skip
    finish(market.world, population, path, inputs, wall, console)


def platform_of(path: Path | None) -> Settings:
    """The settings of a file, or none at all."""
    return Settings() if path is None else read_platform(path)


def fresh_journal(out: Path) -> tuple[SqliteJournal, Path]:
    """A new journal in `out`."""
    path = fresh_path(out)
    return SqliteJournal(path), path


def fresh_path(out: Path) -> Path:
    """journal.db in `out`, or journal-2.db, journal-3.db, …: the report is renewed, a journal is never overwritten."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as bad:
        raise ConfigError(f"--out {out}", f"cannot be made ({bad.strerror})", "name another folder") from bad
    number, path = 1, out / "journal.db"
    while path.exists():
        number += 1
        path = out / f"journal-{number}.db"
    return path


def population_of(
    followers: str, leads: Sequence[str], equities: Sequence[int], seed: int, symbols: Sequence[str], strict: bool,
    capital: float = CAPITAL_MEDIAN,
) -> Population:  # fmt: skip
    """So many seeded followers, or those of a file. Raises ConfigError when it is neither."""
    if followers.isdigit():
        return random_population(
            int(followers), len(leads), seed, lead_equity=equities, symbols=symbols, capital_median=capital
        )
    path = Path(followers)
    if not path.exists():
        raise ConfigError(f"--followers {followers}", "is neither a number nor a file", "give 1000, or followers.csv")
    return read_followers(path, leads, strict=strict)


def _distinct(tape: Tape) -> list[MarketFigures]:
    return list({figures.name: figures for figures in tape.figures}.values())


def _equities(tape: Tape, given: dict[str, int]) -> dict[str, ModelFigure]:
    how = f"assumed: peak gross exposure of the recording / {ASSUMED_LEVERAGE}; --lead-equity NAME=USDC overrides"
    return {
        f"equity of lead {lead.name}": ModelFigure(
            value=lead.equity / USDC, unit="USDC", source="given" if lead.name in given else how
        )
        for lead in tape.leads
    }


def parse_equity(pairs: Sequence[str]) -> dict[str, int]:
    """NAME=USDC options. Raises ConfigError naming the bad one."""
    out: dict[str, int] = {}
    for pair in pairs:
        name, _, amount = pair.rpartition("=")
        try:
            value = int(Decimal(amount) * USDC)
        except (InvalidOperation, ValueError, OverflowError):
            value = 0
        if not name or value <= 0:
            raise ConfigError(
                f"--lead-equity {pair}", "is not NAME=USDC with a positive amount", "for example acc2=5000"
            )
        out[name] = value
    return out


class progress_bar:
    """A progress bar that is called with (done, total)."""

    def __init__(self, what: str, total: int, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=not console.is_terminal)
        self._task = self._progress.add_task(what, total=total)

    def __enter__(self) -> Callable[[int, int], None]:
        self._progress.start()
        return lambda done, total: self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def verify_journal(path: Path, root: str, console: Console, onlooker: Onlooker | None = None) -> bool:
    """`pilotfish verify`: print what was recomputed; False when anything does not hold."""
    try:
        expected = bytes.fromhex(root) if root else None
    except ValueError as bad:
        raise ConfigError(f"--root {root}", "is not hexadecimal", "copy the root as it was printed") from bad
    chain = verify_file(path, expected)
    if chain.first_bad is not None:
        console.print(f"[bold red]DOES NOT HOLD[/] at record {chain.first_bad}: {chain.why}", soft_wrap=True)
        return False
    with SqliteJournal(path, read_only=True) as journal:
        for note in journal.notes:
            console.print(f"[yellow]note:[/] {note}")
        total = journal.head.position
        with progress_bar("verifying", total, console) as show:
            verdict = verify(journal, chain, lambda n: show(n, total) if n % 997 == 0 else None, onlooker)
    table = Table(show_header=False, box=None)
    for name, value in (
        ("records", f"{verdict.records:,}"), ("events replayed", f"{verdict.events:,}"),
        ("command records recomputed", f"{verdict.commands:,}"), ("state digests", f"{verdict.digests:,}"),
        ("assets that do not sum to zero", str(sum(1 for v in verdict.sums.values() if v))),
        ("state", verdict.state_digest), ("root", verdict.root),
    ):  # fmt: skip
        table.add_row(name, value)
    console.print(table, highlight=False, soft_wrap=True)
    if verdict.bad is not None:
        console.print(f"[bold red]DOES NOT HOLD[/] at record {verdict.bad}: {verdict.why}", soft_wrap=True)
        return False
    console.print("[green]holds[/]: every hash, command and balance was recomputed")
    return True


def salvage_journal(path: Path, into: Path, console: Console) -> bool:
    """`pilotfish salvage`: False when anything had to be left behind."""
    report = salvage(path, into)
    console.print(
        f"{report.records:,} records saved in {into}, root {report.root.hex()}", highlight=False, soft_wrap=True
    )
    if report.first_bad is not None:
        console.print(f"[bold red]left behind[/] from record {report.first_bad}: {report.why}", soft_wrap=True)
    return report.first_bad is None


def inspect_files(files: Sequence[Path], strict: bool, console: Console) -> None:
    """`pilotfish inspect`: one row a recording, then every issue."""
    table = Table("file", "shape", "account", "fills", "issues", "breaks")
    recordings = read_recordings(files, strict=strict)
    for r in recordings:
        table.add_row(
            Path(r.file).name, r.shape, r.account[:14], f"{len(r.fills):,}", str(len(r.issues)), str(len(r.breaks))
        )
    console.print(table)
    for r in recordings:
        for note in r.notes:
            console.print(f"{Path(r.file).name}: {note}", highlight=False, soft_wrap=True)
        for issue in r.issues[:20]:
            console.print(f"[yellow]{issue}[/]", highlight=False, soft_wrap=True)
