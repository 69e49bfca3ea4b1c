"""`pilotfish chain relay` on a deployed system: every tagged swap is mirrored and told once, over restarts too."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from pilotfish.cli import app
from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.local import OPERATOR
from pilotfish.venues.evm.deploy.record import write_record
from pilotfish.venues.evm.node.accounts import local_keys
from pilotfish.venues.evm.node.nodes import best_kind, local_node
from pilotfish.venues.evm.relay import settings as relay_settings
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.venues.keys.signer import SignerServer
from pilotfish.venues.net.signing import Signer
from pilotfish.worlds.chain.reach import DEPLOYMENT, URL
from pilotfish.worlds.live.settings import Keys
from pilotfish.worlds.onchain import relaying
from pilotfish.worlds.onchain.commands import holding, node_of
from pilotfish.worlds.onchain.relay_cursor import cursor_path, read_cursor
from pilotfish.worlds.onchain.relay_places import RelayJob, settings_of
from pilotfish.worlds.onchain.relaying import Relaying, keys_of
from tests.conformance.relay_scene import AGENT, PATIENCE_S, SENDER, USDC, Scene

PAYS, OPERATES = local_keys()[SENDER], local_keys()[OPERATOR]
HELD = Keyring([PAYS, AGENT, OPERATES])
Holders = AbstractAsyncContextManager[tuple[Keyring, Signer | None]]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with local_node(best_kind()) as node:
        yield Scene(node)


@pytest.fixture
def folder(scene: Scene, tmp_path: Path) -> Path:
    write_record(tmp_path / DEPLOYMENT, scene.record)
    (tmp_path / URL).write_text(scene.node.url)
    store = Keystore(tmp_path / "keys", work=2)
    for key in (PAYS, AGENT):
        store.add(key.reveal(), "a long password")
    (tmp_path / "password").write_text("a long password")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "mine.toml").write_text(f'[keys]\nfolder = "{store.folder}"\npassword_file = "{tmp_path}/password"\n')
    return tmp_path


def job_of(scene: Scene, folder: Path, **more) -> RelayJob:
    usual = {"deployment": folder / DEPLOYMENT, "url": scene.node.url, "key": PAYS.address, "agent": AGENT.address}
    return RelayJob(**usual | more)


def relayed(
    scene: Scene,
    job: RelayJob,
    act: Callable[[], object],
    lines: int,
    holders: Holders | None = None,
    left_out: tuple[str, ...] = ("relaying for ", "the desk has "),
) -> list[str]:
    """What a run told, once it has told so many lines; those that begin so are left out."""
    told: list[str] = []

    def tell(line: str) -> None:
        if not line.startswith(left_out):
            told.append(line)

    async def run() -> None:
        async with node_of(job.url) as node, holders or nullcontext((HELD, None)) as (keys, sign):
            settings = await settings_of(job, scene.record, node)
            cursor = read_cursor(cursor_path(job.deployment, job.key), scene.record, settings.executor)
            one = Relaying(job, scene.record, settings, keys, cursor, tell, sign)
            running = asyncio.create_task(one.run(node))
            async with asyncio.timeout(PATIENCE_S):
                while not one.relayer.ready:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(act)
                head = scene.web3.eth.block_number
                while len(told) < lines or one.relayer.settled_to < head:
                    await asyncio.sleep(0.01)
                    head = scene.web3.eth.block_number
            one.stopping.set()
            await running

    asyncio.run(run())
    return told


def held(scene: Scene, who: str) -> int:
    return int(scene.weth.functions.balanceOf(who).call())


def test_each_swap_is_mirrored_and_told_once_over_restarts_and_what_was_missed_is_made_up_for(scene, folder):
    job, swaps = job_of(scene, folder), []
    (line,) = relayed(scene, job, lambda: swaps.append(scene.swap(scene.vault.address)), 1)
    assert line.startswith(f"lead {scene.lead.lower()} for {scene.vault.address.lower()}, {swaps[0]}: mirrored")
    first = held(scene, scene.vault.address)
    assert first > 0
    missed = scene.swap(scene.vault.address)
    (line,) = relayed(scene, job, lambda: None, 1)
    assert f"{missed}: mirrored" in line
    second = held(scene, scene.vault.address)
    assert second > first
    assert relayed(scene, job, lambda: None, 0) == []
    (again,) = [one for one in relayed(scene, replace(job, since=0), lambda: None, 2) if missed in one]
    assert "nothing to do (it would revert: NonceUsed)" in again, "without its file it tries again, in vain"
    assert held(scene, scene.vault.address) == second


def test_wallets_of_a_leads_followers_are_copied_in_as_many_batches_as_it_takes(scene, folder, monkeypatch):
    wallets = scene.follow(3)
    job = job_of(scene, folder, desk_leads=(scene.lead,), slippage_bps=90)
    (line,) = relayed(scene, job, lambda: scene.swap(scene.desk.address), 1)
    assert ": mirrored" in line
    assert all(held(scene, wallet) > 0 for wallet in wallets)
    monkeypatch.setattr(relay_settings, "WALLETS_MAX", 2)
    before = [held(scene, wallet) for wallet in wallets]
    lines = relayed(scene, job, lambda: scene.swap(scene.desk.address, 2_000 * USDC), 2)
    assert [": mirrored" in line for line in lines] == [True, True], lines
    assert {line.count(" for 1 of the desk's wallets, ") + line.count(" for 2 of ") for line in lines} == {1}
    assert all(held(scene, wallet) > had for wallet, had in zip(wallets, before, strict=True))


def test_followers_of_each_lead_at_a_desk_do_what_their_own_lead_does(scene, folder):
    other = scene.who[9]
    scene.do(scene.executor.functions.approveAgent(scene.web3.to_checksum_address(AGENT.address), 2**40), other)
    (ours,), (theirs,) = scene.follow(1, first=20), scene.follow(1, first=21, lead=other)
    job = job_of(scene, folder, desk_leads=(scene.lead, other), slippage_bps=90)
    (line,) = relayed(scene, job, lambda: scene.swap(scene.desk.address, 3_000 * USDC, sender=other), 1)
    assert line.startswith(f"lead {other.lower()} for 1 of the desk's wallets, ")
    assert ": mirrored" in line
    assert (held(scene, ours) > 0, held(scene, theirs) > 0) == (False, True)


def test_a_wallet_that_is_opened_while_it_runs_is_copied_for(scene, folder, monkeypatch):
    monkeypatch.setattr(relaying, "WALLETS_S", 0.05)
    job, wallets = job_of(scene, folder, desk_leads=(scene.lead,), slippage_bps=90), scene.follow(1, first=30)
    first, second = relayed(scene, job, lambda: wallets.extend(scene.follow(1, first=31)), 2, left_out=("relaying",))
    assert first.startswith("the desk has ")
    assert second.startswith("the desk has ")
    assert first != second
    (line,) = relayed(scene, job, lambda: scene.swap(scene.desk.address, 3_000 * USDC), 1)
    assert ": mirrored" in line
    assert all(held(scene, wallet) > 0 for wallet in wallets)


def test_an_agent_that_nobody_appointed_is_named_before_anything_is_refused(scene, folder):
    lines = relayed(scene, job_of(scene, folder, agent=""), lambda: scene.swap(scene.vault.address), 3, left_out=())
    assert f"has not appointed {PAYS.address}" in lines[0]
    assert lines[1] == "relaying for 1 vault; Ctrl-C ends it"
    assert "refused" in lines[2]


def test_a_file_of_another_deployment_or_a_damaged_one_is_refused(scene, folder):
    path = cursor_path(folder / DEPLOYMENT, PAYS.address)
    executor = scene.record.address("MirrorExecutor").lower()
    assert read_cursor(path, scene.record, executor).since == -1
    path.write_text("{")
    with pytest.raises(ConfigError, match="is no cursor"):
        read_cursor(path, scene.record, executor)
    path.write_text('{"genesis": "0x12", "executor": "0x34", "block": 5}')
    with pytest.raises(ConfigError, match="another deployment"):
        read_cursor(path, scene.record, executor)


def said(folder: Path, *arguments: str) -> str:
    config = ["--config", str(folder / "mine.toml")]
    result = CliRunner().invoke(app, ["chain", "relay", "--out", str(folder), *config, *arguments])
    whole = result.output + (result.stderr or "")
    assert result.exit_code != 0
    assert "Traceback" not in whole
    return " ".join(whole.split())


WRONG = {
    "a key that is none": (["--key", "0x12"], "is no address"),
    "a key that is not there": (["--key", OPERATES.address], "is not in the keystore"),
    "an agent that is not there": (["--key", PAYS.address, "--agent", OPERATES.address], "is not in the keystore"),
    "too deep": (["--key", PAYS.address, "--depth", "64"], "is not from 0 to 63"),
    "no slippage": (["--key", PAYS.address, "--slippage-bps", "10000"], "is not from 0 to 9999"),
    "no deployment": (["--key", PAYS.address, "--out", "/nowhere"], "is not there"),
    "no node": (["--key", PAYS.address, "--rpc", "http://127.0.0.1:9/hidden"], "see that it runs"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_is_refused_in_a_sentence(scene, folder, what):
    arguments, remedy = WRONG[what]
    text = said(folder, *arguments)
    assert remedy in text
    assert "hidden" not in text


@contextmanager
def signer_apart(path: Path, keys: Keyring) -> Iterator[Keys]:
    """A signer's socket, served by a thread of its own, as settings name it."""
    server = SignerServer(path, keys)
    threading.Thread(target=server.run, daemon=True).start()
    try:
        yield Keys(signer=str(path))
    finally:
        server.close()


def test_keys_may_be_with_a_signer_apart_and_none_is_here(scene, folder):
    job = job_of(scene, folder, desk_leads=(scene.lead,), slippage_bps=90)
    (wallet,), before = scene.follow(1, first=9), held(scene, scene.vault.address)

    def both() -> None:
        scene.swap(scene.vault.address)
        scene.swap(scene.desk.address, 3_000 * USDC)

    with signer_apart(folder / "signer", HELD) as keys:
        lines = relayed(scene, job, both, 2, holding(keys, partial(keys_of, job, scene.record)))
    assert all(": mirrored" in line for line in lines), lines
    assert held(scene, scene.vault.address) > before
    assert held(scene, wallet) > 0


def test_a_signer_without_the_key_or_none_at_all_is_named(scene, folder):
    mine = folder / "mine.toml"
    mine.write_text(f'[keys]\nsigner = "{folder}/nobody"\n')
    assert "start it: pilotfish signer" in said(folder, "--key", PAYS.address)
    mine.write_text(f'[keys]\nsigner = "{folder}/signer"\n')
    with signer_apart(folder / "signer", Keyring([PAYS])):
        assert "(or at the signer)" in said(folder, "--key", PAYS.address, "--agent", AGENT.address)


def test_half_a_deployment_is_refused(scene, folder):
    half = replace(scene.record, complete=False)
    with pytest.raises(ConfigError, match="not whole yet"):
        relayed_settings(job_of(scene, folder), half)
    assert keys_of(job_of(scene, folder), scene.record, [PAYS.address, AGENT.address]) == [PAYS.address, AGENT.address]


def relayed_settings(job: RelayJob, record) -> None:
    async def whole() -> None:
        async with node_of(job.url) as node:
            await settings_of(job, record, node)

    asyncio.run(whole())
