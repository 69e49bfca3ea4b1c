"""Rows as ccxt hands them over, damaged: told rightly or set aside, by the feeds and by the book of record."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import BookTop, DataTrust, Fill
from tests.fuzz.damage import JUNK
from tests.fuzz.sound import check
from tests.unit.test_ccxt_feeds import BTC, MS, Market, S, T
from tests.unit.test_ccxt_orders import Book

SEEDS = st.integers(0, 2**32 - 1)
ORDER = {"id": "v1", "symbol": "ETH/USDT:USDT", "status": "open", "filled": "0", "amount": "1", "side": "buy"}
TRADE = {
    "id": "t1", "order": "v1", "symbol": "ETH/USDT:USDT", "amount": "0.5", "price": "3000.5", "side": "buy",
    "takerOrMaker": "taker", "timestamp": 5,
}  # fmt: skip
FEE = {"cost": "0.0000001", "currency": "USDT"}


VALUES = [one for one in JUNK if one is None or isinstance(one, str)]


def spoilt(row: dict[str, Any], chance: Random) -> dict[str, Any]:
    """The row with some of what the exchange wrote damaged. Its shape is ccxt's own, and so are its stamps: numbers."""
    out = json.loads(json.dumps(row))
    for _ in range(chance.choice((0, 1, 1, 2))):
        name = chance.choice([*out])
        if name == "timestamp":
            out[name] = chance.choice((None, 0, -1, 10**18, 2**70, row[name] + 3_600_000))
        elif isinstance(out[name], list):
            out[name] = chance.choice(([], [[chance.choice(VALUES), chance.choice(VALUES)]]))
        elif name != "symbol":
            out[name] = chance.choice(VALUES)
    return out


def test_something_is_told_of_rows_that_are_whole() -> None:
    book = Book()
    book.sent()
    book.orders.order(ORDER, book.orders.ids.text(1), 2_000)
    assert book.orders.trade(TRADE, book.orders.ids.text(1), FEE, 2_000)
    assert [type(event).__name__ for event in book.told] == ["OrderUpdate", "Fill"]


@settings(max_examples=200)
@given(SEEDS)
def test_orders_and_trades_of_an_account_are_told_soundly_or_set_aside(seed: int) -> None:
    chance, book = Random(seed), Book()
    book.sent()
    for _ in range(6):
        if chance.random() < 0.5:
            row = spoilt(ORDER | {"status": chance.choice(("open", "closed", "canceled", "rejected"))}, chance)
            book.orders.order(row, book.orders.ids.text(1), 2_000)
        else:
            book.orders.trade(spoilt(TRADE, chance), book.orders.ids.text(1), spoilt(FEE, chance), 2_000)
    check(book.told)
    assert sum(event.lots for event in book.told if isinstance(event, Fill)) >= 0


@settings(max_examples=200)
@given(SEEDS)
def test_a_book_that_is_whole_is_told_whatever_was_heard_before_it(seed: int) -> None:
    chance, market = Random(seed), Market()
    now = T
    for _ in range(8):
        now += S // 4
        row = {"bid": "100.1", "bidVolume": "3", "ask": "100.2", "askVolume": "2.5", "timestamp": now // MS}
        market.feeds.book(BTC.symbol, spoilt(row, chance), now)
        market.feeds.mark(BTC.symbol, spoilt({"markPrice": "100.15", "timestamp": now // MS}, chance), now)
        rest = spoilt({"bids": [["100.1", "3"]], "asks": [["100.2", "2.5"]]}, chance)
        market.feeds.compared(BTC.symbol, rest, now)
        market.feeds.tick(now)
    check(market.told, lots_floored=True)
    now += S
    market.book("99.5", "99.6", now)
    market.feeds.tick(now)
    assert [event.doubt for event in market.told if isinstance(event, DataTrust)][-1] is Doubt.NONE
    last = [event for event in market.told if isinstance(event, BookTop)][-1]
    assert (last.bid, last.ask) == (995, 996)
