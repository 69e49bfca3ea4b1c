"""The results of a batch's orders, told a few columns at a time."""

from __future__ import annotations

import msgspec
import numpy as np

from pilotfish.domain.events import BatchUpdate
from pilotfish.domain.orders import OrderSignal, PlaceBatch
from pilotfish.domain.reasons import Reason


class Result(msgspec.Struct, frozen=True):
    """Of order `index`: what traded, money units, and the venue's stamp."""

    index: int
    signal: OrderSignal
    lots: int = 0
    cost: int = 0
    fee: int = 0
    reason: Reason = Reason.NONE
    done_ns: int = 0


class Batch:
    """A PlaceBatch of orders that end at once. An order's final result counts once; LOST is told, and not final."""

    def __init__(self, command: PlaceBatch) -> None:
        self.command = command
        self._final: dict[int, Result] = {}
        self._absent: set[int] = set()
        self._untold: list[Result] = []

    def add(self, result: Result) -> None:
        if result.index in self._final:
            return
        if result.signal is not OrderSignal.LOST:
            self._final[result.index] = result
            self._absent.discard(result.index)
        self._untold.append(result)

    def never_had(self, index: int) -> None:
        """The venue surely never had this order."""
        if index not in self._final:
            self._absent.add(index)

    def again(self) -> None:
        """What was told is told once more."""
        self._untold = list(self._final.values())

    @property
    def absent(self) -> bool:
        """No order of the batch ever arrived."""
        return len(self._absent) == self.command.lots.size

    @property
    def over(self) -> bool:
        """Every order has its result, or never arrived."""
        return len(self._final) + len(self._absent) == self.command.lots.size

    @property
    def waits(self) -> bool:
        """Whether something is to be told."""
        return bool(self._untold)

    def update(self, now_ns: int) -> BatchUpdate:
        """All that was not told yet. An order's last word stands: the engine wants each index once."""
        rows, self._untold = {one.index: one for one in self._untold}, []
        fields = ("index", "signal", "lots", "cost", "fee", "reason", "done_ns")
        columns = [np.array([int(getattr(row, name)) for row in rows.values()], dtype=np.int64) for name in fields]
        index, signal, lots, cost, fee, reason, done_ns = columns
        latest = int(done_ns.max(initial=0)) or now_ns
        return BatchUpdate(latest, now_ns, self.command.coid, index, signal, lots, cost, fee, reason, done_ns)
