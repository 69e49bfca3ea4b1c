"""Answers that cannot be read, failures of the venue's servers, refusals of cancels and amendments, late surprises."""

import pytest

from pilotfish.domain.orders import Amend, Cancel, CancelAll, Query, Tif
from pilotfish.venues.hyperliquid.trading import working
from pilotfish.venues.hyperliquid.wire.answers import RateLimit
from tests.unit.hyperliquid_link import MAIN, UNKNOWN, Scene, address, batch, followers, no_keys, ok, place, resting
from tests.unit.hyperliquid_samples import CLOIDS


@pytest.fixture
def scene() -> Scene:
    return Scene()


def denied(text: str) -> dict:
    return {"status": "err", "response": text}


def play(scene: Scene, seconds: float, **answers) -> list[str]:
    """Every question of a kind is answered with what is given for it, and all others with nothing readable."""
    asked = []
    for _ in range(int(seconds * 10)):
        scene.wait(0.1)
        for number, body in scene.asks():
            asked.append(body["type"])
            scene.answer(number, answers.get(body["type"], {"what": "is this"}))
    return asked


# -- the venue's servers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["500 Internal Server Error", "502 Bad Gateway", "Request timed out"])
def test_after_a_failure_of_the_servers_nobody_knows_whether_the_order_is_there(scene, text) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], denied(text))
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000)]


def test_too_many_requests_were_not_looked_at(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], denied("429 Too Many Requests"))
    assert scene.words() == [(7, "REJECT", "RATE_LIMIT", 1_000)]


def test_a_clock_that_was_set_back_by_a_day_sends_nothing(scene) -> None:
    scene.rests()
    scene.now -= 24 * 3_600 * 1_000_000_000
    scene.submit(place(8))
    assert scene.words() == [(8, "REJECT", "AUTHENTICATION", 1_000)]


def test_answers_that_cannot_be_read_are_asked_for_again(scene) -> None:
    scene.submit(place(tif=Tif.IOC))
    scene.posts()
    scene.wait(5.1)
    assert play(scene, 10).count("orderStatus") > 2
    play(scene, 40, orderStatus=scene.status(7, "filled", "0.0"))
    assert [word[1] for word in scene.words()] == ["LOST", "FILLED"]
    assert play(scene, 31).count("userFillsByTime") > 0
    play(scene, 40, userFillsByTime=[scene.fill(7, "10")])
    assert scene.traded() == [(7, 1_000, 1_500_000)]
    assert scene.link.counts["set_aside"] > 3


@pytest.mark.parametrize("kind", ["orderStatus", "userFillsByTime"])
def test_a_question_of_the_engine_with_an_unreadable_part_is_not_answered(scene, kind) -> None:
    scene.rests()
    scene.wait(61)
    scene.asks()
    scene.submit(Query(0, (7,)))
    play(scene, 2, **({"orderStatus": scene.status(7, "open", "10.0"), "userFillsByTime": []} | {kind: 5}))
    assert scene.answers() == []


def test_open_orders_that_cannot_be_read_are_asked_for_a_few_times(scene) -> None:
    scene.submit(CancelAll(-1))
    assert play(scene, 120).count("openOrders") == 6
    assert scene.trading.counters()["open_orders_unknown"] == 1


def test_where_open_orders_cannot_be_read_each_order_is_asked_about(scene) -> None:
    coids = tuple(range(1, 13))
    scene.submit(*(place(coid) for coid in coids))
    scene.reply(scene.post()[0], ok(*(resting(50 + coid) for coid in coids)))
    scene.wait(61)
    scene.asks()
    scene.submit(Query(0, coids))
    assert play(scene, 2, orderStatus=UNKNOWN, userFillsByTime=[]).count("orderStatus") == 12


# -- cancels -----------------------------------------------------------------------------------------------------------


def test_a_cancel_that_the_venue_refuses_for_now_is_sent_again(scene) -> None:
    scene.rests()
    scene.submit(Cancel(7))
    scene.reply(scene.post()[0], ok({"error": "Too many cumulative requests sent"}))
    scene.wait(1.1)
    assert scene.post()[1]["action"]["type"] == "cancelByCloid"


def test_a_cancel_of_what_is_over_is_answered_with_its_end(scene) -> None:
    scene.rests()
    scene.frame("orderUpdates", [scene.order(7, "canceled", "10.0")])
    scene.words()
    scene.submit(Cancel(7))
    assert scene.posts() == []
    assert scene.words() == [(7, "CANCEL", "NONE", 1_000)]


def test_a_cancel_of_an_order_that_never_arrived_is_absent_once_that_is_sure(scene) -> None:
    scene.submit(place())
    scene.posts()
    scene.submit(Cancel(7))
    scene.posts()
    play(scene, 5.2)
    assert [word[1] for word in scene.words()] == ["LOST"]
    play(scene, 60, orderStatus=UNKNOWN)
    assert [word[1] for word in scene.words()] == ["ABSENT"]


def test_a_cancel_of_an_order_from_before_a_restart_finds_it_first(scene) -> None:
    scene.submit(Cancel(3))
    [(number, _)] = scene.asks("orderStatus")
    scene.answer(number, scene.status(3, "open", "10.0"))
    assert [CLOIDS.coid(one["cloid"]) for one in scene.post()[1]["action"]["cancels"]] == [3]


def test_an_order_in_a_coin_that_is_not_listed_is_set_aside(scene) -> None:
    scene.submit(Cancel(3))
    [(number, _)] = scene.asks("orderStatus")
    status = scene.status(3, "open", "10.0")
    status["order"]["order"]["coin"] = "NONE"
    scene.answer(number, status)
    assert scene.posts() == []
    assert scene.link.counts["set_aside"] == 1


def test_cancelling_everything_of_an_account_that_is_not_ours_is_counted(scene) -> None:
    scene.submit(CancelAll(55))
    assert scene.posts() == []
    assert scene.trading.counters()["not_ours"] == 1


# -- amendments --------------------------------------------------------------------------------------------------------


def test_an_amendment_that_does_not_fit_the_limit_leaves_later(scene) -> None:
    scene.rests()
    scene.trading._limits.learn(MAIN, RateLimit("0", 10_000, 10_000))
    scene.submit(Amend(7, 900, 149_0000))
    assert len(scene.posts()) == 1  # the one request in ten seconds
    scene.trading._limits.learn(MAIN, RateLimit("0", 10_000, 10_000))
    rests_too = scene.trading._book.get(7)
    rests_too.amending = None
    scene.submit(Amend(7, 800, 149_0000))
    assert scene.posts() == []
    scene.wait(11)
    assert scene.post()[1]["action"]["modifies"][0]["order"]["s"] == "8"


def test_an_amendment_that_cannot_be_encoded_is_counted(scene) -> None:
    scene.rests()
    scene.submit(Amend(7, 900, 149_0001))
    assert scene.posts() == []
    assert scene.trading.counters()["amendments_refused"] == 1


def test_an_order_that_ends_by_itself_while_its_amendment_is_refused_has_ended(scene) -> None:
    scene.rests()
    scene.submit(Amend(7, 800, 149_0000))
    scene.frame("orderUpdates", [scene.order(7, "marginCanceled", "10.0")])
    scene.reply(scene.post()[0], ok({"error": "Cannot modify canceled or filled order"}))
    assert scene.words() == [(7, "CANCEL", "BALANCE", 1_000)]


def test_an_amendment_that_fills_at_once_is_asked_about(scene) -> None:
    scene.rests()
    scene.submit(Amend(7, 800, 151_0000))
    scene.reply(scene.post()[0], ok({"filled": {"totalSz": "8", "avgPx": "150.5", "oid": 51}}))
    play(scene, 1, orderStatus=scene.status(7, "filled", "0.0", oid=51))
    assert scene.words() == [(7, "FILLED", "NONE", 0)]


def test_an_amendment_while_the_order_is_on_its_way_waits_for_it(scene) -> None:
    scene.submit(place())
    number, _ = scene.post()
    scene.submit(Amend(7, 800, 149_0000))
    assert scene.posts() == []
    scene.reply(number, ok(resting(50)))
    assert scene.post()[1]["action"]["type"] == "batchModify"


def test_an_order_in_line_is_sent_as_amended() -> None:
    scene = Scene(followers(400), keys=no_keys())
    scene.submit(batch(40, list(range(400)), [500] * 400, Tif.GTC))
    scene.submit(Amend(439, 300, 149_0000))
    assert scene.trading._book.get(439).place.lots == 300


def test_amending_what_is_over_or_unknown_sends_nothing(scene) -> None:
    scene.rests()
    scene.frame("orderUpdates", [scene.order(7, "canceled", "10.0")])
    scene.submit(Amend(7, 800, 149_0000), Amend(3, 800, 149_0000))
    [(number, _)] = scene.asks("orderStatus")
    scene.answer(number, UNKNOWN)
    assert scene.posts() == []
    assert scene.trading.counters()["amendments_of_unknown"] == 1


# -- late surprises ----------------------------------------------------------------------------------------------------


def test_an_order_that_was_refused_and_filled_after_all_is_told(scene) -> None:
    """A fill is a fact, whatever was said before."""
    scene.submit(place())
    scene.reply(scene.post()[0], ok({"error": "Order has invalid price."}))
    scene.frame("orderUpdates", [scene.order(7, "filled", "0.0")])
    scene.fills(scene.fill(7, "10"))
    assert [word[1] for word in scene.words()] == ["REJECT", "FILLED"]
    assert scene.traded() == [(7, 1_000, 1_500_000)]


def test_an_order_that_was_absent_and_turns_up_is_told(scene) -> None:
    scene.submit(place())
    scene.posts()
    play(scene, 40, orderStatus=UNKNOWN)
    scene.frame("orderUpdates", [scene.order(7, "open", "10.0")])
    assert [word[1] for word in scene.words()] == ["LOST", "ACK"]
    scene.submit(CancelAll(-1))
    assert scene.post()[1]["action"]["type"] == "cancelByCloid"


def test_words_of_orders_from_before_a_restart_are_passed_on(scene) -> None:
    scene.frame("orderUpdates", [scene.order(3, "canceled", "10.0")])
    assert scene.words() == [(3, "CANCEL", "NONE", 1_000)]


def test_a_notice_about_an_order_that_nobody_knows_is_counted(scene) -> None:
    scene.frame("user", {"nonUserCancel": [{"coin": "SOL", "oid": 99}]})
    notice = {"lid": 1, "liquidator": address(1), "liquidated_user": MAIN, "liquidated_ntl_pos": "1"}
    scene.frame("user", {"liquidation": notice | {"liquidated_account_value": "1"}})
    counters = scene.trading.counters()
    assert (counters["strangers"], counters["liquidation_notices"]) == (1, 1)


def test_an_account_that_trades_with_itself_or_a_trade_without_users_means_nothing() -> None:
    scene = Scene(followers(12))
    scene.submit(batch(40, [11], [500]))
    [sign] = scene.signs()
    scene.sign(sign)
    row = {"coin": "SOL", "side": "B", "px": "150.0", "sz": "5", "time": scene.ms, "hash": "0x0", "tid": 1}
    scene.frame("trades", [row, row | {"users": [address(11)] * 2}, row | {"users": [address(11), MAIN], "sz": "x"}])
    assert scene.trading._book.get(40).parts == {}
    assert scene.link.counts["set_aside"] == 1


def test_after_a_gap_orders_that_are_not_streamed_are_asked_about() -> None:
    scene = Scene(followers(12))
    scene.submit(batch(40, [11], [500], Tif.GTC))
    [sign] = scene.signs()
    scene.sign(sign)
    scene.reply(scene.post()[0], ok(resting(50)))
    scene.lose()
    scene.open()
    missed = scene.fill(40, "5")
    asked = play(scene, 10, orderStatus=scene.status(40, "filled", "0.0", size="5"), userFillsByTime=[missed])
    assert {"orderStatus", "userFillsByTime"} <= set(asked)
    assert scene.traded() == [(40, 500, 1_500_000)]


def test_only_so_many_orders_are_remembered(scene, monkeypatch) -> None:
    monkeypatch.setattr(working, "_KEPT", 5)
    for coid in range(20):
        scene.submit(place(coid))
        scene.reply(scene.post()[0], ok({"error": "Order has invalid price."}))
    assert [scene.trading._book.get(coid) is not None for coid in range(20)] == [False] * 15 + [True] * 5


def test_only_so_many_batches_are_remembered(monkeypatch) -> None:
    monkeypatch.setattr(working, "_KEPT_BATCHES", 3)
    scene = Scene(followers(2))
    for coid in range(0, 40, 2):
        scene.submit(batch(coid, [0, 77], [500, 500]))
        for sign in scene.signs():
            scene.sign(sign)
        for number, _ in scene.posts():
            scene.reply(number, ok({"error": "Order could not immediately match"}))
    assert list(scene.trading._book.batches) == [34, 36, 38]
