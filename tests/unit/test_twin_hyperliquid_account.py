"""Money and positions on the twin, what the venue refuses or does by itself, and its faults."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.venues.hyperliquid.wire import codec
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.hyperliquid.settings import Coin, HyperliquidSettings
from tests.unit.twin_hyperliquid_scene import (
    ALICE,
    BOB,
    ME,
    NOBODY,
    SECOND,
    Scene,
    cloid,
    of,
    order,
    orders,
)

DEPOSIT = 100_000 * 10**6


@pytest.fixture
def scene() -> Scene:
    return Scene()


# -- money -------------------------------------------------------------------------------------------------------------


def test_what_an_account_has_is_what_it_put_in_and_what_its_fills_say(scene: Scene) -> None:
    for side, size in ((1, "0.3"), (-1, "0.1"), (-1, "0.5"), (1, "0.1"), (1, "0.2")):
        scene.place(order(side, size, "70000" if side > 0 else "60000"))
        scene.advance(20)
    fills = scene.mine("userFills")[::-1]
    assert [fill["dir"] for fill in fills] == ["Open Long", "Close Long", "Long > Short", "Close Short", "Close Short"]
    position = 0
    for fill in fills:
        assert round(float(fill["startPosition"]) * 1e5) == position
        position += round(float(fill["sz"]) * 1e5) * (1 if fill["side"] == "B" else -1)
    assert scene.twin.position(ME, "BTC") == position == 0
    kept = sum(round(float(fill["closedPnl"]) * 1e6) - round(float(fill["fee"]) * 1e6) for fill in fills)
    assert scene.twin.equity(ME) == DEPOSIT + kept
    paid = sum(
        round(float(fill["px"]) * float(fill["sz"]) * 1e6) * (-1 if fill["side"] == "B" else 1) for fill in fills
    )
    assert sum(round(float(fill["closedPnl"]) * 1e6) for fill in fills) == paid


def test_a_position_is_shown_with_its_margin_its_entry_and_where_it_would_be_closed(scene: Scene) -> None:
    scene.do({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 10})
    scene.place(order(-1, "2", "60000"))
    state = scene.mine("clearinghouseState")
    held = state["assetPositions"][0]["position"]
    assert (held["szi"], held["leverage"]) == ("-2.0", {"type": "cross", "value": 10})
    assert float(held["marginUsed"]) == pytest.approx(float(held["positionValue"]) / 10, abs=0.01)
    value = float(state["marginSummary"]["accountValue"])
    assert value == pytest.approx(float(state["marginSummary"]["totalRawUsd"]) - float(held["positionValue"]))
    assert float(held["liquidationPx"]) > float(held["entryPx"])
    assert (
        codec.encode(codec.CLEARINGHOUSE.decode(json.dumps(state))) == json.dumps(state, separators=(",", ":")).encode()
    )


def test_leverage_bounds_what_may_be_opened_and_open_orders_count(scene: Scene) -> None:
    scene.do({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 1})
    assert "filled" in scene.place(order(1, "1", "70000"))[0]
    assert "error" in scene.place(order(1, "1", "60000", "Gtc"))[0]
    assert "resting" in scene.place(order(1, "0.4", "60000", "Gtc"))[0]
    assert "error" in scene.place(order(1, "0.4", "60000", "Gtc"))[0]
    assert "filled" in scene.place(order(-1, "1", "60000"))[0]


@pytest.mark.parametrize(("action", "why"), [
    ({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 41}, "Invalid leverage value"),
    ({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 0}, "Invalid leverage value"),
    ({"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 5},
     "Cannot switch leverage type with open position."),
    ({"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": 10}, "Cannot update isolated margin."),
])  # fmt: skip
def test_margin_is_not_changed_where_it_cannot_be(scene: Scene, action: dict, why: str) -> None:
    scene.place(order(1, "0.1", "70000"))
    assert scene.do(action) == why


def test_isolated_margin_is_added_and_shown(scene: Scene) -> None:
    scene.do({"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 5})
    scene.place(order(1, "0.1", "70000"))
    before = float(scene.mine("clearinghouseState")["assetPositions"][0]["position"]["marginUsed"])
    assert scene.do({"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": 50_000_000}) == "default"
    held = scene.mine("clearinghouseState")["assetPositions"][0]["position"]
    assert held["leverage"]["type"] == "isolated"
    assert float(held["marginUsed"]) == pytest.approx(before + 50, abs=1)


def test_an_account_that_cannot_carry_its_position_is_closed_and_told(scene: Scene) -> None:
    scene.listen(1, {"type": "userEvents", "user": ME})
    scene.do({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 40})
    scene.place(order(1, "20", "70000"))
    oid = scene.place(order(-1, "1", "80000", "Gtc"))[0]["resting"]["oid"]
    scene.twin.core.account(ME).cash -= 85_000 * 10**6
    scene.advance(3)
    assert scene.mine("orderStatus", oid=oid)["order"]["status"] == "liquidatedCanceled"
    forced = [fill for fill in scene.mine("userFills") if "liquidation" in fill]
    assert {fill["liquidation"]["liquidatedUser"] for fill in forced} == {ME}
    assert scene.twin.position(ME, "BTC") < 20 * 10**5
    (notice,) = [data["liquidation"] for data in of(scene.heard(1), "user") if "liquidation" in data][:1]
    assert notice["liquidated_user"] == ME


# -- budgets -----------------------------------------------------------------------------------------------------------


def test_an_ip_that_asks_too_much_in_a_minute_is_told_429() -> None:
    scene = Scene(HyperliquidSettings(limits=True, weight_per_minute=45))
    assert [scene.raw("/info", {"type": "meta"})[0] for _ in range(3)] == [200, 200, 429]
    assert scene.raw("/info", {"type": "allMids"})[0] == 200
    scene.advance(61)
    assert scene.raw("/info", {"type": "meta"}) == (200, scene.raw("/info", {"type": "meta"})[1])


def test_an_address_that_asked_too_much_trades_its_way_out() -> None:
    scene = Scene(HyperliquidSettings(limits=True, address_requests=3))
    row = order(1, "0.001", "60000", "Gtc")
    assert len(scene.place(row, row, row)) == 3
    words = scene.place(row)
    assert words.startswith("Too many cumulative requests sent (4 > 3) for cumulative volume traded $0.")
    oid = scene.mine("openOrders")[0]["oid"]
    assert scene.do({"type": "cancel", "cancels": [{"a": 0, "o": oid}]}) == ["success"]
    scene.twin.trade(ME, "BTC", 1_000)
    assert len(scene.place(row)) == 1
    limit = scene.mine("userRateLimit")
    assert (limit["nRequestsUsed"], limit["nRequestsCap"]) == (5, 3 + int(float(limit["cumVlm"])))


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def faults() -> TwinFaults:
    return TwinFaults(5, lasting_ns=3 * SECOND)


def test_a_key_is_unknown_for_a_while(faults: TwinFaults) -> None:
    scene = Scene(faults=faults)
    faults.plan(Fault.AUTH)
    assert scene.place(order(1, "0.1", "70000")).endswith("does not exist.")
    assert scene.place(order(1, "0.1", "70000")).endswith("does not exist.")
    scene.advance(4)
    assert "filled" in scene.place(order(1, "0.1", "70000"))[0]


def test_one_order_is_refused_for_want_of_money(faults: TwinFaults) -> None:
    scene = Scene(faults=faults)
    faults.plan(Fault.BALANCE)
    refused, placed = scene.place(order(1, "0.1", "70000"), order(1, "0.1", "70000"))
    assert refused == {"error": "Insufficient margin to place order. asset=0"}
    assert "filled" in placed


def test_the_venue_is_too_busy_once(faults: TwinFaults) -> None:
    scene = Scene(faults=faults)
    faults.plan(Fault.RATE_LIMIT)
    assert scene.raw("/info", {"type": "meta"}) == (429, b"null")
    assert scene.raw("/info", {"type": "meta"})[0] == 200


def test_a_500_says_nothing_of_whether_the_order_was_executed(faults: TwinFaults) -> None:
    scene = Scene(faults=faults)
    faults.plan(Fault.ERROR_500, 20)
    sent = [scene.raw("/exchange", scene.signed(orders(order(1, "0.01", "70000", c=cloid(n)))))[0] for n in range(20)]
    assert sent == [500] * 20
    done = [scene.mine("orderStatus", oid=cloid(n))["status"] for n in range(20)]
    assert {"order", "unknownOid"} == set(done)
    assert scene.twin.position(ME, "BTC") == 1_000 * done.count("order")


def test_parts_of_a_batch_are_refused_and_orders_fill_in_part(faults: TwinFaults) -> None:
    scene = Scene(faults=faults)
    faults.plan(Fault.PARTIAL_BATCH, 30)
    results = scene.place(*(order(1, "0.01", "70000") for _ in range(30)))
    refused = [r["error"] for r in results if "error" in r]
    filled = [r["filled"]["totalSz"] for r in results if "filled" in r]
    assert any("open interest" in error for error in refused)
    assert any(size != "0.01" for size in filled)
    assert scene.twin.position(ME, "BTC") == sum(round(float(size) * 1e5) for size in filled)


def test_the_venue_takes_a_heartbeat_as_missed_and_cancels(faults: TwinFaults) -> None:
    scene = Scene(faults=faults)
    oid = scene.place(order(1, "0.1", "60000", "Gtc"))[0]["resting"]["oid"]
    faults.plan(Fault.HEARTBEAT)
    scene.advance(2)
    assert scene.mine("orderStatus", oid=oid)["order"]["status"] == "scheduledCancel"


# -- the world around --------------------------------------------------------------------------------------------------


def test_the_same_seed_is_the_same_venue_however_it_is_driven() -> None:
    def life(steps: int) -> tuple[bytes, list]:
        scene = Scene(HyperliquidSettings(seed=11))
        scene.twin.trade_by_itself(BOB.address, "BTC")
        for _ in range(steps):
            scene.advance(60 / steps)
        return scene.raw("/info", {"type": "l2Book", "coin": "BTC"})[1], scene.twin.fills_of(BOB.address)

    book, fills = life(1)
    assert len(fills) > 3
    assert (book, fills) == life(40)
    other = Scene(HyperliquidSettings(seed=12))
    other.advance(60)
    assert other.raw("/info", {"type": "l2Book", "coin": "BTC"})[1] != book


@pytest.mark.parametrize("style", ["momentum", "reversion", "rebalancer"])
def test_accounts_trade_by_themselves(scene: Scene, style: str) -> None:
    scene.twin.trade_by_itself(BOB.address, "ETH", style)
    scene.advance(240)
    assert len(scene.twin.fills_of(BOB.address)) > 2
    assert {fill.coin for fill in scene.twin.fills_of(BOB.address)} == {"ETH"}


def test_those_who_trade_by_themselves_can_be_told_to_rest(scene: Scene) -> None:
    scene.twin.trade_by_itself(BOB.address, "ETH")
    scene.advance(120)
    before = scene.twin.fills_of(BOB.address)
    scene.twin.rest()
    scene.advance(120)
    assert scene.twin.fills_of(BOB.address) == before != []


def test_a_style_or_an_account_nobody_knows_is_refused(scene: Scene) -> None:
    with pytest.raises(ConfigError, match="style"):
        scene.twin.trade_by_itself(BOB.address, "ETH", "wild")
    with pytest.raises(VenueError, match="not open"):
        scene.twin.trade_by_itself(NOBODY.address, "ETH")


def test_the_coins_are_the_settings() -> None:
    scene = Scene(HyperliquidSettings(coins=(Coin("DOGE", 0, 10, "0.2"),)))
    assert scene.info("allMids").keys() == {"DOGE"}
    assert scene.twin.instruments[0].price_decimals == 6
    assert "filled" in scene.place(order(1, "1000", "0.25"))[0]


# -- what is no request ------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from([
    "l2Book", "candleSnapshot", "clearinghouseState", "orderStatus", "userFillsByTime", "userFunding", "meta",
    "fundingHistory", "order", "cancel", "modify", "batchModify", "approveAgent", "scheduleCancel", "updateLeverage",
])  # fmt: skip
FIELDS = ("user", "oid", "coin", "req", "startTime", "endTime", "orders", "cancels", "modifies", "time", "asset", "dex")
SHARED = Scene()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["/info", "/exchange"]), KINDS, st.dictionaries(st.sampled_from(FIELDS), JSON), JSON)
def test_no_request_breaks_the_venue(path: str, kind: str, fields: dict, other: object) -> None:
    inner = {"type": kind, **fields}
    SHARED.advance(1)
    for body in (inner, other, {"action": inner, "nonce": other, "signature": other}):
        assert SHARED.raw(path, body)[0] in (200, 400, 422)
    if path == "/exchange":
        signed = SHARED.signed({"type": "noop"}) | {"action": inner}
        assert SHARED.raw(path, signed)[0] in (200, 422)
    SHARED.twin.opened(SHARED.now, "/ws", SHARED.now)
    SHARED.say(SHARED.now, {"method": "subscribe", "subscription": inner})
    assert SHARED.heard(SHARED.now)


def signed_fields(scene: Scene, fields: dict) -> dict:
    return scene.signed({"type": "order", "orders": [order(1, "1", "1") | fields], "grouping": "na"})


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "p", "s", "r", "t", "c"]), JSON, min_size=1))
def test_no_signed_order_breaks_the_venue(fields: dict) -> None:
    try:
        body = signed_fields(SHARED, fields)
    except (OverflowError, ValueError):
        return  # the SDK cannot sign it either
    assert SHARED.raw("/exchange", body)[0] in (200, 422)


@pytest.mark.parametrize(("path", "body", "status"), [
    ("/info", {"type": "nope"}, 422), ("/info", b"{", 400), ("/info", [], 422), ("/elsewhere", {}, 404),
    ("/info", {"type": "meta", "dex": "xyz"}, 422), ("/exchange", {"action": {"type": "withdraw3"}, "nonce": 1}, 422),
])  # fmt: skip
def test_what_the_venue_does_not_know_is_refused(scene: Scene, path: str, body: object, status: int) -> None:
    assert scene.raw(path, body)[0] == status


def test_reading_is_by_post(scene: Scene) -> None:
    assert scene.twin.request("GET", "/info", {}, b"", scene.now).status == 405


def test_an_address_nobody_knows_has_nothing(scene: Scene) -> None:
    assert scene.info("clearinghouseState", user=NOBODY.address)["assetPositions"] == []
    assert scene.info("userRole", user=NOBODY.address) == {"role": "missing"}
    assert scene.info("userFills", user=NOBODY.address) == []
    assert scene.info("userRole", user=ALICE.address) == {"role": "user"}
