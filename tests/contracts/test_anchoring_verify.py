"""`pilotfish verify --onchain`: a journal that was rewritten, cut or lied about is found out by what was anchored."""

import asyncio
import io
import re
import sqlite3

import msgspec
import pytest
from rich.console import Console

from pilotfish.domain.errors import ConfigError
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.evm.eyes import NoAnswer
from pilotfish.venues.evm.proof.anchoring import Batch, anchor_call
from pilotfish.venues.evm.proof.figures import EVERYBODY, Figure, tree_of
from pilotfish.venues.evm.proof.reading import read_anchors
from pilotfish.worlds.onchain.kept import keep, kept_path, read_kept
from pilotfish.worlds.onchain.publishing import Publisher
from pilotfish.worlds.onchain.verifying import Question, verify_onchain
from tests.contracts.chain import deploy
from tests.contracts.onlooker import Web3Node
from tests.contracts.test_anchoring_publishing import Unlocked
from tests.unit.anchoring_scene import WORSE, Story

TRADES = ((1_000, WORSE), (-400, 2 * WORSE), (300, 0))


def tell(path, trades=TRADES, upto=3, after_each=lambda: None):
    story = Story()
    for lots, worse in trades[:upto]:
        story.trade(lots, worse=worse)
        story.write(path)
        after_each()
    return story


@pytest.fixture(scope="module")
def anchored(web3, tmp_path_factory):
    """A journal with three batches on the chain; (path, the question, records of each batch)."""
    path = tmp_path_factory.mktemp("anchored") / "journal.db"
    anchor = deploy(web3, "Anchor").address
    sender = Unlocked(web3)
    publisher = Publisher(path, Web3Node(web3), anchor, sender)
    moments = []
    tell(path, after_each=lambda: moments.append(asyncio.run(publisher.round()).records))
    return path, Question(anchor, sender.address), moments


@pytest.fixture
def journal(anchored, tmp_path):
    """A copy of it, to be damaged."""
    path = tmp_path / "journal.db"
    path.write_bytes(anchored[0].read_bytes())
    kept_path(path).write_bytes(kept_path(anchored[0]).read_bytes())
    return path


def verify(web3, path, question, *nodes):
    """Whether it holds, and what was printed, in one line without the rules of tables."""
    out = io.StringIO()
    holds = asyncio.run(
        verify_onchain(path, "", nodes or [Web3Node(web3)], question, Console(file=out, width=300, highlight=False))
    )
    return holds, " ".join(re.sub("[│┃]", " ", out.getvalue()).split())


def lying(web3, method, change):
    return Web3Node(web3, lambda asked, params, result: change(result) if asked == method else result)


def append(web3, question, batch):
    """The publisher anchors whatever it likes."""
    told = asyncio.run(read_anchors(Web3Node(web3), question.anchor, question.publisher))
    asyncio.run(Unlocked(web3).send(question.anchor, anchor_call(told.head, batch)))


def test_an_untouched_journal_holds_and_nothing_of_it_is_unanchored(web3, anchored):
    path, question, moments = anchored
    holds, told = verify(web3, path, question)
    assert holds
    assert "holds on chain" in told
    assert f"records anchored {moments[-1]} of {moments[-1]}" in told
    assert told.count("holds holds") == 3, "root and figures of each batch"
    assert re.search(r"they cost [\d,]{6,} gas, 0\.\d+ of the chain's coin", told)
    assert "not anchored yet" not in told
    assert re.search(r"figures of batch 2 .* all 0\.99\d+ 0 40 lead 0 0\.99\d+ 0 40 lead 1 1 – –", told)


def test_records_after_the_last_anchor_are_said_to_be_unanchored(web3, anchored, tmp_path):
    _, question, moments = anchored
    path = tmp_path / "journal.db"
    story = tell(path)
    story.trade(100)
    more = story.write(path) - moments[-1]
    holds, told = verify(web3, path, question)
    assert holds
    assert f"not anchored yet: the last {more} records" in told


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_a_journal_rewritten_as_a_whole_is_caught_by_the_anchor_where_it_was_rewritten(
    web3, anchored, tmp_path, changed
):
    """Every hash and command of it is right: nothing inside the file can show that a fill was dearer than told."""
    _, question, moments = anchored
    path = tmp_path / "journal.db"
    nicer = [(lots, worse // 2 + 1 if k == changed else worse) for k, (lots, worse) in enumerate(TRADES)]
    tell(path, nicer)
    holds, told = verify(web3, path, question)
    assert not holds
    assert "holds: every hash, command and balance was recomputed" in told
    first = [0, *moments][changed]
    assert f"batch {changed}: after {moments[changed]} records" in told
    assert f"Something among records {first} to {moments[changed] - 1} is not what it was" in told
    assert told.count("DOES NOT HOLD") == 1, "what follows from the first difference is not told again"
    assert told.count("DIFFERS") == 3 - changed


def test_a_journal_whose_end_was_cut_off_is_caught(web3, anchored, tmp_path):
    _, question, moments = anchored
    path = tmp_path / "journal.db"
    tell(path, upto=2)
    holds, told = verify(web3, path, question)
    assert not holds
    assert f"batch 2 is of {moments[2]} records, but the journal has {moments[1]}: its end was cut off" in told


def test_a_damaged_journal_is_placed_between_the_batches_that_still_hold(web3, anchored, journal):
    _, question, moments = anchored
    db = sqlite3.connect(journal)
    db.execute("UPDATE records SET payload = x'00' || substr(payload, 2) WHERE position = ?", (moments[1] + 1,))
    db.commit()
    db.close()
    holds, told = verify(web3, journal, question)
    assert not holds
    assert f"DOES NOT HOLD at record {moments[1] + 1}" in told
    assert told.count("holds not checked") == 2, "two roots are still those anchored"
    assert f"records anchored {moments[1]} of {moments[1] + 1}" in told
    assert "not checked on chain: 3 batches" in told
    assert "holds on chain" not in told


@pytest.mark.parametrize("dropped", [0, 1, 2])
def test_a_node_that_leaves_a_batch_out_is_caught_by_the_head(web3, anchored, dropped):
    path, question, _ = anchored
    node = lying(web3, "eth_getLogs", lambda logs: logs[:dropped] + logs[dropped + 1 :])
    holds, told = verify(web3, path, question, node)
    assert not holds
    assert "left something out" in told or "left out or changed" in told


def test_a_node_that_tells_of_no_batch_or_another_root_is_caught(web3, anchored):
    path, question, _ = anchored
    holds, told = verify(web3, path, question, lying(web3, "eth_getLogs", lambda logs: []))
    assert not holds
    assert "the contract keeps 0x" in told

    def other_figures(logs):
        (first, *rest) = logs
        return [first | {"data": first["data"][:66] + "11" * 32 + first["data"][130:]}, *rest]

    assert not verify(web3, path, question, lying(web3, "eth_getLogs", other_figures))[0]


def test_a_node_that_lies_in_everything_is_caught_by_another(web3, anchored):
    path, question, _ = anchored
    other = lying(web3, "eth_call", lambda head: "0x" + "77" * 32)
    holds, told = verify(web3, path, question, Web3Node(web3), other)
    assert not holds
    assert "tell different heads" in told
    fork = lying(web3, "eth_getBlockByNumber", lambda block: block | {"hash": "0x" + "77" * 32})
    assert "have different blocks" in verify(web3, path, question, Web3Node(web3), fork)[1]
    assert verify(web3, path, question, Web3Node(web3), Web3Node(web3))[0]


def test_another_contract_at_the_address_proves_nothing(web3, anchored):
    path, question, _ = anchored
    holds, told = verify(web3, path, question, lying(web3, "eth_getCode", lambda code: code[:-2]))
    assert not holds
    assert "is not that of Anchor" in told


METHODS = ("eth_chainId", "eth_getCode", "eth_call", "eth_getLogs", "eth_getBlockByNumber")
ANSWERS = {("eth_chainId", "0x12"), ("eth_getCode", "0x12")}
GARBAGE = [(m, g) for m in METHODS for g in (None, "0x", "0x12", 7, [1], "no") if str((m, g)) not in map(str, ANSWERS)]


@pytest.mark.parametrize(("method", "garbage"), GARBAGE)
def test_garbage_from_a_node_is_a_sentence_and_no_verdict(web3, anchored, method, garbage):
    path, question, _ = anchored
    with pytest.raises(NoAnswer) as failed:
        verify(web3, path, question, lying(web3, method, lambda result: garbage))
    assert failed.value.exit_code == 3


def test_a_publisher_without_a_batch_proves_nothing(web3, anchored):
    path, question, _ = anchored
    holds, told = verify(web3, path, msgspec.structs.replace(question, publisher="0x" + "55" * 20))
    assert not holds
    assert "has anchored nothing at this contract" in told


def test_a_second_journal_under_the_same_key_is_told(web3, anchored):
    path, question, moments = anchored
    append(web3, question, Batch(b"\x05" * 32, bytes(32), moments[0]))
    holds, told = verify(web3, path, question)
    assert not holds
    assert "this publisher anchored another journal too, or another past of this one" in told


def test_figures_that_the_journal_does_not_give_are_named_where_their_publisher_kept_them(web3, anchored, tmp_path):
    _, question, _ = anchored
    path = tmp_path / "journal.db"
    story = tell(path)
    story.trade(100)
    records = story.write(path)
    with SqliteJournal(path, read_only=True) as opened:
        root = opened.head.root
    lies = [Figure("nav", EVERYBODY, 2 * 10**18)]
    append(web3, question, Batch(root, tree_of(lies).root, records))
    holds, told = verify(web3, path, question)
    assert not holds
    assert "batch 3: the figures anchored are not those of the journal; which of them differs only" in told
    keep(path, {records: lies})
    told = verify(web3, path, question)[1]
    assert re.search(r"nav of all: anchored 2,000,000,000,000,000,000, recomputed 99\d,[\d,]+ 1e-18", told)
    assert "lag of lead 0: anchored nothing, recomputed 40,000,000 ns" in told


def test_a_damaged_file_of_figures_is_passed_over(anchored, journal):
    whole = read_kept(journal)
    kept_path(journal).write_bytes(
        b'\xff{"records":1}\n[' + kept_path(journal).read_bytes().replace(b"nav", b"n\\u0", 1)
    )
    assert len(read_kept(journal)) < len(whole)
    kept_path(journal).unlink()
    assert read_kept(journal) == {}


@pytest.mark.parametrize("name", ["nav", "nav:lead 0", "lag:lead 0@0", "slippage@1", "nav:lead 1@2"])
def test_a_printed_proof_is_one_call_that_any_node_confirms(web3, anchored, name):
    path, question, _ = anchored
    holds, told = verify(web3, path, msgspec.structs.replace(question, proof=name))
    assert holds
    asked = msgspec.json.decode(re.search(r'\{"jsonrpc".*?\]\}', told)[0])
    assert asked["method"] == "eth_call"
    answer = asyncio.run(Web3Node(web3).ask("eth_call", asked["params"]))
    assert int(answer, 16) == 1
    told_value = int(re.search(r"proof: \w+ = (-?\d+) ", told)[1])
    forged = asked["params"][0]["data"].replace(f"{told_value % 2**256:064x}", f"{(told_value + 1) % 2**256:064x}")
    assert forged != asked["params"][0]["data"]
    answer = asyncio.run(Web3Node(web3).ask("eth_call", [{"to": question.anchor, "data": forged}, "latest"]))
    assert int(answer, 16) == 0


@pytest.mark.parametrize("name", ["nav:nobody", "nav@9", "nav@x", "worth", """ '"""])
def test_a_figure_that_is_not_there_is_said_with_those_that_are(web3, anchored, name):
    path, question, _ = anchored
    with pytest.raises(ConfigError, match="there is no"):
        verify(web3, path, msgspec.structs.replace(question, proof=name))


@pytest.mark.parametrize("address", ["", "0x12", "x" * 42, "0x" + "zz" * 20, "7" * 42])
def test_what_is_no_address_is_said(web3, anchored, address):
    path, question, _ = anchored
    with pytest.raises(ConfigError, match="is no address"):
        verify(web3, path, msgspec.structs.replace(question, anchor=address))
