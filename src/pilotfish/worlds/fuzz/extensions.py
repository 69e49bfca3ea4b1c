"""What other packages might bring to a fuzzed world: sizing modes good and bad, and a check that objects at times."""

from __future__ import annotations

import numpy as np

from pilotfish.copying.extension import SizingCase, register_sizer
from pilotfish.copying.sizing import sublots_of
from pilotfish.domain.arith import Ints, muldiv_floor
from pilotfish.gate.extension import OrderCase, register_check

STEADY, MOODY, EVEN_SECONDS = "fuzz steady", "fuzz moody", "fuzz even seconds"
SECOND_NS = 1_000_000_000


def steady(case: SizingCase) -> Ints:
    """A twentieth of the allocation for each order, once the lead has shown two lots of it."""
    money = muldiv_floor(case.follows.allocation, 1 if case.lots > 1 else 0, 20)
    return sublots_of(money, case.target, case.price)


def moody(case: SizingCase) -> Ints:
    """The same, but it fails in each of the ways a package can, by what it is asked."""
    if case.lots % 7 == 3:
        raise ZeroDivisionError("planted")
    if case.lots % 7 == 5:
        return np.zeros(case.follows.allocation.size + 1, dtype=np.int64)
    return steady(case)


def even_seconds(case: OrderCase) -> str:
    """No opens in every other second, for no good reason."""
    return "it is an odd second" if case.time_ns // SECOND_NS % 2 else ""


def register() -> None:
    register_sizer(STEADY, steady)
    register_sizer(MOODY, moody)
    register_check(EVEN_SECONDS, even_seconds)
