"""When fees are charged, and on what: subscriptions per follow, performance fees per follower above its own mark."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, muldiv_floor, total_of
from pilotfish.domain.instructions import FeesDue, FeesSet
from pilotfish.domain.terms import FeeTerms
from pilotfish.engine.facts import Fact
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.money.arrears import prices_of
from pilotfish.engine.money.billing import Accounts, accounts_of, charge, collect, due_of
from pilotfish.engine.money.insurance import pay_claims
from pilotfish.engine.orders.leg import Out
from pilotfish.engine.state import State
from pilotfish.ledger.book import Account
from pilotfish.ledger.fees import (
    BPS,
    apportion_within,
    gains_charged_ceil,
    marks_left_ceil,
    performance_fees_floor,
    prorated_floor,
    totals_within,
)

NOBODY: Ints = np.zeros(0, dtype=np.int64)


# -- moments -----------------------------------------------------------------------------------------------------------


def on_fees_set(state: State, event: FeesSet) -> Out:
    """New terms never reach back: what came before is settled by the old ones, or free where there were none."""
    standing, facts, old = state.standing, list[Fact](), state.fee_terms
    everybody = np.arange(state.ledger.follows)
    if old is not None:
        facts += _subscribe(state, old, everybody)
        facts += _crystallise(state, old, everybody)
    else:
        accounts = accounts_of(state, everybody)
        above = ((accounts.gains > 0) & accounts.priced)[accounts.group]
        standing.mark[accounts.rows[above]] = accounts.equity[above]
        standing.billed_ns[:] = standing.crystallised_ns[:] = state.now_ns
    if old is None or old.month_ns != event.terms.month_ns:  # the remainder is in parts of a month; it is let go
        standing.accrued[:] = 0
    state.fee_terms = event.terms
    return [], facts + pay_claims(state, NOBODY)


def on_fees_due(state: State, event: FeesDue) -> Out:
    """Subscriptions up to now, performance fees of those whose period has ended, and claims the pool can now pay."""
    terms = state.fee_terms
    if terms is None or not state.ledger.follows:
        return [], []
    facts = _subscribe(state, terms, np.arange(state.ledger.follows))
    facts += _crystallise(
        state, terms, np.flatnonzero(state.standing.crystallised_ns <= state.now_ns - terms.period_ns)
    )
    return [], facts + pay_claims(state, NOBODY)


def settle_on_leaving(state: State, rows: Ints) -> list[Fact]:
    """Before the money of `rows` goes back: their subscription, and their followers' performance fee."""
    if state.fee_terms is None or not rows.size:
        return []
    return _subscribe(state, state.fee_terms, rows) + _crystallise(state, state.fee_terms, rows)


# -- the mark and cash -------------------------------------------------------------------------------------------------


def adjust_marks(state: State, rows: Ints, amounts: Ints) -> list[Fact]:
    """Before cash moves (deposits > 0, withdrawals < 0): charge the gain that is withdrawn, then move the marks.

    A deposit raises the mark by as much, a withdrawal scales it. What a follower moves between its own rows is neither.
    """
    if not rows.size:
        return []
    accounts, moved, out = _withdrawn(state, rows, amounts)
    facts = list[Fact]()
    if state.fee_terms is not None:
        fees = _fees_withdrawn(accounts, state.fee_terms, out)
        facts = collect(state, state.fee_terms, accounts, fees)[0]
    after = marks_left_ceil(accounts.marks, accounts.equities, out)
    rest = np.where(out > 0, after - (accounts.marks - out), 0)
    spread = apportion_within(np.abs(rest), np.maximum(-moved, 0), accounts.group)
    state.standing.mark[accounts.rows] += moved + np.where((rest < 0)[accounts.group], -spread, spread)
    return facts


def owes_too_much(state: State, rows: Ints, amounts: Ints) -> NDArray[np.bool_]:
    """Which of these cash movements would leave too little for the performance fee on the gain withdrawn."""
    if state.fee_terms is None or not rows.size or not (amounts < 0).any():
        return np.zeros(rows.size, dtype=bool)
    accounts, _, out = _withdrawn(state, rows, amounts)
    due = due_of(state, state.fee_terms, accounts, _fees_withdrawn(accounts, state.fee_terms, out))
    n = accounts.marks.size
    short = totals_within(due, accounts.group, n) > totals_within(accounts.free, accounts.group, n)
    return (amounts < 0) & np.isin(rows, accounts.rows[short[accounts.group]])


def _withdrawn(state: State, rows: Ints, amounts: Ints) -> tuple[Accounts, Ints, Ints]:
    """The followers, what moves on each of their rows, and what each follower takes out on balance."""
    column = np.zeros(state.ledger.follows, dtype=np.int64)
    column[rows] = amounts
    accounts = accounts_of(state, rows, np.maximum(-column, 0))
    moved = column[accounts.rows]
    return accounts, moved, np.maximum(-totals_within(moved, accounts.group, accounts.marks.size), 0)


def _fees_withdrawn(accounts: Accounts, terms: FeeTerms, out: Ints) -> Ints:
    """The part of the whole gain's fee that goes with the part of the equity withdrawn, per follower."""
    whole = performance_fees_floor(accounts.gains, accounts.marks, terms.steps)
    equities = np.maximum(accounts.equities, 1)
    return muldiv_floor(whole, np.minimum(out, equities), equities)


# -- subscription ------------------------------------------------------------------------------------------------------


def _subscribe(state: State, terms: FeeTerms, rows: Ints) -> list[Fact]:
    """Accrue up to now what `rows` subscribe to, and charge what is owed as far as there is free money."""
    standing = state.standing
    live = rows[standing.mode[rows] != Mode.LEFT]
    elapsed = np.maximum(state.now_ns - standing.billed_ns[live], 0)
    price, carried = prices_of(state, terms)[live], standing.accrued[live]
    added, rest = prorated_floor(elapsed, price, terms.month_ns, carried)
    standing.owed[live] += added
    standing.accrued[live] = rest
    standing.billed_ns[live] = np.maximum(standing.billed_ns[live], state.now_ns)
    owing = rows[standing.owed[rows] > 0]
    if not owing.size:
        return []
    accounts = accounts_of(state, owing)
    owed = np.where(np.isin(accounts.rows, owing), standing.owed[accounts.rows], 0)
    paid = np.minimum(owed, accounts.free)
    standing.owed[accounts.rows] -= paid
    insured = total_of(muldiv_floor(paid, terms.insurance_bps, BPS))
    return charge(state, "subscription", accounts.rows, paid, {Account.SUBSCRIPTION: total_of(paid) - insured})


# -- performance -------------------------------------------------------------------------------------------------------


def _crystallise(state: State, terms: FeeTerms, rows: Ints) -> list[Fact]:
    """The followers of `rows` pay for all that they gained above their marks, and start a new period.

    A mark rises to the equity that was charged for. Where free money falls short less is charged, the mark rises by
    less, and the rest of the gain can be charged another time.
    """
    if not rows.size:
        return []
    accounts, standing = accounts_of(state, rows), state.standing
    gains, group = accounts.gains, accounts.group
    fees = performance_fees_floor(gains, accounts.marks, terms.steps)
    weights = accounts.weights(standing.mark)
    facts, paid, due = collect(state, terms, accounts, fees)
    short = paid < due
    charged = gains.copy()
    if short.any():
        bought = -muldiv_floor(-paid[short], fees[short], due[short])
        charged[short] = gains_charged_ceil(bought, gains[short], accounts.marks[short], terms.steps)
    unpaid = apportion_within(gains - charged, weights, group)
    up = (gains > 0)[group]
    standing.mark[accounts.rows[up]] = (accounts.equity - unpaid)[up]
    standing.crystallised_ns[accounts.rows[accounts.priced[group]]] = state.now_ns
    return facts
