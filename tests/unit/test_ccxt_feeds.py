"""Tops of books and the proof that they may be acted on, told from what ccxt understood."""

from decimal import Decimal

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import BookTop, DataTrust, Mark
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.venues.ccxt.feeds import SETTLE_NS, Feeds
from pilotfish.venues.ccxt.listing import Listed
from pilotfish.venues.trust import TrustTerms

S = 1_000_000_000
MS = 1_000_000
BTC = Instrument(0, "BTC/USDT:USDT", "x", Kind.PERP, 4, 1, quote="USDT")
LISTED = Listed(BTC, BTC.symbol, "BTC-USDT-SWAP", Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
T = 1_000 * S


class Market:
    def __init__(self) -> None:
        self.told = []
        self.feeds = Feeds({BTC.symbol: LISTED}, self.told.append, TrustTerms())
        self.feeds.trust.connected()
        self.books = {}
        self.marks = {}

    def book(self, bid, ask, ns=T, stamp_ms=None, **more):
        row = {"bid": bid, "bidVolume": "3", "ask": ask, "askVolume": "2.5", "timestamp": stamp_ms or ns // MS} | more
        self.books[BTC.symbol] = row
        self.feeds.overhear(self.books, self.marks, ns)

    def rest(self, bid, ask, ns):
        self.feeds.compared(BTC.symbol, {"bids": [[bid, 3.0]], "asks": [[ask, 2.5]]}, ns)

    def tops(self):
        return [(e.bid, e.bid_lots, e.ask, e.ask_lots) for e in self.told if isinstance(e, BookTop)]

    def doubts(self):
        return [event.doubt for event in self.told if isinstance(event, DataTrust)]


def test_a_book_is_told_in_lots_and_trusted_from_then_on():
    market = Market()
    market.book("60000.1", "60000.2")
    assert market.tops() == [(600_001, 300, 600_002, 250)]
    assert market.doubts() == [Doubt.NONE]


def test_hearing_of_something_else_does_not_tell_the_book_again():
    market = Market()
    market.book("60000.1", "60000.2")
    market.feeds.overhear(market.books, {}, T + 1)
    assert len(market.tops()) == 1


def test_a_side_without_orders_is_zero():
    market = Market()
    market.book(None, "60000.2")
    assert market.tops() == [(0, 0, 600_002, 250)]


def test_a_book_that_was_overtaken_changes_nothing():
    market = Market()
    market.book("60000.1", "60000.2", stamp_ms=5_000)
    market.book("60000.0", "60000.1", stamp_ms=4_999)
    assert len(market.tops()) == 1
    assert market.feeds.counts["overtaken"] == 1


def test_a_price_off_the_grid_is_set_aside():
    market = Market()
    market.book("60000.12", "60000.2")
    assert market.tops() == []
    assert market.feeds.counts["set_aside"] == 1


def test_a_mark_is_rounded_to_the_nearest_unit_and_an_impossible_one_set_aside():
    market = Market()
    for price in ("60000.16", "0", "nan"):
        market.marks[BTC.symbol] = {"markPrice": price, "timestamp": 1}
        market.feeds.overhear({}, market.marks, T)
    assert [event.price for event in market.told if isinstance(event, Mark)] == [600_002]
    assert market.feeds.counts["set_aside"] == 1


def test_a_trusted_book_that_stands_still_is_told_again_within_a_second():
    market = Market()
    market.book("60000.1", "60000.2")
    market.feeds.tick(T + S // 2)
    assert len(market.tops()) == 1
    market.feeds.tick(T + S)
    assert [event.ours_ns for event in market.told if isinstance(event, BookTop)] == [T, T + S]


def test_a_book_without_a_sign_of_life_falls_silent_and_is_not_told_again():
    market = Market()
    market.book("60000.1", "60000.2")
    market.feeds.tick(T + 4 * S)
    assert market.doubts()[-1] is Doubt.SILENT
    before = len(market.tops())
    market.feeds.tick(T + 6 * S)
    assert len(market.tops()) == before
    market.feeds.trust.probed(T + 7 * S)
    market.feeds.tick(T + 7 * S)
    assert market.doubts()[-1] is Doubt.NONE
    assert len(market.tops()) == before + 1


def test_a_lost_stream_leaves_nothing_known():
    market = Market()
    market.book("60000.1", "60000.2")
    market.feeds.lost(T + 1)
    assert Doubt.DISCONNECTED in market.doubts()[-1]
    market.feeds.tick(T + S)
    assert len(market.tops()) == 1


def test_the_same_book_by_another_way_agrees():
    market = Market()
    market.book("60000.1", "60000.2")
    market.rest(60000.1, 60000.2, T + S)
    market.feeds.trust.probed(T + 4 * S)
    market.feeds.tick(T + 4 * S)
    assert market.doubts() == [Doubt.NONE]


def test_another_book_by_another_way_disagrees_when_the_stream_does_not_follow():
    market = Market()
    market.book("60000.1", "60000.2")
    market.rest(60010.1, 60010.2, T + S)
    market.feeds.tick(T + S + SETTLE_NS)
    assert market.doubts() == [Doubt.NONE]
    market.feeds.tick(T + S + SETTLE_NS + 1)
    assert Doubt.DISAGREES in market.doubts()[-1]
    market.book("60010.1", "60010.2", T + 4 * S)
    assert Doubt.DISAGREES in market.doubts()[-1], "a new book alone is no second source"
    market.rest(60010.1, 60010.2, T + 5 * S)
    market.feeds.tick(T + 5 * S)
    assert market.doubts()[-1] is Doubt.NONE


def test_a_stream_that_moves_after_the_comparison_is_not_doubted():
    market = Market()
    market.book("60000.1", "60000.2")
    market.rest(60010.1, 60010.2, T + S)
    market.book("60009.1", "60009.2", T + 2 * S)
    market.feeds.tick(T + S + SETTLE_NS + 1)
    assert market.doubts() == [Doubt.NONE]
