"""What positions cost, kept only where some follow has a price stop: money, signed like the lots it bought."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, muldiv_trunc
from pilotfish.engine.follows.column import Column
from pilotfish.engine.state import State
from pilotfish.ledger.book import Rows


def keep_entries(state: State) -> None:
    """From now on. What is held already counts as bought at today's mark: a stop measures from when it was set."""
    if state.follows.price_stop_bps.any():
        for key, column in state.columns.items():
            if not column.entry.size:
                column.entry = _at_mark(state, key)


def _at_mark(state: State, key: int) -> Ints:
    listing = state.listings[key]
    return listing.instrument.notionals_floor(state.ledger.lots[key].rows, listing.mark or listing.valued)


def traded(state: State, key: int, rows: Rows, lots: Ints, costs: Ints) -> None:
    """After `lots` (signed) for `costs` (signed money paid, fees apart) were posted: an open adds its cost, a reduction
    takes its share of the average, and a flip starts anew.
    """
    column: Column = state.columns[key]
    if not column.entry.size:
        if not state.follows.price_stop_bps.any():
            return
        column.entry = np.zeros_like(column.targets)  # an instrument listed since
    new = state.ledger.lots[key].rows[rows]
    old, entry = new - lots, column.entry[rows]
    kept = muldiv_trunc(entry, np.minimum(np.abs(new), np.abs(old)), np.maximum(np.abs(old), 1))
    flipped = muldiv_trunc(costs, np.abs(new), np.maximum(np.abs(lots), 1))
    after = np.where(np.sign(old) * lots >= 0, entry + costs, kept)
    column.entry[rows] = np.where(np.sign(old) * np.sign(new) < 0, flipped, after)
