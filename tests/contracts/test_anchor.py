"""One slot per publisher holds every journal root ever given, in order, with the figures of each batch provable."""

import sys
from typing import NamedTuple

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3.contract import Contract

from tests.contracts.chain import assert_gas, deploy, gas_used, reverts
from tests.contracts.nodes import embedded

ZERO = bytes(32)


class Batch(NamedTuple):
    root: bytes
    figures: bytes
    records: int


def digest(batch: Batch) -> bytes:
    return bytes(Web3.keccak(encode(["(bytes32,bytes32,uint64)"], [batch])))


def following(before: bytes, batch: Batch) -> bytes:
    """The contract's chain, told again apart from it."""
    return bytes(Web3.keccak(before + digest(batch)))


def leaf(kind: bytes, subject: bytes, value: int) -> bytes:
    return bytes(Web3.keccak(Web3.keccak(encode(["(bytes32,bytes32,int256)"], [(kind, subject, value)]))))


def parent(a: bytes, b: bytes) -> bytes:
    return bytes(Web3.keccak(min(a, b) + max(a, b)))


roots = st.binary(min_size=32, max_size=32).filter(any)
batches = st.builds(Batch, roots, st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1))


@pytest.fixture(scope="module")
def standing(web3: Web3) -> Contract:
    return deploy(web3, "Anchor")


@pytest.fixture
def anchor(web3: Web3) -> Contract:
    return deploy(web3, "Anchor")


def append(web3: Web3, anchor: Contract, before: bytes, batch: Batch, publisher: int = 0) -> bytes:
    gas_used(web3, anchor.functions.anchor(before, batch), web3.eth.accounts[publisher])
    return bytes(anchor.functions.head(web3.eth.accounts[publisher]).call())


BATCHES = [Batch(bytes([n]) * 32, bytes([n + 100]) * 32, n * 10) for n in (1, 2, 3)]


def anchored(web3: Web3, anchor: Contract) -> list[bytes]:
    """Three batches; the head before each and after the last."""
    heads = [ZERO]
    for batch in BATCHES:
        heads.append(append(web3, anchor, heads[-1], batch))
    return heads


def test_the_head_is_the_chain_of_all_batches(web3, anchor):
    expected = [ZERO]
    for batch in BATCHES:
        expected.append(following(expected[-1], batch))
    assert anchored(web3, anchor) == expected


def test_every_batch_of_the_past_is_provable_and_no_other(web3, anchor):
    heads = anchored(web3, anchor)
    who = web3.eth.accounts[0]
    for n, batch in enumerate(BATCHES):
        later = [digest(b) for b in BATCHES[n + 1 :]]
        assert anchor.functions.anchored(who, heads[n], batch, later).call()
        assert not anchor.functions.anchored(web3.eth.accounts[1], heads[n], batch, later).call()
        for forged in (batch._replace(root=b"\x09" * 32), batch._replace(figures=ZERO), batch._replace(records=7)):
            assert not anchor.functions.anchored(who, heads[n], forged, later).call()
        assert not anchor.functions.anchored(who, heads[n], batch, [*later, digest(batch)]).call()
        assert not anchor.functions.anchored(who, b"\x07" * 32, batch, later).call()


def test_a_batch_sent_twice_is_refused_with_the_head_that_is_there(web3, anchor):
    append(web3, anchor, ZERO, BATCHES[0])
    with reverts(anchor, "HeadMoved"):
        append(web3, anchor, ZERO, BATCHES[0])
    assert bytes(anchor.functions.head(web3.eth.accounts[0]).call()) == following(ZERO, BATCHES[0])


def test_a_root_of_zero_is_refused(web3, anchor):
    with reverts(anchor, "NoRoot"):
        append(web3, anchor, ZERO, Batch(ZERO, ZERO, 1))


def test_publishers_do_not_touch_each_other(web3, anchor):
    first = append(web3, anchor, ZERO, BATCHES[0], publisher=0)
    assert append(web3, anchor, ZERO, BATCHES[1], publisher=1) == following(ZERO, BATCHES[1])
    assert bytes(anchor.functions.head(web3.eth.accounts[0]).call()) == first


def test_the_log_alone_gives_the_chain_again(web3, anchor):
    heads = anchored(web3, anchor)
    head = ZERO
    for log in anchor.events.Anchored().get_logs(from_block=0):
        told = log["args"]
        assert told["before"] == head
        head = following(head, Batch(told["journalRoot"], told["figuresRoot"], told["records"]))
    assert head == heads[-1]


def test_a_figure_is_proven_and_an_altered_or_inner_one_is_not(web3, anchor):
    names = [b"nav".ljust(32, b"\0"), b"slippage".ljust(32, b"\0"), b"lag".ljust(32, b"\0")]
    figures = [
        (name, bytes([n]) * 32, value) for n, (name, value) in enumerate(zip(names, (10**18, -7, 9), strict=True))
    ]
    one, two, three = (leaf(*figure) for figure in figures)
    batch = Batch(b"\x05" * 32, parent(parent(one, two), three), 3)
    append(web3, anchor, ZERO, batch)

    def proven(figure, proof):
        return anchor.functions.proven(web3.eth.accounts[0], ZERO, batch, [], figure, proof).call()

    assert proven(figures[0], [two, three])
    assert proven(figures[1], [one, three])
    assert proven(figures[2], [parent(one, two)])
    assert not proven((names[0], figures[0][1], 10**18 + 1), [two, three])
    assert not proven((names[0], figures[1][1], 10**18), [two, three])
    assert not proven(figures[0], [three, two])
    assert not proven(figures[0], [])
    assert bytes(anchor.functions.leaf(figures[1]).call()) == two


@settings(max_examples=25, deadline=None)
@given(before=st.binary(min_size=32, max_size=32), batch=batches)
def test_a_link_is_what_the_model_says(standing, before, batch):
    assert bytes(standing.functions.next(before, batch).call()) == following(before, batch)


def test_a_chain_in_the_process_leaves_the_recursion_limit_alone():
    before = sys.getrecursionlimit()
    embedded()
    assert sys.getrecursionlimit() == before < 10_000


def test_an_anchor_costs_at_most_35_000_gas(web3, anchor):
    publisher = web3.eth.accounts[0]
    full = [Batch(bytes([n]) * 32, b"\xab" * 32, 2**64 - 1) for n in (1, 2)]
    first = gas_used(web3, anchor.functions.anchor(ZERO, full[0]), publisher)
    second = gas_used(web3, anchor.functions.anchor(following(ZERO, full[0]), full[1]), publisher)
    assert second <= 35_000
    assert_gas("anchor", "anchor, a publisher's first", first)
    assert_gas("anchor", "anchor", second)
