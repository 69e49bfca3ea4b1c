"""The whole core on a chain: a lead swaps, followers' orders trade in the same pool, and both books agree."""

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from pilotfish.cli import app
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.nodes import LocalNode, best_kind, local_node
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.worlds.live.commands import signing
from pilotfish.worlds.live.doctor import passed
from pilotfish.worlds.live.holdings import positions_of
from pilotfish.worlds.live.run import LiveRun
from pilotfish.worlds.live.settings import parse_settings
from pilotfish.worlds.live.start import look
from pilotfish.worlds.live.venues import gateway_of
from pilotfish.worlds.world import World
from tests.contracts.market import Market, fund, market, swap

OURS, LEAD, POOR = (local_keys()[k] for k in (5, 6, 7))
LOT = 10**12  # base units of WETH


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with local_node(best_kind()) as one:
        yield one


@pytest.fixture(scope="module")
def web3(node: LocalNode) -> Web3:
    return Web3(HTTPProvider(node.url))


@pytest.fixture(scope="module")
def laid(web3: Web3) -> Market:
    made = market(web3)
    for who in (OURS, LEAD):
        address = Web3.to_checksum_address(who.address)
        for token, amount in ((made.usdc, 10**6 * 10**6), (made.weth, 0)):
            fund(web3, token, address, amount, made.router.address)
    return made


def file_of(node: LocalNode, m: Market, out: Path, mode: str = "live") -> str:
    """As somebody writes it."""
    return f"""
[run]
mode = "{mode}"
followers = "20"
capital_usdc = 1000
out = "{out}"
[venue]
name = "evm"
rpc_url = "{node.url}"
chain = {CHAIN_ID}
router = "{m.router.address}"
depth = 0
[[venue.pools]]
pool = "{m.pool.address}"
base = "{m.weth.address}"
[keys]
folder = "{out}/keys"
password_file = "{out}/password"
may_withdraw = true
[limits]
capital_usdc = 10000000
order_usdc = 10000000
gross_usdc = 100000000
loss_usdc = 1000000
leverage = 20
[[leads]]
address = "{LEAD.address}"
[[accounts]]
address = "{OURS.address}"
key = "{OURS.address}"
"""


def keys_in(folder: Path, *keys: Key) -> None:
    for key in keys:
        Keystore(folder / "keys", work=2).add(key.reveal(), "a long password")
    (folder / "password").write_text("a long password")
    (folder / "password").chmod(0o600)


def said(folder: Path, text: str, *arguments: str, code: int = 0) -> str:
    (folder / "mine.toml").write_text(text)
    result = CliRunner().invoke(app, [*arguments, "--config", str(folder / "mine.toml")])
    whole = result.output + (result.stderr or "")
    assert result.exit_code == code, whole
    assert "Traceback" not in whole
    return " ".join(whole.split())


def test_the_doctor_passes_a_chain_that_a_file_names(node, laid, tmp_path):
    keys_in(tmp_path, OURS)
    text = said(tmp_path, file_of(node, laid, tmp_path), "doctor")
    assert "✗" not in text
    for what in ("clock", "latency", "equity", "could withdraw", "base fee"):
        assert what in text


ILL = {
    "no key": (lambda text: text.replace('folder = "', 'folder = "/nowhere'), "cannot sign here"),
    "withdrawing": (lambda text: text.replace("may_withdraw = true", ""), "a chain knows no others"),
    "nobody": (lambda text: text.replace(LEAD.address, POOR.address), "has no equity on this venue"),
    "poor": (lambda text: text.replace(OURS.address, POOR.address), "approve it with a wallet"),
    "another chain": (lambda text: text.replace(str(CHAIN_ID), "1").replace('"live"', '"paper"'), "of chain 31337"),
    "no base": (lambda text: re.sub(r'base = ".*"', f'base = "{LEAD.address}"', text), "as base"),
    "no pool": (lambda text: re.sub(r'pool = ".*"', f'pool = "{LEAD.address}"', text), "nothing stands there"),
    "no node": (lambda text: re.sub(r'rpc_url = ".*"', 'rpc_url = "http://127.0.0.1:9/hidden"', text), "check rpc_url"),
    "no pools": (lambda text: re.sub(r"\[\[venue.pools\]\]\n.*\n.*\n", "", text), "nothing to trade"),
}


@pytest.mark.parametrize("what", ILL)
def test_the_doctor_says_what_is_wrong_with_a_chain_and_how_to_mend_it(node, laid, tmp_path, what):
    keys_in(tmp_path, OURS)
    change, remedy = ILL[what]
    text = said(tmp_path, change(file_of(node, laid, tmp_path)), "doctor", code=1)
    assert remedy in text
    assert "hidden" not in text, "an address of a node may hold a key"


def test_a_paper_run_takes_the_chains_prices_and_sends_nothing(node, web3, laid, tmp_path):
    ours = Web3.to_checksum_address(OURS.address)
    before = web3.eth.get_transaction_count(ours)
    text = file_of(node, laid, tmp_path, "paper").partition("[[accounts]]")[0]
    report = said(tmp_path, text, "run", "--minutes", "0.03")
    assert "sums to zero ✓" in report
    assert (tmp_path / "report.html").exists()
    assert web3.eth.get_transaction_count(ours) == before


def test_followers_copy_a_leads_swaps_and_the_journal_holds_what_the_chain_does(node, web3, laid, tmp_path):
    keys_in(tmp_path, OURS)
    lead = Web3.to_checksum_address(LEAD.address)

    def held() -> int:
        return int(laid.weth.functions.balanceOf(Web3.to_checksum_address(OURS.address)).call()) // LOT

    async def until(true: Callable[[], object]) -> None:
        async with asyncio.timeout(40):
            while not await asyncio.to_thread(true):
                await asyncio.sleep(0.05)

    async def whole() -> tuple[int, int, LiveRun]:
        settings = parse_settings(file_of(node, laid, tmp_path), "mine.toml")
        async with gateway_of(settings, Console()) as place, signing(place) as (keys, signer):
            assert not place.gateway.real_money, "a local chain asks for no sentence"
            ready = await look(place.settings, place.gateway, keys, signer)
            assert passed(ready.findings), [f for f in ready.findings if not passed([f])]
            seen: list[World] = []
            run = LiveRun(ready, lambda world, *_: seen.append(world))
            playing = asyncio.create_task(run.play(Path(tmp_path) / "out" / "journal.db"))
            await until(lambda: seen and seen[-1].shard.state.follows.follower.size)
            await asyncio.to_thread(swap, web3, laid, lead, laid.usdc, laid.weth, 200_000 * 10**6)
            await until(lambda: held() > 0)
            most = held()
            await asyncio.to_thread(
                swap, web3, laid, lead, laid.weth, laid.usdc, laid.weth.functions.balanceOf(lead).call()
            )
            await until(lambda: held() < most // 10)
            run.stop()
            world = await playing
            mine = positions_of(world.shard.state).get(OMNIBUS, {}).get(0, 0)
            quarantined = world.shard.state.quarantined
            world.shard.journal.close()
            assert quarantined == 0
            return most, mine, run

    most, mine, run = asyncio.run(whole())
    assert most > 0
    assert mine == held(), "the books and the chain hold the same, to the lot"
    assert run.audit is not None
    assert not run.audit.differences
