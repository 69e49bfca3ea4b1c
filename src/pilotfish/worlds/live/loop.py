"""A shard against the wall clock: whatever the venue tells is handled at once, and time passes between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pilotfish.domain.errors import VenueError
from pilotfish.domain.events import Operator, OperatorAction
from pilotfish.engine.state import State
from pilotfish.worlds.world import World

SECOND = 1_000_000_000
TICK_S = 0.02  # time is looked at this often; what the venue tells does not wait for it
COMMIT_S = 0.25  # what caused no command is durable after this long at the latest
CHECKPOINT_NS = 600 * SECOND
RUN_ENDS = "the run ends"  # a kill with this note is taken back when the run goes on; anybody else's is not


class LiveLoop:
    """`turn` is what the venue calls when it has something; `run` lets time pass until `stopping` is set."""

    def __init__(self, world: World, clock: Callable[[], int]) -> None:
        self._world, self._clock = world, clock
        self._turning = False
        self._checkpoint_ns = clock() + CHECKPOINT_NS
        self.stopping = asyncio.Event()
        self.failure: Exception | None = None

    def turn(self) -> None:
        """Everything that waits, through the shard. An error is kept, and ends the run."""
        if self._turning or self.failure is not None:
            return
        self._turning = True
        try:
            self._world.advance(self._clock())
        except Exception as bad:
            self.failure = bad
            self.stopping.set()
            raise
        finally:
            self._turning = False

    async def run(self, refresh: Callable[[], None] | None = None, every_s: float = 0.5) -> None:
        """Until `stopping`; raises what went wrong. `refresh` is for a terminal."""
        ticks = 0
        while not self.stopping.is_set():
            self.turn()
            ticks += 1
            if ticks % round(COMMIT_S / TICK_S) == 0:
                self._world.shard.commit()
            if self._clock() >= self._checkpoint_ns:
                self._world.shard.checkpoint()
                self._checkpoint_ns = self._clock() + CHECKPOINT_NS
            if refresh is not None and ticks % round(every_s / TICK_S) == 0:
                refresh()
            with_timeout = asyncio.wait_for(self.stopping.wait(), TICK_S)
            try:
                await with_timeout
            except TimeoutError:
                continue
        if self.failure is not None:
            raise self.failure

    async def cancel_all(self, timeout_s: float) -> bool:
        """Have the core cancel everything, and wait until the venue has confirmed it. Returns whether it has."""
        now = self._clock()
        self._world.shard.handle([Operator(now, now, OperatorAction.KILL, RUN_ENDS)], now)
        try:
            async with asyncio.timeout(timeout_s):
                while in_flight(self._world.shard.state):
                    await asyncio.sleep(TICK_S)
                    self.turn()
        except TimeoutError:
            return False
        return True


def in_flight(state: State) -> int:
    """Orders whose end nobody has confirmed."""
    resting = sum(1 for mirror in state.mirrors.values() if mirror.alive.any())
    return len(state.blocks) + len(state.batches) + resting


def raise_failure(venue: object) -> None:
    """What broke in a venue's session, as a VenueError."""
    failure = getattr(venue, "failure", None)
    if isinstance(failure, VenueError):
        raise failure
    if failure is not None:
        raise VenueError(
            "the venue's session", f"broke: {failure}", "restart the run; it goes on from its journal"
        ) from failure
