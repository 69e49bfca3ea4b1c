"""Orders at Polymarket: whatever becomes of one is told, and nothing is guessed."""

from pilotfish.domain.events import Fill, Reconciled
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import OrderSignal, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.polymarket.settings import SECOND
from tests.unit.polymarket_samples import YES
from tests.unit.polymarket_scene import (
    CENT,
    START,
    YES_ID,
    Scene,
    body_of,
    fills,
    maker,
    no_trades,
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


def test_a_sale_at_once_ends_by_its_answer_and_its_fills_may_come_later() -> None:
    scene = Scene().up()
    scene.submit(place(1, tif=Tif.IOC, price=4_800, side=Side.SELL))
    name = scene.id_of(1)
    assert body_of(scene.pending("/order"))["orderType"] == "FAK"
    scene.answer("/order", posted(name, "matched", making="6", taking="2.88"))
    assert words(scene) == [(OrderSignal.CANCEL, Reason.NO_DEPTH, 400)]
    makers = [maker("0xa", "2", "0.48"), maker("0xb", "4", "0.48")]
    scene.user(trade("t1", name, "6", "0.48", makers, side="SELL"))
    assert fills(scene) == [(600, 4_800, 2_880_000)]
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


def test_a_trade_that_the_stream_says_is_larger_than_its_order_is_asked_for_before_it_is_believed() -> None:
    scene = Scene().up()
    name = resting(scene)
    scene.user(trade("t1", "0xthem", "70", "0.5", [maker(name, "70", "0.5")]))
    assert not fills(scene)
    assert query_of(scene.pending("/data/trades"))["id"] == "t1"
    scene.answer("/data/trades", page(trade("t1", "0xthem", "7", "0.5", [maker(name, "7", "0.5")])))
    assert fills(scene) == [(700, 5_000, 3_500_000)]
    assert scene.session.counters()["surplus lots held"] == 0


def test_what_truly_trades_beyond_the_order_is_kept_apart_and_not_told_as_a_fill() -> None:
    scene = Scene().up()
    name = resting(scene)
    beyond = trade("t1", "0xthem", "11", "0.5", [maker(name, "11", "0.5")])
    scene.user(beyond)
    scene.answer("/data/trades", page(beyond))
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
