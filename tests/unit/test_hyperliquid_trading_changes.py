"""Cancels and amendments: bulk, late, refused, unknown, and the old order's end that is kept back."""

import pytest

from pilotfish.domain.orders import Amend, Cancel, CancelAll
from tests.unit.hyperliquid_link import MAIN, UNKNOWN, Scene, ok, resting
from tests.unit.hyperliquid_samples import CLOIDS


@pytest.fixture
def scene() -> Scene:
    return Scene()


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_a_cancel_is_over_when_the_stream_says_what_was_left(scene) -> None:
    scene.rests()
    scene.submit(Cancel(7))
    number, payload = scene.post()
    assert payload["action"] == {"type": "cancelByCloid", "cancels": [{"asset": 5, "cloid": CLOIDS.cloid(7)}]}
    scene.reply(number, ok("success"))
    assert scene.words() == []
    scene.frame("orderUpdates", [scene.order(7, "canceled", "10.0")])
    assert scene.words() == [(7, "CANCEL", "NONE", 1_000)]
    scene.wait(60)
    assert scene.asks("orderStatus") == []


def test_cancels_of_one_account_leave_together(scene) -> None:
    scene.rests(7, 50)
    scene.rests(8, 51)
    scene.submit(Cancel(7), Cancel(8))
    assert len(scene.post()[1]["action"]["cancels"]) == 2


def test_a_cancel_that_the_stream_does_not_confirm_is_asked_about(scene) -> None:
    scene.rests()
    scene.submit(Cancel(7))
    scene.reply(scene.post()[0], ok("success"))
    scene.wait(2)
    [(ask, body)] = scene.asks("orderStatus")
    assert body["oid"] == CLOIDS.cloid(7)
    scene.answer(ask, scene.status(7, "canceled", "10.0"))
    assert scene.words() == [(7, "CANCEL", "NONE", 1_000)]


def test_a_cancel_that_comes_too_late_ends_with_the_fill(scene) -> None:
    scene.rests()
    scene.submit(Cancel(7))
    scene.fills(scene.fill(7, "10"))
    scene.reply(scene.post()[0], ok({"error": "Order was never placed, already canceled, or filled. asset=5"}))
    scene.wait(1)
    [(ask, _)] = scene.asks("orderStatus")
    scene.answer(ask, scene.status(7, "filled", "0.0"))
    assert scene.traded() == [(7, 1_000, 1_500_000)]
    assert scene.words() == [(7, "FILLED", "NONE", 0)]


def test_a_cancel_with_an_unknown_outcome_is_sent_again_when_the_order_still_rests(scene) -> None:
    scene.rests()
    scene.submit(Cancel(7))
    scene.posts()
    scene.wait(7)
    [(ask, _)] = scene.asks("orderStatus")
    scene.answer(ask, scene.status(7, "open", "10.0"))
    assert scene.post()[1]["action"]["type"] == "cancelByCloid"


def test_a_cancel_while_the_stream_is_down_leaves_when_it_is_back(scene) -> None:
    scene.rests()
    scene.lose()
    scene.submit(Cancel(7))
    assert scene.posts() == []
    scene.open()
    scene.wait(2)
    assert scene.posts()[0][1]["action"]["type"] == "cancelByCloid"


def test_cancel_all_takes_what_we_know_and_what_the_venue_says_is_ours(scene) -> None:
    scene.rests()
    scene.submit(CancelAll(-1))
    assert [CLOIDS.coid(one["cloid"]) for one in scene.post()[1]["action"]["cancels"]] == [7]
    [(ask, body)] = scene.asks("openOrders")
    assert body["user"] == MAIN
    forgotten, stranger = scene.order(3, "", "5")["order"], scene.order(4, "", "5")["order"] | {"cloid": None}
    scene.answer(ask, [forgotten, stranger])
    assert [CLOIDS.coid(one["cloid"]) for one in scene.post()[1]["action"]["cancels"]] == [3]
    assert scene.trading.counters()["strangers"] == 1


def test_an_order_that_the_venue_cancelled_by_itself_is_asked_about_and_told(scene) -> None:
    scene.rests()
    scene.frame("user", {"nonUserCancel": [{"coin": "SOL", "oid": 50}]})
    scene.wait(1)
    [(ask, _)] = scene.asks("orderStatus")
    scene.answer(ask, scene.status(7, "marginCanceled", "10.0"))
    assert scene.words() == [(7, "CANCEL", "BALANCE", 1_000)]


# -- amending ----------------------------------------------------------------------------------------------------------


def test_an_amendment_asks_for_what_has_not_filled_and_the_old_orders_end_is_kept_back(scene) -> None:
    scene.rests()
    scene.fills(scene.fill(7, "3"))
    scene.submit(Amend(7, 800, 149_0000))
    number, payload = scene.post()
    [change] = payload["action"]["modifies"]
    assert (change["oid"], change["order"]["s"], change["order"]["p"]) == (CLOIDS.cloid(7), "5", "149")
    scene.frame("orderUpdates", [scene.order(7, "canceled", "7.0", oid=50)])
    scene.frame("orderUpdates", [scene.order(7, "open", "5.0", oid=51)])
    scene.reply(number, ok(resting(51)))
    assert scene.words() == [(7, "ACK", "NONE", 500)]
    scene.fills(scene.fill(7, "5", "149.0", oid=51))
    scene.frame("orderUpdates", [scene.order(7, "filled", "0.0", oid=51)])
    assert scene.words() == [(7, "FILLED", "NONE", 0)]
    assert [lots for _, lots, _ in scene.traded()] == [300, 500]
    scene.wait(60)
    assert scene.asks("userFillsByTime") == []


def test_an_old_end_that_comes_after_the_reply_is_kept_back_too(scene) -> None:
    scene.rests()
    scene.submit(Amend(7, 800, 149_0000))
    scene.reply(scene.post()[0], ok(resting(51)))
    scene.frame("orderUpdates", [scene.order(7, "canceled", "10.0", oid=50)])
    assert scene.words() == [(7, "ACK", "NONE", 800)]


def test_a_refused_amendment_leaves_the_order_as_it_is(scene) -> None:
    scene.rests()
    scene.submit(Amend(7, 800, 149_0000))
    scene.reply(scene.post()[0], ok({"error": "Cannot modify canceled or filled order"}))
    scene.wait(1)
    [(ask, _)] = scene.asks("orderStatus")
    scene.answer(ask, scene.status(7, "filled", "0.0"))
    assert scene.words() == [(7, "FILLED", "NONE", 0)]


@pytest.mark.parametrize(("oid", "again"), [(51, False), (50, True)])
def test_an_amendment_with_an_unknown_outcome_is_settled_by_which_order_rests(scene, oid, again) -> None:
    scene.rests()
    scene.submit(Amend(7, 800, 149_0000))
    scene.posts()
    for _ in range(20):
        scene.wait(1)
        for ask, _ in scene.asks("orderStatus"):
            scene.answer(ask, scene.status(7, "open", "8.0", oid=oid))
    assert [payload["action"]["type"] for _, payload in scene.posts()][:1] == ["batchModify"] * again
    assert ("CANCEL" in [word[1] for word in scene.words()]) is False


def test_an_order_that_filled_while_it_was_amended_is_made_smaller_again(scene) -> None:
    scene.rests()
    scene.submit(Amend(7, 800, 149_0000))
    scene.reply(scene.post()[0], ok(resting(51)))
    scene.fills(scene.fill(7, "2", oid=50))
    [change] = scene.post()[1]["action"]["modifies"]
    assert change["order"]["s"] == "6"


def test_an_amendment_to_no_more_than_has_filled_is_a_cancel(scene) -> None:
    scene.rests()
    scene.fills(scene.fill(7, "8"))
    scene.submit(Amend(7, 800, 149_0000))
    assert scene.post()[1]["action"]["type"] == "cancelByCloid"


def test_an_unknown_amend_or_cancel_is_looked_up_before_anything_is_sent() -> None:
    scene = Scene()
    scene.submit(Cancel(3))
    assert scene.posts() == []
    [(ask, _)] = scene.asks("orderStatus")
    scene.answer(ask, UNKNOWN)
    assert scene.posts() == []
    assert scene.trading.counters()["cancels_of_unknown"] == 1
