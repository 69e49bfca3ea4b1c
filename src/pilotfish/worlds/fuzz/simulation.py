"""One fuzzed world, start to rest: leads trade, followers copy, everything goes wrong, and the auditor looks on.

A world crashes and is reopened from its journal, from a snapshot where there is one; the auditor starts anew there too
and reads the journal from its first record, so that what recovery believes is held against what was written.
"""

from __future__ import annotations

import traceback
from collections import Counter
from functools import partial

import msgspec

from pilotfish.domain.arith import ints
from pilotfish.domain.codec import decode_event
from pilotfish.domain.events import (
    CashMoved,
    Connection,
    Event,
    FollowsOpened,
    LeadFill,
    Operator,
    OperatorAction,
    Timer,
)
from pilotfish.domain.instructions import LeadStop
from pilotfish.domain.instrument import Kind
from pilotfish.domain.mandate import OMNIBUS, Follows
from pilotfish.domain.orders import CancelAll, Place, Tif
from pilotfish.engine.snapshot import digest
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome, step
from pilotfish.journal.memory import MemoryJournal
from pilotfish.journal.port import RecordKind
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.worlds.fuzz.auditor import Auditor
from pilotfish.worlds.fuzz.closing import close
from pilotfish.worlds.fuzz.garbage import impossible
from pilotfish.worlds.fuzz.scenario import MS, SECOND, START_NS, USDC, Scenario, draw, draw_follows
from pilotfish.worlds.fuzz.weather import Crash, Passage, Weather
from pilotfish.worlds.shard import Shard
from pilotfish.worlds.world import LeadSetup, opening_events

LEAD_ACCOUNT = 1 << 40
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
        self.passage = Passage(self.venue, self.chance, self.weather, scenario.reject_then_fill)
        self.journal = MemoryJournal()
        self.garbage: set[int] = set()
        self.auditor = Auditor(self.garbage)
        self.shard = self._watched(Shard(self.journal, self.passage))
        self.now_ns = START_NS
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self._ids = 0

    # -- one run -----------------------------------------------------------------------------------------------------

    def play(self) -> None:
        scenario = self.scenario
        for account, equity in enumerate(scenario.leads):
            self.venue.open_account(LEAD_ACCOUNT + account, equity)
        leads = [LeadSetup(f"lead {k}", equity) for k, equity in enumerate(scenario.leads)]
        opening = opening_events(
            scenario.config.route, scenario.instruments, scenario.prices, leads, Follows.of([], [], []), START_NS
        )
        self.shard.handle([scenario.config, *opening[1:-1]], START_NS)
        self._join(scenario.follows)
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
        s = self.scenario
        for rate, action in (
            (s.orders_per_s, self._trade), (s.cash_per_s, self._cash), (s.operator_per_s, self._operate),
            (s.garbage_per_s, self._garbage), (s.joins_per_s, self._more), (s.restarts_per_s, self._crash),
            (0.05, self._checkpoint),
        ):  # fmt: skip
            if self.chance.random() < rate * STEP_NS / SECOND:
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

    # -- people ------------------------------------------------------------------------------------------------------

    def _trade(self) -> None:
        """A lead opens, adds, reduces, closes or flips; some orders rest and are filled in parts."""
        chance = self.chance
        lead = int(chance.integers(len(self.scenario.leads)))
        instrument = self.scenario.instruments[int(chance.integers(len(self.scenario.instruments)))]
        account = LEAD_ACCOUNT + lead
        bid, _, ask, _ = self.venue.exchange.markets[instrument.id].book.best()
        if not bid or not ask:
            return
        position = self.venue.position(account, instrument.id)
        per_lot = max(float(instrument.notional_floor(10_000, bid)) / 10_000, 1e-6)
        budget = self.scenario.leads[lead] * min(instrument.max_leverage, 3)
        size = max(1, int(budget * float(chance.random()) ** 2 * 0.5 / per_lot))
        goals = (position + size, position + size, position - size, position // 2, 0, -position)
        goal = goals[int(chance.integers(len(goals)))]
        if instrument.kind is not Kind.PERP:
            goal = max(goal, 0)
        side, lots = (1 if goal > position else -1), abs(goal - position)
        if not lots:
            return
        rests = chance.random() < 0.2
        touch = (bid if side > 0 else ask) if rests else (ask if side > 0 else bid)
        price = instrument.bound_price(touch, side, 0 if rests else int(chance.choice([5, 50, 300])))
        self._ids += 1
        if chance.random() < 0.5:  # a stop some per cent away, or none any more
            stop = 0 if chance.random() < 0.2 else round(bid * (1 - side * float(chance.choice([0.001, 0.01, 0.1]))))
            self.tell(LeadStop(self.now_ns, self.now_ns, lead, instrument.id, stop))
        tif = Tif.GTC if rests else Tif.IOC
        self.venue.submit_for(account, Place(self._ids, account, instrument.id, side, lots, price, tif), self.now_ns)

    def _cash(self) -> None:
        """A deposit, or a withdrawal that the shard may refuse; the venue moves what the journal holds."""
        rows = len(self.shard.state.follows)
        row = int(self.chance.integers(rows))
        amount = int(self.chance.integers(-3_000, 5_000)) * USDC
        before = self.shard.state.quarantined
        self.tell(CashMoved(self.now_ns, self.now_ns, ints([row]), ints([amount])))
        if self.shard.state.quarantined == before:
            self.venue.deposit(self._account(row), amount)

    def _operate(self) -> None:
        killed = self.shard.state.guard.killed
        action = OperatorAction.RESUME if killed else OperatorAction(int(self.chance.choice([0, 0, 2])))
        self.tell(Operator(self.now_ns, self.now_ns, action, "drill"))

    def _garbage(self) -> None:
        self.tell(Timer(self.now_ns, self.now_ns))  # what was due is done, so that nothing is left to do but refuse
        event = impossible(self.scenario, self.chance, self.now_ns)
        before = self._apart()
        self.garbage.add(self.shard.state.seq + 1)
        self.tell(event)
        if self._apart() != before:
            self.problem(f"garbage left a trace: {event}")

    def _more(self) -> None:
        symbols = [i.symbol for i in self.scenario.instruments]
        count = int(self.chance.integers(1, 8))
        self._join(draw_follows(self.chance, len(self.scenario.leads), count, symbols, len(self.shard.state.follows)))

    def _join(self, follows: Follows) -> None:
        omnibus = self.shard.state.omnibus
        for follower, amount in zip(follows.follower.tolist(), follows.allocation.tolist(), strict=True):
            account = OMNIBUS if omnibus else follower
            if self.venue.exchange.accounts.has(account):
                self.venue.deposit(account, amount)
            else:
                self.venue.open_account(account, amount)
        self.tell(FollowsOpened(self.now_ns, self.now_ns, follows))

    def _account(self, row: int) -> int:
        return OMNIBUS if self.shard.state.omnibus else int(self.shard.state.follows.follower[row])

    def _apart(self) -> bytes:
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

    def _crash(self) -> None:
        """Now, with what was not committed lost, or at the next submission, before or after the venue has it."""
        self.passage.armed = str(self.chance.choice(["", "before", "after"]))
        if not self.passage.armed:
            raise Crash

    def restart(self) -> None:
        """What was told meanwhile is lost. Reopen, with a fresh auditor that reads the whole journal."""
        self.passage.armed = ""
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
        shard.observers = [self._note]
        return shard

    def _note_after(self, last: int, event: Event, outcome: Outcome, state: State) -> None:
        if state.seq > last:
            self._note(event, outcome, state)

    def _note(self, event: Event, outcome: Outcome, state: State) -> None:
        self.auditor.see(event, [approved.command for approved in outcome.commands], state)
        self.counts["lead fills"] += isinstance(event, LeadFill)
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
            self.counts["restarts"], len(self.garbage), dict(self.weather.counts), self.journal.head.root.hex(),
        )  # fmt: skip
