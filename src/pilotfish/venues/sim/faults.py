"""What can go wrong on the way and at the venue, from a seed; all of it off unless a rate says otherwise.

Left out: a reorg (a fill withdrawn and told again). The vocabulary has no word for a withdrawn fill.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints
from pilotfish.domain.errors import ConfigError
from pilotfish.venues.sim.chance import named

HOUR_NS = 3_600_000_000_000
ONCE = (0,)


class FaultRates(msgspec.Struct, frozen=True):
    """Probabilities in 0..1 a message or an order, outages an hour, and durations in ns.

    `drop` touches market data and the lead feed only: private messages are lost by `lost_ack` (an order of which
    nothing is said until a Query or a reconnect) and by disconnects. `lost_then_filled` says LOST of an order that then
    fills. `partial` stops the matching of an IOC order short, anywhere between nothing and all of it.
    """

    duplicate: float = 0.0
    drop: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0
    partial: float = 0.0
    lost_ack: float = 0.0
    lost_then_filled: float = 0.0
    disconnects_per_hour: float = 0.0
    stale_books_per_hour: float = 0.0
    stale_marks_per_hour: float = 0.0
    delay_ns: int = 2_000_000_000  # a delayed message is late by up to this …
    reorder_ns: int = 50_000_000  # … and a reordered one by up to this, so that others overtake it
    outage_ns: int = 5_000_000_000  # mean length of a disconnect or a freeze


class Faults:
    """Draws the faults. Every kind has its own generator, so switching one on moves no other."""

    def __init__(self, seed: int, rates: FaultRates | None = None) -> None:
        self.rates = rates or FaultRates()
        for name in ("duplicate", "drop", "delay", "reorder", "partial", "lost_ack", "lost_then_filled"):
            if not 0.0 <= getattr(self.rates, name) <= 1.0:
                raise ConfigError(f"fault rate {name}", f"{getattr(self.rates, name)} is not in 0..1", "mend it")
        if min(getattr(self.rates, name) for name in self.rates.__struct_fields__) < 0:
            raise ConfigError("a fault rate or duration", "is negative", "use 0 to switch it off")
        kinds = (*self.rates.__struct_fields__, "lateness", "shortfall")
        self._chance = {name: named(seed, "fault", name) for name in kinds}
        self._in_transit = any((self.rates.duplicate, self.rates.drop, self.rates.delay, self.rates.reorder))

    def copies(self, droppable: bool) -> tuple[int, ...]:
        """The extra delay of each copy of a message that arrives, ns: nothing when it is dropped, two when doubled."""
        if not self._in_transit:
            return ONCE
        lost, late, swapped, twice = (self._hit(kind) for kind in ("drop", "delay", "reorder", "duplicate"))
        if lost and droppable:
            return ()
        extra = self._up_to(self.rates.delay_ns) if late else self._up_to(self.rates.reorder_ns) if swapped else 0
        return (extra, extra + self._up_to(self.rates.reorder_ns)) if twice else (extra,)

    def lost_ack(self) -> bool:
        return self._hit("lost_ack")

    def lost_then_filled(self) -> bool:
        return self._hit("lost_then_filled")

    def lost_of(self, n: int) -> NDArray[np.bool_]:
        """Which of n orders of a batch are said to be LOST."""
        rate = self.rates.lost_then_filled
        return self._chance["lost_then_filled"].random(n) < rate if rate else np.zeros(n, dtype=np.bool_)

    def short(self, lots: Ints) -> Ints:
        """How many lots of each IOC order the matching gets to: all, or anything less."""
        if not self.rates.partial:
            return lots
        hit = self._chance["partial"].random(lots.size) < self.rates.partial
        part = np.floor(lots * self._chance["shortfall"].random(lots.size)).astype(np.int64)
        return np.where(hit, np.minimum(part, lots), lots)

    def outages(self, kind: str, start_ns: int) -> Iterator[tuple[int, int]]:
        """(start, end) of each outage of a kind (`disconnects`, `stale_books`, `stale_marks`), without end."""
        name = f"{kind}_per_hour"
        rate, chance = getattr(self.rates, name), self._chance[name]
        ns = start_ns
        while rate > 0:
            ns += 1 + round(chance.exponential(HOUR_NS / rate))
            end = ns + 1 + round(chance.exponential(self.rates.outage_ns))
            yield ns, end
            ns = end

    def _hit(self, kind: str) -> bool:
        rate: float = getattr(self.rates, kind)
        return rate > 0 and self._chance[kind].random() < rate

    def _up_to(self, ns: int) -> int:
        return 1 + int(self._chance["lateness"].integers(ns)) if ns else 1
