"""Who may see what when: a curtain between a shard and the views of people who may not look earlier than agreed.

A curtain keeps nothing of the shard but its events, as bytes, each with the moment from which it may be shown; those
that may be shown are replayed into a state of the curtain's own, and views are fed from that. So no view behind it can
tell more than the events that were due: neither from the live state, nor from later facts, nor from when it is fed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum

from pilotfish.domain.codec import decode_event, encode_event
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import Event
from pilotfish.domain.instructions import Committed, DisclosureSet
from pilotfish.engine.facts import Quarantined
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome, step

_GAP = b""
Observer = Callable[[Event, Outcome, State], None]


class Role(Enum):
    PUBLIC = "public"
    FOLLOWER = "follower"  # sees as late as the public: a copy at once would show the order it copies
    LEAD = "lead"  # is not kept waiting for itself
    GUARDIAN = "guardian"  # sees all at once, and alone reads the journal


class Curtain:
    """An observer of a shard from its first event on. `viewers` see events, outcomes and states behind the curtain.

    Everything is shown as late as the slowest lead asks at the moment it comes (`DisclosureSet.delay_ns`), except that
    a LEAD, named by its index, does not wait for itself and the GUARDIAN for nobody. Nothing overtakes anything.
    """

    def __init__(self, role: Role, viewers: Iterable[Observer] = (), *, lead: int = -1) -> None:
        if (role is Role.LEAD) != (lead >= 0):
            raise ConfigError(f"role {role.value} with lead {lead}", "only a lead has one", "name the lead's index")
        self.role, self.viewers, self.lead = role, list(viewers), lead
        self._state = State()
        self.commitments: list[Committed] = []  # hashes tell nothing of their orders, so they are public at once
        self._kept: deque[tuple[int, bytes]] = deque()
        self._delays: dict[int, int] = {}
        self._due_ns = 0
        self._taken = 0

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        """As an observer. What was fed before is not taken twice."""
        if state.seq < self._taken:
            return
        if state.seq > self._taken:  # an observer must not stop the shard: whoever looks is told
            self._kept.append((0, _GAP))
        self._taken = state.seq + 1
        good = not any(isinstance(fact, Quarantined) for fact in outcome.facts)
        if good and isinstance(event, DisclosureSet) and event.lead != self.lead and self.role is not Role.GUARDIAN:
            self._delays[event.lead] = event.delay_ns
        if good and isinstance(event, Committed):
            self.commitments.append(event)
        self._due_ns = max(self._due_ns, event.ours_ns + max(self._delays.values(), default=0))
        self._kept.append((self._due_ns, encode_event(event)))

    def feed(self, events: Iterable[Event]) -> None:
        """All of a journal's events, from its start: before a shard that goes on from a snapshot is observed."""
        state = State()
        for event in events:
            self(event, step(state, event), state)

    def show(self, now_ns: int) -> State:
        """Show what may be seen at `now_ns` (our clock, never a caller's), and return the state as of then: read it and
        the viewers only after this. Raises ConfigError when the curtain has missed events: it then shows nothing more.
        """
        while self._kept and self._kept[0][0] <= now_ns:
            raw = self._kept.popleft()[1]
            if raw is _GAP:
                self._kept.appendleft((0, _GAP))
                raise ConfigError("a curtain", "did not see every event", "feed it the journal from its start")
            event = decode_event(raw)
            outcome = step(self._state, event)
            for observe in self.viewers:
                observe(event, outcome, self._state)
        return self._state
