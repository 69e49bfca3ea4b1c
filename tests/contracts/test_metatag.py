"""A lead's tagged swap through Uniswap's router is the same swap, and becomes the instruction its agent signs."""

from dataclasses import dataclass

import pytest
from web3 import Web3
from web3.contract import Contract

from pilotfish.venues.evm.wire.instructions import WAD
from pilotfish.venues.evm.wire.metatag import (
    NUMBERS,
    LeadTransaction,
    Log,
    SwapRefused,
    Tag,
    append,
    find,
    instruction_of,
    swap_of,
)
from tests.contracts.chain import assert_gas, send
from tests.contracts.executor_scene import Scene as Executors
from tests.contracts.executor_scene import fields, fuel, next_at, scene
from tests.contracts.market import FEE, Market, fund, market

HELD, SOLD, LATE = 10_000 * 10**6, 2_500 * 10**6, 2**63


@dataclass(frozen=True)
class Scene:
    m: Market
    e: Executors
    lead: str

    @property
    def pools(self):
        return {self.m.pool.address.lower(): {self.m.usdc.address.lower(), self.m.weth.address.lower()}}

    @property
    def routers(self):
        return {self.m.router.address.lower()}


@pytest.fixture(scope="module")
def s(web3):
    m, e = market(web3), scene(web3)
    lead = fuel(web3, e.lead)
    fund(web3, m.usdc, lead, HELD)
    e.by(e.lead, m.usdc.functions.approve(m.router.address, 2**256 - 1))
    e.by(e.lead, m.weth.functions.approve(m.router.address, 2**256 - 1))
    return Scene(m, e, lead)


def sent(s, calldata, to=None):
    """The lead's raw transaction, mined, as the tag's reader takes it."""
    web3, key = s.e.web3, s.e.lead
    tx = {"to": to or s.m.router.address, "data": calldata, "from": s.lead, "value": 0}
    tx |= {"nonce": web3.eth.get_transaction_count(s.lead), "chainId": web3.eth.chain_id, "gas": 900_000}
    tx |= {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1}
    signed = web3.eth.account.sign_transaction(tx, key.reveal())
    mined = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
    got = web3.eth.get_transaction(mined["transactionHash"])
    logs = (Log(g["address"].lower(), tuple(map(bytes, g["topics"])), bytes(g["data"])) for g in mined["logs"])
    return mined, LeadTransaction(
        got["from"].lower(),
        got["to"].lower(),
        got["nonce"],
        bytes(got["input"]),
        got["value"],
        mined["status"] == 1,
        tuple(logs),
    )


def single(s, amount=SOLD, token_in=None, token_out=None):
    ins, outs = token_in or s.m.usdc, token_out or s.m.weth
    order = (ins.address, outs.address, FEE, s.lead, LATE, amount, 0, 0)
    return encoded(s.m.router, s.m.router.functions.exactInputSingle(order))


def along_a_path(s, amount=SOLD):
    path = bytes.fromhex(s.m.usdc.address[2:]) + FEE.to_bytes(3) + bytes.fromhex(s.m.weth.address[2:])
    return encoded(s.m.router, s.m.router.functions.exactInput((path, s.lead, LATE, amount, 0)))


def encoded(contract: Contract, call) -> bytes:
    return bytes.fromhex(call.build_transaction({"gas": 1, "from": contract.address})["data"][2:])


def tagged(s, calldata, fraction=0):
    return append(calldata, Tag(s.e.book.address.lower(), fraction))


def balance(token, who):
    return token.functions.balanceOf(who).call()


def read(s, tx):
    return swap_of(tx, s.lead, s.routers, s.pools)


def test_a_tagged_swap_is_the_same_swap_and_some_600_gas_dearer(s):
    web3 = s.e.web3
    taken = web3.provider.make_request("evm_snapshot", [])["result"]
    second = web3.eth.get_block("latest")["timestamp"] + 100  # a pool's first swap in a second writes more
    next_at(web3, second)
    plain, _ = sent(s, single(s))
    without = balance(s.m.weth, s.lead)
    web3.provider.make_request("evm_revert", [taken])
    calldata = tagged(s, single(s))
    next_at(web3, second)
    mined, _ = sent(s, calldata)
    assert balance(s.m.weth, s.lead) == without
    dearest = mined["gasUsed"] - plain["gasUsed"] + 12 * calldata[-38:].count(0)
    assert_gas("mirror", "a tag on a swap", dearest)


@pytest.mark.parametrize("way", [single, along_a_path])
def test_what_the_lead_did_becomes_the_instruction_that_its_agent_signs(s, way):
    _, tx = sent(s, tagged(s, way(s)))
    tag = find(tx.input)
    assert tag == Tag(s.e.book.address.lower())
    swap = read(s, tx)
    got = balance(s.m.weth, s.lead)
    assert (swap.token_in, swap.token_out) == (s.m.usdc.address.lower(), s.m.weth.address.lower())
    assert (swap.amount_in, swap.amount_out) == (SOLD, got)
    order = instruction_of(swap, tag, tx, held_before=HELD, slippage_bps=50, deadline=LATE)
    assert (order.fraction, order.nonce) == (WAD // 4, (tx.nonce + 1) * NUMBERS)
    assert order.limit == got * 10**36 * 9_950 // (SOLD * 10_000)
    s.e.by(s.e.lead, s.e.executor.functions.approveAgent(Web3.to_checksum_address(s.e.agent.address), LATE))
    for address in ("lead", "book", "token_in", "token_out"):
        order = type(order)(**{**as_dict(order), address: Web3.to_checksum_address(getattr(order, address))})
    call = s.e.executor.functions.mirror(fields(order), s.e.signature(order, s.e.agent), b"")
    (told,) = s.e.events(send(s.e.web3, call, s.e.owner), "Mirrored")
    assert told["lead"] == s.lead


def as_dict(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_several_calls_in_one_transaction_count_as_what_they_came_to(s):
    inner = [single(s, SOLD), single(s, SOLD)]
    calldata = encoded(s.m.router, s.m.router.functions.multicall(inner))
    _, tx = sent(s, tagged(s, calldata))
    assert read(s, tx).amount_in == 2 * SOLD
    assert find(tx.input) is not None


def test_an_exit_of_everything_is_a_fraction_of_one(s):
    sent(s, single(s))
    held = balance(s.m.weth, s.lead)
    _, tx = sent(s, tagged(s, single(s, held, s.m.weth, s.m.usdc)))
    swap = read(s, tx)
    assert instruction_of(swap, find(tx.input), tx, held_before=held, slippage_bps=0, deadline=LATE).fraction == WAD


def test_the_tags_own_fraction_goes_before_the_leads(s):
    _, tx = sent(s, tagged(s, single(s), fraction=WAD // 3))
    order = instruction_of(read(s, tx), find(tx.input), tx, held_before=HELD, slippage_bps=0, deadline=LATE)
    assert order.fraction == WAD // 3


def test_a_swap_that_pays_somebody_else_is_none_of_the_leads(s):
    order = (s.m.usdc.address, s.m.weth.address, FEE, s.e.owner, LATE, SOLD, 0, 0)
    _, tx = sent(s, tagged(s, encoded(s.m.router, s.m.router.functions.exactInputSingle(order))))
    with pytest.raises(SwapRefused, match="paid 1 tokens and got 0"):
        read(s, tx)
