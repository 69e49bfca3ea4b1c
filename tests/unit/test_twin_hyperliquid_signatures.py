"""The twin knows who signed from the JSON alone, and lets nobody else trade."""

import json

import pytest

from pilotfish.venues.hyperliquid.wire import codec
from pilotfish.venues.hyperliquid.wire.actions import CancelCloid, CancelsByCloid, Limit, Order, OrderKind, Orders
from pilotfish.venues.hyperliquid.wire.signing import Scope, Signer, approve_agent
from tests.unit.twin_hyperliquid_scene import AGENT, ALICE, BOB, ME, MS, NOBODY, SECOND, Scene, cloid, order, orders

DAY_MS = 86_400_000
REST = orders(order(1, "0.01", "60000", "Gtc"))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def ok(reply: object) -> bool:
    return isinstance(reply, list) and "resting" in reply[0]


def test_an_order_signed_by_the_official_sdk_is_its_owners(scene: Scene) -> None:
    assert ok(scene.do(REST))
    assert len(scene.mine("openOrders")) == 1


@pytest.mark.parametrize("vault", [None, BOB.address.lower()])
@pytest.mark.parametrize("expires", [None, 2_000_000_000_000])
def test_what_our_own_signer_signs_is_taken_too(scene: Scene, vault: str | None, expires: int | None) -> None:
    scene.twin.open_sub_account(ME, BOB.address, 1)
    ours = Signer(ALICE.key)
    row = Order(0, True, "60000", "0.01", False, OrderKind(limit=Limit("Alo")), cloid(9))
    scope = Scope(mainnet=False, vault=vault, expires_ms=expires)
    place = ours.sign_l1(Orders([row]), scene.nonce(), scope)
    assert "resting" in json.loads(scene.raw("/exchange", codec.encode(place))[1])["response"]["data"]["statuses"][0]
    cancel = ours.sign_l1(CancelsByCloid([CancelCloid(0, cloid(9))]), scene.nonce(), scope)
    assert json.loads(scene.raw("/exchange", codec.encode(cancel))[1])["response"]["data"]["statuses"] == ["success"]


def test_what_was_changed_after_signing_is_somebody_elses(scene: Scene) -> None:
    body = scene.signed(REST)
    for path, value in (("p", "60001"), ("s", "0.02"), ("b", False), ("c", cloid(1))):
        forged = json.loads(json.dumps(body))
        forged["action"]["orders"][0][path] = value
        reply = scene.post(forged)
        assert reply["status"] == "err"
        assert reply["response"].endswith("does not exist.")
        assert ME not in reply["response"]
    assert scene.mine("openOrders") == []


@pytest.mark.parametrize("row", [order(1, "0.010", "60000", "Gtc"), order(1, "0.01", "60000.0", "Gtc")])
def test_numbers_that_are_not_as_the_venue_writes_them_are_signed_by_nobody_it_knows(scene: Scene, row: dict) -> None:
    assert scene.do(orders(row)).endswith("does not exist.")


def test_fields_out_of_the_venues_order_are_signed_by_nobody_it_knows(scene: Scene) -> None:
    assert scene.do(orders(dict(reversed(order(1, "0.01", "60000", "Gtc").items())))).endswith("does not exist.")


def test_the_other_network_is_another_signature(scene: Scene) -> None:
    row = Order(0, True, "60000", "0.01", False, OrderKind(limit=Limit("Gtc")))
    signed = Signer(ALICE.key).sign_l1(Orders([row]), scene.nonce(), Scope(mainnet=True))
    assert b"does not exist." in scene.raw("/exchange", codec.encode(signed))[1]


@pytest.mark.parametrize("signature", [
    {"r": "0x0", "s": "0x0", "v": 27}, {"r": "zz", "s": "0x1", "v": 27}, {"r": "0x1", "s": "0x1"}, None, "0x00",
    {"r": "0x1", "s": "0x1", "v": 99}, {"r": "0x" + "f" * 80, "s": "0x1", "v": 27},
])  # fmt: skip
def test_what_is_no_signature_is_said_to_be_none(scene: Scene, signature: object) -> None:
    assert scene.post(scene.signed(REST) | {"signature": signature})["response"] == "Unable to recover signer."


def test_who_never_deposited_is_told_so(scene: Scene) -> None:
    scene.twin.core.account(NOBODY.address)
    assert scene.do(REST, NOBODY) == f"Must deposit before performing actions. User: {NOBODY.address.lower()}"


# -- agents ------------------------------------------------------------------------------------------------------------


def test_an_agent_trades_for_who_approved_it(scene: Scene) -> None:
    assert scene.do(REST, AGENT) == f"User or API Wallet {AGENT.address.lower()} does not exist."
    assert scene.post(scene.approval(AGENT.address, "pilot"))["status"] == "ok"
    assert ok(scene.do(REST, AGENT))
    assert len(scene.mine("openOrders")) == 1
    assert scene.info("userRole", user=AGENT.address) == {"role": "agent", "data": {"user": ME}}
    assert [agent["name"] for agent in scene.mine("extraAgents")] == ["pilot"]


def test_our_own_approval_is_taken_with_a_name_and_without(scene: Scene) -> None:
    for name, agent in (("desk", AGENT), (None, BOB)):
        action = approve_agent(agent.address.lower(), name, scene.nonce(), mainnet=False)
        body = codec.encode(Signer(ALICE.key).sign_approve_agent(action))
        assert json.loads(scene.raw("/exchange", body)[1]) == {"status": "ok", "response": {"type": "default"}}
        assert ok(scene.do(REST, agent))
    assert len(scene.mine("openOrders")) == 2


@pytest.mark.parametrize("name", ["", "pilot"])
def test_an_agent_of_the_same_name_replaces_the_one_before(scene: Scene, name: str) -> None:
    scene.post(scene.approval(AGENT.address, name))
    scene.post(scene.approval(NOBODY.address, name))
    assert ok(scene.do(REST, NOBODY))
    assert scene.do(REST, AGENT).endswith("does not exist.")
    assert scene.post(scene.approval(AGENT.address, "again"))["response"] == "Extra agent already used."


def test_an_agent_ends_with_its_term(scene: Scene) -> None:
    scene.post(scene.approval(AGENT.address, f"pilot valid_until {scene.now // MS + 60_000}"))
    assert ok(scene.do(REST, AGENT))
    scene.advance(61)
    assert scene.do(REST, AGENT).endswith("does not exist.")


def test_there_are_three_names(scene: Scene) -> None:
    for number in range(3):
        assert scene.post(scene.approval(f"0x{number + 1:040x}", f"n{number}"))["status"] == "ok"
    assert scene.post(scene.approval(f"0x{9:040x}", "n9"))["status"] == "err"


def test_an_approval_that_was_changed_approves_nobody(scene: Scene) -> None:
    forged = scene.approval(AGENT.address, "pilot", agentAddress=NOBODY.address)
    assert scene.post(forged)["status"] == "err"
    assert scene.post(scene.approval(AGENT.address, "pilot", nonce=1))["status"] == "err"
    assert scene.raw("/exchange", scene.approval(AGENT.address, "pilot", hyperliquidChain="Mainnet"))[0] == 200
    assert scene.mine("extraAgents") == []
    assert scene.do(REST, NOBODY).endswith("does not exist.")


def test_a_sub_account_is_traded_by_its_master_alone(scene: Scene) -> None:
    below = "0x" + "5" * 40
    scene.twin.open_sub_account(ALICE.address, below, 50_000)
    assert ok(scene.do(REST, vault=below))
    assert scene.do(REST, BOB, vault=below) == f"Vault not registered: {below}"
    assert (scene.mine("openOrders"), len(scene.info("openOrders", user=below))) == ([], 1)
    assert [row["subAccountUser"] for row in scene.mine("subAccounts")] == [below]
    assert scene.info("userRole", user=below) == {"role": "subAccount", "data": {"master": ME}}


# -- nonces ------------------------------------------------------------------------------------------------------------


def test_a_nonce_is_used_once(scene: Scene) -> None:
    body = scene.signed(REST)
    assert scene.post(body)["status"] == "ok"
    assert scene.post(body) == {"status": "err", "response": f"Invalid nonce: duplicate nonce {body['nonce']}"}
    assert len(scene.mine("openOrders")) == 1


def test_nonces_may_come_in_any_order_within_the_last_hundred(scene: Scene) -> None:
    first = scene.now // MS
    for nonce in reversed(range(first, first + 100)):
        assert scene.do({"type": "noop"}, nonce=nonce) == "default"
    assert scene.do({"type": "noop"}, nonce=first - 1) == f"Invalid nonce: nonce too low {first - 1} < {first}"
    assert scene.do({"type": "noop"}, nonce=first + 100) == "default"


@pytest.mark.parametrize("off_ms", [-2 * DAY_MS - 1, DAY_MS + 1])
def test_a_nonce_is_near_the_venues_time(scene: Scene, off_ms: int) -> None:
    assert "Invalid nonce" in scene.do({"type": "noop"}, nonce=scene.now // MS + off_ms)


def test_nonces_belong_to_the_key_that_signs(scene: Scene) -> None:
    scene.post(scene.approval(AGENT.address, "pilot"))
    nonce = scene.nonce()
    assert scene.do({"type": "noop"}, nonce=nonce) == scene.do({"type": "noop"}, AGENT, nonce=nonce) == "default"


def test_an_action_that_expired_is_not_done(scene: Scene) -> None:
    assert "expired" in scene.do(REST, expires=(scene.now - SECOND) // MS)
    assert scene.mine("openOrders") == []
    assert ok(scene.do(REST, expires=(scene.now + SECOND) // MS))
