"""Leads from recordings trade again on the twin: in public, at their prices, in books that followers can trade in."""

import pytest

from pilotfish.domain.events import LeadFill
from pilotfish.venues.hyperliquid.wire import codec
from pilotfish.venues.hyperliquid.wire.assets import perps
from pilotfish.venues.hyperliquid.wire.messages import TradesFrame, UserFill
from pilotfish.venues.hyperliquid.wire.told import lead_fill, lead_trades
from tests.unit.twin_hyperliquid_scene import ME, MS, SECOND, START, Scene, of, order

LEAD = "0x" + "1ead" * 10
LONG_AGO = 1_700_000_000_000 * MS
BEGIN = START + 5 * SECOND
# seconds after the first, side, lots, price in tenths of a dollar, the position before it
STORY = ((0, 1, 50_000, 371_230, 0), (3, 1, 20_000, 371_500, 50_000), (8, -1, 90_000, 370_010, 70_000))


def recorded() -> list[LeadFill]:
    return [
        LeadFill(LONG_AGO + s * SECOND, 0, 0, 0, side, lots, price, 1_000 + s, start)
        for s, side, lots, price, start in STORY
    ]


def as_rows() -> list[UserFill]:
    return [
        UserFill(
            "BTC", f"{price / 10}", f"{lots / 1e5}", "B" if side > 0 else "A", (LONG_AGO // MS) + s * 1_000,
            f"{start / 1e5}", "Open Long", "0.0", "0x0", 7, True, "0.1", 1_000 + s,
        )
        for s, side, lots, price, start in STORY
    ]  # fmt: skip


@pytest.fixture(params=[recorded, as_rows])
def scene(request: pytest.FixtureRequest) -> Scene:
    scene = Scene()
    scene.twin.play(LEAD, request.param(), BEGIN)
    return scene


def test_the_lead_is_heard_in_the_public_trades_as_it_was_recorded(scene: Scene) -> None:
    scene.twin.opened(1, "/ws", scene.now)
    scene.say(1, {"method": "subscribe", "subscription": {"type": "trades", "coin": "BTC"}})
    scene.advance(20)
    instrument = perps(codec.META.decode(scene.raw("/info", {"type": "meta"})[1]), 0)[0].instrument
    frames = [codec.FRAME.decode(push.data) for push in scene.twin.pushes]
    trades = [trade for frame in frames if isinstance(frame, TradesFrame) for trade in frame.data]
    told = [fill for trade in trades for fill in lead_trades(trade, {LEAD: 4}, instrument, scene.now)]
    assert [(fill.fill_id, fill.side, fill.lots, fill.price) for fill in told] == [
        (1_000 + s, side, lots, price) for s, side, lots, price, _ in STORY
    ]
    assert [fill.venue_ns for fill in told] == [BEGIN + s * SECOND for s, *_ in STORY]


def test_its_fills_chain_and_its_position_is_what_they_leave(scene: Scene) -> None:
    scene.advance(20)
    instrument = scene.twin.instruments[0]
    fills = codec.USER_FILLS.decode(scene.raw("/info", {"type": "userFillsByTime", "user": LEAD, "startTime": 0})[1])
    told = [lead_fill(fill, 0, instrument, scene.now) for fill in fills]
    assert [(fill.start, fill.change) for fill in told] == [(0, 50_000), (50_000, 20_000), (70_000, -90_000)]
    state = scene.info("clearinghouseState", user=LEAD)
    assert state["assetPositions"][0]["position"]["szi"] == "-0.2"
    assert scene.twin.position(LEAD, "BTC") == -20_000
    assert [fill.dir for fill in fills] == ["Open Long", "Open Long", "Long > Short"]


def test_its_fills_are_told_once_and_only_when_they_happen(scene: Scene) -> None:
    frames = scene.listen(1, {"type": "userFills", "user": LEAD})
    assert of(frames, "userFills")[0]["fills"] == []
    scene.advance(5)
    assert [len(data["fills"]) for data in of(scene.heard(1), "userFills")] == [1]
    scene.advance(20)
    assert [len(data["fills"]) for data in of(scene.heard(1), "userFills")] == [1, 1]


def test_followers_copy_at_sensible_prices(scene: Scene) -> None:
    for seconds, side, _, price, _ in STORY:
        scene.now = BEGIN + seconds * SECOND + 200 * MS
        bid, ask = scene.top()
        assert bid < ask
        assert abs(ask / (price / 10) - 1) < 0.002
        filled = scene.place(order(side, "0.05", "40000" if side > 0 else "35000"))[0]["filled"]
        assert abs(float(filled["avgPx"]) / (price / 10) - 1) < 0.002
    assert scene.twin.position(ME, "BTC") == 5_000


def test_a_story_may_be_told_faster() -> None:
    scene = Scene()
    scene.twin.play(LEAD, recorded(), BEGIN, speed=4.0)
    scene.advance(7)
    assert [fill.time for fill in scene.twin.fills_of(LEAD)] == [
        (BEGIN + s * SECOND // 4) // MS for s, *_ in STORY
    ]  # fmt: skip


def test_a_gap_in_a_recording_is_taken_as_the_recording_states_it() -> None:
    scene = Scene()
    scene.twin.play(LEAD, [recorded()[0], recorded()[2]], BEGIN)
    scene.advance(20)
    assert [fill.startPosition for fill in scene.twin.fills_of(LEAD)] == ["0.0", "0.7"]
    assert scene.twin.position(LEAD, "BTC") == -20_000


def test_what_the_twin_does_not_list_is_counted_and_left_out() -> None:
    scene = Scene()
    rows = as_rows()
    odd = [
        UserFill("XYZ", "1.0", "1.0", "B", 1, "0.0", "", "0", "0x0", 1, True, "0", 1),
        UserFill("BTC", "1.123456", "1.0", "B", 1, "0.0", "", "0", "0x0", 1, True, "0", 2),
        LeadFill(1, 1, 0, 99, 1, 1, 1, 3),
    ]
    scene.twin.play(LEAD, [*odd, *rows], BEGIN)
    scene.advance(20)
    assert scene.twin.counters()["unplayable"] == 3
    assert len(scene.twin.fills_of(LEAD)) == len(rows)


def test_a_lead_that_is_played_is_never_liquidated() -> None:
    scene = Scene()
    scene.twin.play(LEAD, recorded(), BEGIN, usdc=10)
    scene.advance(20)
    assert scene.twin.equity(LEAD) < 0
    assert len(scene.twin.fills_of(LEAD)) == len(STORY)


def test_two_leads_may_play_one_coin() -> None:
    scene = Scene()
    other = "0x" + "2" * 40
    scene.twin.play(LEAD, recorded(), BEGIN)
    scene.twin.play(other, as_rows(), BEGIN + SECOND)
    scene.advance(20)
    assert len(scene.twin.fills_of(LEAD)) == len(scene.twin.fills_of(other)) == 3
    assert scene.twin.position(LEAD, "BTC") == scene.twin.position(other, "BTC") == -20_000
