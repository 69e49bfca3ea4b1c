"""An outcome token is decided: positions become money, targets end, and nothing of it is traded any more."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.events import InstrumentSettled
from pilotfish.engine.facts import PaidOut, Quarantined
from pilotfish.engine.follows.entries import traded
from pilotfish.engine.orders.leg import Out, touched
from pilotfish.engine.state import State


def on_settled(state: State, event: InstrumentSettled) -> Out:
    """Told again it pays what has filled since. Orders under way are the venue's to cancel."""
    key = event.instrument
    listing, book, column = state.listings[key], state.ledger.lots[key], state.columns[key]
    if state.settled.get(key, event.price) != event.price:
        state.quarantined += 1
        return [], [Quarantined(f"{listing.instrument.symbol} pays {event.price}", f"it paid {state.settled[key]}")]
    if key in state.settled and not book.rows.any():
        state.duplicates += 1
        return [], []
    state.settled[key] = event.price
    listing.stated_mark, listing.marked_ns = event.price, event.ours_ns
    rows = np.flatnonzero(book.rows)
    lots = book.rows[rows].copy()
    amounts = listing.instrument.notionals_floor(lots, event.price)
    state.ledger.post_trades(key, rows, -lots, -amounts, np.zeros_like(lots))
    traded(state, key, rows, -lots, -amounts)
    wanted = np.flatnonzero(column.targets)
    column.override(wanted, np.zeros(wanted.size, dtype=np.int64))
    column.waiting[:] = 0
    for lead in state.leads:
        if key in lead.positions:
            lead.positions[key] = 0
    for watch in [one for one in state.watches if one & 0xFFFFFFFF == key]:
        del state.watches[watch]
    touched(state, key)
    return [], [PaidOut(key, event.price, rows, lots, amounts)]
