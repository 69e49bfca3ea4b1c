"""What a session without accounts says to commands: it has nobody to trade for."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.events import BatchUpdate, Event, OrderUpdate
from pilotfish.domain.orders import Amend, Cancel, Command, OrderSignal, Place, PlaceBatch
from pilotfish.domain.reasons import Reason


def refusals(command: Command, now_ns: int) -> list[Event]:
    """An order is refused; what is to be cancelled or amended was never here; CancelAll finds nothing."""
    if isinstance(command, Place):
        return [OrderUpdate(now_ns, now_ns, command.coid, OrderSignal.REJECT, Reason.AUTHENTICATION, command.lots)]
    if isinstance(command, Cancel | Amend):
        return [OrderUpdate(now_ns, now_ns, command.coid, OrderSignal.ABSENT)]
    if not isinstance(command, PlaceBatch):
        return []
    count = command.lots.size
    zero = np.zeros(count, dtype=np.int64)
    return [
        BatchUpdate(
            now_ns, now_ns, command.coid, np.arange(count, dtype=np.int64), zero + int(OrderSignal.REJECT), zero, zero,
            zero, zero + int(Reason.AUTHENTICATION), zero + now_ns,
        )
    ]  # fmt: skip
