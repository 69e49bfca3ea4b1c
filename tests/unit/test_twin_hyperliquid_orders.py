"""Orders on the twin live the lives they live at the venue, and are refused in its words."""

import pytest

from pilotfish.venues.hyperliquid.wire.statuses import meaning
from pilotfish.venues.twins.hyperliquid.settings import HyperliquidSettings
from tests.unit.twin_hyperliquid_scene import ALICE, BOB, ME, MS, Scene, cloid, order, orders, trigger


@pytest.fixture
def scene() -> Scene:
    return Scene()


def status_of(scene: Scene, which: object) -> str:
    return scene.mine("orderStatus", oid=which)["order"]["status"]


def buy(scene: Scene, size: str = "0.1") -> dict:
    return scene.place(order(1, size, "70000"))[0]["filled"]


# -- placing -----------------------------------------------------------------------------------------------------------


def test_an_ioc_order_fills_at_once_and_what_it_did_adds_up(scene: Scene) -> None:
    bid, ask = scene.top()
    filled = scene.place(order(1, "5", "70000", c=cloid(1)))[0]["filled"]
    assert (filled["totalSz"], filled["cloid"]) == ("5.0", cloid(1))
    fills = scene.mine("userFills")
    assert sum(float(fill["sz"]) for fill in fills) == pytest.approx(5)
    cost = sum(float(fill["sz"]) * float(fill["px"]) for fill in fills)
    assert float(filled["avgPx"]) == pytest.approx(cost / 5, abs=0.01)
    assert all(float(fill["px"]) >= ask > bid for fill in fills)
    assert {(fill["oid"], fill["crossed"], fill["side"], fill["cloid"]) for fill in fills} == {
        (filled["oid"], True, "B", cloid(1))
    }
    assert fills[-1]["startPosition"] == "0.0"
    assert len({fill["tid"] for fill in fills}) == len(fills)
    assert status_of(scene, cloid(1)) == status_of(scene, filled["oid"]) == "filled"


def test_an_ioc_order_beyond_the_depth_is_filled_in_part_and_cancelled(scene: Scene) -> None:
    _, ask = scene.top()
    scene.do({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 40})
    filled = scene.place(order(1, "40", f"{ask:.0f}", c=cloid(1)))[0]["filled"]
    assert 0 < float(filled["totalSz"]) < 40
    shown = scene.mine("orderStatus", oid=cloid(1))["order"]
    assert shown["status"] == "canceled"
    assert float(shown["order"]["sz"]) == pytest.approx(40 - float(filled["totalSz"]))


def test_an_ioc_order_that_meets_nobody_is_said_to_have_met_nobody(scene: Scene) -> None:
    assert scene.place(order(1, "0.1", "50000", c=cloid(1))) == [
        {"error": "Order could not immediately match against any resting orders. asset=0"}
    ]
    assert status_of(scene, cloid(1)) == "iocCancelRejected"


def test_a_post_only_order_that_would_cross_names_the_best_prices(scene: Scene) -> None:
    bid, ask = scene.top()
    assert scene.place(order(1, "0.1", "70000", "Alo", c=cloid(1))) == [
        {"error": f"Post only order would have immediately matched, bbo was {bid:g}@{ask:g}. asset=0"}
    ]
    assert status_of(scene, cloid(1)) == "badAloPxRejected"


def test_a_resting_order_is_listed_until_it_is_filled_by_somebody_else(scene: Scene) -> None:
    bid, ask = (int(price) for price in scene.top())
    assert ask > bid
    oid = scene.place(order(1, "0.3", f"{bid}", "Alo", c=cloid(7)))[0]["resting"]["oid"]
    assert [row["oid"] for row in scene.mine("frontendOpenOrders")] == [oid]
    while scene.mine("openOrders"):
        scene.place(order(-1, "1", f"{bid - 500}"), key=BOB)
    fills = scene.mine("userFills")
    assert sum(float(fill["sz"]) for fill in fills) == pytest.approx(0.3)
    assert {(fill["crossed"], fill["px"], fill["oid"]) for fill in fills} == {(False, f"{bid}.0", oid)}
    theirs = {fill["tid"] for fill in scene.info("userFills", user=BOB.address)}
    assert {fill["tid"] for fill in fills} <= theirs
    assert status_of(scene, cloid(7)) == "filled"


@pytest.mark.parametrize(("row", "why"), [
    (order(1, "0.1", "66400.5"), "Order has invalid price. asset=0"),
    (order(1, "0.1", "0"), "Order has invalid price. asset=0"),
    (order(1, "0.1", "-5"), "Order has invalid price. asset=0"),
    (order(1, "0.1234567", "66400"), "Order has invalid size. asset=0"),
    (order(1, "-0.1", "66400"), "Order has invalid size. asset=0"),
    (order(1, "0", "66400"), "Order has zero size. asset=0"),
    (order(1, "0.0001", "66400"), "Order must have minimum value of $10. asset=0"),
    (order(1, "0.1", "66400", r=True), "Reduce only order would increase position. asset=0"),
    (order(1, "0.1", "5000", "Gtc"), "Order price cannot be more than 80% away from the reference price asset=0"),
    (order(1, "500", "60000", "Gtc"), "Insufficient margin to place order. asset=0"),
])  # fmt: skip
def test_what_is_no_order_is_refused_in_the_venues_words(scene: Scene, row: dict, why: str) -> None:
    assert scene.place(row) == [{"error": why}]
    assert scene.mine("openOrders") == scene.mine("userFills") == []


def test_what_the_payload_alone_shows_is_said_once_for_the_batch_and_nothing_of_it_is_placed(scene: Scene) -> None:
    good = order(1, "0.1", "60000", "Gtc")
    assert scene.place(good, order(1, "0", "66400"), good) == [{"error": "Order has zero size. asset=0"}]
    assert scene.mine("openOrders") == []


def test_a_batch_is_not_atomic(scene: Scene) -> None:
    results = scene.place(order(1, "0.1", "60000", "Gtc"), order(1, "500", "60000", "Gtc"), order(1, "0.1", "70000"))
    assert [next(iter(result)) for result in results] == ["resting", "error", "filled"]


def test_a_client_order_id_is_accepted_once_and_the_second_time_is_counted(scene: Scene) -> None:
    row = order(1, "0.1", "70000", c=cloid(3))
    assert "filled" in scene.place(row)[0]
    assert "error" in scene.place(row)[0]
    assert scene.twin.duplicates_received == 1
    assert scene.twin.position(ME, "BTC") == 10_000


def test_a_client_order_id_that_was_refused_may_come_again(scene: Scene) -> None:
    scene.place(order(1, "0.1", "50000", c=cloid(3)))
    assert "filled" in scene.place(order(1, "0.1", "70000", c=cloid(3)))[0]
    assert scene.twin.duplicates_received == 0


def test_an_unknown_asset_and_a_builder_without_approval_are_refused(scene: Scene) -> None:
    assert "invalid asset" in scene.place(order(1, "1", "1", asset=99))[0]["error"]
    with_builder = orders(order(1, "0.1", "70000")) | {"builder": {"b": "0x" + "1" * 40, "f": 10}}
    assert scene.do(with_builder) == "Builder fee has not been approved."


# -- cancelling and changing -------------------------------------------------------------------------------------------


def test_cancels_say_what_became_of_each(scene: Scene) -> None:
    first = scene.place(order(1, "0.1", "60000", "Gtc"))[0]["resting"]["oid"]
    scene.place(order(1, "0.1", "60000", "Gtc", c=cloid(2)))
    rows = [{"a": 0, "o": first}, {"a": 0, "o": first}, {"a": 0, "o": 123}, {"a": 1, "o": first}]
    gone = "Order was never placed, already canceled, or filled."
    assert scene.do({"type": "cancel", "cancels": rows}) == [
        "success", {"error": f"{gone} asset=0"}, {"error": f"{gone} asset=0"}, {"error": f"{gone} asset=1"},
    ]  # fmt: skip
    assert scene.do({"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": cloid(2)}]}) == ["success"]
    assert status_of(scene, first) == status_of(scene, cloid(2)) == "canceled"


def test_nobody_cancels_or_sees_as_theirs_what_is_somebody_elses(scene: Scene) -> None:
    oid = scene.place(order(1, "0.1", "60000", "Gtc", c=cloid(2)))[0]["resting"]["oid"]
    assert "error" in scene.do({"type": "cancel", "cancels": [{"a": 0, "o": oid}]}, BOB)[0]
    assert scene.info("orderStatus", user=BOB.address, oid=oid) == {"status": "unknownOid"}
    assert scene.info("orderStatus", user=BOB.address, oid=cloid(2)) == {"status": "unknownOid"}
    assert status_of(scene, oid) == "open"


def test_a_modify_is_a_cancel_and_a_new_order_under_the_same_client_id(scene: Scene) -> None:
    old = scene.place(order(1, "0.1", "60000", "Gtc", c=cloid(2)))[0]["resting"]["oid"]
    changed = {"type": "modify", "oid": cloid(2), "order": order(1, "0.2", "61000", "Gtc", c=cloid(2))}
    assert scene.do(changed) == "default"
    assert status_of(scene, old) == "canceled"
    (row,) = scene.mine("openOrders")
    assert (row["sz"], row["limitPx"], row["cloid"]) == ("0.2", "61000.0", cloid(2))
    assert row["oid"] > old
    assert scene.twin.duplicates_received == 0
    again = {"type": "modify", "oid": old, "order": order(1, "0.2", "61000", "Gtc")}
    assert scene.do(again) == "Cannot modify canceled or filled order"


def test_the_dead_mans_switch_cancels_everything_at_its_time() -> None:
    scene = Scene(HyperliquidSettings(schedule_volume=5_000 * 10**6))
    words = scene.do({"type": "scheduleCancel", "time": scene.now // MS + 6_000})
    assert words == "Cannot set scheduled cancel time until enough volume traded. Required: $5000. Traded: $0."
    buy(scene)
    assert "at least 5 seconds" in scene.do({"type": "scheduleCancel", "time": scene.now // MS + 4_000})
    oid = scene.place(order(1, "0.1", "60000", "Gtc"))[0]["resting"]["oid"]
    assert scene.do({"type": "scheduleCancel", "time": scene.now // MS + 6_000}) == "default"
    scene.advance(5)
    assert status_of(scene, oid) == "open"
    scene.advance(2)
    assert status_of(scene, oid) == "scheduledCancel"


def test_a_switch_that_was_taken_back_does_nothing() -> None:
    scene = Scene(HyperliquidSettings(schedule_volume=0))
    oid = scene.place(order(1, "0.1", "60000", "Gtc"))[0]["resting"]["oid"]
    scene.do({"type": "scheduleCancel", "time": scene.now // MS + 6_000})
    assert scene.do({"type": "scheduleCancel"}) == "default"
    scene.advance(10)
    assert status_of(scene, oid) == "open"


# -- reducing ----------------------------------------------------------------------------------------------------------


def test_a_reduce_only_order_never_flips_a_position(scene: Scene) -> None:
    buy(scene)
    assert scene.place(order(-1, "5", "60000", r=True, c=cloid(1)))[0]["filled"]["totalSz"] == "0.1"
    assert scene.twin.position(ME, "BTC") == 0
    shown = scene.mine("orderStatus", oid=cloid(1))["order"]
    assert (shown["status"], shown["order"]["sz"]) == ("canceled", "4.9")


def test_a_resting_reduce_only_order_goes_when_nothing_is_left_for_it(scene: Scene) -> None:
    buy(scene)
    oid = scene.place(order(-1, "0.1", "80000", "Gtc", r=True))[0]["resting"]["oid"]
    scene.place(order(-1, "0.1", "60000"))
    assert status_of(scene, oid) == "reduceOnlyCanceled"


def test_a_resting_reduce_only_order_trades_no_more_than_the_position(scene: Scene) -> None:
    buy(scene)
    _, ask = scene.top()
    oid = scene.place(order(-1, "0.5", f"{ask:.0f}", "Gtc", r=True))[0]["resting"]["oid"]
    while status_of(scene, oid) == "open":
        assert scene.place(order(1, "3", f"{ask:.0f}"), key=BOB)
    assert scene.twin.position(ME, "BTC") == 0
    assert status_of(scene, oid) == "reduceOnlyCanceled"


def test_an_order_that_meets_ones_own_takes_the_resting_one_away(scene: Scene) -> None:
    _, ask = scene.top()
    oid = scene.place(order(-1, "0.01", f"{ask:.0f}", "Gtc"))[0]["resting"]["oid"]
    level = scene.info("l2Book", coin="BTC")["levels"][1][0]
    scene.place(order(1, level["sz"], f"{ask:.0f}"))
    assert status_of(scene, oid) == "selfTradeCanceled"


# -- triggers ----------------------------------------------------------------------------------------------------------


def test_a_stop_waits_for_the_mark_and_then_closes(scene: Scene) -> None:
    buy(scene)
    market = scene.twin.core.markets[0]
    stop = market.instrument.round_price(market.mark - 3 * 10, 1) // 10
    oid = scene.place(trigger(-1, "0.1", "60000", str(stop)))[0]["resting"]["oid"]
    shown = scene.mine("frontendOpenOrders")[0]
    assert (shown["isTrigger"], shown["orderType"], shown["tif"]) == (True, "Stop Market", None)
    assert shown["triggerCondition"] == f"Price below {stop}"
    while scene.twin.position(ME, "BTC"):
        assert market.mark > stop * 10 or status_of(scene, oid) != "open"
        scene.advance(10)
    assert status_of(scene, oid) == "filled"


def test_a_trigger_that_would_fire_at_once_is_refused(scene: Scene) -> None:
    buy(scene)
    assert scene.place(trigger(-1, "0.1", "60000", "70000")) == [{"error": "Invalid TP/SL price. asset=0"}]
    assert scene.place(trigger(-1, "0.1", "60000", "60000", "tp")) == [{"error": "Invalid TP/SL price. asset=0"}]


def test_stops_of_an_entry_wait_for_it_and_go_with_it(scene: Scene) -> None:
    entry = order(1, "0.1", "60000", "Gtc", c=cloid(1))
    stops = (trigger(-1, "0.1", "50000", "55000") | {"c": cloid(2)}, trigger(-1, "0.1", "70000", "75000", "tp"))
    results = scene.place(entry, *stops, grouping="normalTpsl")
    assert results[1:] == ["waitingForFill", "waitingForFill"]
    assert [len(row["children"]) for row in scene.mine("frontendOpenOrders")] == [2]
    scene.do({"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": cloid(1)}]})
    assert status_of(scene, cloid(2)) == "canceled"


def test_stops_of_an_entry_that_filled_are_armed_and_go_with_the_position(scene: Scene) -> None:
    stops = (trigger(-1, "0.1", "50000", "55000") | {"c": cloid(2)}, trigger(-1, "0.1", "70000", "75000", "tp"))
    results = scene.place(order(1, "0.1", "70000", "Gtc"), *stops, grouping="normalTpsl")
    assert results[1:] == ["waitingForTrigger", "waitingForTrigger"]
    assert len(scene.mine("frontendOpenOrders")) == 2
    scene.place(order(-1, "0.1", "60000"))
    assert scene.mine("frontendOpenOrders") == []
    assert status_of(scene, cloid(2)) == "reduceOnlyCanceled"


def test_stops_of_a_position_go_with_it(scene: Scene) -> None:
    buy(scene)
    assert scene.place(trigger(-1, "0.1", "50000", "55000"), grouping="positionTpsl") == ["waitingForTrigger"]
    assert scene.mine("frontendOpenOrders")[0]["isPositionTpsl"] is True
    scene.place(order(-1, "0.1", "60000"))
    assert scene.mine("frontendOpenOrders") == []


@pytest.mark.parametrize(("rows", "grouping", "why"), [
    ([trigger(-1, "0.1", "50000", "55000")], "normalTpsl", "Main order cannot be trigger order."),
    ([order(1, "0.1", "60000", "Gtc")], "normalTpsl", "Unexpected number of trigger orders"),
    ([order(1, "0.1", "60000", "Gtc")], "positionTpsl", "Main order cannot be a non-trigger order."),
])  # fmt: skip
def test_groups_that_are_none_are_refused(scene: Scene, rows: list, grouping: str, why: str) -> None:
    assert scene.place(*rows, grouping=grouping) == why


# -- all of them -------------------------------------------------------------------------------------------------------


def test_every_status_the_twin_says_means_something_to_us(scene: Scene) -> None:
    test_an_ioc_order_that_meets_nobody_is_said_to_have_met_nobody(scene)
    test_stops_of_an_entry_that_filled_are_armed_and_go_with_the_position(scene)
    scene.place(order(1, "0.1", "60000", "Gtc"), order(1, "500", "60000", "Gtc"))
    said = {row.status for row in scene.twin.orders_of(ALICE.address)}
    assert said == {"iocCancelRejected", "filled", "reduceOnlyCanceled", "open", "perpMarginRejected"}
    assert all(meaning(status) for status in said)
