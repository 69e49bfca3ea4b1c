"""Faults of the simulated world: each happens when asked for, none by itself, and a Query tells the truth at last."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.codec import encode_event
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import BatchUpdate, BookTop, Connection, Fill, LeadFill, Mark, OrderUpdate, Reconciled
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Cancel, OrderSignal, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.sim.faults import HOUR_NS, FaultRates, Faults
from pilotfish.venues.sim.latency import Delay, Latency
from tests.unit.sim_world import MS, Ladder, Still, of, order, send, venue

SECOND = 1000 * MS


def faulty(seed: int = 1, **rates: object) -> Faults:
    return Faults(seed, FaultRates(**rates))


def filled(events) -> int:
    return sum(fill.lots for fill in {f.fill_id: f for f in of(Fill, events)}.values())


def test_a_lost_acknowledgement_is_healed_by_a_query():
    place = venue(Ladder(1000), faults=faulty(lost_ack=1.0))
    assert send(place, order(1, 1, 5, 1001), until=SECOND) == []
    assert place.position(OMNIBUS, 0) == 5
    answer = send(place, Query(0, (1,)), now=SECOND)
    assert (filled(answer), of(Reconciled, answer)[0].done) == (5, (1,))


def test_a_resting_order_of_which_nothing_was_said_speaks_again_after_a_query():
    place = venue(Still([], [], 1000), faults=faulty(lost_ack=1.0))
    place.open_account(5, 10**12)
    assert send(place, order(1, 1, 5, 1000, Tif.GTC)) == []
    assert of(Reconciled, send(place, Query(0, (1,)), now=1))[0].open == (1,)
    events = send(place, order(2, -1, 5, 1000, account=5), now=2)
    assert [type(e) for e in events] == [Fill, OrderUpdate]


def test_an_order_of_which_nothing_was_said_is_answered_when_it_is_cancelled():
    place = venue(Still([], [], 1000), faults=faulty(lost_ack=1.0))
    assert send(place, order(1, 1, 5, 1000, Tif.GTC)) == []
    assert [u.signal for u in send(place, Cancel(1), now=1)] == [OrderSignal.CANCEL]


def test_a_resting_order_speaks_again_after_a_reconnect():
    place = venue(Still([], [], 1000), faults=faulty(lost_ack=1.0))
    send(place, order(1, 1, 5, 1000, Tif.GTC))
    place.disconnect(10, 10)
    place.open_account(5, 10**12)
    place.events(30)
    assert [f.coid for f in of(Fill, send(place, order(2, -1, 5, 1000, account=5), now=40))] == [1]


def test_an_order_said_to_be_lost_fills_after_all():
    events = send(venue(Ladder(1000), faults=faulty(lost_then_filled=1.0)), order(1, 1, 5, 1001))
    assert [e.signal if isinstance(e, OrderUpdate) else e.lots for e in events] == [
        OrderSignal.LOST, 5, OrderSignal.FILLED,
    ]  # fmt: skip


def test_lost_orders_of_a_batch_are_told_truly_by_a_query():
    place = venue(Ladder(1000), faults=faulty(lost_then_filled=0.5))
    place.open_accounts(range(8), 10**12)
    batch = PlaceBatch(10, 0, 1, np.arange(8), np.ones(8, dtype=np.int64), np.full(8, 1001))
    (told,) = of(BatchUpdate, send(place, batch))
    lost = told.signal == OrderSignal.LOST
    assert 0 < lost.sum() < 8
    assert not told.lots[lost].any()
    (truth,) = of(BatchUpdate, send(place, Query(0, (10,)), now=1))
    assert truth.lots.tolist() == [1] * 8


def test_a_disconnect_loses_messages_and_submissions_and_a_query_recovers_what_happened():
    place = venue(Ladder(1000), latency=Latency(1, *[Delay(100 * MS, 100 * MS)] * 3))
    place.disconnect(150 * MS, 500 * MS)
    sent_before = send(place, order(1, 1, 5, 1001), until=300 * MS)
    assert [e.up for e in of(Connection, sent_before)] == [False]
    assert of(Fill, sent_before) == []  # executed at 100 ms, its answer was on the way when the connection broke
    assert send(place, order(2, 1, 5, 1001), now=300 * MS, until=649 * MS) == []
    back = place.events(SECOND)
    assert [e.up for e in of(Connection, back)] == [True]
    assert {type(e) for e in back} == {Connection, BookTop, Mark}
    answer = send(place, Query(0, (1, 2)), now=SECOND, until=2 * SECOND)
    (last,) = of(Reconciled, answer)
    assert (filled(answer), last.done, last.open) == (5, (1,), ())
    assert place.orders_accepted == 1


def test_what_was_under_way_when_the_connection_broke_is_lost_even_if_it_is_back_in_time():
    place = venue(Ladder(1000), latency=Latency(1, *[Delay(100 * MS, 100 * MS)] * 3))
    place.disconnect(150 * MS, 10 * MS)
    events = send(place, order(1, 1, 5, 1001), until=SECOND)
    assert of(Fill, events) == of(OrderUpdate, events) == []


def test_overlapping_disconnects_are_one_gap():
    place = venue(Ladder(1000))
    place.disconnect(10, 100)
    place.disconnect(50, 200)
    assert [(e.venue_ns, e.up) for e in of(Connection, place.events(SECOND))] == [(10, False), (250, True)]


def test_disconnects_come_at_the_stated_rate():
    place = venue(Ladder(1000), faults=faulty(disconnects_per_hour=30.0, outage_ns=SECOND))
    downs = [e for e in of(Connection, place.events(10 * HOUR_NS)) if not e.up]
    assert 230 < len(downs) < 370


def test_partial_fills_stop_anywhere_short_and_say_so():
    place = venue(Ladder(1000, lots=1000), faults=faulty(partial=1.0))
    events = send(place, *(order(k, 1, 100, 1001) for k in range(50)))
    ends = [u for u in of(OrderUpdate, events) if u.signal is OrderSignal.CANCEL]
    assert len(ends) == 50
    assert {u.reason for u in ends} == {Reason.NO_DEPTH}
    assert len({u.lots_left for u in ends}) > 20
    assert filled(events) == sum(100 - u.lots_left for u in ends)


def test_market_data_and_lead_fills_can_be_dropped_but_private_words_cannot():
    place = venue(Ladder(1000), faults=faulty(drop=1.0))
    place.publish(1, LeadFill(0, 0, 0, 0, 1, 5, 1000, 1))
    place.publish_top(0, 2)
    events = send(place, order(1, 1, 5, 1001), now=3)
    assert {type(e) for e in events} == {OrderUpdate, Fill}
    assert [e.fill_id for e in of(LeadFill, send(place, Query(0, ()), now=4))] == [1]


def test_duplicates_keep_their_ids():
    events = send(venue(Ladder(1000), faults=faulty(duplicate=1.0)), order(1, 1, 5, 1001), until=SECOND)
    assert len(of(Fill, events)) == 2
    assert filled(events) == 5


@pytest.mark.parametrize("kind", ["delay", "reorder"])
def test_delayed_and_reordered_messages_are_overtaken(kind):
    place = venue(Ladder(1000), faults=faulty(**{kind: 0.5}))
    for ns in range(0, 50 * MS, MS):
        place.publish_top(0, ns)
    sent = [e.venue_ns for e in place.events(10 * SECOND) if isinstance(e, BookTop)]
    assert len(sent) == 50
    assert sent != sorted(sent)


def test_a_frozen_book_says_nothing_while_orders_meet_the_true_one():
    ladder = Ladder(1000)
    place = venue(ladder, top_every_ns=MS, heartbeat_ns=MS)
    place.freeze_books(10 * MS, 20 * MS)
    place.events(9 * MS)
    ladder.price = 1007
    assert of(BookTop, place.events(29 * MS)) == []
    (fill,) = of(Fill, send(place, order(1, 1, 1, 1010), now=29 * MS))
    assert fill.price == 1008
    assert of(BookTop, place.events(31 * MS))


def test_without_rates_nothing_goes_wrong():
    place = venue(Ladder(1000), top_every_ns=SECOND)
    events = [e for k in range(100) for e in send(place, order(k, 1, 1, 1001), now=k * SECOND)]
    assert of(Connection, events) == []
    assert [f.coid for f in of(Fill, events)] == list(range(100))


def test_a_rate_that_is_no_probability_is_refused_by_name():
    with pytest.raises(ConfigError, match="fault rate drop"):
        faulty(drop=1.5)
    with pytest.raises(ConfigError, match="negative"):
        faulty(disconnects_per_hour=-1.0)


ALL = {
    "duplicate": 0.2, "drop": 0.2, "delay": 0.2, "reorder": 0.2, "partial": 0.3, "lost_ack": 0.2,
    "lost_then_filled": 0.2, "disconnects_per_hour": 400.0, "stale_books_per_hour": 60.0,
    "stale_marks_per_hour": 60.0,
}  # fmt: skip


def stormy_run(seed: int, pause: int = SECOND // 2) -> tuple[bytes, object]:
    """A minute of everything at once; the stream as bytes, and the venue."""
    place = venue(Ladder(1000, lots=40), latency=Latency(seed), faults=faulty(seed, **ALL), top_every_ns=SECOND)
    place.open_accounts(range(20), 10**12)
    events = []
    for k in range(60):
        side = 1 if k % 3 else -1
        batch = PlaceBatch(
            1000 * k + 1000, 0, side, np.arange(20), np.full(20, k % 5 + 1), ints([1000 + 3 * side] * 20)
        )
        now = k * SECOND
        for step in range(now, now + SECOND, pause):
            events += place.events(step)
        events += send(place, order(k, side, 7, 1000 + 3 * side), batch, now=now + SECOND - 1)
    return b"".join(map(encode_event, events)), place


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    first, again, other = stormy_run(7)[0], stormy_run(7)[0], stormy_run(8)[0]
    assert first == again
    assert first != other


def test_how_often_a_world_looks_changes_nothing():
    assert stormy_run(7, SECOND // 2)[0] == stormy_run(7, SECOND // 10)[0]


def signed(coid: int, lots: int) -> int:
    """What an order of the stormy run did to a position."""
    k = coid // 1000 - 1 if coid >= 1000 else coid
    return lots if k % 3 else -lots


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_after_any_storm_a_query_states_every_fill_and_position(seed):
    _, place = stormy_run(seed)
    now, truth = 10**12, []
    for _ in range(50):  # an answer can be lost to a disconnect; a later one comes through
        now += 30 * SECOND
        truth = send(place, Query(0, ()), now=now, until=now + 20 * SECOND)
        if of(Reconciled, truth):
            break
    assert of(Reconciled, truth)
    single = {c: e for c, e in place.orders_executed.items() if c < 1000}
    fills = {f.fill_id: f for f in of(Fill, truth)}.values()
    told = {coid: sum(f.lots for f in fills if f.coid == coid) for coid in single}
    batches = {u.coid + int(i): int(n) for u in of(BatchUpdate, truth) for i, n in zip(u.index, u.lots, strict=True)}
    for coid, done in place.orders_executed.items():
        stated = told[coid] if coid < 1000 else batches[coid]
        assert stated == done.lots
    ours = sum(signed(f.coid, f.lots) for f in fills)
    assert ours == place.position(OMNIBUS, 0)
    assert sum(signed(c, n) for c, n in batches.items()) == sum(place.position(k, 0) for k in range(20))
