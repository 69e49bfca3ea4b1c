"""The commands for venues that exist: doctor, init, keys, signer, approve. `pilotfish run --mode` is in `cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pilotfish.cli_common import console, plain_errors

keys = typer.Typer(no_args_is_help=True, help="Keys that sign orders, kept encrypted (docs/live.md).")

Config = Annotated[Path | None, typer.Option("--config", help="Settings; pilotfish.toml here when left out.")]
Mode = Annotated[str, typer.Option(help="paper: live public data, simulated fills; live: real orders.")]
VenueName = Annotated[str, typer.Option("--venue", help="Which venue; `help` lists them.")]
Leads = Annotated[list[str] | None, typer.Option("--lead", help="Address of a lead trader; repeat it for more.")]


def doctor(config: Config = None, mode: Mode = "", venue: VenueName = "", lead: Leads = None) -> None:
    """Check clock, keys, balances, rate budgets and latency, and say what is wrong and how to mend it."""
    from pilotfish.worlds.live import commands
    from pilotfish.worlds.live.settings import chosen

    with plain_errors():
        settings = chosen(config, {"mode": mode}, {"name": venue}, lead or [])
        if not commands.doctor(settings, console):
            raise typer.Exit(1)


def init(file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("pilotfish.toml")) -> None:
    """Write a settings file with every key and what it means."""
    from pilotfish.worlds.live.template import write_template

    with plain_errors():
        write_template(file)
        console.print(f"{file} written; edit it, then: pilotfish doctor", highlight=False)


def signer(
    socket: Annotated[Path, typer.Argument(help="Where to listen: a path that only you can open.")],
    config: Config = None,
) -> None:
    """Keep the keys in a process of their own, which signs orders for your runs and nothing else."""
    from pilotfish.worlds.live import commands
    from pilotfish.worlds.live.settings import read_settings

    with plain_errors():
        commands.run_signer(read_settings(config), socket, console)


def approve(
    account: Annotated[str, typer.Argument(help="Address of the account that the agent will trade for.")],
    agent: Annotated[str, typer.Argument(help="Address of the agent's key, from `pilotfish keys new`.")],
    name: Annotated[str, typer.Option(help="The venue keeps one agent a name.")] = "pilotfish",
    config: Config = None,
    venue: VenueName = "",
) -> None:
    """The one-step authorisation: let an agent's key trade for an account, and never withdraw from it."""
    from pilotfish.worlds.live import commands
    from pilotfish.worlds.live.settings import chosen

    with plain_errors():
        commands.approve(chosen(config, {}, {"name": venue}, []), account, agent, name, console)


@keys.command("new")
def new_key(config: Config = None) -> None:
    """Make a key, encrypted by a password, and print its address."""
    from pilotfish.worlds.live import commands
    from pilotfish.worlds.live.settings import read_settings

    with plain_errors():
        commands.new_key(read_settings(config), console)


@keys.command("list")
def list_keys(config: Config = None) -> None:
    """Addresses of the keys in the keystore."""
    from pilotfish.worlds.live import commands
    from pilotfish.worlds.live.settings import read_settings

    with plain_errors():
        commands.list_keys(read_settings(config), console)


def trials(
    venue: Annotated[list[str] | None, typer.Option(help="Only this venue; repeat it for more.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="Only this fault; repeat it for more.")] = None,
    times: Annotated[int, typer.Option(help="How often each is injected at the least.")] = 100,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    out: Annotated[Path | None, typer.Option(help="Write the table here as Markdown.")] = None,
) -> None:
    """Inject every fault into every venue's session, against its twin, and compare the books (docs/faults.md)."""
    from pilotfish.worlds.trials.command import trials as run

    with plain_errors():
        if not run(venue or [], fault or [], times, workers, out, console):
            raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    for command in (doctor, init, signer, approve, trials):
        app.command()(command)
    app.add_typer(keys, name="keys")
