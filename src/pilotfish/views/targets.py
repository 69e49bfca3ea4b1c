"""Where every follow stands against its target, and why not there: the last word of a run, and the positions file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.reasons import Reason
from pilotfish.engine.leads.lead import Lead
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
    """follower, lead, instrument, position, target, reason: every follow in every instrument that its lead traded, and
    where it copies that, or hedges it, in another.
    """
    for number, lead in enumerate(state.leads):
        follows = np.flatnonzero(state.follows.lead == number)
        who = [names[k] for k in state.follows.follower[follows].tolist()]
        for key in _touched(state, lead, follows):
            column, instrument = state.columns[key], state.listings[key].instrument
            held, targets = state.ledger.lots[key].rows[follows], column.targets[follows]
            reasons = _reasons(targets, held, column.reasons[follows])
            for name, lots, target, reason in zip(who, held.tolist(), targets.tolist(), reasons.tolist(), strict=True):
                position, exact = instrument.show_lots(lots), instrument.show_lots(target) / SUBLOT
                yield name, lead.name, instrument.symbol, f"{position:f}", f"{exact:f}", Reason(reason).text


def _touched(state: State, lead: Lead, follows: Ints) -> list[int]:
    held = {key for key, book in state.ledger.lots.items() if book.rows[follows].any()}
    aimed = {key for key, column in state.columns.items() if column.targets[follows].any()}
    return sorted(held | aimed | set(lead.positions))


def _reasons(targets: Ints, held: Ints, noted: Ints) -> Ints:
    """The reason noted where a follow is off target or may not trade; carried below one lot; else none."""
    gap = np.abs(targets - held * SUBLOT)
    near = np.where(gap > 0, int(Reason.CARRIED), int(Reason.NONE))
    return np.where((gap >= SUBLOT) | (noted == Reason.DENIED), noted, near)


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
