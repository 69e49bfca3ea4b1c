"""Whatever is sent to the local node, it answers in JSON-RPC and goes on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.chain_scene import LOGS_ITS_CALLDATA, Scene

SCENE = Scene()
METHODS = sorted(SCENE.rpc._methods)
READS = [name for name in METHODS if not name.startswith("evm_")]
leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=70) | st.just("0x" + "ff" * 32)
values = st.recursive(leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=9), v, max_size=3))


@given(raw=st.binary(max_size=200) | st.text(max_size=200))
def test_bytes_that_are_no_request_are_answered_with_an_error(raw):
    assert "error" in json.loads(SCENE.rpc.answer(raw))


@given(method=st.sampled_from(READS), params=st.lists(values, max_size=4))
def test_parameters_that_do_not_fit_are_refused_and_nothing_breaks(method, params):
    answer = json.loads(SCENE.rpc.answer(json.dumps({"id": 1, "method": method, "params": params})))
    assert answer["id"] == 1
    assert ("result" in answer) != ("error" in answer)
    assert "internal error" not in str(answer.get("error", {}).get("message", ""))


@pytest.mark.parametrize("place", ["params", "id", "more"])
def test_nesting_deeper_than_any_stack_is_refused(place):
    nested = b"[" * 200_000 + b"]" * 200_000
    raw = b'{"method":"eth_chainId","' + place.encode() + b'":' + nested + b"}"
    assert "error" in json.loads(SCENE.rpc.answer(raw))


def test_a_batch_is_answered_in_its_order_each_by_itself():
    asked = [{"id": 1, "method": "eth_chainId"}, {"id": 2, "method": "nonsense"}, {"id": 3, "method": "net_version"}]
    one, two, three = json.loads(SCENE.rpc.answer(json.dumps(asked)))
    assert (one["id"], one["result"]) == (1, hex(31_337))
    assert (two["id"], two["error"]["code"]) == (2, -32601)
    assert (three["id"], three["result"]) == (3, "31337")
    assert "error" in json.loads(SCENE.rpc.answer("[]"))
    assert "error" in json.loads(SCENE.rpc.answer(json.dumps(asked * 400)))


def test_logs_are_found_by_place_address_and_topic():
    scene = Scene()
    one, other = scene.make(LOGS_ITS_CALLDATA), scene.make(LOGS_ITS_CALLDATA)
    topic = "0x" + "07" * 32
    for nonce, (who, data) in enumerate([(one, topic), (other, topic), (one, "0x" + "08" * 32)], start=2):
        scene.send(nonce, to=bytes.fromhex(who[2:]), data=bytes.fromhex(data[2:]), gas=100_000)

    def found(**wanted):
        return [(log["address"], int(log["blockNumber"], 16)) for log in scene.ask("eth_getLogs", wanted)]

    whole = {"fromBlock": "0x0", "toBlock": "latest"}
    assert found(**whole) == [(one, 3), (other, 4), (one, 5)]
    assert found(**whole, address=one) == [(one, 3), (one, 5)]
    assert found(**whole, address=[one, other], topics=[topic]) == [(one, 3), (other, 4)]
    assert found(**whole, topics=[[topic, "0x" + "08" * 32]]) == [(one, 3), (other, 4), (one, 5)]
    assert found(**whole, topics=[None]) == [(one, 3), (other, 4), (one, 5)]
    assert found(**whole, topics=[topic, topic]) == []
    assert found(fromBlock="0x4", toBlock="0x4") == [(other, 4)]
    assert found(blockHash=scene.ask("eth_getBlockByNumber", "0x5", False)["hash"]) == [(one, 5)]
    assert "header not found" in scene.refusal("eth_getLogs", {"blockHash": "0x" + "00" * 32})


def test_the_state_of_an_old_block_can_be_asked_for():
    scene = Scene()
    scene.send(0, value_wei=5)
    scene.send(1, value_wei=6)
    payee = "0x" + "11" * 20
    assert [int(scene.ask("eth_getBalance", payee, hex(n)), 16) for n in range(3)] == [0, 5, 11]
    assert scene.refusal("eth_getBalance", payee, "0x9") == "header not found"


def test_an_account_of_the_node_signs_here_and_no_other_does():
    scene = Scene()
    sender = scene.ask("eth_accounts")[3]
    sent = scene.ask("eth_sendTransaction", {"from": sender, "to": "0x" + "11" * 20, "value": "0x5"})
    assert scene.ask("eth_getTransactionReceipt", sent)["from"] == sender
    assert "unknown account" in scene.refusal("eth_sendTransaction", {"from": "0x" + "12" * 20, "value": "0x5"})


def test_what_would_fill_the_memory_is_refused():
    scene = Scene()
    assert "percentiles" in scene.refusal("eth_feeHistory", "0x1", "latest", [50.0] * 101)
    assert len(scene.ask("eth_feeHistory", 1, "latest", [50.0])["baseFeePerGas"]) == 2
