"""`pilotfish chain anchor`, `watch` and `relay`, apart from how they are typed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.record import Record, read_record
from pilotfish.venues.evm.eyes import HttpNode, NoAnswer
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.venues.keys.pool import SignerLink
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.net.http import Http
from pilotfish.venues.net.terms import WireTerms
from pilotfish.worlds.live.commands import on_loop, read_password
from pilotfish.worlds.live.settings import Keys
from pilotfish.worlds.onchain.keeping import Keeper
from pilotfish.worlds.onchain.places import check_address, on_chain, place_of, present
from pilotfish.worlds.onchain.publishing import Publisher, Round
from pilotfish.worlds.onchain.relay_cursor import cursor_path, read_cursor
from pilotfish.worlds.onchain.relay_places import RelayJob, settings_of
from pilotfish.worlds.onchain.relaying import Relaying, keys_of
from pilotfish.worlds.onchain.sending import Sender, Sign
from pilotfish.worlds.onchain.watching import Books, Watcher, watch

BLOCK_S = 1.0  # how often a node is asked for a new block


class AnchorJob(msgspec.Struct, frozen=True):
    """`anchor`: an address, or a deployment's file. `publisher`: address of a key. `every_s`: zero anchors once."""

    journal: Path
    url: str
    anchor: str
    publisher: str
    since: int = 0
    every_s: float = 0.0


class WatchJob(msgspec.Struct, frozen=True):
    """`chain`: its id, or 0 where that is not known. `keeps`: insurance, means, NAV and exits are kept, too.
    `send_url`: where transactions go, a private node for instance.
    """

    books: Books
    url: str
    key: str
    chain: int = 0
    keeps: bool = True
    send_url: str = ""


def anchor_journal(job: AnchorJob, keys: Keys, console: Console) -> None:
    """Anchor what is new in a journal, once or until Ctrl-C; a shard may go on writing it."""
    check_address("--key", job.publisher)
    if job.every_s < 0:
        raise ConfigError(f"--every {job.every_s:g}", "is no time", "seconds, or 0 to anchor once")
    with contextlib.suppress(KeyboardInterrupt):
        on_loop(_anchor(job, keys, console))


async def _anchor(job: AnchorJob, keys: Keys, console: Console) -> None:
    place = place_of("--anchor", job.anchor, "Anchor")
    async with node_of(job.url) as node, holding(keys, partial(present, [job.publisher])) as (_, sign):
        await on_chain(node, place.chain)
        sender = Sender(node, job.publisher, sign)
        publisher = Publisher(job.journal, node, place.address, sender, job.since or place.since)
        while True:
            try:
                done = await publisher.round()
            except NoAnswer as silent:
                if not job.every_s:
                    raise
                console.print(f"[yellow]not now:[/] {escape(str(silent))}", highlight=False, soft_wrap=True)
            else:
                console.print(_said(done), highlight=False, soft_wrap=True)
            if not job.every_s:
                return
            await asyncio.sleep(job.every_s)


def _said(done: Round) -> str:
    if not done.batches:
        return "the journal is empty: nothing to anchor"
    how = f"anchored in transaction {done.transaction}" if done.transaction else "anchored already, nothing is new"
    return f"{done.records:,} records, batch {done.batches - 1}: {how}"


def watch_books(job: WatchJob, keys: Keys, console: Console) -> None:
    """Close who reaches the line, until Ctrl-C."""
    check_address("--key", job.key)
    with contextlib.suppress(KeyboardInterrupt):
        on_loop(_watch(job, keys, console))


async def _watch(job: WatchJob, keys: Keys, console: Console) -> None:
    def tell(sentence: str) -> None:
        console.print(sentence, highlight=False, soft_wrap=True, markup=False)

    async def pause() -> None:
        await asyncio.sleep(BLOCK_S)

    books = job.books
    async with node_of(job.url, job.send_url) as node, holding(keys, partial(present, [job.key])) as (_, sign):
        await on_chain(node, job.chain)
        sender = Sender(node, job.key, sign)
        keeper = None
        if job.keeps:
            keeper = Keeper(node, sender, books.liquidator, books.vaults, books.since, tell, books.ways)
        watcher = Watcher(node, sender, books, tell, keeper)
        tell(f"watching {len(books.vaults)} vaults and {len(books.desks)} desks; Ctrl-C ends it")
        await watch(watcher, node, pause, tell)


def relay(job: RelayJob, keys: Keys, console: Console) -> None:
    """Mirror what leads do, until Ctrl-C. Raises ConfigError, KeyRefused, NoAnswer."""
    job.check()
    record = read_record(job.deployment)
    if record is None:
        raise ConfigError(f"--deployment {job.deployment}", "is not there", "pilotfish chain deploy, or chain up")
    with contextlib.suppress(KeyboardInterrupt):
        on_loop(_relay(job, record, keys, console))


async def _relay(job: RelayJob, record: Record, keys: Keys, console: Console) -> None:
    def tell(sentence: str) -> None:
        console.print(sentence, highlight=False, soft_wrap=True, markup=False)

    needed = partial(keys_of, job, record)
    async with node_of(job.url, job.send_url) as node, holding(keys, needed) as (ring, sign):
        await on_chain(node, record.chain_id)
        settings = await settings_of(job, record, node)
        cursor = read_cursor(cursor_path(job.deployment, job.key), record, settings.executor)
        relaying = Relaying(job, record, settings, ring, cursor, tell, sign)
        await relaying.run(node)


@contextlib.asynccontextmanager
async def node_of(url: str, send_url: str = "") -> AsyncIterator[HttpNode]:
    """A node over HTTP, hung up on afterwards."""
    http = Http(WireTerms())
    try:
        yield HttpNode(url, http, send_url)
    finally:
        await http.close()


@contextlib.asynccontextmanager
async def holding(keys: Keys, choose: Callable[[Sequence[str]], Sequence[str]]) -> AsyncIterator[tuple[Keyring, Sign]]:
    """Those keys that `choose` takes of all there are, at a signer's socket or in the keystore, unlocked here; and what
    signs for them. Raises KeyRefused, ConfigError.
    """
    if keys.signer:
        link = await SignerLink.connect(Path(keys.signer).expanduser())
        try:
            yield Keyring(remote=choose(await link.addresses())), link.sign
        finally:
            await link.close()
        return
    store = Keystore(Path(keys.folder).expanduser())
    chosen = choose(store.addresses())
    password = read_password(keys.password_file)
    ring = Keyring([store.unlock(address, password) for address in chosen])

    async def sign(requests: Sequence[SignRequest]) -> list[bytes]:
        return ring.sign_all(requests)

    yield ring, sign
