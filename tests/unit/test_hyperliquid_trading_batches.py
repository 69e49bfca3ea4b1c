"""Many accounts at once: each signs and sends its own order, and each result is final, exact and told once."""

import numpy as np
import pytest

from pilotfish.domain.orders import CancelAll, OrderSignal, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.results import Batch, Result
from tests.unit.hyperliquid_link import (
    UNKNOWN,
    Scene,
    address,
    batch,
    columns,
    filled,
    followers,
    no_keys,
    ok,
    resting,
)
from tests.unit.hyperliquid_samples import CLOIDS, NOW

FILLED, CANCEL, REJECT, LOST = (int(OrderSignal[name]) for name in ("FILLED", "CANCEL", "REJECT", "LOST"))
NO_DEPTH, BALANCE, RATE = int(Reason.NO_DEPTH), int(Reason.BALANCE), int(Reason.RATE_LIMIT)
SIZE = 14  # ten are streamed, the others are seen on the tape
TAPE = [10, 11, 12, 13]


@pytest.fixture
def scene() -> Scene:
    return Scene(followers(SIZE))


def send(scene: Scene, accounts: list[int], lots: list[int], coid: int = 40, tif: Tif = Tif.IOC) -> dict[int, int]:
    """The batch goes out, signed elsewhere; coid → number of its post."""
    scene.submit(batch(coid, accounts, lots, tif))
    for sign in scene.signs():
        scene.sign(sign)
    return {CLOIDS.coid(p["action"]["orders"][0]["c"]): number for number, p in scene.posts()}


def told(scene: Scene) -> dict[int, tuple[int, ...]]:
    """All results by index; none twice."""
    rows: dict[int, tuple[int, ...]] = {}
    for update in scene.results():
        found = columns(update)
        assert not rows.keys() & found.keys()
        rows |= found
    return rows


def play(scene: Scene, seconds: float, statuses=lambda ms: UNKNOWN, fills=lambda user: []) -> list[tuple[str, str]]:
    """The venue answers every question; what was asked about orders, and of whom."""
    asked = []
    for _ in range(int(seconds * 10)):
        scene.wait(0.1)
        for number, body in scene.asks():
            asked.append((body["type"], body["user"]))
            if body["type"] == "orderStatus":
                scene.answer(number, statuses(CLOIDS.coid(body["oid"])))
            elif body["type"] == "userFillsByTime":
                scene.answer(number, [row for row in fills(body["user"]) if row["time"] >= body["startTime"]])
    return [one for one in asked if one[0] not in ("userRateLimit", "userFunding")]


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
    posts = send(scene, TAPE, [500, 700, 300, 900])
    scene.trade(address(10), "2", "149.99")
    scene.trade(address(10), "3", "150.0")
    scene.reply(posts[40], ok(filled("5")))
    scene.reply(posts[41], ok(filled("4")))
    scene.trade(address(11), "4", "149.0")
    scene.reply(posts[42], ok({"error": "Order could not immediately match against any resting orders. asset=5"}))
    scene.reply(posts[43], ok({"error": "Insufficient margin to place order. asset=5"}))
    cost = 2 * 149_990_000 + 3 * 150_000_000
    assert told(scene) == {
        0: (FILLED, 500, cost, 0, 0),
        1: (CANCEL, 400, 4 * 149_000_000, 0, NO_DEPTH),
        2: (CANCEL, 0, 0, 0, NO_DEPTH),
        3: (REJECT, 0, 0, 0, BALANCE),
    }
    assert play(scene, 60) == []


def test_results_are_gathered_into_few_messages(scene) -> None:
    posts = send(scene, list(range(10, 14)), [500] * 4)
    for k, number in enumerate(posts.values()):
        scene.trade(address(10 + k), "5")
        scene.reply(number, ok(filled("5")))
    assert len(scene.results()) == 1


def test_what_finishes_early_does_not_wait_for_the_slowest(scene) -> None:
    posts = send(scene, [10, 11], [500, 500])
    scene.trade(address(10), "5")
    scene.reply(posts[40], ok(filled("5")))
    scene.wait(0.1)
    assert list(told(scene)) == [0]


def test_an_account_that_is_streamed_has_its_exact_fee(scene) -> None:
    posts = send(scene, [3], [500])
    scene.reply(posts[40], ok(filled("5")))
    scene.fills(scene.fill(40, "5", fee="0.337501"), user=address(3))
    assert told(scene) == {0: (FILLED, 500, 750_000_000, 337_501, 0)}
    assert scene.traded() == []


def test_where_the_tape_does_not_add_up_the_accounts_fills_are_asked_for(scene) -> None:
    posts = send(scene, [10], [500])
    scene.trade(address(10), "2")
    scene.reply(posts[40], ok(filled("5")))
    rows = [scene.fill(40, "2", fee="0.1"), scene.fill(40, "3", "149.0", fee="0.2")]
    asked = play(scene, 10, fills=lambda user: rows)
    assert asked == [("userFillsByTime", address(10))]
    assert told(scene) == {0: (FILLED, 500, 2 * 150_000_000 + 3 * 149_000_000, 300_000, 0)}


def test_trades_that_are_somebody_elses_are_not_counted(scene) -> None:
    """A follower may trade by hand, at the same moment: the tape names no order."""
    posts = send(scene, [10], [500])
    scene.trade(address(10), "4")
    scene.trade(address(10), "5", "149.5")
    scene.reply(posts[40], ok(filled("5")))
    rows = [scene.fill(None, "4"), scene.fill(40, "5", "149.5", fee="0.2")]
    play(scene, 10, fills=lambda user: rows)
    assert told(scene) == {0: (FILLED, 500, 5 * 149_500_000, 200_000, 0)}


def test_a_trade_beyond_the_limit_or_in_another_coin_is_not_the_orders(scene) -> None:
    posts = send(scene, [10], [500])
    scene.trade(address(10), "5", "150.01")
    scene.reply(posts[40], ok(filled("5")))
    scene.wait(1)
    assert told(scene) == {}


def test_two_orders_of_one_account_at_once_are_told_apart_by_its_fills(scene) -> None:
    posts = send(scene, [10], [500]) | send(scene, [10], [500], coid=60)
    for number in posts.values():
        scene.reply(number, ok(filled("5")))
    scene.trade(address(10), "5", "149.0")
    scene.trade(address(10), "5", "148.0")
    assert scene.results() == []
    rows = [scene.fill(60, "5", "149.0"), scene.fill(40, "5", "148.0")]
    play(scene, 10, fills=lambda user: rows)
    costs = {update.coid: int(update.cost[0]) for update in scene.results()}
    assert costs == {40: 740_000_000, 60: 745_000_000}


def test_a_lost_answer_is_told_as_lost_and_then_as_the_venue_says(scene) -> None:
    send(scene, [10, 11], [500, 500])
    scene.wait(5.1)
    assert told(scene) == {0: (LOST, 0, 0, 0, int(Reason.UNKNOWN)), 1: (LOST, 0, 0, 0, int(Reason.UNKNOWN))}
    states = {40: scene.status(40, "filled", "0.0", size="5"), 41: scene.status(41, "iocCancelRejected", "5.0")}
    rows = {address(10): [scene.fill(40, "5", fee="0.2")]}
    play(scene, 10, states.__getitem__, lambda user: rows.get(user, []))
    assert told(scene) == {0: (FILLED, 500, 750_000_000, 200_000, 0), 1: (CANCEL, 0, 0, 0, NO_DEPTH)}


def test_doubled_and_reordered_replies_and_trades_change_nothing(scene) -> None:
    posts = send(scene, [10], [500])
    scene.trade(address(10), "5", tid=77)
    scene.trade(address(10), "5", tid=77)
    scene.reply(posts[40], ok(filled("5")))
    scene.trade(address(10), "5", tid=77)
    assert told(scene) == {0: (FILLED, 500, 750_000_000, 0, 0)}


def test_orders_of_a_batch_that_may_rest_are_answered_one_by_one(scene) -> None:
    posts = send(scene, [3, 11], [500, 700], tif=Tif.GTC)
    scene.reply(posts[40], ok(resting(50)))
    scene.reply(posts[41], ok({"error": "Post only order would have immediately matched"}))
    assert scene.words() == [(40, "ACK", "NONE", 500), (41, "REJECT", "REJECTED", 700)]


def test_a_resting_order_on_the_tape_has_its_fills_asked_for_and_told_exactly(scene) -> None:
    posts = send(scene, [11], [700], tif=Tif.GTC)
    scene.reply(posts[40], ok(resting(50)))
    scene.trade(address(11), "3")
    assert scene.traded() == []
    rows = [scene.fill(40, "3")]
    play(scene, 5, fills=lambda user: rows)
    assert scene.traded() == [(40, 300, 1_500_000)]


# -- asked about -------------------------------------------------------------------------------------------------------


def answer(scene: Scene, *coids: int, **how):
    scene.submit(Query(scene.ms - 60_000, coids))
    play(scene, 1, **how)
    [one] = scene.answers()
    return one


def test_a_batch_is_open_until_every_order_has_its_result_and_then_over(scene) -> None:
    posts = send(scene, [10, 11], [500, 500])
    scene.reply(posts[40], ok(filled("5")))
    scene.trade(address(10), "5")
    one = answer(scene, 40)
    assert (one.asked, one.open, one.done) == ((40,), (40,), ())
    scene.reply(posts[41], ok({"error": "Order could not immediately match"}))
    one = answer(scene, 40)
    assert (one.open, one.done) == ((), (40,))


def test_a_batch_that_never_arrived_is_absent_and_may_be_sent_again(scene) -> None:
    send(scene, [10, 11], [500, 500])
    play(scene, 40)
    one = answer(scene, 40)
    assert (one.asked, one.open, one.done) == ((40,), (), ())
    scene.told()
    posts = send(scene, [10, 11], [500, 500])
    assert sorted(posts) == [40, 41]


def test_a_batch_of_which_one_order_never_arrived_is_over_with_the_others(scene) -> None:
    posts = send(scene, [10, 11], [500, 500])
    scene.reply(posts[40], ok({"error": "Order could not immediately match"}))
    play(scene, 40)
    assert answer(scene, 40).done == (40,)


def test_the_same_batch_again_is_told_again_and_not_sent(scene) -> None:
    posts = send(scene, [10], [500])
    scene.trade(address(10), "5")
    scene.reply(posts[40], ok(filled("5")))
    first = scene.results()
    assert send(scene, [10], [500]) == {}
    assert [columns(one) for one in scene.results()] == [columns(one) for one in first]


def test_a_batch_of_before_a_restart_is_recalled_and_its_results_are_found(scene) -> None:
    scene.trading.recall([batch(40, [3, 11], [500, 700])], scene.ms - 60_000, scene.now)
    states = {40: scene.status(40, "filled", "0.0", size="5"), 41: UNKNOWN}
    rows = {address(3): [scene.fill(40, "5", fee="0.2", time=scene.ms - 3_000)]}
    play(scene, 30, states.__getitem__, lambda user: rows.get(user, []))
    assert told(scene) == {0: (FILLED, 500, 750_000_000, 200_000, 0)}
    assert answer(scene, 40).done == (40,)


# -- in line -----------------------------------------------------------------------------------------------------------


def test_a_large_batch_leaves_as_the_budget_allows_and_what_is_too_late_is_refused() -> None:
    scene = Scene(followers(1_500), keys=no_keys())
    posts = send(scene, list(range(1_500)), [500] * 1_500)
    for _ in range(150):
        scene.wait(0.1)
        for number in list(posts.values()):
            scene.reply(number, ok({"error": "Order could not immediately match"}))
        posts = {}
        for sign in scene.signs():
            scene.sign(sign)
        posts = {CLOIDS.coid(p["action"]["orders"][0]["c"]): number for number, p in scene.posts()}
        scene.asks()
    rows = told(scene)
    assert len(rows) == 1_500
    refused = [k for k, row in rows.items() if row[0] == REJECT]
    assert {rows[k][4] for k in refused} == {RATE}
    assert len(refused) == 1_500 - (1_200 - 10 * 20 - 60)  # userRateLimit of ten accounts, and what is kept
    assert refused == list(range(min(refused), 1_500))


def test_what_is_in_line_when_everything_is_cancelled_is_not_sent() -> None:
    scene = Scene(followers(400), keys=no_keys())
    scene.submit(batch(40, list(range(400)), [500] * 400))
    scene.signs()
    scene.submit(CancelAll(399))
    scene.wait(0.1)
    [update] = scene.results()
    assert columns(update) == {399: (CANCEL, 0, 0, 0, 0)}


def test_what_is_in_line_when_the_stream_is_lost_is_refused() -> None:
    scene = Scene(followers(400), keys=no_keys())
    scene.submit(batch(40, list(range(400)), [500] * 400))
    scene.lose()
    for sign in scene.signs():
        scene.sign(sign)
    scene.wait(1)
    rows = told(scene)
    assert len(rows) == 400
    assert {row[0::4] for row in rows.values()} == {(REJECT, int(Reason.DISCONNECTED))}


def test_a_signature_that_was_refused_is_an_authentication_failure(scene) -> None:
    scene.submit(batch(40, [10], [500]))
    [sign] = scene.signs()
    scene.trading.signed(sign.id, 0, [b""], scene.now)
    scene.wait(0.1)
    assert told(scene) == {0: (REJECT, 0, 0, 0, int(Reason.AUTHENTICATION))}


def test_an_order_of_an_account_without_a_key_here_does_not_hold_up_the_others(scene) -> None:
    posts = send(scene, [10, 77], [500, 500])
    assert list(posts) == [40]
    scene.wait(0.1)
    assert told(scene) == {1: (REJECT, 0, 0, 0, int(Reason.REJECTED))}


# -- the columns -------------------------------------------------------------------------------------------------------


def test_a_result_counts_once_and_lost_is_not_final() -> None:
    one = Batch(batch(40, [1, 2], [5, 5]))
    one.add(Result(0, OrderSignal.LOST, done_ns=NOW))
    one.add(Result(0, OrderSignal.FILLED, 5, 750, 1, Reason.NONE, NOW + 5))
    one.add(Result(0, OrderSignal.REJECT))
    update = one.update(NOW + 9)
    assert columns(update) == {0: (FILLED, 5, 750, 1, 0)}
    assert (update.venue_ns, update.ours_ns) == (NOW + 5, NOW + 9)
    assert update.index.dtype == np.int64
    assert not one.waits
    assert not one.over
    one.never_had(1)
    assert one.over
    assert not one.absent
