"""`pilotfish chain`: a chain on this machine, the contracts on any chain, and how they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pilotfish.cli_common import console, plain_errors

chain = typer.Typer(no_args_is_help=True, help="Contracts: a local chain, deployment, what stands (docs/chain.md).")

Out = Annotated[Path, typer.Option(help="Folder of the deployment's file.")]
Rpc = Annotated[str, typer.Option("--rpc", help="URL of a node; the local chain's when left out.")]


@chain.command()
def up(
    node: Annotated[str, typer.Option(help="embedded, anvil, or auto: anvil where it is installed.")] = "embedded",
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8545,
    out: Out = Path("out/chain"),
    bare: Annotated[bool, typer.Option("--bare", help="Deploy nothing.")] = False,
) -> None:
    """Start a chain on this machine, deploy everything on it, and keep it until Ctrl-C."""
    from pilotfish.worlds.chain import commands

    with plain_errors():
        commands.up(commands.UpJob(node, port, out, not bare), console)


@chain.command()
def status(out: Out = Path("out/chain"), rpc: Rpc = "") -> None:
    """What stands on the chain: code, owners, prices, money, halts. Exit code 1 where anything is wrong."""
    from pilotfish.worlds.chain import commands

    with plain_errors():
        if not commands.status(rpc, out, console):
            raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    app.add_typer(chain, name="chain")
