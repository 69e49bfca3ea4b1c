"""One fuzzed world, start to rest: leads trade, followers copy, everything goes wrong, and the auditor looks on.

A world crashes and is reopened from its journal, from a snapshot where there is one; the auditor starts anew there too
and reads the journal from its first record, so that what recovery believes is held against what was written.
"""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict
from functools import partial

import msgspec

from pilotfish.domain.codec import decode_event
from pilotfish.domain.events import (
    Connection,
    Event,
)
from pilotfish.domain.mandate import OMNIBUS, Follows
from pilotfish.domain.orders import CancelAll
from pilotfish.engine.snapshot import decode_state, digest, encode_state
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome, step
from pilotfish.journal.memory import MemoryJournal
from pilotfish.journal.port import RecordKind
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.worlds.fuzz.auditor import Auditor
from pilotfish.worlds.fuzz.closing import close
from pilotfish.worlds.fuzz.draws import MS, SECOND, START_NS
from pilotfish.worlds.fuzz.modes import drawn, noted
from pilotfish.worlds.fuzz.office import Office
from pilotfish.worlds.fuzz.people import LEAD_ACCOUNT, People
from pilotfish.worlds.fuzz.scenario import Scenario, draw
from pilotfish.worlds.fuzz.weather import Crash, Passage, Weather
from pilotfish.worlds.shard import Shard
from pilotfish.worlds.world import LeadSetup, opening_events

STEP_NS = 500 * MS
TIMER_NS = 250 * MS
FINDINGS_MAX = 5  # of one world; the first is the one that matters


class SeedReport(msgspec.Struct):
    """What became of one seed. `problems` is empty when all of it held; each has step, virtual time and what."""

    seed: int
    problems: list[str] = []
    events: int = 0
    orders: int = 0
    fills: int = 0
    lead_fills: int = 0
    restarts: int = 0
    garbage: int = 0
    faults: dict[str, int] = {}
    drawn: list[str] = []  # modes of this world
    happened: dict[str, int] = {}  # and what came of them
    root: str = ""

    @property
    def rerun(self) -> str:
        return f"pilotfish simulate --first {self.seed} --seeds 1"


def simulate_seed(seed: int) -> SeedReport:
    """Run one world and audit it. What breaks is a problem in the report, never an exception."""
    run = Simulation(draw(seed))
    try:
        run.play()
    except Exception as broken:  # whatever escapes is a defect, and the other seeds still count
        where = "".join(traceback.format_tb(broken.__traceback__)[-3:])
        run.problem(f"{type(broken).__name__}: {broken}\n{where}")
    return run.report()


class Simulation:
    """One world under way."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.chance = scenario, scenario.chance
        self.weather = Weather(scenario.seed, scenario.rates, scenario.calm_ns)
        leads = {LEAD_ACCOUNT + k: k for k in range(len(scenario.leads))}
        self.venue = SimVenue(
            scenario.instruments, scenario.sources, scenario.latency, self.weather, leads, scenario.venue
        )
        self.passage = Passage(
            self.venue, self.chance, self.weather, scenario.reject_then_fill, scenario.platform.keys_refused
        )
        self.journal = MemoryJournal()
        self.garbage: set[int] = set()
        self.auditor = Auditor(self.garbage)
        self.shard = self._watched(Shard(self.journal, self.passage))
        self.now_ns = START_NS
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.transferred: defaultdict[int, int] = defaultdict(int)  # by account, what people moved at the venue
        self.people, self.office = People(self), Office(self)
        self._twins = scenario.extras.random() < 0.3  # whether a copy of the state is taken along …
        self._copy: State | None = None

    # -- one run -----------------------------------------------------------------------------------------------------

    def play(self) -> None:
        scenario = self.scenario
        for account, equity in enumerate(scenario.leads):
            self.venue.open_account(LEAD_ACCOUNT + account, equity)
        leads = [LeadSetup(f"lead {k}", equity) for k, equity in enumerate(scenario.leads)]
        opening = opening_events(
            scenario.config.route, scenario.instruments, scenario.prices, leads, Follows.of([], [], []), START_NS
        )
        self.shard.handle([scenario.config, *opening[1:-1], *scenario.platform.opening(START_NS)], START_NS)
        self.people.join(scenario.follows)
        while self.now_ns < scenario.calm_ns and not self.problems:
            self.now_ns += STEP_NS
            self._until(self.now_ns)
            self._act()
            self._collect()
        self.passage.armed = ""
        if not self.problems:
            close(self)
            self._collect()

    def _act(self) -> None:
        """What the people of this world do in half a second, each with its own rate."""
        s, people, office, p = self.scenario, self.people, self.office, self.scenario.platform
        for rate, action in (
            (s.orders_per_s, people.trade), (s.cash_per_s, people.cash), (s.operator_per_s, people.operate),
            (s.garbage_per_s, people.garbage), (s.joins_per_s, people.more), (s.restarts_per_s, self._crash),
            (0.05, self._checkpoint),
        ):  # fmt: skip
            if self.chance.random() < rate * STEP_NS / SECOND:
                self.guarded(action)
        for rate, action in (
            (2.0 if p.depth else 0.0, people.tell_orders), (0.5 if p.depth else 0.0, people.change_orders),
            (p.controls_per_s, people.control), (p.mandates_per_s, people.mandate), (p.news_per_s, office.news),
            (p.rebalances_per_s, people.rebalance), (p.settlements_per_s, office.settle),
            (p.commits_per_s, office.commit), (p.terms_per_s, office.new_terms), (0.1, people.resume),
            (0.2, office.transfer), (1.0 if self._twins else 0.0, self._twin),
        ):  # fmt: skip
            if rate and s.extras.random() < rate * STEP_NS / SECOND:
                self.guarded(action)

    def guarded(self, action: object) -> None:
        """Do it, and when the process dies on the way, restart."""
        assert callable(action)
        try:
            action()
        except Crash:
            self.restart()

    def _until(self, until_ns: int) -> None:
        self.guarded(partial(self.shard.run, until_ns, TIMER_NS))
        if self.shard.state.now_ns < until_ns:  # restarted on the way
            self.guarded(partial(self.shard.run, until_ns, TIMER_NS))

    def account_of(self, row: int) -> int:
        return OMNIBUS if self.shard.state.omnibus else int(self.shard.state.follows.follower[row])

    def apart(self) -> bytes:
        """The state's digest without the counters that any event moves."""
        state = self.shard.state
        kept = (state.seq, state.issued, state.quarantined, state.now_ns)
        state.seq = state.issued = state.quarantined = state.now_ns = 0
        stamp = digest(state)
        state.seq, state.issued, state.quarantined, state.now_ns = kept
        return stamp

    def tell(self, event: Event) -> None:
        """Something people do, durable before they are told that it is done."""
        self.shard.handle([event], self.now_ns)
        self.shard.commit()

    # -- death and return --------------------------------------------------------------------------------------------

    def _checkpoint(self) -> None:
        self.shard.checkpoint()

    def _twin(self) -> None:
        """A copy from bytes must have gone the same way since the last time: no two places of a state share a list."""
        if self._copy is not None and digest(self._copy) != digest(self.shard.state):
            self.problem("a state read from a snapshot has gone another way than the one it was taken of")
        self._copy = decode_state(encode_state(self.shard.state))

    def _crash(self) -> None:
        """Now, with what was not committed lost, or at the next submission, before or after the venue has it."""
        self.passage.armed = str(self.chance.choice(["", "before", "after"]))
        if not self.passage.armed:
            raise Crash

    def restart(self) -> None:
        """What was told meanwhile is lost. Reopen, with a fresh auditor that reads the whole journal."""
        self.passage.armed, self._copy = "", None
        self.counts["restarts"] += 1
        self._collect()
        now = max(self.now_ns, self.shard.state.now_ns)
        gap = int(self.chance.integers(1, 3_000)) * MS
        self.venue.disconnect(now, gap)
        missed = self.venue.events(now + gap)
        up = [event.up for event in missed if isinstance(event, Connection)]
        self.now_ns = max(self.now_ns, now + gap)
        self.journal = self.journal.reopened()
        self.auditor = Auditor(self.garbage)
        replayed = State()
        for record in self.journal.read():
            if record.kind is RecordKind.EVENT:
                event = decode_event(record.payload)
                self._note(event, step(replayed, event), replayed)
        last = replayed.seq
        shard = Shard.open(self.journal, self.passage, now + gap, [partial(self._note_after, last)])
        self.shard = self._watched(shard)
        if up and not up[-1]:
            self.shard.handle([Connection(now + gap, now + gap, False)], now + gap)
        self.shard.commit()
        check = State()
        for record in self.journal.read():
            if record.kind is RecordKind.EVENT:
                step(check, decode_event(record.payload))
        if self.journal.head.position and digest(check) != digest(self.shard.state):
            self.problem("after a restart the state is not the one that a full replay gives")

    # -- watching ----------------------------------------------------------------------------------------------------

    def _watched(self, shard: Shard) -> Shard:
        shard.observers = [self._note_live]
        return shard

    def _note_live(self, event: Event, outcome: Outcome, state: State) -> None:
        """As it happens for the first time; what a restart reads again is not counted."""
        self.counts.update(noted(event, outcome))
        if self._copy is not None:
            step(self._copy, event)
        self._note(event, outcome, state)

    def _note_after(self, last: int, event: Event, outcome: Outcome, state: State) -> None:
        if state.seq > last:
            self._note(event, outcome, state)

    def _note(self, event: Event, outcome: Outcome, state: State) -> None:
        self.auditor.see(event, [approved.command for approved in outcome.commands], state)
        if state.guard.halted:
            self.auditor.found(f"the shard halted: {[str(fact) for fact in outcome.facts][-1:]}")

    def _collect(self) -> None:
        for what in self.auditor.findings[:FINDINGS_MAX]:
            self.problem(what)
        self.auditor.findings.clear()

    def problem(self, what: str) -> None:
        at = (max(self.now_ns, self.shard.state.now_ns) - START_NS) / SECOND
        self.problems.append(f"seed {self.scenario.seed}, step {self.shard.state.seq}, {at:.3f} s: {what}")

    def stop_trading(self) -> None:
        """The leads take their resting orders back, and from now on nothing goes wrong."""
        self.weather.calm()
        for account in range(LEAD_ACCOUNT, LEAD_ACCOUNT + len(self.scenario.leads)):
            self.venue.submit_for(account, CancelAll(account), self.now_ns)

    def report(self) -> SeedReport:
        books = self.auditor.books
        return SeedReport(
            self.scenario.seed, self.problems[:FINDINGS_MAX], self.auditor.events, len(books.orders),
            sum(len(order.fills) for order in books.orders.values()), self.counts["lead fills"],
            self.counts["restarts"], len(self.garbage), dict(self.weather.counts),
            sorted(drawn(self.scenario)), {name: n for name, n in sorted(self.counts.items()) if n},
            self.journal.head.root.hex(),
        )  # fmt: skip
