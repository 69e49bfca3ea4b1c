"""`pilotfish chain anchor`, `watch` and `relay`: what runs beside a shard and pays for its own transactions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pilotfish.cli_common import console, plain_errors
from pilotfish.cli_venues import Config

Node = Annotated[str, typer.Option("--rpc", help="URL of a node.")]
SendNode = Annotated[str, typer.Option("--send-rpc", help="Another node for transactions alone, a private one.")]
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
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Pay insurance, mark means, record NAV, serve exits, too.")
    ] = True,
    send_rpc: SendNode = "",
    config: Config = None,
) -> None:
    """Close vaults and wallets that reach their line or a price stop, until Ctrl-C. Anybody may run one."""
    from pilotfish.worlds.live.settings import read_settings
    from pilotfish.worlds.onchain.commands import WatchJob, watch_books
    from pilotfish.worlds.onchain.places import books_of

    with plain_errors():
        books, chain = books_of("--liquidator", liquidator, vault or [], desk or [], since)
        watch_books(WatchJob(books, rpc, key, chain, keep, send_rpc), read_settings(config).keys, console)


def relay(
    key: KeyAddress,
    out: Annotated[Path, typer.Option(help="Folder of the deployment's file.")] = Path("out/chain"),
    rpc: Annotated[str, typer.Option("--rpc", help="URL of a node; the local chain's when left out.")] = "",
    ws: Annotated[str, typer.Option(help="Its address for WebSocket; left out: the same.")] = "",
    agent: Annotated[str, typer.Option(help="Key that leads have appointed; left out: --key.")] = "",
    desk_lead: Annotated[
        list[str] | None, typer.Option(help="Whose followers' wallets are copied for, too; repeat it for more.")
    ] = None,
    router: Annotated[list[str] | None, typer.Option(help="Leads' swaps through it count; repeat it for more.")] = None,
    bundler: Annotated[str, typer.Option(help="URL of an ERC-4337 bundler; left out: by ourselves.")] = "",
    depth: Annotated[int, typer.Option(help="Blocks on a lead's swap before it is mirrored.")] = 0,
    slippage_bps: Annotated[int, typer.Option(help="How much worse than the lead's price a book's may be.")] = 50,
    since: Annotated[int, typer.Option(help="First block to look at; -1: where the last run ended, or now.")] = -1,
    send_rpc: SendNode = "",
    config: Config = None,
) -> None:
    """Mirror leads' tagged swaps into vaults and wallets, until Ctrl-C. Anybody may run one (docs/evm.md)."""
    from pilotfish.worlds.chain.reach import DEPLOYMENT, url_of
    from pilotfish.worlds.live.settings import read_settings
    from pilotfish.worlds.onchain.commands import relay as run
    from pilotfish.worlds.onchain.relay_places import RelayJob

    with plain_errors():
        job = RelayJob(
            deployment=out / DEPLOYMENT if out.is_dir() else out, url=url_of(out, rpc), key=key, ws_url=ws, agent=agent,
            desk_leads=tuple(desk_lead or ()), routers=tuple(router or ()), bundler_url=bundler, depth=depth,
            slippage_bps=slippage_bps, since=since, send_url=send_rpc,
        )  # fmt: skip
        run(job, read_settings(config).keys, console)


def add_to(chain: typer.Typer) -> None:
    for command in (anchor, watch, relay):
        chain.command()(command)
