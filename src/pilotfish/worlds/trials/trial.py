"""One trial: followers copy three leads through one kind of fault; then all is calm, and the books are compared."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import BatchUpdate, Event, Fill, FillReversed
from pilotfish.domain.mandate import OMNIBUS, Follows, Route
from pilotfish.domain.orders import Place, PlaceBatch
from pilotfish.engine.facts import Halted, Quarantined
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.journal.memory import MemoryJournal
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.worlds.shard import Shard
from pilotfish.worlds.trials.stage import Stage, StageOf
from pilotfish.worlds.world import LeadSetup, opening_events

SECOND = 1_000_000_000
START_NS = 1_790_000_000 * SECOND
UNDER_FAULT_NS, CALM_NS = 120 * SECOND, 90 * SECOND
TIMER_NS = SECOND // 4
ALLOCATION = 2_000 * 10**6

# So that each happens a few times in two minutes. An opportunity is a frame, a request, an order, or a second.
RATES: dict[Fault, float] = {
    Fault.DISCONNECT: 0.08, Fault.SILENT: 0.06, Fault.HALF_OPEN: 0.05, Fault.DROP: 0.02, Fault.DOUBLE: 0.05,
    Fault.REORDER: 0.05, Fault.LOST_REQUEST: 0.2, Fault.LOST_ANSWER: 0.2, Fault.GARBAGE: 0.02,
    Fault.PARTIAL_BATCH: 0.3, Fault.RATE_LIMIT: 0.1, Fault.AUTH: 0.1, Fault.BALANCE: 0.2, Fault.ERROR_500: 0.5,
    Fault.SETTLEMENT: 0.3, Fault.SKEW: 0.08, Fault.FROZEN: 0.06, Fault.CROSSED: 0.03, Fault.HEARTBEAT: 0.08,
}  # fmt: skip


class Result(msgspec.Struct):
    """`lost`: orders the venue executed otherwise than our books say, or whose end is still unknown. `wrong`: accounts
    and instruments whose position differs. `doubled`: orders taken twice, by either side's books.
    """

    injected: int = 0
    orders: int = 0
    fills: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    halted: int = 0
    notes: list[str] = []

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.halted)

    def add(self, other: Result) -> None:
        for name in ("injected", "orders", "fills", "lost", "doubled", "wrong", "halted"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.notes = [*self.notes, *other.notes]


class Ledger:
    """What our side believes of its orders, read from the core's events and commands."""

    def __init__(self) -> None:
        self.sent: set[int] = set()
        self.lots: Counter[int] = Counter()
        self._fills: set[tuple[int, int]] = set()
        self._reversed: set[int] = set()
        self._in_batches: set[int] = set()  # told by results, not by fills
        self.beyond = self.halted = 0
        self.whys: Counter[str] = Counter()

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        quarantined = [fact for fact in outcome.facts if isinstance(fact, Quarantined)]
        self.halted += sum(isinstance(fact, Halted) for fact in outcome.facts)
        self.beyond += sum("beyond its size" in fact.why for fact in quarantined)
        self.whys.update(f"{fact.event}: {fact.why}"[:90] for fact in quarantined)
        if not quarantined:
            self._traded(event)
        for command in (approved.command for approved in outcome.commands):
            if isinstance(command, Place):
                self.sent.add(command.coid)
            elif isinstance(command, PlaceBatch):
                coids = range(command.coid, command.coid + command.lots.size)
                self.sent.update(coids)
                self._in_batches.update(coids)

    def _traded(self, event: Event) -> None:
        if isinstance(event, Fill) and event.fill_id not in self._reversed:
            if (event.coid, event.fill_id) not in self._fills:
                self._fills.add((event.coid, event.fill_id))
                self.lots[event.coid] += event.lots
        elif isinstance(event, BatchUpdate):
            for index, lots in zip(event.index.tolist(), event.lots.tolist(), strict=True):
                self.lots[event.coid + index] = max(self.lots[event.coid + index], lots)
        elif isinstance(event, FillReversed) and event.fill_id not in self._reversed:
            self._reversed.add(event.fill_id)
            if event.coid in self._in_batches or (event.coid, event.fill_id) in self._fills:
                self.lots[event.coid] -= event.lots


def run_trial(stage_of: StageOf, fault: Fault, seed: int, route: Route = Route.OMNIBUS) -> Result:
    """One seed of one fault on one venue."""
    faults = TwinFaults(seed, {fault: RATES[fault]})
    stage = stage_of(seed, faults, route)
    shard = Shard(MemoryJournal(), stage.venue)
    ledger = Ledger()
    shard.observers.append(ledger)
    shard.handle(opening_of(stage, route), START_NS)
    shard.run(START_NS + UNDER_FAULT_NS, TIMER_NS)
    stage.calm()
    faults.rates.clear()
    shard.run(START_NS + UNDER_FAULT_NS + CALM_NS, TIMER_NS)
    return compare(stage, shard.state, ledger, faults.injected[fault], seed)


def opening_of(stage: Stage, route: Route) -> list[Event]:
    leads = [LeadSetup(name, stage.lead_equity) for name in stage.leads]
    who = np.array(stage.open_to if route is Route.SEGREGATED else range(12), dtype=np.int64)
    follower, lead = np.repeat(who, len(leads)), np.tile(np.arange(len(leads)), who.size)
    order = np.argsort(lead, kind="stable")
    follows = Follows.of(follower[order], lead[order], ALLOCATION, open_bps=100, exit_bps=300)
    return opening_events(route, stage.instruments, [], leads, follows, START_NS)


def compare(stage: Stage, state: State, ledger: Ledger, injected: int, seed: int) -> Result:
    executed = stage.executed()
    differs = [coid for coid in ledger.sent | set(executed) if executed.get(coid, 0) != ledger.lots[coid]]
    pending = [*state.blocks, *state.batches]
    wrong = [
        f"seed {seed}: account {account}, {state.listings[key].instrument.symbol}: ours {ours}, the venue's {theirs}"
        for key, book in state.ledger.lots.items()
        for account, ours in _held(state, book.rows).items()
        if (theirs := stage.position(account, key)) != ours
    ]
    notes = [f"seed {seed}: order {c:x}: ours {ledger.lots[c]}, the venue's {executed.get(c, 0)}" for c in differs]
    notes += [f"seed {seed}: order {c:x} is still under way" for c in pending]
    return Result(
        injected, len(ledger.sent), len(executed), len(differs) + len(pending), stage.doubled() + ledger.beyond,
        len(wrong), ledger.halted, [*notes, *wrong],
    )  # fmt: skip


def _held(state: State, lots: Ints) -> dict[int, int]:
    if state.omnibus:
        return {OMNIBUS: int(lots.sum())}
    followers = state.follows.follower
    return {int(who): int(lots[followers == who].sum()) for who in np.unique(followers)}
