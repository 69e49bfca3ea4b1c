"""What a month costs each follow, and who owes more than that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.terms import FeeTerms
from pilotfish.engine.state import State
from pilotfish.ledger.fees import discounted_floor


def prices_of(state: State, terms: FeeTerms) -> Ints:
    """What a month costs each follow."""
    prices = np.full(state.ledger.follows, terms.subscription, dtype=np.int64)
    return discounted_floor(prices, terms.coupon_bps, state.follows.coupon > 0)


def in_arrears(state: State) -> NDArray[np.bool_]:
    """Follows that owe more than a month: nothing is opened for them until they have paid."""
    if state.fee_terms is None:
        return np.zeros(state.ledger.follows, dtype=bool)
    prices = prices_of(state, state.fee_terms)
    return (prices > 0) & (state.standing.owed > prices)
