"""The relayer on real nodes with the whole system deployed: a lead swaps, and its books do likewise, once."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import msgspec
import pytest
from msgspec.structs import replace

from pilotfish.venues.evm.deploy.local import OPERATOR
from pilotfish.venues.evm.deploy.packages import anvil_path
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.nodes import local_node
from pilotfish.venues.evm.relay import settings as relay_settings
from pilotfish.venues.evm.relay.sending import State
from pilotfish.venues.evm.wire.instructions import Instruction, domain, sign
from pilotfish.venues.evm.wire.userops import (
    OPERATION_TOPIC,
    Sponsorship,
    UserOperation,
    handle_ops_calldata,
    outcome,
)
from tests.conformance.relay_scene import AGENT, USDC, WETH, Running, Scene


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    if request.param == "anvil" and anvil_path() is None:
        pytest.skip("anvil has no package for this machine: the chain in a process of its own alone is tried")
    with local_node(request.param) as node:
        yield Scene(node)


@pytest.fixture
def running(scene: Scene) -> Iterator[Callable[..., Running]]:
    """`running()`: a relayer; what happens is taken back."""
    taken = scene.web3.provider.make_request("evm_snapshot", [])["result"]
    made: list[Running] = []

    def making(since: int = -1, agent: str = "", operator: str = "", **more) -> Running:
        made.append(Running(scene.settings(**more), since, agent, operator))
        return made[-1]

    yield making
    for one in made:
        one.die()
    scene.web3.provider.make_request("evm_revert", [taken])


def weth_of(scene: Scene, who: str) -> int:
    return scene.weth.functions.balanceOf(who).call()


def test_a_vault_does_what_its_lead_does_by_the_same_share(scene, running):
    one = running()
    held = scene.usdc.functions.balanceOf(scene.lead).call()
    swap = scene.swap(scene.vault.address, amount=held // 10)
    ended = one.becomes(swap)
    assert (ended.state, ended.why) == (State.DONE, "")
    assert ended.instruction.fraction == pytest.approx(WETH // 10, abs=10**12)
    spent = 200_000 * USDC - scene.usdc.functions.balanceOf(scene.vault.address).call()
    assert spent == pytest.approx(20_000 * USDC, rel=0.06)
    assert weth_of(scene, scene.vault.address) > 0


def test_of_two_swaps_in_one_block_the_second_is_a_share_of_what_the_first_left(scene, running):
    one, ask = running(), scene.web3.provider.make_request
    held = scene.usdc.functions.balanceOf(scene.lead).call()
    ask("evm_setAutomine", [False])
    swaps = [scene.swap(scene.vault.address, amount=part) for part in (held // 4, held // 4)]
    ask("evm_mine", [])
    ask("evm_setAutomine", [True])
    first, second = (one.becomes(swap) for swap in swaps)
    assert first.block == second.block
    assert first.instruction.fraction == pytest.approx(WETH // 4, abs=10**12)
    assert second.instruction.fraction == pytest.approx(WETH // 3, abs=10**12)
    assert {first.state, second.state} <= {State.DONE, State.REFUSED}


def test_a_swap_that_is_seen_again_by_another_process_is_mirrored_once(scene, running):
    block = scene.web3.eth.block_number
    first = running()
    swap = scene.swap(scene.vault.address)
    assert first.becomes(swap).state is State.DONE
    got = weth_of(scene, scene.vault.address)
    first.die()
    second = running(since=block)
    assert second.becomes(swap).state is State.ALREADY
    assert weth_of(scene, scene.vault.address) == got


def test_a_swap_that_was_made_while_nobody_looked_is_found_and_mirrored(scene, running):
    block = scene.web3.eth.block_number
    swap = scene.swap(scene.vault.address)
    assert running(since=block).becomes(swap).state is State.DONE


def test_a_mirror_that_was_only_tried_when_it_is_told_to_stop_is_left_to_the_next(scene, running):
    one, block = running(), scene.web3.eth.block_number
    sending = one.relayer.sending
    would_do, tried = sending._would_do, []

    def told_to_stop_meanwhile(*answer) -> None:
        sending.closed = True
        tried.append(would_do(*answer))

    sending._would_do = told_to_stop_meanwhile
    swap = scene.swap(scene.vault.address)
    one.until(lambda: tried)
    one.die()
    assert not one.relayer.relayed[swap][0].over
    assert one.relayer.settled_to <= block, "the next one looks at the swap's block again"
    assert weth_of(scene, scene.vault.address) == 0
    assert running(since=block).becomes(swap).state is State.DONE


def test_of_two_batches_one_that_was_not_sent_is_made_up_for_and_the_other_not_repeated(scene, running, monkeypatch):
    monkeypatch.setattr(relay_settings, "WALLETS_MAX", 1)
    wallets, block = scene.follow(2, funded=1_000 * USDC), scene.web3.eth.block_number
    one = running(wallets=wallets)
    send = one.relayer.sending._send

    def the_first_alone(*batch) -> None:
        send(*batch)
        one.relayer.sending.closed = True

    one.relayer.sending._send = the_first_alone
    swap = scene.swap(scene.desk.address, fraction=WETH // 4)
    one.until(lambda: any(batch.over for batch in one.relayer.relayed.get(swap, ())))
    assert one.relayer.ended(swap) == []
    assert one.relayer.settled_to <= block
    one.die()
    spent = [1_000 * USDC - scene.usdc.functions.balanceOf(wallet).call() for wallet in wallets]
    assert sorted(spent) == [0, 250 * USDC]
    ended = running(since=block, wallets=wallets).all_become(swap)
    assert {batch.state for batch in ended} == {State.DONE, State.ALREADY}
    assert [scene.usdc.functions.balanceOf(wallet).call() for wallet in wallets] == [750 * USDC] * 2


@pytest.mark.parametrize("whose", ["agent", "operator"])
def test_what_nobody_signs_is_refused_and_says_so(scene, running, whose):
    one = running(wallets=scene.follow(1), **{whose: "0x" + "77" * 20})
    ended = one.becomes(scene.swap(scene.desk.address))
    assert (ended.state, ended.why) == (State.REFUSED, "whoever holds the key does not sign it")


def test_what_is_not_the_leads_own_or_names_another_book_is_refused_with_a_reason(scene, running):
    one = running()
    others = one.becomes(scene.swap(scene.vault.address, sender=scene.who[9]))
    unknown = one.becomes(scene.swap("0x" + "77" * 20))
    assert {others.state, unknown.state} == {State.REFUSED}
    assert "only a lead's own swaps count" in others.why
    assert "none of our books" in unknown.why
    plain = scene.swap()
    assert one.becomes(scene.swap(scene.vault.address)).state is State.DONE
    assert plain not in one.relayer.relayed
    assert len(one.relayer.relayed) == 3


def test_a_signed_instruction_is_checked_sent_once_and_refused_where_the_chain_would(scene, running):
    one = running()
    order = Instruction(
        scene.lead.lower(), scene.vault.address.lower(), scene.usdc.address.lower(), scene.weth.address.lower(),
        WETH // 20, 0, 2**40, 1,
    )  # fmt: skip
    apart = domain(CHAIN_ID, scene.executor.address)
    told = one.instruct(order, sign(order, apart, AGENT))
    again = one.instruct(order, sign(order, apart, AGENT))
    one.until(lambda: told.over)
    assert (told.state, again) == (State.DONE, told)
    dear = replace(order, limit=10**46, nonce=2)
    forged, late = replace(order, nonce=3), replace(order, deadline=1_000, nonce=4)
    bad = [
        one.instruct(dear, sign(dear, apart, AGENT)), one.instruct(forged, sign(dear, apart, AGENT)),
        one.instruct(late, sign(late, apart, AGENT)),
    ]  # fmt: skip
    one.until(lambda: all(each.over for each in bad))
    assert [each.state for each in bad] == [State.REFUSED, State.REFUSED, State.LATE]
    assert "NotTheLead" in bad[1].why
    assert one.relayer.sending.lane.nonces.latest == 1, "nothing was paid for what would fail"


@pytest.mark.parametrize("bundling", [True, False], ids=["one user operation", "the operator itself"])
def test_a_desk_copies_for_all_its_followers_in_one_batch(scene, running, bundling):
    wallets = scene.follow(3)
    one = running(wallets=wallets, **{} if bundling else {"bundling": False, "sender": local_keys()[OPERATOR].address})
    swap = scene.swap(scene.desk.address, fraction=WETH // 4)
    ended = one.becomes(swap)
    assert (ended.state, ended.why) == (State.DONE, "")
    shares = [weth_of(scene, wallet) for wallet in wallets]
    assert min(shares) > 0
    assert max(shares) - min(shares) <= 1, "one swap, shared to the last unit"


class Bundler(BaseHTTPRequestHandler):
    """Somebody else's: takes an operation, bundles it from an account of its own, and says how it ended."""

    scene: ClassVar[Scene]
    seen: ClassVar[dict[str, str]] = {}

    def do_POST(self) -> None:
        asked = msgspec.json.decode(self.rfile.read(int(self.headers["content-length"])))
        result = getattr(self, asked["method"])(*asked["params"])
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": asked["id"], "result": result})
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def eth_sendUserOperation(self, op: dict[str, str], entry_point: str) -> str:
        number = {name: int(op[name], 16) for name in op if name not in ("sender", "paymaster")}
        octets = {name: bytes.fromhex(op[name][2:]) for name in ("callData", "signature", "paymasterData")}
        by = Sponsorship(
            op["paymaster"], number["paymasterVerificationGasLimit"], number["paymasterPostOpGasLimit"],
            octets["paymasterData"],
        )  # fmt: skip
        made = UserOperation(
            op["sender"], number["nonce"], octets["callData"], number["verificationGasLimit"], number["callGasLimit"],
            number["preVerificationGas"], number["maxPriorityFeePerGas"], number["maxFeePerGas"], by,
            octets["signature"],
        )  # fmt: skip
        who = self.scene.who[9]
        sent = self.scene.web3.eth.send_transaction({
            "from": who, "to": self.scene.web3.to_checksum_address(entry_point), "gas": 5_000_000,
            "data": handle_ops_calldata([made], who),
        })  # fmt: skip
        self.seen["0x0b"] = str(sent.to_0x_hex())
        return "0x0b"

    def eth_getUserOperationReceipt(self, operation: str) -> dict[str, bool]:
        receipt = self.scene.web3.eth.wait_for_transaction_receipt(self.seen[operation])
        logs = [log for log in receipt["logs"] if log["topics"][0].to_0x_hex() == OPERATION_TOPIC]
        return {"success": outcome(bytes(logs[0]["data"])).done}

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


def test_a_batch_goes_by_somebody_elses_bundler_where_one_is_named(scene, running):
    wallets = scene.follow(2)
    Bundler.scene = scene
    with ThreadingHTTPServer(("127.0.0.1", 0), Bundler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        bundling = replace(scene.settings().bundling, bundler_url=url)
        one = running(wallets=wallets, bundling=bundling)
        ended = one.becomes(scene.swap(scene.desk.address, fraction=WETH // 4))
        one.die()
        server.shutdown()
    assert (ended.state, ended.why, ended.operation) == (State.DONE, "", "0x0b")
    assert ended.slot is None, "it paid nothing itself"
    assert all(weth_of(scene, wallet) > 0 for wallet in wallets)
