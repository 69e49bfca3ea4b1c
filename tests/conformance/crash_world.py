"""The world of the crash tests: the seeded market's books and leads, served to whoever copies them, and its audit."""

import msgspec

from pilotfish.domain.codec import encode_event
from pilotfish.domain.events import BatchUpdate, Event, Fill, LeadFill
from pilotfish.domain.mandate import OMNIBUS, Follows, Route
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import FaultRates, Faults
from pilotfish.venues.sim.figures import figures_for
from pilotfish.venues.sim.flow import OrderFlow
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.worlds.market import (
    INSTRUMENTS,
    LEAD_ACCOUNT,
    LEAD_EQUITY,
    SECOND,
    START_NS,
    STYLES,
    TOP_EVERY_NS,
    Trader,
    listing,
)
from pilotfish.worlds.population import random_population
from pilotfish.worlds.world import LeadSetup, fund, opening_events

FOLLOWERS = 200
# Enough of everything that can go wrong on the way, beside the kills: what is told late, twice, in another order or not
# at all must still be counted once. Nothing is dropped for good but by a disconnect or a kill.
FAULTS = FaultRates(
    duplicate=0.05, delay=0.05, reorder=0.1, partial=0.1, lost_ack=0.03, lost_then_filled=0.02, disconnects_per_hour=60
)
LISTED = [listing(number, *terms[:3]) for number, terms in enumerate(INSTRUMENTS)]
MARKS = [instrument.price(text) for instrument, (*_, text) in zip(LISTED, INSTRUMENTS, strict=True)]


def follows(seed: int) -> Follows:
    return random_population(FOLLOWERS, len(STYLES), seed, lead_equity=[LEAD_EQUITY] * len(STYLES)).follows


def opening(route: Route, seed: int) -> list[Event]:
    leads = [LeadSetup(style, LEAD_EQUITY) for style in STYLES]
    return opening_events(route, LISTED, MARKS, leads, follows(seed), START_NS)


class Account(msgspec.Struct):
    cash: int
    positions: list[int]


class Audit(msgspec.Struct):
    """What the venue has in its own books at the end."""

    now_ns: int
    accounts: dict[int, Account]
    executed: dict[int, tuple[int, int, int]]  # client order id → lots, cost, fee
    duplicates: int
    fills: list[bytes]  # every Fill and BatchUpdate it ever had to tell, encoded
    lead_fills: list[tuple[int, int]]  # (lead, fill id)
    leads: list[int]  # the position of each in its own instrument


class LivelyVenue(SimVenue):
    """A venue on which three leads trade as its time goes by, until they are told to be `quiet`."""

    def __init__(self, route: Route, seed: int) -> None:
        figures = [figures_for(instrument.symbol, instrument.kind)[0] for instrument in LISTED]
        flows = {i.id: OrderFlow(i, figures[i.id], seed, MARKS[i.id], START_NS) for i in LISTED}
        accounts = {LEAD_ACCOUNT + k: k for k in range(len(STYLES))}
        config = SimConfig(start_ns=START_NS, top_every_ns=TOP_EVERY_NS)
        super().__init__(LISTED, flows, Latency(seed), Faults(seed, FAULTS), accounts, config)
        self.quiet = False
        self.ours = [OMNIBUS] if route is Route.OMNIBUS else sorted(set(follows(seed).follower.tolist()))
        fund(self, follows(seed), route)
        for account in accounts:
            self.open_account(account, LEAD_EQUITY)
        self._traders = [Trader(a, STYLES[k], LISTED[k], LEAD_EQUITY, seed) for a, k in accounts.items()]
        self._agenda.at(START_NS + SECOND, self._trade)

    def _trade(self) -> None:
        for trader in self._traders:
            bid, _, ask, _ = self.exchange.markets[trader.instrument.id].book.best()
            order = trader.act(bid, ask, self.position(trader.account, trader.instrument.id))
            if order is not None and not self.quiet:
                self.submit_for(trader.account, order, self.now_ns)
        self._agenda.at(self.now_ns + SECOND, self._trade)

    def audit(self) -> Audit:
        record = self._wire.record
        positions = {a: [self.position(a, i.id) for i in LISTED] for a in self.ours}
        return Audit(
            self.now_ns, {a: Account(self.cash(a), positions[a]) for a in self.ours}, self.orders_executed,
            self.duplicates_received, [encode_event(e) for e in record if isinstance(e, Fill | BatchUpdate)],
            [(e.lead, e.fill_id) for e in record if isinstance(e, LeadFill)],
            [self.position(LEAD_ACCOUNT + k, k) for k in range(len(STYLES))],
        )  # fmt: skip
