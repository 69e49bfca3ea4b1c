"""Paper: the venue's own data, the simulator's fills, and nothing of ours at the venue."""

from pilotfish.domain.events import (
    BookTop,
    Connection,
    Event,
    Fill,
    InstrumentListed,
    InstrumentSettled,
    LeadFill,
    Mark,
    OrderUpdate,
    Reconciled,
)
from pilotfish.domain.orders import OrderSignal, Query, Tif
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.paper import PaperVenue
from pilotfish.venues.sim.latency import Latency
from tests.unit.driver import perp
from tests.unit.sim_world import order

CASH = 10**12
BID, ASK = 999, 1001


class Public:
    """A live venue without accounts: what a test lets it say, and what was asked of it."""

    idempotent_ids = True

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.asked: list = []
        self.book: tuple | None = (((BID, 50),), ((ASK, 6), (1003, 7)), 0)

    def events(self, until_ns: int) -> list[Event]:
        told, self.told = self.told, []
        return told

    def next_ns(self) -> int | None:
        return None

    def submit(self, commands, now_ns: int) -> None:
        self.asked += [one.command for one in commands]

    def depth(self, instrument: int):
        return self.book


def paper(public: Public) -> PaperVenue:
    return PaperVenue(public, public, [perp(0, taker_fee_e6=0)], {-1: CASH}, 0, Latency.none())


def send(venue: PaperVenue, *commands, now: int = 0) -> list[Event]:
    venue.submit([Approved(command, _KEY) for command in commands], now)
    return list(venue.events(now))


def test_an_order_meets_the_book_the_venue_told_and_the_venue_never_hears_of_it() -> None:
    public = Public()
    venue = paper(public)
    events = send(venue, order(1, 1, 10, 1003))
    assert [(e.lots, e.price) for e in events if isinstance(e, Fill)] == [(6, 1001), (4, 1003)]
    assert not public.asked


def test_liquidity_that_was_taken_is_there_again_with_the_next_book_and_not_before() -> None:
    public = Public()
    venue = paper(public)
    send(venue, order(1, 1, 13, 1003))
    (update,) = [e for e in send(venue, order(2, 1, 1, 1003), now=1) if isinstance(e, OrderUpdate)][-1:]
    assert update.signal is OrderSignal.CANCEL
    public.book = (((BID, 50),), ((ASK, 6),), 2)
    assert [e.lots for e in send(venue, order(3, 1, 6, 1001), now=3) if isinstance(e, Fill)] == [6]


def test_a_resting_order_fills_when_a_later_book_crosses_it() -> None:
    public = Public()
    venue = paper(public)
    send(venue, order(1, 1, 5, 1000, Tif.GTC))
    public.book = (((998, 1),), ((1000, 9),), 5)
    public.told = [BookTop(5, 5, 0, 998, 1, 1000, 9)]
    (fill,) = [e for e in venue.events(5) if isinstance(e, Fill)]
    assert (fill.lots, fill.price, fill.maker) == (5, 1000, True)


def test_a_crossed_book_is_passed_over() -> None:
    public = Public()
    public.book = (((1002, 5),), ((1001, 5),), 0)
    events = send(paper(public), order(1, 1, 5, 1003))
    assert not [e for e in events if isinstance(e, Fill)]


def test_what_the_venue_tells_passes_but_its_word_on_orders_it_never_had_does_not() -> None:
    public = Public()
    venue = paper(public)
    said = [Connection(1, 1, True), LeadFill(1, 1, 0, 0, 1, 5, 1000, 7), Mark(1, 1, 0, 1000)]
    public.told = [*said, Reconciled(1, 1, 0, (9,), (), ())]
    assert venue.events(1) == said


def test_a_question_is_answered_by_the_simulator_and_asked_of_the_venue_for_the_leads() -> None:
    public = Public()
    venue = paper(public)
    send(venue, order(1, 1, 5, 998, Tif.GTC))
    events = send(venue, Query(0, (1, 2)), now=1)
    (answer,) = [e for e in events if isinstance(e, Reconciled)]
    assert (answer.asked, answer.open, answer.done) == ((1, 2), (1,), ())
    assert public.asked == [Query(0, (1, 2))]


def test_after_a_restart_the_simulator_holds_what_the_ledger_holds() -> None:
    public = Public()
    venue = paper(public)
    venue.restore({-1: {0: -40}})
    assert venue.sim.position(-1, 0) == -40
    reduce = order(1, 1, 6, 1003, reduce_only=True)
    assert [e.lots for e in send(venue, reduce) if isinstance(e, Fill)] == [6]
    assert venue.sim.position(-1, 0) == -34


def test_an_instrument_that_the_venue_lists_while_we_run_is_traded_and_what_was_held_stays() -> None:
    public = Public()
    venue = paper(public)
    send(venue, order(1, 1, 6, 1001))
    public.told = [InstrumentListed(1, 1, perp(1))]
    assert len(venue.events(1)) == 1
    events = send(venue, order(2, 1, 6, 1001, instrument=1), now=2)
    assert [(e.coid, e.lots) for e in events if isinstance(e, Fill)] == [(2, 6)]
    assert (venue.sim.position(-1, 0), venue.sim.position(-1, 1)) == (6, 6)
    assert venue.sim.totals()[1] == {0: 0, 1: 0}


def test_a_decided_outcome_is_paid_in_the_simulator_as_well() -> None:
    public = Public()
    venue = paper(public)
    send(venue, order(1, 1, 6, 1001), order(2, 1, 5, 990, Tif.GTC))
    cash = venue.sim.cash(-1)
    public.told = [InstrumentSettled(5, 5, 0, 1_000)]
    events = venue.events(5)
    assert venue.sim.position(-1, 0) == 0
    assert venue.sim.cash(-1) == cash + 6_000
    assert [e.signal for e in events if isinstance(e, OrderUpdate)] == [OrderSignal.CANCEL]
