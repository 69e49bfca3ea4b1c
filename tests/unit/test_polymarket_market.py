"""Polymarket's books: whole, changed, compared, and told only as far as they can be trusted."""

import itertools
from typing import Any

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import BookTop, DataTrust, Mark
from pilotfish.venues.polymarket.settings import SECOND
from tests.unit.polymarket_samples import CONDITION, NO, YES
from tests.unit.polymarket_scene import MS, NO_ID, START, YES_ID, Scene, book, change, ms, path_of


def doubt(scene: Scene, instrument: int = YES_ID) -> Doubt:
    """As it was told last."""
    return [event.doubt for event in scene.of(DataTrust) if event.instrument == instrument][-1]


def tops(scene: Scene) -> list[tuple[int, int, int, int]]:
    return [(one.bid, one.bid_lots, one.ask, one.ask_lots) for one in scene.of(BookTop) if one.instrument == YES_ID]


def rest(bid: str = "0.48", ask: str = "0.52", size: str = "100", at: int = START) -> dict[str, Any]:
    row = book(bid=bid, ask=ask, size=size, at=at)
    del row["event_type"]
    return row


def test_an_instrument_is_doubted_until_its_first_whole_book() -> None:
    scene = Scene(watch=(YES_ID, NO_ID))
    scene.session.start(scene.now)
    scene.drain()
    assert doubt(scene) & Doubt.DISCONNECTED
    scene.open("market")
    assert doubt(scene) & ~Doubt.SILENT == Doubt.UNSUBSCRIBED | Doubt.NO_SNAPSHOT
    scene.market(book(YES))
    assert doubt(scene) is Doubt.NONE
    assert doubt(scene, NO_ID) & Doubt.NO_SNAPSHOT
    assert tops(scene) == [(4_800, 10_000, 5_200, 10_000)]
    assert [one.price for one in scene.of(Mark)] == [5_000]


def test_every_watched_token_is_subscribed_in_the_first_frame() -> None:
    scene = Scene(watch=(YES_ID, NO_ID)).up()
    first = scene.sent["market"][0]
    assert YES in first
    assert NO in first
    assert '"custom_feature_enabled":true' in first


def test_a_change_is_told_at_once_and_a_doubled_one_changes_nothing() -> None:
    scene = Scene().up()
    scene.events = []
    scene.now += SECOND
    for _ in range(2):
        scene.market(change("0.49", "7.5", bid="0.49", ask="0.52"))
    assert tops(scene) == [(4_900, 750, 5_200, 10_000)]
    scene.market(change("0.49", "0", bid="0.48", ask="0.52", at=START + 2 * SECOND))
    assert tops(scene)[-1] == (4_800, 10_000, 5_200, 10_000)


def test_a_change_that_was_overtaken_by_a_younger_one_of_its_level_is_passed_over() -> None:
    scene = Scene().up()
    scene.market(change("0.49", "5", bid="0.49", ask="0.52", at=START + 3 * SECOND))
    scene.market(change("0.49", "9", bid="0.49", ask="0.52", at=START + 2 * SECOND))
    assert tops(scene)[-1] == (4_900, 500, 5_200, 10_000)
    assert doubt(scene) is Doubt.NONE


def test_a_quiet_book_is_told_again_within_a_second_while_it_is_trusted() -> None:
    scene = Scene().up()
    scene.events = []
    scene.advance(3 * SECOND)
    stamps = [one.ours_ns for one in scene.of(BookTop)]
    assert len(stamps) >= 3
    assert all(later - earlier <= SECOND for earlier, later in itertools.pairwise(stamps))


def test_a_silent_stream_is_doubted_then_given_up_and_opened_again() -> None:
    scene = Scene().up()
    opened, scene.pongs = len(scene.opens), False
    scene.advance(20 * SECOND)
    assert doubt(scene) & (Doubt.SILENT | Doubt.DISCONNECTED)
    assert "market" in scene.closed
    assert scene.session.counters()["half-open streams"] == 2  # the market's and ours
    assert {one.name for one in scene.opens[opened:]} >= {"market", "user -1"}
    told = len(tops(scene))
    scene.advance(3 * SECOND)
    assert len(tops(scene)) == told  # nothing is said of a book that nobody vouches for


def test_nothing_of_before_a_gap_is_trusted_after_it() -> None:
    scene = Scene().up()
    scene.session.lost("market", "reset", scene.now)
    scene.drain()
    assert doubt(scene) & Doubt.DISCONNECTED
    scene.open("market")
    assert doubt(scene) & ~Doubt.SILENT == Doubt.UNSUBSCRIBED | Doubt.NO_SNAPSHOT
    assert scene.session.depth(YES_ID) is None
    scene.market(book(bid="0.40", at=START + SECOND))
    assert doubt(scene) is Doubt.NONE
    assert tops(scene)[-1][0] == 4_000


def test_best_prices_that_differ_from_ours_are_a_soft_alarm_ended_by_a_book_from_rest() -> None:
    scene = Scene().up()
    scene.market(change("0.30", "5", bid="0.49", ask="0.52"))  # a change to 0.49 was lost
    assert doubt(scene) & Doubt.DISAGREES
    assert scene.session.counters()["books that disagreed"] == 1
    scene.market(change("0.50", "3", bid="0.50", ask="0.52", at=START + 5 * SECOND))  # comes while REST is asked
    scene.answer("/book", rest(bid="0.49", at=START + 2 * SECOND))
    assert doubt(scene) is Doubt.NONE
    assert tops(scene)[-1] == (5_000, 300, 5_200, 10_000)  # REST's book, and what is younger than it on top


def test_a_book_that_rest_does_not_answer_is_asked_for_again() -> None:
    scene = Scene().up()
    scene.market(change("0.30", "5", bid="0.49", ask="0.52"))
    scene.fail("/book")
    assert doubt(scene) & Doubt.DISAGREES
    scene.advance(2 * SECOND)
    scene.answer("/book", raw=b"<html>", status=502)
    scene.advance(2 * SECOND)
    scene.answer("/book", rest(at=START + 2 * SECOND))
    assert doubt(scene) is Doubt.NONE


def test_a_frozen_feed_is_found_by_comparing_with_rest() -> None:
    scene = Scene(compare_ns=5 * SECOND).up()
    frozen = START + 4 * SECOND
    scene.automatic["POST", "/books"] = lambda scene, ask: (200, [rest(bid="0.45", at=frozen)])
    for _ in range(8):
        scene.advance(SECOND)
        scene.frame("market", b"PONG")  # pings are answered, the book stands still
    assert doubt(scene) & Doubt.DISAGREES
    scene.answer("/book", rest(bid="0.45", at=frozen))
    assert doubt(scene) is Doubt.NONE
    assert tops(scene)[-1][0] == 4_500


def test_a_book_that_is_only_late_is_not_doubted() -> None:
    scene = Scene(compare_ns=5 * SECOND).up()
    ahead = START + 5 * SECOND
    scene.automatic["POST", "/books"] = lambda scene, ask: (200, [rest(bid="0.45", at=ahead)])
    scene.advance(5 * SECOND + 100 * MS)
    scene.market(book(bid="0.45", at=ahead))
    scene.automatic["POST", "/books"] = lambda scene, ask: (200, [])
    for _ in range(3):
        scene.advance(SECOND)
        scene.frame("market", b"PONG")
    assert doubt(scene) is Doubt.NONE
    assert "books that disagreed" not in scene.session.counters()
    assert scene.session.counters()["books compared"] >= 1


def test_a_crossed_book_is_doubted_and_not_told() -> None:
    scene = Scene().up()
    before = tops(scene)
    scene.market(change("0.55", "5", bid="0.55", ask="0.52"))
    assert doubt(scene) & Doubt.CROSSED
    assert tops(scene) == before
    scene.market(change("0.55", "0", bid="0.48", ask="0.52", at=START + 2 * SECOND))
    assert doubt(scene) is Doubt.NONE


def test_after_a_change_of_the_tick_nothing_is_decided_before_a_fresh_book() -> None:
    scene = Scene().up()
    scene.market(
        {
            "event_type": "tick_size_change", "market": CONDITION, "asset_id": YES, "old_tick_size": "0.01",
            "new_tick_size": "0.001", "timestamp": ms(START + SECOND),
        }
    )  # fmt: skip
    assert doubt(scene) & Doubt.NO_SNAPSHOT
    listed = scene.listing.get(YES_ID)
    assert listed is not None
    assert listed.instrument.tick == 10
    scene.market(book(bid="0.485", at=START + 2 * SECOND))
    assert doubt(scene) is Doubt.NONE
    assert tops(scene)[-1][0] == 4_850


def test_a_resolved_market_is_not_trusted_any_more() -> None:
    scene = Scene().up()
    scene.market(
        {
            "event_type": "market_resolved", "id": "1", "market": CONDITION, "assets_ids": [YES, NO],
            "winning_asset_id": YES, "winning_outcome": "Yes", "timestamp": ms(START + SECOND),
        }
    )  # fmt: skip
    assert doubt(scene) & Doubt.UNSUBSCRIBED
    assert scene.session.resolutions.winners == {CONDITION: YES}


def test_where_the_spread_is_wide_the_last_trade_is_the_mark() -> None:
    scene = Scene().up()
    last = {
        "event_type": "last_trade_price", "market": CONDITION, "asset_id": YES, "price": "0.61", "side": "BUY",
        "size": "3", "timestamp": ms(START + SECOND),
    }  # fmt: skip
    scene.market(last)
    assert [one.price for one in scene.of(Mark)] == [5_000]
    scene.market(book(bid="0.30", ask="0.80", at=START + 2 * SECOND))
    assert [one.price for one in scene.of(Mark)] == [5_000, 6_100]


def test_garbage_is_set_aside_and_counted_without_its_neighbours() -> None:
    scene = Scene().up()
    for raw in (b"\xff\x00garbage", b"[1,2", b'{"event_type":"book"}', b'[{"event_type":"unheard of"}]'):
        scene.frame("market", raw)
    scene.market(change("-1", "x"), book(bid="0.47", at=START + SECOND))
    assert tops(scene)[-1][0] == 4_700
    counters = scene.session.counters()
    assert counters["set aside: frame"] == 4
    assert counters["set aside: price change"] == 1


def test_levels_finer_than_a_lot_do_not_count_as_the_best() -> None:
    scene = Scene().up()
    scene.market(change("0.49", "0.004", bid="0.49", ask="0.52"))
    assert tops(scene)[-1] == (4_800, 10_000, 5_200, 10_000)
    assert doubt(scene) is Doubt.NONE


def test_a_clock_that_is_off_is_a_doubt_and_requests_are_stamped_by_the_venues() -> None:
    scene = Scene()
    scene.automatic["GET", "/time"] = lambda scene, ask: (200, scene.now // SECOND + 100)
    scene.up()
    scene.advance(SECOND)
    assert doubt(scene) & Doubt.SKEWED
    scene.advance(6 * SECOND)
    beats = [ask for ask in scene.asked if path_of(ask) == "/v1/heartbeats"]
    assert int(beats[-1].headers["POLY_TIMESTAMP"]) - scene.now // SECOND > 90


def test_a_new_instrument_is_subscribed_on_the_stream_that_is_open() -> None:
    scene = Scene().up()
    scene.session.watch(NO_ID, scene.now)
    scene.drain()
    assert '"operation":"subscribe"' in scene.sent["market"][-1]
    assert NO in scene.sent["market"][-1]
    scene.market(book(NO))
    assert doubt(scene, NO_ID) is Doubt.NONE
    assert scene.session.depth(NO_ID) == ([(4_800, 10_000)], [(5_200, 10_000)], START)
