"""Cancels, amendments, limits, keys and the end: what may leave, and what is done when nothing may."""

from pilotfish.domain.orders import Amend, Cancel, CancelAll, OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.settings import SECOND
from tests.unit.polymarket_samples import KEY, YES, signed
from tests.unit.polymarket_scene import (
    CENT,
    MS,
    OURS,
    YES_ID,
    Scene,
    body_of,
    fills,
    maker,
    order,
    place,
    posted,
    resting,
    signals,
    trade,
    words,
)

# -- cancels and amendments --------------------------------------------------------------------------------------------


def test_a_cancelled_order_ends_with_what_it_traded() -> None:
    scene = Scene().up()
    name = resting(scene)
    scene.submit(Cancel(1))
    assert body_of(scene.pending("/orders")) == [name]
    scene.answer("/orders", {"canceled": [name], "not_canceled": {}})
    assert signals(scene) == [OrderSignal.ACK]
    scene.user(order(name, "CANCELLATION", "CANCELED", matched="4"))
    assert words(scene)[-1] == (OrderSignal.CANCEL, Reason.NONE, 600)
    scene.user(trade("t1", "0xthem", "4", "0.5", [maker(name, "4", "0.5")]))  # the fill may come after the end
    assert fills(scene) == [(400, 5_000, 2_000_000)]


def test_a_cancel_that_lost_the_race_leaves_the_order_to_its_fills() -> None:
    scene = Scene().up()
    name = resting(scene)
    scene.submit(Cancel(1))
    scene.answer("/orders", {"canceled": [], "not_canceled": {name: "already canceled or matched"}})
    scene.advance(10 * MS)
    scene.answer(f"/data/order/{name}", order(name, "UPDATE", "MATCHED", matched="10"))
    assert signals(scene) == [OrderSignal.ACK, OrderSignal.FILLED]


def test_a_cancel_without_an_answer_is_sent_again() -> None:
    scene = Scene().up()
    name = resting(scene)
    scene.submit(Cancel(1))
    scene.fail("/orders")
    scene.advance(3 * SECOND)
    assert body_of(scene.pending("/orders")) == [name]


def test_a_cancel_waits_for_an_order_that_is_on_its_way() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    scene.submit(Cancel(1))
    assert not scene.is_pending("/orders")
    scene.answer("/order", posted(scene.id_of(1)))
    assert body_of(scene.pending("/orders")) == [scene.id_of(1)]


def test_cancel_all_is_the_venues_own_and_each_order_of_ours_is_followed_up() -> None:
    scene = Scene().up()
    first, second = resting(scene, 1), resting(scene, 2)
    scene.submit(CancelAll(-1))
    scene.answer("/cancel-all", {"canceled": [first], "not_canceled": {}})
    assert sorted(body_of(scene.pending("/orders"))) == sorted([first, second])
    scene.submit(CancelAll(-1, YES_ID))
    assert body_of(scene.pending("/cancel-market-orders")) == {"asset_id": YES}


def test_an_amendment_is_a_cancel_and_a_new_order_for_what_is_left() -> None:
    scene = Scene().up()
    name = resting(scene)
    scene.submit(Amend(1, 800, 4_900))
    scene.answer("/orders", {"canceled": [name], "not_canceled": {}})
    scene.user(trade("t1", "0xthem", "3", "0.5", [maker(name, "3", "0.5")]))
    scene.user(order(name, "CANCELLATION", "CANCELED", matched="3"))
    sent = body_of(scene.pending("/order"))["order"]
    assert (sent["takerAmount"], sent["makerAmount"]) == ("5000000", str(5 * 49 * CENT))
    again = scene.id_of(1)
    assert again != name
    scene.answer("/order", posted(again))
    scene.user(trade("t2", "0xthem", "5", "0.49", [maker(again, "5", "0.49")]))
    assert signals(scene) == [OrderSignal.ACK, OrderSignal.ACK, OrderSignal.FILLED], "the new one is told as well"
    assert [lots for lots, _, _ in fills(scene)] == [300, 500]


# -- limits, keys, the dead man's switch -------------------------------------------------------------------------------


def test_a_signers_empty_bucket_refuses_opens_here_until_it_is_full_again() -> None:
    scene = Scene(exit_reserve=40).up()
    scene.submit(place(1))
    reset = scene.now // SECOND + 5
    headers = {"poly-ratelimit-remaining": "2", "poly-ratelimit-reset": str(reset)}
    scene.answer("/order", posted(scene.id_of(1)), headers=headers)
    scene.submit(place(2))
    assert words(scene, 2) == [(OrderSignal.REJECT, Reason.RATE_LIMIT, 1_000)]
    scene.submit(Cancel(1))
    assert scene.is_pending("/orders")  # a cancel has a bucket of its own
    scene.advance(6 * SECOND)
    scene.submit(place(3))
    assert scene.is_pending("/order")


def test_too_many_requests_is_a_reject_and_more_are_refused_here_for_the_time_said() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    scene.answer("/order", {"error": "Too Many Requests"}, status=429, headers={"retry-after": "3"})
    assert words(scene) == [(OrderSignal.REJECT, Reason.RATE_LIMIT, 1_000)]
    scene.submit(place(2))
    assert words(scene, 2) == [(OrderSignal.REJECT, Reason.RATE_LIMIT, 1_000)]
    assert not scene.is_pending("/order")
    scene.advance(4 * SECOND)
    scene.submit(place(3))
    assert scene.is_pending("/order")


def test_refused_keys_are_named() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    scene.answer("/order", {"error": "Unauthorized/Invalid api key"}, status=401)
    assert words(scene) == [(OrderSignal.REJECT, Reason.AUTHENTICATION, 1_000)]


def test_an_order_that_cannot_be_sent_is_refused_here() -> None:
    scene = Scene().up()
    scene.submit(place(1, lots=100))  # a resting order has at least 5 shares
    assert words(scene) == [(OrderSignal.REJECT, Reason.BELOW_MINIMUM, 100)]
    other = Scene(keys=Keyring()).up()
    other.submit(place(1))
    assert words(other) == [(OrderSignal.REJECT, Reason.AUTHENTICATION, 1_000)]


def test_signatures_made_elsewhere_come_in_parts_and_those_that_never_come_are_rejects() -> None:
    scene = Scene(keys=Keyring(remote=[KEY.address])).up()
    scene.submit(place(1), place(2))
    (asked,) = scene.signs
    assert not scene.is_pending("/order")
    scene.session.signed(asked.id, 1, [signed(asked.requests[1])], scene.now)
    scene.drain()
    scene.answer("/order", posted(scene.id_of(2)))
    assert signals(scene, 2) == [OrderSignal.ACK]
    scene.advance(6 * SECOND)
    assert words(scene, 1) == [(OrderSignal.REJECT, Reason.AUTHENTICATION, 1_000)]


# -- the end -----------------------------------------------------------------------------------------------------------


def test_stopping_cancels_what_is_open_and_lets_nothing_more_leave() -> None:
    scene = Scene().up()
    name = resting(scene)
    scene.session.stop(scene.now)
    scene.drain()
    scene.answer("/orders", {"canceled": [name], "not_canceled": {}})
    assert not scene.session.stopped
    scene.submit(place(2))
    assert words(scene, 2) == [(OrderSignal.REJECT, Reason.DISCONNECTED, 1_000)]
    scene.user(order(name, "CANCELLATION", "CANCELED"))
    scene.advance(SECOND)
    assert scene.session.stopped
    assert sorted(scene.closed) == ["market", "user -1"]


def test_a_venue_that_does_not_answer_does_not_keep_us_from_stopping() -> None:
    scene = Scene().up()
    resting(scene)
    scene.session.stop(scene.now)
    scene.drain()
    scene.advance(11 * SECOND)
    assert scene.session.stopped


def test_no_secret_is_ever_shown() -> None:
    scene = Scene().up()
    resting(scene)
    shown = repr(scene.session) + repr(scene.events) + repr(scene.session.counters()) + repr(OURS)
    assert "c2VjcmV0" not in shown
    assert KEY.reveal().hex() not in shown
