"""Mirrored orders at the simulated venue: they queue behind the lead's, fill after it, and go when it goes."""

import msgspec
import pytest

from pilotfish.domain.events import BookTop, Timer
from pilotfish.domain.instructions import LeadOrder
from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.domain.orders import Cancel, Place, Tif
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.venue import SimVenue
from tests.unit.driver import MS, PX, SECOND, T0, perp
from tests.unit.resting_scene import BID, nothing_rests, scene
from tests.unit.sim_world import Still

LEAD, OTHER, RICH = -2, -3, 10**15
ASK = 998_000
START = T0 + SECOND


class World:
    """A shard and the venue; the lead and somebody else trade there by themselves."""

    def __init__(self, route: Route) -> None:
        book = Still([(BID - 10_000, 100_000)], [(ASK, 100_000)], PX)
        self.venue = SimVenue([perp()], {0: book}, Latency.none(), Faults(0), {LEAD: 0, OTHER: 1})
        self.desk = scene(route)
        self.venue.open_accounts([OMNIBUS, 0, 1, 2, LEAD, OTHER], RICH)
        self.now = START
        self.run()

    def run(self, ns: int = 10 * MS) -> None:
        """Let everything that is under way arrive; then a look."""
        for _ in range(4):
            self.now += ns // 4
            for event in self.venue.events(self.now):
                self.hear(event)
        self.hear(BookTop(self.now, self.now, 0, BID - 10_000, 100_000, ASK, 100_000))
        self.hear(Timer(self.now, self.now))
        for event in self.venue.events(self.now):
            self.hear(event)

    def hear(self, event) -> None:
        if getattr(event, "lead", 0):  # of the other trader nobody hears
            return
        event = msgspec.structs.replace(event, ours_ns=self.now)
        self.venue.submit(self.desk.go(event).commands, self.now)

    def does(self, account: int, command) -> None:
        self.venue.submit_for(account, command, self.now)

    def lead_rests(self, lots: int) -> None:
        self.hear(LeadOrder(self.now, self.now, 0, 0, 7, 1, lots, BID))
        self.run()

    def sells(self, number: int, lots: int) -> None:
        self.does(OTHER, Place(number, OTHER, 0, -1, lots, BID, Tif.IOC))
        self.run()

    def positions(self) -> list[int]:
        """As the venue has them: of the omnibus account, or of each follower's."""
        return [self.venue.position(account, 0) for account in ([OMNIBUS] if self.desk.state.omnibus else [0, 1, 2])]


@pytest.fixture(params=list(Route))
def world(request) -> World:
    world = World(request.param)
    world.does(LEAD, Place(7, LEAD, 0, 1, 100, BID, Tif.GTC))
    world.run()
    world.lead_rests(100)
    return world


def agree(world: World, held: list[int]) -> None:
    """Our books are the venue's."""
    assert world.desk.held() == held
    assert world.positions() == ([sum(held)] if world.desk.state.omnibus else held)
    assert not world.desk.state.guard.halted
    assert world.desk.state.quarantined == 0


def test_ours_fills_behind_the_lead_s_and_ends_where_it_ends(world) -> None:
    world.sells(1, 60)
    agree(world, [0, 0, 0])
    assert world.desk.targets() == [6, 12, 18]
    world.sells(2, 100)
    assert world.desk.targets() == [10, 20, 30]
    world.lead_rests(0)
    world.run(SECOND)
    agree(world, [10, 20, 30])
    nothing_rests(world.desk)


def test_what_the_lead_cancels_leaves_the_book(world) -> None:
    assert world.venue.exchange.markets[0].book.owners(1) - {LEAD}
    world.does(LEAD, Cancel(7))
    world.lead_rests(0)
    world.run()
    assert world.venue.exchange.markets[0].book.owners(1) == set()
    agree(world, [0, 0, 0])
    nothing_rests(world.desk)


def test_what_fills_after_the_lead_has_cancelled_is_sold_again(world) -> None:
    world.does(LEAD, Cancel(7))
    world.sells(1, 60)
    agree(world, [10, 20, 30])
    world.lead_rests(0)
    for _ in range(6):
        world.run(SECOND)
    agree(world, [0, 0, 0])
    nothing_rests(world.desk)


def test_an_outage_hides_fills_that_the_query_brings(world) -> None:
    world.venue.disconnect(world.now, SECOND)
    world.run()
    world.sells(1, 130)
    for _ in range(4):
        world.run(SECOND)
    assert sum(world.desk.held()) == 60, "what the outage hid is told, and what ours had not filled is bought"
    world.lead_rests(0)
    world.run(SECOND)
    agree(world, [10, 20, 30])
    nothing_rests(world.desk)
