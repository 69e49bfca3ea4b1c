"""Half of Kelly's stake, at most 2% of a follow's allocation, on what is lost if the lead's stop is hit.

Kelly, "A new interpretation of information rate" (1956): a bet that wins `b` times its stake with probability `p` is
worth staking the fraction p - (1 - p)/b. Half of it gives up a quarter of the growth and half of the swings.
"""

from __future__ import annotations

import numpy as np

from pilotfish.copying.extension import SizingCase
from pilotfish.copying.sizing import sublots_of
from pilotfish.domain.arith import Ints, muldiv_floor

BPS = 10_000
WINS_BPS = 4_200  # of the lead's trades; replace both by your own estimate
PAYS_E2 = 150  # a win, in hundredths of a loss
STAKE_BPS_MAX = 200


def stake_bps(wins_bps: int, pays_e2: int) -> int:
    """Half of Kelly's fraction in bps, rounded down, between nothing and the cap."""
    kelly = wins_bps - -(-(BPS - wins_bps) * 100 // pays_e2)
    return min(max(kelly // 2, 0), STAKE_BPS_MAX)


def half_kelly(case: SizingCase) -> Ints:
    """Sub-lots of the whole order. It counts once, however many fills it takes; without a stop nothing is staked."""
    at_risk = abs(case.price - case.stop)
    if not (case.lots and case.stop and at_risk):
        return np.zeros_like(case.follows.allocation)
    stake = muldiv_floor(np.maximum(case.follows.allocation, 0), stake_bps(WINS_BPS, PAYS_E2), BPS)
    return sublots_of(stake, case.target, at_risk)
