"""Recorded messages of the venue decode, and say the same when written again.

Some are real captures, some are examples out of the venue's documentation; all lie beside the repository.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from polymarket.models.clob.user_events import parse_user_event

from pilotfish.venues.decimals import MessageRefused, fixed
from pilotfish.venues.polymarket.wire import codec
from pilotfish.venues.polymarket.wire.assets import Fee, listed, of_clob, of_gamma
from pilotfish.venues.polymarket.wire.messages import SIDES
from pilotfish.venues.polymarket.wire.orders import SignedOrder
from pilotfish.venues.polymarket.wire.stamps import moment_ns
from pilotfish.venues.polymarket.wire.statuses import order_status, placed, settlement


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "venue-messages/polymarket"


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def within(said: Any, recorded: Any) -> bool:
    """Whether everything that is said was recorded so; what we have no field for is not asked."""
    if isinstance(said, dict) and isinstance(recorded, dict):
        return all(key in recorded and within(value, recorded[key]) for key, value in said.items())
    if isinstance(said, list) and isinstance(recorded, list):
        return len(said) == len(recorded) and all(map(within, said, recorded))
    return said == recorded


def heard(stream: codec.Stream, value: Any) -> Any:
    """The one message of a frame, once it is shown that nothing it says was changed."""
    messages, refusals = stream.hear(json.dumps(value))
    assert refusals == []
    said = [json.loads(codec.encode(one)) for one in messages]
    assert within(said, value if isinstance(value, list) else [value])
    return messages[0]


def read(reading: codec.Reading, value: Any) -> Any:
    message = reading.decode(json.dumps(value))
    said = json.loads(codec.encode(message))
    assert within(said, value)
    return message


# -- frames ------------------------------------------------------------------------------------------------------------

MARKET = {
    "ws/book.json": "Book",
    "ws/last_trade_price.json": "LastTrade",
    "ws/tick_size_change.json": "TickSizeChange",
    "ws_market_best_bid_ask_msg.json": "BestBidAsk",
    "ws_market_book_msg.json": "Book",
    "ws_market_last_trade_msg.json": "LastTrade",
    "ws_market_new_market_msg.json": "NewMarket",
    "ws_market_price_change_msg.json": "PriceChanges",
    "ws_market_resolved_msg.json": "MarketResolved",
    "ws_market_tick_size_msg.json": "TickSizeChange",
}
BARE = {  # recorded behind the envelope that named them
    "ws/price_change_v2.json": "price_change",
    "ws_book_snapshot.json": "book",
    "ws_last_trade.json": "last_trade_price",
    "ws_quotes.json": "price_change",
    "ws_tick_size_change.json": "tick_size_change",
}
ORDERS = ("ws/order_cancel", "ws/order_placement", "ws_user_order_fok_killed", "ws_user_order_msg")
BARE_ORDERS = ("cancellation", "matched", "placement", "update", "venue_cancel")
TRADES = ("ws/user_trade1", "ws/user_trade2", "ws/user_trade3", "ws/user_trade4", "ws_user_trade_msg")


@pytest.mark.parametrize(("name", "kind"), MARKET.items())
def test_recorded_market_frames_say_the_same_when_written_again(folder: Path, name: str, kind: str) -> None:
    frame = load(folder / name)
    message = heard(codec.MARKET, frame)
    assert type(message).__name__ == kind
    assert moment_ns(message.timestamp) > 1_700_000_000 * 10**9
    assert heard(codec.MARKET, [frame, frame]) == message


@pytest.mark.parametrize(("name", "event"), BARE.items())
def test_recorded_contents_of_market_frames_say_the_same(folder: Path, name: str, event: str) -> None:
    assert heard(codec.MARKET, load(folder / name) | {"event_type": event})


def test_the_recorded_change_of_version_1_is_refused(folder: Path) -> None:
    messages, refusals = codec.MARKET.hear(json.dumps(load(folder / "ws/price_change.json")))
    assert (messages, len(refusals)) == ([], 1)


def test_a_recorded_book_has_its_best_prices_last(folder: Path) -> None:
    book = heard(codec.MARKET, load(folder / "ws/book.json"))
    bids, asks = ([fixed(level.price, 4) for level in side] for side in (book.bids, book.asks))
    assert bids == sorted(bids)
    assert asks == sorted(asks, reverse=True)
    assert bids[-1] < asks[-1]
    assert all(fixed(level.size, 2) > 0 for level in book.bids + book.asks)


def users(folder: Path) -> Iterator[tuple[str, Any]]:
    for name in (*ORDERS, *TRADES):
        yield name, load(folder / f"{name}.json")
    for name in BARE_ORDERS:
        yield name, load(folder / f"ws_user_order_{name}.json") | {"event_type": "order"}
    yield "trade", load(folder / "ws_user_trade.json") | {"event_type": "trade"}


def test_recorded_user_frames_say_the_same_to_the_last_field(folder: Path) -> None:
    seen = list(users(folder))
    assert len(seen) == len(ORDERS) + len(TRADES) + len(BARE_ORDERS) + 1
    for name, frame in seen:
        message = heard(codec.USER, frame)
        assert json.loads(codec.encode(message)) == frame, name
        assert message.side in SIDES
        (order_status if frame["event_type"] == "order" else settlement)(message.status)


def test_the_official_client_reads_the_same_sizes_out_of_recorded_user_frames(folder: Path) -> None:
    """Where it can read them at all: it wants condition ids of full length, sizes and makers' sides."""
    agreed = 0
    for _, frame in users(folder):
        try:
            theirs = parse_user_event(frame).payload
        except ValueError:
            continue
        ours = heard(codec.USER, frame)
        size = ours.original_size if frame["event_type"] == "order" else ours.size
        assert fixed(size, 6) == (theirs.original_size if frame["event_type"] == "order" else theirs.size) * 10**6
        assert fixed(ours.price, 6) == theirs.price * 10**6
        agreed += 1
    assert agreed >= 4


# -- answers -----------------------------------------------------------------------------------------------------------

ANSWERS = {
    "clob_book_response.json": codec.BOOK,
    "http/book.json": codec.BOOK,
    "http_balance_allowance_collateral.json": codec.BALANCE_ALLOWANCE,
    "http_balance_allowance_no_allowance.json": codec.BALANCE_ALLOWANCE,
    "http_batch_cancel_response.json": codec.CANCELLED,
    "http_cancel_response_failed.json": codec.CANCELLED,
    "http_cancel_response_ok.json": codec.CANCELLED,
    "http_open_order.json": codec.OPEN_ORDER,
    "http_open_order_sell_fok.json": codec.OPEN_ORDER,
    "http_open_orders_page.json": codec.OPEN_ORDERS,
    "http_order_response_error_500.json": codec.POSTED,
    "http_order_response_failed.json": codec.POSTED,
    "http_order_response_ok.json": codec.POSTED,
    "http_trades_page.json": codec.TRADES,
    "http/market.json": codec.CLOB_MARKET,
    "http/markets.json": codec.CLOB_MARKETS,
    "clob_market_closed_binary_accepting_false.json": codec.CLOB_MARKET,
    "clob_market_closed_binary_accepting_true.json": codec.CLOB_MARKET,
    "http/market_slug.json": codec.GAMMA_MARKET,
    "http/markets_list.json": codec.GAMMA_MARKETS,
    "gamma_market.json": codec.GAMMA_MARKET,
    "gamma_market_closed_binary_accepting_false.json": codec.GAMMA_MARKET,
    "gamma_market_closed_binary_accepting_true.json": codec.GAMMA_MARKET,
    "gamma_market_closed_nonbinary_legacy.json": codec.GAMMA_MARKET,
    "gamma_market_closed_zero_zero_legacy.json": codec.GAMMA_MARKET,
    "gamma_market_sports_market_map_handicap.json": codec.GAMMA_MARKET,
    "gamma_market_sports_market_money_line.json": codec.GAMMA_MARKET,
    "data_api_trades_response.json": codec.PUBLIC_TRADES,
    "data_api_positions_response.json": codec.PUBLIC_POSITIONS,
    "http/trades.json": codec.PUBLIC_TRADES,
}
WHOLE = ("http_open_order", "http_open_orders_page", "http_cancel", "http_batch_cancel", "http_order_response",
         "http_balance", "http_trades_page")  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_recorded_answers_say_the_same_when_written_again(folder: Path, name: str) -> None:
    recorded = load(folder / name)
    message = read(ANSWERS[name], recorded)
    if name.startswith(WHOLE):
        assert json.loads(codec.encode(message)) == recorded


def test_recorded_answers_to_orders_mean_what_they_say(folder: Path) -> None:
    names = ("ok", "failed", "error_500")
    answers = [codec.POSTED.decode((folder / f"http_order_response_{name}.json").read_bytes()) for name in names]
    assert [placed(answer)[0].name for answer in answers] == ["ACK", "REJECT", "LOST"]


def test_a_recorded_signed_order_has_the_fields_we_send(folder: Path) -> None:
    recorded = load(folder / "http_signed_order.json")
    order = codec.Reading("signed order", SignedOrder).decode(json.dumps(recorded))
    assert json.loads(codec.encode(order)) == recorded


def test_recorded_markets_are_listed_where_they_have_a_book(folder: Path) -> None:
    markets = [codec.GAMMA_MARKET.decode(json.dumps(load(path))) for path in sorted(folder.glob("gamma_market*.json"))]
    tradable = [market for market in markets if market.enableOrderBook]
    old = [market for market in markets if not market.enableOrderBook]
    assert len(tradable) >= 5
    assert len(old) == 2
    for market in tradable:
        yes, no = listed(of_gamma(market), first_id=0)
        assert yes.instrument.is_valid_price(5_000)
        assert (yes.opposite, no.opposite) == (no.token, yes.token)
        assert (yes.min_lots, yes.instrument.tick) == (500, market.orderPriceMinTickSize * 10_000)
    for market in old:
        with pytest.raises(MessageRefused):
            of_gamma(market)


def test_recorded_markets_of_the_clob_are_listed_but_for_those_of_no_tokens(folder: Path) -> None:
    page = codec.CLOB_MARKETS.decode((folder / "http/markets.json").read_bytes())
    kept = 0
    for market in page.data:
        try:
            kept += len(listed(of_clob(market, Fee()), first_id=0)) == 2
        except MessageRefused:
            assert len({one.token_id for one in market.tokens or ()} - {""}) < 2 or market.minimum_tick_size > 1
    assert kept > 50
