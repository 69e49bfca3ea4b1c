"""Real sockets in less than real time: a loop whose clock runs faster, and skips what nobody is busy in.

What runs, client and server alike, runs on this one loop, so that when no socket has anything to say the next thing to
happen is the next timer, and time goes there at once. While something runs, time passes `speed` times as fast.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ccxt.base.exchange import BaseExchange  # type: ignore[import-untyped]

SECOND = 1_000_000_000
GRACE_S = 0.00001  # real: what was sent on loopback is there by then


class _Skipping(selectors.SelectSelector):
    def __init__(self, skip: Callable[[float], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(GRACE_S)
        if not ready:
            self._skip(timeout)
        return ready


class FastLoop(asyncio.SelectorEventLoop):
    """`clock` is its time as ns since epoch, from `start_ns` on."""

    def __init__(self, start_ns: int, speed: float) -> None:
        self._speed, self._start_ns = speed, start_ns
        self._began_s, self._skipped_s = time.monotonic(), 0.0
        super().__init__(_Skipping(self._skip))

    def time(self) -> float:
        return self._skipped_s + (time.monotonic() - self._began_s) * self._speed

    def clock(self) -> int:
        return self._start_ns + int(self.time() * SECOND)

    def _skip(self, ahead_s: float) -> None:
        self._skipped_s += max(0.0, ahead_s - GRACE_S * self._speed)


@contextmanager
def ccxt_time(clock: Callable[[], int]) -> Iterator[None]:
    """ccxt reads this clock instead of the machine's; its streams do so by a name that no subclass can change."""
    units = {"milliseconds": SECOND // 1_000, "seconds": SECOND}
    kept = {name: BaseExchange.__dict__[name] for name in units}
    for name, unit in units.items():
        setattr(BaseExchange, name, staticmethod(lambda unit=unit: clock() // unit))
    try:
        yield
    finally:
        for name, read in kept.items():
            setattr(BaseExchange, name, read)
