"""What the live figures run on: the venue in a process of its own, and a platform built as a live run builds it.

Journal in a file, shard, views, session and sockets, on the loop that live runs use.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bench.live_market import ACCOUNT, COIN, LEAD, PRICE, follower
from bench.live_server import POLL_S, Series, Times
from bench.measure import ROOT
from pilotfish.domain.events import BatchUpdate, Event, Fill
from pilotfish.domain.instructions import LeadStatus
from pilotfish.domain.mandate import OMNIBUS, Follows, Route
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.gateway import LiveDriver, Signer, drive
from pilotfish.venues.hyperliquid.accounts import Account, Settings
from pilotfish.venues.hyperliquid.session import HyperliquidSession
from pilotfish.venues.hyperliquid.wire.actions import Listed
from pilotfish.venues.hyperliquid.wire.answers import PerpMeta
from pilotfish.venues.hyperliquid.wire.assets import Listing, perps
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.worlds.lead_table import LeadTable
from pilotfish.worlds.live.closed import Closed
from pilotfish.worlds.live.loop import LiveLoop, in_flight
from pilotfish.worlds.live.run import identity
from pilotfish.worlds.world import LeadSetup, World, opening_events

USDC = 10**6
EQUITY = 100_000_000 * USDC  # the lead's, and that of all followers together
META = f'{{"universe":[{{"name":"{COIN}","szDecimals":5,"maxLeverage":40}}]}}'
WEIGHT = 10**7  # per minute: the venue's own limit would have most of the orders wait
READY_S = 30.0
ODD = ("set_aside", "sent_without_a_stream", "actions_not_sent", "posts_unanswered", "reconnects")
MASTER = Key(bytes(range(1, 33)))


class Bench:
    """The venue's process. `ws` and `http` are its addresses."""

    def __init__(self, process: asyncio.subprocess.Process, ws: str, http: str) -> None:
        self._process, self.ws, self.http = process, ws, http

    async def play(self, series: Series) -> Times:
        """Raises RuntimeError when the venue's process ends."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(series) + b"\n")
        return msgspec.json.decode(await _line(self._process), type=Times)


@contextlib.asynccontextmanager
async def venue() -> AsyncIterator[Bench]:
    """Started, and ended with its standard input."""
    command = (sys.executable, "-m", "bench.live_server")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    try:
        ws, http = msgspec.json.decode(await _line(process), type=tuple[str, str])
        yield Bench(process, ws, http)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the venue's process has ended")
    return line


class Platform:
    """A running mirror. `filled`: our fills so far, as the shard saw them; `in_step`: with the lead."""

    def __init__(self, world: World, loop: LiveLoop, driver: LiveDriver) -> None:
        self._world, self._loop, self._driver = world, loop, driver
        self.filled = self._expected = 0
        self.in_step = False
        world.shard.observers.append(self._note)

    def _note(self, event: Event, outcome: Outcome, state: State) -> None:
        if isinstance(event, Fill):
            self.filled += 1
        elif isinstance(event, BatchUpdate):
            self.filled += int((event.lots > 0).sum())
        elif isinstance(event, LeadStatus):  # said when the gap before the first trade is closed
            self.in_step = True

    async def play(self, bench: Bench, rounds: int, orders: int = 1, gap_s: float = 0.0) -> list[int]:
        """Of each round: ns to the last of `orders` orders. The next begins when all of this one is settled."""
        ns: list[int] = []
        for _ in range(rounds):
            ns += whole(await bench.play(Series(1, orders, gap_s)))
            self._expected += orders
            await self._settled(self._expected)
        return ns

    async def _settled(self, orders: int) -> None:
        """Wait until the venue has answered for all. Raises RuntimeError unless it was `orders` that filled."""
        await until(lambda: self.filled >= orders and not in_flight(self._world.shard.state))
        odd = {name: count for name, count in self._driver.counters().items() if count and name in ODD}
        broken = self._loop.failure or self._driver.failure
        if broken or odd or self.filled != orders or self._world.shard.state.guard.halted:
            raise RuntimeError(f"the platform did not mirror: {broken or odd or self.filled}")


def followers(count: int) -> Follows:
    """Equal parts of as much money as the lead has: together they want what the lead holds."""
    return Follows.of(np.arange(count), 0, EQUITY // count)


def keys_of(count: int) -> list[Key]:
    """A key for each segregated account, all of one secret."""
    return [MASTER.derive(b"%d" % number) for number in range(count)]


@contextlib.asynccontextmanager
async def platform(
    bench: Bench, count: int, keys: Sequence[Key] = (), signer: Signer | None = None
) -> AsyncIterator[Platform]:
    """Mirrors the lead to `count` followers: through one account, or with `keys` through one account each.

    `signer` signs batches elsewhere; without it they are signed here.
    """
    route = Route.SEGREGATED if keys else Route.OMNIBUS
    listed = perps(msgspec.json.decode(META, type=PerpMeta), 0)
    ring = Keyring(keys or [MASTER]) if signer is None else Keyring((), [key.address for key in keys])
    accounts = [Account(k, follower(k), key.address) for k, key in enumerate(keys)]
    with tempfile.TemporaryDirectory() as folder, SqliteJournal(Path(folder, "journal.db")) as journal:
        world = World(journal, Closed())
        LeadTable(world)
        _open(world, listed, followers(count), route)
        loop = LiveLoop(world, time.time_ns)
        settings = Settings(False, bench.ws, bench.http, identity(journal), weight_per_minute=WEIGHT)
        session = HyperliquidSession(
            settings, Listing(listed), [LEAD], accounts or [Account(OMNIBUS, ACCOUNT, MASTER.address)], ring, watch=[0]
        )
        driver = drive(session, time.time_ns, ring, signer, loop.turn)
        world.shard.venue = driver
        one, coin = Platform(world, loop, driver), world.shard.state.listings[0]
        await driver.start()
        running = asyncio.ensure_future(loop.run())
        try:
            await until(lambda: one.in_step and coin.seen_ns and not coin.doubt)
            yield one
        finally:
            loop.stopping.set()
            await asyncio.gather(running, return_exceptions=True)
            await driver.stop(1.0)
        world.shard.commit()


def _open(world: World, listed: Sequence[Listed], follows: Follows, route: Route) -> None:
    now = time.time_ns()
    instruments = [one.instrument for one in listed]
    marks = [PRICE * 10**one.price_decimals for one in instruments]
    opening: list[Event] = opening_events(route, instruments, marks, [LeadSetup("lead", EQUITY)], follows, now)
    world.tell(opening, now)
    world.shard.commit()


def whole(times: Times) -> list[int]:
    """Raises RuntimeError when a trade of the lead was not answered."""
    if times.missed:
        raise RuntimeError(f"{times.missed} of {times.missed + len(times.ns)} rounds had no order")
    return times.ns


async def until(true: Callable[[], object]) -> None:
    """Let the loop work until it is so. Raises TimeoutError."""
    async with asyncio.timeout(READY_S):
        while not true():
            await asyncio.sleep(POLL_S)
