"""What the venue remembers of every order it accepted: its books of record, for re-answers, queries and auditors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import BatchUpdate
from pilotfish.domain.orders import OrderSignal, Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason

PENDING = -1  # an order of a batch that has not been matched yet


class Executed(NamedTuple):
    """What one order did in all: lots filled, money that changed hands, fee."""

    lots: int
    cost: int
    fee: int


class OrderRecord:
    """One order. `open` lots may still trade; `lots` is the whole size, of which reduce-only may have cut a part."""

    __slots__ = (
        "account", "coid", "cost", "fee", "filled", "instrument", "lots", "muted", "open", "order_id", "price", "quiet",
        "reason", "reduce_only", "side", "signal", "tif",
    )  # fmt: skip

    def __init__(self, place: Place, account: int | None = None, quiet: bool = False) -> None:
        self.coid, self.instrument, self.side = place.coid, place.instrument, place.side
        self.account = place.account if account is None else account
        self.lots, self.price, self.tif, self.reduce_only = place.lots, place.price, Tif(place.tif), place.reduce_only
        self.order_id = self.open = self.filled = self.cost = self.fee = 0
        self.signal, self.reason = OrderSignal.ACK, Reason.NONE
        self.muted = False  # a lost acknowledgement: nothing is said until somebody asks
        self.quiet = quiet  # no event of its own: part of a batch, or a liquidation

    @property
    def left(self) -> int:
        return self.lots - self.filled

    @property
    def done(self) -> bool:
        return self.signal is not OrderSignal.ACK

    @property
    def executed(self) -> Executed:
        return Executed(self.filled, self.cost, self.fee)


class BatchRecord:
    """A PlaceBatch of IOC orders and its results, as columns over the index into the batch."""

    def __init__(self, command: PlaceBatch) -> None:
        n = command.lots.size
        self.command = command
        self.signal = np.full(n, PENDING, dtype=np.int64)
        self.lots, self.cost, self.fee, self.reason, self.done_ns = (np.zeros(n, dtype=np.int64) for _ in range(5))
        self.told: list[BatchUpdate] = []

    @property
    def done(self) -> bool:
        return bool((self.signal != PENDING).all())

    def update(self, part: Ints, ns: int) -> BatchUpdate:
        """The results of the orders in `part`, as the venue says them."""
        return BatchUpdate(
            ns, ns, self.command.coid, part, self.signal[part], self.lots[part], self.cost[part], self.fee[part],
            self.reason[part], self.done_ns[part],
        )  # fmt: skip
