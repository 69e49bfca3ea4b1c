"""What is to be done later, by our clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable

Do = Callable[[int], None]  # with the time, ns


class Agenda:
    """Things fall due in order of time, and of their entry where times are equal."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Do]] = []
        self._entries = 0

    def at(self, ns: int, do: Do) -> None:
        self._entries += 1
        heapq.heappush(self._due, (ns, self._entries, do))

    def tick(self, now_ns: int) -> None:
        """Do what is due, and what comes due by that."""
        while self._due and self._due[0][0] <= now_ns:
            heapq.heappop(self._due)[2](now_ns)

    def next_ns(self) -> int | None:
        return self._due[0][0] if self._due else None
