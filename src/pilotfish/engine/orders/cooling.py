"""Rest after a failure that trying again at once only makes worse: our keys refused, or an account out of balance."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.engine.state import BatchOrder, BlockOrder, State

_DOUBLINGS_MAX = 4  # up to sixteen times
_TAKEN = (OrderSignal.ACK, OrderSignal.FILL, OrderSignal.FILLED, OrderSignal.CANCEL)  # the venue knew our keys


def note_answer(state: State, order: BlockOrder, signal: OrderSignal, reason: Reason) -> None:
    """What a venue's word about a block says of keys and balance; the omnibus account is that of all its rows."""
    balance = reason is Reason.BALANCE
    rows = np.arange(len(state.follows))[order.rows][order.quotas > 0] if balance else np.zeros(0, dtype=np.int64)
    note_word(state, rows, signal, reason)


def note_word(state: State, rows: Ints, signal: OrderSignal, reason: Reason) -> None:
    """The same of any order, which concerns `rows`."""
    if signal in _TAKEN:
        state.guard.strikes = 0
    if reason is Reason.BALANCE:
        _rest_rows(state, rows)
    elif reason is Reason.AUTHENTICATION and signal is OrderSignal.REJECT:
        _rest_all(state)


def note_results(state: State, order: BatchOrder, part: Ints, signal: Ints, reason: Ints) -> None:
    """The same of a batch's results, each of its own account. `part` indexes the batch."""
    if np.isin(signal, _TAKEN).any():
        state.guard.strikes = 0
    _rest_rows(state, order.index[part[reason == Reason.BALANCE]])
    if ((reason == Reason.AUTHENTICATION) & (signal == OrderSignal.REJECT)).any():
        _rest_all(state)


def _rest_rows(state: State, rows: Ints) -> None:
    until = state.now_ns + state.risk.balance_cool_ns
    state.standing.cool_ns[rows] = np.maximum(state.standing.cool_ns[rows], until)


def _rest_all(state: State) -> None:
    """Orders that were under way together are one failure; the first open after a rest that fails again is the next."""
    guard, rest = state.guard, state.risk.auth_cool_ns
    if rest and state.now_ns >= guard.cool_ns:
        guard.cool_ns = state.now_ns + (rest << min(guard.strikes, _DOUBLINGS_MAX))
        guard.strikes += 1
