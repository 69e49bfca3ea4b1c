"""What resting orders of ours and of the leads are apart: filled before the lead's own fills were told, or after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Targeted
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.leads.lead import Lead, LeadResting
from pilotfish.engine.state import State


def beside_resting(state: State, lead: Lead, instrument: int) -> tuple[Ints, NDArray[np.bool_]] | None:
    """Per follow of the lead: signed sub-lots that its resting orders will still ask for and ours have had already,
    which are not sold while they stand; and who has such orders, so that odd lots even out among them and not by
    further orders. None when nobody has.
    """
    found: tuple[Ints, NDArray[np.bool_]] | None = None
    for resting in lead.resting.values():
        if resting.target != instrument or not resting.rows.size or not expected(lead, resting):
            continue
        if found is None:
            found = np.zeros(lead.count, dtype=np.int64), np.zeros(lead.count, dtype=bool)
        at = within(lead, resting.rows)
        some = (resting.balance >= SUBLOT) & (state.standing.mode[resting.rows] == Mode.ACTIVE)  # less is rounding
        found[0][at] += resting.side * np.where(some, resting.balance, 0)
        found[1][at] = True
    return found


def expected(lead: Lead, resting: LeadResting) -> bool:
    """Whether fills of the lead's order may still open something: it stands, or has only just gone."""
    stands = resting.lots > 0 or resting.grace_ns > 0
    return stands and not lead.gone and lead.positions.get(resting.instrument, 0) * resting.side >= 0


def note_filled(lead: Lead, order: int, lots: int, lead_ns: int) -> None:
    """A fill of one of the lead's resting orders."""
    if (resting := lead.resting.get(order)) is not None:
        resting.filled += lots
        resting.unsaid += lots if lead_ns > resting.as_of_ns else 0
        resting.filled_ns = max(lead_ns, resting.filled_ns)


def catch_up(state: State, source: int, order: int, moved: Targeted) -> None:
    """The lead's fills now ask for what its resting order promised. A fill without an order id is the oldest's."""
    lead = state.leads[moved.lead]
    named = lead.resting.get(order)
    mirrored = [named] if named is not None else list(lead.resting.values()) if order <= 0 else []
    for resting in mirrored:
        if (resting.instrument, resting.target) != (source, moved.instrument) or not resting.rows.size:
            continue
        asked = np.maximum(resting.side * moved.delta[within(lead, resting.rows)], 0)
        if asked.any():
            resting.balance = resting.balance - asked
            _say_in_flight(state, moved.instrument, resting.rows)
            return


def _say_in_flight(state: State, instrument: int, rows: Ints) -> None:
    """Whoever is off target because the resting order has not filled yet has that for a reason."""
    column, ledger = state.columns[instrument], state.ledger
    off = np.abs(column.targets[rows] - ledger.lots[instrument].rows[rows] * SUBLOT) >= SUBLOT
    off &= (column.reasons[rows] == 0) & (ledger.opening[instrument][rows] != 0)
    column.reasons[rows[off]] = Reason.IN_FLIGHT


def within(lead: Lead, rows: Ints) -> Ints:
    """Positions of `rows` among the lead's follows."""
    return np.searchsorted(lead.index, rows).astype(np.int64) if lead.index.size else rows - lead.first
