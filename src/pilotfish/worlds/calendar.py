"""What the platform owes at every midnight UTC: fees are settled, and followers with weights are rebalanced."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import Event
from pilotfish.domain.instructions import FeesDue, Rebalance
from pilotfish.domain.mandate import Follows
from pilotfish.domain.terms import DAY_NS
from pilotfish.worlds.platform import Settings
from pilotfish.worlds.platform_events import PERCENT, units


class Calendar(msgspec.Struct, frozen=True):
    """`weighted`: the followers whose mandates have weights."""

    start_ns: int
    fees: bool
    weighted: Ints
    rebalance_days: int
    band_bps: int

    @classmethod
    def of(cls, settings: Settings, follows: Follows, start_ns: int) -> Calendar:
        return cls(
            start_ns,
            settings.fees is not None,
            np.unique(follows.follower[follows.weight_bps > 0]),
            settings.rebalance.days,
            units(settings, "rebalance.band_percent", settings.rebalance.band_percent, PERCENT),
        )

    def after(self, ns: int) -> int:
        """The first midnight later than `ns`."""
        return (ns // DAY_NS + 1) * DAY_NS

    def due(self, ns: int) -> list[Event]:
        """What is due at the midnight `ns`. Fees come first, so that a fee's money is not moved before it is taken."""
        events: list[Event] = [FeesDue(ns, ns)] if self.fees else []
        day = ns // DAY_NS - self.start_ns // DAY_NS
        if self.weighted.size and self.rebalance_days and day % self.rebalance_days == 0:
            events.append(Rebalance(ns, ns, self.weighted, self.band_bps))
        return events
