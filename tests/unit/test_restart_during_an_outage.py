"""A shard that restarts while the venue is away asks into the void; it must ask again when the venue is back."""

from pilotfish.domain.events import Connection, Recovered
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.mandate import OMNIBUS, Follows, Route
from pilotfish.journal.memory import MemoryJournal
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.worlds.shard import Shard
from pilotfish.worlds.world import LeadSetup, opening_events
from tests.unit.driver import Desk, asked
from tests.unit.sim_world import MS, Ladder, order

LEAD = 1 << 40
SECOND = 1_000 * MS


def test_a_query_without_an_answer_falls_due_though_the_connection_is_said_to_be_up():
    desk = Desk()
    first = asked(desk.go(Recovered(*desk.stamp())))
    assert desk.go(Connection(*desk.stamp(), True)).commands == []
    assert asked(desk.wait(3 * SECOND)) == first


def test_what_a_lead_did_while_both_the_shard_and_the_connection_were_down_is_copied_in_the_end():
    perp = Instrument(0, "BTC", "sim", Kind.PERP, 5, 1, max_leverage=10, maintenance_bps=300)
    config = SimConfig(top_every_ns=100 * MS)
    venue = SimVenue([perp], {0: Ladder(100_000, lots=10**6)}, Latency.none(), Faults(0), {LEAD: 0}, config)
    venue.open_account(LEAD, 10**12)
    venue.open_account(OMNIBUS, 10**9)
    follows = Follows.of([0], [0], [10**9], leverage_cap_e2=10_000, open_bps=500)
    first = Shard(MemoryJournal(), venue)
    first.handle(opening_events(Route.OMNIBUS, [perp], [100_000], [LeadSetup("a", 10**9)], follows, 0), 0)
    first.run(SECOND, SECOND // 4)
    first.commit()
    venue.disconnect(2 * SECOND, 10 * SECOND)
    venue.events(3 * SECOND)  # told to the shard that died
    venue.submit_for(LEAD, order(1, 1, 700, 100_001, account=LEAD), 4 * SECOND)
    again = Shard.open(first.journal.reopened(), venue, 5 * SECOND)
    again.run(30 * SECOND, SECOND // 4)
    assert again.state.leads[0].positions == {0: 700}
    assert venue.position(OMNIBUS, 0) == 700
