"""`pilotfish chain`: a chain on this machine, the contracts on any chain, and how they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pilotfish.cli_common import console, plain_errors
from pilotfish.cli_venues import Config

chain = typer.Typer(no_args_is_help=True, help="Contracts: a local chain, deployment, what stands (docs/chain.md).")

Out = Annotated[Path, typer.Option(help="Folder of the deployment's file.")]
Rpc = Annotated[str, typer.Option("--rpc", help="URL of a node; the local chain's when left out.")]
NodeKind = Annotated[str, typer.Option("--node", help="A local chain: embedded, anvil, or auto: anvil where it is.")]
OnChain = Annotated[bool, typer.Option("--chain", help="On a chain on this machine (docs/chain.md).")]
Keep = Annotated[bool, typer.Option("--keep", help="With --chain: leave the chain up until Ctrl-C.")]


def run_on_chain(out: Path, followers: str, seed: int, node: str, keep: bool) -> None:
    """`pilotfish run --chain`. Raises Exit where chain, ledger and anchor do not agree."""
    from pilotfish.domain.errors import ConfigError
    from pilotfish.worlds.chain.run import ChainJob, run_on_chain

    if not followers.isdigit():
        raise ConfigError(f"--followers {followers}", "is no number", "a run on a chain makes its own followers")
    if not run_on_chain(ChainJob(out, int(followers), seed, node, keep), console):
        raise typer.Exit(1)


@chain.command()
def up(
    node: NodeKind = "embedded",
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8545,
    out: Out = Path("out/chain"),
    bare: Annotated[bool, typer.Option("--bare", help="Deploy nothing.")] = False,
) -> None:
    """Start a chain on this machine, deploy everything on it, and keep it until Ctrl-C."""
    from pilotfish.worlds.chain import commands

    with plain_errors():
        commands.up(commands.UpJob(node, port, out, not bare), console)


@chain.command()
def deploy(
    settings: Annotated[Path, typer.Argument(help="What is to be deployed: a TOML file (docs/chain.md).")],
    rpc: Annotated[str, typer.Option("--rpc", help="URL of a node of the chain.")],
    key: Annotated[str, typer.Option("--key", help="Address of the key that deploys and pays: pilotfish keys new.")],
    out: Out = Path("out/chain"),
    config: Config = None,
    confirm: Annotated[str, typer.Option(help="The sentence that a deployment asks for.")] = "",
) -> None:
    """Deploy everything, or go on where a deployment was cut off. It ends with the timelock owning all of it."""
    from pilotfish.worlds.chain import commands
    from pilotfish.worlds.live.settings import read_settings

    with plain_errors():
        job = commands.DeployJob(settings, rpc, key, read_settings(config).keys, out, confirm)
        if not commands.deploy(job, console):
            raise typer.Exit(1)


@chain.command()
def status(out: Out = Path("out/chain"), rpc: Rpc = "") -> None:
    """What stands on the chain: code, owners, prices, money, halts. Exit code 1 where anything is wrong."""
    from pilotfish.worlds.chain import commands

    with plain_errors():
        if not commands.status(rpc, out, console):
            raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    app.add_typer(chain, name="chain")
