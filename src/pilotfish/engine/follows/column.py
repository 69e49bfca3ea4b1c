"""One instrument's columns over all follows: where each should be, who asked for it, and why it is not there."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints, muldiv_trunc
from pilotfish.ledger.book import Rows

HEDGE = -1  # the source of what hedges ask for
AT_A_PRICE = 2**62  # when an open is due that waits for a price, not for a time


def _none() -> Ints:
    return np.zeros(0, dtype=np.int64)


class Column(msgspec.Struct):
    """One instrument's columns over all follows, beside those in the ledger."""

    targets: Ints  # exact, signed sub-lots
    reasons: Ints  # why off target, latest word
    waiting: Ints  # copies intended since the follow was last on target
    partly: Ints  # 1 where a waiting copy got something
    allowed: np.ndarray  # bool: the mandate allows the instrument
    parts: dict[int, Ints] = {}  # of the targets: what other instruments asked for, by source; HEDGE for hedges
    pending: Ints = msgspec.field(default_factory=_none)  # opens that wait, signed sub-lots; empty if none did …
    due_ns: Ints = msgspec.field(default_factory=_none)  # … until then, or AT_A_PRICE
    entry: Ints = msgspec.field(default_factory=_none)  # what the position cost, signed like its lots; empty if unused
    barred: Ints = msgspec.field(default_factory=_none)  # 1: its price stop fired, and the lead has not been flat since

    def grow(self, count: int, allowed: np.ndarray) -> None:
        """Room for `count` more follows."""
        more = np.zeros(count, dtype=np.int64)
        self.allowed = allowed
        for name in ("targets", "reasons", "waiting", "partly"):
            setattr(self, name, np.concatenate([getattr(self, name), more]))
        for name in ("pending", "due_ns", "entry", "barred"):
            if getattr(self, name).size:
                setattr(self, name, np.concatenate([getattr(self, name), more]))
        self.parts = {source: np.concatenate([part, more]) for source, part in self.parts.items()}

    def part(self, source: int, key: int, rows: Rows) -> Ints:
        """What `source` asks for here; `key` is this instrument, whose own leads' part is what no other claims."""
        if source != key:
            part = self.parts.get(source)
            return np.zeros_like(self.targets[rows]) if part is None else part[rows]
        own = self.targets[rows]
        return own - sum(part[rows] for part in self.parts.values()) if self.parts else own

    def ask(self, source: int, key: int, rows: Rows, targets: Ints, part: Ints) -> None:
        """The targets of `rows`, of which `source` asked for `part`."""
        self.targets[rows] = targets
        if source != key:
            if source not in self.parts:
                self.parts[source] = np.zeros_like(self.targets)
            self.parts[source][rows] = part

    def override(self, rows: Rows, targets: Ints) -> None:
        """New targets whoever asked: parts keep their shares, rounded toward zero; on the other side they have none."""
        before = self.targets[rows]
        whole, wanted = np.abs(before), np.where(np.sign(targets) == np.sign(before), np.abs(targets), 0)
        for part in self.parts.values():
            part[rows] = muldiv_trunc(part[rows], wanted, np.maximum(whole, 1))
        self.targets[rows] = targets
