"""A live venue through ccxt against its twin, over loopback sockets: what was told is kept, and waited for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pilotfish.domain.events import Connection, DataTrust, Event, Fill, OrderUpdate, Reconciled
from pilotfish.domain.orders import Command, OrderSignal, Place, Query, Tif
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.ccxt.venue import CcxtVenue
from pilotfish.venues.trust import TrustTerms
from pilotfish.venues.twins.exchanges.binance import BinanceTwin
from pilotfish.venues.twins.exchanges.bybit import BybitTwin
from pilotfish.venues.twins.exchanges.okx import OkxTwin
from pilotfish.venues.twins.exchanges.wire import CexWire
from pilotfish.venues.twins.faults import SECOND, TwinFaults, TwinSettings
from pilotfish.venues.twins.port import Push
from pilotfish.venues.twins.server import TwinServer

TWINS = {"binance": BinanceTwin, "bybit": BybitTwin, "okx": OkxTwin}
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
KEY, SECRET, PASSWORD = "an-api-key", "a-very-secret-secret", "a-passphrase"
PATIENCE_S = 20
MID = 600_000
HOUR = 3_600 * SECOND
E = TypeVar("E")


class World:
    """`later` moves the venue's own clock, not the world's: what is too old becomes so without waiting."""

    def __init__(self, name: str, faults: TwinFaults | None = None, skew_ns: int = 0) -> None:
        self.name, self.faults = name, faults or TwinFaults()
        self.twin: CexWire = TWINS[name](self.faults, TwinSettings(skew_ns=skew_ns), time.time_ns())
        self.twin.open_account(KEY, SECRET, PASSWORD)
        self.seen: list[Event] = []
        self.shift_ns = 0
        self._woken = asyncio.Event()
        self.server: TwinServer
        self.venue: CcxtVenue

    @property
    def market(self) -> str:
        """The first one, as the exchange names it."""
        return next(iter(self.twin.markets))

    def clock(self) -> int:
        return time.time_ns() + self.shift_ns

    def later(self, ns: int) -> None:
        self.shift_ns += ns

    def settings(self, **changes: Any) -> Settings:
        usual: dict[str, Any] = {
            "exchange": self.name, "symbols": (BTC, ETH), "urls": {"base": self.server.url}, "throttled": False,
            "timeout_ns": 5 * SECOND, "retry_ns": SECOND // 50, "retry_ns_max": SECOND // 10, "tick_ns": SECOND // 50,
            "clock_ns": HOUR, "compare_ns": HOUR, "funding_ns": HOUR, "positions_ns": HOUR,
        }  # fmt: skip
        return Settings(**(usual | changes))

    async def start(self, **changes: Any) -> CcxtVenue:
        """A venue that is connected and trusts its books."""
        self.venue = self.make(**changes)
        await self.venue.start()
        await self.connected()
        return self.venue

    def make(self, **changes: Any) -> CcxtVenue:
        terms = changes.pop("terms", TrustTerms(quiet_ns=HOUR))
        return CcxtVenue(
            self.settings(**changes), Credentials(KEY, SECRET, PASSWORD), clock=self.clock, on_ready=self._woken.set,
            terms=terms,
        )  # fmt: skip

    async def connected(self) -> None:
        await self.until(Connection, lambda event: event.up)
        await self.until(DataTrust, lambda event: not event.doubt)

    async def start_again(self) -> CcxtVenue:
        """The process dies with its orders open, and another takes its place."""
        await self.venue.stop(cancel=False)
        self.venue.events(0)
        since = len(self.seen)
        self.venue = self.make()
        await self.venue.start()
        await self.until(Connection, lambda event: event.up, since)
        return self.venue

    def send(self, *commands: Command) -> None:
        self.venue.submit([Approved(command, _KEY) for command in commands], self.clock())

    async def until(self, kind: type[E], wanted: Callable[[E], bool] = lambda _: True, since: int = 0) -> E:
        """The first event from index `since` of `seen` that is wanted; told now or later."""
        async with asyncio.timeout(PATIENCE_S):
            at = since
            while True:
                self._woken.clear()
                self.seen += self.venue.events(self.clock())
                for event in self.seen[at:]:
                    if isinstance(event, kind) and wanted(event):
                        return event
                at = len(self.seen)
                await self._woken.wait()

    async def told(self, coid: int, signal: OrderSignal, since: int = 0) -> OrderUpdate:
        return await self.until(OrderUpdate, lambda event: event.coid == coid and event.signal is signal, since)

    async def ask(self, *coids: int, cursor: int = 0) -> Reconciled:
        """Ask again until the venue can answer, as the engine does."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                since = len(self.seen)
                self.send(Query(cursor, coids))
                assert self.venue._asking is not None
                await self.venue._asking
                self.seen += self.venue.events(self.clock())
                for event in self.seen[since:]:
                    if isinstance(event, Reconciled):
                        return event

    async def looked(self, times: int) -> None:
        """The venue has compared its positions so many times more."""
        async with asyncio.timeout(PATIENCE_S):
            wanted = self.venue.counters().get("positions_compared", 0) + times
            while self.venue.counters().get("positions_compared", 0) < wanted:
                await asyncio.sleep(0)

    async def settled(self) -> None:
        """The venue has no request under way."""
        async with asyncio.timeout(PATIENCE_S):
            while self.venue.trading.busy() or self.venue.account.busy():
                await asyncio.sleep(0)

    def act(self, act: Callable[[], Any]) -> Any:
        """Do something at the exchange, and send what it has to say."""
        return self.server.call(act)

    def hang_up(self) -> None:
        """Every stream ends."""
        self.act(lambda: self.twin.pushes.extend(Push(stream, None) for stream in self.twin.streams))

    def fills(self, coid: int) -> list[Fill]:
        """Each once, however often it was told."""
        told = {e.fill_id: e for e in self.seen if isinstance(e, Fill) and e.coid == coid}
        return list(told.values())

    def signals(self, coid: int) -> list[OrderSignal]:
        return [event.signal for event in self.seen if isinstance(event, OrderUpdate) and event.coid == coid]

    def at_exchange(self, coid: int) -> list[Any]:
        return self.twin.of_client(f"pfz{coid:016x}")

    def lots(self, thousandths: int) -> int:
        """Of the base asset, in the venue's lots."""
        lots: int = thousandths * 10 ** (self.venue.by_id[0].instrument.lot_decimals - 3)
        return lots

    def order(
        self, coid: int, side: int, price: int, tif: Tif = Tif.GTC, *, size: int = 10, reduce: bool = False
    ) -> Place:
        return Place(coid, -1, 0, side, self.lots(size), price, tif, reduce)


@asynccontextmanager
async def world(name: str, faults: TwinFaults | None = None, skew_ns: int = 0, **changes: Any) -> AsyncIterator[World]:
    """A world with a venue that is up; with `started=False` it is left to the test. Nothing may fail unnoticed."""
    started = changes.pop("started", True)
    here = World(name, faults, skew_ns)
    async with TwinServer(here.twin, here.faults) as here.server:
        if started:
            await here.start(**changes)
        try:
            yield here
        finally:
            if hasattr(here, "venue"):
                await here.venue.stop()
                assert here.venue.failure is None


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)
