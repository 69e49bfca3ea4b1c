"""`pilotfish run --chain`, with a few followers: everybody copies, and three accounts of it agree."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotfish.journal.recover import verify_file
from pilotfish.venues.evm.contracts.system import VolumeBadge
from pilotfish.venues.evm.node.nodes import LocalNode, local_node
from pilotfish.worlds.chain import run
from pilotfish.worlds.chain.agreement import agreement
from pilotfish.worlds.chain.desk_venue import Copied, shares
from pilotfish.worlds.chain.reach import reached
from pilotfish.worlds.chain.run import ChainJob, play
from pilotfish.worlds.chain.telling import Telling

FOLLOWERS = 6


class Ran:
    """A run that is over; its chain stands still."""

    def __init__(self, node: LocalNode, out: Path, patch: pytest.MonkeyPatch) -> None:
        self.node, self.journal, telling = node, out / "journal.db", Telling()

        async def seen(stage, books):
            self.stage, self.books, self.carried = stage, books, list(books.venue.carried)
            return await agreement(stage, books)

        patch.setattr(run, "agreement", seen)
        self.agrees, self.publisher = asyncio.run(play(ChainJob(out, FOLLOWERS), node, self.journal, telling))
        self.rows = list(telling.table.columns[1].cells)

    def ask(self, question: Callable[[Any], Awaitable[Any]]) -> Any:
        """Of the stage, with a connection of its own."""

        async def there() -> Any:
            async with reached(self.node.url) as self.stage.client:
                return await question(self.stage)

        return asyncio.run(there())

    def said(self, words: str) -> bool:
        return any(words in row for row in self.rows)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    with local_node("embedded") as node, pytest.MonkeyPatch.context() as patch:
        yield Ran(node, tmp_path_factory.mktemp("run"), patch)


def test_the_ledger_is_every_wallet_to_the_base_unit(ran):
    assert ran.agrees
    assert ran.said(f"{FOLLOWERS} of {FOLLOWERS} wallets are what the ledger says")


def test_who_took_its_mandate_back_is_skipped_and_the_others_are_copied(ran):
    assert [(one.wallets, one.skipped) for one in ran.carried] == [(FOLLOWERS - 1, 1), *[(FOLLOWERS - 1, 0)] * 2]
    untouched = ran.stage.followers[-1]
    assert ran.ask(lambda stage: stage.cash(untouched.wallet)) == untouched.allocation


def test_the_relayer_mirrored_each_of_the_leads_trades_into_the_vault(ran):
    assert sum("at the node" in row for row in ran.rows) == 3


def test_the_gain_is_shared_and_the_pool_has_its_fifth(ran):
    async def money(stage):
        gained = [await stage.cash(one.wallet) - one.allocation for one in stage.followers[:-1]]
        return gained, await stage.cash(stage.pool.address), await stage.client.read(stage.pool.contributed())

    gained, held, contributed = ran.ask(money)
    assert min(gained) > 0
    assert held == contributed > 0


def test_a_coupon_pays_a_tenth_less(ran):
    """All have followed for as long, so without it every subscription would be the same."""
    (told,) = ran.carried[-1].receipt.events(Copied, ran.stage.desk.address)
    paid = [shares(told)[one.wallet].subscription for one in ran.stage.followers[:-1]]
    assert len(set(paid[1:])) == 1
    assert paid[0] == pytest.approx(paid[1] * 0.9, abs=1)


def test_the_journal_replays_to_what_was_anchored(ran):
    assert verify_file(ran.journal).root == ran.books.root
    assert ran.said("records anchored")


def test_the_exit_was_paid_and_the_badges_were_issued(ran):
    assert ran.said("one leaves with all its")
    badge, volumes = VolumeBadge(ran.stage.record.address("VolumeBadge")), ran.books.venue.volumes
    holder = ran.stage.followers[volumes.index(max(volumes))].key.address
    assert ran.ask(lambda stage: stage.client.read(badge.balance_of(holder))) == max(volumes) // (100 * 10**6)


def test_a_report_lies_beside_the_journal(ran):
    assert (ran.journal.parent / "report.html").stat().st_size > 10_000


def test_a_lag_is_what_really_passed(ran):
    """A chain's stamps are whole seconds: by them alone a copy would come in no time, or a second late."""
    lags = json.loads((ran.journal.parent / "report.json").read_text())["lag_ms"]
    assert lags["count"] == 3 * (FOLLOWERS - 1)
    assert lags["min"] > 0
