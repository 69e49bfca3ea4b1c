"""Whatever arrives is messages or a refusal: nothing crashes, and a bad message does not take its neighbours along."""

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.wire import codec
from pilotfish.venues.polymarket.wire.answers import Posted
from pilotfish.venues.polymarket.wire.messages import (
    Book,
    ChangeMarket,
    LastTrade,
    Level,
    PriceChanges,
    SubscribeMarket,
    UserOrder,
)
from pilotfish.venues.polymarket.wire.stamps import moment_ns, moment_ns_or
from pilotfish.venues.polymarket.wire.statuses import (
    Settlement,
    blame,
    is_over,
    order_status,
    placed,
    refused,
    settlement,
)

BOOK = {"event_type": "book", "market": "0x1", "asset_id": "12", "bids": [{"price": "0.4", "size": "10"}], "asks": [],
        "timestamp": "1703875200000"}  # fmt: skip
TRADE = {"event_type": "last_trade_price", "market": "0x1", "asset_id": "12", "price": "0.5", "side": "buy",
         "timestamp": "1703875200000"}  # fmt: skip
READINGS = [one for one in vars(codec).values() if isinstance(one, codec.Reading)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*BOOK, *TRADE, "id", "data", "orderID", "size", "success"]), inner, max_size=6
        )
    ),
    max_leaves=12,
)
GOOD = st.sampled_from([BOOK, TRADE])
NEARLY = st.tuples(GOOD, st.sampled_from([*BOOK, *TRADE]), JSON).map(lambda parts: parts[0] | {parts[1]: parts[2]})
BYTES = st.binary(max_size=200) | (JSON | NEARLY | st.lists(NEARLY | GOOD)).map(
    lambda value: json.dumps(value).encode()
)


# -- frames ------------------------------------------------------------------------------------------------------------


def test_a_frame_is_a_message_or_a_list_of_them() -> None:
    book = Book("0x1", "12", [Level("0.4", "10")], [], "1703875200000")
    assert codec.MARKET.hear(json.dumps(BOOK)) == ([book], [])
    heard = codec.MARKET.hear(json.dumps([BOOK, TRADE]).encode())
    assert heard == ([book, LastTrade("0x1", "12", "0.5", "buy", "1703875200000")], [])


@pytest.mark.parametrize("bare", [b"PONG", "PONG", b"PING", b"", b"[]"])
def test_a_bare_word_says_nothing(bare: bytes | str) -> None:
    assert codec.MARKET.hear(bare) == ([], [])
    assert codec.USER.hear(bare) == ([], [])


@pytest.mark.parametrize("bad", [{"event_type": "surprise"}, BOOK | {"bids": 7}, {"no": "event"}, None, [BOOK]])
def test_a_bad_message_is_refused_without_its_neighbours(bad: object) -> None:
    messages, refusals = codec.MARKET.hear(json.dumps([BOOK, bad, TRADE]).encode())
    assert [type(one) for one in messages] == [Book, LastTrade]
    assert len(refusals) == 1


def test_what_is_no_json_is_refused_once() -> None:
    messages, refusals = codec.MARKET.hear(b"INVALID OPERATION")
    assert messages == []
    assert len(refusals) == 1


def test_fields_that_are_not_known_yet_are_passed_over() -> None:
    assert codec.MARKET.hear(json.dumps(BOOK | {"new": 1})).messages


def test_the_changes_of_version_1_are_refused() -> None:
    old = {"event_type": "price_change", "asset_id": "12", "market": "0x1", "price": "0.5", "side": "BUY", "size": "1"}
    assert len(codec.MARKET.hear(json.dumps(old)).refused) == 1
    new = {"event_type": "price_change", "market": "0x1", "price_changes": [], "timestamp": "1"}
    assert codec.MARKET.hear(json.dumps(new)) == ([PriceChanges("0x1", [], "1")], [])


@given(BYTES)
@example(b"[" * 5_000)
@example(b"\xff\xfe")
@example(b'{"event_type":"book","timestamp":1e999}')
def test_any_bytes_are_messages_or_refusals(raw: bytes) -> None:
    for stream in (codec.MARKET, codec.USER):
        messages, refusals = stream.hear(raw)
        assert messages or refusals or raw in (b"PONG", b"PING", b"") or json.loads(raw) == []
        assert all(isinstance(one, MessageRefused) for one in refusals)


@given(st.sampled_from(READINGS), BYTES)
@example(codec.OPEN_ORDER, b"[" * 5_000)
@example(codec.SHORT_MARKET, b'{"t":[],"mts":1e99999999}')
def test_any_answer_is_read_or_refused(reading: codec.Reading, raw: bytes) -> None:
    with contextlib.suppress(MessageRefused):
        reading.decode(raw)


@given(BYTES)
def test_a_failures_text_is_short_whatever_the_body(raw: bytes) -> None:
    assert len(codec.failure_of(raw)) <= 200


def test_there_are_readings_to_try() -> None:
    assert len(READINGS) > 20


def test_subscriptions_are_the_official_clients() -> None:
    from polymarket._internal.streams.clob import market_protocol as official

    state = official.MarketServerState(asset_ids=("1", "2"), custom_feature_enabled=True)
    assert json.loads(codec.encode(SubscribeMarket(["1", "2"]))) == official.build_initial_frame(state)
    assert json.loads(codec.encode(ChangeMarket("subscribe", ["3"], True))) == (
        official.build_subscribe_update(["3"], custom_feature_enabled=True)
    )
    assert json.loads(codec.encode(ChangeMarket("unsubscribe", ["3"]))) == official.build_unsubscribe_update(["3"])


def test_an_order_of_ours_says_what_the_official_model_reads() -> None:
    from polymarket.models.clob.user_events import parse_user_event

    raw = {
        "event_type": "order", "id": "0xab", "owner": "me", "market": "0x" + "1" * 64, "asset_id": "12", "side": "BUY",
        "original_size": "10", "size_matched": "2.5", "price": "0.5", "type": "UPDATE", "status": "LIVE",
        "timestamp": "1703875200500", "created_at": "1703875200",
    }  # fmt: skip
    ours, theirs = codec.USER.hear(json.dumps(raw)).messages[0], parse_user_event(raw).payload
    assert isinstance(ours, UserOrder)
    assert (ours.id, ours.type, ours.status) == (theirs.id, theirs.order_event_type, theirs.status)
    assert moment_ns(ours.timestamp) == theirs.timestamp.timestamp() * 10**9
    assert moment_ns(ours.created_at) == theirs.created_at.timestamp() * 10**9


# -- stamps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "ns"),
    [
        ("1703875200", 1_703_875_200_000_000_000),
        ("1703875200123", 1_703_875_200_123_000_000),
        (1_703_875_200, 1_703_875_200_000_000_000),
        ("2023-12-29T18:40:00Z", 1_703_875_200_000_000_000),
        ("2023-12-29T18:40:00.000001Z", 1_703_875_200_000_001_000),
        ("2023-12-29 20:40:00+02:00", 1_703_875_200_000_000_000),
        ("2023-12-29T18:40:00", 1_703_875_200_000_000_000),
    ],
)
def test_stamps_are_read_however_they_are_written(stamp: str | int, ns: int) -> None:
    assert moment_ns(stamp) == ns


@pytest.mark.parametrize(
    "stamp", ["", "soon", "-1", 0, -5, None, "1" * 19, "9" * 40, "0001-01-01T00:00:00Z", True, "²"]
)
def test_what_is_no_stamp_is_refused(stamp: object) -> None:
    with pytest.raises(MessageRefused):
        moment_ns(stamp)
    assert moment_ns_or(stamp, 7) == 7


@given(st.text(max_size=45) | st.integers() | st.datetimes().map(str))
def test_any_stamp_is_a_moment_or_refused(stamp: str | int) -> None:
    assert -1 <= moment_ns_or(stamp, -1) < 2**63


# -- what it means -----------------------------------------------------------------------------------------------------

ACK, CANCEL, REJECT, LOST = OrderSignal.ACK, OrderSignal.CANCEL, OrderSignal.REJECT, OrderSignal.LOST


@pytest.mark.parametrize(
    ("answer", "signal", "reason"),
    [
        (Posted(True, "0xab", "", "live"), ACK, Reason.NONE),
        (Posted(True, "0xab", "", "matched"), ACK, Reason.NONE),
        (Posted(True, "0xab", None, "delayed"), ACK, Reason.NONE),
        (Posted(True, "0xab", None), ACK, Reason.NONE),
        (Posted(True, "0xab", "", "unmatched"), LOST, Reason.UNKNOWN),
        (Posted(True, "0xab", "", "surprise"), LOST, Reason.UNKNOWN),
        (Posted(True, "", "not enough balance / allowance"), REJECT, Reason.BALANCE),
        (Posted(True, ""), LOST, Reason.UNKNOWN),
        (Posted(), LOST, Reason.UNKNOWN),
        (Posted(False), LOST, Reason.UNKNOWN),
        (Posted(False, None, "Insufficient balance"), REJECT, Reason.BALANCE),
        (Posted(error="Trading restricted in your region"), REJECT, Reason.AUTHENTICATION),
        (Posted(True, "0xab", "order couldn't be fully filled. FOK orders …"), CANCEL, Reason.NO_DEPTH),
        (Posted(True, "", "no orders found to match with FAK order. …"), CANCEL, Reason.NO_DEPTH),
        (Posted(False, "", "order 0xab is invalid. Duplicated."), LOST, Reason.UNKNOWN),
        (Posted(False, "", "order 0xab is invalid. Size (1) lower than the minimum: 5"), REJECT, Reason.BELOW_MINIMUM),
        (Posted(False, "", "invalid amount for a marketable BUY order ($0.9), min size: $1"), REJECT,
         Reason.BELOW_MINIMUM),
        (Posted(False, "", "invalid post-only order: order crosses book"), REJECT, Reason.REJECTED),
        (Posted(True, "0xab", "a text that is new"), LOST, Reason.UNKNOWN),
        (Posted(True, "", "a text that is new"), REJECT, Reason.REJECTED),
        (Posted(True, "0xab", "order match delayed due to market conditions"), ACK, Reason.NONE),
    ],
)  # fmt: skip
def test_what_became_of_an_order_that_was_posted(answer: Posted, signal: OrderSignal, reason: Reason) -> None:
    assert placed(answer) == (signal, reason)


@pytest.mark.parametrize(
    ("status", "body", "signal", "reason"),
    [
        (400, {"error": "not enough balance / allowance"}, REJECT, Reason.BALANCE),
        (400, {"error": "something new"}, REJECT, Reason.REJECTED),
        (401, {"error": "Unauthorized/Invalid api key"}, REJECT, Reason.AUTHENTICATION),
        (403, "<html>", REJECT, Reason.AUTHENTICATION),
        (408, {}, LOST, Reason.UNKNOWN),
        (425, {}, REJECT, Reason.REJECTED),
        (429, "Too Many Requests", REJECT, Reason.RATE_LIMIT),
        (500, {"error": "could not insert order"}, LOST, Reason.UNKNOWN),
        (502, "<html>", LOST, Reason.UNKNOWN),
        (503, {"error": "Trading is currently cancel-only. New orders are not accepted"}, REJECT, Reason.REJECTED),
        (503, {"code": "post_only_mode"}, REJECT, Reason.REJECTED),
        (503, "upstream connect error", LOST, Reason.UNKNOWN),
    ],
)
def test_an_http_error_says_whether_anything_can_have_arrived(status, body, signal, reason) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert refused(status, raw) == (signal, reason)


@given(st.text(max_size=60))
def test_any_error_is_a_signal_and_a_reason(text: str) -> None:
    signal, reason = blame(text)
    assert signal in (ACK, CANCEL, REJECT, LOST)
    assert isinstance(reason, Reason)


@pytest.mark.parametrize(
    ("status", "signal", "reason"),
    [
        ("LIVE", ACK, Reason.NONE),
        ("ORDER_STATUS_LIVE", ACK, Reason.NONE),
        ("DELAYED", ACK, Reason.NONE),
        ("MATCHED", OrderSignal.FILLED, Reason.NONE),
        ("CANCELED", CANCEL, Reason.NONE),
        ("CANCELED_EXPIRED_ORDER", CANCEL, Reason.NONE),
        ("CANCELED_NOT_ENOUGH_BALANCE", CANCEL, Reason.BALANCE),
        ("CANCELED_MARKET_RESOLVED", CANCEL, Reason.REJECTED),
        ("CANCELED_order couldn't be fully filled. FOK orders are fully filled or killed.", CANCEL, Reason.NO_DEPTH),
        ("INVALID", CANCEL, Reason.REJECTED),
        ("UNMATCHED", LOST, Reason.UNKNOWN),
    ],
)
def test_an_orders_status_is_a_signal(status: str, signal: OrderSignal, reason: Reason) -> None:
    assert order_status(status) == (signal, reason)


def test_every_status_the_official_client_knows_means_something() -> None:
    from polymarket.models.clob.user_events import KnownUserOrderStatus

    assert all(order_status(str(one)) for one in KnownUserOrderStatus)
    with pytest.raises(MessageRefused):
        order_status("PENDING")


def test_a_trade_is_provisional_until_confirmed_or_failed() -> None:
    steps = [settlement(word) for word in ("MATCHED", "MINED", "RETRYING", "CONFIRMED", "FAILED")]
    assert steps == list(Settlement)
    assert [step.final for step in steps] == [False, False, False, True, True]
    assert settlement("TRADE_STATUS_CONFIRMED") is Settlement.CONFIRMED
    assert settlement("MATCHED_NOT_BROADCASTED") is Settlement.MATCHED
    with pytest.raises(MessageRefused):
        settlement("TRADE_STATUS_LOVED")


def test_a_cancel_of_what_has_ended_is_told_from_one_that_failed() -> None:
    assert is_over("already canceled or matched")
    assert is_over("order can't be found - already canceled or matched")
    assert not is_over("could not be processed, try again")
