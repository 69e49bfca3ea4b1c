"""Where every follow stands against its target, and why not there: the last word of a run, and the positions file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.reasons import Reason
from pilotfish.engine.state import State
from pilotfish.views.report.schema import Followers


def standing(state: State) -> Followers:
    """Counts over all follows and instruments: off target by a whole lot or more, or carrying less than one."""
    off = np.zeros(len(state.follows), dtype=bool)
    carried = np.zeros(len(state.follows), dtype=bool)
    reasons: Counter[str] = Counter()
    for key, column in state.columns.items():
        gap = np.abs(column.targets - state.ledger.lots[key].rows * SUBLOT)
        carried |= (gap > 0) & (gap < SUBLOT)
        new = (gap >= SUBLOT) & ~off
        for number, count in zip(*np.unique(column.reasons[new], return_counts=True), strict=True):
            reasons[Reason(int(number)).text if number else "no reason was recorded"] += int(count)
        off |= gap >= SUBLOT
    return Followers(
        count=int(np.unique(state.follows.follower).size),
        follows=len(state.follows),
        off_target=int(np.count_nonzero(off)),
        off_target_reasons=dict(reasons),
        carried_below_one_lot=int(np.count_nonzero(carried & ~off)),
    )


def rows(state: State, names: Sequence[str]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """follower, lead, instrument, position, target, reason: one row for every non-zero position or target."""
    for key, column in state.columns.items():
        held, instrument = state.ledger.lots[key].rows, state.listings[key].instrument
        for row in np.flatnonzero((held != 0) | (column.targets != 0)):
            gap = abs(int(column.targets[row]) - int(held[row]) * SUBLOT)
            reason = Reason(int(column.reasons[row])) if gap >= SUBLOT else Reason.CARRIED if gap else Reason.NONE
            target = instrument.show_lots(int(column.targets[row])) / SUBLOT
            yield (
                names[int(state.follows.follower[row])],
                state.leads[int(state.follows.lead[row])].name,
                instrument.symbol,
                f"{instrument.show_lots(int(held[row])):f}",
                f"{target:f}",
                reason.text,
            )


def write_positions(path: Path, state: State, names: Sequence[str]) -> int:
    """The positions file; returns how many rows it holds."""
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["follower", "lead", "instrument", "position", "target", "reason"])
        for row in rows(state, names):
            writer.writerow(row)
            count += 1
    return count
