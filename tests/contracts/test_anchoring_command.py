"""The commands as people type them, against a node behind sockets: anchor a journal, then hold it to the chain."""

import msgspec
import pytest
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from pilotfish.cli import app
from pilotfish.venues.evm.deploy.packages import anvil_path
from pilotfish.venues.evm.deploy.record import Record, Step, write_record
from pilotfish.venues.evm.node.nodes import local_node
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.worlds.chain.reach import DEPLOYMENT
from tests.contracts.chain import deploy
from tests.unit.anchoring_scene import Story

SECRET = b"\x42" * 32
run = CliRunner().invoke


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def place(request, tmp_path_factory):
    """(URL of a node, address of an Anchor, address of a key with coin, settings that unlock it)."""
    if request.param == "anvil" and anvil_path() is None:
        pytest.skip("anvil has no package for this machine")
    folder = tmp_path_factory.mktemp("place")
    Keystore(folder / "keys", work=2).add(SECRET, "a long password")
    (folder / "password").write_text("a long password")
    (folder / "password").chmod(0o600)
    settings = folder / "pilotfish.toml"
    settings.write_text(f'[keys]\nfolder = "{folder / "keys"}"\npassword_file = "{folder / "password"}"\n')
    key = Key(SECRET).address
    with local_node(request.param) as node:
        web3 = Web3(HTTPProvider(node.url))
        rich = {"from": web3.eth.accounts[0], "to": Web3.to_checksum_address(key), "value": 10**18}
        web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(rich))
        yield node.url, deploy(web3, "Anchor").address, key, str(settings)


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "journal.db"
    story = Story()
    story.trade(1_000)
    story.write(path)
    return path


def test_a_journal_is_anchored_verified_and_rewritten_in_vain(place, journal, tmp_path):
    url, contract, key, config = place
    path = journal
    anchoring = ["chain", "anchor", str(path), "--rpc", url, "--anchor", contract, "--key", key, "--config", config]
    verifying = ["verify", str(path), "--onchain", url, "--anchor", contract, "--publisher", key]
    first = run(app, anchoring)
    assert first.exit_code == 0, first.output
    assert "records, batch 0: anchored in transaction 0x" in first.output
    assert "anchored already, nothing is new" in run(app, anchoring).output
    holds = run(app, verifying)
    assert holds.exit_code == 0, holds.output
    assert "holds on chain" in holds.output
    assert "127.0.0.1 tells it" in holds.output
    proof = run(app, [*verifying, "--onchain", url, "--proof", "nav:lead 0"])
    assert proof.exit_code == 0, proof.output
    assert "eth_call" in proof.output

    nicer = Story()
    nicer.trade(1_000, worse=1)
    verifying[1] = str(tmp_path / "journal.db")
    nicer.write(tmp_path / "journal.db")
    caught = run(app, verifying)
    assert caught.exit_code == 1
    assert "is not what it was when it was anchored" in caught.output
    anchoring[2] = verifying[1]
    refused = run(app, anchoring)
    assert refused.exit_code == 1
    assert "is not the journal that" in refused.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "nonsense", "https://:@/"])
def test_a_node_that_cannot_be_asked_is_neither_a_yes_nor_a_no(journal, url):
    wanted = ["--anchor", "0x" + "11" * 20, "--publisher", "0x" + "22" * 20]
    asked = run(app, ["verify", str(journal), "--onchain", url, *wanted])
    assert asked.exit_code == 3
    assert "error:" in asked.stderr


def test_the_key_in_a_nodes_url_is_not_shown(journal):
    wanted = ["--anchor", "0x" + "11" * 20, "--publisher", "0x" + "22" * 20]
    asked = run(app, ["verify", str(journal), "--onchain", "http://127.0.0.1:1/v3/secret", *wanted])
    assert "secret" not in asked.output + asked.stderr


def test_a_key_that_is_not_there_is_said(place, journal):
    url, contract, _, config = place
    asked = ["--rpc", url, "--anchor", contract, "--key", "0x" + "33" * 20, "--config", config]
    refused = run(app, ["chain", "anchor", str(journal), *asked])
    assert refused.exit_code == 1
    assert "pilotfish keys new makes one" in refused.stderr


def test_a_watch_without_a_book_is_refused(place):
    url, contract, key, config = place
    refused = run(app, ["chain", "watch", "--rpc", url, "--liquidator", contract, "--key", key, "--config", config])
    assert refused.exit_code == 1
    assert "no book is named" in refused.stderr


def test_a_deployments_file_stands_for_the_address_and_for_its_chain(place, journal, tmp_path):
    url, contract, key, config = place
    step = Step(plan="0x", transaction="0x", raw="0x", nonce=0, address=contract, artifact="Anchor", block=1, done=True)
    record = Record(chain_id=chain_of(url), genesis="0x", deployer=key, steps={"Anchor": step})
    write_record(tmp_path / DEPLOYMENT, record)
    asked = ["chain", "anchor", str(journal), "--rpc", url, "--anchor", str(tmp_path), "--key", key, "--config", config]
    assert run(app, asked).exit_code == 0
    asked = ["verify", str(journal), "--onchain", url, "--publisher", key, "--anchor", str(tmp_path / DEPLOYMENT)]
    assert run(app, asked).exit_code == 0
    record.chain_id += 1
    write_record(tmp_path / DEPLOYMENT, record)
    paying = ["--rpc", url, "--key", key, "--config", config]
    anchoring = ["chain", "anchor", str(journal), "--anchor", str(tmp_path), *paying]
    watching = ["chain", "watch", "--liquidator", str(tmp_path), "--vault", contract, *paying]
    record.steps["Liquidator"] = msgspec.structs.replace(step, artifact="Liquidator")
    write_record(tmp_path / DEPLOYMENT, record)
    for command in (asked, anchoring, watching):
        wrong = run(app, command)
        assert wrong.exit_code == 1
        assert "name a node of that chain" in wrong.stderr
    record.steps.clear()
    write_record(tmp_path / DEPLOYMENT, record)
    assert "holds no Anchor yet" in run(app, asked).stderr
    (tmp_path / DEPLOYMENT).write_text("{")
    assert "is no deployment" in run(app, asked).stderr


def chain_of(url):
    return Web3(HTTPProvider(url)).eth.chain_id
