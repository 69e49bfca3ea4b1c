"""A small world around the simulated venue, for its tests."""

from collections.abc import Sequence

from pilotfish.domain.events import Event
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Command, Place, Tif
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.latency import Latency
from pilotfish.venues.sim.matching import OrderBook
from pilotfish.venues.sim.venue import SimVenue

MS = 1_000_000
RICH = 10**15
PERP = Instrument(
    0, "BTC", "sim", Kind.PERP, 5, 1, max_leverage=10, maintenance_bps=300, taker_fee_e6=450, maker_fee_e6=-30
)
SPOT = Instrument(
    1, "SOL", "sim", Kind.SPOT, 5, 4, taker_fee_e6=700
)  # 1000 lot·price are one unit of money: costs round
TOKEN = Instrument(2, "YES", "sim", Kind.OUTCOME, 2, 6, taker_fee_e6=0)


class Ladder:
    """A source that puts the same levels back at every step, around a price that a test may move."""

    def __init__(self, price: int, lots: int = 10, levels: int = 5, step: int = 1) -> None:
        self.price, self.lots, self.levels, self.step, self.mark_price = price, lots, levels, step, price

    def advance(self, book: OrderBook, until_ns: int) -> None:
        offsets = [self.step * k for k in range(1, self.levels + 1)]
        book.replace_anonymous(
            [(self.price - k, self.lots) for k in offsets], [(self.price + k, self.lots) for k in offsets]
        )

    def mark(self, instrument_id: int, ns: int) -> int:
        return self.mark_price


class Still:
    """A source that lays one book at the first step and never touches it again."""

    def __init__(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], mark: int) -> None:
        self.levels, self.mark_price, self.laid = (bids, asks), mark, False

    def advance(self, book: OrderBook, until_ns: int) -> None:
        if not self.laid:
            self.laid = True
            book.replace_anonymous(*self.levels)

    def mark(self, instrument_id: int, ns: int) -> int:
        return self.mark_price


def venue(*sources: object, latency: Latency | None = None, faults: Faults | None = None, **more: object) -> SimVenue:
    """A venue of PERP, SPOT, TOKEN (as many as there are sources) with a rich OMNIBUS and no delay by default."""
    instruments = (PERP, SPOT, TOKEN)[: len(sources)]
    leads = more.pop("leads", None)
    made = SimVenue(
        instruments, dict(enumerate(sources)), latency or Latency.none(), faults or Faults(0), leads, SimConfig(**more)
    )
    made.open_account(OMNIBUS, RICH)
    return made


def send(to: SimVenue, *commands: Command, now: int = 0, until: int | None = None) -> list[Event]:
    """Submit, and hand back everything that arrives until then."""
    before = list(to.events(now))
    to.submit([Approved(command, _KEY) for command in commands], now)
    return before + list(to.events(now if until is None else until))


def order(coid: int, side: int, lots: int, price: int, tif: Tif = Tif.IOC, **more: object) -> Place:
    return Place(coid, more.pop("account", OMNIBUS), more.pop("instrument", 0), side, lots, price, tif, **more)


def of(kind: type, events: Sequence[Event]) -> list:
    return [event for event in events if isinstance(event, kind)]
