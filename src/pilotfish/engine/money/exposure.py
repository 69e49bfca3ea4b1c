"""Each follow's equity, gross notional and margin over all instruments, kept up to date by touching only what changed.

A cache of exact integers: rebuilt from ledger and marks it gives the same numbers, so it is not part of a snapshot.
"""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.instrument import SUBLOT, Instrument
from pilotfish.gate.limits import Exposure, value_floor
from pilotfish.ledger.book import Rows
from pilotfish.ledger.ledger import Ledger


class Part(msgspec.Struct):
    """One instrument's share of the sums, and the mark it was valued at."""

    mark: int
    value: Ints
    gross: Ints
    margin: Ints


class Exposures(msgspec.Struct):
    value: Ints
    gross: Ints
    margin: Ints
    parts: dict[int, Part]
    moved: dict[int, int]  # instruments whose positions or reservations changed since they were valued

    @classmethod
    def empty(cls, follows: int) -> Exposures:
        value, gross, margin = (np.zeros(follows, dtype=np.int64) for _ in range(3))
        return cls(value, gross, margin, {}, {})

    def refresh(self, ledger: Ledger, marks: dict[int, tuple[Instrument, int]]) -> None:
        """Revalue the instruments whose mark or position changed."""
        busy = {reservation.instrument for reservation in ledger.reservations.values()}
        for key, (instrument, mark) in marks.items():
            part = self.parts.get(key)
            if mark <= 0 or (part is not None and part.mark == mark and key not in self.moved):
                continue
            if part is None and key not in self.moved:
                continue  # never traded here
            value = instrument.notionals_floor(ledger.lots[key].rows, mark)
            size = np.abs(value)
            gross = size + np.abs(value_floor(ledger.opening[key], instrument, mark)) if key in busy else size
            fresh = Part(mark, value, gross, size // instrument.max_leverage)
            self.value += fresh.value - part.value if part else fresh.value
            self.gross += fresh.gross - part.gross if part else fresh.gross
            self.margin += fresh.margin - part.margin if part else fresh.margin
            self.parts[key] = fresh
            self.moved.pop(key, None)

    def of(self, ledger: Ledger, rows: Rows, instrument: int) -> Exposure:
        """What the gate needs to know of `rows` before an order in `instrument`."""
        equity = ledger.money.rows[rows] + self.value[rows]
        free = equity - self.margin[rows] - ledger.reserved_money[rows]
        opening = ledger.opening[instrument][rows]
        rounded = np.sign(opening) * (-(-np.abs(opening) // SUBLOT) * SUBLOT)  # an allocation may round up
        held = ledger.lots[instrument].rows[rows] * SUBLOT + rounded
        return Exposure(equity, self.gross[rows], free, held)
