"""Virtual time: what is due when. Ties run in the order they were scheduled, so a run repeats exactly."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Agenda:
    """Calls by due time, ns. Nothing runs before `now_ns`: what is scheduled for the past runs next."""

    def __init__(self, start_ns: int) -> None:
        self.now_ns = start_ns
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, ns: int, call: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (max(ns, self.now_ns), self._count, call))

    def next_ns(self) -> int | None:
        return self._due[0][0] if self._due else None

    def run(self, until_ns: int) -> None:
        """Run everything due up to `until_ns` in order of time, what it schedules included."""
        while self._due and self._due[0][0] <= until_ns:
            self.now_ns, _, call = heapq.heappop(self._due)
            call()
        self.now_ns = max(self.now_ns, until_ns)
