"""Roots of a journal reach the chain once each, in order, whatever crashes on the way."""

import asyncio

import pytest
from web3 import Web3

from pilotfish.domain.errors import JournalUnavailable
from pilotfish.venues.evm.eyes import CallRefused, NoAnswer
from pilotfish.venues.evm.proof.anchoring import Batch, links
from pilotfish.venues.evm.proof.reading import read_anchors
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.worlds.onchain.kept import kept_path, read_kept
from pilotfish.worlds.onchain.publishing import AnchorRefused, Publisher
from pilotfish.worlds.onchain.sending import Sender
from tests.contracts.chain import deploy, send
from tests.contracts.onlooker import Web3Node
from tests.unit.anchoring_scene import Story


class Unlocked:
    """Sends from an account that the chain itself holds the key of. Can lose its connection around a transaction."""

    def __init__(self, web3: Web3, number: int = 1) -> None:
        self._web3, self.address = web3, web3.eth.accounts[number]
        self.sent, self.lose = 0, ""

    async def send(self, to: str, data: bytes) -> str:
        if self.lose == "before":
            raise NoAnswer("the node", "is gone")
        self.sent += 1
        order = {"from": self.address, "to": to, "data": "0x" + data.hex(), "gas": 200_000}
        receipt = self._web3.eth.wait_for_transaction_receipt(self._web3.eth.send_transaction(order))
        if self.lose == "after":
            raise NoAnswer("the node", "is gone")
        if receipt["status"] != 1:
            raise CallRefused("the contract", "reverted")
        return receipt["transactionHash"].to_0x_hex()


@pytest.fixture(scope="module")
def anchor(web3):
    return deploy(web3, "Anchor").address


@pytest.fixture
def story(tmp_path):
    told = Story()
    told.path = tmp_path / "journal.db"
    told.trade(1_000)
    told.write(told.path)
    return told


def publisher(web3, anchor, story, **more):
    sender = Unlocked(web3, **more)
    return Publisher(story.path, Web3Node(web3), anchor, sender), sender


def told(web3, anchor, who):
    return asyncio.run(read_anchors(Web3Node(web3), anchor, who))


def anchored(web3, anchor, who):
    return [logged.batch for logged in told(web3, anchor, who).batches]


def go(one):
    return asyncio.run(one.round())


def test_each_round_anchors_what_is_new_and_nothing_twice(web3, anchor, story):
    ours, sender = publisher(web3, anchor, story)
    first = go(ours)
    assert (first.batches, sender.sent) == (1, 1)
    assert go(ours) == first._replace(transaction="")
    story.trade(-500)
    last = story.write(story.path)
    assert go(ours).records == last
    assert [b.records for b in anchored(web3, anchor, sender.address)] == [first.records, last]
    assert sender.sent == 2


def test_a_publisher_that_was_restarted_goes_on_with_the_same_batches(web3, anchor, story):
    ours, sender = publisher(web3, anchor, story)
    go(ours)
    story.trade(-500, lag_ns=7)
    story.write(story.path)
    again, _ = publisher(web3, anchor, story)
    go(again)
    both = anchored(web3, anchor, sender.address)
    fresh, other = publisher(web3, anchor, story, number=2)
    go(fresh)
    (whole,) = anchored(web3, anchor, other.address)
    assert both[1].journal_root == whole.journal_root
    assert both[1].figures_root != whole.figures_root, "slippage and lag are of the stretch since the batch before"


@pytest.mark.parametrize("lose", ["before", "after"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_connection_lost_around_the_transaction_neither_doubles_nor_loses_a_batch(
    web3, anchor, story, lose, restarted
):
    ours, sender = publisher(web3, anchor, story)
    sender.lose = lose
    with pytest.raises(NoAnswer):
        go(ours)
    if restarted:
        ours, sender = publisher(web3, anchor, story)
    sender.lose = ""
    if lose == "before" and not restarted:
        story.trade(100)  # the shard went on meanwhile: the batch that was on its way is finished first
        story.write(story.path)
    go(ours)
    batches = anchored(web3, anchor, sender.address)
    assert len(batches) == 1
    if lose == "before" and not restarted:
        assert go(ours).batches == 2
    assert go(ours).transaction == ""


def test_two_processes_with_one_key_do_no_harm(web3, anchor, story):
    one, sender = publisher(web3, anchor, story)
    go(one)
    story.trade(-500)
    story.write(story.path)
    other, _ = publisher(web3, anchor, story)
    go(other)
    story.trade(300)
    story.write(story.path)
    go(one)
    go(other)
    batches = anchored(web3, anchor, sender.address)
    assert [b.records for b in batches] == sorted({b.records for b in batches})
    assert list(links(batches))[-1] == told(web3, anchor, sender.address).head


def test_what_contradicts_the_chain_is_not_anchored(web3, anchor, story, tmp_path):
    ours, sender = publisher(web3, anchor, story)
    go(ours)
    other = Story()
    other.path = tmp_path / "other.db"
    other.trade(2_000)
    other.trade(-2_000)
    other.write(other.path)
    stranger, _ = publisher(web3, anchor, other)
    with pytest.raises(AnchorRefused, match="batch 0 has another root"):
        go(stranger)
    short = Story()
    short.path = tmp_path / "short.db"
    short.write(short.path)
    cut, _ = publisher(web3, anchor, short)
    with pytest.raises(AnchorRefused, match="are anchored, and the journal has"):
        go(cut)
    assert len(anchored(web3, anchor, sender.address)) == 1


def test_a_node_that_hides_a_batch_is_not_believed(web3, anchor, story):
    ours, sender = publisher(web3, anchor, story)
    go(ours)
    story.trade(-500)
    story.write(story.path)
    blind = Web3Node(web3, lambda method, params, result: [] if method == "eth_getLogs" else result)
    with pytest.raises(AnchorRefused, match="left out or changed"):
        go(Publisher(story.path, blind, anchor, sender))
    assert sender.sent == 1


def test_an_empty_or_missing_journal_is_said_and_nothing_is_sent(web3, anchor, tmp_path):
    sender = Unlocked(web3)
    with pytest.raises(JournalUnavailable):
        go(Publisher(tmp_path / "none.db", Web3Node(web3), anchor, sender))
    assert sender.sent == 0


def test_where_no_contract_stands_it_is_said(web3, story):
    with pytest.raises(NoAnswer, match="has no contract there"):
        go(Publisher(story.path, Web3Node(web3), "0x" + "77" * 20, Unlocked(web3)))


def test_the_figures_beside_the_journal_are_those_anchored_and_can_be_thrown_away(web3, anchor, story):
    ours, _ = publisher(web3, anchor, story)
    records = go(ours).records
    kept = read_kept(story.path)
    assert {f.kind for f in kept[records]} == {"nav", "slippage", "lag"}
    kept_path(story.path).unlink()
    story.trade(-500)
    story.write(story.path)
    again, _ = publisher(web3, anchor, story)
    go(again)
    assert read_kept(story.path)[records] == kept[records]


def test_a_log_too_long_for_a_node_is_read_in_parts(web3, anchor, story):
    ours, sender = publisher(web3, anchor, story)
    for lots in (0, -500, 300):
        if lots:
            story.trade(lots)
            story.write(story.path)
        go(ours)
    token = deploy(web3, "LocalToken", "Any", "ANY", 6)
    for _ in range(3):
        send(web3, token.functions.mint(sender.address, 1), sender.address)

    def few(method, params, result):
        span = params and method == "eth_getLogs" and int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16)
        if span and span > 1:
            raise CallRefused("node here, eth_getLogs", "too many blocks")
        return result

    whole = told(web3, anchor, sender.address)
    assert len(whole.batches) == 3
    assert asyncio.run(read_anchors(Web3Node(web3, few), anchor, sender.address)).batches == whole.batches


def test_a_key_of_our_own_signs_and_pays_for_what_is_anchored(web3, anchor, story):
    key = Key(b"\x21" * 32)
    rich = {"from": web3.eth.accounts[0], "to": Web3.to_checksum_address(key.address), "value": 10**18}
    web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(rich))

    async def sign(requests):
        return Keyring([key]).sign_all(requests)

    node = Web3Node(web3)
    ours = Publisher(story.path, node, anchor, Sender(node, key.address, sign))
    first = go(ours)
    assert told(web3, anchor, key.address).batches[0].transaction == first.transaction
    story.trade(-500)
    story.write(story.path)
    assert go(ours).batches == 2
    assert go(ours).transaction == ""


def test_what_the_batches_cost_and_the_code_that_stands_is_told(web3, anchor, story):
    ours, sender = publisher(web3, anchor, story)
    go(ours)
    seen = told(web3, anchor, sender.address)
    assert seen.genuine
    assert 30_000 < seen.gas < 50_000
    assert seen.cost_wei > 0
    assert isinstance(seen.batches[0].batch, Batch)
    token = deploy(web3, "LocalToken", "Any", "ANY", 6).address
    with pytest.raises(NoAnswer):
        told(web3, token, sender.address)  # it has no `head`
