"""Recompute everything a journal claims: the hash chain, every command, every digest, every balance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from pilotfish.domain.codec import decode_event, encode_commands
from pilotfish.domain.errors import EngineError
from pilotfish.domain.events import Event
from pilotfish.engine.snapshot import digest
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome, step
from pilotfish.journal.chain import ChainReport
from pilotfish.journal.port import Journal, RecordKind


class Verdict(msgspec.Struct, frozen=True):
    """What was recomputed. `bad` is the first record that does not hold, with `why`; None when all of it does."""

    records: int
    root: str
    events: int
    commands: int
    digests: int
    sums: dict[str, int]
    halted: bool
    state_digest: str = ""
    bad: int | None = None
    why: str = ""

    @property
    def ok(self) -> bool:
        return self.bad is None and not any(self.sums.values())


class Onlooker(Protocol):
    """Sees what is recomputed, and can change nothing."""

    def at(self, position: int, state: State) -> None:
        """The state after `position` records: before each record, and once after the last."""
        ...

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None: ...


def verify(
    journal: Journal,
    chain: ChainReport,
    progress: Callable[[int], None] = lambda _: None,
    onlooker: Onlooker | None = None,
) -> Verdict:
    """After the chain, a full replay from the start. A journal that was rewritten as a whole has another root."""
    if chain.first_bad is not None:
        return Verdict(chain.records, chain.root.hex(), 0, 0, 0, {}, False, "", chain.first_bad, chain.why)
    state, owed = State(), b""
    events = commands = digests = 0

    def verdict(bad: int | None = None, why: str = "") -> Verdict:
        sums = state.ledger.sums()
        if bad is None and any(sums.values()):
            bad, why = chain.records, f"assets do not sum to zero: {sums}"
        return Verdict(
            chain.records, chain.root.hex(), events, commands, digests, sums, state.guard.halted,
            digest(state).hex(), bad, why,
        )  # fmt: skip

    for record in journal.read():
        progress(record.position)
        if onlooker is not None:
            onlooker.at(record.position, state)
        if record.kind is not RecordKind.COMMANDS and owed:
            return verdict(record.position, "the commands that the event before must give are missing")
        if record.kind is RecordKind.EVENT:
            try:
                event = decode_event(record.payload)
                outcome = step(state, event)
            except EngineError as bad:
                return verdict(record.position, str(bad))
            if onlooker is not None:
                onlooker(event, outcome, state)
            events += 1
            owed = encode_commands([a.command for a in outcome.commands]) if outcome.commands else b""
        elif record.kind is RecordKind.COMMANDS:
            if record.payload != owed:
                return verdict(record.position, "the commands are not what this event gives when recomputed")
            commands += 1
            owed = b""
        else:
            digests += 1
            if record.payload != digest(state):
                return verdict(record.position, "the recorded digest is not that of the recomputed state")
    if onlooker is not None:
        onlooker.at(chain.records, state)
    return verdict(chain.records, "the last event's commands are missing") if owed else verdict()
