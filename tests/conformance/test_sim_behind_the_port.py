"""What the simulated venue promises behind the port, in this process and over a socket: the same tests for both."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.events import BatchUpdate, BookTop, Connection, Event, Fill, LeadPosition, OrderUpdate, Reconciled
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, OrderSignal, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.port import Venue
from pilotfish.venues.sim.faults import FaultRates, Faults
from pilotfish.venues.sim.latency import Delay, Latency
from pilotfish.venues.sim.limits import RateLimit
from pilotfish.venues.sim.remote import RemoteVenue
from pilotfish.venues.sim.server import VenueServer
from pilotfish.venues.sim.venue import SimVenue
from tests.unit.sim_world import MS, Ladder, Still, of, order, venue

ACK, FILLED, CANCEL, REJECT, ABSENT = (
    OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT, OrderSignal.ABSENT,
)  # fmt: skip
LEAD = 1 << 40


class Place(NamedTuple):
    """One venue: the port that a shard holds, and the books that only a test sees."""

    port: Venue
    books: SimVenue

    def send(self, *commands: Command, now: int = 0, until: int | None = None) -> list[Event]:
        """Submit at `now`, and hand back all that arrives until then."""
        before = list(self.port.events(now))
        self.port.submit([Approved(command, _KEY) for command in commands], now)
        return before + list(self.port.events(now if until is None else until))


@pytest.fixture(params=["in process", "remote"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator:
    """Makes venues as `sim_world.venue` does, and takes down what served them."""
    open_: list[tuple[RemoteVenue, VenueServer, threading.Thread]] = []

    def making(*sources: object, **more: object) -> Place:
        books = venue(*sources, **more)
        if request.param == "in process":
            return Place(books, books)
        server = VenueServer(books, tmp_path / f"{len(open_)}.sock")
        thread = threading.Thread(target=server.serve)
        thread.start()
        port = RemoteVenue(server.address)
        open_.append((port, server, thread))
        return Place(port, books)

    yield making
    for port, server, thread in open_:
        port.close()
        server.close()
        thread.join()


def still() -> Still:
    return Still([(999, 50)], [(1001, 6), (1003, 7)], 1000)


def words(events: list[Event], coid: int | None = None) -> list[tuple]:
    """Fills as (lots, price), updates as (signal, reason, lots left), of one order or of all."""
    return [
        (e.lots, e.price) if isinstance(e, Fill) else (e.signal, e.reason, e.lots_left)
        for e in events
        if isinstance(e, Fill | OrderUpdate) and coid in (None, e.coid)
    ]


def test_it_knows_client_order_ids(make):
    assert make(still()).port.idempotent_ids is True


def test_an_order_is_acknowledged_filled_price_by_price_and_ended_in_that_order(make):
    place = make(still())
    events = place.send(order(1, 1, 10, 1003))
    assert words(events) == [(ACK, Reason.NONE, 10), (6, 1001), (4, 1003), (FILLED, Reason.NONE, 0)]
    first, second = of(Fill, events)
    assert (first.cost, first.fee, first.maker, second.fill_id > first.fill_id) == (6006, 3, False, True)
    assert place.books.orders_executed == {1: (10, 10018, 5)}


def test_a_partial_fill_says_how_much_is_left(make):
    place = make(still())
    assert words(place.send(order(1, 1, 20, 1003)))[-1] == (CANCEL, Reason.NO_DEPTH, 7)
    assert words(place.send(order(2, 1, 20, 998, Tif.GTC), now=1)) == [(ACK, Reason.NONE, 20)]
    place.books.open_account(5, 10**12)
    events = place.send(order(3, -1, 55, 998, account=5), now=2)
    assert words(events, 2) == [(5, 998)], "the 50 at 999 come first"


def test_a_batch_is_answered_order_by_order(make):
    place = make(still())
    place.books.open_accounts([0, 1, 2], 10**12)
    (update,) = of(BatchUpdate, place.send(
        PlaceBatch(100, 0, 1, ints([0, 1, 2, 77]), ints([4, 4, 9, 1]), ints([1001, 1001, 1003, 1003]))
    ))  # fmt: skip
    assert update.index.tolist() == [0, 1, 2, 3]
    assert update.signal.tolist() == [FILLED, CANCEL, CANCEL, REJECT]
    assert update.lots.tolist() == [4, 2, 7, 0]
    assert update.cost.tolist() == [4004, 2002, 7021, 0]
    assert update.reason.tolist() == [0, Reason.NO_DEPTH, Reason.NO_DEPTH, Reason.REJECTED]
    assert [place.books.position(k, 0) for k in (0, 1, 2)] == [4, 2, 7]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"lots": 0}, Reason.REJECTED), ({"price": -1}, Reason.REJECTED), ({"side": 0}, Reason.REJECTED),
        ({"instrument": 9}, Reason.REJECTED), ({"account": 12}, Reason.REJECTED), ({"lots": 10**13}, Reason.MARGIN),
    ],
)  # fmt: skip
def test_what_the_venue_refuses_is_an_event_and_moves_nothing(make, bad, reason):
    place = make(still())
    sent = order(1, **{"side": 1, "lots": 5, "price": 1001, **bad})
    assert words(place.send(sent)) == [(REJECT, reason, sent.lots)]
    assert place.books.orders_executed == {}


def test_a_client_order_id_that_comes_again_is_the_same_order(make):
    place = make(still())
    place.send(order(1, 1, 5, 1001))
    assert words(place.send(order(1, 1, 5, 1001), now=1)) == [(FILLED, Reason.NONE, 0)]
    assert (place.books.duplicates_received, place.books.position(OMNIBUS, 0)) == (1, 5)


def test_resting_orders_are_amended_and_cancelled_one_or_all(make):
    place = make(still())
    place.send(order(1, 1, 8, 990, Tif.GTC), order(2, 1, 8, 991, Tif.ALO))
    assert words(place.send(Amend(1, 6, 990), now=1)) == [(ACK, Reason.NONE, 6)]
    assert words(place.send(Cancel(1), now=2)) == [(CANCEL, Reason.NONE, 6)]
    assert words(place.send(CancelAll(OMNIBUS), now=3)) == [(CANCEL, Reason.NONE, 8)]
    assert words(place.send(Cancel(99), now=4)) == [(ABSENT, Reason.NONE, 0)]


def test_a_cancel_that_loses_the_race_is_told_how_the_order_ended(make):
    place = make(still(), latency=Latency(3, order=Delay(10 * MS, 10 * MS), answer=Delay(MS, MS)))
    place.send(order(1, 1, 8, 998, Tif.GTC), until=12 * MS)
    place.books.open_account(5, 10**12)
    events = place.send(order(2, -1, 58, 998, account=5), Cancel(1), now=20 * MS, until=40 * MS)
    assert words(events, 1) == [(8, 998), (FILLED, Reason.NONE, 0), (FILLED, Reason.NONE, 0)]
    assert place.books.position(OMNIBUS, 0) == 8


def test_beyond_the_rate_limit_orders_are_refused_and_cancels_pass(make):
    place = make(still(), rate_limit=RateLimit(capacity=2, per_second=1))
    events = place.send(*(order(k, 1, 1, 990, Tif.GTC) for k in (1, 2, 3)), Cancel(1))
    assert words(events, 3) == [(REJECT, Reason.RATE_LIMIT, 1)]
    assert words(events, 1) == [(ACK, Reason.NONE, 1), (CANCEL, Reason.NONE, 1)]
    assert words(place.send(order(4, 1, 1, 990, Tif.GTC), now=10**9), 4) == [(ACK, Reason.NONE, 1)]


def test_what_a_gap_swallowed_is_brought_back_by_a_query_once_and_in_order(make):
    place = make(still(), latency=Latency(3, order=Delay(10 * MS, 10 * MS), answer=Delay(MS, MS)), leads={LEAD: 0})
    place.books.open_account(LEAD, 10**12)
    place.books.disconnect(5 * MS, 100 * MS)
    gap = place.send(order(1, 1, 8, 1003), order(2, 1, 8, 998, Tif.GTC), until=200 * MS)
    assert [e.up for e in of(Connection, gap)] == [False, True]
    assert words(gap) == []
    place.books.submit_for(LEAD, order(7, 1, 2, 1003, account=LEAD), 210 * MS)
    place.port.events(220 * MS)
    answer = place.send(Query(0, (1, 2, 3)), now=300 * MS, until=400 * MS)
    assert words(answer) == [(6, 1001), (2, 1003)]
    assert [(p.lead, p.lots) for p in of(LeadPosition, answer)] == [(0, 2)]
    assert isinstance(answer[-1], Reconciled)
    assert (answer[-1].asked, answer[-1].open, answer[-1].done) == ((1, 2, 3), (2,), (1,)), "3 it never had"
    again = place.send(Query(answer[-1].cursor, ()), now=500 * MS, until=600 * MS)
    assert words(again) == [], "the cursor says what was told"


def test_commands_into_a_broken_connection_are_gone_without_a_word(make):
    place = make(still())
    place.books.disconnect(0, 100 * MS)
    assert words(place.send(order(1, 1, 5, 1001), now=MS, until=200 * MS)) == []
    assert place.books.orders_executed == {}
    assert words(place.send(order(1, 1, 5, 1001), now=300 * MS))[-1] == (FILLED, Reason.NONE, 0)
    assert place.books.duplicates_received == 0


def test_events_come_stamped_up_to_the_moment_asked_for_and_once(make):
    place = make(Ladder(1000), latency=Latency(3, order=Delay(200 * MS, 200 * MS), answer=Delay(MS, MS)))
    assert place.port.next_ns() is None
    assert place.send(order(1, 1, 5, 1001), now=1000) == []
    assert place.port.next_ns() == 1000 + 200 * MS
    assert list(place.port.events(1000 + 200 * MS)) == [], "the answer is on its way"
    assert place.port.next_ns() == 1000 + 201 * MS
    events = list(place.port.events(10**9))
    assert {(e.venue_ns, e.ours_ns) for e in events} == {(1000 + 200 * MS, 1000 + 201 * MS)}
    assert (list(place.port.events(10**9)), place.port.next_ns()) == ([], None)


def test_events_arrive_in_order_of_our_stamp_and_fills_in_order_of_their_ids(make):
    place = make(Ladder(1000, levels=8), latency=Latency(3), top_every_ns=100 * MS)
    for k in range(20):
        place.send(order(k, 1, 60, 1008), now=k)
    events = list(place.port.events(5 * 10**9))
    stamps = [e.ours_ns for e in events]
    assert stamps == sorted(stamps)
    fills = [f.fill_id for f in of(Fill, events)]
    assert fills == sorted(set(fills))
    assert of(BookTop, events)


def test_a_world_is_the_same_in_process_and_over_a_socket(make):
    """The seeds alone decide: this very list, whichever way it came."""
    rates = FaultRates(duplicate=0.1, delay=0.1, reorder=0.1, partial=0.2, lost_ack=0.1, disconnects_per_hour=3600)
    place, alone = (
        how(Ladder(1000, lots=40), latency=Latency(8), faults=Faults(8, rates), top_every_ns=100 * MS)
        for how in (make, lambda *sources, **more: Place(*[venue(*sources, **more)] * 2))
    )
    for k in range(60):
        sent = order(k, 1 if k % 2 else -1, 30, 1000 + (6 if k % 2 else -6))
        now = k * 50 * MS
        assert repr(place.send(sent, now=now)) == repr(alone.send(sent, now=now))
        assert place.port.next_ns() == alone.port.next_ns()
    assert place.books.totals() == alone.books.totals()
