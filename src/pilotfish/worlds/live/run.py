"""`pilotfish run --mode paper|live`: open the venue, mirror until stopped, and leave nothing open behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from pilotfish.domain.events import Event, Operator, OperatorAction
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.journal.port import Journal
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.gateway import LiveVenue
from pilotfish.venues.paper import PaperVenue
from pilotfish.venues.port import Venue
from pilotfish.worlds.calendar import Calendar
from pilotfish.worlds.lead_table import LeadTable
from pilotfish.worlds.live.audit import PositionAudit
from pilotfish.worlds.live.closed import Closed
from pilotfish.worlds.live.holdings import cash_of, positions_of, unfinished_of
from pilotfish.worlds.live.loop import RUN_ENDS, LiveLoop, raise_failure
from pilotfish.worlds.live.opening import first_events, later_events
from pilotfish.worlds.live.start import Ready
from pilotfish.worlds.world import World

SECOND = 1_000_000_000
FOLLOWS_WAIT_S = 15.0  # followers join once what their leads hold is trusted, or after this long
STOP_S = 10.0
LOOK_S = 0.1

View = Callable[[World, LeadTable, LiveVenue, float], None]


class LiveRun:
    """One run of what `start` found ready. `view(world, table, venue, seconds)` is called now and then."""

    def __init__(
        self, ready: Ready, view: View | None = None, clock: Callable[[], int] = time.time_ns, resume: str = ""
    ) -> None:
        """`resume`: why a halt of opens that the journal holds is taken back; a person's words."""
        self._ready, self._view, self._clock, self._resume = ready, view, clock, resume
        self.cancels_unconfirmed, self.seconds = False, 0.0
        self.audit: PositionAudit | None = None
        self._loop: LiveLoop | None = None

    def stop(self) -> None:
        """End the run in order, as Ctrl-C does."""
        if self._loop is not None:
            self._loop.stopping.set()

    async def play(self, path: Path) -> World:
        """Until stopped or over; the journal is left open. Raises what ended it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not path.exists()
        journal = SqliteJournal(path)
        world = World(journal, Closed())
        table, ended = LeadTable(world), LastWord()
        world.shard.observers.append(ended)
        joining = self._open(world, fresh)
        loop = self._loop = LiveLoop(world, self._clock)
        ready = self._ready
        public = ready.gateway.open(
            ready.survey, ready.keys if ready.live else None, identity(journal), loop.turn, ready.signer,
            cancel_on_stop=ready.settings.run.on_stop == "cancel",
        )  # fmt: skip
        world.shard.venue = self._venue(public, world)
        public.recall(unfinished_of(world.shard.state), self._clock())
        if self._resume or ended.by_us:
            now = self._clock()
            why = self._resume or "the run goes on"
            world.shard.handle([Operator(now, now, OperatorAction.RESUME, why)], now)
        await public.start()
        began = time.monotonic()
        try:
            await self._mirror(world, loop, public, table, joining)
            await self._end(loop, public)
        except BaseException:
            await public.stop(STOP_S)
            raise
        finally:
            self.seconds = time.monotonic() - began
            if loop.failure is None:
                world.shard.checkpoint()
        raise_failure(public)
        return world

    def _open(self, world: World, fresh: bool) -> list[Event]:
        """Tell the shard what it starts from. Returns the follows, which join when there are prices."""
        ready, now = self._ready, self._clock()
        settings, follows = ready.settings, ready.population.follows
        calendar = Calendar.of(settings, follows, now)
        if not fresh:
            world.resume(now)
            world.tell(later_events(settings, ready.survey, world.shard.state, now), now, calendar)
            return []
        *opening, last = first_events(settings, ready.survey, follows, now)
        world.tell(opening, now, calendar)
        world.shard.commit()
        return [last]

    def _venue(self, public: LiveVenue, world: World) -> Venue:
        if self._ready.live:
            return public
        state, survey = world.shard.state, self._ready.survey
        cash = cash_of(state, self._ready.population.follows)
        paper = PaperVenue(public, public, survey.instruments, cash, self._clock())
        paper.restore(positions_of(state))
        return paper

    async def _mirror(
        self, world: World, loop: LiveLoop, public: LiveVenue, table: LeadTable, joining: list[Event]
    ) -> None:
        began, view = time.monotonic(), self._view

        def refresh() -> None:
            if view is not None:
                view(world, table, public, time.monotonic() - began)

        ready = self._ready
        minutes = float(ready.settings.run.minutes)
        tasks = [asyncio.create_task(self._join(world, loop, joining)), asyncio.create_task(_watch(public, loop))]
        if ready.live:
            accounts = [one.ours for one in ready.survey.accounts]
            self.audit = PositionAudit(world, ready.gateway.positions, accounts, ready.gateway.shown_after_ns)
            tasks.append(asyncio.create_task(self.audit.run()))
        try:
            with _signals(loop.stopping), contextlib.suppress(TimeoutError):
                async with asyncio.timeout(minutes * 60 or None):
                    await loop.run(refresh)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _join(self, world: World, loop: LiveLoop, joining: list[Event]) -> None:
        """Followers join when what their leads hold has prices that can be trusted, so that it can be taken over."""
        if not joining:
            return
        state = world.shard.state
        held = {key for lead in state.leads for key, lots in lead.positions.items() if lots}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FOLLOWS_WAIT_S):
                while not all(state.listings[k].seen_ns and not state.listings[k].doubt for k in held):
                    await asyncio.sleep(LOOK_S)
        now = self._clock()
        world.tell([msgspec.structs.replace(one, venue_ns=now, ours_ns=now) for one in joining], now)
        loop.turn()

    async def _end(self, loop: LiveLoop, public: LiveVenue) -> None:
        """Open orders are cancelled through the core, and confirmed, before the venue is left."""
        broken = loop.failure is not None or public.failure is not None
        if self._ready.settings.run.on_stop == "cancel" and not broken:
            self.cancels_unconfirmed = not await loop.cancel_all(STOP_S)
        await public.stop(STOP_S)


class LastWord:
    """Whether the last thing an operator said was that the run ends, which is no kill that anybody has to look at."""

    def __init__(self) -> None:
        self.by_us = False

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        if isinstance(event, Operator):
            self.by_us = event.action is OperatorAction.KILL and event.note == RUN_ENDS


def identity(journal: Journal) -> int:
    """64 bits by which this journal's orders are told from all others: of its first record's hash."""
    return int.from_bytes(next(iter(journal.read(0, 1))).hash[:8], "big")


async def _watch(public: LiveVenue, loop: LiveLoop) -> None:
    """End the run when the venue's session breaks."""
    while public.failure is None:
        await asyncio.sleep(LOOK_S)
    loop.stopping.set()


@contextlib.contextmanager
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    """Ctrl-C and a service manager's stop end the run in order."""
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stopping.set)
    try:
        yield
    finally:
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(one)
