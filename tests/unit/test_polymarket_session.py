"""Polymarket's session as a whole: up and down, waits between tries, what is known before it begins."""

from typing import Any

import msgspec
import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import BookTop, Connection, Reconciled
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.orders import Query
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.bootstrap import (
    account_questions,
    account_start,
    clock_offset_ns,
    lead_questions,
    lead_start,
    listed,
    listing_questions,
)
from pilotfish.venues.polymarket.link import Answer, Link, Request
from pilotfish.venues.polymarket.link import Kind as Bucket
from pilotfish.venues.polymarket.settings import SECOND, Settings
from tests.unit.polymarket_samples import CONDITION, NO, WALLET, YES
from tests.unit.polymarket_scene import API, LEAD, OURS, START, YES_ID, Scene, book, order, page, place

SETTINGS = Settings(journal=7)


def raw(value: Any) -> bytes:
    return msgspec.json.encode(value)


# -- up and down -------------------------------------------------------------------------------------------------------


def test_it_is_up_only_when_both_streams_have_answered_since_they_were_opened() -> None:
    scene = Scene(pongs=False)
    scene.session.start(scene.now)
    scene.drain()
    assert [one.name for one in scene.opens] == ["market", "user -1"]
    for name in ("market", "user -1"):
        scene.session.opened(name, scene.now)
        scene.drain()
    scene.frame("market", b"PONG")
    assert not scene.of(Connection)
    scene.frame("user -1", b"PONG")
    assert [one.up for one in scene.of(Connection)] == [True]


def test_the_user_stream_is_subscribed_with_the_accounts_own_key() -> None:
    scene = Scene().up()
    assert msgspec.json.decode(scene.sent["user -1"][0]) == {
        "type": "user", "auth": {"apiKey": API.key, "secret": API.secret, "passphrase": API.passphrase},
    }  # fmt: skip
    assert scene.sent["user -1"][1] == "PING"


def test_pings_go_out_on_every_stream_at_least_every_ten_seconds() -> None:
    scene = Scene().up()
    scene.advance(60 * SECOND)
    assert len([one for one in scene.sent["user -1"] if one == "PING"]) >= 6
    assert len([one for one in scene.sent["market"] if one == "PING"]) >= 6
    assert [one.up for one in scene.of(Connection)] == [True]


def test_a_stream_that_cannot_be_opened_is_tried_again_ever_less_often() -> None:
    scene = Scene()
    scene.session.start(scene.now)
    scene.drain()
    for _ in range(10):
        scene.session.lost("market", "refused", scene.now)
        scene.drain()
    waits = [one.wait_ns for one in scene.opens if one.name == "market"]
    assert waits[:4] == [0, 0, SECOND // 2, SECOND]
    assert waits == sorted(waits)
    assert waits[-1] == 30 * SECOND


def test_frames_and_answers_nobody_waits_for_change_nothing() -> None:
    scene = Scene().up()
    scene.session.opened("nothing", scene.now)
    scene.session.lost("nothing", "", scene.now)
    scene.session.frame("nothing", b"PONG", scene.now)
    scene.session.answered(999, 200, {}, b"{}", scene.now)
    scene.session.failed(998, "", scene.now)
    scene.session.signed(5, 0, [b"x"], scene.now)
    scene.drain()
    assert scene.session.counters()["set aside: answer nobody waits for"] == 1


def test_without_accounts_it_listens_and_answers_questions() -> None:
    scene = Scene(accounts=[]).up()
    assert [one.name for one in scene.opens] == ["market"]
    assert scene.of(BookTop)
    scene.submit(Query(0, ()))
    assert scene.of(Reconciled)[-1].asked == ()


def test_a_reconnection_brings_the_books_back_and_the_engine_asks() -> None:
    scene = Scene().up()
    scene.session.lost("market", "reset", scene.now)
    scene.drain()
    assert [one.up for one in scene.of(Connection)] == [True, False]
    scene.advance(SECOND)
    scene.open("market")
    scene.market(book(at=START + SECOND))
    assert [one.up for one in scene.of(Connection)] == [True, False, True]
    scene.submit(Query(0, ()))
    scene.answer("/data/orders", page())
    scene.answer("/data/trades", page())
    assert scene.of(Reconciled)


def test_an_answer_that_comes_when_the_connection_is_down_again_is_not_told() -> None:
    scene = Scene().up()
    scene.submit(Query(0, ()))
    scene.session.lost("user -1", "reset", scene.now)
    scene.drain()
    scene.answer("/data/orders", page())
    scene.answer("/data/trades", page())
    assert not scene.of(Reconciled)


def test_one_question_at_a_time_and_a_forgotten_one_gives_way() -> None:
    scene = Scene().up()
    scene.submit(Query(0, ()))
    scene.submit(Query(0, ()))
    assert len([ask for ask in scene.waiting if ask.url.endswith("/data/orders")]) == 1
    scene.advance(16 * SECOND)
    scene.submit(Query(0, ()))
    assert len([ask for ask in scene.waiting if ask.url.endswith("/data/orders")]) == 2


def test_a_tick_size_change_asks_what_became_of_orders_at_the_old_tick() -> None:
    scene = Scene().up()
    scene.submit(place(1))
    name = scene.id_of(1)
    scene.answer("/order", {"success": True, "orderID": name, "errorMsg": "", "status": "live"})
    scene.market(
        {
            "event_type": "tick_size_change", "market": CONDITION, "asset_id": YES, "new_tick_size": "0.001",
            "timestamp": str(START // 1_000_000 + 5),
        }
    )  # fmt: skip
    scene.until(f"/data/order/{name}")
    scene.answer(f"/data/order/{name}", order(name, "CANCELLATION", "CANCELED"))
    assert scene.session.trading.working.orders[1].over


def test_the_same_inputs_give_the_same_outputs() -> None:
    def run() -> tuple[list[Any], list[Any]]:
        scene = Scene(leads=[LEAD]).up()
        scene.submit(place(1), place(2))
        scene.advance(20 * SECOND)
        return scene.asked, scene.events

    assert run() == run()


# -- requests ----------------------------------------------------------------------------------------------------------


def test_requests_wait_in_line_where_there_are_too_many_and_none_is_lost() -> None:
    link = Link(SETTINGS, {})
    answers: list[Answer | None] = []
    link.tick(START)
    for _ in range(1_000):
        link.ask(Request("GET", "https://x", "/data/orders", Bucket.LEDGER), START, lambda a, ns: answers.append(a))
    assert len(link.out) == 900
    due = link.next_ns()
    assert due is not None
    assert START < due < START + SECOND
    link.tick(START + 2 * SECOND)
    assert len(link.out) == 1_000
    for one in link.out:
        link.failed(getattr(one, "id"), START + 2 * SECOND)  # noqa: B009
    assert answers == [None] * 1_000


def test_a_429_for_the_address_stops_its_kind_alone() -> None:
    link = Link(SETTINGS, {})
    link.ask(Request("GET", "https://x", "/book", Bucket.BOOK), START, lambda a, ns: None)
    link.answered(1, 429, {"retry-after": "2"}, b"", START)
    link.ask(Request("GET", "https://x", "/book", Bucket.BOOK), START, lambda a, ns: None)
    link.ask(Request("GET", "https://x", "/data/orders", Bucket.LEDGER), START, lambda a, ns: None)
    assert len(link.out) == 2
    link.tick(START + 2 * SECOND)
    assert len(link.out) == 3


# -- before it begins --------------------------------------------------------------------------------------------------


def gamma(slug: str = "rain", condition: str = CONDITION, tokens: tuple[str, str] = (YES, NO)) -> dict[str, Any]:
    return {
        "conditionId": condition, "clobTokenIds": raw(list(tokens)).decode(), "outcomes": '["Yes", "No"]', "slug": slug,
        "active": True, "closed": False, "acceptingOrders": True, "enableOrderBook": True,
        "orderPriceMinTickSize": 0.001, "orderMinSize": 5, "negRisk": False,
    }  # fmt: skip


def test_instruments_of_a_journal_keep_their_ids_and_new_ones_come_after() -> None:
    offer = listed([raw([gamma()])])
    assert [one.symbol for one in offer.instruments] == ["rain/Yes", "rain/No"]
    other = gamma("snow", "0x" + "5" * 64, ("111", "222"))
    again = listed([raw([other, gamma()])], offer.instruments)
    assert [one.symbol for one in again.instruments] == ["rain/Yes", "rain/No", "snow/Yes", "snow/No"]
    assert (again.new, again.gone) == (2, ())
    token = again.listing.of_token(YES)
    assert token is not None
    assert token.instrument.id == 0
    gone = listed([raw([other])], offer.instruments)
    assert gone.gone == ("rain/Yes", "rain/No")


def test_a_journal_that_counts_in_other_units_is_refused() -> None:
    known = Instrument(0, "rain/Yes", "polymarket", Kind.OUTCOME, 6, 4)
    with pytest.raises(ConfigError):
        listed([raw([gamma()])], [known])


def test_a_market_that_cannot_be_read_is_left_out_and_an_answer_that_cannot_is_refused() -> None:
    bad = gamma("bad") | {"orderPriceMinTickSize": 0.3}
    assert [one.symbol for one in listed([raw([bad, gamma()])]).instruments] == ["rain/Yes", "rain/No"]
    with pytest.raises(MessageRefused):
        listed([b"<html>"])


def test_markets_are_asked_for_by_slug_and_by_token_a_page_at_a_time() -> None:
    known = [Instrument(k, f"m{k}/Yes", "polymarket", Kind.OUTCOME, 2, 4) for k in range(150)]
    questions = listing_questions(SETTINGS, known, [YES])
    assert [len(one.query) for one in questions] == [101, 51, 2]
    assert "slug=m0&slug=m1" in questions[0].url
    assert questions[2].url.endswith(f"clob_token_ids={YES}")


def test_a_lead_is_worth_its_positions_and_where_a_node_is_asked_its_cash() -> None:
    listing = listed([raw([gamma()])]).listing
    held = [
        {"proxyWallet": LEAD, "asset": YES, "conditionId": CONDITION, "size": 12.345, "avgPrice": 0.4},
        {"proxyWallet": LEAD, "asset": "333", "conditionId": "0x1", "size": 5, "curPrice": 0.1},
        {"proxyWallet": LEAD, "asset": "444", "conditionId": "0x2", "size": 5, "redeemable": True},
    ]
    answers = [raw(held), raw([{"user": LEAD, "value": 4.938}])]
    start = lead_start(answers, listing)
    assert start.positions == {0: (1_234, 4_000)}
    assert (start.equity, start.unlisted) == (4_938_000, ("333",))
    assert len(lead_questions(SETTINGS, LEAD)) == 2
    node = msgspec.structs.replace(SETTINGS, rpc_url="https://node")
    assert len(lead_questions(node, LEAD)) == 3
    cash = lead_start([*answers, raw({"jsonrpc": "2.0", "id": 1, "result": hex(7_000_000)})], listing)
    assert cash.equity == 11_938_000


def test_an_account_may_trade_what_the_least_allowance_lets_it() -> None:
    listing = listed([raw([gamma()])]).listing
    allowances = {
        "0xE111180000d2663C0091e4f400237545B87B996B": str(2**256 - 1),
        "0xe2222d279d744050d28e00520010520000310F59": "5000000",
    }
    answers = [
        raw({"balance": "123456789", "allowances": allowances}),
        raw([{"proxyWallet": WALLET, "asset": YES, "conditionId": CONDITION, "size": 3}]),
        raw(page(order("0x1", "PLACEMENT", "LIVE"))),
        raw({"closed_only": False}),
    ]
    start = account_start(OURS, answers, listing)
    assert (start.cash, start.allowed, start.orders, start.closed_only) == (123_456_789, 5_000_000, 1, False)
    assert start.positions[YES_ID][0] == 300
    questions = account_questions(SETTINGS, OURS)
    assert [one.account for one in questions] == [-1, None, -1, -1]
    with pytest.raises(MessageRefused):
        account_start(OURS, [raw({"balance": "-5"}), *answers[1:]], listing)


def test_the_clock_is_known_to_half_a_second() -> None:
    assert abs(clock_offset_ns(b"1784683656", START, START + SECOND // 10)) < SECOND
