"""The loop of one shard: event into the journal, through the step, commands into the journal, commit, only then out.

Restarting *is* recovery: `Shard.open` takes the latest snapshot, replays what came after, and asks the venue about
the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pilotfish.domain.codec import decode_event, encode_commands, encode_event
from pilotfish.domain.errors import JournalError
from pilotfish.domain.events import Event, Recovered, Timer
from pilotfish.engine.orders.recovery import cancel_everything
from pilotfish.engine.snapshot import decode_state, digest, encode_state
from pilotfish.engine.state import NEVER, State
from pilotfish.engine.step import Outcome, step
from pilotfish.journal.port import Journal, RecordKind
from pilotfish.venues.port import Venue

Observer = Callable[[Event, Outcome, State], None]
GROUP_MAX = 1_000  # records kept back for one commit when nothing has to leave


class Shard:
    """One writer. `observers` are views: they see every event with its outcome, and can change nothing."""

    def __init__(self, journal: Journal, venue: Venue, state: State | None = None) -> None:
        self.journal, self.venue = journal, venue
        self.state = state if state is not None else State()
        self.observers: list[Observer] = []
        self.events = self.commands = self._buffered = 0
        self._timed_ns = 0  # when the last Timer was, or since when one is due
        self._failure: JournalError | None = None

    @classmethod
    def open(
        cls, journal: Journal, venue: Venue, now_ns: int, observers: Iterable[Observer] = (), *, whole: bool = False
    ) -> Shard:
        """Snapshot, replay, and where anything happened before: `Recovered`, which asks the venue for the rest.

        `whole`: replay from the start, for observers that must see everything.
        """
        shard = cls(journal, venue, None)
        shard.observers = list(observers)
        snapshot, tail = (None, journal.read()) if whole else journal.read_from_snapshot()
        if snapshot is not None:
            shard.state = decode_state(snapshot.payload)
        for record in tail:
            if record.kind is RecordKind.EVENT:
                event = decode_event(record.payload)
                outcome = step(shard.state, event)
                for observe in shard.observers:
                    observe(event, outcome, shard.state)
        if shard.state.seq >= 0:
            shard.handle([Recovered(now_ns, now_ns)], now_ns)
        return shard

    def handle(self, events: Iterable[Event], now_ns: int) -> None:
        """Apply events in order. Commands leave only after the records that caused them are durable.

        Raises JournalError when the journal cannot be written: nothing new has left, and open orders are cancelled.
        From then on it raises at once: state that no replay will give decides nothing. A restart goes on.
        """
        self._check_whole()
        for event in events:
            self.journal.append(RecordKind.EVENT, encode_event(event))
            outcome = step(self.state, event)
            self.events += 1
            self._buffered += 1
            if outcome.commands:
                commands = [approved.command for approved in outcome.commands]
                self.journal.append(RecordKind.COMMANDS, encode_commands(commands))
                self.commands += len(commands)
                self.commit()
                self.venue.submit(outcome.commands, now_ns)
            elif self._buffered >= GROUP_MAX:
                self.commit()
            for observe in self.observers:
                observe(event, outcome, self.state)

    def commit(self) -> None:
        self._check_whole()
        try:
            self.journal.commit()
        except JournalError as bad:
            self._failure = bad
            self.state.guard.halted = True
            self.venue.submit(cancel_everything(self.state), self.state.now_ns)
            raise
        self._buffered = 0

    def _check_whole(self) -> None:
        if self._failure is not None:
            raise JournalError("the shard has halted", str(self._failure), "mend the journal, then restart the shard")

    def run(self, until_ns: int, timer_ns: int = 0) -> None:
        """Let the venue's events come until `until_ns`; every `timer_ns` a Timer where something waits for one."""
        while True:
            due = self.venue.next_ns()
            timer = self._next_timer(timer_ns) if timer_ns else None
            moment = min((t for t in (due, timer) if t is not None), default=None)
            if moment is None or moment > until_ns:
                return
            if due is not None and due <= moment:
                self.handle(self.venue.events(due), due)
            else:
                self._timed_ns = moment
                self.handle([Timer(moment, moment)], moment)

    def _next_timer(self, timer_ns: int) -> int | None:
        if self.waiting:
            return self._timer_due(timer_ns)
        due = self.state.due_ns
        return max(due, self._timer_due(0)) if due < NEVER else None

    def _timer_due(self, timer_ns: int) -> int:
        """Counted from the last Timer, not from the last event: a busy feed must not keep time from passing."""
        if self._timed_ns + timer_ns < self.state.now_ns:  # nothing waited for a while, or a restart
            self._timed_ns = self.state.now_ns
        return self._timed_ns + timer_ns

    @property
    def waiting(self) -> bool:
        """Whether anything is in flight or off target, so that time alone can matter."""
        return bool(
            self.state.watches
            or self.state.blocks
            or self.state.batches
            or self.state.query_ns >= 0
            or self.state.moved
        )

    def checkpoint(self) -> bytes:
        """Write the state's digest into the chain, commit, and keep a snapshot to restart from. Returns the digest."""
        stamp = digest(self.state)
        self.journal.append(RecordKind.DIGEST, stamp)
        self.commit()
        self.journal.snapshot(encode_state(self.state))
        return stamp
