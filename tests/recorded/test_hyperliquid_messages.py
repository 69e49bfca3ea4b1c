"""Recorded messages of the venue decode, say the same when written again, and become events."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pilotfish.domain.events import BookTop, LeadFill
from pilotfish.domain.instrument import Kind
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.wire import codec
from pilotfish.venues.hyperliquid.wire.assets import Listing, perps
from pilotfish.venues.hyperliquid.wire.books import book_top, depth, mark
from pilotfish.venues.hyperliquid.wire.messages import AssetCtx, Book, BookFrame, TradesFrame
from pilotfish.venues.hyperliquid.wire.replies import results
from pilotfish.venues.hyperliquid.wire.told import lead_fill, lead_trades, sort_out
from tests.unit.hyperliquid_samples import NOW, instrument

BTC = instrument(5)


def unchanged(reading: codec.Reading, value: object) -> object:
    """The decoded message, once it is shown that nothing of it was lost."""
    message = reading.decode(json.dumps(value))
    assert json.loads(codec.encode(message)) == value
    return message


def frames(data: Path) -> Iterator[dict]:
    """Both recordings of public channels; the receive stamp is the recorder's, not the venue's."""
    with gzip.open(data / "hyperliquid/ws_btcusd_20250126.gz", "rt") as lines:
        for line in lines:
            yield json.loads(line.partition(" ")[2])
    with gzip.open(data / "hyperliquid/leaders-2026-07/live_books_5m.jsonl.gz", "rt") as lines:
        for line in lines:
            frame = json.loads(line)
            frame.pop("received_wall_ns", None)
            yield frame


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> list[dict]:
    return list(frames(shared_data))


def test_every_recorded_frame_says_the_same_when_written_again(recorded: list[dict]) -> None:
    kinds = Counter(type(unchanged(codec.FRAME, frame)).__name__ for frame in recorded)
    assert set(kinds) == {"BookFrame", "TradesFrame"}
    assert min(kinds.values()) > 300


def decimals_of(texts: Iterator[str]) -> int:
    return max(len(text.rstrip("0").partition(".")[2]) for text in texts)


def test_every_recorded_book_is_a_book_and_its_best_prices_are_the_venues(recorded: list[dict]) -> None:
    for raw in recorded:
        frame = codec.FRAME.decode(json.dumps(raw))
        if not isinstance(frame, BookFrame):
            continue
        book = frame.data
        levels = [level for side in book.levels for level in side]
        one = instrument(decimals_of(level.sz for level in levels), symbol=book.coin)
        top, deep = book_top(book, one, NOW), depth(book, one)
        assert isinstance(top, BookTop)
        assert (top.bid, top.bid_lots, top.ask, top.ask_lots) == tuple(column[0] for column in deep)
        assert one.show_price(top.bid) == one.show_price(one.price(book.levels[0][0].px))
        assert len(deep.bids) + len(deep.asks) == len(levels)


def test_a_lead_is_followed_through_recorded_public_trades(recorded: list[dict]) -> None:
    rows = [t for raw in recorded if isinstance(f := codec.FRAME.decode(json.dumps(raw)), TradesFrame) for t in f.data]
    rows = [row for row in rows if row.coin == "BTC"]
    busiest = Counter(user for row in rows for user in set(row.users)).most_common(1)[0][0]
    fills = [fill for row in rows for fill in lead_trades(row, {busiest: 9}, BTC, NOW)]
    theirs = [row for row in rows if busiest in row.users]
    assert len(fills) == len(theirs) > 20
    assert [fill.fill_id for fill in fills] == [row.tid for row in theirs]
    assert [fill.side for fill in fills] == [1 if row.users[0] == busiest else -1 for row in theirs]


# -- /info -------------------------------------------------------------------------------------------------------------


def cassettes(data: Path) -> Iterator[tuple[str, str]]:
    for file in sorted((data / "hyperliquid/info-responses").glob("*.yaml")):
        document = yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for exchange in document["interactions"]:
            yield json.loads(exchange["request"]["body"])["type"], exchange["response"]["body"]["string"]


OLD_META = "meta"  # recorded in 2023; the fields it lacks are optional


def test_recorded_answers_say_the_same_when_written_again(shared_data: Path) -> None:
    seen = Counter()
    for kind, raw in cassettes(shared_data):
        if kind in codec.INFO:
            unchanged(codec.INFO[kind], json.loads(raw))
            seen[kind] += 1
    assert set(seen) >= {
        OLD_META, "clearinghouseState", "openOrders", "frontendOpenOrders", "historicalOrders", "userFills",
        "userFillsByTime", "userFunding", "userRateLimit", "l2Book", "candleSnapshot",
    }  # fmt: skip


def test_recorded_meta_lists_perpetuals_in_the_venues_order(shared_data: Path) -> None:
    raw = next(raw for kind, raw in cassettes(shared_data) if kind == OLD_META)
    listing = Listing(perps(codec.META.decode(raw), first_id=0))
    assert [listing.of(coin).asset for coin in ("BTC", "ETH", "ATOM")] == [0, 1, 2]
    assert listing.of("kPEPE").instrument.price_decimals == 6


# -- single messages ---------------------------------------------------------------------------------------------------

SINGLE = {
    "http_all_perp_metas_non_usdc_collateral": codec.ALL_METAS,
    "http_l2_book_btc": codec.L2_BOOK,
    "http_l2_book_snapshot": codec.L2_BOOK,
    "http_meta_perp_sample": codec.META,
    "http_recent_trades_btc": codec.RECENT_TRADES,
    "http_spot_clearinghouse_state": codec.SPOT_STATE,
    "http_spot_meta_non_usdc_collateral": codec.SPOT_META,
    "http_user_fills_dust_conversion": codec.USER_FILLS,
    "http_clearinghouse_state_negative_total_raw_usd": codec.CLEARINGHOUSE,
    "ws_all_dexs_asset_ctxs": codec.FRAME,
    "ws_allmids": codec.FRAME,
    "ws_book_data": codec.L2_BOOK,
    "ws_user_fill_liquidation": codec.FRAME,
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_recorded_message_says_the_same_when_written_again(name: str, shared_data: Path) -> None:
    unchanged(SINGLE[name], json.loads((shared_data / f"venue-messages/hyperliquid/{name}.json").read_text()))


@pytest.fixture(scope="module")
def captured(shared_data: Path) -> dict:
    return json.loads((shared_data / "venue-messages/hyperliquid_captured_frames.json").read_text())


def test_captured_private_frames_say_the_same_when_written_again(captured: dict) -> None:
    answers = {
        "A_CLEARINGHOUSE_FLAT": codec.CLEARINGHOUSE,
        "B_CLEARINGHOUSE_LONG": codec.CLEARINGHOUSE,
        "A_OPEN_ORDERS_ONE": codec.OPEN_ORDERS,
        "B_META_WITH_DELISTED": codec.META,
    }
    seen = 0
    for name, value in captured.items():
        if isinstance(value, dict) and "channel" in value:
            unchanged(codec.FRAME, value)
        elif name.startswith("B_EXCHANGE"):
            assert results(unchanged(codec.REPLY, value), 1)
        elif name in answers:
            unchanged(answers[name], value)
        else:
            continue
        seen += 1
    assert seen == 18
    with pytest.raises(MessageRefused):
        codec.REPLY.decode(captured["B_INFO_UNKNOWN_TYPE_HTTP422_TEXT"])


def test_every_captured_order_error_has_a_reason(captured: dict) -> None:
    statuses = captured["D_PER_ORDER_ERRORS"]["statuses"]
    reply = unchanged(codec.REPLY, {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}})
    assert len(results(reply, len(statuses))) == len(statuses)


def test_every_recorded_context_marks_its_perpetual(shared_data: Path) -> None:
    raw = json.loads((shared_data / "venue-messages/hyperliquid/ws_all_dexs_asset_ctxs.json").read_text())
    contexts = [ctx for _, ctxs in codec.FRAME.decode(json.dumps(raw)).data["ctxs"] for ctx in ctxs]
    assert len(contexts) > 100
    one = instrument(0)
    told, refused = sort_out(contexts, lambda ctx: mark(AssetCtx("X", ctx), one, NOW))
    assert len(told) + len(refused) == len(contexts)
    assert all("marked at 0" in str(bad) for bad in refused)


def test_recorded_fills_of_leads_chain_from_start_to_start(shared_data: Path) -> None:
    """What every fill states as its start is what the one before it left: the mapping loses no lot and no sign."""
    rows = 0
    for file in sorted((shared_data / "hyperliquid/leaders-2026-07").glob("leader_*.json.gz")):
        fills = json.loads(gzip.decompress(file.read_bytes()))["fills"]
        decoded = unchanged(codec.USER_FILLS, fills)
        for coin in {fill.coin for fill in decoded}:
            mine = [fill for fill in decoded if fill.coin == coin]
            finest = max(decimals_of(iter((fill.sz, fill.startPosition))) for fill in mine)
            one = instrument(finest, Kind.SPOT, coin)  # wide enough for every price of these coins
            told = [lead_fill(fill, 0, one, NOW) for fill in mine]
            assert all(isinstance(fill, LeadFill) for fill in told)
            ends = Counter(fill.start + fill.side * fill.lots for fill in told)
            starts = Counter(fill.start for fill in told)
            assert (ends - starts).total() == (starts - ends).total() <= 1  # the last end and the first start
            rows += len(told)
    assert rows == 978


def test_a_recorded_book_that_was_cut_anywhere_is_refused(recorded: list[dict]) -> None:
    raw = json.dumps(next(frame for frame in recorded if frame["channel"] == "l2Book"))
    for end in range(len(raw)):
        with pytest.raises(MessageRefused):
            codec.FRAME.decode(raw[:end])
    assert isinstance(codec.FRAME.decode(raw).data, Book)
