"""Hyperliquid and Polymarket by the driver, over loopback sockets to a served twin: the way a live run takes."""

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved
from pilotfish.venues.net.driver import Driver
from pilotfish.venues.session import SECOND, Session, Unfinished
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.polymarket.settle import SettlementTimes
from pilotfish.venues.twins.port import Push
from pilotfish.venues.twins.server import TwinServer
from tests.conformance.venues import hyperliquid, polymarket
from tests.conformance.venues.exchanges import OnLoop
from tests.conformance.venues.hyperliquid import STRANGER, Hyperliquid
from tests.conformance.venues.polymarket import Polymarket
from tests.conformance.venues.rig import LEVELS

SOON_NS = SECOND // 4  # real time: what takes seconds elsewhere


class OnSockets(OnLoop):
    """Subclasses found the twin, and make sessions."""

    def __init__(self, separate: int = 0, skew_ns: int = 0) -> None:
        super().__init__()
        self.separate = tuple(range(separate))
        self.faults = TwinFaults(1, lasting_ns=SECOND // 5)
        self.found(separate, skew_ns, self.faults, self.now)
        self.shelf.wanted = self.ladder(10 * self.size, LEVELS)
        self.server = TwinServer(self.twin, self.faults, asks=self.asks)
        self.run(self.server.__aenter__())
        self.begin()

    twin: Any
    shelf: Any
    ring: Any
    asks: ClassVar[Callable[[bytes], bool] | None] = None

    def found(self, separate: int, skew_ns: int, faults: TwinFaults, now_ns: int) -> None:
        raise NotImplementedError

    def session(self) -> Session:
        raise NotImplementedError

    @property
    def now(self) -> int:
        return time.time_ns()

    def begin(self) -> None:
        session = self.session()
        heard, now = self.heard, self.now
        left = [(one, now) for coid, one in heard.sent.items() if not heard.whole(coid)]
        session.recall(Unfinished(self.cursor, [*left], {0: list(heard.lead_lots)}), now)
        self.driver = Driver(session, sign_here=lambda one: self.ring.sign_all([one])[0])
        self.run(self.driver.start())
        self.until(lambda: heard.up and self.instrument.id in heard.tops, "the connection")

    def take(self) -> None:
        for event in self.driver.events(0):
            self.heard.hear(event)

    def hand_over(self, commands: Sequence[Approved[Command]]) -> None:
        async def submit() -> None:
            self.driver.submit(commands, self.now)

        self.run(submit())

    def quiet(self) -> None:
        self.within(lambda: not self.driver._tasks, 5)
        self.take()

    def later(self, seconds: int) -> None:
        """What takes long elsewhere is set to be short here."""

    def lay(self, lots: int, levels: int = LEVELS) -> None:
        top = self.heard.tops.get(self.instrument.id)
        self.shelf.wanted = self.ladder(lots, levels)
        self.until(lambda: self.heard.tops.get(self.instrument.id) is not top)

    def act(self, act: Callable[[], Any]) -> None:
        async def there() -> None:
            self.server.call(act)

        self.run(there())

    def fault(self, fault: Fault, times: int = 1) -> None:
        self.quiet()  # so that no other request is hit
        self.faults.plan(fault, times)

    def injected(self, fault: Fault) -> int:
        return self.faults.injected[fault]

    def always(self, **rates: float) -> None:
        self.faults.rates = {Fault[name.upper()]: rate for name, rate in rates.items()}

    def gap(self, during: Callable[[], object] = lambda: None) -> None:
        seen = len(self.heard.connections)
        self.act(self._hang_up)
        during()
        self.until(lambda: len(self.heard.connections) > seen and self.heard.up, "the connection after a gap")

    def _hang_up(self) -> None:
        self.twin.pushes += [Push(stream, None) for stream in self.server._streams]

    def restart(self) -> None:
        """Nothing is cancelled: the process dies."""
        self.run(self.driver._close())
        self.heard.connections.clear()
        self.heard.tops.clear()
        self.begin()

    def stop(self) -> None:
        self.run(self.driver.stop())
        self.take()

    def close(self) -> None:
        self.run(self.driver.stop())
        self.run(self.server.__aexit__())
        self.runner.close()
        assert self.driver.failure is None


class HyperliquidOnSockets(Hyperliquid, OnSockets):
    name = "hyperliquid on sockets"
    mid, step, size = hyperliquid.MID, hyperliquid.STEP, hyperliquid.SIZE
    asks = staticmethod(lambda raw: b'"post"' in raw)

    def session(self) -> Session:
        url = self.server.url
        return self.new_session(
            f"ws{url[4:]}/ws", url, post_timeout_ns=SOON_NS, info_timeout_ns=SOON_NS, expires_after_ns=2 * SOON_NS,
            clock_margin_ns=SOON_NS, fills_wait_ns=SOON_NS,
        )  # fmt: skip

    def stranger(self, side: int, lots: int, steps: int) -> None:
        self.act(lambda: self.trade(STRANGER, side, lots))


class PolymarketOnSockets(Polymarket, OnSockets):
    name = "polymarket on sockets"
    mid, step, size = polymarket.MID, polymarket.STEP, polymarket.SIZE
    lacks = polymarket.LACKS
    settles = SettlementTimes(SECOND // 50, SECOND // 25, SECOND // 20)

    def session(self) -> Session:
        url = self.server.url
        return self.new_session(
            f"ws{url[4:]}", url, post_timeout_ns=SOON_NS, ask_timeout_ns=SOON_NS, absent_ns=3 * SOON_NS,
            settle_ask_ns=SOON_NS, lead_poll_ns=60 * SECOND, stop_ns_max=SECOND,
        )  # fmt: skip

    def stranger(self, side: int, lots: int, steps: int) -> None:
        self.act(lambda: self.take_from_book(side, lots, self.price(steps)))
