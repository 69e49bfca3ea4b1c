"""Orders of ours that rest where a lead's order does, and how far the two are apart."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.orders import OrderState, Place, PlaceBatch

LONG_AGO = -(2**62)


class Mirror(msgspec.Struct):
    """One block for all follows, or one order for each. `lots`, `states`, `expected` and `cancel_ns` have an element
    for every order at the venue, `index` and `quotas` one for every follow.
    """

    command: Place | PlaceBatch
    lead: int
    order: int  # the lead's
    index: Ints  # rows of the follows
    quotas: Ints  # sub-lots still to come; below zero by what an odd lot was ahead
    lots: Ints  # still to come …
    states: Ints
    expected: Ints  # … of which fills are under way, once the venue has said how the order ended; -1 before
    cancel_ns: Ints  # when we last asked for its end
    reference: int
    decision: int
    sent_ns: int
    fill_ids: dict[int, list[int]] = {}  # by order

    @property
    def coid(self) -> int:
        return self.command.coid

    @property
    def single(self) -> bool:
        return isinstance(self.command, Place)

    @property
    def alive(self) -> NDArray[np.bool_]:
        return self.states < int(OrderState.FILLED)

    def part(self, order: int) -> Ints:
        """Which of the follows an order is for: positions in `index`."""
        return np.arange(self.index.size) if self.single else np.array([order], dtype=np.int64)
