"""`pilotfish chain anchor` and `pilotfish chain watch`, apart from how they are typed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.eyes import HttpNode, NoAnswer
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.venues.keys.pool import SignerLink
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.net.http import Http
from pilotfish.venues.net.terms import WireTerms
from pilotfish.worlds.live.commands import on_loop, read_password
from pilotfish.worlds.live.settings import Keys
from pilotfish.worlds.onchain.publishing import Publisher
from pilotfish.worlds.onchain.sending import Sender, Sign
from pilotfish.worlds.onchain.verifying import check_address
from pilotfish.worlds.onchain.watching import Books, Watcher, watch

BLOCK_S = 1.0  # how often a node is asked for a new block


class AnchorJob(msgspec.Struct, frozen=True):
    """`every_s`: zero anchors once. `publisher` is the address of a key."""

    journal: Path
    url: str
    anchor: str
    publisher: str
    since: int = 0
    every_s: float = 0.0


def anchor_journal(job: AnchorJob, keys: Keys, console: Console) -> None:
    """Anchor what is new in a journal, once or until Ctrl-C; a shard may go on writing it."""
    check_address("--anchor", job.anchor)
    check_address("--key", job.publisher)
    if job.every_s < 0:
        raise ConfigError(f"--every {job.every_s:g}", "is no time", "seconds, or 0 to anchor once")
    with contextlib.suppress(KeyboardInterrupt):
        on_loop(_anchor(job, keys, console))


async def _anchor(job: AnchorJob, keys: Keys, console: Console) -> None:
    async with node_of(job.url) as node, signing(keys, job.publisher) as sign:
        publisher = Publisher(job.journal, node, job.anchor, Sender(node, job.publisher, sign), job.since)
        while True:
            try:
                done = await publisher.round()
            except NoAnswer as silent:
                if not job.every_s:
                    raise
                console.print(f"[yellow]not now:[/] {silent}", highlight=False, soft_wrap=True)
            else:
                what = f"in transaction {done.transaction}" if done.transaction else "already: nothing new"
                console.print(
                    f"{done.records:,} records, {done.batches} batches anchored {what}", highlight=False, soft_wrap=True
                )
            if not job.every_s:
                return
            await asyncio.sleep(job.every_s)


def watch_books(books: Books, url: str, key: str, keys: Keys, console: Console) -> None:
    """Close who reaches the line, until Ctrl-C."""
    check_address("--liquidator", books.liquidator)
    check_address("--key", key)
    for address in (*books.vaults, *books.desks):
        check_address("--vault or --desk", address)
    if not books.vaults and not books.desks:
        raise ConfigError("nothing to watch", "no book is named", "add --vault ADDRESS or --desk ADDRESS")
    with contextlib.suppress(KeyboardInterrupt):
        on_loop(_watch(books, url, key, keys, console))


async def _watch(books: Books, url: str, key: str, keys: Keys, console: Console) -> None:
    def tell(sentence: str) -> None:
        console.print(sentence, highlight=False, soft_wrap=True, markup=False)

    async def pause() -> None:
        await asyncio.sleep(BLOCK_S)

    async with node_of(url) as node, signing(keys, key) as sign:
        watcher = Watcher(node, Sender(node, key, sign), books, tell)
        tell(f"watching {len(books.vaults)} vaults and {len(books.desks)} desks; Ctrl-C ends it")
        await watch(watcher, node, pause, tell)


@contextlib.asynccontextmanager
async def node_of(url: str) -> AsyncIterator[HttpNode]:
    """A node over HTTP, hung up on afterwards."""
    http = Http(WireTerms())
    try:
        yield HttpNode(url, http)
    finally:
        await http.close()


@contextlib.asynccontextmanager
async def signing(keys: Keys, address: str) -> AsyncIterator[Sign]:
    """Whoever signs for `address`: a signer's socket, or the keystore unlocked here. Raises KeyRefused, ConfigError."""
    if keys.signer:
        link = await SignerLink.connect(Path(keys.signer).expanduser())
        try:
            yield link.sign
        finally:
            await link.close()
        return
    store = Keystore(Path(keys.folder).expanduser())
    if address.lower() not in store.addresses():
        raise ConfigError(f"key {address}", f"is not in {store.folder}", "pilotfish keys new makes one")
    ring = Keyring([store.unlock(address.lower(), read_password(keys.password_file))])

    async def sign(requests: Sequence[SignRequest]) -> list[bytes]:
        return ring.sign_all(requests)

    yield sign
