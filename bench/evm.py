"""A chain: one swap signed, beside eth-account; and how long after a lead's swap is seen its mirror is at a node.

The second is measured on a local node with the whole system deployed: the lead's swap is mined, the relayer hears of
it over its socket, reads and checks it, has the node try the mirror, signs, sends, and the node says that it has it.
Beside it the same steps by web3.py, from the same moment, one call after the other as its own examples do it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median, quantiles

from eth_account import Account
from eth_account.messages import encode_typed_data
from web3.logs import DISCARD

from bench.measure import Row, median_of, no_collector, row
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.orders import Place
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.nodes import best_kind, local_node
from pilotfish.venues.evm.wire.swaps import Pool, Token
from pilotfish.venues.evm.wire.transactions import Transaction
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from tests.conformance.relay_scene import AGENT, ROUTE, SENDER, USDC, WETH, Running, Scene

ORDERS, ROUNDS = 200, 7
SWAPS, WALLETS = 100, 200
SECRET = bytes(range(1, 33))
LIMIT_MS = 250


def run() -> list[Row]:
    """One swap signed; the mirror's way for a vault, and for a desk with 200 wallets in one user operation."""
    with local_node(best_kind()) as node:
        scene = Scene(node)
        return [_signing(), *_vault(scene, node.kind), *_desk(scene, node.kind)]


def _signing() -> Row:
    eth = Instrument(0, "WETH/USDC", "evm", Kind.SPOT, 4, 2, money_decimals=6)
    pool = Pool(eth, "0x" + "cc" * 20, Token("0x" + "0a" * 20, "WETH", 18), Token("0x" + "0b" * 20, "USDC", 6), 500, 10)
    key, wallet, router = Key(SECRET), Account.from_key(SECRET), bytes.fromhex("7e" * 20)
    ring, places = Keyring([key]), [Place(k, -1, 0, 1, 1_000 + k, 200_000 + k) for k in range(ORDERS)]

    def ours(place: Place) -> bytes:
        data = pool.calldata(place, key.address, 2**40, 7)
        one = Transaction(1, place.coid, 10**9, 10**11, 400_000, router, 0, data)
        signature = ring.sign(one.request(key.address))
        assert signature is not None
        return one.raw(signature)

    def theirs(place: Place) -> bytes:
        data = pool.calldata(place, key.address, 2**40, 7)
        fields = {
            "type": 2, "chainId": 1, "nonce": place.coid, "maxPriorityFeePerGas": 10**9, "maxFeePerGas": 10**11,
            "gas": 400_000, "to": router, "value": 0, "data": data,
        }  # fmt: skip
        return bytes(wallet.sign_transaction(fields).raw_transaction)

    if any(ours(place) != theirs(place) for place in places):
        raise RuntimeError("the transactions differ from eth-account's")
    return row(
        "evm: sign one swap", _each(ours, places), "µs", _each(theirs, places), against="eth-account, the same bytes",
        target="≥ 4×", note="order to raw transaction, the signer's own checks in it; one thread",
    )  # fmt: skip


def _each(work: Callable[[Place], bytes], places: list[Place]) -> float:
    def once() -> float:
        began = time.perf_counter()
        for place in places:
            work(place)
        return (time.perf_counter() - began) / len(places) * 1e6

    with no_collector():
        return median_of(ROUNDS, once)


def _vault(scene: Scene, kind: str) -> list[Row]:
    running = Running(scene.settings())
    took = [_mirrored(running, scene.swap(scene.vault.address, amount=100 * USDC)) for _ in range(SWAPS)]
    running.die()
    baseline = [_by_web3(scene, scene.swap(scene.vault.address, amount=100 * USDC)) for _ in range(SWAPS // 2)]
    return _rows("evm: lead's swap seen → vault's mirror at the node", took, baseline, kind)


def _desk(scene: Scene, kind: str) -> list[Row]:
    """Half of each wallet's money is never spent: every batch trades for all of them."""
    wallets = scene.follow(WALLETS)
    running = Running(scene.settings(wallets=wallets))
    share = WETH // 1_000
    took = [_mirrored(running, scene.swap(scene.desk.address, 100 * USDC, share)) for _ in range(SWAPS // 4)]
    running.die()
    name = f"evm: lead's swap seen → {WALLETS} wallets' batch at the node"
    return _rows(name, took, None, kind)


def _mirrored(running: Running, swap: str) -> float:
    """Milliseconds from the lead's swap to the node's word that it has the mirror."""
    one = running.becomes(swap)
    if one.why or not one.taken_ns:
        raise RuntimeError(f"a swap was not mirrored: {one.state.name} {one.why}")
    return (one.taken_ns - one.seen_ns) / 1e6


def _rows(name: str, took: list[float], baseline: list[float] | None, kind: str) -> list[Row]:
    against = "web3.py and eth-account, the same steps" if baseline else "the limit itself"
    other = baseline or [float(LIMIT_MS)] * len(took)
    note = f"{len(took)} swaps, {kind}; each read, tried by eth_call, signed and sent"
    target = f"≤ {LIMIT_MS} ms p99"
    return [
        row(f"{name}, p50", median(took), "ms", median(other), against=against, note=note),
        row(f"{name}, p99", _p99(took), "ms", _p99(other), against=against, note=note, target=target),
    ]


def _p99(took: list[float]) -> float:
    return quantiles(took, n=100, method="inclusive")[98]


# -- by web3.py --------------------------------------------------------------------------------------------------------

INSTRUCTION = {
    "Instruction": [
        {"name": name, "type": kind}
        for name, kind in (
            ("lead", "address"), ("book", "address"), ("tokenIn", "address"), ("tokenOut", "address"),
            ("fraction", "uint256"), ("limit", "uint256"), ("deadline", "uint256"), ("nonce", "uint256"),
        )
    ]
}  # fmt: skip


def _by_web3(scene: Scene, swap: str) -> float:
    """Milliseconds from a mined swap to the mirror's hash, as a script with web3.py does it."""
    web3, sender = scene.web3, Account.from_key(local_keys()[SENDER].reveal())
    web3.eth.wait_for_transaction_receipt(swap)
    began = time.perf_counter()
    sent, receipt = web3.eth.get_transaction(swap), web3.eth.get_transaction_receipt(swap)
    paid = sum(e["args"]["value"] for e in scene.usdc.events.Transfer().process_receipt(receipt, errors=DISCARD)
               if e["args"]["from"] == scene.lead and e["address"] == scene.usdc.address)  # fmt: skip
    held = scene.usdc.functions.balanceOf(scene.lead).call(block_identifier=receipt["blockNumber"] - 1)
    order = {
        "lead": scene.lead, "book": scene.vault.address, "tokenIn": scene.usdc.address, "tokenOut": scene.weth.address,
        "fraction": paid * WETH // held, "limit": 0, "deadline": 2**40, "nonce": (sent["nonce"] + 1) * 16,
    }  # fmt: skip
    domain = {"name": "Pilotfish", "version": "1", "chainId": CHAIN_ID, "verifyingContract": scene.executor.address}
    signed = Account.sign_message(encode_typed_data(domain, INSTRUCTION, order), AGENT.reveal())
    call = scene.executor.functions.mirror(order, signed.signature, ROUTE)
    call.call({"from": sender.address})
    fee = web3.eth.get_block("latest")["baseFeePerGas"] * 2 + 10**9
    built = call.build_transaction({
        "from": sender.address, "nonce": web3.eth.get_transaction_count(sender.address), "gas": 600_000,
        "maxFeePerGas": fee, "maxPriorityFeePerGas": 10**9, "chainId": CHAIN_ID,
    })  # fmt: skip
    hash_ = web3.eth.send_raw_transaction(sender.sign_transaction(built).raw_transaction)
    took = (time.perf_counter() - began) * 1e3
    if web3.eth.wait_for_transaction_receipt(hash_)["status"] != 1:
        raise RuntimeError("the mirror by web3.py reverted")
    return took
