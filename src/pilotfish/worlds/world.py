"""The world around one shard: what live runs, replays and the seeded market have in common."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import (
    Configured,
    Event,
    FollowsOpened,
    InstrumentListed,
    LeadListed,
    LeadPosition,
    Mark,
)
from pilotfish.domain.instructions import FeesDue
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import OMNIBUS, Follows, Route
from pilotfish.engine.state import NEVER, State
from pilotfish.journal.port import Journal
from pilotfish.venues.port import Venue
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.views.attribution import AttributionView
from pilotfish.views.copies import CopyView
from pilotfish.views.equity import EquityView
from pilotfish.views.nav import NavView
from pilotfish.views.terms import TermsView
from pilotfish.worlds.calendar import Calendar
from pilotfish.worlds.shard import Shard

TIMER_NS = 250_000_000
LOOK_NS = 1_000_000_000  # prices are asked for so long before a midnight that values them


class LeadSetup(msgspec.Struct, frozen=True):
    """A lead as a world introduces it: name, equity in money units, and open positions by instrument id."""

    name: str
    equity: int
    positions: dict[int, int] = {}


class World:
    """Journal, shard, venue and views. `nav` is None unless a world asks for one."""

    def __init__(self, journal: Journal, venue: Venue) -> None:
        self.copies, self.attribution = CopyView(), AttributionView()
        self.equity = EquityView(self.attribution)
        self.terms = TermsView()
        self.nav: NavView | None = None
        self.shard = Shard(journal, venue)
        self.shard.observers = [self.copies, self.attribution, self.equity, self.terms]
        self._calendar: Calendar | None = None
        self._midnight_ns = NEVER

    @property
    def now_ns(self) -> int:
        return self.shard.state.now_ns

    def resume(self, now_ns: int) -> None:
        """Go on where the journal ends: all of it is replayed, for the views, and the venue is asked for the rest."""
        shard = self.shard
        self.shard = Shard.open(shard.journal, shard.venue, now_ns, shard.observers, whole=True)

    def tell(self, opening: Sequence[Event], now_ns: int, calendar: Calendar | None = None) -> None:
        """Tell the shard what it needs to know. Raises ConfigError with its own sentence where it sets one aside."""
        before = len(self.copies.quarantined)
        self.shard.handle(opening, now_ns)
        if len(self.copies.quarantined) > before:
            first = self.copies.quarantined[before]
            raise ConfigError(f"{first.event} at the opening", first.why, "mend the settings or the followers")
        if calendar is not None:
            self._calendar, self._midnight_ns = calendar, calendar.after(now_ns)

    def advance(self, until_ns: int) -> None:
        while self._midnight_ns <= until_ns:
            self._midnight(self._midnight_ns)
        self.shard.run(until_ns, TIMER_NS)

    def settle_down(self, until_ns: int) -> None:
        """Let everything in flight end, but not for longer than until `until_ns`; fees are settled once more."""
        fees = self._calendar is not None and self._calendar.fees
        if fees or self.nav is not None:
            self._look(until_ns)
        self.advance(until_ns)
        if fees:
            self.shard.handle([FeesDue(until_ns, until_ns)], until_ns)
        if self.nav is not None:
            self.nav.sample(self.shard.state, until_ns)
        self.shard.checkpoint()

    def _midnight(self, ns: int) -> None:
        """Prices of all that is held, then what the calendar has for this day."""
        assert self._calendar is not None
        self._midnight_ns = self._calendar.after(ns)
        due = self._calendar.due(ns)
        if due or self.nav is not None:
            self._look(ns)
        self.shard.run(ns, TIMER_NS)
        self.shard.handle(due, ns)
        if self.nav is not None:
            self.nav.sample(self.shard.state, ns)

    def _look(self, ns: int) -> None:
        """Have everything that is held priced shortly before `ns`; a live venue does so by itself."""


class SimWorld(World):
    """In virtual time, with a venue that can be told what to do."""

    def __init__(self, journal: Journal, venue: SimVenue) -> None:
        super().__init__(journal, venue)
        self.venue = venue

    def open(
        self, opening: Sequence[Event], follows: Follows, route: Route, now_ns: int, calendar: Calendar | None = None
    ) -> None:
        """Fund the venue's accounts, then `tell`."""
        fund(self.venue, follows, route)
        self.tell(opening, now_ns, calendar)

    def _look(self, ns: int) -> None:
        look_ns = max(ns - LOOK_NS, self.now_ns)
        self.advance(look_ns)
        for instrument in held(self.shard.state):
            self.venue.publish_top(instrument, look_ns)


def held(state: State) -> list[int]:
    """Instruments that anybody holds: the others' prices move no equity."""
    leads = {key for lead in state.leads for key, lots in lead.positions.items() if lots}
    return [key for key, book in state.ledger.lots.items() if key in leads or book.rows.any()]


def opening_events(
    route: Route, instruments: Sequence[Instrument], marks: Sequence[int], leads: Sequence[LeadSetup], follows: Follows,
    now_ns: int, platform: Sequence[Event] = (),
) -> list[Event]:  # fmt: skip
    """The first events of a journal, in the order the shard needs them; `platform` is what the platform sets."""
    events: list[Event] = [Configured(now_ns, now_ns, 0, route)]
    events += [InstrumentListed(now_ns, now_ns, instrument) for instrument in instruments]
    events += [LeadListed(now_ns, now_ns, i, lead.name, lead.equity) for i, lead in enumerate(leads)]
    events += platform
    events += [Mark(now_ns, now_ns, i, mark) for i, mark in enumerate(marks) if mark > 0]
    for i, lead in enumerate(leads):
        events += [LeadPosition(now_ns, now_ns, i, k, lots, marks[k]) for k, lots in lead.positions.items()]
    return [*events, FollowsOpened(now_ns, now_ns, follows)]


def fund(venue: SimVenue, follows: Follows, route: Route) -> None:
    """Open the accounts that will trade, with what the followers allocated."""
    if route is Route.OMNIBUS:
        venue.open_account(OMNIBUS, int(follows.allocation.sum()))
        return
    cash: dict[int, int] = {}
    for account, amount in zip(follows.follower.tolist(), follows.allocation.tolist(), strict=True):
        cash[account] = cash.get(account, 0) + amount
    for account, amount in cash.items():
        venue.open_account(account, amount)
