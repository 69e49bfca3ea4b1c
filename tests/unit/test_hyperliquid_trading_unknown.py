"""What nobody has confirmed: asked about until the venue says, never guessed, and absent only when it surely is."""

import pytest

from pilotfish.domain.events import Fill, OrderUpdate
from pilotfish.domain.orders import Query, Tif
from pilotfish.venues.hyperliquid.accounts import Account
from tests.unit.hyperliquid_link import AGENT, MAIN, UNKNOWN, Scene, address, ok, place, resting
from tests.unit.hyperliquid_samples import CLOIDS


@pytest.fixture
def scene() -> Scene:
    return Scene()


def lose_answer(scene: Scene, **more) -> None:
    """An order goes out, and no reply comes."""
    scene.submit(place(**more))
    scene.posts()
    scene.wait(5.1)


def play(scene: Scene, seconds: float, statuses=lambda ms: UNKNOWN, fills=lambda: []) -> list[str]:
    """The venue answers every question for a while; what was asked comes back."""
    asked = []
    for _ in range(int(seconds * 10)):
        scene.wait(0.1)
        for ask, body in scene.asks():
            asked.append(body["type"])
            if body["type"] == "orderStatus":
                scene.answer(ask, statuses(CLOIDS.coid(body["oid"])))
            elif body["type"] == "userFillsByTime":
                scene.answer(ask, [row for row in fills() if row["time"] >= body["startTime"]])
    return asked


# -- one order ---------------------------------------------------------------------------------------------------------


def test_an_order_without_an_answer_is_lost_and_then_asked_about(scene) -> None:
    lose_answer(scene)
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000)]
    scene.wait(1)
    assert [body["oid"] for _, body in scene.asks("orderStatus")] == [CLOIDS.cloid(7)]


@pytest.mark.parametrize(
    ("status", "left", "word"),
    [
        ("open", "10.0", (7, "ACK", "NONE", 1_000)),
        ("filled", "0.0", (7, "FILLED", "NONE", 0)),
        ("canceled", "4.0", (7, "CANCEL", "NONE", 400)),
        ("badAloPxRejected", "10.0", (7, "REJECT", "REJECTED", 1_000)),
    ],
)
def test_what_the_venue_then_says_is_told_once(scene, status, left, word) -> None:
    lose_answer(scene)
    rows = [scene.fill(7, "6"), scene.fill(7, "4")]
    rows = {"open": [], "badAloPxRejected": [], "canceled": rows[:1], "filled": rows}[status]
    asked = play(scene, 60, lambda coid: scene.status(7, status, left), lambda: rows)
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000), word]
    assert asked.count("orderStatus") == 1
    assert sum(lots for _, lots, _ in scene.traded()) == 100 * sum(int(row["sz"]) for row in rows)


def test_what_the_stream_says_meanwhile_ends_the_asking(scene) -> None:
    lose_answer(scene)
    scene.frame("orderUpdates", [scene.order(7, "open", "10.0")])
    assert "orderStatus" not in play(scene, 60)
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000), (7, "ACK", "NONE", 1_000)]


def test_the_stream_may_know_the_end_of_an_ioc_whose_reply_is_lost(scene) -> None:
    scene.submit(place(tif=Tif.IOC))
    scene.posts()
    scene.frame("orderUpdates", [scene.order(7, "filled", "0.0")])
    scene.fills(scene.fill(7, "10"))
    scene.wait(6)
    assert scene.words() == [(7, "FILLED", "NONE", 0)]


def test_questions_without_an_answer_are_asked_again_ever_less_often(scene) -> None:
    lose_answer(scene)
    times = []
    for _ in range(300):
        scene.wait(0.1)
        for ask, _ in scene.asks("orderStatus"):
            times.append(scene.now)
            scene.fail(ask)
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert len(times) > 4
    assert gaps == sorted(gaps)
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000)]


def test_an_order_the_venue_does_not_know_is_asked_about_until_it_has_expired(scene) -> None:
    lose_answer(scene)
    before = play(scene, 6)
    assert before.count("orderStatus") > 1
    play(scene, 20)
    assert "orderStatus" not in play(scene, 60)
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000)]


def test_an_order_that_was_absent_may_be_sent_again_under_its_id(scene) -> None:
    lose_answer(scene)
    play(scene, 30)
    scene.told()
    scene.submit(place())
    number, payload = scene.post()
    assert payload["action"]["orders"][0]["c"] == CLOIDS.cloid(7)
    scene.reply(number, ok(resting(50)))
    assert scene.words() == [(7, "ACK", "NONE", 1_000)]


def test_an_order_whose_outcome_is_unknown_is_not_sent_again(scene) -> None:
    lose_answer(scene)
    scene.submit(place())
    assert scene.posts() == []


def test_a_lost_stream_leaves_what_was_sent_unknown(scene) -> None:
    scene.submit(place())
    scene.posts()
    scene.lose()
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000)]


@pytest.mark.parametrize("error", ["Duplicate cloid: order already placed", "Cloid already exists"])
def test_a_doubled_id_is_no_reject_but_a_question(scene, error) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok({"error": error}))
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000)]


def test_a_reply_with_the_wrong_number_of_results_is_unknown(scene) -> None:
    scene.submit(place(7), place(8))
    scene.reply(scene.post()[0], ok(resting(1), resting(2), resting(3)))
    assert [word[1] for word in scene.words()] == ["LOST", "LOST"]


def test_an_end_that_the_accounts_fills_contradict_is_corrected_at_last(scene) -> None:
    """Should the venue call a partly filled IOC "filled" with nothing left, its fills are believed."""
    lose_answer(scene, tif=Tif.IOC)
    rows = [scene.fill(7, "4")]
    play(scene, 90, lambda coid: scene.status(7, "filled", "0.0"), lambda: rows)
    assert scene.words() == [
        (7, "LOST", "UNKNOWN", 1_000), (7, "FILLED", "NONE", 0), (7, "CANCEL", "NO_DEPTH", 600),
    ]  # fmt: skip
    assert "orderStatus" not in play(scene, 60)


# -- questions of the engine -------------------------------------------------------------------------------------------


def ask(scene: Scene, *coids: int, cursor: int = 0) -> None:
    scene.submit(Query(cursor, coids))


def test_every_fill_since_the_cursor_is_told_before_the_answer(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    scene.told()
    rows = [scene.fill(7, "4"), scene.fill(7, "6")]
    ask(scene, 7, cursor=scene.ms - 1_000)
    play(scene, 1, lambda coid: scene.status(7, "filled", "0.0"), lambda: rows)
    told = scene.told()
    assert [type(one) for one in told[:3]] == [OrderUpdate, Fill, Fill]
    answer = told[-1]
    assert (answer.asked, answer.open, answer.done) == ((7,), (), (7,))
    assert scene.ms - 7_000 < answer.cursor < scene.ms


def test_fills_are_asked_for_after_the_statuses_or_one_could_slip_between(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    ask(scene, 7)
    [(status, _)] = scene.asks("orderStatus")
    assert scene.asks("userFillsByTime") == []
    scene.answer(status, scene.status(7, "open", "10.0"))
    [(_, body)] = scene.asks("userFillsByTime")
    assert body["user"] == MAIN


def test_an_order_over_whose_fills_are_not_all_known_is_left_out(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    ask(scene, 7)
    rows = [scene.fill(7, "4")]
    play(scene, 0.5, lambda coid: scene.status(7, "filled", "0.0"), lambda: rows)
    [answer] = scene.answers()
    assert answer.asked == ()
    rows.append(scene.fill(7, "6"))
    play(scene, 10, lambda coid: scene.status(7, "filled", "0.0"), lambda: rows)
    ask(scene, 7)
    play(scene, 1)
    [answer] = scene.answers()
    assert answer.done == (7,)


def test_an_order_that_rests_is_open(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    ask(scene, 7)
    play(scene, 1, lambda coid: scene.status(7, "open", "10.0"))
    [answer] = scene.answers()
    assert (answer.asked, answer.open, answer.done) == ((7,), (7,), ())


def test_an_order_the_venue_does_not_know_is_absent_only_once_it_has_expired(scene) -> None:
    lose_answer(scene)
    ask(scene, 7)
    play(scene, 1)
    assert [one.asked for one in scene.answers()] == [()]
    play(scene, 10)
    ask(scene, 7)
    play(scene, 1)
    [answer] = scene.answers()
    assert (answer.asked, answer.open, answer.done) == ((7,), (), ())


def test_an_answer_that_cannot_be_complete_is_not_given(scene) -> None:
    ask(scene)
    for number, _ in scene.asks("userFillsByTime"):
        scene.fail(number)
    assert scene.answers() == []


def test_fills_come_page_by_page(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    scene.told()
    old = [scene.fill(None, "1", time=scene.ms - 2_000 + k // 2) for k in range(2_000)]
    ask(scene, cursor=scene.ms - 5_000)
    [(page, body)] = scene.asks("userFillsByTime")
    scene.answer(page, old)
    [(page, further)] = scene.asks("userFillsByTime")
    assert further["startTime"] == old[-1]["time"] > body["startTime"]
    scene.answer(page, [scene.fill(7, "10")])
    assert scene.traded() == [(7, 1_000, 1_500_000)]
    assert len(scene.answers()) == 1


def test_the_cursor_never_goes_back(scene) -> None:
    cursor = scene.ms + 60_000
    ask(scene, cursor=cursor)
    play(scene, 1)
    assert [one.cursor for one in scene.answers()] == [cursor]


def test_a_question_that_comes_meanwhile_waits_and_is_answered(scene) -> None:
    ask(scene)
    ask(scene)
    ask(scene)
    play(scene, 1)
    assert len(scene.answers()) == 2


def test_what_healthy_streams_have_said_is_not_asked_for_again_and_again(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    ask(scene, 7)
    assert "userFillsByTime" in play(scene, 1, lambda coid: scene.status(7, "open", "10.0"))
    [first] = scene.answers()
    scene.wait(10)
    ask(scene, 7)
    assert play(scene, 1) == []
    [second] = scene.answers()
    assert second.open == (7,)
    assert second.cursor == first.cursor


def test_after_a_gap_and_now_and_then_everything_is_asked_for_anew(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    for pause in (scene.lose, lambda: scene.wait(61)):
        ask(scene, 7)
        play(scene, 1, lambda coid: scene.status(7, "open", "10.0"))
        pause()
        scene.open()
        scene.wait(1)
        scene.asks()
        ask(scene, 7)
        asked = play(scene, 1, lambda coid: scene.status(7, "open", "10.0"))
        assert {"orderStatus", "userFillsByTime"} <= set(asked)


def test_many_resting_orders_are_asked_for_at_once(scene) -> None:
    coids = range(1, 21)
    scene.submit(*(place(coid) for coid in coids))
    scene.reply(scene.post()[0], ok(*(resting(50 + coid) for coid in coids)))
    scene.wait(61)
    scene.asks()
    ask(scene, *coids)
    [(number, _)] = scene.asks("openOrders")
    scene.answer(number, [scene.order(coid, "", "10.0", 50 + coid)["order"] for coid in coids if coid != 9])
    asked = play(scene, 1, lambda coid: scene.status(9, "canceled", "10.0", 59))
    assert asked.count("orderStatus") == 1
    [answer] = scene.answers()
    assert (len(answer.open), answer.done) == (19, (9,))


def test_a_fill_that_was_dropped_on_its_way_is_noticed_when_the_order_is_asked_about(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    scene.wait(61)
    scene.asks()
    ask(scene, 7)
    rows = []
    play(scene, 1, lambda coid: scene.status(7, "open", "6.0"), lambda: rows)
    rows.append(scene.fill(7, "4"))
    play(scene, 5, fills=lambda: rows)
    assert scene.traded() == [(7, 400, 1_500_000)]


# -- after a restart ---------------------------------------------------------------------------------------------------


def test_an_order_of_before_the_restart_is_found_by_its_id(scene) -> None:
    ask(scene, 7, cursor=scene.ms - 60_000)
    rows = [scene.fill(7, "4", time=scene.ms - 1_000)]
    play(scene, 1, lambda coid: scene.status(7, "open", "6.0"), lambda: rows)
    assert scene.traded() == [(7, 400, 1_500_000)]
    [answer] = scene.answers()
    assert answer.open == (7,)


def test_one_that_ended_with_fills_from_before_the_cursor_is_over_after_a_second_look(scene) -> None:
    """The journal knows its older fills; the venue was asked for the younger ones twice."""
    ask(scene, 7, cursor=scene.ms - 60_000)
    play(scene, 1, lambda coid: scene.status(7, "canceled", "6.0"))
    assert [one.asked for one in scene.answers()] == [()]
    play(scene, 10)
    ask(scene, 7, cursor=scene.ms - 60_000)
    play(scene, 1)
    [answer] = scene.answers()
    assert answer.done == (7,)


def test_one_that_the_venue_does_not_know_is_absent_once_the_old_process_cannot_reach_it_any_more(scene) -> None:
    for _ in range(8):
        ask(scene, 7)
        play(scene, 2)
    asked = [one.asked for one in scene.answers()]
    assert asked[:5] == [()] * 5
    assert asked[-1] == (7,)


def test_with_several_accounts_an_order_must_be_recalled_to_be_answered_for() -> None:
    scene = Scene([Account(k, address(k), AGENT.address) for k in range(2)])
    ask(scene, 7)
    play(scene, 1)
    assert [one.asked for one in scene.answers()] == [()]
    scene.trading.recall([place(7, account=1)], 0, scene.now)
    ask(scene, 7)
    play(scene, 1, lambda coid: scene.status(7, "open", "10.0"))
    [answer] = scene.answers()
    assert answer.open == (7,)


def test_a_recalled_order_of_an_unknown_account_is_counted(scene) -> None:
    scene.trading.recall([place(7, account=44)], 0, scene.now)
    assert scene.trading.counters()["not_recalled"] == 1


def test_reconnecting_in_the_middle_loses_nothing(scene) -> None:
    scene.submit(place(7), place(8, tif=Tif.IOC))
    scene.posts()
    scene.lose()
    scene.wait(3)
    scene.open()
    scene.fills(scene.fill(8, "10", oid=51), isSnapshot=True)
    ask(scene, 7, 8)
    states = {7: ("open", "10.0", 50), 8: ("filled", "0.0", 51)}
    play(scene, 15, lambda coid: scene.status(coid, *states[coid]))
    assert scene.traded() == [(8, 1_000, 1_500_000)]
    assert sorted(scene.words()) == [
        (7, "ACK", "NONE", 1_000), (7, "LOST", "UNKNOWN", 1_000),
        (8, "FILLED", "NONE", 0), (8, "FILLED", "NONE", 0), (8, "LOST", "UNKNOWN", 1_000),
    ]  # fmt: skip
    [answer] = scene.answers()
    assert (answer.open, answer.done) == ((7,), (8,))
