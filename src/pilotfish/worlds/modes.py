"""`pilotfish modes`: the same recordings replayed once for every way of copying, and one table of what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from rich.console import Console

from pilotfish import __version__
from pilotfish.domain.arith import total_of
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Kind
from pilotfish.domain.mandate import Follows, Route
from pilotfish.domain.terms import DAY_NS
from pilotfish.journal.memory import MemoryJournal
from pilotfish.journal.port import Journal
from pilotfish.views.report.schema import ModelFigure
from pilotfish.views.report.write import write_report
from pilotfish.views.terms import money
from pilotfish.worlds import model
from pilotfish.worlds.commands import fresh_journal, progress_bar
from pilotfish.worlds.followers import Population, random_population
from pilotfish.worlds.leads_tape import read_leads
from pilotfish.worlds.modes_catalogue import LeftOut, Mode, catalogue, chosen
from pilotfish.worlds.modes_figures import ModeRow, ModesReport, encode, modes_tables
from pilotfish.worlds.modes_page import render_page
from pilotfish.worlds.modes_play import Played, given_time, listed_twice, play
from pilotfish.worlds.portfolio_tape import choose_leads, portfolio_tape, span_of
from pilotfish.worlds.replay import ASSUMED_LEVERAGE, ReplayOptions, Tape, build, read_tape
from pilotfish.worlds.reporting import Inputs, make_report
from pilotfish.worlds.world import World

USDC = 10**6
FOLLOWERS_MAX, DRAWS_MAX = 100_000, 100
BOOKS = (
    "Prices and depth between the leads' fills are modelled; every mode meets the same market, apart from its own "
    "impact on it. Its own report lists every assumed figure.",
    "Followers have the seeded capital, delays and slippage bounds, no caps but a leverage of 20, and pay the venue's "
    "fees but none of the platform's. Funding rates are not recorded, so none is paid.",
)
Show = Callable[[int, int], None]


class ModesJob(msgspec.Struct, frozen=True):
    """What `pilotfish modes` was asked for. `only`: keys of modes; empty for all. `draws`: of the market model."""

    files: Sequence[Path]
    out: Path
    followers: int = 300
    capital: float = 50.0
    seed: int = 1
    route: Route = Route.OMNIBUS
    accounts: int = 1
    days: int = 45
    lead_equity: dict[str, int] = {}
    only: Sequence[str] = ()
    draws: int = 3
    strict: bool = False


def modes_command(job: ModesJob, console: Console) -> ModesReport:
    """Read once, replay for each mode, compare; a folder with its own report and journal for each."""
    if not 1 <= job.followers <= FOLLOWERS_MAX or not 1 <= job.draws <= DRAWS_MAX:
        asked, limits = (
            f"--followers {job.followers} --draws {job.draws}",
            f"1 to {FOLLOWERS_MAX:,} and 1 to {DRAWS_MAX}",
        )
        raise ConfigError(asked, "is out of range", f"take {limits}")
    tape, fees, notes = tape_of(job)
    population = plain(job, tape)
    every, left_out = catalogue(tape, population.follows)
    modes = chosen(every, job.only)
    rows, draws = list[ModeRow](), list[Decimal]()
    for k, mode in enumerate(modes, 1):
        with progress_bar(f"{k}/{len(modes)} {mode.title}", len(tape.fills), console) as show:
            rows.append(_mode(job, tape, population, mode, fees, show))
    for seed in range(job.seed + 1, job.seed + job.draws):
        with progress_bar(f"another draw, seed {seed}", len(tape.fills), console) as show:
            draws.append(_draw(msgspec.structs.replace(job, seed=seed), tape, population, modes[0], show))
    report = _compare(job, tape, population, rows, [rows[0].result, *draws], left_out, notes)
    path = write(report, job.out)
    for table in modes_tables(report):
        console.print(table, highlight=False, markup=False, soft_wrap=True)
    console.print(f"all of it: {path}", highlight=False, soft_wrap=True)
    return report


def tape_of(job: ModesJob) -> tuple[Tape, list[int], list[str]]:
    """The recordings as one story, what each lead paid in fees, and remarks.

    Of prediction markets every account's trades are prices, and the leads are the most active accounts that traded
    together; of perpetuals only the leads' own fills are known.
    """
    options = ReplayOptions(strict=job.strict, accounts=job.accounts, lead_equity=job.lead_equity)
    tape = given_time(read_tape(job.files, options))
    if all(instrument.kind is not Kind.OUTCOME for instrument in tape.instruments):
        leads = [recording for recording in tape.recordings if recording.fills]
        given = [name for name in job.lead_equity if name in {lead.name for lead in tape.leads}]
        assumed = f"peak gross exposure of the recording / {ASSUMED_LEVERAGE}, which nobody knows beforehand"
        note = "A lead's equity is not in its record: " + assumed + "; --lead-equity NAME=USDC says better."
        return tape, [sum(recording.fees) for recording in leads], [] if len(given) == len(leads) else [note]
    market = read_leads(job.files, strict=job.strict)
    accounts = choose_leads(market, (), job.accounts, job.days)
    tape, windows = portfolio_tape(market, accounts, span_of(accounts, job.days), job.lead_equity)
    chosen_by = "The leads were chosen by how much they traded, not by result."
    equity = "A lead's equity is taken as the most that its positions bound in these days."
    return tape, [sum(own.fees) for own in windows], [chosen_by, equity]


def plain(job: ModesJob, tape: Tape) -> Population:
    """The seeded followers' capital, leads, delays and slippage bounds, and otherwise an ordinary mandate."""
    equities = [lead.equity for lead in tape.leads]
    drawn = random_population(
        job.followers, len(tape.leads), job.seed, lead_equity=equities, capital_median=job.capital
    )
    f = drawn.follows
    return drawn._replace(
        follows=Follows.of(f.follower, f.lead, f.allocation, open_bps=f.open_bps, exit_bps=f.exit_bps)
    )


class _Run(NamedTuple):
    """One mode's world after its replay; its own tape and followers, and what the market model drew it from."""

    world: World
    tape: Tape
    population: Population
    played: Played
    wall_s: float


def _run(job: ModesJob, tape: Tape, population: Population, mode: Mode, journal: Journal, show: Show) -> _Run:
    """Replay `tape` in this mode. The same seed gives every mode the same market."""
    began, settings, twins = time.monotonic(), mode.settings, dict[int, int]()
    if mode.hedged:
        tape, twins, settings = listed_twice(tape, job.seed)
    n = len(population.follows)
    columns = {
        name: np.broadcast_to(np.asarray(column, dtype=np.int64), n).copy() for name, column in mode.columns.items()
    }
    own = population._replace(follows=msgspec.structs.replace(population.follows, **columns))
    world = build(tape, own, journal, ReplayOptions(seed=job.seed, route=job.route, platform=settings))
    played = play(world, tape, mode.stop_bps, twins, show)
    return _Run(world, tape, own, played, time.monotonic() - began)


def _mode(job: ModesJob, tape: Tape, population: Population, mode: Mode, fees: list[int], show: Show) -> ModeRow:
    """Replay, write this mode's own report and journal, and keep what the comparison needs."""
    journal, path = fresh_journal(job.out / mode.key)
    run = _run(job, tape, population, mode, journal, show)
    report = make_report(run.world, run.population, str(path), _inputs(job, run.tape, mode, fees), run.wall_s)
    journal.close()
    write_report(report, path.parent)
    return ModeRow(
        key=mode.key, title=mode.title, what=mode.what, assumed=mode.assumed, report=f"{mode.key}/report.html",
        root=report.journal.root, copies=report.copies, lag_ms=report.lag_ms, slippage_bps=report.slippage_bps,
        deposited=money(total_of(run.population.follows.allocation)), result=money(run.played.results[-1]),
        drawdown=money(run.played.drawdown), attribution=report.attribution, stopped=report.switches.stopped,
        off_target=report.followers.off_target,
    )  # fmt: skip


def _draw(job: ModesJob, tape: Tape, population: Population, mode: Mode, show: Show) -> Decimal:
    """What a mode comes to in another draw of the market model, USDC."""
    return money(_run(job, tape, population, mode, MemoryJournal(), show).played.results[-1])


def _inputs(job: ModesJob, tape: Tape, mode: Mode, fees: list[int]) -> Inputs:
    how = "given, or assumed from its positions"
    own = {
        f"equity of lead {lead.name}": ModelFigure(value=lead.equity / USDC, unit="USDC", source=how)
        for lead in tape.leads
    }
    if mode.assumed:
        own[f"mode {mode.title}"] = ModelFigure(value=mode.what, unit="", source=f"assumed: {mode.assumed}")
    figures = list({one.name: one for one in tape.figures}.values())
    return Inputs(
        title=f"{mode.title[0].upper()}{mode.title[1:]}: {mode.what}",
        seed=job.seed,
        route=job.route.name.lower(),
        books=["recorded" if i.id in tape.recorded else "modelled" for i in tape.instruments],
        notes=tape.notes,
        model=model.figures(figures, own, capital=job.capital),
        recordings=tape.recordings,
        venue="simulated from recordings",
        lead_fees=fees,
    )


def _compare(
    job: ModesJob, tape: Tape, population: Population, rows: list[ModeRow], draws: list[Decimal],
    left_out: list[LeftOut], notes: list[str],
) -> ModesReport:  # fmt: skip
    return ModesReport(
        version=__version__,
        seed=job.seed,
        route=job.route.name.lower(),
        leads=[lead.name for lead in tape.leads],
        equities=[money(lead.equity) for lead in tape.leads],
        symbols=[instrument.symbol for instrument in tape.instruments],
        fills=len(tape.fills),
        days=(tape.end_ns - tape.start_ns) / DAY_NS,
        followers=len(population.names),
        capital_median=job.capital,
        deposited=money(total_of(population.follows.allocation)),
        traded=money(sum(tape.instruments[f.instrument].notional_floor(f.lots, f.price) for f in tape.fills)),
        rows=rows,
        draws=[rows[0].per(result) for result in draws],
        left_out=left_out,
        notes=[*notes, *BOOKS],
    )


def write(report: ModesReport, out: Path) -> Path:
    """modes.json and modes.html."""
    path = out / "modes.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(report))
        (out / "modes.html").write_text(render_page(report), encoding="utf-8")
    except OSError as bad:
        raise ConfigError(f"--out {out}", f"cannot be written ({bad.strerror})", "name another folder") from bad
    return path
