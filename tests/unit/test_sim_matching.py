"""The simulated venue's book: price, then time, and a place in the queue."""

import pytest

from pilotfish.domain.errors import VenueError
from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.matching import ANONYMOUS, OrderBook, Pulled, Trade
from tests.unit.sim_world import PERP

US, THEM = -1, 7


@pytest.fixture
def book() -> OrderBook:
    return OrderBook(PERP)


def trades(book: OrderBook) -> list[tuple[int, int, int]]:
    return [(t.maker_owner, t.lots, t.price) for t in book.drain() if isinstance(t, Trade)]


def test_the_better_price_trades_first_and_then_the_earlier_order(book):
    book.add(-1, 5, 102, owner=1)
    book.add(-1, 5, 101, owner=2)
    book.add(-1, 5, 101, owner=3)
    placed = book.add(1, 12, 102, Tif.IOC, US)
    assert trades(book) == [(2, 5, 101), (3, 5, 101), (1, 2, 102)]
    assert (placed.filled, placed.raw, placed.left, placed.rests) == (12, 10 * 101 + 2 * 102, 0, False)


def test_a_limit_order_never_trades_beyond_its_limit_and_rests_with_the_remainder(book):
    book.add(-1, 5, 101)
    book.add(-1, 5, 103)
    placed = book.add(1, 8, 102, owner=US)
    assert (placed.filled, placed.left, placed.rests) == (5, 3, True)
    assert book.best() == (102, 3, 103, 5)


def test_an_ioc_order_leaves_nothing_behind(book):
    book.add(-1, 5, 101)
    placed = book.add(1, 8, 101, Tif.IOC, US)
    assert (placed.filled, placed.left, placed.rests) == (5, 3, False)
    assert book.best() == (0, 0, 0, 0)


def test_post_only_rests_or_does_nothing(book):
    book.add(-1, 5, 101)
    assert not book.add(1, 5, 101, Tif.ALO, US).rests
    assert book.best() == (0, 0, 101, 5)
    assert book.add(1, 5, 100, Tif.ALO, US).rests


def test_the_queue_ahead_shrinks_with_trades_and_cancels_and_not_with_arrivals(book):
    first = book.add(1, 10, 100).order_id
    book.add(1, 4, 100)
    ours = book.add(1, 5, 100, owner=US).order_id
    book.add(1, 50, 100)
    assert book.lots_ahead(ours) == 14
    book.add(-1, 3, 100, Tif.IOC)
    assert book.lots_ahead(ours) == 11
    book.cancel(first)
    assert book.lots_ahead(ours) == 4
    book.add(-1, 6, 100, Tif.IOC)
    assert (book.lots_ahead(ours), book.lots_left(ours)) == (0, 3)


@pytest.mark.parametrize(("lots", "price", "ahead"), [(3, 100, 10), (5, 100, 10), (6, 100, 17), (5, 99, 0)])
def test_an_amendment_keeps_its_place_only_when_lots_shrink_at_the_same_price(book, lots, price, ahead):
    book.add(1, 10, 100)
    ours = book.add(1, 5, 100, owner=US).order_id
    book.add(1, 7, 100)
    book.amend(ours, lots, price)
    assert (book.lots_ahead(ours), book.lots_left(ours)) == (ahead, lots)


def test_an_order_amended_across_the_spread_trades(book):
    book.add(-1, 5, 102)
    ours = book.add(1, 8, 100, owner=US).order_id
    placed = book.amend(ours, 8, 102)
    assert (placed.filled, placed.left) == (5, 3)
    assert trades(book) == [(ANONYMOUS, 5, 102)]
    assert book.best() == (102, 3, 0, 0)


def test_an_order_that_grew_is_in_its_queue_once(book):
    ours = book.add(1, 5, 100, owner=US).order_id
    book.amend(ours, 9, 100)
    book.add(-1, 20, 100, Tif.IOC, THEM)
    assert sum(t.lots for t in book.drain()) == 9
    assert book.lots_left(ours) == 0


def test_self_trade_cancels_the_resting_order_and_goes_on(book):
    ours = book.add(-1, 5, 101, owner=US).order_id
    book.add(-1, 5, 101, owner=THEM)
    placed = book.add(1, 5, 101, Tif.IOC, US)
    log = book.drain()
    assert log[0] == Pulled(0, ours, US, 5)
    assert (log[1].maker_owner, log[1].lots, placed.filled) == (THEM, 5, 5)


def test_anonymous_flow_trades_with_itself_and_leaves_no_trace(book):
    book.add(-1, 5, 101)
    assert book.add(1, 3, 101, Tif.IOC).filled == 3
    assert book.drain() == []
    assert book.anonymous(-1) == [(101, 2)]


def test_depth_is_cumulative_from_the_best_price(book):
    for price, lots in ((103, 1), (101, 2), (102, 4)):
        book.add(-1, lots, price)
    assert book.depth(-1) == ([101, 102, 103], [2, 6, 7])
    assert book.depth(1) == ([], [])


def test_replacing_the_crowd_keeps_our_place_and_queues_growth_behind_us(book):
    book.replace_anonymous([(100, 10)], [(101, 10)])
    ours = book.add(1, 5, 100, owner=US).order_id
    book.replace_anonymous([(100, 30)], [(101, 10)])
    assert book.lots_ahead(ours) == 10
    assert book.best() == (100, 35, 101, 10)
    book.replace_anonymous([(100, 4)], [(101, 10)])
    assert book.lots_ahead(ours) == 4
    book.replace_anonymous([(100, 40)], [(101, 10)])
    assert book.lots_ahead(ours) == 4
    assert book.anonymous(1) == [(100, 40)]


def test_our_order_stays_where_the_crowd_has_gone(book):
    book.replace_anonymous([(100, 10)], [])
    ours = book.add(1, 5, 100, owner=US).order_id
    book.replace_anonymous([(98, 10)], [(103, 1)])
    assert book.best() == (100, 5, 103, 1)
    assert book.lots_ahead(ours) == 0


def test_a_replaced_book_that_crosses_our_order_fills_it_at_its_price_from_the_crossing_lots(book):
    ours = book.add(1, 8, 100, owner=US).order_id
    book.replace_anonymous([(97, 10)], [(99, 5), (101, 10)])
    assert [(t.maker_id, t.side, t.lots, t.price) for t in book.drain()] == [(ours, -1, 5, 100)]
    assert book.best() == (100, 3, 101, 10)


@pytest.mark.parametrize("side", [1, -1])
def test_every_lot_of_a_replaced_book_can_be_traded(book, side):
    book.replace_anonymous([(100, 10), (99, 5)], [(101, 10), (102, 5)])
    assert book.take(side, 100) == 15
    assert book.depth(-side) == ([], [])


@pytest.mark.parametrize(("lots", "price"), [(0, 100), (-1, 100), (5, 0), (5, -3)])
def test_an_order_without_size_or_price_is_refused_and_nothing_changes(book, lots, price):
    with pytest.raises(VenueError, match="must be positive"):
        book.add(1, lots, price)
    assert book.best() == (0, 0, 0, 0)


def test_a_crossed_snapshot_is_refused_and_the_book_stays(book):
    book.replace_anonymous([(100, 1)], [(101, 1)])
    with pytest.raises(VenueError, match="crosses itself"):
        book.replace_anonymous([(102, 1)], [(101, 1)])
    assert book.best() == (100, 1, 101, 1)


def test_asking_for_the_place_of_an_order_that_is_gone_says_so(book):
    assert book.cancel(12) == 0
    with pytest.raises(VenueError, match="order 12: is not resting"):
        book.lots_ahead(12)
