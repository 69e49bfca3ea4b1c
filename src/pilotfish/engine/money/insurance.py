"""The insurance pool: accounts left below zero with nothing open claim, and are paid in the order of their claims."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.engine.facts import Copied, Fact, InsurancePaid
from pilotfish.engine.state import State
from pilotfish.ledger.book import Rows
from pilotfish.ledger.fees import apportion_within, totals_within


def claims_of(state: State, facts: list[Fact]) -> list[Fact]:
    """After an event that moved money: of those who traded, or of all where it was no trade."""
    traded = [fact.rows for fact in facts if isinstance(fact, Copied)]
    out: list[Fact] = []
    for rows in traded or [slice(None)]:
        out += pay_claims(state, rows)
    return out


def pay_claims(state: State, rows: Rows) -> list[Fact]:
    """At the end of a step that moved money of `rows`: new claims, claims that are settled, and payments.

    A claim is of a follower: all its rows together, on either route. First come, first served; by row within one event.
    A claim that grows keeps its place.
    """
    if state.fee_terms is None:
        return []
    told = _renew(state, rows)
    paid = dict[int, int]()
    pool = state.ledger.insurance
    for follower, claim in state.claims.items():
        if not pool:
            break
        paid[follower] = min(claim, pool)
        pool -= paid[follower]
    return _pay(state, paid, told) if paid or told else []


def _renew(state: State, rows: Rows) -> list[int]:
    """Compare claims with the ledger. Returns the followers whose claim is new or larger."""
    touched = state.follows.follower[rows]
    suspects = _flat_below_zero(state)
    followers = state.follows.follower[suspects[np.isin(state.follows.follower[suspects], touched)]]
    if state.claims:
        known = np.fromiter(state.claims, dtype=np.int64, count=len(state.claims))
        if not state.ledger.insurance:  # nobody is paid now: only who was touched can have changed
            known = known[np.isin(known, touched)]
        followers = np.concatenate([followers, known])
    told = []
    for follower, short in _shortfalls(state, followers) if followers.size else ():
        if short > state.claims.get(follower, 0):
            told.append(follower)
        if short:
            state.claims[follower] = short
        else:
            state.claims.pop(follower, None)
    return told


def _flat_below_zero(state: State) -> Ints:
    """Rows with less than nothing and no position: hardly ever any, so each instrument narrows them down first."""
    below = state.ledger.money.rows < 0
    books = iter(state.ledger.lots.values())
    for book in books:
        below &= book.rows == 0
        if 16 * np.count_nonzero(below) <= below.size:  # whole columns are fastest until few are left
            break
    rows = np.flatnonzero(below)
    for book in books:
        rows = rows[book.rows[rows] == 0]
    return rows


def _shortfalls(state: State, followers: Ints) -> list[tuple[int, int]]:
    """What each follower lacks, in the order of their first rows; nothing while any of its rows has something open."""
    ledger = state.ledger
    rows = np.flatnonzero(np.isin(state.follows.follower, followers))
    ids, first, group = np.unique(state.follows.follower[rows], return_index=True, return_inverse=True)
    money = totals_within(ledger.money.rows[rows], group, ids.size)
    columns = [book.rows for book in ledger.lots.values()]
    open_ = np.zeros(ids.size, dtype=bool)
    for column in (*columns, *ledger.opening.values(), *ledger.leaving.values()):
        open_[group[column[rows] != 0]] = True
    short = np.where(open_, 0, np.maximum(-money, 0))
    order = np.argsort(first)
    return list(zip(ids[order].tolist(), short[order].tolist(), strict=True))


def _pay(state: State, paid: dict[int, int], told: list[int]) -> list[Fact]:
    """Post the payments to the rows that are below zero, and say what was paid and what is still claimed."""
    whom = np.array(list({**dict.fromkeys(told), **paid}), dtype=np.int64)
    below = (state.ledger.money.rows < 0) & np.isin(state.follows.follower, whom)
    rows = np.flatnonzero(below)
    followers, group = np.unique(state.follows.follower[rows], return_inverse=True)
    names = followers.tolist()
    claimed = np.array([state.claims[name] for name in names], dtype=np.int64)
    pay = np.array([paid.get(name, 0) for name in names], dtype=np.int64)
    amounts = apportion_within(pay, -state.ledger.money.rows[rows], group)
    state.ledger.post_claims(rows, amounts)
    unpaid = apportion_within(claimed - pay, -state.ledger.money.rows[rows], group)
    for name, left in zip(names, (claimed - pay).tolist(), strict=True):
        state.claims[name] = left
        if not left:
            del state.claims[name]
    return [InsurancePaid(rows, amounts, unpaid)]
