"""A purchase that is to trade at once buys what was asked for and not a share more: a GTC, cancelled at once."""

import numpy as np

from pilotfish.domain.events import BatchUpdate, Fill, Reconciled
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
    body_of,
    fills,
    maker,
    order,
    page,
    place,
    posted,
    signals,
    trade,
    words,
)

AT_ONCE = place(1, tif=Tif.IOC, price=5_200)


def sent() -> tuple[Scene, str]:
    scene = Scene().up()
    scene.submit(AT_ONCE)
    return scene, scene.id_of(1)


def test_it_signs_shares_at_the_limit() -> None:
    scene, _ = sent()
    body = body_of(scene.pending("/order"))
    assert body["orderType"] == "GTC"
    assert (body["order"]["takerAmount"], body["order"]["makerAmount"]) == ("10000000", "5200000")
    assert "postOnly" not in body


def test_matched_whole_it_is_over_and_nothing_is_cancelled() -> None:
    scene, name = sent()
    scene.answer("/order", posted(name, "matched", making="5.1", taking="10"))
    assert signals(scene) == [OrderSignal.ACK, OrderSignal.FILLED]
    scene.advance(5 * SECOND)
    assert not scene.is_pending("/orders")


def test_what_rests_is_cancelled_with_the_answer_and_ends_as_one_that_found_nothing() -> None:
    scene, name = sent()
    scene.answer("/order", posted(name, "live"))
    assert body_of(scene.pending("/orders")) == [name]
    scene.answer("/orders", {"canceled": [name], "not_canceled": {}})
    assert signals(scene) == [OrderSignal.ACK]  # how much it traded is not said yet
    scene.user(order(name, "CANCELLATION", "CANCELED"))
    assert words(scene)[-1] == (OrderSignal.CANCEL, Reason.NO_DEPTH, 1_000)


def test_matched_in_part_its_rest_is_cancelled_and_what_trades_in_the_race_is_a_fill() -> None:
    scene, name = sent()
    scene.answer("/order", posted(name, "matched", making="2.04", taking="4"))
    assert body_of(scene.pending("/orders")) == [name]
    scene.user(trade("t1", name, "4", "0.51", [maker("0xa", "4", "0.51")]))
    scene.user(trade("t2", "0xthem", "3", "0.52", [maker(name, "3", "0.52")], side="SELL"))
    scene.answer("/orders", {"canceled": [name], "not_canceled": {}})
    scene.user(order(name, "CANCELLATION", "CANCELED", matched="7"))
    assert fills(scene) == [(400, 5_100, 2_040_000), (300, 5_200, 1_560_000)]
    assert [one.maker for one in scene.of(Fill)] == [False, True]
    assert words(scene)[-1] == (OrderSignal.CANCEL, Reason.NO_DEPTH, 300)


def test_a_cancel_that_came_too_late_leaves_it_filled() -> None:
    scene, name = sent()
    scene.answer("/order", posted(name, "live"))
    scene.answer("/orders", {"canceled": [], "not_canceled": {name: "already canceled or matched"}})
    scene.advance(10 * MS)
    scene.answer(f"/data/order/{name}", order(name, "UPDATE", "MATCHED", matched="10"))
    assert signals(scene) == [OrderSignal.ACK, OrderSignal.FILLED]


def test_the_stream_may_say_that_it_rests_before_the_answer_does() -> None:
    scene, name = sent()
    scene.user(order(name, "PLACEMENT", "LIVE", matched="4"))
    assert body_of(scene.pending("/orders")) == [name]


def test_an_unknown_outcome_is_cancelled_by_its_hash_and_asked_for() -> None:
    scene, name = sent()
    scene.fail("/order")
    scene.advance(SECOND)
    assert body_of(scene.pending("/orders")) == [name]
    assert scene.is_pending(f"/data/order/{name}")
    scene.answer("/orders", {"canceled": [], "not_canceled": {name: "order can't be found"}})
    scene.answer(f"/data/order/{name}", order(name, "PLACEMENT", "LIVE"))  # it arrived after the cancel
    assert body_of(scene.pending("/orders")) == [name]
    assert signals(scene) == [OrderSignal.LOST, OrderSignal.ACK]


def test_where_a_market_holds_orders_back_it_is_given_the_time_to_trade() -> None:
    scene, name = sent()
    scene.user(order(name, "PLACEMENT", "DELAYED"))
    scene.answer("/order", posted(name, "delayed"))
    scene.advance(3 * SECOND)
    assert not scene.is_pending("/orders")
    scene.user(order(name, "UPDATE", "LIVE", matched="4"))
    assert body_of(scene.pending("/orders")) == [name]


def test_a_delay_without_a_word_ends_in_a_cancel() -> None:
    scene, name = sent()
    scene.answer("/order", posted(name, "delayed"))
    scene.advance(5 * SECOND)
    assert body_of(scene.pending("/orders")) == [name]


def test_of_a_batch_each_account_cancels_its_own_and_the_result_says_what_the_rest_traded() -> None:
    scene = Scene(accounts=[Account(k, WALLET, KEY.address) for k in range(2)]).up()
    columns = (np.array(c, dtype=np.int64) for c in ([0, 1], [1_000, 1_000], [5_200, 5_200]))
    scene.submit(PlaceBatch(10, YES_ID, Side.BUY, *columns, Tif.IOC))
    (asked,) = scene.signs
    scene.session.signed(asked.id, 0, [signed(one) for one in asked.requests], scene.now)
    scene.drain()
    first, second = scene.id_of(10), scene.id_of(11)
    scene.answer("/order", posted(first, "matched", making="2.6", taking="5"))
    scene.answer("/order", posted(second, "live"))
    assert [body_of(ask) for ask in scene.waiting if ask.method == "DELETE"] == [[first], [second]]
    scene.user(order(second, "CANCELLATION", "CANCELED"), account=1)
    scene.user(order(first, "CANCELLATION", "CANCELED", matched="6"), account=0)
    scene.advance(10 * MS)
    (told,) = scene.of(BatchUpdate)
    assert (told.index.tolist(), told.lots.tolist()) == ([1], [0])
    scene.user(trade("t1", first, "5", "0.52", [maker("0xa", "5", "0.52")]), account=0)
    scene.user(trade("t2", "0xb", "1", "0.52", [maker(first, "1", "0.52")], side="SELL"), account=0)
    scene.advance(10 * MS)
    told = scene.of(BatchUpdate)[-1]
    assert (told.index.tolist(), told.lots.tolist(), told.cost.tolist()) == ([0], [600], [6 * 520_000])


def test_after_a_restart_one_that_rests_is_cancelled() -> None:
    before, name = sent()
    after = Scene()
    after.now = before.now + 10 * SECOND
    after.session.recall(Unfinished(0, [(AT_ONCE, before.now)]), after.now)
    after.up()
    after.submit(Query(START // SECOND, (1,)))
    after.answer("/data/orders", page(order(name, "UPDATE", "LIVE", matched="2")))
    after.answer("/data/trades", page(trade("t1", name, "2", "0.52", [maker("0xa", "2", "0.52")])))
    assert after.of(Reconciled)[-1].open == (1,)
    after.advance(10 * MS)
    assert body_of(after.pending("/orders")) == [name]
    after.user(order(name, "CANCELLATION", "CANCELED", matched="2"))
    assert fills(after) == [(200, 5_200, 1_040_000)]
    assert words(after)[-1] == (OrderSignal.CANCEL, Reason.NO_DEPTH, 800)


def test_less_than_may_rest_is_refused_here() -> None:
    scene = Scene().up()
    scene.submit(place(1, lots=499, tif=Tif.IOC, price=5_200))
    assert words(scene) == [(OrderSignal.REJECT, Reason.BELOW_MINIMUM, 499)]
