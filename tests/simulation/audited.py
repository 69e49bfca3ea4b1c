"""A shard and its auditor, driven by hand: what the tests of the auditor share."""

from collections.abc import Callable

import msgspec

from pilotfish.domain.events import (
    BookTop,
    Configured,
    Fill,
    FollowsOpened,
    InstrumentListed,
    LeadFill,
    LeadListed,
    Mark,
)
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import Follows, Route
from pilotfish.domain.orders import Command, Place
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.worlds.fuzz.auditor import Auditor

PX, USDC, SECOND, T0 = 1_000_000, 1_000_000, 10**9, 10**18
COIN = Instrument(
    0, "COIN", "sim", Kind.PERP, 2, 4, tick_rule=TickRule.FIXED, tick=100, max_leverage=10, maintenance_bps=500
)


class Scene:
    """A shard and its auditor, told the same; `go` keeps what left, `swap` lets the auditor see something else."""

    def __init__(self, route: Route = Route.OMNIBUS, **columns: object) -> None:
        self.state, self.auditor, self.now, self.left = State(), Auditor(), T0, list[Command]()
        self.go(Configured(T0, T0, 0, route))
        self.go(InstrumentListed(T0, T0, COIN))
        self.go(Mark(T0, T0, 0, PX))
        self.go(BookTop(T0, T0, 0, PX - 100, 10**6, PX + 100, 10**6))
        self.go(LeadListed(T0, T0, 0, "lead", 10_000 * USDC))
        caps = {"leverage_cap_e2": 500, "open_bps": 50} | columns
        self.go(FollowsOpened(T0, T0, Follows.of([1, 2, 3], 0, [1_000 * USDC, 500 * USDC, 250 * USDC], **caps)))

    def go(self, event, tamper: Callable[[State], None] = lambda _: None, swap=None, told=None) -> list[Command]:
        """`tamper` changes the state before the auditor looks, `swap` the commands, `told` the event it is told."""
        commands = [approved.command for approved in step(self.state, event).commands]
        tamper(self.state)
        self.left = swap(commands) if swap else commands
        self.auditor.see(told if told is not None else event, self.left, self.state)
        return commands

    def at(self, ns: int = SECOND // 1_000) -> tuple[int, int]:
        self.now += ns
        return self.now, self.now

    def lead(self, lots: int, fill_id: int = 1) -> LeadFill:
        return LeadFill(*self.at(), 0, 0, 1 if lots > 0 else -1, abs(lots), PX, fill_id)

    def open(self, lots: int = 1_000) -> Place:
        (place,) = self.go(self.lead(lots))
        assert self.auditor.findings == []
        return place

    def fill(self, place: Place, fill_id: int = 1, lots: int | None = None) -> Fill:
        lots = place.lots if lots is None else lots
        return Fill(*self.at(), place.coid, fill_id, lots, PX, lots * PX, 7)

    @property
    def said(self) -> str:
        return "\n".join(self.auditor.findings)


def replaced(**changes: object) -> Callable[[list[Command]], list[Command]]:
    return lambda commands: [msgspec.structs.replace(command, **changes) for command in commands]
