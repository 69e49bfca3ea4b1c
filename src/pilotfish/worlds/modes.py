"""`pilotfish modes`: the same recordings replayed once for every way of copying, and one table of what it came to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from pilotfish import __version__
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Kind
from pilotfish.domain.mandate import Follows, Route
from pilotfish.journal.memory import MemoryJournal
from pilotfish.views.report.schema import ModelFigure, Report
from pilotfish.views.report.write import write_report
from pilotfish.views.terms import money
from pilotfish.worlds import model
from pilotfish.worlds.commands import fresh_journal, progress_bar
from pilotfish.worlds.followers import Population, random_population
from pilotfish.worlds.leads_tape import read_leads
from pilotfish.worlds.modes_catalogue import LeftOut, Mode, catalogue, chosen
from pilotfish.worlds.modes_figures import ModeRow, ModesReport, encode, modes_tables
from pilotfish.worlds.modes_page import render_page
from pilotfish.worlds.modes_play import Played, listed_twice, play
from pilotfish.worlds.platform import Settings
from pilotfish.worlds.portfolio_tape import choose_leads, portfolio_tape, span_of
from pilotfish.worlds.replay import ASSUMED_LEVERAGE, ReplayOptions, Tape, build, read_tape
from pilotfish.worlds.reporting import Inputs, make_report
from pilotfish.worlds.world import World

USDC = 10**6
FOLLOWERS_MAX = 100_000


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
    if not 1 <= job.followers <= FOLLOWERS_MAX or not 0 <= job.draws <= 100:
        raise ConfigError(f"--followers {job.followers} --draws {job.draws}", "is out of range",
                          f"take 1 to {FOLLOWERS_MAX:,} followers and 0 to 100 draws")  # fmt: skip
    tape, fees, notes = tape_of(job)
    population = plain(job, tape)
    every, left_out = catalogue(tape, population.follows)
    modes = chosen(every, job.only)
    rows = [_mode(job, tape, population, mode, fees, console, f"{k}/{len(modes)}") for k, mode in enumerate(modes, 1)]
    draws = [_draw(job, tape, population, modes[0], seed, console) for seed in range(job.seed, job.seed + job.draws)]
    report = _compare(job, tape, population, rows, left_out, notes)
    report = msgspec.structs.replace(report, draws=[rows[0].per(money(result)) for result in draws])
    path = write(report, job.out)
    for table in modes_tables(report):
        console.print(table, highlight=False, markup=False, soft_wrap=isinstance(table, str))
    console.print(f"all of it: {path}", highlight=False, soft_wrap=True)
    return report


def tape_of(job: ModesJob) -> tuple[Tape, list[int], list[str]]:
    """The recordings as one story, what each lead paid in fees, and remarks.

    Of prediction markets every account's trades are prices, and the leads are the most active accounts that traded
    together; of perpetuals only the leads' own fills are known.
    """
    options = ReplayOptions(strict=job.strict, accounts=job.accounts, lead_equity=job.lead_equity)
    tape = read_tape(job.files, options)
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


def _world(
    job: ModesJob, tape: Tape, population: Population, mode: Mode, seed: int, out: Path | None
) -> tuple[World, Tape, dict[int, int], Population, Path | None]:
    """The opened world of a mode, its own tape, second listings and followers, and its journal where it has a folder."""
    twins: dict[int, int] = {}
    settings: Settings = mode.settings
    if mode.hedged:
        tape, twins, settings = listed_twice(tape, seed)
    own = population._replace(follows=msgspec.structs.replace(population.follows, **_columns(population, mode)))
    journal, path = (MemoryJournal(), None) if out is None else fresh_journal(out)
    options = ReplayOptions(seed=seed, route=job.route, platform=settings)
    return build(tape, own, journal, options), tape, twins, own, path
