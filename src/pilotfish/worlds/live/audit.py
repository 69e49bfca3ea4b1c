"""The venue's word on what our accounts hold, against the ledger: when a live run starts, and every few seconds after.

Accounts are looked at in turn. Orders under way make the two differ for a moment, so only quiet moments count, and a
difference counts when it has stood for as long as the venue takes to show a trade. Then nothing is opened any more
until a person has looked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pilotfish.domain.errors import VenueError
from pilotfish.domain.events import Operator, OperatorAction
from pilotfish.venues.gateway import Ours
from pilotfish.worlds.live.holdings import positions_of
from pilotfish.worlds.live.loop import in_flight
from pilotfish.worlds.world import World

Positions = dict[int, dict[int, int]]
EVERY_S = 20.0
AT_ONCE = 10  # accounts in one look: venues count what is asked
SOON_S = 2.0  # the first time, and after a difference or a busy moment


class PositionAudit:
    """`ask` is the venue's answer. `differences` are what is wrong now, for people; `checks` counts quiet looks."""

    def __init__(
        self,
        world: World,
        ask: Callable[[Sequence[Ours]], Awaitable[Positions]],
        ours: Sequence[Ours],
        shown_after_ns: int = 0,
    ) -> None:
        self._world, self._ask, self._ours = world, ask, list(ours)
        self._shown_after_ns = shown_after_ns
        self._next = 0
        self.checks = self.unanswered = 0
        self.differences: list[str] = []
        self._suspected: list[str] = []
        self._since_ns = 0

    async def run(self) -> None:
        """For as long as the run lasts."""
        while True:
            quiet = await self.look()
            await asyncio.sleep(EVERY_S if quiet and not self._suspected else SOON_S)

    async def look(self) -> bool:
        """One comparison. Returns False where orders were under way or the venue did not answer."""
        state = self._world.shard.state
        before = None if self._busy() else positions_of(state)
        some = self._ours[self._next : self._next + AT_ONCE]
        try:
            stated = await self._ask(some)
        except VenueError:
            self.unanswered += 1
            return False
        if before is None or self._busy() or positions_of(state) != before:
            return False
        self.checks += 1
        found = self._compare(before, stated)
        if not found:
            self.differences = []
            self._next = self._next + AT_ONCE if self._next + AT_ONCE < len(self._ours) else 0
        elif found != self._suspected:
            self._since_ns = state.now_ns
        elif not self.differences and state.now_ns - self._since_ns >= self._shown_after_ns:
            self.differences = found
            now = state.now_ns
            note = f"positions differ from the venue's: {found[0]}"
            self._world.shard.handle([Operator(now, now, OperatorAction.KILL, note)], now)
        self._suspected = found
        return True

    def _busy(self) -> bool:
        state = self._world.shard.state
        return bool(in_flight(state)) or state.query_ns >= 0 or not state.guard.connected

    def _compare(self, ours: Positions, stated: Positions) -> list[str]:
        listings = self._world.shard.state.listings
        found = []
        for account, theirs in sorted(stated.items()):
            mine = ours.get(account, {})
            for key in sorted({*mine, *theirs}):
                if mine.get(key, 0) != theirs.get(key, 0):
                    one = listings[key].instrument
                    a, b = one.show_lots(mine.get(key, 0)), one.show_lots(theirs.get(key, 0))
                    found.append(f"{one.symbol} of account {account}: {a:f} by the journal, {b:f} at the venue")
        return found
