"""`pilotfish chain anchor` and `pilotfish chain watch`: what runs beside a shard and pays for its own transactions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pilotfish.cli_common import console, plain_errors
from pilotfish.cli_venues import Config

Node = Annotated[str, typer.Option("--rpc", help="URL of a node.")]
KeyAddress = Annotated[str, typer.Option("--key", help="Address of the key that signs and pays: pilotfish keys new.")]
Since = Annotated[int, typer.Option(help="The block the contract was deployed in.")]


def anchor(
    journal: Annotated[Path, typer.Argument(help="A journal.db; its shard may go on writing.")],
    rpc: Node,
    contract: Annotated[str, typer.Option("--anchor", help="Its address, or the deployment's file.")],
    key: KeyAddress,
    every: Annotated[float, typer.Option(help="Seconds from one batch to the next, until Ctrl-C; 0: once.")] = 0.0,
    since: Since = 0,
    config: Config = None,
) -> None:
    """Put a journal's root and figures on the chain; one key speaks for one journal (docs/anchoring.md)."""
    from pilotfish.worlds.live.settings import read_settings
    from pilotfish.worlds.onchain.commands import AnchorJob, anchor_journal

    with plain_errors():
        job = AnchorJob(journal, rpc, contract, key, since, every)
        anchor_journal(job, read_settings(config).keys, console)


def watch(
    rpc: Node,
    liquidator: Annotated[str, typer.Option(help="Its address, or the deployment's file: all its books.")],
    key: KeyAddress,
    vault: Annotated[list[str] | None, typer.Option(help="Address of a vault; repeat it for more.")] = None,
    desk: Annotated[list[str] | None, typer.Option(help="Address of a desk: all its wallets.")] = None,
    since: Since = 0,
    config: Config = None,
) -> None:
    """Close vaults and wallets that reach their line or a price stop, until Ctrl-C. Anybody may run one."""
    from pilotfish.worlds.live.settings import read_settings
    from pilotfish.worlds.onchain.commands import watch_books
    from pilotfish.worlds.onchain.places import books_of

    with plain_errors():
        books, chain = books_of("--liquidator", liquidator, vault or [], desk or [], since)
        watch_books(books, rpc, key, read_settings(config).keys, console, chain)


def add_to(chain: typer.Typer) -> None:
    for command in (anchor, watch):
        chain.command()(command)
