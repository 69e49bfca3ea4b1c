"""`pilotfish portfolio`: one follower's capital over a few recorded leads, replayed, with every fee deducted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instructions import FeesSet
from pilotfish.domain.mandate import BPS, Follows, Route, Start
from pilotfish.views.nav import NavView
from pilotfish.views.report import figures as fig
from pilotfish.views.report.schema import ModelFigure
from pilotfish.views.report.schema_terms import Portfolio
from pilotfish.worlds import model
from pilotfish.worlds.commands import finish, fresh_journal, progress_bar
from pilotfish.worlds.followers import Population
from pilotfish.worlds.leads_replay import EXIT_BPS, OPEN_BPS
from pilotfish.worlds.leads_tape import LeadsTape, read_leads
from pilotfish.worlds.leads_window import Window
from pilotfish.worlds.movement import MEASURED
from pilotfish.worlds.platform import Fees, Settings
from pilotfish.worlds.population import split
from pilotfish.worlds.portfolio_figures import portfolio_report, too_small, write_nav
from pilotfish.worlds.portfolio_tape import Span, choose_leads, portfolio_tape, span_of
from pilotfish.worlds.replay import ReplayOptions, Tape, build, play
from pilotfish.worlds.reporting import Inputs
from pilotfish.worlds.world import SimWorld

USDC = 10**6
DELAY_NS = 250_000_000  # of the follower's orders
CAPITAL_MAX = 10**9
DEFAULT = Settings(file="the default terms", fees=Fees(subscription_usdc=Decimal(3)))


class PortfolioJob(msgspec.Struct, frozen=True):
    """What `pilotfish portfolio` was asked for. `platform` None: the default terms."""

    files: Sequence[Path]
    out: Path
    capital: float = 500.0
    weights: str = "40/30/30"
    leads: Sequence[str] = ()
    days: int = 45
    seed: int = 1
    route: Route = Route.OMNIBUS
    strict: bool = False
    lead_equity: dict[str, int] = {}
    platform: Settings | None = None


def portfolio_command(job: PortfolioJob, console: Console) -> None:
    """Read, choose, replay, report; nav.csv beside the report."""
    weights = parse_weights(job.weights, job.leads)
    if not 1 <= job.capital <= CAPITAL_MAX:
        raise ConfigError(f"--capital {job.capital:g}", "is not between 1 and a billion USDC", "500 is a start")
    if not 1 <= job.days <= 3_650:
        raise ConfigError(f"--days {job.days}", "is not between 1 and ten years", "45 is a start")
    leads = read_leads(job.files, strict=job.strict)
    for issue in leads.issues[:5]:
        console.print(f"[yellow]set aside:[/] {issue}", soft_wrap=True)
    chosen = choose_leads(leads, job.leads, len(weights), job.days)
    span = span_of(chosen, job.days)
    tape, windows = portfolio_tape(leads, chosen, span, job.lead_equity)
    capital = round(job.capital * USDC)
    follows = mandate(capital, weights)
    journal, path = fresh_journal(job.out)
    settings = job.platform or DEFAULT
    options = ReplayOptions(seed=job.seed, route=job.route, strict=job.strict, platform=settings)
    population = Population(follows, np.full(1, DELAY_NS, dtype=np.int64), ["follower"], [])
    began, world = time.monotonic(), build(tape, population, journal, options)
    with progress_bar("replaying", len(tape.fills), console) as show:
        nav = play_portfolio(world, tape, show)
    shares = {own.name: weight / 100 for own, weight in zip(windows, weights, strict=True)}
    small = too_small(tape, windows, follows.allocation.tolist(), nav)
    notes = _notes(job, settings, leads, span, windows)
    found = portfolio_report(nav, capital, shares, job.days, job.seed, small, notes)
    write_nav(job.out / "nav.csv", nav.days)
    console.print(summary(found))
    finish(world, population, path, _inputs(job, leads, tape, windows, found), time.monotonic() - began, console)
    console.print(f"net asset value by day: {job.out / 'nav.csv'}", highlight=False)


def parse_weights(text: str, leads: Sequence[str] = ()) -> list[int]:
    """Percentages between slashes to bps. Raises ConfigError unless they are positive, sum to 100 and fit the leads."""
    parts = text.split("/")
    if not all(part.strip().isascii() and part.strip().isdigit() and int(part) > 0 for part in parts):
        raise ConfigError(f"--weights {text}", "is not whole percentages above 0", "for example 40/30/30")
    weights = [int(part) * 100 for part in parts]
    if sum(weights) != BPS:
        raise ConfigError(f"--weights {text}", f"sums to {sum(weights) // 100}, not 100", "mend one of them")
    if leads and len(leads) != len(weights):
        raise ConfigError(f"--weights {text}", f"{len(weights)} weights for {len(leads)} leads", "give one a lead")
    if len(set(leads)) != len(leads):
        raise ConfigError("--leads", "names a lead twice", "name each once")
    return weights


def mandate(capital: int, weights: Sequence[int]) -> Follows:
    """One follower, one row a lead: proportional, taking over what the lead holds, an ordinary copier's bounds."""
    parts = split(capital, [(weight, BPS) for weight in weights])
    return Follows.of(
        [0] * len(parts), range(len(parts)), parts, weight_bps=list(weights), start=int(Start.EXISTING),
        open_bps=OPEN_BPS, exit_bps=EXIT_BPS,
    )  # fmt: skip


def play_portfolio(world: SimWorld, tape: Tape, show: Callable[[int, int], None]) -> NavView:
    """Play the tape with a net asset value for each midnight; at the end every fee that has accrued is charged."""
    world.nav = nav = NavView()
    world.shard.observers.append(nav)
    nav.sample(world.shard.state, tape.start_ns)
    play(world, tape, show)
    terms = world.shard.state.fee_terms
    if terms is not None:  # renewed terms settle what came before
        world.shard.handle([FeesSet(tape.end_ns, tape.end_ns, terms)], tape.end_ns)
        nav.sample(world.shard.state, tape.end_ns)
        world.shard.checkpoint()
    return nav


def _notes(job: PortfolioJob, settings: Settings, leads: LeadsTape, span: Span, windows: Sequence[Window]) -> list[str]:
    notes = []
    if not span.together:
        notes.append(
            f"These leads never all traded at the same time. The {span.days:.1f} days from the first fill to the last "
            "were replayed; each lead stands still where its record does."
        )
    if span.days < job.days - 0.01:
        notes.append(
            f"{job.days} days were asked for, the records hold {span.days:.1f} days, and only these were replayed. "
            "Nothing is extrapolated but the yearly figures."
        )
    if settings.fees is None:
        notes.append(f"{settings.file} sets no fees, so none were charged.")
    if not job.leads:
        notes.append("The leads were chosen by how much they traded, not by result.")
    assumed = [w.name for w in windows if not w.equity_given]
    if assumed:
        notes.append(
            "A lead's equity is not in its record. It is taken as the most that its positions bound in these days, "
            "which nobody knows beforehand; --lead-equity NAME=USDC says better."
        )
    if leads.notes:
        notes.append(f"Reading the files gave rise to {len(leads.notes)} remarks; pilotfish inspect prints them.")
    return notes


def _inputs(job: PortfolioJob, leads: LeadsTape, tape: Tape, windows: Sequence[Window], found: Portfolio) -> Inputs:
    own = {
        f"equity of lead {own.name}": ModelFigure(
            value=own.equity / USDC, unit="USDC", source="given" if own.equity_given else "assumed from its positions"
        )
        for own in windows
    }
    own["follower's order delay, median"] = ModelFigure(value=DELAY_NS / 1e6, unit="ms", source="assumed")
    assumed = model.figures(list({figures.name: figures for figures in tape.figures}.values()), own, capital=None)
    measured = [f.vol_bps for f in tape.figures if f.vol_bps.source == MEASURED]
    if measured:
        low, middle, high = np.percentile([figure.value for figure in measured], [0, 50, 100])
        source = f"{MEASURED}, each token its own: {low:.3g} to {high:.3g} in {len(measured)} of them"
        assumed["outcome.vol_bps"] = ModelFigure(value=float(middle), unit="bps/√s of the logit, median", source=source)
    return Inputs(
        title=f"{found.capital:,.0f} USDC over {len(windows)} leads",
        seed=job.seed,
        route=job.route.name.lower(),
        books=["modelled"] * len(tape.instruments),
        notes=tape.notes,
        model=assumed,
        venue=windows[0].instruments[0].venue,
        lead_fees=[sum(own.fees) for own in windows],
        set_aside=leads.issues,
        portfolio=found,
    )


def summary(found: Portfolio) -> Table:
    """A dozen lines for a terminal."""
    table, last = Table(box=None, show_header=False, pad_edge=False), found.nav[-1]
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")

    def percent(value: float | None, low: float | None, high: float | None) -> str:
        ends = (
            "no interval: too few days" if low is None else f"{found.level:.0%} interval {low:+,.1f}% to {high:+,.1f}%"
        )
        return f"{fig.number(value, 1, signed=True)}% ({ends})"

    small = ", ".join(f"{t.symbol} of {fig.shorten(t.lead)} ({t.below} of {t.orders})" for t in found.too_small[:5])
    weights = ", ".join(f"{share:g}% {name}" for name, share in found.weights.items())
    for name, value in (
        ("portfolio", f"{found.capital:,.2f} USDC: {weights}"),
        ("days", f"{found.days:.1f} of {found.days_asked:g} asked for"),
        ("net asset value", f"{last.nav:,.2f} USDC ({found.gain:+,.2f})"),
        ("return", percent(found.return_percent, found.return_low, found.return_high)),
        ("a year, simple", percent(found.simple.percent, found.simple.low, found.simple.high)),
        ("a year, compound", percent(found.compound.percent, found.compound.low, found.compound.high)),
        ("largest fall", f"{found.drawdown_percent:.1f}%"),
        ("fees", f"{last.subscription:,.2f} subscription, {last.performance:,.2f} performance, "
                 f"{last.venue_fee:,.2f} venue"),
        ("too small", small or "nothing"),
        *(("note", note) for note in found.notes),
    ):  # fmt: skip
        table.add_row(name, value)
    return table
