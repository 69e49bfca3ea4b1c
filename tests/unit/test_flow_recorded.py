"""Recorded books: good rows count, bad rows are named, and a recording is played back as it was."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import RecordingError
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.venues.sim.matching import OrderBook
from pilotfish.venues.sim.recorded import BookSnapshot, RecordedBook, load_hyperliquid, load_polymarket

BTC = Instrument(0, "BTC", "hyperliquid", Kind.PERP, 5, 1, tick_rule=TickRule.SIGNIFICANT, tick=5)
TOKEN = Instrument(0, "YES", "polymarket", Kind.OUTCOME, 2, 3, tick_rule=TickRule.GRID, tick=1)
HEADER = "market_slug,asset_id,market_id,event_type,price,side,size,hash,timestamp"


def l2book(time=1_000, bids=(("66410.0", "2"),), asks=(("66411.0", "1.5"),), coin="BTC"):
    levels = [[{"px": px, "sz": sz, "n": 1} for px, sz in side] for side in (bids, asks)]
    return {"channel": "l2Book", "data": {"coin": coin, "time": time, "levels": levels}}


def written(tmp_path, *lines, name="book.jsonl"):
    path = tmp_path / name
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_both_shapes_of_a_hyperliquid_recording_are_read(tmp_path):
    inside = {"received_wall_ns": 5, **l2book()}
    trades = {"channel": "trades", "data": [{"coin": "BTC"}]}
    path = written(tmp_path, inside, f"7 {json.dumps(l2book(2_000))}", trades, l2book(3_000, coin="ETH"))
    recording = load_hyperliquid(path, BTC)
    assert recording.errors == ()
    assert recording.snapshots == (
        BookSnapshot(1_000_000_000, ((664_100, 200_000),), ((664_110, 150_000),)),
        BookSnapshot(2_000_000_000, ((664_100, 200_000),), ((664_110, 150_000),)),
    )


BAD_BOOKS = {
    "truncated": ('{"channel":"l2Book","data":{"coin":"B', "message"),
    "no object": ("[]", "message"),
    "a word": ("hello", "message"),
    "no levels": ({"channel": "l2Book", "data": {"coin": "BTC", "time": 1_000}}, "data"),
    "crossed": (l2book(bids=[("66411.0", "1")]), "price"),
    "upside down": (l2book(bids=[("66400.0", "1"), ("66401.0", "1")]), "levels"),
    "twice the same price": (l2book(asks=[("66411.0", "1"), ("66411.0", "1")]), "levels"),
    "negative size": (l2book(bids=[("66410.0", "-1")]), "levels"),
    "zero size": (l2book(bids=[("66410.0", "0")]), "levels"),
    "zero price": (l2book(bids=[("0", "1")]), "levels"),
    "not a number": (l2book(bids=[("NaN", "1")]), "levels"),
    "infinite": (l2book(asks=[("66411.0", "Infinity")]), "levels"),
    "too large": (l2book(asks=[("66411.0", "1e30")]), "levels"),
    "off the tick": (l2book(bids=[("66410.5", "1")]), "levels"),
    "a number where text is due": (l2book(bids=[(66410.0, "1")]), "data"),
    "no time a venue has": (l2book(time=-4), "time"),
    "beyond int64": (l2book(time=10**15), "time"),
}


@pytest.mark.parametrize(("line", "column"), BAD_BOOKS.values(), ids=BAD_BOOKS)
def test_a_bad_book_row_is_named_and_the_good_rows_around_it_count(tmp_path, line, column):
    recording = load_hyperliquid(written(tmp_path, l2book(1_000), line, l2book(2_000)), BTC)
    assert [book.venue_ns for book in recording.snapshots] == [1_000_000_000, 2_000_000_000]
    (error,) = recording.errors
    assert (error.file, error.line, error.column) == ("book.jsonl", 2, column)


def test_a_snapshot_from_the_past_is_named_and_of_one_millisecond_the_last_stands(tmp_path):
    later = l2book(2_000, asks=[("66412.0", "1")])
    recording = load_hyperliquid(written(tmp_path, l2book(2_000), later, l2book(1_999)), BTC)
    assert [book.asks[0][0] for book in recording.snapshots] == [664_120]
    assert [(error.line, error.column) for error in recording.errors] == [(3, "time")]


def test_a_recording_cut_short_keeps_what_was_read_and_names_the_end(tmp_path):
    path = tmp_path / "book.jsonl.gz"
    whole = gzip.compress("".join(json.dumps(l2book(i + 1)) + "\n" for i in range(5_000)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    recording = load_hyperliquid(path, BTC)
    assert 0 < len(recording.snapshots) < 5_000
    assert recording.errors[-1].column == "file"


def test_bytes_that_are_no_text_are_a_bad_row(tmp_path):
    path = tmp_path / "book.jsonl"
    path.write_bytes(b"\xff\xfe\x00\n" + json.dumps(l2book()).encode() + b"\n")
    recording = load_hyperliquid(path, BTC)
    assert (len(recording.snapshots), [error.line for error in recording.errors]) == (1, [1])


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="check the path"):
        load_hyperliquid(tmp_path / "nowhere.jsonl", BTC)


def row(event="book", price="0.45", side="bid", size="100", stamp="1000", asset="YES", digest="h"):
    return f"game,{asset},1,{event},{price},{side},{size},{digest},{stamp}"


def test_a_polymarket_book_is_started_anew_by_a_book_and_amended_by_changes(tmp_path):
    path = written(
        tmp_path,
        HEADER,
        row(),
        row(price="0.44", side="BUY"),
        row(price="0.47", side="SELL"),
        row(asset="NO", price="0.99"),
        row("price_change", "0.45", size="0", stamp="2000"),
        row("price_change", "0.46", "ask", "7.5", stamp="3000"),
        row(stamp="4000", digest="i"),
        name="clob.csv",
    )
    recording = load_polymarket(path, TOKEN, "YES")
    assert recording.errors == ()
    assert [(book.venue_ns // 10**9, book.bids, book.asks) for book in recording.snapshots] == [
        (1, ((450, 10_000), (440, 10_000)), ((470, 10_000),)),
        (2, ((440, 10_000),), ((470, 10_000),)),
        (3, ((440, 10_000),), ((460, 750), (470, 10_000))),
        (4, ((450, 10_000),), ()),
    ]


def test_a_crossed_polymarket_state_is_reported_and_the_next_sane_one_counts(tmp_path):
    path = written(
        tmp_path,
        HEADER,
        row(),
        row(side="ask", price="0.47"),
        row("price_change", "0.48", "bid", stamp="2000"),
        row("price_change", "0.48", "bid", "0", stamp="3000"),
    )
    recording = load_polymarket(path, TOKEN, "YES")
    assert [book.venue_ns // 10**9 for book in recording.snapshots] == [1, 3]
    assert [(error.line, error.column) for error in recording.errors] == [(4, "price")]


BAD_ROWS = {
    "no price": (row(price=""), "price"),
    "price one": (row(price="1"), "price"),
    "price zero": (row(price="0"), "price"),
    "off the grid": (row(price="0.4505"), "price"),
    "negative size": (row(size="-1"), "size"),
    "infinite size": (row(size="inf"), "size"),
    "no side": (row(side="up"), "side"),
    "no time": (row(stamp="noon"), "timestamp"),
    "unknown event": (row("trade"), "event_type"),
    "short": ("game,YES,1,book", "row"),
}


@pytest.mark.parametrize(("line", "column"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_polymarket_row_is_named_and_the_good_rows_around_it_count(tmp_path, line, column):
    path = written(tmp_path, HEADER, row(), line, row(price="0.46", side="ask"))
    recording = load_polymarket(path, TOKEN, "YES")
    assert [(error.line, error.column) for error in recording.errors] == [(3, column)]
    assert recording.snapshots[-1][1:] == (((450, 10_000),), ((460, 10_000),))


def test_a_file_with_other_columns_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="lacks"):
        load_polymarket(written(tmp_path, "a,b,c", "1,2,3"), TOKEN, "YES")


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=20, unique=True), st.integers(-10, 1_100))
def test_the_newest_snapshot_stands_until_the_next(times, at):
    snapshots = [BookSnapshot(ns, ((664_000 - ns * 10, 5),), ((664_010 + ns * 10, 7),)) for ns in sorted(times)]
    source, book = RecordedBook(BTC, snapshots), OrderBook(BTC)
    source.advance(book, at)
    past = [ns for ns in times if ns <= at]
    expected = (664_000 - max(past) * 10, 5, 664_010 + max(past) * 10, 7) if past else (0, 0, 0, 0)
    assert book.best() == expected
    assert source.mark(0, at) == (664_005 if past else 0)
    assert source.covers(at) is (min(times) <= at <= max(times))


def test_what_we_took_is_gone_until_the_next_snapshot():
    snapshots = [BookSnapshot(ns, ((664_000, 5),), ((664_010, 7),)) for ns in (10, 20)]
    source, book = RecordedBook(BTC, snapshots), OrderBook(BTC)
    left = []
    for ns in (10, 15, 20):
        source.advance(book, ns)
        left.append(book.best()[3])
        book.take(1, 3)
    assert left == [7, 4, 7]


def test_nothing_to_play_back_and_snapshots_out_of_order_are_refused():
    one = BookSnapshot(5, ((664_000, 5),), ())
    with pytest.raises(RecordingError, match="there are none"):
        RecordedBook(BTC, [])
    with pytest.raises(RecordingError, match="not in order"):
        RecordedBook(BTC, [one, one._replace(venue_ns=4)])


def test_the_real_recordings_are_read_whole(shared_data):
    live = load_hyperliquid(shared_data / "hyperliquid/leaders-2026-07/live_books_5m.jsonl.gz", BTC)
    assert (len(live.snapshots), live.errors) == (57, ())
    ws = load_hyperliquid(shared_data / "hyperliquid/ws_btcusd_20250126.gz", BTC)
    assert (len(ws.snapshots), ws.errors) == (45, ())


def test_the_crossed_states_of_a_real_game_are_reported(shared_data):
    (game,) = (shared_data / "polymarket/clob-mlb-2025").glob("*sd-lad*events.csv.gz")
    with gzip.open(game, "rt") as file:
        file.readline()
        asset = file.readline().split(",")[1]
    recording = load_polymarket(game, TOKEN, asset)
    assert len(recording.snapshots) > 3_000
    assert {error.column for error in recording.errors} == {"price"}
    assert len(recording.errors) == 9  # 18 with the other token, as the recording's notes say
