"""What every venue is to the rest of the system, real or simulated.

Non-blocking on both sides: `submit` hands over and returns, everything the venue has to say comes out of `events`,
answers and failures included. A live adapter runs its sockets elsewhere and fills a queue; the simulator
computes the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pilotfish.domain.events import Event
from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved


class Venue(Protocol):
    """A place to trade. Delivery is at least once and in no promised order; ids make it idempotent."""

    idempotent_ids: bool
    """True when a second Place with the same client order id is recognised as the same order."""

    def events(self, until_ns: int) -> Sequence[Event]:
        """All that became known to us up to `until_ns` (our clock), stamped, in the order it arrived."""
        ...

    def next_ns(self) -> int | None:
        """When the next event will be due, for worlds that advance time themselves; None when nothing is under way."""
        ...

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """Hand over approved commands, in order. Never raises for what the venue may refuse: refusals are events."""
        ...
