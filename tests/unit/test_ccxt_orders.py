"""The book of record of one account: what the exchange says in any order, doubled and in parts, is told once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.events import Fill, OrderUpdate
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.orders import OrderSignal, Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.ccxt.ids import ClientIds
from pilotfish.venues.ccxt.listing import Listed
from pilotfish.venues.ccxt.orders import Orders

ETH = Instrument(3, "ETH/USDT:USDT", "x", Kind.PERP, 2, 2, quote="USDT", taker_fee_e6=500, maker_fee_e6=200)
LISTED = Listed(ETH, ETH.symbol, "ETHUSDT", Decimal(1), Decimal("0.01"), Decimal("0.01"))
ACK, FILLED, CANCEL, REJECT = OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT


class Book:
    def __init__(self) -> None:
        self.told = []
        self.orders = Orders(ClientIds(), {ETH.symbol: LISTED}, self.told.append)

    def sent(self, coid=1, lots=100):
        return self.orders.sent(Place(coid, -1, 3, 1, lots, 300_000, Tif.GTC), LISTED, 1_000)

    def state(self, status, filled="0", coid=1, **more):
        row = {"id": f"v{coid}", "symbol": ETH.symbol, "status": status, "filled": filled, "amount": "1", "side": "buy"}
        return self.orders.order(row | more, self.orders.ids.text(coid), 2_000)

    def trade(self, number, amount, coid=1, named=True, **more):
        row = {
            "id": str(number), "order": f"v{coid}", "symbol": ETH.symbol, "amount": amount, "price": "3000.5",
            "side": "buy", "takerOrMaker": "taker", "timestamp": 5,
        }  # fmt: skip
        fee = {"cost": "0.0000001", "currency": "USDT"}
        return self.orders.trade(row | more, self.orders.ids.text(coid) if named else None, fee, 2_000)

    def signals(self):
        return [(event.signal, event.lots_left) for event in self.told if isinstance(event, OrderUpdate)]

    def fills(self):
        return [event for event in self.told if isinstance(event, Fill)]


def test_an_open_order_is_acknowledged_once():
    book = Book()
    book.sent()
    book.state("open")
    book.state("open", "0.3")
    assert book.signals() == [(ACK, 100)]


def test_an_end_says_what_was_left_and_is_said_once():
    book = Book()
    book.sent()
    book.state("canceled", "0.4")
    book.state("canceled", "0.4")
    book.state("open", "0.3")
    assert book.signals() == [(CANCEL, 60)]
    assert book.orders.known[1].owed == 40


def test_a_fill_is_exact_and_told_once():
    book = Book()
    book.sent()
    book.trade(7, "0.4")
    book.trade(7, "0.4")
    (fill,) = book.fills()
    assert (fill.lots, fill.price, fill.cost, fill.fee) == (40, 300_050, 1_200_200_000, 1)
    assert book.orders.counts["duplicates"] == 1


def test_a_fee_in_another_asset_is_valued_at_the_listed_rate_and_counted():
    book = Book()
    book.sent()
    row = {"id": "9", "order": "v1", "symbol": ETH.symbol, "amount": "1", "price": "3000", "takerOrMaker": "maker"}
    book.orders.trade(row, book.orders.ids.text(1), {"cost": "0.001", "currency": "BNB"}, 2_000)
    assert book.fills()[0].fee == 600_000
    assert book.orders.counts["fees_estimated"] == 1


def test_a_trade_that_names_only_the_exchanges_order_waits_until_that_is_known():
    book = Book()
    book.sent()
    assert not book.trade(7, "0.4", named=False)
    assert book.fills() == []
    assert book.orders.unplaced() == [(ETH.symbol, "v1")]
    book.state("open", "0.4")
    assert [fill.lots for fill in book.fills()] == [40]
    assert book.orders.unplaced() == []


def test_what_others_do_on_the_account_is_counted_and_let_go():
    book = Book()
    row = {"id": "w1", "symbol": ETH.symbol, "status": "open", "filled": "0", "amount": "1"}
    assert book.orders.order(row, "by-hand", 2_000) is None
    assert book.orders.trade({"id": "1", "order": "w1", "symbol": ETH.symbol}, None, None, 2_000)
    assert book.orders.trade({"id": "2", "order": "w2", "symbol": "DOGE/USDT:USDT"}, None, None, 2_000)
    assert book.told == []
    assert book.orders.unplaced() == []
    assert book.orders.counts["strangers"] == 3


@pytest.mark.parametrize(
    "row",
    [
        {"amount": "0.001"}, {"amount": "nan"}, {"amount": None}, {"amount": "-1"}, {"price": "x"}, {"price": "0"},
        {"amount": 0.4},
    ],
)  # fmt: skip
def test_a_trade_that_cannot_be_read_is_set_aside(row):
    book = Book()
    book.sent()
    book.trade(7, **({"amount": "0.4"} | row))
    assert book.fills() == []
    assert book.orders.counts["set_aside"] == 1


@pytest.mark.parametrize("filled", ["2", "0.1", "x"])
def test_an_end_that_contradicts_the_fills_is_set_aside(filled):
    book = Book()
    book.sent()
    book.trade(7, "0.4")
    book.state("canceled", filled)
    assert book.signals() == []
    assert book.orders.counts["set_aside"] == 1


def test_a_refused_order_that_filled_after_all_is_filled():
    book = Book()
    order = book.sent()
    book.orders.refuse(order, Reason.BALANCE, 2_000)
    book.state("closed", "1")
    book.trade(7, "1")
    assert book.signals() == [(REJECT, 100), (FILLED, 0)]
    assert [fill.lots for fill in book.fills()] == [100]


def test_an_amendment_changes_what_whole_means():
    book = Book()
    book.sent(lots=100)
    book.state("closed", "2", amount="2")
    assert book.signals() == [(FILLED, 0)]


def test_an_order_of_before_a_restart_is_known_from_what_the_exchange_says():
    book = Book()
    book.state("open", "0.3", coid=55)
    assert book.orders.known[55].lots == 100
    assert book.orders.open()[0].coid == 55


@given(st.lists(st.sampled_from(["ack", "t1", "t2", "t3", "end"]), min_size=1, max_size=14))
def test_any_order_of_messages_ends_in_the_same_account(messages):
    book = Book()
    book.sent()
    for message in [*messages, "t2", "end", "t1", "t3", "ack"]:
        if message == "ack":
            book.state("open", "0")
        elif message == "end":
            book.state("closed", "1")
        else:
            book.trade(message[1], {"1": "0.2", "2": "0.3", "3": "0.5"}[message[1]])
    assert sorted(fill.lots for fill in book.fills()) == [20, 30, 50]
    assert book.orders.known[1].owed == 0
    assert [signal for signal, _ in book.signals()].count(FILLED) == 1
    assert [signal for signal, _ in book.signals()].count(ACK) <= 1
