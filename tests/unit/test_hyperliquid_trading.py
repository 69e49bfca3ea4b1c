"""One account's orders on the wire: sent, answered, filled, cancelled, amended, lost and found."""

import pytest

from pilotfish.domain.orders import Tif
from pilotfish.venues.hyperliquid.accounts import Account
from pilotfish.venues.keys.keyring import Keyring
from tests.unit.hyperliquid_link import AGENT, MAIN, Scene, address, filled, ok, place, resting
from tests.unit.hyperliquid_samples import CLOIDS


@pytest.fixture
def scene() -> Scene:
    return Scene()


# -- placing -----------------------------------------------------------------------------------------------------------


def test_an_order_leaves_signed_with_its_id_and_an_expiry(scene) -> None:
    scene.submit(place())
    _, payload = scene.post()
    [wire] = payload["action"]["orders"]
    assert payload["action"]["type"] == "order"
    assert (wire["a"], wire["b"], wire["p"], wire["s"], wire["c"]) == (5, True, "150", "10", CLOIDS.cloid(7))
    assert payload["nonce"] == scene.ms
    assert payload["expiresAfter"] == scene.ms + 10_000
    assert payload["vaultAddress"] is None
    assert set(payload["signature"]) == {"r", "s", "v"}


def test_orders_of_one_account_leave_together_and_each_has_its_own_answer(scene) -> None:
    scene.submit(place(7), place(8), place(9, tif=Tif.IOC))
    number, payload = scene.post()
    assert [CLOIDS.coid(wire["c"]) for wire in payload["action"]["orders"]] == [7, 8, 9]
    scene.reply(number, ok(resting(50), {"error": "Insufficient margin to place order. asset=5"}, filled("4", oid=52)))
    assert scene.words() == [
        (7, "ACK", "NONE", 1_000), (8, "REJECT", "BALANCE", 1_000), (9, "CANCEL", "NO_DEPTH", 600),
    ]  # fmt: skip


def test_a_vaults_orders_name_the_vault_and_are_signed_for_it() -> None:
    scene = Scene([Account(-1, MAIN, AGENT.address, address(5))])
    scene.submit(place())
    _, payload = scene.post()
    assert payload["vaultAddress"] == address(5)
    assert {row["user"] for row in scene.trading.subscriptions()} == {address(5)}


def test_two_accounts_have_their_own_actions_and_no_nonce_twice() -> None:
    scene = Scene([Account(-1, MAIN, AGENT.address), Account(3, address(3), AGENT.address)])
    scene.submit(place(7), place(8, account=3), place(9, account=3))
    first, second = scene.posts()
    assert [len(one[1]["action"]["orders"]) for one in (first, second)] == [1, 2]
    assert first[1]["nonce"] < second[1]["nonce"]


def test_more_orders_than_one_unit_of_weight_carries_leave_in_chunks(scene) -> None:
    scene.submit(*(place(coid) for coid in range(80)))
    assert [len(payload["action"]["orders"]) for _, payload in scene.posts()] == [39, 39, 2]
    assert scene.link.budget.left(scene.now) == 1_200 - 3 - 20  # and userRateLimit


def test_an_order_that_cannot_be_encoded_is_refused_here(scene) -> None:
    scene.submit(place(7, lots=0))
    assert scene.words() == [(7, "REJECT", "BAD_INTENT", 0)]
    assert scene.posts() == []


def test_an_order_of_an_account_that_is_not_ours_is_refused(scene) -> None:
    scene.submit(place(7, account=4))
    assert scene.words() == [(7, "REJECT", "REJECTED", 1_000)]


def test_an_order_while_the_stream_is_down_is_refused_and_never_leaves(scene) -> None:
    scene.lose()
    scene.submit(place())
    assert scene.words() == [(7, "REJECT", "DISCONNECTED", 1_000)]
    scene.open()
    assert scene.posts() == []


def test_the_same_order_again_is_told_where_it_stands_and_not_sent(scene) -> None:
    scene.rests()
    scene.submit(place())
    assert scene.posts() == []
    assert scene.words() == [(7, "ACK", "NONE", 1_000)]


def test_a_key_that_nobody_has_is_an_authentication_failure() -> None:
    scene = Scene(keys=Keyring())
    scene.submit(place())
    assert scene.words() == [(7, "REJECT", "AUTHENTICATION", 1_000)]


def test_a_venue_that_does_not_know_our_key_says_so(scene) -> None:
    scene.submit(place(7), place(8))
    scene.reply(scene.post()[0], {"status": "err", "response": f"User or API Wallet {AGENT.address} does not exist."})
    assert scene.words() == [(7, "REJECT", "AUTHENTICATION", 1_000), (8, "REJECT", "AUTHENTICATION", 1_000)]


def test_a_key_elsewhere_is_asked_to_sign_and_the_order_leaves_when_it_has() -> None:
    scene = Scene(keys=Keyring([], [AGENT.address]))
    scene.submit(place())
    assert scene.posts() == []
    [sign] = scene.signs()
    scene.sign(sign)
    _, payload = scene.post()
    here = Scene()
    here.submit(place())
    assert payload == here.post()[1]
    assert [len(one.hash) for one in sign.requests] == [32]


def test_a_signer_that_does_not_answer_leaves_the_order_unsent(scene) -> None:
    scene = Scene(keys=Keyring([], [AGENT.address]))
    scene.submit(place())
    [sign] = scene.signs()
    scene.wait(6)
    assert scene.words() == [(7, "REJECT", "AUTHENTICATION", 1_000)]
    scene.sign(sign)
    assert scene.posts() == []


# -- fills -------------------------------------------------------------------------------------------------------------


def test_partial_fills_are_told_as_they_come_and_then_the_end(scene) -> None:
    scene.rests()
    scene.fills(scene.fill(7, "4"))
    scene.fills(scene.fill(7, "6"))
    scene.frame("orderUpdates", [scene.order(7, "filled", "0.0")])
    assert scene.traded() == [(7, 400, 1_500_000), (7, 600, 1_500_000)]
    assert scene.words() == [(7, "FILLED", "NONE", 0)]
    scene.wait(60)
    assert scene.asks("orderStatus") == []


def test_a_fill_that_overtakes_the_reply_counts_and_so_does_the_reply(scene) -> None:
    scene.submit(place())
    scene.fills(scene.fill(7, "4"))
    scene.reply(scene.post()[0], ok(resting(50)))
    assert scene.traded() == [(7, 400, 1_500_000)]
    assert scene.words() == [(7, "ACK", "NONE", 1_000)]


def test_a_doubled_fill_is_told_once(scene) -> None:
    scene.rests()
    row = scene.fill(7, "4")
    scene.fills(row)
    scene.fills(row, isSnapshot=True)
    assert scene.traded() == [(7, 400, 1_500_000)]


def test_fills_come_in_the_order_of_their_time(scene) -> None:
    scene.rests()
    early, late = scene.fill(7, "4"), scene.fill(7, "5", time=scene.ms + 9)
    scene.fills(late, early)
    assert [lots for _, lots, _ in scene.traded()] == [400, 500]


def test_an_ioc_ends_as_its_reply_says_even_where_the_stream_is_quicker(scene) -> None:
    """How `orderUpdates` words a partly filled IOC is not documented; the reply's totalSz is plain."""
    scene.submit(place(tif=Tif.IOC))
    scene.frame("orderUpdates", [scene.order(7, "filled", "0.0")])
    assert scene.words() == []
    scene.reply(scene.post()[0], ok(filled("4")))
    assert scene.words() == [(7, "CANCEL", "NO_DEPTH", 600)]


def test_fills_that_do_not_come_are_asked_for(scene) -> None:
    scene.submit(place(tif=Tif.IOC))
    scene.reply(scene.post()[0], ok(filled("10")))
    assert scene.words() == [(7, "FILLED", "NONE", 0)]
    scene.wait(4)
    [(ask, body)] = scene.asks("userFillsByTime")
    assert body["user"] == MAIN
    scene.answer(ask, [scene.fill(7, "10")])
    assert scene.traded() == [(7, 1_000, 1_500_000)]
    scene.wait(60)
    assert scene.asks("userFillsByTime") == []


def test_a_snapshot_tells_only_what_is_younger_than_the_cursor(scene) -> None:
    scene.trading.reconcile(scene.ms, (), scene.now, lambda *_: None)
    scene.fills(scene.fill(70, "1", time=scene.ms - 60_000), scene.fill(71, "2"), isSnapshot=True)
    assert scene.traded() == [(71, 200, 1_500_000)]


def test_somebody_elses_orders_under_our_account_are_counted_and_left_alone(scene) -> None:
    scene.fills(scene.fill(None, "3"))
    stranger = scene.order(7, "open", "10")
    stranger["order"]["cloid"] = "0x" + "9" * 32
    scene.frame("orderUpdates", [stranger])
    assert scene.told() == []
    assert scene.trading.counters()["strangers"] == 2
