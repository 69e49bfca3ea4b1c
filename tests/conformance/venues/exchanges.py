"""Binance, Bybit and OKX through ccxt: the venue and its twin on one loop, over loopback sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved
from pilotfish.venues.twins.faults import Fault
from pilotfish.venues.twins.server import TwinServer
from tests.conformance.ccxt_harness import KEY, World
from tests.conformance.venues.rig import LEVELS, SECOND, Rig

PATIENCE_S = 20  # of real time, for whatever should come at once


class OnLoop(Rig):
    """Runs the loop until something is true: a deadline, and no pause of its own."""

    asks_every_s = 0.1

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.woken = asyncio.Event()

    def run(self, work: Awaitable[Any]) -> Any:
        async def whole() -> Any:
            return await work

        return self.runner.run(whole())

    def within(self, true: Callable[[], object], seconds: float) -> bool:
        async def wait() -> bool:
            try:
                async with asyncio.timeout(min(seconds, PATIENCE_S)):
                    while not true():
                        await asyncio.sleep(0)
                        self.take()
            except TimeoutError:
                return bool(true())
            return True

        self.take()
        return bool(self.runner.run(wait()))

    def take(self) -> None:
        """Hear what waits."""
        raise NotImplementedError


class ExchangeRig(OnLoop):
    """`heard` gets what the world's venue tells."""

    lacks: ClassVar = {
        "separate accounts": "an API key is one account: followers share it",
        "leads": "these exchanges do not say who traded: nobody is followed there",
    }
    separate = ()

    def __init__(self, separate: int = 0, skew_ns: int = 0) -> None:
        super().__init__()
        self.world = World(self.name, None, skew_ns)
        self.world.faults.lasting_ns = SECOND // 5
        self.server = self.world.server = TwinServer(self.world.twin, self.world.faults)
        self.run(self.server.__aenter__())
        self.begin()

    def begin(self) -> None:
        world = self.world
        world.venue = world.make(timeout_ns=SECOND)
        self.run(world.venue.start())
        self.instrument = world.venue.by_id[0].instrument
        self.mid, self.step, self.size = 600_000, self.instrument.tick, world.lots(10)
        self.until(lambda: self.heard.up and 0 in self.heard.tops, "the connection")

    def take(self) -> None:
        for event in self.world.venue.events(self.world.clock()):
            self.heard.hear(event)

    def hand_over(self, commands: Sequence[Approved[Command]]) -> None:
        async def submit() -> None:
            self.world.venue.submit(commands, self.world.clock())

        self.run(submit())

    def quiet(self) -> None:
        self.run(self.world.settled())
        self.take()

    def later(self, seconds: int) -> None:
        self.world.later(seconds * SECOND)

    def lay(self, lots: int, levels: int = LEVELS) -> None:
        top = self.heard.tops.get(0)
        self.act(partial(self.world.twin.lay, self.world.market, self.mid, lots, levels))
        self.until(lambda: self.heard.tops.get(0) is not top)

    def stranger(self, side: int, lots: int, steps: int) -> None:
        self.act(partial(self.world.twin.cross, self.world.market, Side(side), lots, self.price(steps)))

    def act(self, act: Callable[[], Any]) -> None:
        async def there() -> None:
            self.world.act(act)

        self.run(there())

    def fault(self, fault: Fault, times: int = 1) -> None:
        self.world.faults.plan(fault, times)

    def injected(self, fault: Fault) -> int:
        return self.world.faults.injected[fault]

    def always(self, **rates: float) -> None:
        self.world.faults.rates = {Fault[name.upper()]: rate for name, rate in rates.items()}

    def gap(self, during: Callable[[], object] = lambda: None) -> None:
        seen = len(self.heard.connections)
        self.act(self.world.hang_up)
        during()
        self.until(lambda: len(self.heard.connections) > seen and self.heard.up, "the connection after a gap")

    def restart(self) -> None:
        self.run(self.world.venue.stop(cancel=False))
        self.world.venue.events(0)
        self.heard.connections.clear()
        self.heard.tops.clear()
        self.begin()

    def stop(self) -> None:
        self.run(self.world.venue.stop())
        self.take()

    def close(self) -> None:
        self.run(self.world.venue.stop())
        self.run(self.server.__aexit__())
        self.runner.close()
        assert self.world.venue.failure is None

    # -- the venue's books ---------------------------------------------------------------------------------------------

    def executed(self) -> dict[int, int]:
        lots = dict[int, int]()
        for trade in self.world.twin.trades:
            coid = self._coid(trade.order.client)
            lots[coid] = lots.get(coid, 0) + trade.lots
        return lots

    def _coid(self, client: str) -> int:
        coid = self.world.venue.orders.ids.coid(client)
        assert coid is not None
        return coid

    def position(self, account: int) -> int:
        return int(self.world.twin.accounts[KEY].positions.get(self.world.market, 0))

    def resting(self) -> set[int]:
        return {self._coid(one.client) for one in self.world.twin.orders.values() if one.status == "open"}

    def doubled(self) -> int:
        clients = [order.client for order in self.world.twin.orders.values()]
        return len(clients) - len(set(clients))

    def taken(self, coid: int) -> int:
        return len(self.world.at_exchange(coid))


class BinanceRig(ExchangeRig):
    name = "binance"


class BybitRig(ExchangeRig):
    name = "bybit"


class OkxRig(ExchangeRig):
    name = "okx"
    lacks: ClassVar = {**ExchangeRig.lacks, "minimum": "no value is too small: one lot of contracts is taken"}
