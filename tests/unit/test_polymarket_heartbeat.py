"""The dead man's switch: while nobody knows whether it has fired, no order leaves."""

from pilotfish.domain.events import Connection, OrderUpdate
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.polymarket.settings import SECOND, Account
from tests.unit.polymarket_samples import KEY, WALLET
from tests.unit.polymarket_scene import START, Scene, body_of, order, path_of, place, posted

BEATS = "/v1/heartbeats"


def by_hand() -> Scene:
    """Up, and from now on heartbeats are answered by the test."""
    scene = Scene().up()
    del scene.automatic["POST", BEATS]
    return scene


def test_it_is_sent_every_five_seconds_with_the_id_of_the_last_answer() -> None:
    scene = Scene().up()
    scene.advance(21 * SECOND)
    sent = [body_of(ask)["heartbeat_id"] for ask in scene.asked if path_of(ask) == BEATS]
    assert sent == ["", "beat 1", "beat 2", "beat 3", "beat 4"]


def test_an_id_that_differs_is_taken_and_sent_at_once() -> None:
    scene = by_hand()
    scene.until(BEATS)
    scene.answer(BEATS, {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": "theirs"}, status=400)
    scene.until(BEATS)
    assert body_of(scene.pending(BEATS))["heartbeat_id"] == "theirs"
    scene.answer(BEATS, {"heartbeat_id": "next"})
    assert scene.session.counters()["heartbeat ids that differed"] == 1
    assert [one.up for one in scene.of(Connection)] == [True]


def missed() -> Scene:
    """An order rests, and heartbeats are not answered for more than ten seconds."""
    scene = by_hand()
    scene.submit(place(1))
    scene.answer("/order", posted(scene.id_of(1)))
    for _ in range(12):
        scene.advance(SECOND)
        if scene.is_pending(BEATS):
            scene.fail(BEATS)
    return scene


def test_after_a_missed_one_no_order_leaves_and_open_orders_are_unknown() -> None:
    scene = missed()
    assert scene.session.counters()["heartbeats missed"] == 1
    assert not scene.of(Connection)[-1].up
    assert [one.signal for one in scene.of(OrderUpdate)] == [OrderSignal.ACK, OrderSignal.LOST]
    scene.submit(place(2))
    assert scene.of(OrderUpdate)[-1].reason is Reason.DISCONNECTED
    assert not scene.is_pending("/order")


def test_once_one_is_answered_again_the_venue_is_asked_what_is_left() -> None:
    scene = missed()
    name = scene.id_of(1)
    scene.until(BEATS)
    scene.answer(BEATS, {"heartbeat_id": "again"})
    assert scene.of(Connection)[-1].up
    scene.until(f"/data/order/{name}")
    scene.answer(f"/data/order/{name}", order(name, "CANCELLATION", "CANCELED"))
    assert scene.of(OrderUpdate)[-1].signal is OrderSignal.CANCEL
    scene.submit(place(2))
    assert scene.is_pending("/order")


def test_an_answer_that_was_sent_too_long_ago_does_not_count_as_young() -> None:
    """The deadline runs from when a heartbeat was sent, not from when its answer came."""
    scene = by_hand()
    scene.until(BEATS)
    sent_ns = scene.now
    scene.advance(4 * SECOND)
    scene.answer(BEATS, {"heartbeat_id": "slow"})
    while scene.of(Connection)[-1].up:
        scene.advance(SECOND // 10)
        assert scene.now - sent_ns < 11 * SECOND
    assert scene.now - sent_ns >= 10 * SECOND


def test_garbage_is_no_answer() -> None:
    scene = by_hand()
    for _ in range(12):
        scene.advance(SECOND)
        if scene.is_pending(BEATS):
            scene.answer(BEATS, raw=b"<html>")
    assert not scene.of(Connection)[-1].up
    assert scene.session.counters()["set aside: heartbeat"] >= 3


def test_an_account_of_its_own_has_a_switch_only_while_it_has_orders() -> None:
    scene = Scene(accounts=[Account(5, WALLET, KEY.address)]).up()
    scene.advance(20 * SECOND)
    assert scene.beats == 0


def test_a_session_without_accounts_sends_none() -> None:
    scene = Scene(accounts=[]).up()
    scene.advance(20 * SECOND)
    assert scene.beats == 0
    assert scene.now >= START + 20 * SECOND
