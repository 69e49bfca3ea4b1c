"""Orders at the simulated venue: what is said of them, in which order, and that an id is one order for ever."""

import msgspec
import numpy as np
import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.events import BatchUpdate, BookTop, Fill, LeadFill, LeadPosition, Mark, OrderUpdate, Reconciled
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Amend, Cancel, CancelAll, OrderSignal, Place, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.port import Venue
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Delay, Latency
from pilotfish.venues.sim.limits import RateLimit
from pilotfish.venues.sim.venue import SimVenue
from tests.unit.sim_world import MS, PERP, Ladder, Still, of, order, send, venue

ACK, FILLED, CANCEL, REJECT, ABSENT = (
    OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT, OrderSignal.ABSENT,
)  # fmt: skip
LEAD = -50


def words(events) -> list[tuple]:
    """The private stream in short: fills as (lots, price), updates as (signal, reason, lots left)."""
    return [
        (e.lots, e.price) if isinstance(e, Fill) else (e.signal, e.reason, e.lots_left)
        for e in events
        if isinstance(e, Fill | OrderUpdate)
    ]


def test_the_simulated_venue_is_a_venue():
    port: Venue = venue(Ladder(1000))
    assert port.idempotent_ids
    assert port.next_ns() is None


def test_an_ioc_order_is_acknowledged_filled_price_by_price_and_ended_in_that_order():
    place = venue(Still([], [(1001, 6), (1003, 7)], 1000))
    events = send(place, order(1, 1, 10, 1003))
    assert words(events) == [(ACK, Reason.NONE, 10), (6, 1001), (4, 1003), (FILLED, Reason.NONE, 0)]
    first, second = of(Fill, events)
    assert (first.cost, first.fee, second.fill_id > first.fill_id) == (6006, 3, True)  # 6006·450/1e6 = 2.7, up
    assert place.orders_executed == {1: (10, 10018, 5)}


def test_what_an_ioc_order_does_not_find_is_cancelled_for_lack_of_depth():
    events = send(venue(Still([], [(1001, 6)], 1000)), order(1, 1, 10, 1003))
    assert words(events) == [(ACK, Reason.NONE, 10), (6, 1001), (CANCEL, Reason.NO_DEPTH, 4)]


def test_a_resting_order_is_filled_as_a_maker_and_gets_the_rebate():
    place = venue(Still([], [], 1000))
    place.open_account(5, 10**12)
    send(place, order(1, 1, 10, 1000, Tif.ALO))
    events = send(place, order(2, -1, 4, 1000, account=5), now=1)
    (maker,) = [fill for fill in of(Fill, events) if fill.maker]
    assert (maker.coid, maker.lots, maker.cost, maker.fee) == (1, 4, 4000, 0)  # a rebate of 0.12 is rounded away
    assert place.position(OMNIBUS, 0) == 4
    events = send(place, order(3, -1, 6, 1000, account=5), now=2)
    assert words([e for e in events if e.coid == 1]) == [(6, 1000), (FILLED, Reason.NONE, 0)]


def test_post_only_that_would_cross_is_rejected():
    events = send(venue(Ladder(1000)), order(1, 1, 5, 1001, Tif.ALO))
    assert words(events) == [(REJECT, Reason.REJECTED, 5)]


def test_a_reduce_only_order_is_clipped_to_the_position():
    place = venue(Still([(999, 50)], [(1001, 50)], 1000))
    assert words(send(place, order(1, -1, 5, 999, reduce_only=True))) == [(REJECT, Reason.REJECTED, 5)]
    send(place, order(2, 1, 8, 1001), now=1)
    events = send(place, order(3, -1, 20, 999, reduce_only=True), now=2)
    assert words(events) == [(ACK, Reason.NONE, 8), (8, 999), (CANCEL, Reason.REJECTED, 12)]
    assert place.position(OMNIBUS, 0) == 0


def test_a_resting_reduce_only_order_shrinks_with_its_position():
    place = venue(Still([(999, 50)], [(1001, 50)], 1000))
    send(place, order(1, 1, 8, 1001))
    send(place, order(2, -1, 8, 1010, Tif.GTC, reduce_only=True), now=1)
    events = send(place, order(3, -1, 5, 999), now=2)
    assert (ACK, Reason.REJECTED, 3) in words([e for e in events if e.coid == 2])
    events = send(place, order(4, -1, 3, 999), now=3)
    assert words([e for e in events if e.coid == 2]) == [(CANCEL, Reason.REJECTED, 8)]


def test_a_resting_order_that_was_clipped_ends_with_what_was_clipped_left():
    place = venue(Still([(999, 50)], [(1001, 50)], 1000))
    place.open_account(5, 10**12)
    send(place, order(1, 1, 8, 1001), order(2, -1, 20, 1000, Tif.GTC, reduce_only=True))
    events = send(place, order(3, 1, 8, 1000, account=5), now=1)
    assert words([e for e in events if e.coid == 2]) == [(8, 1000), (CANCEL, Reason.REJECTED, 12)]


def test_an_amendment_states_the_whole_size_so_that_a_fill_on_the_way_is_not_bought_twice():
    place = venue(Still([], [], 1000))
    place.open_account(5, 10**12)
    send(place, order(1, 1, 10, 1000, Tif.GTC), order(2, -1, 4, 1000, account=5))
    assert words(send(place, Amend(1, 6, 1000), now=1)) == [(ACK, Reason.NONE, 2)]
    assert words(send(place, Amend(1, 7, 999), now=2)) == [(ACK, Reason.NONE, 3)]
    assert words(send(place, Amend(1, 4, 999), now=3)) == [(CANCEL, Reason.NONE, 3)]


def test_a_repeated_client_order_id_is_the_same_order_and_executes_once():
    place = venue(Ladder(1000))
    send(place, order(1, 1, 5, 1001))
    again = send(place, order(1, 1, 5, 1001), now=1)
    assert words(again) == [(FILLED, Reason.NONE, 0)]
    assert (place.duplicates_received, place.orders_accepted, place.position(OMNIBUS, 0)) == (1, 1, 5)


def test_a_repeated_batch_executes_once_and_is_answered_with_its_results():
    place = venue(Ladder(1000))
    place.open_accounts([0, 1], 10**12)
    batch = PlaceBatch(9, 0, 1, ints([0, 1]), ints([2, 3]), ints([1001, 1001]))
    (first,) = of(BatchUpdate, send(place, batch))
    (again,) = of(BatchUpdate, send(place, batch, now=1))
    assert again.lots.tolist() == first.lots.tolist() == [2, 3]
    assert (place.duplicates_received, place.position(1, 0)) == (2, 3)


def test_cancels_and_amendments_are_answered_and_of_unknown_orders_it_says_absent():
    place = venue(Still([(999, 50)], [(1001, 50)], 1000))
    send(place, order(1, 1, 8, 990, Tif.GTC))
    assert words(send(place, Amend(1, 6, 990), now=1)) == [(ACK, Reason.NONE, 6)]
    assert words(send(place, Amend(1, 10, 1001), now=2)) == [(ACK, Reason.NONE, 10), (10, 1001), (FILLED, 0, 0)]
    assert words(send(place, Cancel(1), now=3)) == [(FILLED, Reason.NONE, 0)]
    assert words(send(place, Cancel(99), now=4)) == [(ABSENT, Reason.NONE, 0)]
    send(place, order(2, 1, 8, 990, Tif.GTC), order(3, -1, 8, 1100, Tif.GTC), now=5)
    assert words(send(place, CancelAll(OMNIBUS), now=6)) == [(CANCEL, 0, 8), (CANCEL, 0, 8)]
    assert place.exchange.markets[0].book.owners(1) == set()


def test_a_refused_amendment_leaves_the_order_where_it_was():
    place = venue(Still([(999, 50)], [(1001, 50)], 1000))
    send(place, order(1, 1, 8, 990, Tif.ALO))
    assert words(send(place, Amend(1, 8, 1001), now=1)) == [(ACK, Reason.REJECTED, 8)]
    assert words(send(place, Amend(1, 10**15, 990), now=2)) == [(ACK, Reason.MARGIN, 8)]
    assert place.exchange.markets[0].book.owners(1) == {OMNIBUS}
    assert words(send(place, Cancel(1), now=3)) == [(CANCEL, Reason.NONE, 8)]


@pytest.mark.parametrize(
    "bad",
    [
        {"lots": 0}, {"lots": -5}, {"price": 0}, {"price": -1}, {"lots": 2**62}, {"price": 2**63}, {"side": 0},
        {"instrument": 77}, {"account": 12345}, {"account": LEAD}, {"lots": 2**40, "price": 2**30},
        {"lots": 2**55, "price": 1},
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_rejected_and_moves_nothing(bad):
    place = venue(Ladder(1000))
    sent = Place(**{"coid": 1, "account": OMNIBUS, "instrument": 0, "side": 1, "lots": 5, "price": 1001, **bad})
    (update,) = of(OrderUpdate, send(place, sent))
    assert (update.signal, update.reason) == (REJECT, Reason.REJECTED)
    assert place.orders_executed == {}


def test_a_price_off_the_tick_and_a_notional_below_the_minimum_are_rejected_but_a_close_passes():
    coarse = Instrument(
        0, "X", "sim", Kind.PERP, 5, 1, tick_rule=TickRule.FIXED, tick=5, min_notional=10_000, max_leverage=10
    )
    place = SimVenue([coarse], {0: Still([(995, 50)], [(1005, 50)], 1000)}, Latency.none(), Faults(0))
    place.open_account(OMNIBUS, 10**12)
    assert words(send(place, order(1, 1, 20, 1006))) == [(REJECT, Reason.REJECTED, 20)]
    assert words(send(place, order(2, 1, 9, 1005), now=1)) == [(REJECT, Reason.BELOW_MINIMUM, 9)]
    send(place, order(3, 1, 12, 1005), order(4, -1, 10, 995), now=2)
    assert words(send(place, order(5, -1, 1, 995), now=3)) == [(REJECT, Reason.BELOW_MINIMUM, 1)]
    assert words(send(place, order(6, -1, 2, 995), now=4))[-1] == (FILLED, Reason.NONE, 0)


def test_an_order_takes_its_delay_to_the_book_and_its_answer_takes_another():
    place = venue(Ladder(1000), latency=Latency(3, Delay(50 * MS, 50 * MS), Delay(200 * MS, 200 * MS), Delay(MS, MS)))
    assert send(place, order(1, 1, 5, 1001), now=1000) == []
    assert place.next_ns() == 1000 + 200 * MS
    events = place.events(10**9)
    assert {(e.venue_ns, e.ours_ns) for e in events} == {(1000 + 200 * MS, 1000 + 201 * MS)}


def test_answers_keep_their_order_however_long_each_takes():
    place = venue(Ladder(1000, levels=8), latency=Latency(3))
    orders = [order(k, 1, 60, 1008) for k in range(20)]
    for k, one in enumerate(orders):
        send(place, one, now=k)
    events = place.events(10**11)
    fills = [f.fill_id for f in of(Fill, events)]
    assert fills == sorted(fills)
    for k in range(20):
        mine = [e for e in events if isinstance(e, Fill | OrderUpdate) and e.coid == k]
        assert (mine[0].signal, mine[-1].signal, len(mine)) == (ACK, FILLED, 8)


def test_resting_reduce_only_orders_together_never_exceed_the_position():
    place = venue(Still([(999, 50)], [(1001, 50)], 1000))
    send(place, order(1, 1, 8, 1001), order(2, -1, 5, 1010, Tif.GTC, reduce_only=True))
    events = send(place, order(3, -1, 5, 1011, Tif.GTC, reduce_only=True), now=1)
    assert words(events) == [(ACK, Reason.NONE, 3)]
    events = send(place, order(4, -1, 4, 999), now=2)
    assert words([e for e in events if e.coid == 2]) == [(ACK, Reason.REJECTED, 4)]
    assert words([e for e in events if e.coid == 3]) == [(CANCEL, Reason.REJECTED, 5)]


def test_somebody_elses_fills_are_not_told_to_us():
    place = venue(Still([], [], 1000))
    place.open_account(-7, 10**12)
    place.submit_for(-7, order(1, -1, 5, 1001, Tif.GTC), 1)
    events = send(place, order(9, 1, 5, 1001), now=2)
    assert {e.coid for e in events} == {9}
    assert place.position(-7, 0) == -5


def test_until_a_source_gives_a_mark_the_last_trade_is_the_mark():
    place = venue(Still([], [(1001, 5)], 0))
    send(place, order(1, 1, 2, 1001))
    assert place.exchange.mark(0) == 1001


def test_the_rate_limit_rejects_what_comes_too_fast_and_a_batch_weighs_by_its_orders():
    place = venue(Ladder(1000, lots=1000), rate_limit=RateLimit(capacity=3, per_second=1))
    place.open_accounts(range(100), 10**12)
    fast = send(place, *(order(k, 1, 1, 1001) for k in range(1, 6)))
    assert [w[1] for w in words(fast) if w[0] == REJECT] == [Reason.RATE_LIMIT] * 2
    accounts = np.arange(100)  # weighs 1 + 100 // 40 = 3
    batch = PlaceBatch(100, 0, 1, accounts, np.ones(100, dtype=np.int64), np.full(100, 1001))
    (refused,) = of(BatchUpdate, send(place, batch, now=2 * 10**9))
    assert set(refused.reason.tolist()) == {Reason.RATE_LIMIT}
    (passed,) = of(BatchUpdate, send(place, msgspec.structs.replace(batch, coid=300), now=3 * 10**9))
    assert set(passed.signal.tolist()) == {FILLED}


def test_tops_and_marks_are_told_on_change_and_after_the_heartbeat():
    ladder = Ladder(1000)
    place = venue(ladder, top_every_ns=100 * MS, heartbeat_ns=1000 * MS)
    assert [type(e) for e in place.events(900 * MS)] == [BookTop, Mark]
    assert [e.venue_ns for e in of(BookTop, place.events(1000 * MS))] == [1000 * MS]
    ladder.price = ladder.mark_price = 1010
    (top,) = of(BookTop, place.events(1100 * MS))
    assert (top.bid, top.ask, top.venue_ns) == (1009, 1011, 1100 * MS)


def test_without_an_interval_tops_are_told_only_when_the_world_says():
    place = venue(Ladder(1000))
    assert place.next_ns() is None
    place.publish_top(0, 500)
    place.publish_top(0, 700)
    assert [(type(e), e.venue_ns) for e in place.events(1000)] == [
        (BookTop, 500), (Mark, 500), (BookTop, 700), (Mark, 700),
    ]  # fmt: skip


def test_a_lead_trades_at_the_venue_and_its_fills_state_the_position_before():
    place = venue(Ladder(1000), leads={LEAD: 3})
    place.open_account(LEAD, 10**12)
    place.submit_for(LEAD, order(1, 1, 4, 1001), 10)
    place.submit_for(LEAD, order(2, 1, 2, 1001), 20)
    place.submit_for(LEAD, order(2, 1, 2, 1001), 30)
    events = place.events(100)
    assert [(e.lead, e.lots, e.start, e.venue_ns) for e in events] == [(3, 4, 0, 10), (3, 2, 4, 20)]
    assert place.orders_executed == {}
    with pytest.raises(VenueError, match="is ours"):
        place.submit_for(OMNIBUS, order(5, 1, 4, 1001), 200)


def test_a_recorded_lead_is_published_late_by_the_market_delay_and_known_to_a_query():
    place = venue(Ladder(1000), latency=Latency(1, Delay(150 * MS, 150 * MS), Delay(0, 0), Delay(0, 0)))
    place.publish(5, LeadPosition(0, 0, 2, 0, 30, 999))
    place.publish(10, LeadFill(0, 0, 2, 0, -1, 12, 1000, 77))
    assert [(type(e), e.venue_ns, e.ours_ns) for e in place.events(10**9)] == [
        (LeadPosition, 5, 5 + 150 * MS), (LeadFill, 10, 10 + 150 * MS),
    ]  # fmt: skip
    (position,) = of(LeadPosition, send(place, Query(0, ()), now=10**9))
    assert (position.lead, position.lots) == (2, 18)


def test_a_query_replays_since_its_cursor_and_says_which_orders_are_open_done_or_neither():
    place = venue(Still([(999, 50)], [(1001, 50)], 1000))
    send(place, order(1, 1, 5, 1001), order(2, 1, 5, 900, Tif.GTC))
    answer = send(place, Query(0, (1, 2, 3)), now=1)
    assert [type(e) for e in answer] == [Fill, Reconciled]
    last = answer[-1]
    assert (last.asked, last.open, last.done, last.cursor) == ((1, 2, 3), (2,), (1,), 1)
    send(place, order(4, 1, 6, 1001), now=2)
    since = send(place, Query(last.cursor, ()), now=3)
    assert [f.coid for f in of(Fill, since)] == [4]


def test_a_query_never_overtakes_an_order_sent_before_it():
    for seed in range(20):
        place = venue(Ladder(1000), latency=Latency(seed))
        (answer,) = of(Reconciled, send(place, order(1, 1, 5, 1001), Query(0, (1,)), until=10**11))
        assert answer.done == (1,)


def test_wrong_settings_are_refused_with_their_name():
    with pytest.raises(ConfigError, match="sim block_ns"):
        SimVenue([PERP], {}, Latency.none(), Faults(0), config=SimConfig(block_ns=0))
    with pytest.raises(ConfigError, match="rate limit"):
        SimVenue([PERP], {}, Latency.none(), Faults(0), config=SimConfig(rate_limit=RateLimit(0, 1)))
    with pytest.raises(ConfigError, match="order delay"):
        Latency(1, order=Delay(5, 2))
    with pytest.raises(VenueError, match="the venue's own"):
        venue(Ladder(1000)).open_account(-1_000_000, 5)
    with pytest.raises(VenueError, match="is open already"):
        venue(Ladder(1000)).open_account(OMNIBUS, 5)
