"""Net asset value over time: what all follows of a shard are worth after every fee, those not charged yet included."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints, ints, total_of
from pilotfish.domain.events import Event
from pilotfish.engine.facts import Copied, FeeCharged, InsurancePaid
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.ledger.book import Account
from pilotfish.ledger.fees import apportion_within, discounted_floor, performance_fees_floor, totals_within
from pilotfish.views.equity import position_value
from pilotfish.views.report.schema_terms import NavDay
from pilotfish.views.terms import money


class NavView:
    """An observer that adds up what was charged, and samples when asked. `traded`: (lead, instrument) pairs."""

    def __init__(self) -> None:
        self.days: list[NavDay] = []
        self.traded: set[tuple[int, int]] = set()
        self._charged = {"subscription": 0, "performance": 0}
        self._insured = 0

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        for fact in outcome.facts:
            match fact:
                case FeeCharged():
                    self._charged[fact.kind] += total_of(fact.amounts)
                case InsurancePaid():
                    self._insured += total_of(fact.amounts)
                case Copied():
                    if fact.lots.any():
                        self.traded.add((fact.lead, fact.instrument))
                case _:
                    pass

    def sample(self, state: State, ns: int) -> None:
        """One more point; a point of the same moment is replaced."""
        if self.days and self.days[-1].at_ms == ns // 1_000_000:
            self.days.pop()
        worth = ints(state.ledger.money.rows + position_value(state))
        equity, accrued = total_of(worth), total_of(accrued_by_follow(state, worth))
        self.days.append(
            NavDay(
                at_ms=ns // 1_000_000,
                nav=money(equity - accrued),
                equity=money(equity),
                accrued=money(accrued),
                deposited=money(-state.ledger.money.system[Account.EXTERNAL]),
                subscription=money(self._charged["subscription"]),
                performance=money(self._charged["performance"]),
                venue_fee=money(state.ledger.money.system[Account.FEES]),
                funding=money(-state.ledger.money.system[Account.FUNDING]),
                insurance=money(self._insured),
            )
        )


def accrued_by_follow(state: State, worth: Ints) -> Ints:
    """The performance fee that would be due if everybody's period ended now, and subscriptions owed: a column."""
    terms = state.fee_terms
    if terms is None or not worth.size:
        return np.zeros_like(worth)
    marks = state.standing.mark
    followers, group = np.unique(state.follows.follower, return_inverse=True)
    own = totals_within(marks, group, followers.size)
    gains = ints(np.maximum(totals_within(worth, group, followers.size) - own, 0))
    fees = performance_fees_floor(gains, own, terms.steps)
    shares = apportion_within(fees, ints(np.maximum(worth - marks, 0)), group)
    due = discounted_floor(shares, terms.coupon_bps, state.follows.coupon > 0)
    return due + state.standing.owed
