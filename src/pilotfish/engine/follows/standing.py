"""How each follow stands beside its mandate: columns that events and time move, one row a follow."""

from __future__ import annotations

from enum import IntEnum

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints


class Mode(IntEnum):
    ACTIVE = 0
    PAUSED = 1  # no opens; reductions are mirrored
    CLOSING = 2  # targets go to nothing, in stages where the mandate says so
    LEAVING = 3  # the same, and the money goes back when nothing is held
    LEFT = 4


def _column() -> Ints:
    return np.zeros(0, dtype=np.int64)


class Standing(msgspec.Struct):
    """Columns of int64 over all follows; money in base units."""

    mode: Ints = msgspec.field(default_factory=_column)  # Mode
    why: Ints = msgspec.field(default_factory=_column)  # Reason of the mode
    deposited: Ints = msgspec.field(default_factory=_column)  # what stops measure by; shrinks with a withdrawal's share
    peak: Ints = msgspec.field(default_factory=_column)  # highest equity seen, deposits and withdrawals moved with it
    cool_ns: Ints = msgspec.field(default_factory=_column)  # no opens before this
    stage_ns: Ints = msgspec.field(default_factory=_column)  # when the next stage of a close is due
    mark: Ints = msgspec.field(default_factory=_column)  # this row's share of its follower's high-water mark
    billed_ns: Ints = msgspec.field(default_factory=_column)  # subscription is accrued up to here …
    accrued: Ints = msgspec.field(default_factory=_column)  # … with this remainder, money·ns
    owed: Ints = msgspec.field(default_factory=_column)  # … and so much not paid yet
    crystallised_ns: Ints = msgspec.field(default_factory=_column)  # the last performance fee

    def grow(self, allocations: Ints, now_ns: int) -> None:
        """New rows, active, with what they deposited."""
        zero = np.zeros_like(allocations)
        now = np.full_like(zero, now_ns)
        start = {
            "deposited": allocations, "peak": allocations, "mark": allocations, "billed_ns": now,
            "crystallised_ns": now,
        }  # fmt: skip
        for name in self.__struct_fields__:
            setattr(self, name, np.concatenate([getattr(self, name), start.get(name, zero)]))
