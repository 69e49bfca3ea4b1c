"""The live figures measure what they say: the lead's trade in, the followers' orders out, all of them and no others."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from bench import live_path, segregated, signing
from bench.__main__ import NAMES
from bench.live_market import LEAD, Market, follower
from bench.live_server import Times
from bench.live_stage import followers, platform, venue, whole
from pilotfish.venues.hyperliquid.wire.codec import FRAME
from pilotfish.venues.hyperliquid.wire.messages import FillsFrame, TradesFrame
from pilotfish.venues.net.driver import new_loop

ROW = {"name", "value", "unit", "baseline", "ratio", "against", "note"}


def assert_rows(rows: list[dict], *names: str) -> None:
    assert len(rows) == len(names)
    for row, name in zip(rows, names, strict=True):
        assert row.keys() >= ROW
        assert name in row["name"]
        assert min(row["value"], row["baseline"], row["ratio"]) > 0


def test_the_live_path_is_measured_whole_and_by_part() -> None:
    rows = live_path.measured(live_path.Sizes(rounds=4, peer_rounds=2, many_rounds=2, warm=1, many=300))
    assert_rows(rows, "p50", "p99", "300 followers")
    assert [row["target"] for row in rows] == ["≤ 1 ms", "≤ 5 ms", "≤ 25 ms"]
    points = rows[0]["points"]
    assert {f"{part} µs" for part in live_path.PARTS} < points.keys()
    assert all(points[f"{part} µs"] > 0 for part in live_path.PARTS)
    assert points["echo p50 µs"] <= points["echo p99 µs"]
    assert points["p50 µs"] <= points["p90 µs"] <= points["p99 µs"] <= points["worst µs"]


def test_segregated_orders_are_measured_with_a_pool_and_without() -> None:
    rows = segregated.measured(segregated.Sizes(accounts=30, rounds=1, warm=1, reference=2))
    assert_rows(rows, "30 segregated orders out, signed by 2 processes", "30 segregated orders out, signed in process")


def test_a_pool_is_measured_beside_a_smaller_one() -> None:
    assert_rows([signing.pooled(70)], "two processes")


def test_every_live_figure_has_a_name_on_the_command_line() -> None:
    assert {"signing", "polymarket_signing", "live_path", "segregated"} <= set(NAMES)


def test_a_trade_without_an_order_is_no_figure() -> None:
    assert whole(Times([5, 6], 0)) == [5, 6]
    with pytest.raises(RuntimeError, match="1 of 3 rounds"):
        whole(Times([5, 6], 1))


def test_parts_that_saw_nothing_are_no_figure() -> None:
    with pytest.raises(RuntimeError, match="no order"):
        live_path.Parts().medians_us()


def test_followers_together_want_what_the_lead_holds() -> None:
    follows = followers(7)
    assert len(follows) == 7
    assert 0 <= 100_000_000 * 10**6 - int(follows.allocation.sum()) < 7


# -- the venue ---------------------------------------------------------------------------------------------------------


def test_the_lead_buys_and_sells_by_turns_among_strangers() -> None:
    market, sides = Market(), []
    for _ in range(4):
        frame = FRAME.decode(market.lead_trades())
        assert isinstance(frame, TradesFrame)
        [mine] = [trade for trade in frame.data if LEAD in trade.users]
        assert len(frame.data) > 1
        sides.append(mine.users.index(LEAD))
    assert sides == [0, 1, 0, 1]
    rows = market.answer({"type": "userFillsByTime", "user": LEAD, "startTime": 0})
    assert [row["side"] for row in rows] == ["B", "A", "B", "A"]
    assert market.lots == 0


def test_the_venue_states_what_its_trades_add_up_to() -> None:
    market = Market()
    market.lead_trades()
    [held] = market.answer({"type": "clearinghouseState", "user": LEAD})["assetPositions"]
    assert float(held["position"]["szi"]) == 0.5
    assert market.answer({"type": "clearinghouseState", "user": follower(3)})["assetPositions"] == []
    market.begin()
    assert market.answer({"type": "clearinghouseState", "user": LEAD})["assetPositions"] == []


def test_fills_are_of_the_shape_the_venue_has() -> None:
    order = {"b": True, "p": "66400", "s": "0.5", "c": "0x" + "0" * 32}
    frame = FRAME.decode(Market().fill(follower(0), order))
    assert isinstance(frame, FillsFrame)
    tape = FRAME.decode(Market().tape([(3, order), (5, order | {"b": False})]))
    assert [trade.users.index(follower(k)) for trade, k in zip(tape.data, (3, 5), strict=True)] == [0, 1]


def test_a_platform_that_mirrored_something_else_is_no_figure() -> None:
    @asynccontextmanager
    async def mirroring():
        async with venue() as bench, platform(bench, 3) as one:
            yield bench, one

    async def scene() -> None:
        async with mirroring() as (bench, one):
            assert len(await one.play(bench, 2)) == 2
            assert one.filled == 2
            one.filled += 1  # as if somebody else had traded
            with pytest.raises(RuntimeError, match="did not mirror"):
                await one.play(bench, 1)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(scene())
