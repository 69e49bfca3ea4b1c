"""Rigs in virtual time: the simulated venue, and sessions joined with their twins."""

from collections.abc import Callable, Sequence

from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved
from pilotfish.venues.port import Venue
from pilotfish.venues.session import Session, Unfinished
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.virtual import VirtualVenue
from tests.conformance.venues.rig import SECOND, Rig

START = 1_790_000_000 * SECOND


class InVirtualTime(Rig):
    """Runs a venue event by event: nothing waits."""

    venue: Venue

    def __init__(self, start_ns: int = START) -> None:
        super().__init__()
        self.now = start_ns

    def hand_over(self, commands: Sequence[Approved[Command]]) -> None:
        self._hear(self.now)
        self.venue.submit(commands, self.now)

    def within(self, true: Callable[[], object], seconds: float) -> bool:
        until = self.now + int(seconds * SECOND)
        self._hear(self.now)
        while not true():
            due = self.venue.next_ns()
            if due is None or due > until:
                self.now = until
                self._hear(until)
                return bool(true())
            self.now = max(self.now, due)
            self._hear(self.now)
        return True

    def quiet(self) -> None:
        self.within(lambda: False, 3)

    def later(self, seconds: int) -> None:
        self.within(lambda: False, seconds)

    def _hear(self, until_ns: int) -> None:
        for event in self.venue.events(until_ns):
            self.heard.hear(event)


class OnTwin(InVirtualTime):
    """A session and its twin; subclasses make them."""

    venue: VirtualVenue

    def __init__(self, faults: TwinFaults | None = None) -> None:
        super().__init__()
        self.faults = faults or TwinFaults(1, lasting_ns=2 * SECOND)

    def session(self) -> Session:
        """A new process's."""
        raise NotImplementedError

    def join(self, session: Session) -> VirtualVenue:
        raise NotImplementedError

    def begin(self) -> None:
        session = self.session()
        session.recall(self.unfinished(), self.now)
        self.venue = self.join(session)
        self.until(lambda: self.heard.up and self.instrument.id in self.heard.tops, "the connection")

    def unfinished(self) -> Unfinished:
        heard = self.heard
        orders = [(one, self.now) for coid, one in heard.sent.items() if not heard.whole(coid)]
        return Unfinished(self.cursor, [*orders], {0: list(heard.lead_lots)})

    def fault(self, fault: Fault, times: int = 1) -> None:
        self.faults.plan(fault, times)

    def injected(self, fault: Fault) -> int:
        return self.faults.injected[fault]

    def always(self, **rates: float) -> None:
        self.faults.rates = {Fault[name.upper()]: rate for name, rate in rates.items()}

    def gap(self, during: Callable[[], object] = lambda: None) -> None:
        seen = len(self.heard.connections)
        self.venue.disconnect(self.now, 5 * SECOND)
        self.until(lambda: len(self.heard.connections) > seen, "the end of the connection")
        during()
        self.until(lambda: self.heard.up, "the connection after a gap")

    def restart(self) -> None:
        """Its streams end; what it had sent arrives, and nobody hears the answer."""
        self.venue.disconnect(self.now, 0)
        self.now += SECOND // 10
        self.venue.events(self.now)
        self.heard.connections.clear()
        self.heard.tops.clear()
        self.begin()

    def stop(self) -> None:
        self.venue.stop()
        self.until(lambda: self.venue.session.stopped, "the end of the shutdown")
        self._hear(self.now)
