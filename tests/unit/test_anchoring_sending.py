"""One key's transactions: each call is mined once at most, whatever the node says or does not say."""

import asyncio

import pytest

from pilotfish.venues.evm.eyes import CallRefused, NoAnswer
from pilotfish.venues.evm.trading.fees import GWEI, FeeTerms
from pilotfish.venues.keys.key import KeyRefused
from pilotfish.worlds.onchain.sending import Sender
from tests.unit.anchoring_node import DATA, KEY, TO, PoolNode, sign


@pytest.fixture
def node():
    return PoolNode()


def sender(node, **more):
    async def pause():
        node.mine()

    return Sender(node, KEY.address, sign, pause=pause, **more)


def go(coroutine):
    return asyncio.run(coroutine)


def test_a_call_is_signed_sent_and_seen_mined(node):
    sent = go(sender(node).send(TO, DATA))
    assert node.mined[sent] == 1
    (one,) = node.done
    assert (one.nonce, one.to.hex(), one.data, one.value_wei) == (0, TO[2:], DATA, 0)
    assert one.gas == 50_000
    assert one.fee_wei_max == 2 * GWEI + one.tip_wei


def test_several_calls_wait_side_by_side_and_end_each_under_its_own_number(node):
    ours = sender(node)
    numbers = [go(ours.submit(TO, DATA)) for _ in range(3)]
    assert go(ours.look()) == []
    node.mine()
    assert [ended.number for ended in go(ours.look())] == numbers
    assert [t.nonce for t in node.done] == [0, 1, 2]
    assert go(ours.look()) == []


def test_what_is_not_mined_in_time_goes_out_again_for_more_under_its_nonce(node):
    ours = sender(node)
    go(ours.submit(TO, DATA))
    before = node.pool[0][1].fee_wei_max
    node.wait()
    go(ours.look())
    assert set(node.pool) == {0}
    assert node.pool[0][1].fee_wei_max * 8 >= before * 9
    node.mine()
    assert [ended.ok for ended in go(ours.look())] == [True]
    assert len(node.done) == 1


@pytest.mark.parametrize("dead", ["in", "out"])
def test_silence_at_sending_is_neither_success_nor_failure(node, dead):
    ours = sender(node)
    node.dead = dead
    go(ours.submit(TO, DATA))
    node.dead = ""
    assert go(ours.look()) == []
    node.wait()
    go(ours.look())
    node.mine()
    assert [ended.ok for ended in go(ours.look())] == [True]
    assert len(node.done) == 1


def test_after_a_crash_what_waits_in_the_pool_is_left_to_be_mined(node):
    go(sender(node).submit(TO, DATA))
    again = sender(node)
    go(again.submit(TO, DATA + b"\x01"))
    assert sorted(node.pool) == [0, 1]
    node.mine()
    assert [ended.ok for ended in go(again.look())] == [True]


def test_after_a_crash_what_is_stuck_in_the_pool_is_cleared_away(node):
    go(sender(node).submit(TO, DATA))
    again = sender(node)
    go(again.submit(TO, DATA))
    node.wait()
    go(again.look())
    assert node.pool[0][1].to == bytes.fromhex(KEY.address[2:])
    assert node.pool[0][1].data == b""
    node.mine()
    assert [ended.ok for ended in go(again.look())] == [True]


def test_a_nonce_that_another_process_used_is_told_as_not_done(node):
    ours = sender(node)
    number = go(ours.submit(TO, DATA))
    other = sender(node, terms=FeeTerms(tip_wei=5 * GWEI))
    node.pool.clear()
    go(other.submit(TO, DATA))
    node.mine()
    (ended,) = go(ours.look())
    assert (ended.number, ended.ok) == (number, False)


def test_what_was_mined_and_undone_is_a_refusal(node):
    node.fails = True
    with pytest.raises(CallRefused, match="was mined and undone"):
        go(sender(node).send(TO, DATA))


def test_what_would_revert_is_not_sent_and_says_what_the_contract_said(node):
    with pytest.raises(CallRefused) as refused:
        go(sender(node).submit("0x" + "00" * 20, DATA))
    assert refused.value.data == b"\x01\x02\x03\x04"
    assert node.pool == {}


def test_gas_beyond_the_bound_is_not_paid(node):
    node.base_fee = 600 * GWEI
    with pytest.raises(NoAnswer, match="more than is allowed"):
        go(sender(node).submit(TO, DATA))
    node.base_fee = 200 * GWEI
    ours = sender(node)
    go(ours.submit(TO, DATA))
    for _ in range(12):
        node.wait()
        go(ours.look())
    assert node.pool[0][1].fee_wei_max <= FeeTerms().fee_wei_max


def test_a_call_that_the_key_may_not_sign_leaves_no_gap(node):
    ours = sender(node)
    with pytest.raises(KeyRefused):
        go(ours.submit(TO, b"\xde\xad\xbe\xef"))
    go(ours.submit(TO, DATA))
    assert set(node.pool) == {0}


def test_a_transaction_that_is_never_mined_is_said_to_be_unknown(node):
    async def pause():
        node.wait(0)

    with pytest.raises(NoAnswer, match="is not mined yet"):
        go(Sender(node, KEY.address, sign, pause=pause).send(TO, DATA))
