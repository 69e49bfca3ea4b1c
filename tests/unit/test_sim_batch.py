"""Thousands of orders matched at once get exactly what they would get one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.events import BatchUpdate
from pilotfish.domain.orders import PlaceBatch, Tif
from pilotfish.venues.sim.accounts import costs_of
from pilotfish.venues.sim.batch import match_batch
from pilotfish.venues.sim.latency import Delay, Latency
from pilotfish.venues.sim.matching import OrderBook
from tests.unit.sim_world import PERP, SPOT, Ladder, Still, of, order, send, venue

levels = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 30)), min_size=0, max_size=12)
orders = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 45)), max_size=40)


def book_of(rows, side) -> OrderBook:
    book = OrderBook(PERP)
    for price, lots in rows:
        book.add(-side, lots, price)
    return book


@given(levels, orders, st.sampled_from([1, -1]))
def test_a_batch_equals_one_by_one(rows, wanted, side):
    together, apart = book_of(rows, side), book_of(rows, side)
    lots, limits = ints([q for q, _ in wanted]), ints([p for _, p in wanted])
    matched = match_batch(*together.depth(-side), side, lots, limits)
    assert together.take(side, matched.taken) == matched.taken
    alone = [apart.add(side, q, p, Tif.IOC) if q else None for q, p in wanted]
    assert matched.filled.tolist() == [one.filled if one else 0 for one in alone]
    assert matched.raw.tolist() == [one.raw if one else 0 for one in alone]
    assert together.depth(-side) == apart.depth(-side)


def test_a_cost_beyond_int64_is_still_exact():
    matched = match_batch([10**12, 10**12 + 1], [10**8, 2 * 10**8], 1, ints([10**8, 10**8]), ints([2 * 10**12] * 2))
    assert matched.raw.tolist() == [10**20, 10**20 + 10**8]


def test_a_batch_at_the_venue_gives_what_single_orders_give():
    lots, prices = ints([4, 9, 3, 20, 5]), ints([1002, 1001, 1005, 1003, 1005])
    both = []
    for one_by_one in (False, True):
        place = venue(Still([], [(1001, 6), (1002, 7), (1004, 50)], 1000))
        place.open_accounts(range(5), 10**12)
        if one_by_one:
            for k in range(5):
                send(place, order(100 + k, 1, int(lots[k]), int(prices[k]), account=k))
        else:
            send(place, PlaceBatch(100, 0, 1, np.arange(5), lots, prices))
        both.append(([place.cash(k) for k in range(5)], [place.position(k, 0) for k in range(5)], place.totals()))
        assert place.orders_executed[102].lots == 3
    assert both[0] == both[1]


def test_a_batch_comes_back_in_few_updates_that_name_every_order_once_in_time_order():
    place = venue(Ladder(1000, lots=10_000), latency=Latency(5, Delay(0, 0), Delay(20 * 10**6, 90 * 10**6)))
    n = 500
    place.open_accounts(range(n), 10**12)
    batch = PlaceBatch(7, 0, 1, np.arange(n), np.full(n, 3, dtype=np.int64), np.full(n, 1010, dtype=np.int64))
    updates = of(BatchUpdate, send(place, batch, until=10**10))
    assert 1 < len(updates) <= 4
    assert sorted(np.concatenate([u.index for u in updates]).tolist()) == list(range(n))
    done = np.concatenate([u.done_ns for u in updates])
    assert (np.diff(done) >= 0).all()
    assert all((u.done_ns <= u.venue_ns).all() and u.venue_ns <= u.ours_ns for u in updates)


def test_an_account_that_orders_twice_in_a_batch_gets_both_orders_in_turn():
    place = venue(Still([], [(1001, 9)], 1000))
    place.open_accounts([0, 1], 10**12)
    batch = PlaceBatch(10, 0, 1, ints([0, 1, 0]), ints([5, 2, 3]), ints([1001, 1001, 1001]))
    (update,) = of(BatchUpdate, send(place, batch))
    assert update.lots.tolist() == [5, 2, 2]
    assert (place.position(0, 0), place.position(1, 0)) == (7, 2)


def test_an_account_of_a_batch_does_not_trade_with_its_own_resting_order():
    place = venue(Still([], [(1002, 4)], 1000))
    place.open_accounts([0, 1], 10**12)
    send(place, order(1, -1, 5, 1001, Tif.GTC, account=1))
    batch = PlaceBatch(10, 0, 1, ints([0, 1]), ints([2, 7]), ints([1002, 1002]))
    events = send(place, batch)
    (update,) = of(BatchUpdate, events)
    assert update.lots.tolist() == [2, 4]  # 1 pulls its own 3 and takes the 4 above
    assert (place.position(0, 0), place.position(1, 0)) == (2, 4 - 2)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from([1, -1]), st.sampled_from([PERP, SPOT]))
def test_costs_in_columns_round_as_the_instrument_rounds(lots, price, side, instrument):
    cost = [instrument.cost(side, lots, price)]
    assert costs_of(ints([lots * price]), side, instrument).tolist() == cost
    assert costs_of(np.array([lots * price], dtype=object), side, instrument).tolist() == cost


def test_rounded_costs_of_a_batch_lose_nothing():
    place = venue(Still([], [], 1), Still([], [(3333, 10_000)], 3333))
    assert SPOT.money_exponent < 0
    place.open_accounts(range(9), 10**12)
    before = place.totals()
    send(place, PlaceBatch(10, 1, 1, np.arange(9), np.arange(1, 10), np.full(9, 3333)))
    assert place.totals() == before
    assert place.position(8, 1) == 9
