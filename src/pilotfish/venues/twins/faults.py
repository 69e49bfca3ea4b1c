"""What a twin and the way to it can be told to do wrong, from a seed; all of it off unless a rate says so."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec
import numpy as np

from pilotfish.domain.errors import ConfigError

SECOND = 1_000_000_000


class Fault(StrEnum):
    """On the way (the driver's) until `GARBAGE`; of the venue (the twin's) from `PARTIAL_BATCH` on."""

    DISCONNECT = "disconnect"  # the stream ends; new ones are refused for a while
    SILENT = "silent"  # the stream stays open, and what the venue says comes late, all at once
    HALF_OPEN = "half_open"  # the stream stays open, and what either side says vanishes, until it is given up
    DROP = "drop"  # one frame from the venue is lost
    DOUBLE = "double"  # one frame comes twice
    REORDER = "reorder"  # one frame is overtaken by later ones
    LOST_REQUEST = "lost_request"  # a request or an order vanishes on its way: timeout
    LOST_ANSWER = "lost_answer"  # it was executed, and the answer vanishes: timeout with unknown outcome
    GARBAGE = "garbage"  # a frame of broken bytes
    PARTIAL_BATCH = "partial_batch"  # some orders of a batch are refused, the others not; an order fills in part
    RATE_LIMIT = "rate_limit"  # 429, or the venue's words for it
    AUTH = "auth"  # the venue does not know our key, for a while
    BALANCE = "balance"  # an order is refused for want of money
    ERROR_500 = "error_500"  # the venue fails; whether it did what was asked is not said
    SETTLEMENT = "settlement"  # a match that fails later on chain
    SKEW = "skew"  # the venue's clock is off
    FROZEN = "frozen"  # pings are answered, books stand still
    CROSSED = "crossed"  # a crossed book is told
    HEARTBEAT = "heartbeat"  # the venue takes our heartbeat as missed, and cancels


ON_THE_WAY = tuple(list(Fault)[: list(Fault).index(Fault.PARTIAL_BATCH)])


class TwinFaults:
    """Draws faults, one generator each, and counts what was injected. `rates`: probability at each opportunity.

    An opportunity is what the fault is about: a frame, a request, an order, or a second of time for those that last.
    """

    def __init__(self, seed: int = 0, rates: dict[Fault, float] | None = None, lasting_ns: int = 5 * SECOND) -> None:
        self.rates = dict(rates or {})
        for fault, rate in self.rates.items():
            if not 0.0 <= rate <= 1.0:
                raise ConfigError(f"rate {rate} of fault {fault}", "is not in 0..1", "mend it")
        self.lasting_ns = lasting_ns  # how long an outage, a silence or a skew lasts
        self.injected: Counter[Fault] = Counter()
        self._planned: Counter[Fault] = Counter()
        self._chance = {fault: np.random.default_rng([seed, number]) for number, fault in enumerate(Fault)}

    def plan(self, fault: Fault, times: int = 1) -> None:
        """The next `times` opportunities of this fault are taken for certain."""
        self._planned[fault] += times

    def hit(self, fault: Fault) -> bool:
        """Whether it happens now; counted when it does."""
        if self._planned[fault] > 0:
            self._planned[fault] -= 1
        elif not (rate := self.rates.get(fault, 0.0)) or self._chance[fault].random() >= rate:
            return False
        self.injected[fault] += 1
        return True

    def draw(self, fault: Fault, below: int) -> int:
        """A number in 0..below-1, to say how or where it happens."""
        return int(self._chance[fault].integers(below)) if below > 0 else 0


class TwinSettings(msgspec.Struct, frozen=True):
    """How a twin's clock and market run. `skew_ns`: the venue's clock less true time."""

    skew_ns: int = 0
    seed: int = 1
