"""Orders at Polymarket: whatever becomes of one is told, and nothing is guessed."""

from typing import Any

import numpy as np

from pilotfish.domain.events import BatchUpdate, Connection, Fill, OrderUpdate, Reconciled
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Amend, Cancel, CancelAll, OrderSignal, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.settings import SECOND, Account
from tests.unit.polymarket_samples import KEY, WALLET, YES, signed
from tests.unit.polymarket_scene import (
    MS,
    OURS,
    START,
    YES_ID,
    Scene,
    body_of,
    maker,
    order,
    page,
    place,
    posted,
    query_of,
    trade,
)

CENT = 10_000  # money units


def words(scene: Scene, coid: int = 1) -> list[tuple[OrderSignal, Reason, int]]:
    return [(one.signal, one.reason, one.lots_left) for one in scene.of(OrderUpdate) if one.coid == coid]


def signals(scene: Scene, coid: int = 1) -> list[OrderSignal]:
    return [one.signal for one in scene.of(OrderUpdate) if one.coid == coid]


def fills(scene: Scene, coid: int = 1) -> list[tuple[int, int, int]]:
    return [(one.lots, one.price, one.cost) for one in scene.of(Fill) if one.coid == coid]


def resting(scene: Scene, coid: int = 1) -> str:
    """An order that the venue has, and its id."""
    scene.submit(place(coid))
    scene.answer("/order", posted(scene.id_of(coid)))
    return scene.id_of(coid)


def no_trades(scene: Scene, name: str) -> None:
    """The order is found nowhere."""
    scene.until(f"/data/order/{name}")
    scene.answer(f"/data/order/{name}", raw=b"null")
    scene.answer("/data/trades", page())


# -- the life of an order ----------------------------------------------------------------------------------------------


def test_a_resting_order_is_acknowledged_filled_in_parts_and_ends_filled() -> None:
    scene = Scene().up()
    name = resting(scene)
    assert words(scene) == [(OrderSignal.ACK, Reason.NONE, 1_000)]
    scene.user(order(name, "PLACEMENT", "LIVE"), trade("t1", "0xthem", "4", "0.5", [maker(name, "4", "0.5")]))
    assert fills(scene) == [(400, 5_000, 2_000_000)]
    scene.user(order(name, "UPDATE", "LIVE", matched="4"))
    scene.user(trade("t2", "0xthem", "9", "0.5", [maker("0xother", "3", "0.5"), maker(name, "6", "0.5")]))
    assert fills(scene) == [(400, 5_000, 2_000_000), (600, 5_000, 3_000_000)]
    assert all(one.maker and one.fee == 0 for one in scene.of(Fill))
    scene.user(order(name, "UPDATE", "MATCHED", matched="10"))
    assert signals(scene) == [OrderSignal.ACK, OrderSignal.FILLED]


def test_a_trade_that_is_told_twice_or_goes_on_is_one_fill() -> None:
    scene = Scene().up()
    name = resting(scene)
    for status in ("MATCHED", "MATCHED", "MINED", "CONFIRMED", "MATCHED"):
        scene.user(trade("t1", "0xthem", "4", "0.5", [maker(name, "4", "0.5")], status))
    assert len(scene.of(Fill)) == 1


def test_an_order_that_trades_at_once_ends_by_its_answer_and_its_fills_may_come_later() -> None:
    scene = Scene().up()
    scene.submit(place(1, tif=Tif.IOC, price=5_200))
    name = scene.id_of(1)
    assert body_of(scene.pending("/order"))["orderType"] == "FAK"
    scene.answer("/order", posted(name, "matched", making="3.12", taking="6"))
    assert words(scene) == [(OrderSignal.CANCEL, Reason.NO_DEPTH, 400)]
    scene.user(trade("t1", name, "6", "0.52", [maker("0xa", "2", "0.52"), maker("0xb", "4", "0.52")]))
    assert fills(scene) == [(600, 5_200, 3_120_000)]
    assert not scene.of(Fill)[0].maker


def test_a_taker_pays_each_maker_and_a_complements_price_is_what_is_left_of_one() -> None:
    """The YES we bought was minted with somebody who bought NO at 0.49: we paid 0.51."""
    scene = Scene().up()
    scene.submit(place(1, tif=Tif.IOC, price=5_200))
    name = scene.id_of(1)
    makers = [maker("0xa", "4", "0.5"), maker("0xb", "6", "0.49", token="5211431950")]
    scene.user(trade("t1", name, "10", "0.506", makers))
    assert fills(scene) == [(1_000, 5_060, 4 * 50 * CENT + 6 * 51 * CENT)]
    assert signals(scene)[-1] is OrderSignal.FILLED


def test_a_maker_keeps_its_own_side_and_price_when_the_taker_trades_the_other_token() -> None:
    scene = Scene().up()
    name = resting(scene)
    taker = trade("t1", "0xthem", "10", "0.5", [maker(name, "10", "0.5")], asset_id="5211431950", side="BUY")
    scene.user(taker)
    assert fills(scene) == [(1_000, 5_000, 5_000_000)]
    wrong = trade("t2", "0xthem", "1", "0.5", [maker(name, "1", "0.5", token="5211431950")])
    scene.user(wrong)
    assert len(scene.of(Fill)) == 1
    assert scene.session.counters()["set aside: user message"] == 1


def test_sizes_finer_than_a_lot_add_up_to_whole_lots_and_exact_money() -> None:
    scene = Scene().up()
    name = resting(scene)
    for k, size in enumerate(("3.333333", "3.333333", "3.333334")):
        scene.user(trade(f"t{k}", "0xthem", size, "0.5", [maker(name, size, "0.5")]))
    assert sum(lots for lots, _, _ in fills(scene)) == 1_000
    assert sum(cost for _, _, cost in fills(scene)) in (5_000_000, 5_000_001)  # a buyer's is rounded up
    assert signals(scene)[-1] is OrderSignal.FILLED


def test_what_trades_beyond_the_order_is_kept_apart_and_not_told_as_a_fill() -> None:
    scene = Scene().up()
    name = resting(scene)
    scene.user(trade("t1", "0xthem", "11", "0.5", [maker(name, "11", "0.5")]))
    assert fills(scene) == [(1_000, 5_000, 5_000_000)]
    assert scene.session.trading.results.surplus == {YES_ID: 100}
    assert scene.session.counters()["surplus lots held"] == 100


def test_a_post_only_order_that_would_cross_is_rejected() -> None:
    scene = Scene().up()
    scene.submit(place(1, tif=Tif.ALO))
    assert body_of(scene.pending("/order"))["postOnly"] is True
    scene.answer("/order", {"error": "invalid post-only order: order crosses book"}, status=400)
    assert words(scene) == [(OrderSignal.REJECT, Reason.REJECTED, 1_000)]


def test_success_without_an_id_and_with_words_is_a_reject() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    answer = {"success": True, "orderID": "", "errorMsg": "not enough balance / allowance", "status": ""}
    scene.answer("/order", answer)
    assert words(scene) == [(OrderSignal.REJECT, Reason.BALANCE, 1_000)]


def test_a_killed_order_found_nothing_and_is_no_reject() -> None:
    scene = Scene().up()
    scene.submit(place(1, tif=Tif.IOC))
    error = "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."
    scene.answer("/order", {"error": error}, status=400)
    assert words(scene) == [(OrderSignal.CANCEL, Reason.NO_DEPTH, 1_000)]


def test_orders_of_one_submission_leave_together_and_each_result_counts_alone() -> None:
    scene = Scene().up()
    scene.submit(*(place(k) for k in range(1, 18)))
    assert [len(body_of(ask)) for ask in scene.waiting] == [15, 2]
    names = [scene.id_of(k) for k in range(1, 16)]
    rows = [posted(name) for name in names]
    rows[3] = posted("", error="not enough balance / allowance")
    rows[4] = {"success": True, "orderID": "", "errorMsg": ""}
    scene.answer("/orders", rows)
    assert signals(scene, 1) == [OrderSignal.ACK]
    assert words(scene, 4) == [(OrderSignal.REJECT, Reason.BALANCE, 1_000)]
    assert signals(scene, 5) == [OrderSignal.LOST]
    scene.answer("/orders", [posted(scene.id_of(16))])  # one result for two orders: nothing is known of either
    assert signals(scene, 16) == signals(scene, 17) == [OrderSignal.LOST]


# -- unknown outcomes --------------------------------------------------------------------------------------------------


def test_an_unknown_outcome_that_rests_is_found_by_its_hash() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    name = scene.id_of(1)
    scene.fail("/order")
    assert signals(scene) == [OrderSignal.LOST]
    scene.advance(SECOND)
    row = order(name, "PLACEMENT", "LIVE", matched="2")
    scene.answer(f"/data/order/{name}", row)
    assert signals(scene) == [OrderSignal.LOST, OrderSignal.ACK]


def test_an_unknown_outcome_that_filled_is_found_among_the_trades() -> None:
    scene = Scene().up()
    scene.submit(place(1, tif=Tif.IOC, price=5_200))
    name = scene.id_of(1)
    scene.answer("/order", {"error": "Internal server error"}, status=500)
    scene.advance(SECOND)
    scene.answer(f"/data/order/{name}", raw=b"null")
    assert query_of(scene.pending("/data/trades"))["asset_id"] == YES
    scene.answer("/data/trades", page(trade("t1", name, "7", "0.52", [maker("0xa", "7", "0.52")])))
    assert fills(scene) == [(700, 5_200, 3_640_000)]
    assert OrderSignal.CANCEL not in signals(scene)  # more may be on its way: looked at twice
    scene.advance(2 * SECOND)
    scene.answer(f"/data/order/{name}", status=404, body={"error": "not found"})
    scene.answer("/data/trades", page(trade("t1", name, "7", "0.52", [maker("0xa", "7", "0.52")])))
    assert words(scene)[-1] == (OrderSignal.CANCEL, Reason.NO_DEPTH, 300)
    assert len(scene.of(Fill)) == 1


def test_an_unknown_outcome_is_never_called_absent_while_it_is_young() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    name = scene.id_of(1)
    scene.fail("/order")
    for _ in range(4):
        no_trades(scene, name)
    assert scene.now < START + 19 * SECOND
    scene.submit(Query(0, (1,)))
    scene.answer("/data/orders", page())
    scene.answer("/data/trades", page())
    answer = scene.take(Reconciled)[-1]
    assert (answer.open, answer.done) == ((1,), ())


def test_what_is_found_nowhere_for_long_is_absent_and_sent_again_as_the_same_order() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    name, first = scene.id_of(1), scene.pending("/order").body
    scene.fail("/order")
    while scene.now < START + 30 * SECOND:
        no_trades(scene, name)
    scene.submit(Query(0, (1,)))
    scene.answer("/data/orders", page())
    scene.answer("/data/trades", page())
    answer = scene.take(Reconciled)[-1]
    assert (answer.open, answer.done) == ((), ())
    scene.submit(place(1))
    assert scene.pending("/order").body == first
    scene.answer("/order", {"error": f"order {name} is invalid. Duplicated."}, status=400)
    assert OrderSignal.REJECT not in signals(scene)
    scene.advance(SECOND)
    scene.answer(f"/data/order/{name}", order(name, "PLACEMENT", "LIVE"))
    assert signals(scene)[-1] is OrderSignal.ACK


def test_a_refused_second_sending_does_not_say_that_the_first_did_not_arrive() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    name = scene.id_of(1)
    scene.fail("/order")
    scene.submit(place(1))
    scene.answer("/order", {"error": "not enough balance / allowance"}, status=400)
    assert OrderSignal.REJECT not in signals(scene)
    scene.advance(SECOND)
    scene.answer(f"/data/order/{name}", order(name, "PLACEMENT", "LIVE"))
    assert signals(scene) == [OrderSignal.LOST, OrderSignal.LOST, OrderSignal.ACK]


def test_a_delayed_order_is_asked_for_until_it_is_matched() -> None:
    scene = Scene().up()
    scene.submit(place(1, tif=Tif.IOC, price=5_200))
    name = scene.id_of(1)
    scene.answer("/order", posted(name, "delayed"))
    scene.advance(5 * SECOND)
    scene.answer(f"/data/order/{name}", order(name, "UPDATE", "MATCHED", matched="10"))
    assert signals(scene)[-1] is OrderSignal.FILLED


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
    assert signals(scene) == [OrderSignal.ACK, OrderSignal.FILLED]
    assert [lots for lots, _, _ in fills(scene)] == [300, 500]


# -- limits, keys, the dead man's switch -------------------------------------------------------------------------------


def test_a_signers_empty_bucket_refuses_opens_here_until_it_is_full_again() -> None:
    scene = Scene(cancel_reserve=2).up()
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
    scene.advance(10 * MS)
    assert results(scene) == {
        0: (OrderSignal.FILLED, 1_000, 5_200_000, 0),
        1: (OrderSignal.CANCEL, 500, 2_600_000, Reason.NO_DEPTH),
        2: (OrderSignal.REJECT, 0, 0, Reason.BALANCE),
    }
    scene.user(trade("t1", ids[0], "10", "0.52", [maker("0xa", "10", "0.52")]), account=0)
    assert not scene.of(Fill)  # the result has told it
    assert scene.session.provisional() == {YES_ID: 1_000}


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
    assert {k: row[0] for k, row in results(scene).items()} == {
        0: OrderSignal.FILLED, 1: OrderSignal.CANCEL, 2: OrderSignal.FILLED,
    }  # fmt: skip


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
    after.session.resume([(place(1, tif=Tif.IOC, price=5_500), sent_ns), (place(2), sent_ns)], after.now)
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
