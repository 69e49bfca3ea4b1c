"""`pilotfish run --chain`: a chain on this machine, a lead that trades on a real pool, and everybody who copies it.

The vault's mirror is the relayer's, which watches the chain by itself: one instruction for all holders. The copies of
the wallets are decided by the engine, pass the gate and are booked in ledger and journal; the desk carries them out.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.live import Live

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy import packages
from pilotfish.venues.evm.node.nodes import LocalNode, best_kind, local_node
from pilotfish.worlds.chain import acts
from pilotfish.worlds.chain.agreement import agreement
from pilotfish.worlds.chain.anchoring import anchored, verified
from pilotfish.worlds.chain.books import PRICE_DECIMALS, Books, listing
from pilotfish.worlds.chain.commands import forget_local
from pilotfish.worlds.chain.desk_venue import DeskVenue
from pilotfish.worlds.chain.mirroring import Mirroring, mirroring
from pilotfish.worlds.chain.people import LEAD_CASH, USDC
from pilotfish.worlds.chain.reach import DEPLOYMENT, URL, reached
from pilotfish.worlds.chain.stage import Stage
from pilotfish.worlds.chain.telling import Telling
from pilotfish.worlds.commands import fresh_path

DAY_S = 86_400
MONTH_S = 31 * 86_400
RISE_BPS = 1_000
FOLLOWERS_MIN, FOLLOWERS_MAX = 1, 250
"""As many as fit into one user operation within the gas of one transaction (EIP-7825)."""


class ChainJob(msgspec.Struct, frozen=True):
    """What was asked for. `keep`: leave the chain up afterwards, until Ctrl-C."""

    out: Path
    followers: int = 200
    seed: int = 1
    node: str = "embedded"
    keep: bool = False


def run_on_chain(job: ChainJob, console: Console) -> bool:
    """Whether the ledger, the chain and what is anchored agree."""
    if not FOLLOWERS_MIN <= job.followers <= FOLLOWERS_MAX:
        why = f"is not between {FOLLOWERS_MIN} and {FOLLOWERS_MAX}: so many fit into one user operation"
        raise ConfigError(f"--followers {job.followers}", why, "200 is a good start")
    packages.install(lambda said: console.print(said, soft_wrap=True))
    journal = fresh_path(job.out)
    forget_local(job.out)
    with local_node(best_kind() if job.node == "auto" else job.node) as node:
        (job.out / URL).write_text(node.url + "\n")
        try:
            telling = Telling()
            with Live(telling.table, console=console, refresh_per_second=4):
                agrees, publisher = asyncio.run(play(job, node, journal, telling))
            console.print(f"report: {job.out / 'report.html'}", highlight=False)
            agrees &= verified(journal, node.url, job.out, publisher, console)
            if job.keep:
                console.print("the chain stays up until Ctrl-C")
                with suppress(KeyboardInterrupt):
                    signal.pause()
        finally:
            (job.out / URL).unlink(missing_ok=True)
    return agrees


async def play(job: ChainJob, node: LocalNode, journal: Path, telling: Telling) -> tuple[bool, str]:
    """Everything up to the anchor. Returns whether ledger and wallets agree, and who anchored."""
    async with reached(node.url) as client:
        stage = await Stage.set_up(client, job.out / DEPLOYMENT, job.followers, telling.doing)
        telling.deployed(stage)
        await stage.pooled()
        telling.pooled(await client.read(stage.vault.total_assets()), len(stage.depositors) + 1)
        await stage.segregated(job.followers, job.seed, telling.doing)
        telling.segregated(stage)
        books = Books(journal, DeskVenue(listing(), stage.followers, stage.parties(), stage.way))
        price = await stage.price_e8() * 10**PRICE_DECIMALS // 10**8
        books.open(stage.followers, LEAD_CASH * USDC, price, await client.now())
        async with mirroring(stage, node) as relayer:
            await _month(stage, books, relayer, telling)
        agreed = await agreement(stage, books)
        telling.agreement(agreed)
        books.close(journal, job.seed)
        publisher = await anchored(stage, journal, telling)
        telling.badge(await acts.badge_for_volume(stage, books.venue.volumes, books.root))
    return not agreed.differing and not books.venue.refused, publisher


async def _month(stage: Stage, books: Books, relayer: Mirroring, telling: Telling) -> None:
    """A month of the lead's, with everybody who copies it."""
    if len(stage.followers) > 1:
        await stage.revoke(stage.followers[-1])
        telling.revoked()
    trade = Trade(stage, books, relayer, telling)
    await trade.made(buys=True, fraction_bps=3_000)
    await stage.pass_time(DAY_S)
    await trade.made(buys=True, fraction_bps=2_000)
    await stage.move_price(RISE_BPS)
    await stage.pass_time(MONTH_S)
    telling.moved(await stage.price_e8(), MONTH_S)
    await trade.made(buys=False, fraction_bps=10_000)
    telling.fees(*await acts.fees_paid_out(stage), await stage.cash(stage.pool.address))
    telling.left(*await acts.exit_honoured(stage), await stage.client.read(stage.vault.nav_per_share()))


class Trade(NamedTuple):
    """What a trade of the lead's sets off."""

    stage: Stage
    books: Books
    relayer: Mirroring
    telling: Telling

    async def made(self, *, buys: bool, fraction_bps: int) -> None:
        """The lead trades; the relayer mirrors it into the vault by itself; the engine copies it for the wallets."""
        seen = await acts.lead_swaps(self.stage, buys, fraction_bps)
        self.telling.lead(seen, buys)
        self.telling.vault(await self.relayer.of(seen.hash), buys)
        venue = self.books.venue
        before = len(venue.carried), len(venue.refused)
        await acts.desk_copies(self.stage, self.books, seen)
        for carried in venue.carried[before[0] :]:
            self.telling.desk(carried, buys)
        for why in venue.refused[before[1] :]:
            self.telling.refused(why)
