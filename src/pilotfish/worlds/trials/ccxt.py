"""Exchanges through ccxt on trial: real sockets on loopback, on a loop that is faster than the clock.

Nobody can be followed there, so the leads trade somewhere else: their fills are made here, from the seed, at the prices
of the moment.
"""

from __future__ import annotations

import asyncio

import numpy as np

from pilotfish.domain.events import Event, LeadFill
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import Route
from pilotfish.journal.memory import MemoryJournal
from pilotfish.venues.ccxt.ids import ClientIds
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.ccxt.venue import CcxtVenue
from pilotfish.venues.port import Venue
from pilotfish.venues.twins.exchanges.binance import BinanceTwin
from pilotfish.venues.twins.exchanges.bybit import BybitTwin
from pilotfish.venues.twins.exchanges.okx import OkxTwin
from pilotfish.venues.twins.fast_loop import SECOND, FastLoop, ccxt_time
from pilotfish.venues.twins.faults import Fault, TwinFaults, TwinSettings
from pilotfish.venues.twins.server import TwinServer
from pilotfish.worlds.live.closed import Closed
from pilotfish.worlds.shard import Shard
from pilotfish.worlds.trials.stage import StageOf
from pilotfish.worlds.trials.trial import (
    CALM_NS,
    RATES,
    START_NS,
    TIMER_NS,
    UNDER_FAULT_NS,
    Ledger,
    Result,
    compare,
    opening_of,
)

SPEED = 5.0  # while something runs
TURN_S = 0.1
KEY, SECRET, PASSWORD = "trial", "trial-secret", "trial-passphrase"
LEADS = ("one", "two", "three")
LEAD_USDC = 100_000
ACTS = 0.15  # of all seconds, each lead
TWINS: dict[str, type[BinanceTwin | BybitTwin | OkxTwin]] = {"binance": BinanceTwin, "bybit": BybitTwin, "okx": OkxTwin}
DEAD_MAN_NS = 30 * SECOND


class CcxtStage:
    """One exchange; three leads elsewhere. `leading` says what they did this second."""

    def __init__(self, exchange: str, seed: int, faults: TwinFaults, route: Route) -> None:
        self.exchange, self.faults = exchange, faults
        self.twin = TWINS[exchange](faults, TwinSettings(seed=seed), START_NS, walks=True)
        self.instruments: list[Instrument] = [one.instrument for one in self.twin.markets.values()]
        self.leads, self.lead_equity, self.open_to = list(LEADS), LEAD_USDC * 10**6, list[int]()
        self.venue: Venue = Closed()
        self._account = self.twin.open_account(KEY, SECRET, PASSWORD)
        self._ids, self._chance = ClientIds(), np.random.default_rng([seed, 77])
        self._held: dict[tuple[int, int], int] = {}
        self._fills, self._calm = 0, False

    def position(self, account: int, instrument: int) -> int:
        return self._account.positions.get(list(self.twin.markets)[instrument], 0)

    def executed(self) -> dict[int, int]:
        lots: dict[int, int] = {}
        for order in self.twin.orders.values():
            coid = self._ids.coid(order.client)
            if coid is not None and order.filled:
                lots[coid] = lots.get(coid, 0) + order.filled
        return lots

    def doubled(self) -> int:
        return len(self.twin.orders) - len({order.client for order in self.twin.orders.values()})

    def calm(self) -> None:
        self._calm = True

    def leading(self, now_ns: int) -> list[Event]:
        """Each lead goes, now and then, to a position drawn anew."""
        done: list[Event] = []
        for lead in range(len(self.leads)):
            if self._calm or self._chance.random() >= ACTS:
                continue
            key = int(self._chance.integers(len(self.instruments)))
            name, one = list(self.twin.markets)[key], self.instruments[key]
            price = self.twin.marks[name]
            most = self.lead_equity // one.notional_ceil(1, price)
            goal, held = int(self._chance.uniform(-1, 1) * most), self._held.get((lead, key), 0)
            if goal != held:
                self._fills += 1
                self._held[lead, key] = goal
                side = 1 if goal > held else -1
                done.append(LeadFill(now_ns, now_ns, lead, key, side, abs(goal - held), price, self._fills, held))
        return done


def run_trial_async(stage_of: StageOf, fault: Fault, seed: int, route: Route = Route.OMNIBUS) -> Result:
    """One seed of one fault on one exchange, on a loop of its own. `stage_of` makes a `CcxtStage`."""
    loop = FastLoop(START_NS, SPEED)
    stage = stage_of(seed, TwinFaults(seed), route)
    assert isinstance(stage, CcxtStage)
    with ccxt_time(loop.clock), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(_Trial(stage, loop).play(fault, RATES[fault], route, seed))


class _Trial:
    def __init__(self, stage: CcxtStage, loop: FastLoop) -> None:
        self._stage, self._clock = stage, loop.clock
        self._shard = Shard(MemoryJournal(), Closed())
        self._turning = False

    async def play(self, fault: Fault, rate: float, route: Route, seed: int) -> Result:
        stage, shard, ledger = self._stage, self._shard, Ledger()
        shard.observers.append(ledger)
        async with TwinServer(stage.twin, stage.faults, self._clock) as server:
            venue = self._venue(server.url)
            shard.handle(opening_of(stage, route), self._clock())
            await venue.start()
            shard.venue = stage.venue = venue
            stage.faults.rates[fault] = rate
            try:
                await self._pass(UNDER_FAULT_NS)
                stage.calm()
                stage.faults.rates.clear()
                await self._pass(CALM_NS)
                result = compare(stage, shard.state, ledger, stage.faults.injected[fault], seed)
            finally:
                await venue.stop(cancel=False)
        if venue.failure is not None:
            raise venue.failure
        return result

    def _venue(self, url: str) -> CcxtVenue:
        exchange = self._stage.exchange
        settings = Settings(
            exchange=exchange, symbols=tuple(one.symbol for one in self._stage.instruments), urls={"base": url},
            throttled=False, dead_man_ns=0 if exchange == "bybit" else DEAD_MAN_NS,
        )  # fmt: skip
        return CcxtVenue(settings, Credentials(KEY, SECRET, PASSWORD), clock=self._clock, on_ready=self._turn)

    async def _pass(self, ns: int) -> None:
        until_ns, second = self._clock() + ns, 0
        while (now_ns := self._clock()) < until_ns:
            if now_ns // SECOND > second:
                second = now_ns // SECOND
                self._shard.handle(self._stage.leading(now_ns), now_ns)
            self._turn()
            await asyncio.sleep(TURN_S)

    def _turn(self) -> None:
        if not self._turning:
            self._turning = True
            try:
                self._shard.run(self._clock(), TIMER_NS)
            finally:
                self._turning = False
