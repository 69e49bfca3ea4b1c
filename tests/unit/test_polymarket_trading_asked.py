"""Separate accounts, and what the engine is told when it asks."""

from typing import Any

import numpy as np

from pilotfish.domain.events import BatchUpdate, Connection, Fill, Reconciled
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import OrderSignal, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.polymarket.settings import SECOND, Account
from pilotfish.venues.session import Unfinished
from tests.unit.polymarket_samples import KEY, WALLET, signed
from tests.unit.polymarket_scene import (
    MS,
    START,
    YES_ID,
    Scene,
    fills,
    maker,
    order,
    page,
    place,
    posted,
    query_of,
    resting,
    signals,
    trade,
    words,
)

# -- separate accounts -------------------------------------------------------------------------------------------------

FOLLOWERS = [Account(k, WALLET, KEY.address) for k in range(3)]


def batch(coid: int = 10, tif: Tif = Tif.IOC) -> PlaceBatch:
    columns = (np.array(c, dtype=np.int64) for c in ([0, 1, 2], [1_000, 2_000, 3_000], [5_200, 5_200, 5_200]))
    return PlaceBatch(coid, YES_ID, Side.BUY, *columns, tif)


def sign_all(scene: Scene) -> None:
    (asked,) = scene.signs
    scene.session.signed(asked.id, 0, [signed(one) for one in asked.requests], scene.now)
    scene.drain()


def results(scene: Scene) -> dict[int, tuple[int, int, int, int]]:
    """Index → signal, lots, cost, reason of everything that was told."""
    told: dict[int, tuple[int, int, int, int]] = {}
    for one in scene.of(BatchUpdate):
        columns: Any = zip(one.index, one.signal, one.lots, one.cost, one.reason, strict=True)
        told |= {int(k): (int(s), int(lots), int(cost), int(r)) for k, s, lots, cost, r in columns}
    return told


def test_a_batch_goes_out_an_order_an_account_and_its_results_are_final_for_each() -> None:
    scene = Scene(accounts=FOLLOWERS).up()
    scene.submit(batch())
    sign_all(scene)
    ids = [scene.id_of(10 + k) for k in range(3)]
    scene.answer("/order", posted(ids[0], "matched", making="5.2", taking="10"))
    scene.answer("/order", posted(ids[1], "matched", making="2.6", taking="5"))
    scene.answer("/order", {"error": "not enough balance / allowance"}, status=400)
    scene.user(trade("t2", ids[1], "5", "0.52", [maker("0xa", "5", "0.52")]), account=1)
    scene.user(order(ids[1], "CANCELLATION", "CANCELED", matched="5", size="20"), account=1)
    scene.advance(10 * MS)
    assert results(scene) == {
        0: (OrderSignal.FILLED, 1_000, 5_200_000, 0),
        1: (OrderSignal.CANCEL, 500, 2_600_000, Reason.NO_DEPTH),
        2: (OrderSignal.REJECT, 0, 0, Reason.BALANCE),
    }
    scene.user(trade("t1", ids[0], "10", "0.52", [maker("0xa", "10", "0.52")]), account=0)
    assert not scene.of(Fill)  # the result has told it
    assert scene.session.provisional() == {YES_ID: 1_500}


def test_a_batch_whose_answer_was_lost_is_asked_for_order_by_order() -> None:
    scene = Scene(accounts=FOLLOWERS).up()
    scene.submit(batch())
    sign_all(scene)
    ids = [scene.id_of(10 + k) for k in range(3)]
    for _ in range(3):
        scene.fail("/order")
    scene.advance(SECOND)
    for name, matched in zip(ids, ("10", "0", "30"), strict=True):
        status = "MATCHED" if matched != "0" else "CANCELED"
        scene.answer(f"/data/order/{name}", order(name, "UPDATE", status, matched=matched, size="10"))
    scene.user(trade("t1", ids[0], "10", "0.52", [maker("0xa", "10", "0.52")]), account=0)
    scene.advance(10 * MS)
    none = (OrderSignal.CANCEL, 0, 0, Reason.NO_DEPTH)
    assert results(scene) == {0: (OrderSignal.FILLED, 1_000, 5_200_000, 0), 1: none}
    scene.until("/data/trades")  # what the third paid only its trades can say
    scene.answer("/data/trades", page(trade("t3", ids[2], "30", "0.52", [maker("0xa", "30", "0.52")])))
    scene.advance(10 * MS)
    assert results(scene)[2] == (OrderSignal.FILLED, 3_000, 15_600_000, 0)


def test_a_batch_that_may_rest_is_told_order_by_order() -> None:
    scene = Scene(accounts=FOLLOWERS).up()
    scene.submit(batch(tif=Tif.GTC))
    sign_all(scene)
    for k in range(3):
        scene.answer("/order", posted(scene.id_of(10 + k)))
    assert [signals(scene, 10 + k) for k in range(3)] == [[OrderSignal.ACK]] * 3


# -- reconciliation ----------------------------------------------------------------------------------------------------


def test_a_question_is_answered_after_every_trade_and_page() -> None:
    scene = Scene().up()
    first, second = resting(scene, 1), resting(scene, 2)
    scene.submit(Query(0, (1, 2)))
    scene.answer("/data/orders", page(order(first, "UPDATE", "LIVE"), cursor="MTAw"))
    assert query_of(scene.pending("/data/orders"))["next_cursor"] == "MTAw"
    scene.answer("/data/orders", page())
    scene.answer("/data/trades", page(trade("t1", "0xthem", "10", "0.5", [maker(second, "10", "0.5")])))
    answer = scene.of(Reconciled)[-1]
    assert (answer.open, answer.done) == ((1,), (2,))
    assert scene.events.index(scene.of(Fill)[0]) < scene.events.index(answer)
    assert answer.cursor == scene.now // SECOND


def test_a_question_that_cannot_be_answered_whole_is_not_answered() -> None:
    scene = Scene().up()
    resting(scene)
    scene.submit(Query(0, (1,)))
    scene.answer("/data/orders", page())
    scene.fail("/data/trades")
    assert not scene.of(Reconciled)
    scene.submit(Query(0, (1,)))
    assert scene.is_pending("/data/orders")


def test_a_cancel_that_the_stream_lost_is_found_by_the_question() -> None:
    scene = Scene().up()
    resting(scene)
    for _ in range(2):
        scene.submit(Query(0, (1,)))
        scene.answer("/data/orders", page())
        scene.answer("/data/trades", page())
        scene.advance(1100 * MS)
        for ask in [ask for ask in scene.waiting if "/data/order/" in ask.url]:
            scene.waiting.remove(ask)
    assert scene.of(Reconciled)[-1].done == (1,)
    assert words(scene)[-1] == (OrderSignal.CANCEL, Reason.NONE, 1_000)


def test_after_a_restart_an_order_of_before_is_found_by_its_hash() -> None:
    before = Scene().up()
    before.now += 3 * SECOND + 400 * MS
    sent_ns = before.now
    before.submit(place(1, tif=Tif.IOC, price=5_500), place(2))
    lost, kept = before.id_of(1), before.id_of(2)
    after = Scene()
    after.now = sent_ns + 10 * SECOND
    under_way = [(place(1, tif=Tif.IOC, price=5_500), sent_ns), (place(2), sent_ns)]
    after.session.recall(Unfinished(0, under_way), after.now)
    after.up()
    after.submit(Query(START // SECOND, (1, 2)))
    after.answer("/data/orders", page(order(kept, "UPDATE", "LIVE")))
    after.answer("/data/trades", page(trade("t1", lost, "10", "0.52", [maker("0xa", "10", "0.52")])))
    answer = after.of(Reconciled)[-1]
    assert (answer.open, answer.done) == ((2,), (1,))
    assert fills(after) == [(1_000, 5_200, 5_200_000)]


def test_a_question_about_an_order_of_an_earlier_life_is_not_answered_by_guess() -> None:
    scene = Scene().up()
    scene.submit(Query(0, (77,)))
    assert not scene.of(Reconciled)
    assert scene.session.counters()["questions that cannot be answered"] == 1


def test_a_lost_stream_of_ours_takes_the_connection_down_until_it_is_back() -> None:
    scene = Scene().up()
    resting(scene)
    scene.session.lost("user -1", "reset", scene.now)
    scene.drain()
    assert not scene.of(Connection)[-1].up
    assert signals(scene)[-1] is OrderSignal.LOST
    scene.open("user -1")
    assert scene.of(Connection)[-1].up
