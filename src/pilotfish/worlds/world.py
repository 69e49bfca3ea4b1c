"""A simulated world around one shard: what replays, the seeded market and the fuzzing simulator have in common."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pilotfish.domain.events import (
    Configured,
    Event,
    FollowsOpened,
    InstrumentListed,
    LeadListed,
    LeadPosition,
    Mark,
)
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import OMNIBUS, Follows, Route
from pilotfish.journal.port import Journal
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.views.attribution import AttributionView
from pilotfish.views.copies import CopyView
from pilotfish.views.equity import EquityView
from pilotfish.worlds.shard import Shard

TIMER_NS = 250_000_000


class LeadSetup(msgspec.Struct, frozen=True):
    """A lead as a world introduces it: name, equity in money units, and open positions by instrument id."""

    name: str
    equity: int
    positions: dict[int, int] = {}


class World:
    """Journal, shard, venue and views, in virtual time."""

    def __init__(self, journal: Journal, venue: SimVenue) -> None:
        self.venue = venue
        self.copies, self.attribution, self.equity = CopyView(), AttributionView(), EquityView()
        self.shard = Shard(journal, venue)
        self.shard.observers = [self.copies, self.attribution, self.equity]

    @property
    def now_ns(self) -> int:
        return self.shard.state.now_ns

    def open(self, opening: Sequence[Event], follows: Follows, route: Route, now_ns: int) -> None:
        """Fund the venue's accounts and tell the shard what it needs to know."""
        fund(self.venue, follows, route)
        self.shard.handle(opening, now_ns)

    def advance(self, until_ns: int) -> None:
        self.shard.run(until_ns, TIMER_NS)

    def settle_down(self, until_ns: int) -> None:
        """Let everything in flight end, but not for longer than until `until_ns`."""
        self.shard.run(until_ns, TIMER_NS)
        self.shard.checkpoint()


def opening_events(
    route: Route, instruments: Sequence[Instrument], marks: Sequence[int], leads: Sequence[LeadSetup], follows: Follows,
    now_ns: int,
) -> list[Event]:  # fmt: skip
    """The first events of a journal, in the order the shard needs them."""
    events: list[Event] = [Configured(now_ns, now_ns, 0, route)]
    events += [InstrumentListed(now_ns, now_ns, instrument) for instrument in instruments]
    events += [LeadListed(now_ns, now_ns, i, lead.name, lead.equity) for i, lead in enumerate(leads)]
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
