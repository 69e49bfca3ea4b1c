"""The chain in the process keeps the rules of a public one: nonces, prices, gas, blocks, and what may be taken back."""

import sys

import pytest

from pilotfish.venues.evm.node.evm import TRANSACTION_GAS_MAX
from tests.unit.chain_scene import BURNS_ALL_GAS, CALLS_ITSELF, NOON, REVERTS, Scene

PAYEE = "0x" + "11" * 20


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_transaction_is_in_the_next_block_and_its_receipt_says_what_it_cost(scene):
    before = int(scene.ask("eth_getBalance", scene.keys[0].address), 16)
    sent = scene.send(0, value_wei=5)
    receipt = scene.ask("eth_getTransactionReceipt", sent)
    assert (receipt["status"], receipt["gasUsed"], receipt["blockNumber"]) == ("0x1", hex(21_000), "0x1")
    assert int(scene.ask("eth_getBalance", PAYEE), 16) == 5
    paid = 5 + 21_000 * int(receipt["effectiveGasPrice"], 16)
    assert int(scene.ask("eth_getBalance", scene.keys[0].address), 16) == before - paid
    block = scene.ask("eth_getBlockByNumber", "latest", True)
    assert [one["hash"] for one in block["transactions"]] == [sent]
    assert scene.ask("eth_getTransactionByHash", sent)["blockHash"] == block["hash"]


def test_a_nonce_that_comes_early_waits_for_the_one_before_it(scene):
    early = scene.send(1)
    assert scene.ask("eth_getTransactionReceipt", early) is None
    assert scene.ask("eth_getTransactionByHash", early)["blockNumber"] is None
    assert scene.ask("eth_getTransactionCount", scene.keys[0].address, "latest") == "0x0"
    scene.send(0)
    assert scene.ask("eth_getTransactionReceipt", early)["status"] == "0x1"
    assert scene.ask("eth_getTransactionCount", scene.keys[0].address, "latest") == "0x2"


def test_what_waits_is_replaced_only_for_a_tenth_more_of_both_prices(scene):
    scene.ask("evm_setAutomine", False)
    first = scene.send(0)
    assert "replacement transaction underpriced" in scene.refusal(
        "eth_sendRawTransaction", scene.raw(0, fee_wei_max=11 * 10**9, value_wei=1)
    )
    second = scene.send(0, fee_wei_max=11 * 10**9, tip_wei=11 * 10**8, value_wei=1)
    assert scene.ask("eth_getTransactionCount", scene.keys[0].address, "pending") == "0x1"
    scene.ask("evm_mine")
    assert scene.ask("eth_getTransactionReceipt", first) is None
    assert scene.ask("eth_getTransactionReceipt", second)["status"] == "0x1"


def test_a_price_below_the_base_fee_waits_until_the_base_fee_has_fallen(scene):
    cheap = scene.send(0, fee_wei_max=7 * 10**8, tip_wei=0)
    assert scene.ask("eth_getTransactionReceipt", cheap) is None
    for _ in range(3):
        scene.ask("evm_mine")
    assert scene.ask("eth_getTransactionReceipt", cheap)["status"] == "0x1"


def test_the_better_tip_goes_first_and_each_sender_keeps_its_order(scene):
    scene.ask("evm_setAutomine", False)
    slow = [scene.send(n, key=0, tip_wei=1) for n in (0, 1)]
    fast = [scene.send(n, key=1, tip_wei=10**9) for n in (0, 1)]
    scene.ask("evm_mine")
    assert scene.ask("eth_getBlockByNumber", "latest", False)["transactions"] == [*fast, *slow]


def test_a_full_block_leaves_the_rest_to_the_next(scene):
    burner = bytes.fromhex(scene.make(BURNS_ALL_GAS)[2:])
    scene.ask("evm_setAutomine", False)
    sent = [scene.send(0, key=n, to=burner, gas=TRANSACTION_GAS_MAX) for n in (1, 2)]
    scene.ask("evm_mine")
    assert [scene.ask("eth_getTransactionReceipt", one) is not None for one in sent] == [True, False]
    scene.ask("evm_mine")
    assert scene.ask("eth_getTransactionReceipt", sent[1])["blockNumber"] == "0x3"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"gas": TRANSACTION_GAS_MAX + 1}, "EIP-7825"),
        ({"gas": 20_999}, "intrinsic gas too low"),
        ({"value_wei": 10**30}, "insufficient funds"),
        ({"tip_wei": 10**11}, "max priority fee per gas higher than max fee per gas"),
    ],
)
def test_what_a_node_refuses_is_refused_and_costs_nothing(scene, fields, why):
    assert why in scene.refusal("eth_sendRawTransaction", scene.raw(0, **fields))
    assert scene.ask("eth_blockNumber") == "0x0"


def test_a_transaction_sent_again_is_told_apart_from_a_new_one(scene):
    scene.ask("evm_setAutomine", False)
    scene.send(0)
    assert scene.refusal("eth_sendRawTransaction", scene.raw(0)) == "already known"
    scene.ask("evm_mine")
    assert "nonce too low" in scene.refusal("eth_sendRawTransaction", scene.raw(0))


def test_a_snapshot_takes_back_blocks_receipts_and_time(scene):
    kept = scene.send(0)
    taken = scene.ask("evm_snapshot")
    scene.ask("evm_increaseTime", 1000)
    gone = scene.send(1)
    removed = scene.ask("eth_getBlockByNumber", "latest", False)["hash"]
    assert scene.ask("evm_revert", taken) is True
    assert scene.ask("eth_getTransactionReceipt", gone) is None
    assert scene.ask("eth_getTransactionReceipt", kept)["status"] == "0x1"
    assert scene.ask("evm_revert", taken) is False
    again = scene.send(1)
    block = scene.ask("eth_getBlockByNumber", "latest", False)
    assert (again, int(block["timestamp"], 16)) == (gone, NOON)
    assert block["hash"] != removed
    assert scene.ask("eth_getBlockByHash", removed, False) is None


def test_time_goes_with_the_machine_and_can_be_put_ahead(scene):
    def at() -> int:
        scene.ask("evm_mine")
        return int(scene.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    assert at() == NOON
    scene.ask("evm_increaseTime", 120)
    assert at() == NOON + 120
    scene.at_s += 5
    assert at() == NOON + 125
    scene.ask("evm_setNextBlockTimestamp", NOON + 500)
    assert at() == NOON + 500
    scene.at_s += 1
    assert at() == NOON + 501
    assert "not after" in scene.refusal("evm_setNextBlockTimestamp", NOON)


def test_a_revert_comes_back_with_its_data(scene):
    contract = scene.make(REVERTS)
    error = scene.reply("eth_call", {"to": contract}, "latest")["error"]
    assert (error["code"], error["data"]) == (3, "0xdeadbeef")
    assert scene.reply("eth_estimateGas", {"to": contract})["error"]["code"] == 3
    nonce = int(scene.ask("eth_getTransactionCount", scene.keys[0].address, "latest"), 16)
    sent = scene.send(nonce, to=bytes.fromhex(contract[2:]), gas=100_000)
    assert scene.ask("eth_getTransactionReceipt", sent)["status"] == "0x0"


def test_contracts_that_call_as_deep_as_gas_lets_them_end_neither_the_chain_nor_the_limit(scene):
    before = sys.getrecursionlimit()
    contract = scene.make(CALLS_ITSELF)
    nonce = int(scene.ask("eth_getTransactionCount", scene.keys[0].address, "latest"), 16)
    sent = scene.send(nonce, to=bytes.fromhex(contract[2:]), gas=TRANSACTION_GAS_MAX)
    assert scene.ask("eth_getTransactionReceipt", sent)["status"] == "0x1"
    assert sys.getrecursionlimit() == before < 10_000


def test_an_estimate_is_enough_and_hardly_more(scene):
    contract = scene.make(CALLS_ITSELF)
    estimate = int(scene.ask("eth_estimateGas", {"to": PAYEE, "from": scene.keys[0].address}), 16)
    assert estimate == 21_000
    deep = int(scene.ask("eth_estimateGas", {"to": contract, "from": scene.keys[0].address}), 16)
    assert deep <= TRANSACTION_GAS_MAX
