"""The engine's questions: every fill since the cursor, then which order is open, over, or surely never was."""

import pytest

from pilotfish.domain.events import Fill, OrderUpdate
from pilotfish.domain.orders import Query, Tif
from pilotfish.venues.hyperliquid.accounts import Account
from tests.unit.hyperliquid_link import AGENT, MAIN, Scene, address, ok, place, resting


@pytest.fixture
def scene() -> Scene:
    return Scene()


# -- questions of the engine -------------------------------------------------------------------------------------------


def ask(scene: Scene, *coids: int, cursor: int = 0) -> None:
    scene.submit(Query(cursor, coids))


def test_every_fill_since_the_cursor_is_told_before_the_answer(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    scene.told()
    rows = [scene.fill(7, "4"), scene.fill(7, "6")]
    ask(scene, 7, cursor=scene.ms - 1_000)
    scene.play(1, lambda coid: scene.status(7, "filled", "0.0"), lambda user: rows)
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
    scene.play(0.5, lambda coid: scene.status(7, "filled", "0.0"), lambda user: rows)
    [answer] = scene.answers()
    assert answer.asked == ()
    rows.append(scene.fill(7, "6"))
    scene.play(10, lambda coid: scene.status(7, "filled", "0.0"), lambda user: rows)
    ask(scene, 7)
    scene.play(1)
    [answer] = scene.answers()
    assert answer.done == (7,)


def test_an_order_that_rests_is_open(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    ask(scene, 7)
    scene.play(1, lambda coid: scene.status(7, "open", "10.0"))
    [answer] = scene.answers()
    assert (answer.asked, answer.open, answer.done) == ((7,), (7,), ())


def test_an_order_the_venue_does_not_know_is_absent_only_once_it_has_expired(scene) -> None:
    scene.submit(place())
    scene.posts()
    scene.wait(5.1)
    ask(scene, 7)
    scene.play(1)
    assert [one.asked for one in scene.answers()] == [()]
    scene.play(10)
    ask(scene, 7)
    scene.play(1)
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
    scene.play(1)
    assert [one.cursor for one in scene.answers()] == [cursor]


def test_a_question_that_comes_meanwhile_waits_and_is_answered(scene) -> None:
    ask(scene)
    ask(scene)
    ask(scene)
    scene.play(1)
    assert len(scene.answers()) == 2


def test_what_healthy_streams_have_said_is_not_asked_for_again_and_again(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    ask(scene, 7)
    assert "userFillsByTime" in scene.kinds(1, lambda coid: scene.status(7, "open", "10.0"))
    [first] = scene.answers()
    scene.wait(10)
    ask(scene, 7)
    assert scene.play(1) == []
    [second] = scene.answers()
    assert second.open == (7,)
    assert second.cursor == first.cursor


def test_after_a_gap_and_now_and_then_everything_is_asked_for_anew(scene) -> None:
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    for pause in (scene.lose, lambda: scene.wait(61)):
        ask(scene, 7)
        scene.play(1, lambda coid: scene.status(7, "open", "10.0"))
        pause()
        scene.open()
        scene.wait(1)
        scene.asks()
        ask(scene, 7)
        asked = scene.kinds(1, lambda coid: scene.status(7, "open", "10.0"))
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
    asked = scene.kinds(1, lambda coid: scene.status(9, "canceled", "10.0", 59))
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
    scene.play(1, lambda coid: scene.status(7, "open", "6.0"), lambda user: rows)
    rows.append(scene.fill(7, "4"))
    scene.play(5, fills=lambda user: rows)
    assert scene.traded() == [(7, 400, 1_500_000)]


# -- after a restart ---------------------------------------------------------------------------------------------------


def test_an_order_of_before_the_restart_is_found_by_its_id(scene) -> None:
    ask(scene, 7, cursor=scene.ms - 60_000)
    rows = [scene.fill(7, "4", time=scene.ms - 1_000)]
    scene.play(1, lambda coid: scene.status(7, "open", "6.0"), lambda user: rows)
    assert scene.traded() == [(7, 400, 1_500_000)]
    [answer] = scene.answers()
    assert answer.open == (7,)


def test_one_that_ended_with_fills_from_before_the_cursor_is_over_after_a_second_look(scene) -> None:
    """The journal knows its older fills; the venue was asked for the younger ones twice."""
    ask(scene, 7, cursor=scene.ms - 60_000)
    scene.play(1, lambda coid: scene.status(7, "canceled", "6.0"))
    assert [one.asked for one in scene.answers()] == [()]
    scene.play(10)
    ask(scene, 7, cursor=scene.ms - 60_000)
    scene.play(1)
    [answer] = scene.answers()
    assert answer.done == (7,)


def test_one_that_the_venue_does_not_know_is_absent_once_the_old_process_cannot_reach_it_any_more(scene) -> None:
    for _ in range(8):
        ask(scene, 7)
        scene.play(2)
    asked = [one.asked for one in scene.answers()]
    assert asked[:5] == [()] * 5
    assert asked[-1] == (7,)


def test_with_several_accounts_an_order_must_be_recalled_to_be_answered_for() -> None:
    scene = Scene([Account(k, address(k), AGENT.address) for k in range(2)])
    ask(scene, 7)
    scene.play(1)
    assert [one.asked for one in scene.answers()] == [()]
    scene.trading.recall([place(7, account=1)], 0, scene.now)
    ask(scene, 7)
    scene.play(1, lambda coid: scene.status(7, "open", "10.0"))
    [answer] = scene.answers()
    assert answer.open == (7,)


def test_a_recalled_order_of_an_unknown_account_is_counted(scene) -> None:
    scene.trading.recall([place(7, account=44)], 0, scene.now)
    assert scene.trading.counters()["not_recalled"] == 1


def test_after_a_recall_fills_of_orders_that_were_over_are_not_told_again() -> None:
    """A fill of a batch's order would be no order's to the engine."""
    scene = Scene([Account(k, address(k), AGENT.address) for k in range(2)])
    scene.trading.recall([], 0, scene.now)
    scene.fills(scene.fill(7, "4"), user=address(1), isSnapshot=True)
    assert scene.traded() == []
    assert scene.trading.counters()["fills_of_before"] == 1


def test_the_cursor_waits_for_a_batch_without_results_or_a_restart_would_miss_them() -> None:
    scene = Scene([Account(k, address(k), AGENT.address) for k in range(2)])
    cursor, begun = scene.ms - 60_000, scene.ms
    scene.send([1], [500])
    scene.wait(8)
    ask(scene, 40, cursor=cursor)
    scene.play(0.5)
    [answer] = scene.answers()
    assert answer.cursor == begun


def test_reconnecting_in_the_middle_loses_nothing(scene) -> None:
    scene.submit(place(7), place(8, tif=Tif.IOC))
    scene.posts()
    scene.lose()
    scene.wait(3)
    scene.open()
    scene.fills(scene.fill(8, "10", oid=51), isSnapshot=True)
    ask(scene, 7, 8)
    states = {7: ("open", "10.0", 50), 8: ("filled", "0.0", 51)}
    scene.play(15, lambda coid: scene.status(coid, *states[coid]))
    assert scene.traded() == [(8, 1_000, 1_500_000)]
    assert sorted(scene.words()) == [
        (7, "ACK", "NONE", 1_000), (7, "LOST", "UNKNOWN", 1_000),
        (8, "FILLED", "NONE", 0), (8, "FILLED", "NONE", 0), (8, "LOST", "UNKNOWN", 1_000),
    ]  # fmt: skip
    [answer] = scene.answers()
    assert (answer.open, answer.done) == ((7,), (8,))
