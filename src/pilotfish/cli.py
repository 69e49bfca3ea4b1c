"""The commands. Each reads options, builds a world, prints what it found; errors are sentences, never tracebacks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pilotfish import __version__, cli_chain, cli_onchain
from pilotfish.cli_common import console, plain_errors
from pilotfish.cli_venues import Config, Leads, VenueName, add_to
from pilotfish.domain.mandate import Route

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Mirror lead traders, and prove every fill of it.")
add_to(app)
cli_chain.add_to(app)
cli_onchain.add_to(cli_chain.chain)
ROUTES = {"omnibus": Route.OMNIBUS, "segregated": Route.SEGREGATED}

Out = Annotated[Path, typer.Option(help="Folder for the journal and the report; made if need be.")]
Seed = Annotated[int, typer.Option(help="Everything that is chance in a simulated world comes from this number.")]
Capital = Annotated[float, typer.Option(help="Median capital of seeded followers, USDC.")]
RouteName = Annotated[str, typer.Option("--route", help="omnibus: one block order for all; segregated: one each.")]
PlatformFile = Annotated[
    Path | None, typer.Option("--platform", help="Fees, risk, rules, execution (docs/platform.md).")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first bad row instead of setting it aside.")]


def route_of(name: str) -> Route:
    if name not in ROUTES:
        raise typer.BadParameter(f"{name} is not a route; use one of {', '.join(ROUTES)}")
    return ROUTES[name]


_OF_A_RUN = ("followers", "seed", "minutes", "out", "route", "capital")  # what a settings file says as well


def _typed(context: typer.Context, name: str) -> bool:
    """Whether an option was given, and is not its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


@app.command()
def run(
    context: typer.Context,
    recording: Annotated[
        list[Path] | None, typer.Option(help="Replay this recording; with a twin: what its leads did.")
    ] = None,
    followers: Annotated[str, typer.Option(help="How many, or a CSV file of them.")] = "1000",
    seed: Seed = 1,
    minutes: Annotated[float, typer.Option(help="Minutes of market; 0 with --venue: until stopped.")] = 60.0,
    out: Out = Path("out/run"),
    route: RouteName = "omnibus",
    capital: Capital = 1000.0,
    platform: PlatformFile = None,
    strict: Strict = False,
    mode: Annotated[str, typer.Option(help="paper or live, on a venue that exists (docs/live.md).")] = "",
    venue: VenueName = "",
    lead: Leads = None,
    config: Config = None,
    resume: Annotated[str, typer.Option(help="Take back a halt of opens in the journal, and say why.")] = "",
    confirm: Annotated[str, typer.Option(help="The sentence that a live run with real money asks for.")] = "",
    chain: cli_chain.OnChain = False,
    node: cli_chain.NodeKind = "embedded",
    keep: cli_chain.Keep = False,
) -> None:
    """Three leads trade in a seeded market and followers copy them in paper; a recording, replayed; or a real venue."""
    from pilotfish.worlds import commands
    from pilotfish.worlds.replay import ReplayOptions

    with plain_errors():
        if chain:
            count = followers if _typed(context, "followers") else "200"
            return cli_chain.run_on_chain(out, count, seed, node, keep)
        if mode or venue or config:
            from pilotfish.worlds.live.commands import live_run
            from pilotfish.worlds.live.settings import chosen

            given = {name: context.params[name] for name in _OF_A_RUN if _typed(context, name)}
            settings = chosen(config, {"mode": mode, **given}, {"name": venue}, lead or [], platform)
            return live_run(settings, confirm, console, recording or [], resume)
        terms = commands.platform_of(platform)
        if recording:
            options = ReplayOptions(seed=seed, route=route_of(route), strict=strict, platform=terms)
            commands.replay_files(commands.ReplayJob(recording, followers, out, options, capital=capital), console)
        else:
            commands.seeded_market(followers, seed, minutes, out, route_of(route), console, capital, terms)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings of lead traders, any shape (docs/recordings.md).")],
    followers: Annotated[str, typer.Option(help="How many, or a CSV file of them (docs/followers.md).")] = "1000",
    seed: Seed = 1,
    out: Out = Path("out/replay"),
    route: RouteName = "omnibus",
    positions: Annotated[Path | None, typer.Option(help="Write every follow's final position and target here.")] = None,
    copiers: Annotated[list[Path] | None, typer.Option(help="Recordings of real copiers, to compare with.")] = None,
    books: Annotated[list[Path] | None, typer.Option(help="Recordings of order books, used where they fit.")] = None,
    lead_equity: Annotated[list[str] | None, typer.Option(help="NAME=USDC, instead of the assumed equity.")] = None,
    capital: Capital = 1000.0,
    accounts: Annotated[int, typer.Option(help="Leads to take from a file of many accounts.")] = 1,
    platform: PlatformFile = None,
    strict: Strict = False,
) -> None:
    """Put recorded leads in front of followers with their own capital, delays, fees, and everybody's impact."""
    from pilotfish.worlds import commands
    from pilotfish.worlds.replay import ReplayOptions

    with plain_errors():
        options = ReplayOptions(
            seed=seed, route=route_of(route), strict=strict, accounts=accounts,
            lead_equity=commands.parse_equity(lead_equity or []),
            books=tuple(books or ()), platform=commands.platform_of(platform),
        )  # fmt: skip
        job = commands.ReplayJob(files, followers, out, options, positions, copiers or [], capital)
        commands.replay_files(job, console)


@app.command()
def verify(
    journal: Annotated[Path, typer.Argument(help="A journal.db")],
    root: Annotated[str, typer.Option(help="The root it must have, as printed or anchored elsewhere (hex).")] = "",
    onchain: Annotated[
        list[str] | None, typer.Option(help="A node's URL: hold it to what is anchored; repeatable.")
    ] = None,
    anchor: Annotated[str, typer.Option(help="With --onchain: Anchor's address, or a deployment's file.")] = "",
    publisher: Annotated[str, typer.Option(help="With --onchain: who anchored it.")] = "",
    since: Annotated[int, typer.Option(help="With --onchain: the block that it was deployed in.")] = 0,
    proof: Annotated[str, typer.Option(help="With --onchain: print a figure's proof, such as nav or lag:LEAD@2.")] = "",
) -> None:
    """Recompute every command and balance of a journal, check the hash chain, and print the root."""
    with plain_errors():
        if onchain:
            from pilotfish.worlds.onchain import verifying

            asked = verifying.Question(anchor, publisher, since, proof)
            holds = verifying.verify_by_urls(journal, root, onchain, asked, console)
        else:
            from pilotfish.worlds import commands

            holds = commands.verify_journal(journal, root, console)
        if not holds:
            raise typer.Exit(1)


@app.command()
def salvage(
    journal: Annotated[Path, typer.Argument(help="A damaged journal.db; it stays as it is.")],
    into: Annotated[Path, typer.Argument(help="A new journal for every whole group before the damage.")],
) -> None:
    """Save what a damaged journal still holds; reconcile with the venues before you trade on the copy."""
    from pilotfish.worlds import commands

    with plain_errors():
        if not commands.salvage_journal(journal, into, console):
            raise typer.Exit(1)


@app.command()
def simulate(
    seeds: Annotated[int, typer.Option(help="How many worlds, each from its own seed.")] = 200,
    first: Annotated[int, typer.Option(help="The first seed.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Fuzz whole systems: seeded markets with every fault, an independent auditor after each step."""
    from pilotfish.worlds.fuzz.simulate_command import simulate_seeds

    with plain_errors():
        if not simulate_seeds(first, seeds, workers, console):
            raise typer.Exit(1)


@app.command()
def inspect(
    files: Annotated[list[Path], typer.Argument(help="Recordings, or a folder of them.")],
    strict: Strict = False,
) -> None:
    """Say what each recording is: shape, account, fills, breaks in the position chain, and every bad row."""
    from pilotfish.worlds import commands

    with plain_errors():
        commands.inspect_files(files, strict, console)


@app.command()
def leads(
    files: Annotated[list[Path], typer.Argument(help="Recordings of lead traders (docs/leads.md).")],
    accounts: Annotated[int, typer.Option(help="Accounts to look at, those with most fills first.")] = 10,
    split: Annotated[
        str, typer.Option(help="Rank until then, judge after: a share of the fills (0.5) or a date.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder for leads.json and leads.html.")] = Path("out/leads"),
    lead_equity: Annotated[list[str] | None, typer.Option(help="NAME=USDC, instead of the assumed equity.")] = None,
    copiers_capital: Annotated[float, typer.Option(help="What all copiers of one lead bring, USDC.")] = 10_000.0,
    capacity: Annotated[bool, typer.Option(help="Replay with ever more capital until the edge is gone.")] = True,
    replays: Annotated[int, typer.Option(help="Draws of the market model, each from its own seed.")] = 3,
    seed: Seed = 1,
    strict: Strict = False,
) -> None:
    """Rank leads by what copiers would really have got, and say what of it may be luck."""
    from pilotfish.worlds import commands
    from pilotfish.worlds.leads import leads_command
    from pilotfish.worlds.leads_judge import LeadsJob

    with plain_errors():
        equity = commands.parse_equity(lead_equity or [])
        leads_command(
            LeadsJob(
                files, accounts, seed, copiers_capital, split, equity, capacity, replays=replays, strict=strict, out=out
            ),
            console,
        )


@app.command()
def recommend(
    files: Annotated[
        list[Path] | None, typer.Argument(help="leads.json, or recordings; out/leads/leads.json when left out.")
    ] = None,
    capital: Annotated[float, typer.Option(help="What you would put in, USDC.")] = 500.0,
    accounts: Annotated[int, typer.Option(help="Accounts to look at, where recordings are given.")] = 10,
    seed: Seed = 1,
    strict: Strict = False,
) -> None:
    """Propose at most three leads and their weights, with reasons; or say that none can be told from luck."""
    from pilotfish.worlds.leads import recommend_command
    from pilotfish.worlds.leads_judge import LeadsJob

    with plain_errors():
        recommend_command(files or [], capital, LeadsJob([], accounts, seed, strict=strict), console)


@app.command()
def portfolio(
    files: Annotated[list[Path], typer.Argument(help="Recordings of lead traders (docs/portfolio.md).")],
    capital: Annotated[float, typer.Option(help="What the follower puts in, USDC.")] = 500.0,
    weights: Annotated[str, typer.Option(help="Percent for each lead, between slashes.")] = "40/30/30",
    leads: Annotated[str, typer.Option(help="Names between commas; else the most active ones.")] = "",
    days: Annotated[int, typer.Option(help="At most so many days, from when all of them trade.")] = 45,
    seed: Seed = 1,
    out: Out = Path("out/portfolio"),
    route: RouteName = "omnibus",
    lead_equity: Annotated[list[str] | None, typer.Option(help="NAME=USDC, instead of the assumed equity.")] = None,
    platform: PlatformFile = None,
    strict: Strict = False,
) -> None:
    """What one follower's money over a few leads would have come to, day by day, after every fee."""
    from pilotfish.worlds import commands
    from pilotfish.worlds.portfolio import PortfolioJob, portfolio_command

    with plain_errors():
        names = [name.strip() for name in leads.split(",") if name.strip()]
        equity = commands.parse_equity(lead_equity or [])
        terms = commands.platform_of(platform) if platform else None
        job = PortfolioJob(files, out, capital, weights, names, days, seed, route_of(route), strict, equity, terms)
        portfolio_command(job, console)


@app.command()
def modes(
    files: Annotated[list[Path], typer.Argument(help="Recordings of lead traders (docs/modes.md).")],
    followers: Annotated[int, typer.Option(help="How many seeded followers.")] = 300,
    capital: Annotated[float, typer.Option(help="Median capital of them, USDC.")] = 50.0,
    out: Annotated[Path, typer.Option(help="Folder for the comparison, with one inside it for each mode.")] = Path(
        "out/modes"
    ),
    only: Annotated[str, typer.Option(help="Modes between commas, such as reverse,twap; else all.")] = "",
    draws: Annotated[int, typer.Option(help="Draws of the market model for the first mode: what may be chance.")] = 3,
    accounts: Annotated[int, typer.Option(help="Leads to take from files of many accounts.")] = 1,
    days: Annotated[int, typer.Option(help="Of a prediction market: at most so many days.")] = 45,
    seed: Seed = 1,
    route: RouteName = "omnibus",
    lead_equity: Annotated[list[str] | None, typer.Option(help="NAME=USDC, instead of the assumed equity.")] = None,
    strict: Strict = False,
) -> None:
    """Replay the same recordings in every way of copying, and put what each came to side by side."""
    from pilotfish.worlds import commands
    from pilotfish.worlds.modes import ModesJob, modes_command

    with plain_errors():
        names = [name.strip() for name in only.split(",") if name.strip()]
        equity = commands.parse_equity(lead_equity or [])
        job = ModesJob(
            files, out, followers, capital, seed, route_of(route), accounts, days, equity, names, draws, strict
        )
        modes_command(job, console)


def show_version(value: bool) -> None:
    if value:
        console.print(f"pilotfish {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Mirror lead traders, and prove every fill of it."""
    from pilotfish.worlds.extensions import load_extensions

    with plain_errors():
        load_extensions()
