"""What nobody has confirmed: asked about until the venue says, never guessed, and absent only when it surely is."""

from itertools import pairwise

import pytest

from pilotfish.domain.orders import Tif
from tests.unit.hyperliquid_link import Scene, ok, place, resting
from tests.unit.hyperliquid_samples import CLOIDS


@pytest.fixture
def scene() -> Scene:
    return Scene()


def lose_answer(scene: Scene, **more) -> None:
    """An order goes out, and no reply comes."""
    scene.submit(place(**more))
    scene.posts()
    scene.wait(5.1)


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
    asked = scene.kinds(60, lambda coid: scene.status(7, status, left), lambda user: rows)
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000), word]
    assert asked.count("orderStatus") == 1
    assert sum(lots for _, lots, _ in scene.traded()) == 100 * sum(int(row["sz"]) for row in rows)


def test_what_the_stream_says_meanwhile_ends_the_asking(scene) -> None:
    lose_answer(scene)
    scene.frame("orderUpdates", [scene.order(7, "open", "10.0")])
    assert "orderStatus" not in scene.kinds(60)
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
    gaps = [b - a for a, b in pairwise(times)]
    assert len(times) > 4
    assert gaps == sorted(gaps)
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000)]


def test_an_order_the_venue_does_not_know_is_asked_about_until_it_has_expired(scene) -> None:
    lose_answer(scene)
    before = scene.kinds(6)
    assert before.count("orderStatus") > 1
    scene.play(20)
    assert "orderStatus" not in scene.kinds(60)
    assert scene.words() == [(7, "LOST", "UNKNOWN", 1_000)]


def test_an_order_that_was_absent_may_be_sent_again_under_its_id(scene) -> None:
    lose_answer(scene)
    scene.play(30)
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
    scene.play(90, lambda coid: scene.status(7, "filled", "0.0"), lambda user: rows)
    assert scene.words() == [
        (7, "LOST", "UNKNOWN", 1_000), (7, "FILLED", "NONE", 0), (7, "CANCEL", "NO_DEPTH", 600),
    ]  # fmt: skip
    assert "orderStatus" not in scene.kinds(60)
