"""NAV per share of every lead's followers and of all, in exact integers: what an anchor proves and a vault would show.

The ledger keeps money, not shares, so shares are reckoned here as a fund does: money that comes in buys them at the NAV
of that moment, money that leaves gives them back, and neither moves the NAV per share. It begins at one. NAV is what is
there after every fee, those not charged yet included; what the insurance pool pays belongs to it.
"""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, ints, total_of
from pilotfish.domain.events import BookTop, Event, Mark
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.views.attribution import AttributionView
from pilotfish.views.equity import position_value
from pilotfish.views.nav import accrued_by_follow

WAD = 10**18
SHARES_PER_UNIT = 10**12  # fine enough that what is rounded off is no money
ALL = -1


class NavFigures:
    """An observer of a shard from its first event on. `attribution` observes the same shard, and is told first."""

    def __init__(self, attribution: AttributionView) -> None:
        self._attribution = attribution
        self._given: Ints = np.zeros(0, dtype=np.int64)  # by follow: deposits less withdrawals so far
        self._shares: dict[int, int] = {}  # by lead, and ALL

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        if type(event) in (BookTop, Mark) and not outcome.facts:
            return
        given = -self._attribution.columns["flows"]
        if np.array_equal(given, self._given):
            return
        change = given.copy()
        change[: self._given.size] -= self._given
        self._given = given
        after = _by_lead(state, _nav(state))
        for who, flow in _by_lead(state, change).items():
            if flow:
                self._shares[who] = shares_after(self._shares.get(who, 0), after[who] - flow, flow)

    def values(self, state: State) -> dict[int, int]:
        """NAV per share (1e18) by lead, and ALL; without those who have no shares. Rounded down."""
        worth = _by_lead(state, _nav(state))
        return {
            who: worth[who] * SHARES_PER_UNIT * WAD // shares for who, shares in sorted(self._shares.items()) if shares
        }


def shares_after(shares: int, nav: int, flow: int) -> int:
    """The shares once `flow` (money units, signed) has moved at a NAV of `nav`; in favour of those who stay.

    Where nothing is left to buy a part of, or nothing ever was, money that comes in begins anew at one.
    """
    if shares == 0 or nav <= 0:
        return shares if flow < 0 else max(nav + flow, 0) * SHARES_PER_UNIT
    if flow > 0:
        return shares + flow * shares // nav
    return max(shares - -(flow * shares // nav), 0)


def _nav(state: State) -> Ints:
    worth = ints(state.ledger.money.rows + position_value(state))
    return worth - accrued_by_follow(state, worth)


def _by_lead(state: State, column: Ints) -> dict[int, int]:
    """Sums over the follows of each lead, and over ALL."""
    leads = {number: total_of(column[lead.rows]) for number, lead in enumerate(state.leads)}
    return {ALL: total_of(column), **leads}
