"""Cash, funding and forced closes: whatever changes columns without being a copy."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, apportion, muldiv_floor
from pilotfish.domain.events import CashMoved, Funding, Liquidation
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Quarantined
from pilotfish.engine.follows.balance import measure
from pilotfish.engine.follows.entries import traded
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.money.fees import adjust_marks, owes_too_much
from pilotfish.engine.orders.leg import Out, refresh
from pilotfish.engine.risk.terms import count_liquidations
from pilotfish.engine.state import State, remember

_REMEMBERED = 4_096


def on_cash(state: State, event: CashMoved) -> Out:
    """Deposits count at once; a withdrawal of more than is free is not applied at all."""
    exposures = refresh(state)
    free = state.ledger.money.rows + exposures.value - exposures.margin - state.ledger.reserved_money
    short = np.flatnonzero((event.amounts < 0) & (free[event.rows] + event.amounts < 0))
    if short.size:
        state.quarantined += 1
        return [], [Quarantined(f"withdrawal of follow {int(event.rows[short[0]])}", "more than its free margin")]
    if owes_too_much(state, event.rows, event.amounts).any():
        state.quarantined += 1
        return [], [Quarantined("withdrawal", "it does not leave enough for the performance fee on what it takes out")]
    left = np.flatnonzero((state.standing.mode[event.rows] == Mode.LEFT) & (event.amounts > 0))
    if left.size:
        state.quarantined += 1
        return [], [Quarantined(f"deposit of follow {int(event.rows[left[0]])}", "it has left: open a new follow")]
    facts = adjust_marks(state, event.rows, event.amounts)
    measure(state, event.rows, event.amounts, (state.ledger.money.rows + exposures.value)[event.rows])
    state.moved |= state.tended  # equity moved, as with the market
    state.ledger.post_cash(event.rows, event.amounts)
    return [], facts


def on_funding(state: State, event: Funding) -> Out:
    """Funding by the venue's formula, row by row. Its word rules: a separate account pays what the venue took from it,
    and on the omnibus account the odd units go to rounding.
    """
    if event.funding_id in state.funding_seen:
        state.duplicates += 1
        return [], []
    remember(state.funding_seen, event.funding_id, 1, _REMEMBERED)
    state.listings[event.instrument].funding_e9 = event.rate_e9
    positions = state.ledger.lots[event.instrument].rows
    value = state.listings[event.instrument].instrument.notionals_floor(positions, event.price)
    paid = (
        muldiv_floor(value, event.rate_e9, 1_000_000_000)
        if event.rate_e9 >= 0
        else -muldiv_floor(value, -event.rate_e9, 1_000_000_000)
    )
    if not state.omnibus:
        _as_billed(state, event, positions, paid)
    state.ledger.post_funding(slice(0, positions.size), paid, int(event.amounts.sum()))
    return [], []


def _as_billed(state: State, event: Funding, positions: Ints, paid: Ints) -> None:
    """Where the venue's bill of an account is not what its rows add up to (a fill under way), its first row pays it."""
    accounts, of_row = np.unique(state.follows.follower, return_inverse=True)
    difference = np.zeros(accounts.size, dtype=np.int64)
    np.add.at(difference, of_row, -paid)
    at = np.minimum(np.searchsorted(accounts, event.accounts), max(accounts.size - 1, 0))
    known = accounts[at] == event.accounts if accounts.size else np.zeros(0, dtype=bool)
    np.add.at(difference, at[known], event.amounts[known])
    rows = np.flatnonzero(positions)
    _, first = np.unique(of_row[rows], return_index=True)
    paid[rows[first]] += difference[of_row[rows[first]]]


def on_liquidation(state: State, event: Liquidation) -> Out:
    """The venue closed an account by force: shared by position; those follows stop wanting what they lost."""
    if event.fill_id in state.liquidations_seen:
        state.duplicates += 1
        return [], []
    book = state.ledger.lots[event.instrument]
    side = 1 if event.lots > 0 else -1
    mine = np.ones(book.rows.size, dtype=bool) if event.account == OMNIBUS else state.follows.follower == event.account
    quotas = np.where(mine & (book.rows * side < 0), np.abs(book.rows), 0)
    if abs(event.lots) > int(quotas.sum()):
        state.quarantined += 1
        return [], [Quarantined(f"liquidation {event.fill_id}", "it closes more than the account holds by our books")]
    remember(state.liquidations_seen, event.fill_id, 1, _REMEMBERED)
    parts = apportion(abs(event.lots), quotas)
    rows = np.flatnonzero(parts)
    lots = parts[rows]
    costs = apportion(event.cost, lots, abs(event.lots))
    fees = apportion(event.fee, lots, abs(event.lots))
    state.ledger.post_trades(event.instrument, rows, side * lots, side * costs, fees)
    traded(state, event.instrument, rows, side * lots, side * costs)
    column = state.columns[event.instrument]
    column.override(rows, book.rows[rows] * SUBLOT)
    column.reasons[rows] = Reason.LIQUIDATED
    if state.exposures is not None:
        state.exposures.moved[event.instrument] = 1
    return count_liquidations(state, [event.account], event.venue_ns)
