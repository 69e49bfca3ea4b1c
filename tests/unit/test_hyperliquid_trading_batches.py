"""Many accounts at once: each signs and sends its own order, and each result is final, exact and told once."""

import pytest

from pilotfish.domain.orders import OrderSignal, Query, Tif
from pilotfish.domain.reasons import Reason
from tests.unit.hyperliquid_link import (
    UNKNOWN,
    Scene,
    address,
    batch,
    columns,
    filled,
    followers,
    ok,
    resting,
)
from tests.unit.hyperliquid_samples import CLOIDS

FILLED, CANCEL, REJECT, LOST = (int(OrderSignal[name]) for name in ("FILLED", "CANCEL", "REJECT", "LOST"))
NO_DEPTH, BALANCE, RATE = int(Reason.NO_DEPTH), int(Reason.BALANCE), int(Reason.RATE_LIMIT)
SIZE = 14  # ten are streamed, the others are seen on the tape
TAPE = [10, 11, 12, 13]


@pytest.fixture
def scene() -> Scene:
    return Scene(followers(SIZE))


def test_a_batch_is_signed_elsewhere_and_every_account_sends_its_own_order(scene) -> None:
    scene.submit(batch(40, [10, 11], [500, 700]))
    assert scene.posts() == []
    [sign] = scene.signs()
    assert len(sign.requests) == 2
    scene.sign(sign)
    sent = [payload["action"]["orders"] for _, payload in scene.posts()]
    assert [(CLOIDS.coid(one["c"]), one["s"]) for [one] in sent] == [(40, "5"), (41, "7")]


def test_parts_of_the_signatures_send_parts_of_the_batch(scene) -> None:
    scene.submit(batch(40, [10, 11], [500, 700]))
    [sign] = scene.signs()
    whole = Scene(followers(SIZE))
    scene.trading.signed(sign.id, 1, [b"\x01" * 65], scene.now)
    [(_, payload)] = scene.posts()
    assert CLOIDS.coid(payload["action"]["orders"][0]["c"]) == 41
    assert whole.posts() == []


def test_every_result_of_a_batch_is_told_and_costs_are_summed_from_the_tape(scene) -> None:
    posts = scene.send(TAPE, [500, 700, 300, 900])
    scene.trade(address(10), "2", "149.99")
    scene.trade(address(10), "3", "150.0")
    scene.reply(posts[40], ok(filled("5")))
    scene.reply(posts[41], ok(filled("4")))
    scene.trade(address(11), "4", "149.0")
    scene.reply(posts[42], ok({"error": "Order could not immediately match against any resting orders. asset=5"}))
    scene.reply(posts[43], ok({"error": "Insufficient margin to place order. asset=5"}))
    cost = 2 * 149_990_000 + 3 * 150_000_000
    assert scene.by_index() == {
        0: (FILLED, 500, cost, 0, 0),
        1: (CANCEL, 400, 4 * 149_000_000, 0, NO_DEPTH),
        2: (CANCEL, 0, 0, 0, NO_DEPTH),
        3: (REJECT, 0, 0, 0, BALANCE),
    }
    assert scene.play(60) == []


def test_results_are_gathered_into_few_messages(scene) -> None:
    posts = scene.send(list(range(10, 14)), [500] * 4)
    for k, number in enumerate(posts.values()):
        scene.trade(address(10 + k), "5")
        scene.reply(number, ok(filled("5")))
    assert len(scene.results()) == 1


def test_what_finishes_early_does_not_wait_for_the_slowest(scene) -> None:
    posts = scene.send([10, 11], [500, 500])
    scene.trade(address(10), "5")
    scene.reply(posts[40], ok(filled("5")))
    scene.wait(0.1)
    assert list(scene.by_index()) == [0]


def test_an_account_that_is_streamed_has_its_exact_fee(scene) -> None:
    posts = scene.send([3], [500])
    scene.reply(posts[40], ok(filled("5")))
    scene.fills(scene.fill(40, "5", fee="0.337501"), user=address(3))
    assert scene.by_index() == {0: (FILLED, 500, 750_000_000, 337_501, 0)}
    assert scene.traded() == []


def test_where_the_tape_does_not_add_up_the_accounts_fills_are_asked_for(scene) -> None:
    posts = scene.send([10], [500])
    scene.trade(address(10), "2")
    scene.reply(posts[40], ok(filled("5")))
    rows = [scene.fill(40, "2", fee="0.1"), scene.fill(40, "3", "149.0", fee="0.2")]
    asked = scene.play(10, fills=lambda user: rows)
    assert asked == [("userFillsByTime", address(10))]
    assert scene.by_index() == {0: (FILLED, 500, 2 * 150_000_000 + 3 * 149_000_000, 300_000, 0)}


def test_trades_that_are_somebody_elses_are_not_counted(scene) -> None:
    """A follower may trade by hand, at the same moment: the tape names no order."""
    posts = scene.send([10], [500])
    scene.trade(address(10), "4")
    scene.trade(address(10), "5", "149.5")
    scene.reply(posts[40], ok(filled("5")))
    rows = [scene.fill(None, "4"), scene.fill(40, "5", "149.5", fee="0.2")]
    scene.play(10, fills=lambda user: rows)
    assert scene.by_index() == {0: (FILLED, 500, 5 * 149_500_000, 200_000, 0)}


def test_a_trade_beyond_the_limit_or_in_another_coin_is_not_the_orders(scene) -> None:
    posts = scene.send([10], [500])
    scene.trade(address(10), "5", "150.01")
    scene.reply(posts[40], ok(filled("5")))
    scene.wait(1)
    assert scene.by_index() == {}


def test_two_orders_of_one_account_at_once_are_told_apart_by_its_fills(scene) -> None:
    posts = scene.send([10], [500]) | scene.send([10], [500], coid=60)
    for number in posts.values():
        scene.reply(number, ok(filled("5")))
    scene.trade(address(10), "5", "149.0")
    scene.trade(address(10), "5", "148.0")
    assert scene.results() == []
    rows = [scene.fill(60, "5", "149.0"), scene.fill(40, "5", "148.0")]
    scene.play(10, fills=lambda user: rows)
    costs = {update.coid: int(update.cost[0]) for update in scene.results()}
    assert costs == {40: 740_000_000, 60: 745_000_000}


def test_a_lost_answer_is_told_as_lost_and_then_as_the_venue_says(scene) -> None:
    scene.send([10, 11], [500, 500])
    scene.wait(5.1)
    assert scene.by_index() == {0: (LOST, 0, 0, 0, int(Reason.UNKNOWN)), 1: (LOST, 0, 0, 0, int(Reason.UNKNOWN))}
    states = {40: scene.status(40, "filled", "0.0", size="5"), 41: scene.status(41, "iocCancelRejected", "5.0")}
    rows = {address(10): [scene.fill(40, "5", fee="0.2")]}
    scene.play(10, states.__getitem__, lambda user: rows.get(user, []))
    assert scene.by_index() == {0: (FILLED, 500, 750_000_000, 200_000, 0), 1: (CANCEL, 0, 0, 0, NO_DEPTH)}


def test_doubled_and_reordered_replies_and_trades_change_nothing(scene) -> None:
    posts = scene.send([10], [500])
    scene.trade(address(10), "5", tid=77)
    scene.trade(address(10), "5", tid=77)
    scene.reply(posts[40], ok(filled("5")))
    scene.trade(address(10), "5", tid=77)
    assert scene.by_index() == {0: (FILLED, 500, 750_000_000, 0, 0)}


def test_orders_of_a_batch_that_may_rest_are_answered_one_by_one(scene) -> None:
    posts = scene.send([3, 11], [500, 700], tif=Tif.GTC)
    scene.reply(posts[40], ok(resting(50)))
    scene.reply(posts[41], ok({"error": "Post only order would have immediately matched"}))
    assert scene.words() == [(40, "ACK", "NONE", 500), (41, "REJECT", "REJECTED", 700)]


def test_a_resting_order_on_the_tape_has_its_fills_asked_for_and_told_exactly(scene) -> None:
    posts = scene.send([11], [700], tif=Tif.GTC)
    scene.reply(posts[40], ok(resting(50)))
    scene.trade(address(11), "3")
    assert scene.traded() == []
    rows = [scene.fill(40, "3")]
    scene.play(5, fills=lambda user: rows)
    assert scene.traded() == [(40, 300, 1_500_000)]


# -- asked about -------------------------------------------------------------------------------------------------------


def answer(scene: Scene, *coids: int, **how):
    scene.submit(Query(scene.ms - 60_000, coids))
    scene.play(1, **how)
    [one] = scene.answers()
    return one


def test_a_batch_is_open_until_every_order_has_its_result_and_then_over(scene) -> None:
    posts = scene.send([10, 11], [500, 500])
    scene.reply(posts[40], ok(filled("5")))
    scene.trade(address(10), "5")
    one = answer(scene, 40)
    assert (one.asked, one.open, one.done) == ((40,), (40,), ())
    scene.reply(posts[41], ok({"error": "Order could not immediately match"}))
    one = answer(scene, 40)
    assert (one.open, one.done) == ((), (40,))


def test_a_batch_that_never_arrived_is_absent_and_may_be_sent_again(scene) -> None:
    scene.send([10, 11], [500, 500])
    scene.play(40)
    one = answer(scene, 40)
    assert (one.asked, one.open, one.done) == ((40,), (), ())
    scene.told()
    posts = scene.send([10, 11], [500, 500])
    assert sorted(posts) == [40, 41]


def test_a_batch_of_which_one_order_never_arrived_is_over_with_the_others(scene) -> None:
    posts = scene.send([10, 11], [500, 500])
    scene.reply(posts[40], ok({"error": "Order could not immediately match"}))
    scene.play(40)
    assert answer(scene, 40).done == (40,)


def test_the_same_batch_again_is_told_again_and_not_sent(scene) -> None:
    posts = scene.send([10], [500])
    scene.trade(address(10), "5")
    scene.reply(posts[40], ok(filled("5")))
    first = scene.results()
    assert scene.send([10], [500]) == {}
    assert [columns(one) for one in scene.results()] == [columns(one) for one in first]


def test_a_batch_of_before_a_restart_is_recalled_and_its_results_are_found(scene) -> None:
    scene.trading.recall([batch(40, [3, 11], [500, 700])], scene.ms - 60_000, scene.now)
    states = {40: scene.status(40, "filled", "0.0", size="5"), 41: UNKNOWN}
    rows = {address(3): [scene.fill(40, "5", fee="0.2", time=scene.ms - 3_000)]}
    scene.play(30, states.__getitem__, lambda user: rows.get(user, []))
    assert scene.by_index() == {0: (FILLED, 500, 750_000_000, 200_000, 0)}
    assert answer(scene, 40).done == (40,)
