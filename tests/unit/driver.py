"""A shard driven by hand: build a scene, say what happens, read what came out. Shared by the tests of the core.

One lot at `PX` is worth one USDC: lots have two decimals, prices four, money six, so a notional is lots·price exactly.
"""

import numpy as np

from pilotfish.domain.codec import encode_commands, encode_event
from pilotfish.domain.events import (
    BatchUpdate,
    BookTop,
    Configured,
    Event,
    Fill,
    FollowsOpened,
    InstrumentListed,
    LeadFill,
    LeadListed,
    LeadPosition,
    OrderUpdate,
    Timer,
)
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import Follows, Route
from pilotfish.domain.orders import Command, OrderSignal, Place, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Fact
from pilotfish.engine.snapshot import decode_state, encode_state
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome, step

PX = 1_000_000  # 100.0000 USDC
USDC = 1_000_000
LEAD_EQUITY = 10_000 * USDC
MS = 1_000_000
SECOND = 1_000 * MS
T0 = 10**18
COUNTERS = ("seq", "now_ns", "issued", "quarantined", "duplicates", "exposures")


def perp(number: int = 0, **fields) -> Instrument:
    """A perpetual on five significant figures; no minimum and no fee unless the test is about them."""
    settings = {"tick_rule": TickRule.SIGNIFICANT, "tick": 5, "max_leverage": 10, "maintenance_bps": 500} | fields
    return Instrument(number, f"C{number}", "sim", Kind.PERP, 2, 4, **settings)


def free_follows(followers: object, lead: object = 0, allocation: object = 1_000 * USDC, **columns) -> Follows:
    """Follows that only their money bounds: no leverage cap that a test would run into by accident."""
    return Follows.of(followers, lead, allocation, **({"leverage_cap_e2": 10_000} | columns))


class Desk:
    """A configured shard. Every step checks that all assets still sum to zero."""

    def __init__(self, route: Route = Route.OMNIBUS, *, instruments=None, leads: int = 1, **settings) -> None:
        self.state = State()
        self.now = T0
        self.commands: list[Command] = []
        self.facts: list[Fact] = []
        self.log: list[bytes] = []
        self.sent: list[bytes] = []
        self._ids = 0
        self.go(Configured(self.now, self.now, 0, route, **settings))
        for instrument in instruments or [perp()]:
            self.go(InstrumentListed(self.now, self.now, instrument))
            self.top(k=instrument.id)
        for number in range(leads):
            self.go(LeadListed(self.now, self.now, number, f"lead {number}", LEAD_EQUITY))

    # -- what happens ------------------------------------------------------------------------------------------------

    def go(self, event: Event) -> Outcome:
        self.log.append(encode_event(event))
        outcome = step(self.state, event)
        commands = [approved.command for approved in outcome.commands]
        self.commands += commands
        self.facts += outcome.facts
        self.sent.append(encode_commands(commands))
        assert not any(self.state.ledger.sums().values())
        return outcome

    def stamp(self, after_ns: int = MS) -> tuple[int, int]:
        self.now += after_ns
        return self.now, self.now

    def top(self, price: int = PX, k: int = 0, half: int = 50) -> Outcome:
        return self.go(BookTop(*self.stamp(), k, price - half, 100_000, price + half, 100_000))

    def follow(self, follows: Follows) -> Outcome:
        return self.go(FollowsOpened(*self.stamp(), follows))

    def lead(self, lots: int, price: int = PX, *, k: int = 0, lead: int = 0, start=None, fill_id=None, at=None, **more):
        """The lead trades signed `lots`; `at` is the venue's stamp where it differs from ours; `order` is its order."""
        ours = self.stamp()[1]
        side, number = (1 if lots > 0 else -1), fill_id or self.fresh()
        return self.go(LeadFill(at or ours, ours, lead, k, side, abs(lots), price, number, start, **more))

    def lead_holds(self, lots: int, price: int = PX, *, k: int = 0, lead: int = 0, at=None) -> Outcome:
        ours = self.stamp()[1]
        return self.go(LeadPosition(at or ours, ours, lead, k, lots, price))

    def fill(self, place: Place, lots: int | None = None, *, price: int = PX, fee: int = 0, fill_id=None) -> Outcome:
        lots = place.lots if lots is None else lots
        return self.go(Fill(*self.stamp(), place.coid, fill_id or self.fresh(), lots, price, lots * price, fee))

    def update(self, order: Command, signal: OrderSignal, left: int = 0, reason: Reason = Reason.NONE) -> Outcome:
        return self.go(OrderUpdate(*self.stamp(), order.coid, signal, reason, left))

    def results(self, batch: PlaceBatch, lots=None, signals=None, index=None, fee: int = 0) -> Outcome:
        """Results of a batch; by default every order fills in whole at `PX`."""
        return self.go(self.result_event(batch, lots, signals, index, fee))

    def result_event(self, batch: PlaceBatch, lots=None, signals=None, index=None, fee: int = 0) -> BatchUpdate:
        index = np.arange(batch.lots.size) if index is None else np.asarray(index)
        lots = batch.lots[index] if lots is None else np.asarray(lots, dtype=np.int64)
        full = np.where(lots == batch.lots[index], int(OrderSignal.FILLED), int(OrderSignal.CANCEL))
        signals = full if signals is None else np.asarray(signals, dtype=np.int64)
        zero = np.zeros(index.size, dtype=np.int64)
        stamp = self.stamp()
        return BatchUpdate(*stamp, batch.coid, index, signals, lots, lots * PX, zero + fee, zero, zero + stamp[0])

    def wait(self, ns: int) -> Outcome:
        return self.go(Timer(*self.stamp(ns)))

    def fresh(self) -> int:
        self._ids += 1
        return self._ids

    # -- what came out -----------------------------------------------------------------------------------------------

    def held(self, k: int = 0) -> list[int]:
        return self.state.ledger.lots[k].rows.tolist()

    def targets(self, k: int = 0) -> list[float]:
        return (self.state.columns[k].targets / 1e6).tolist()

    def reasons(self, k: int = 0) -> list[Reason]:
        return [Reason(reason) for reason in self.state.columns[k].reasons.tolist()]

    def all(self, kind: type) -> list:
        return [fact for fact in self.facts if type(fact) is kind]

    def untouched(self) -> bytes:
        """Everything in the state but the counters that any event moves."""
        fresh = State()
        state = decode_state(encode_state(self.state))
        for name in COUNTERS:
            setattr(state, name, getattr(fresh, name))
        return encode_state(state)


def placed(outcome: Outcome) -> list[Place]:
    return [a.command for a in outcome.commands if isinstance(a.command, Place)]


def only(outcome: Outcome) -> Place:
    (place,) = placed(outcome)
    return place


def batched(outcome: Outcome) -> list[PlaceBatch]:
    return [a.command for a in outcome.commands if isinstance(a.command, PlaceBatch)]


def asked(outcome: Outcome) -> Query:
    (query,) = [a.command for a in outcome.commands if isinstance(a.command, Query)]
    return query


def said(outcome: Outcome, kind: type) -> list:
    return [fact for fact in outcome.facts if type(fact) is kind]
