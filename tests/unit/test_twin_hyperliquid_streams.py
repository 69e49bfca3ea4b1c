"""What the twin says on its WebSocket, in the venue's frames, and to whom."""

import json
from itertools import pairwise

import pytest

from pilotfish.venues.hyperliquid.wire import codec
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.hyperliquid.settings import HOUR, HyperliquidSettings
from tests.unit.twin_hyperliquid_scene import (
    BOB,
    ME,
    NOBODY,
    SECOND,
    START,
    Scene,
    cloid,
    of,
    order,
    orders,
    trigger,
)

BOOK = {"type": "l2Book", "coin": "BTC"}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def user(kind: str, address: str = ME) -> dict:
    return {"type": kind, "user": address}


# -- asking ------------------------------------------------------------------------------------------------------------


def test_a_subscription_is_confirmed_and_begins_with_what_stands(scene: Scene) -> None:
    first, second = scene.listen(1, BOOK)
    assert first == {
        "channel": "subscriptionResponse",
        "data": {"method": "subscribe", "subscription": BOOK | {"nSigFigs": None, "mantissa": None}},
    }
    assert second["channel"] == "l2Book"
    assert [len(side) for side in second["data"]["levels"]] == [20, 20]
    snapshot = scene.listen(2, user("userFills"))[1]
    assert snapshot == {"channel": "userFills", "data": {"user": ME, "fills": [], "isSnapshot": True}}


def test_a_snapshot_of_fills_holds_what_was_missed(scene: Scene) -> None:
    scene.place(order(1, "0.1", "70000"))
    (snapshot,) = of(scene.listen(1, user("userFills")), "userFills")
    assert snapshot["fills"] == scene.mine("userFills") != []


@pytest.mark.parametrize("raw", [
    {"type": "nonsense"}, {"type": "l2Book", "coin": "XYZ"}, {"type": "userFills", "user": "0x12"},
    {"type": "candle", "coin": "BTC", "interval": "7m"}, BOOK | {"nSigFigs": 9}, "l2Book", None,
])  # fmt: skip
def test_a_subscription_to_nothing_is_refused(scene: Scene, raw: object) -> None:
    (frame,) = scene.listen(1, raw)
    assert frame["data"].startswith("Invalid subscription")


def test_subscribing_twice_and_unsubscribing_twice_are_said_to_be_so(scene: Scene) -> None:
    scene.listen(1, BOOK)
    text = '{"type":"l2Book","coin":"BTC"}'
    scene.say(1, {"method": "subscribe", "subscription": BOOK})
    assert of(scene.heard(1), "error") == [f"Already subscribed: {text}"]
    scene.say(1, {"method": "unsubscribe", "subscription": BOOK})
    assert of(scene.heard(1), "subscriptionResponse")[0]["method"] == "unsubscribe"
    scene.advance(5)
    assert scene.heard(1) == []
    scene.say(1, {"method": "unsubscribe", "subscription": BOOK})
    assert of(scene.heard(1), "error") == [f"Already unsubscribed: {text}"]


def test_ten_users_an_ip_and_no_more_until_a_stream_ends(scene: Scene) -> None:
    frames = scene.listen(1, *(user("userFills", f"0x{n:040x}") for n in range(1, 11)))
    assert len(of(frames, "userFills")) == 10
    (refused,) = scene.listen(2, user("orderUpdates", NOBODY.address))
    assert refused == {"channel": "error", "data": "Cannot track more than 10 total users."}
    assert of(scene.listen(3, user("orderUpdates", f"0x{1:040x}")), "subscriptionResponse")
    scene.twin.closed(1, scene.now)
    assert of(scene.listen(4, user("orderUpdates", NOBODY.address)), "subscriptionResponse")


@pytest.mark.parametrize("raw", [
    b"", b"{", b"[]", b"5", b'"ping"', b'{"method":5}', b'{"method":"subscribe"}', b"\xff\xfe", b'{"method":"post"}',
    b'{"method":"post","id":"x","request":{"type":"info","payload":{}}}', b"[" * 5_000,
    b'{"method":"post","id":1,"request":{"type":"nope","payload":{}}}', b'{"method":"post","id":1,"request":7}',
])  # fmt: skip
def test_what_is_no_request_is_answered_by_an_error_and_ends_nothing(scene: Scene, raw: bytes) -> None:
    scene.listen(1)
    scene.say(1, raw)
    (frame,) = scene.heard(1)
    assert frame["data"].startswith("Error parsing JSON into valid websocket request: ")
    scene.say(1, {"method": "ping"})
    assert scene.heard(1) == [{"channel": "pong"}]


def test_a_stream_that_says_nothing_for_a_minute_is_hung_up_on(scene: Scene) -> None:
    scene.listen(1, BOOK)
    scene.listen(2, BOOK)
    scene.advance(50)
    scene.say(2, {"method": "ping"})
    scene.advance(11)
    pushes = scene.twin.pushes
    assert [push.stream for push in pushes if push.data is None] == [1]
    scene.twin.pushes = []
    scene.advance(5)
    assert scene.heard(1) == []
    assert of(scene.heard(2), "l2Book") == []


def test_a_venue_that_restarts_its_servers_hangs_up_on_everybody(scene: Scene) -> None:
    scene.listen(1, BOOK)
    scene.listen(2, user("userFills"))
    scene.twin.hang_up()
    assert [(push.stream, push.data) for push in scene.twin.pushes] == [(1, None), (2, None)]
    scene.twin.pushes = []
    scene.advance(5)
    assert scene.twin.pushes == []
    assert of(scene.listen(3, user("userFills")), "subscriptionResponse")


def test_there_is_one_path(scene: Scene) -> None:
    scene.twin.opened(1, "/elsewhere", scene.now)
    assert scene.heard(1) == [None]


def test_orders_may_be_posted_through_the_stream(scene: Scene) -> None:
    scene.listen(1, user("orderUpdates"))
    action = scene.signed(orders(order(1, "0.1", "70000", c=cloid(1))))
    scene.say(1, {"method": "post", "id": 5, "request": {"type": "action", "payload": action}})
    frames = scene.heard(1)
    (answer,) = of(frames, "post")
    assert answer["id"] == 5
    assert answer["response"]["payload"]["response"]["data"]["statuses"][0]["filled"]["cloid"] == cloid(1)
    assert of(frames, "orderUpdates")[0][0]["status"] == "filled"
    scene.say(1, {"method": "post", "id": 6, "request": {"type": "info", "payload": {"type": "meta"}}})
    (answer,) = of(scene.heard(1), "post")
    assert answer["response"] == {"type": "info", "payload": {"type": "meta", "data": scene.info("meta")}}
    scene.say(1, {"method": "post", "id": 7, "request": {"type": "info", "payload": {"type": "nope"}}})
    assert of(scene.heard(1), "post")[0]["response"]["type"] == "error"


@pytest.mark.parametrize(("fault", "words"), [(Fault.RATE_LIMIT, "429"), (Fault.ERROR_500, "500")])
def test_what_is_posted_through_the_stream_can_fail_as_a_request_can(fault: Fault, words: str) -> None:
    faults = TwinFaults(3)
    scene = Scene(faults=faults)
    scene.listen(1)
    faults.plan(fault)
    scene.say(1, {"method": "post", "id": 8, "request": {"type": "info", "payload": {"type": "meta"}}})
    (answer,) = of(scene.heard(1), "post")
    assert (answer["id"], answer["response"]["type"]) == (8, "error")
    assert words in answer["response"]["payload"]


# -- hearing -----------------------------------------------------------------------------------------------------------


def test_every_frame_is_one_that_our_codec_reads_and_writes_again(scene: Scene) -> None:
    kinds = {"l2Book", "bbo", "trades", "activeAssetCtx"}
    scene.twin.opened(1, "/ws", scene.now)
    wishes = [{"type": kind, "coin": "BTC"} for kind in kinds] + [{"type": "allMids"}]
    wishes += [{"type": "candle", "coin": "BTC", "interval": "5m"}]
    wishes += [user(kind) for kind in ("orderUpdates", "userFills", "userEvents", "userFundings")]
    for wish in wishes:
        scene.say(1, {"method": "subscribe", "subscription": wish})
    scene.place(order(1, "0.1", "70000"), order(1, "0.1", "60000", "Gtc"), order(1, "0.1", "50000"))
    scene.place(trigger(-1, "0.1", "50000", "55000"))
    scene.say(1, {"method": "post", "id": 6, "request": {"type": "info", "payload": {"type": "meta"}}})
    scene.say(1, {"method": "ping"})
    scene.say(1, {"method": "nonsense"})
    scene.advance(3)
    raw = [push.data for push in scene.twin.pushes]
    seen = set()
    for data in raw:
        frame = codec.FRAME.decode(data)
        assert codec.encode(frame) == data
        seen.add(json.loads(data)["channel"])
    assert seen == kinds | {
        "allMids", "candle", "orderUpdates", "userFills", "user", "userFundings", "post", "pong", "error",
        "subscriptionResponse",
    }  # fmt: skip


def test_books_come_whole_at_most_twice_a_second_and_only_when_they_changed(scene: Scene) -> None:
    scene.listen(1, BOOK)
    scene.advance(20)
    books = of(scene.heard(1), "l2Book")
    times = [book["time"] for book in books]
    assert 10 < len(books) <= 40
    assert min(b - a for a, b in pairwise(times)) >= 500
    assert all(a["levels"] != b["levels"] for a, b in pairwise(books))
    assert all(float(book["levels"][0][0]["px"]) < float(book["levels"][1][0]["px"]) for book in books)


def test_a_public_trade_names_both_sides_and_has_the_id_of_the_fill(scene: Scene) -> None:
    scene.listen(1, {"type": "trades", "coin": "BTC"})
    scene.place(order(1, "0.1", "70000"))
    (trade,) = of(scene.heard(1), "trades")[-1]
    (fill,) = scene.mine("userFills")
    assert (trade["tid"], trade["px"], trade["sz"], trade["side"]) == (fill["tid"], fill["px"], fill["sz"], "B")
    assert trade["users"][0] == ME != trade["users"][1]
    assert scene.info("recentTrades", coin="BTC")[0] == trade


def test_strangers_trade_with_each_other_in_public(scene: Scene) -> None:
    scene.listen(1, {"type": "trades", "coin": "BTC"})
    scene.advance(30)
    rows = [row for rows in of(scene.heard(1), "trades") for row in rows]
    assert len(rows) > 5
    assert all(ME not in row["users"] for row in rows)
    assert len({row["tid"] for row in rows}) == len(rows)


def test_private_news_is_told_to_who_listens_for_that_user_alone(scene: Scene) -> None:
    scene.listen(1, user("userFills"), user("orderUpdates"))
    scene.listen(2, user("userFills", BOB.address), user("orderUpdates", BOB.address))
    scene.place(order(1, "0.1", "70000"))
    pushes, scene.twin.pushes = scene.twin.pushes, []
    assert {push.stream for push in pushes} == {1}


def test_the_state_of_an_account_is_told_whole_when_it_changed(scene: Scene) -> None:
    frames = scene.listen(1, user("clearinghouseState"), user("openOrders"), user("spotState"))
    assert of(frames, "clearinghouseState")[0]["clearinghouseState"]["assetPositions"] == []
    assert of(frames, "openOrders")[0]["orders"] == []
    assert of(frames, "spotState")[0]["spotState"]["balances"][0]["coin"] == "USDC"
    scene.advance(1)
    scene.heard(1)
    scene.advance(3)
    assert scene.heard(1) == []
    scene.place(order(1, "0.1", "70000"), order(1, "0.1", "60000", "Gtc"))
    scene.advance(1)
    frames = scene.heard(1)
    held = of(frames, "clearinghouseState")[-1]["clearinghouseState"]["assetPositions"]
    assert [one["position"]["szi"] for one in held] == ["0.1"]
    assert [rows["orders"][0]["sz"] for rows in of(frames, "openOrders")] == ["0.1"]


def test_a_cancel_that_nobody_asked_for_is_told_as_such(scene: Scene) -> None:
    scene.listen(1, user("userEvents"))
    scene.place(order(1, "0.1", "70000"))
    oid = scene.place(order(-1, "0.1", "80000", "Gtc", r=True))[0]["resting"]["oid"]
    scene.place(order(-1, "0.1", "60000"))
    cancels = [data["nonUserCancel"] for data in of(scene.heard(1), "user") if "nonUserCancel" in data]
    assert cancels == [[{"coin": "BTC", "oid": oid}]]


def test_funding_is_paid_on_the_hour_and_told() -> None:
    scene = Scene(start=(START // HOUR + 1) * HOUR - 20 * SECOND)
    scene.listen(1, user("userFundings"))
    scene.place(order(1, "0.1", "70000"))
    cash = scene.twin.core.account(ME)
    before = cash.cash
    scene.advance(18)
    assert of(scene.heard(1), "userFundings") == []
    scene.advance(2)
    (told,) = of(scene.heard(1), "userFundings")
    (row,) = scene.mine("userFunding", startTime=0)
    assert told["fundings"][0]["usdc"] == row["delta"]["usdc"]
    assert float(row["delta"]["usdc"]) < 0
    assert cash.cash - before == round(float(row["delta"]["usdc"]) * 1e6)
    assert row["time"] == (START // HOUR + 1) * HOUR // 10**6
    assert scene.mine("clearinghouseState")["assetPositions"][0]["position"]["cumFunding"]["allTime"] != "0.0"
    assert [row["coin"] for row in scene.info("fundingHistory", coin="BTC", startTime=0)] == ["BTC"]


# -- faults of the venue that streams show -----------------------------------------------------------------------------


def test_a_frozen_venue_answers_pings_and_shows_no_book(scene: Scene) -> None:
    faults = TwinFaults(3, lasting_ns=20 * SECOND)
    scene = Scene(faults=faults)
    scene.listen(1, BOOK)
    faults.plan(Fault.FROZEN)
    scene.advance(3)
    scene.heard(1)
    before = scene.info("l2Book", coin="BTC")["levels"]
    scene.advance(10)
    scene.say(1, {"method": "ping"})
    assert scene.heard(1) == [{"channel": "pong"}]
    assert scene.info("l2Book", coin="BTC")["levels"] != before
    scene.advance(15)
    assert of(scene.heard(1), "l2Book")
    assert faults.injected[Fault.FROZEN] == 1


def test_a_crossed_book_is_told_where_the_faults_want_one() -> None:
    faults = TwinFaults(3)
    scene = Scene(faults=faults)
    scene.listen(1, BOOK)
    faults.plan(Fault.CROSSED)
    scene.advance(5)
    crossed = [float(b["levels"][0][0]["px"]) >= float(b["levels"][1][0]["px"]) for b in of(scene.heard(1), "l2Book")]
    assert crossed.count(True) == 1
    assert crossed[-1] is False


def test_a_skewed_venue_stamps_by_its_own_clock() -> None:
    scene = Scene(HyperliquidSettings(skew_ns=-30 * SECOND))
    assert scene.info("l2Book", coin="BTC")["time"] == (scene.now - 30 * SECOND) // 10**6
    faults = TwinFaults(3, lasting_ns=5 * SECOND)
    scene = Scene(faults=faults)
    faults.plan(Fault.SKEW)
    scene.advance(3)
    assert scene.info("l2Book", coin="BTC")["time"] == (scene.now - 10 * SECOND) // 10**6
    scene.advance(10)
    assert scene.info("l2Book", coin="BTC")["time"] == scene.now // 10**6
