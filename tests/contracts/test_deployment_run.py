"""`pilotfish run --chain`, with a few followers and no sockets: everybody copies, and three accounts of it agree."""

import asyncio
from pathlib import Path

import pytest

from pilotfish.journal.recover import verify_file
from pilotfish.venues.evm.bindings_system import VolumeBadge
from pilotfish.worlds.chain import run
from pilotfish.worlds.chain.agreement import agreement
from pilotfish.worlds.chain.desk_venue import Copied, shares
from pilotfish.worlds.chain.run import ChainJob, play
from pilotfish.worlds.chain.telling import Telling
from tests.contracts.inner_node import inner

FOLLOWERS = 6


class Watched:
    """What a run made, kept for the tests."""

    def __init__(self, out: Path, patch: pytest.MonkeyPatch) -> None:
        self.node, self.client = inner()
        self.telling, self.journal, self.kept = Telling(), out / "journal.db", {}

        async def seen(stage, books):
            self.kept |= {"stage": stage, "books": books, "carried": list(books.venue.carried)}
            return await agreement(stage, books)

        patch.setattr(run, "agreement", seen)
        job = ChainJob(out, FOLLOWERS)
        self.agrees, self.publisher = asyncio.run(play(job, self.client, self.journal, self.telling))

    @property
    def rows(self) -> list[str]:
        return list(self.telling.table.columns[1].cells)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    with pytest.MonkeyPatch.context() as patch:
        return Watched(tmp_path_factory.mktemp("run"), patch)


def test_the_ledger_is_every_wallet_to_the_base_unit(ran):
    assert ran.agrees
    assert any(f"{FOLLOWERS} of {FOLLOWERS} wallets are what the ledger says" in row for row in ran.rows)


def test_who_took_its_mandate_back_is_skipped_and_the_others_are_copied(ran):
    first, second, last = ran.kept["carried"]
    assert (first.wallets, first.skipped) == (FOLLOWERS - 1, 1)
    assert (second.wallets, second.skipped) == (FOLLOWERS - 1, 0)
    assert (last.wallets, last.skipped) == (FOLLOWERS - 1, 0)
    untouched = ran.kept["stage"].followers[-1]
    assert asyncio.run(ran.kept["stage"].cash(untouched.wallet)) == untouched.allocation


def test_the_gain_is_shared_and_the_pool_has_its_fifth(ran):
    stage = ran.kept["stage"]
    gained = [asyncio.run(stage.cash(one.wallet)) - one.allocation for one in stage.followers[:-1]]
    assert min(gained) > 0
    assert asyncio.run(stage.cash(stage.pool.address)) == asyncio.run(ran.client.read(stage.pool.contributed())) > 0


def test_a_coupon_pays_a_tenth_less(ran):
    """All have followed for as long, so without it every subscription would be the same."""
    stage, last = ran.kept["stage"], ran.kept["carried"][-1]
    (told,) = last.receipt.events(Copied, stage.desk.address)
    paid = [shares(told)[one.wallet].subscription for one in stage.followers[:-1]]
    assert len(set(paid[1:])) == 1
    assert paid[0] == pytest.approx(paid[1] * 0.9, abs=1)


def test_the_journal_replays_to_what_was_anchored(ran):
    verdict = verify_file(ran.journal)
    assert verdict.root == ran.kept["books"].root
    assert any("records anchored" in row for row in ran.rows)


def test_the_exit_was_paid_and_the_badges_were_issued(ran):
    assert any("one leaves with all its" in row for row in ran.rows)
    stage = ran.kept["stage"]
    badge = VolumeBadge(stage.record.address("VolumeBadge"))
    volumes = ran.kept["books"].venue.volumes
    holder = stage.followers[volumes.index(max(volumes))].key.address
    assert asyncio.run(ran.client.read(badge.balance_of(holder))) == max(volumes) // (100 * 10**6)


def test_a_report_lies_beside_the_journal(ran):
    assert (ran.journal.parent / "report.html").stat().st_size > 10_000
