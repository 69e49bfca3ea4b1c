"""Whom a fee is taken from and to whom it goes: the rows of whole followers, what each can pay, and the postings."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, ints, muldiv_floor, total_of
from pilotfish.domain.terms import FeeTerms
from pilotfish.engine.facts import Fact, FeeCharged
from pilotfish.engine.orders.leg import refresh
from pilotfish.engine.state import State
from pilotfish.ledger.book import Account, lead_account
from pilotfish.ledger.fees import BPS, apportion_within, discounted_floor, totals_within


class Accounts(msgspec.Struct, frozen=True):
    """Whole followers: columns over their `rows`, and columns over the followers (`group[i]` is the one of row i).

    `free` is what each row can pay: a follower's shortage with one lead is not made worse by fees with another.
    """

    rows: Ints
    group: Ints
    equity: Ints
    free: Ints
    priced: NDArray[np.bool_]  # per follower: everything it holds has a price
    marks: Ints  # per follower
    equities: Ints  # per follower, nothing where it is not priced

    @property
    def gains(self) -> Ints:
        """Above the mark, per follower; nothing where something held has no price."""
        return ints(np.maximum(self.equities - self.marks, 0) * self.priced)

    def weights(self, marks: Ints) -> Ints:
        """What each row gained above its own share of the mark."""
        return ints(np.maximum(self.equity - marks[self.rows], 0))


def accounts_of(state: State, rows: Ints, leaving: Ints | None = None) -> Accounts:
    """The followers of `rows`, with all their rows. `leaving` is money of each follow that is about to be withdrawn."""
    rows = np.flatnonzero(np.isin(state.follows.follower, state.follows.follower[rows]))
    followers, group = np.unique(state.follows.follower[rows], return_inverse=True)
    n = followers.size
    exposures, ledger = refresh(state), state.ledger
    equity = ledger.money.rows[rows] + exposures.value[rows]
    free = equity - exposures.margin[rows] - ledger.reserved_money[rows]
    if leaving is not None:
        free = free - leaving[rows]
    most = np.maximum(totals_within(free, group, n), 0)
    priced = np.ones(n, dtype=bool)
    for key, listing in enumerate(state.listings):
        if listing.valued <= 0:
            priced[group[ledger.lots[key].rows[rows] != 0]] = False
    return Accounts(
        rows, group, equity, apportion_within(most, np.maximum(free, 0), group), priced,
        totals_within(state.standing.mark[rows], group, n), np.where(priced, totals_within(equity, group, n), 0),
    )  # fmt: skip


def due_of(state: State, terms: FeeTerms, accounts: Accounts, fees: Ints) -> Ints:
    """Each row's share of its follower's fee, in proportion to its own gain, less the coupon."""
    shares = apportion_within(fees, accounts.weights(state.standing.mark), accounts.group)
    return discounted_floor(shares, terms.coupon_bps, state.follows.coupon[accounts.rows] > 0)


def collect(state: State, terms: FeeTerms, accounts: Accounts, fees: Ints) -> tuple[list[Fact], Ints, Ints]:
    """Take `fees` (per follower) as far as there is free money: each row its own share first, others for what it lacks.

    Returns facts, and per follower what was paid and what was due.
    """
    group, n = accounts.group, fees.size
    shares = due_of(state, terms, accounts, fees)
    due = totals_within(shares, group, n)
    paid = np.minimum(due, totals_within(accounts.free, group, n))
    own = np.minimum(shares, accounts.free)
    taken = own + apportion_within(paid - totals_within(own, group, n), accounts.free - own, group)
    earned = apportion_within(paid, shares, group)
    kept = earned - muldiv_floor(earned, terms.insurance_bps, BPS)
    leads = state.follows.lead[accounts.rows]
    to_leads = {lead_account(lead): total_of(kept[leads == lead]) for lead in np.unique(leads[earned > 0]).tolist()}
    return charge(state, "performance", accounts.rows, taken, to_leads), paid, due


def charge(state: State, kind: str, rows: Ints, amounts: Ints, earned: dict[str, int]) -> list[Fact]:
    """Post a fee: `earned` to those who earn it, what is left of the amounts to the insurance pool."""
    payers = np.flatnonzero(amounts)
    if not payers.size:
        return []
    rows, amounts = rows[payers], amounts[payers]
    insured = total_of(amounts) - sum(earned.values())
    state.ledger.post_fees(rows, amounts, {**earned, Account.INSURANCE: insured})
    return [FeeCharged(kind, rows, amounts, insured)]
