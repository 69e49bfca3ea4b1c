"""The simulated venue, in this process."""

from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import CancelAll, Place
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Delay, Latency
from pilotfish.venues.sim.limits import RateLimit
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.venues.twins.faults import Fault
from tests.conformance.venues.rig import LEVELS, MS, SECOND, Shelf
from tests.conformance.venues.virtual import START, InVirtualTime

STRANGER, LEAD = 1 << 40, 1 << 41
BUCKET = 50
_KINDS = {Fault.LOST_ANSWER: "lost_ack", Fault.DOUBLE: "duplicate", Fault.REORDER: "reorder"}
BTC = Instrument(
    0, "BTC", "sim", Kind.PERP, 5, 1, min_notional=10_000_000, tick=10, max_leverage=10, taker_fee_e6=450,
    maker_fee_e6=-30,
)  # fmt: skip


class Planned(Faults):
    """Faults that a test asks for, on top of rates."""

    def __init__(self) -> None:
        super().__init__(1)
        self.planned: Counter[str] = Counter()
        self.chances: dict[str, float] = {}
        self.hits: Counter[str] = Counter()
        self._in_transit = True

    def _hit(self, kind: str) -> bool:
        rate, hit = self.chances.get(kind, 0.0), self.planned[kind] > 0
        self.planned[kind] -= hit
        hit = hit or (rate > 0 and self._chance[kind].random() < rate)
        self.hits[kind] += hit
        return hit


class SimRig(InVirtualTime):
    name = "sim"
    lacks: ClassVar = {
        "keys": "orders are handed over in this process: nobody signs, and no key can be unknown",
        "clock": "there is one clock, virtual time",
        "trust": "its data are true by construction, and no verdict is told",
        "bytes": "events are handed over as they are: there is no frame that could be garbage",
    }
    instrument, mid, step, size = BTC, 664_000, 10, 1_000

    def __init__(self, separate: int = 0) -> None:
        super().__init__()
        self.faults, self.shelf = Planned(), Shelf(self.mid)
        delay = Delay(5 * MS, 20 * MS)
        even = Delay(10 * MS, 10 * MS)  # commands keep their order, as on one connection
        latency = Latency(3, order=even, answer=delay, market=delay)
        config = SimConfig(START, 100 * MS, rate_limit=RateLimit(BUCKET, BUCKET))
        self.venue = SimVenue([BTC], {0: self.shelf}, latency, self.faults, {LEAD: 0, STRANGER: 1}, config)
        self.separate = tuple(range(separate))
        for account in (*self.separate, OMNIBUS, STRANGER, LEAD):
            self.venue.open_account(account, 100_000 * 10**6)
        self._others = 0
        self.heard.connections.append(True)
        self.lay(10 * self.size)
        self.until(lambda: 0 in self.heard.tops)

    def lay(self, lots: int, levels: int = LEVELS) -> None:
        self.shelf.wanted = self.ladder(lots, levels)
        self.venue.publish_top(0, self.now)
        self._hear(self.now)

    def stranger(self, side: int, lots: int, steps: int) -> None:
        self._other(STRANGER, side, lots, self.price(steps))

    def _other(self, account: int, side: int, lots: int, price: int) -> None:
        self._others += 1
        self.venue.submit_for(account, Place(self._others, account, 0, side, lots, price), self.now)
        self._hear(self.now)

    def lead_trades(self, lots: int) -> None:
        self._other(LEAD, 1, lots, self.price(LEVELS))

    def fault(self, fault: Fault, times: int = 1) -> None:
        if fault is Fault.LOST_REQUEST:
            self.venue.disconnect(self.now, SECOND)
        elif fault is Fault.RATE_LIMIT:
            while self.venue._desk._buckets.takes(OMNIBUS, 1, self.now):
                pass
        else:
            self.faults.planned[_KINDS[fault]] += times
        self._hear(self.now)

    def injected(self, fault: Fault) -> int:
        """An outage and an empty bucket are what they are."""
        return self.faults.hits[_KINDS[fault]] if fault in _KINDS else 1

    def always(self, **rates: float) -> None:
        self.faults.chances = {_KINDS[Fault(name)]: rate for name, rate in rates.items()}

    def gap(self, during: Callable[[], object] = lambda: None) -> None:
        self.venue.disconnect(self.now, 5 * SECOND)
        self._hear(self.now)
        during()
        self.until(lambda: self.heard.up, "the connection after a gap")

    def restart(self) -> None:
        self.venue.hang_up()

    def stop(self) -> None:
        """A world ends it as it began: by commands."""
        self.submit(CancelAll(OMNIBUS))
        self.quiet()

    def executed(self) -> dict[int, int]:
        return {coid: done.lots for coid, done in self.venue.orders_executed.items()}

    def position(self, account: int) -> int:
        return self.venue.position(account, 0)

    def resting(self) -> set[int]:
        live = self.venue.exchange.markets[0].live.values()
        return {record.coid for record in live if self.venue.exchange.is_ours(record.account)}

    def doubled(self) -> int:
        return 0  # one record for each id: `taken` says of which

    def taken(self, coid: int) -> int:
        return int(coid in self.venue.orders_executed)
