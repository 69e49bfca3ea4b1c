"""The words of Anchor in Python: trees, leaves, links and calls, against web3's encoding and OpenZeppelin's rule."""

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from pilotfish.domain.errors import NumericOverflow
from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.proof import anchoring, figures, merkle
from pilotfish.venues.evm.proof.anchoring import Batch, Proof
from pilotfish.venues.evm.proof.figures import Figure
from pilotfish.venues.evm.wire import abi

words = st.binary(min_size=32, max_size=32)
values = st.integers(-(2**255), 2**255 - 1)
told = st.builds(Figure, st.sampled_from(["nav", "slippage", "lag"]), words, values)
batches = st.builds(Batch, words, words, st.integers(0, 2**64 - 1))
WHO = "0x" + "ab" * 20


def openzeppelin(proof, leaf):
    """MerkleProof.processProof, told again."""
    node = leaf
    for other in proof:
        node = bytes(Web3.keccak(min(node, other) + max(node, other)))
    return node


@settings(max_examples=25, deadline=None)
@given(st.lists(words, max_size=40))
def test_every_leaf_leads_to_the_root_by_its_path(leaves):
    tree = merkle.Tree(leaves)
    for index, leaf in enumerate(leaves):
        assert openzeppelin(tree.proof(index), leaf) == tree.root
        assert merkle.verifies(tree.root, leaf, tree.proof(index))


def test_a_tree_without_leaves_has_the_root_zero_and_no_path():
    assert merkle.Tree([]).root == bytes(32)
    with pytest.raises(IndexError):
        merkle.Tree([]).proof(0)
    with pytest.raises(IndexError):
        merkle.Tree([b"\x01" * 32]).proof(-1)


@settings(max_examples=25, deadline=None)
@given(st.lists(told, min_size=2, max_size=20, unique_by=lambda f: (f.kind, f.subject)), st.randoms())
def test_the_root_does_not_depend_on_the_order_in_which_figures_come_but_on_each_of_them(some, dice):
    root = figures.tree_of(some).root
    shuffled = list(some)
    dice.shuffle(shuffled)
    assert figures.tree_of(shuffled).root == root
    for k, figure in enumerate(some):
        changed = figure._replace(value=figure.value ^ 1)
        assert figures.tree_of([*some[:k], changed, *some[k + 1 :]]).root != root
        assert figures.tree_of(some[:k] + some[k + 1 :]).root != root


@settings(max_examples=25, deadline=None)
@given(told)
def test_a_leaf_is_hashed_twice_over_the_abi_encoding(figure):
    row = (figure.kind.encode().ljust(32, b"\0"), figure.subject, figure.value)
    inner = Web3.keccak(encode(["(bytes32,bytes32,int256)"], [row]))
    assert figures.leaf(figure) == bytes(Web3.keccak(inner))


def test_a_figure_beyond_int256_is_refused():
    with pytest.raises(NumericOverflow, match="int256"):
        figures.leaf(Figure("nav", bytes(32), 2**255))


def test_two_leads_of_one_name_have_different_subjects():
    assert figures.subject_of(0, "a") != figures.subject_of(1, "a")
    assert figures.subject_of(0, "a") == bytes(Web3.keccak(text="0/a"))


@settings(max_examples=25, deadline=None)
@given(words, batches, st.lists(words, max_size=4), told, st.lists(words, max_size=4))
def test_calls_are_what_web3_makes_of_the_abi(before, batch, later, figure, path):
    contract = Web3().eth.contract(abi=load("Anchor").abi)
    row = (figure.kind.encode().ljust(32, b"\0"), figure.subject, figure.value)
    who = Web3.to_checksum_address(WHO)
    assert "0x" + anchoring.anchor_call(before, batch).hex() == contract.encode_abi("anchor", [before, batch])
    assert "0x" + anchoring.head_call(WHO).hex() == contract.encode_abi("head", [who])
    proof = Proof(WHO, before, batch, later, figure, path)
    asked = contract.encode_abi("proven", [who, before, batch, later, row, path])
    assert "0x" + anchoring.proven_call(proof).hex() == asked


@settings(max_examples=25, deadline=None)
@given(st.lists(batches, max_size=5))
def test_the_head_folds_every_batch_into_the_one_before(some):
    head, heads = bytes(32), []
    for batch in some:
        inner = Web3.keccak(encode(["(bytes32,bytes32,uint64)"], [batch]))
        head = bytes(Web3.keccak(head + inner))
        heads.append(head)
    assert list(anchoring.links(some)) == heads


@settings(max_examples=25, deadline=None)
@given(batches, words)
def test_a_log_gives_its_batch_back_and_anything_else_is_refused(batch, before):
    topics = [anchoring.ANCHORED, abi.place(WHO), batch.journal_root]
    data = before + batch.figures_root + abi.word(batch.records)
    assert anchoring.batch_of(topics, data) == (batch, before)
    large = data[:64] + abi.word(2**64)
    other = [bytes(32), *topics[1:]]
    for bad_topics, bad in ((topics[:2], data), (other, data), (topics, data[1:]), (topics, large)):
        with pytest.raises(ValueError, match=r"not a log of Anchored|more records"):
            anchoring.batch_of(bad_topics, bad)
