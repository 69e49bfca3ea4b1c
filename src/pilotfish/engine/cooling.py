"""Rest after a failure that trying again at once only makes worse: our keys refused, or an account out of balance."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.engine.state import BatchOrder, BlockOrder, State

_DOUBLINGS_MAX = 4  # up to sixteen times


def note_answer(state: State, order: BlockOrder, signal: OrderSignal, reason: Reason) -> None:
    """What a venue's word about a block says of keys and balance: on the omnibus account it concerns all of its rows."""
    if signal is OrderSignal.REJECT:
        everybody = np.arange(len(state.follows))[order.rows]
        _rest(state, everybody[order.quotas > 0], np.full(1, int(reason)))
    elif signal is not OrderSignal.LOST:
        state.guard.strikes = 0


def note_results(state: State, order: BatchOrder, part: Ints, signal: Ints, reason: Ints) -> None:
    """The same of a batch's results, each of its own account."""
    rejected = signal == OrderSignal.REJECT
    if (~rejected & (signal != OrderSignal.LOST)).any():
        state.guard.strikes = 0
    if rejected.any():
        short = reason[rejected] == Reason.BALANCE
        rows = order.index[part[rejected]]
        _rest(state, rows[short] if short.any() else rows, reason[rejected])


def _rest(state: State, rows: Ints, reasons: Ints) -> None:
    guard, risk, now = state.guard, state.risk, state.now_ns
    if (reasons == Reason.BALANCE).any():
        state.standing.cool_ns[rows] = np.maximum(state.standing.cool_ns[rows], now + risk.balance_cool_ns)
    if (reasons == Reason.AUTHENTICATION).any() and risk.auth_cool_ns and now >= guard.cool_ns:
        guard.cool_ns = now + (risk.auth_cool_ns << min(guard.strikes, _DOUBLINGS_MAX))
        guard.strikes += 1
