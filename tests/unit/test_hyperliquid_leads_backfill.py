"""After a gap a lead's fills are read page by page, put in order, and told where they belong."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.events import LeadFill
from pilotfish.venues.hyperliquid.public import backfill
from pilotfish.venues.hyperliquid.public.backfill import History
from pilotfish.venues.hyperliquid.wire.messages import UserFill
from tests.unit.hyperliquid_scene import ALICE, CROWD, MS, SECOND, Scene


def scene(*leads: str) -> Scene:
    stage = Scene(leads or (ALICE,)).start()
    stage.agree(*(leads or (ALICE,)))
    return stage


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_long_gap_is_read_page_by_page_whichever_end_a_page_is_cut_at(newest_first: bool) -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.run(10)
    stage.venue.newest_first = newest_first
    stage.cut()
    for _ in range(4_500):
        stage.now += 3 * MS
        stage.trade(ALICE, CROWD, "BTC", "0.001", heard=False)
    stage.forget()
    stage.back()
    stage.run(5)
    fills = stage.of(LeadFill)
    assert len(fills) == 4_500
    assert [fill.start for fill in fills] == [100_000 + 100 * k for k in range(4_500)]
    assert "histories_cut" not in stage.session.counters()
    stage.agree(ALICE)


def test_a_history_that_is_cut_is_said_and_healed_by_the_position() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.run(10)
    stage.cut()
    for _ in range(10_400):
        stage.now += MS
        stage.trade(ALICE, CROWD, "BTC", "0.001", heard=False)
    stage.venue.fills[ALICE] = stage.venue.fills[ALICE][-10_000:]
    stage.now += 10 * SECOND
    stage.back()
    stage.run(60)
    assert stage.session.counters()["histories_cut"] == 1
    stage.agree(ALICE)


def test_an_answer_from_before_the_gap_is_worth_nothing_after_it() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.run(10)
    stage.asks_wait = True
    stage.lose()
    for _ in range(2):
        stage.reply(*stage.waiting.pop(0))
    stage.drain()
    old = stage.waiting.pop()
    assert old[1]["type"] == "userFillsByTime"
    stage.cut()
    stage.forget()
    stage.reply(*old)
    stage.drain()
    assert stage.told == []
    stage.trade(ALICE, CROWD, "BTC", "2", heard=False)
    stage.asks_wait = False
    stage.back()
    assert [fill.lots for fill in stage.of(LeadFill)] == [200_000]


def test_a_fill_that_the_venue_showed_late_is_told_when_the_positions_say_that_it_lacks() -> None:
    stage = scene()
    stage.run(10)
    stage.venue.frozen = {ALICE: {}}
    stage.venue.fills_behind_ms = 2_000
    stage.trade(ALICE, CROWD, "BTC", "1", heard=False)
    stage.run(0.5)
    stage.lose()
    stage.run(5)
    assert (stage.of(LeadFill), stage.engine_holds()) == ([], {})
    stage.venue.frozen = None
    stage.run(65)
    assert [fill.lots for fill in stage.of(LeadFill)] == [100_000]
    stage.agree(ALICE)


times = st.lists(st.integers(0, 40), max_size=60).map(sorted)


@given(times, st.booleans())
def test_the_pages_of_a_history_are_all_of_it_wherever_they_are_cut(stamps: list[int], newest_first: bool) -> None:
    per_ms = max((stamps.count(ms) for ms in stamps), default=0)
    page = per_ms + 2
    rows = [row(ms, tid) for tid, ms in enumerate(stamps, 1)]
    history = History(ALICE, 0)
    with mock.patch.object(backfill, "PAGE_ROWS", page):
        while body := history.next_body():
            inside = [one for one in rows if body["startTime"] <= one.time <= body.get("endTime", 10**9)]
            history.page((inside[::-1] if newest_first else inside)[:page])
    assert sorted(one.tid for one in history.rows()) == [one.tid for one in rows]
    assert [one.time for one in history.rows()] == stamps
    assert not history.cut


def test_more_fills_in_one_millisecond_than_a_page_holds_are_said_to_be_cut() -> None:
    history = History(ALICE, 0)
    rows = [row(5, tid) for tid in range(1, 12)]
    with mock.patch.object(backfill, "PAGE_ROWS", 4):
        while body := history.next_body():
            inside = [one for one in rows if body["startTime"] <= one.time <= body.get("endTime", 10**9)]
            history.page(inside[:4])
    assert history.cut
    assert len(history.rows()) == 4


def row(ms: int, tid: int) -> UserFill:
    return UserFill("BTC", "1", "1", "B", ms, "nonsense", "x", "0", "0x0", 1, True, "0", tid=tid)


def test_fills_of_one_millisecond_are_chained_by_their_positions() -> None:
    stage = scene()
    stage.run(10)
    stage.cut()
    for size in ("1", "2", "4", "8"):
        stage.trade(ALICE, CROWD, "BTC", size, heard=False)
    stage.venue.fills[ALICE] = [stage.venue.fills[ALICE][k] for k in (2, 0, 3, 1)]
    stage.now += SECOND
    stage.back()
    assert [fill.start for fill in stage.of(LeadFill)] == [0, 100_000, 300_000, 700_000]
    assert stage.state.leads[0].breaks == 0
    stage.agree(ALICE)


def test_fills_whose_stamps_contradict_their_positions_never_swing_what_the_engine_believes() -> None:
    stage = scene()
    stage.run(10)
    stage.cut()
    for size, shift in (("1", 9_000), ("2", 0), ("4", 0)):
        stage.run(1)
        stage.venue.trade(ALICE, CROWD, "BTC", size, stage.ms + shift)
    stage.run(9)
    stage.back()
    assert [(fill.lots, fill.start) for fill in stage.of(LeadFill)] == [
        (200_000, None),
        (400_000, None),
        (100_000, None),
    ]
    assert stage.state.leads[0].breaks == 0
    stage.agree(ALICE)
    assert stage.session.counters()["chains_broken"] == 1


def test_a_failing_backfill_is_tried_again_ever_more_slowly_until_it_succeeds() -> None:
    stage = Scene()
    stage.venue.trade(ALICE, CROWD, "BTC", "2", stage.ms - 60_000)
    stage.fails = lambda body: True
    stage.start()
    stage.run(20)
    failed = stage.session.counters()["backfills_failed"]
    assert 3 <= failed <= 6
    stage.fails = lambda body: False
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.run(40)
    stage.agree(ALICE)
