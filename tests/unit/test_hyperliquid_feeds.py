"""Books and marks, and whether they may be trusted: silence, standstill, disagreement, skew, and quiet that is fine."""

import itertools

import pytest

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import BookTop, DataTrust, Mark
from pilotfish.venues.hyperliquid.public.compared import Clock, Top, Tops
from pilotfish.venues.hyperliquid.wire.messages import Candle
from tests.unit.hyperliquid_scene import BTC, MS, SECOND, T0, Scene, book

KEY = BTC.instrument.id


def scene(**settings) -> Scene:
    return Scene((), watch=(KEY,), **settings).start()


def verdicts(stage: Scene) -> list[Doubt]:
    return [event.doubt for event in stage.of(DataTrust)]


def quiet(stage: Scene, seconds: int) -> None:
    """The venue says the same book every second."""
    for _ in range(seconds):
        stage.run(1)
        stage.book("BTC", *stage.venue.books["BTC"])


def test_an_instrument_is_doubted_until_its_first_whole_book_and_trusted_from_then_on() -> None:
    stage = scene()
    assert verdicts(stage)[0] == Doubt.DISCONNECTED | Doubt.UNSUBSCRIBED | Doubt.NO_SNAPSHOT | Doubt.SILENT
    assert verdicts(stage)[-1] == Doubt.NO_SNAPSHOT | Doubt.SILENT
    stage.book("BTC", "99", "101")
    assert verdicts(stage)[-1] == Doubt.NONE
    (top,) = stage.of(BookTop)
    assert (top.bid, top.bid_lots, top.ask, top.ask_lots) == (990, 100_000, 1_010, 100_000)
    assert (top.venue_ns, top.ours_ns) == (T0, T0)


def test_best_prices_alone_do_not_make_a_book_whole() -> None:
    stage = scene()
    level = {"px": "99", "sz": "1", "n": 1}
    stage.say("bbo", {"coin": "BTC", "time": stage.ms, "bbo": [level, None]})
    assert verdicts(stage)[-1] == Doubt.NO_SNAPSHOT
    assert stage.of(BookTop)[0].ask == 0


def test_a_changed_book_is_told_at_once_and_an_unchanged_one_every_second_while_trusted() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    stage.now += MS
    stage.book("BTC", "99", "101")
    assert len(stage.of(BookTop)) == 1
    stage.now += MS
    stage.book("BTC", "98", "101")
    assert len(stage.of(BookTop)) == 2
    quiet(stage, 20)
    tops = stage.of(BookTop)
    assert max(b.ours_ns - a.ours_ns for a, b in itertools.pairwise(tops)) <= SECOND
    assert verdicts(stage)[-1] == Doubt.NONE


def test_a_book_that_the_venue_says_nothing_about_is_trusted_while_pings_are_answered() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    stage.forget()
    stage.run(60)
    assert verdicts(stage) == []
    tops = stage.of(BookTop)
    assert max(b.ours_ns - a.ours_ns for a, b in itertools.pairwise(tops)) <= SECOND
    assert {top.venue_ns for top in tops} == {T0}
    assert stage.session.counters()["pongs"] >= 5


def test_a_stream_that_falls_silent_is_doubted_and_then_given_up() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    stage.forget()
    stage.hears = False
    stage.run(9)
    assert verdicts(stage)[0] == Doubt.SILENT
    assert stage.closes == 0
    last = stage.of(BookTop)[-1].ours_ns
    assert last <= stage.of(DataTrust)[0].ours_ns, "what is doubted is not told again"
    stage.run(5)
    assert stage.closes == 1
    assert stage.session.counters()["streams_half_open"] == 1


def test_a_frozen_book_is_found_by_asking_another_way_though_pings_are_answered() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    quiet(stage, 10)
    stage.venue.books["BTC"] = ("120", "121")
    stage.forget()
    for _ in range(45):
        stage.run(1)
        stage.say("l2Book", book("BTC", "99", "101", stage.ms))
    assert Doubt.DISAGREES in verdicts(stage)[0]
    assert {"method": "unsubscribe", "subscription": {"type": "l2Book", "coin": "BTC"}} in stage.sent
    assert stage.closes >= 1, "a stream that stays frozen is given up"
    stage.book("BTC", "120", "121")
    quiet(stage, 40)
    assert verdicts(stage)[-1] == Doubt.NONE


def test_one_disagreement_alone_is_the_books_own_movement() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    quiet(stage, 27)
    stage.forget()
    stage.venue.books["BTC"] = ("120", "121")
    stage.run(4)
    stage.book("BTC", "99", "101")
    quiet(stage, 20)
    assert stage.session.counters()["comparisons"] >= 2
    assert verdicts(stage) == []


def test_the_stream_may_be_a_little_behind_the_other_way() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    quiet(stage, 28)
    stage.venue.books["BTC"] = ("120", "121")
    while stage.session.counters().get("comparisons", 0) == 0:
        stage.run(0.1)
    stage.run(0.3)
    stage.book("BTC", "120", "121")
    stage.run(3)
    assert stage.session.counters()["comparisons"] == 1, "nothing to ask again about"
    assert verdicts(stage)[-1] == Doubt.NONE


def test_the_comparison_keeps_to_what_is_plenty_of_the_budget() -> None:
    stage = scene(weight_per_minute=60)
    stage.book("BTC", "99", "101")
    for _ in range(5):
        stage.session._link.budget.charge(20, stage.now)
        quiet(stage, 20)
    assert [body for body in stage.asked if body["type"] == "l2Book"] == []
    assert stage.session.counters()["waiting_for_budget"] == 1
    assert verdicts(stage)[-1] == Doubt.NONE
    quiet(stage, 60)
    assert [body for body in stage.asked if body["type"] == "l2Book"]


def test_a_crossed_book_is_not_told_and_doubted_until_it_is_not() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    stage.now += MS
    stage.book("BTC", "102", "101")
    assert verdicts(stage)[-1] == Doubt.CROSSED
    assert stage.of(BookTop)[-1].bid == 990
    stage.now += MS
    stage.book("BTC", "99", "101")
    assert verdicts(stage)[-1] == Doubt.NONE


def test_an_overtaken_book_is_passed_over() -> None:
    stage = scene()
    stage.now += SECOND
    stage.book("BTC", "99", "101")
    stage.book("BTC", "90", "91", at=stage.ms - 500)
    assert stage.of(BookTop)[-1].bid == 990
    assert stage.session.counters()["overtaken"] == 1
    stage.book("BTC", "95", "96", at=stage.ms + 7_200_000)
    assert stage.session.counters()["set_aside: a stamp in the future"] == 1
    assert stage.of(BookTop)[-1].bid == 990


@pytest.mark.parametrize("skew_ms", [-5_000, 5_000])
def test_a_venue_whose_clock_is_off_is_not_trusted_until_it_is_right_again(skew_ms: int) -> None:
    stage = scene()
    stage.venue.skew_ms = skew_ms
    stage.book("BTC", "99", "101")
    quiet(stage, 3)
    assert Doubt.SKEWED in verdicts(stage)[-1]
    stage.venue.skew_ms = 0
    quiet(stage, 30)
    assert verdicts(stage)[-1] == Doubt.NONE


def test_a_slow_frame_is_no_wrong_clock() -> None:
    stage = scene()
    for second in range(20):
        stage.run(1)
        stage.book("BTC", "99", "101", at=stage.ms - (4_000 if second % 3 else 0))
    assert not any(Doubt.SKEWED in doubt for doubt in verdicts(stage))


def test_after_a_gap_nothing_from_before_it_is_trusted() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    stage.forget()
    stage.lose()
    assert verdicts(stage)[0] == Doubt.DISCONNECTED | Doubt.UNSUBSCRIBED | Doubt.NO_SNAPSHOT | Doubt.SILENT
    assert stage.session.depth(KEY) is None
    stage.run(3)
    assert stage.of(BookTop) == []
    stage.book("BTC", "98", "101")
    assert verdicts(stage)[-1] == Doubt.NONE
    assert stage.of(BookTop)[0].bid == 980


def test_the_whole_book_can_be_read() -> None:
    stage = scene()
    levels = [
        [{"px": px, "sz": "0.5", "n": 1} for px in ("99", "98.5")],
        [{"px": px, "sz": "2", "n": 3} for px in ("101", "102")],
    ]
    stage.say("l2Book", {"coin": "BTC", "levels": levels, "time": stage.ms})
    assert stage.session.depth(KEY) == ([(990, 50_000), (985, 50_000)], [(1_010, 200_000), (1_020, 200_000)], T0)
    assert stage.session.depth(99) is None


def test_marks_and_funding_rates_are_kept_and_garbage_is_not() -> None:
    stage = scene()
    context = {"markPx": "100.04", "prevDayPx": "1", "dayNtlVlm": "1", "funding": "0.0000125", "oraclePx": "100.5"}
    stage.say("activeAssetCtx", {"coin": "BTC", "ctx": context})
    stage.say("activeAssetCtx", {"coin": "BTC", "ctx": context | {"markPx": "nan"}})
    assert [mark.price for mark in stage.of(Mark)] == [1_000]
    feeds = stage.session.feeds
    assert (feeds.price(KEY), feeds.oracle(KEY), feeds.funding_rate_e9(KEY)) == (1_000, 1_005, 12_500)
    assert stage.session.counters()["set_aside"] == 1


def test_a_mark_is_told_again_while_the_venue_may_just_have_nothing_new_to_say_of_it() -> None:
    stage = scene()
    stage.book("BTC", "99", "101")
    stage.say("activeAssetCtx", {"coin": "BTC", "ctx": {"markPx": "100", "prevDayPx": "1", "dayNtlVlm": "1"}})
    quiet(stage, 60)
    marks = [mark.ours_ns for mark in stage.of(Mark)]
    assert max(later - earlier for earlier, later in itertools.pairwise(marks)) < 2 * SECOND
    assert {mark.venue_ns for mark in stage.of(Mark)} == {T0}
    assert 14 * SECOND <= marks[-1] - T0 <= 15 * SECOND


def test_candles_are_asked_for_and_a_failure_is_no_candle() -> None:
    stage = scene()
    row = {"t": 1, "T": 2, "s": "BTC", "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": 1}
    stage.venue.answer = lambda body, ms: [row]
    got: list[list[Candle] | None] = []
    stage.session.feeds.candles(KEY, "1m", 0, 60_000, stage.now, lambda rows, ns: got.append(rows))
    stage.drain()
    stage.fails = lambda body: True
    stage.session.feeds.candles(KEY, "1m", 0, 60_000, stage.now, lambda rows, ns: got.append(rows))
    stage.drain()
    assert got[0] is not None
    assert [row.s for row in got[0]] == ["BTC"]
    assert got[1] is None


def test_an_instrument_that_is_not_listed_is_counted_and_not_watched() -> None:
    stage = scene()
    stage.session.watch(77, stage.now)
    assert stage.session.counters()["set_aside"] == 1
    stage.book("DOGE", "1", "2")
    assert stage.of(BookTop) == []


def test_two_ways_agree_when_each_price_lies_between_what_the_stream_said_around_that_moment() -> None:
    tops = Tops()
    assert tops.agrees(Top(T0, 10, 11)) is None
    for second, (bid, ask) in enumerate([(10, 11), (12, 13), (14, 15)]):
        tops.add(Top(T0 + second * 2 * SECOND, bid, ask))
    assert tops.agrees(Top(T0 + SECOND, 11, 12)) is True, "between the first and the second"
    assert tops.agrees(Top(T0 + SECOND, 14, 15)) is False
    assert tops.agrees(Top(T0 + 60 * SECOND, 14, 15)) is True, "nothing newer: it still stands"
    assert tops.agrees(Top(T0 + 60 * SECOND, 12, 13)) is False
    assert tops.reaches(T0 + 4 * SECOND)
    assert not tops.reaches(T0 + 5 * SECOND)


def test_the_stream_keeps_no_more_of_a_quiet_book_than_its_ends() -> None:
    tops = Tops()
    for second in range(100):
        tops.add(Top(T0 + second * SECOND // 10, 10, 11))
    assert len(tops._tops) == 2


def test_the_clock_takes_the_stamp_that_came_fastest_and_forgets() -> None:
    clock = Clock(10 * SECOND)
    assert clock.offset_ns(T0) is None
    for delay_ms in (900, 40, 300):
        clock.stamp(T0 - delay_ms * MS, T0)
    assert clock.offset_ns(T0) == -40 * MS
    clock.stamp(T0 + 11 * SECOND - 500 * MS, T0 + 11 * SECOND)
    assert clock.offset_ns(T0 + 11 * SECOND) == -40 * MS
    assert clock.offset_ns(T0 + 22 * SECOND) == -500 * MS
    assert clock.offset_ns(T0 + 60 * SECOND) is None
