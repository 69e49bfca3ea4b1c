"""The venue's weight of requests per minute and IP, counted as the venue counts: over any sixty seconds.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from pilotfish.venues.session import SECOND

WINDOW_NS = 60 * SECOND
_WEIGHTS = {
    "l2Book": 2, "allMids": 2, "clearinghouseState": 2, "orderStatus": 2, "spotClearinghouseState": 2,
    "exchangeStatus": 2, "userRole": 60,
}  # fmt: skip
_OTHER = 20
_ROWS_PER_WEIGHT = {"candleSnapshot": 60}
_BY_ROWS = ("recentTrades", "historicalOrders", "userFills", "userFillsByTime", "fundingHistory", "userFunding",
            "nonUserFundingUpdates", "candleSnapshot")  # fmt: skip


def info_weight(body: Mapping[str, Any]) -> int:
    """What asking weighs."""
    return _WEIGHTS.get(str(body.get("type")), _OTHER)


def rows_weight(kind: str, rows: int) -> int:
    """What the rows of an answer weigh beside; known only afterwards."""
    return rows // _ROWS_PER_WEIGHT.get(kind, 20) if kind in _BY_ROWS else 0


class Budget:
    """A window that slides. Weight that was not foreseen is counted too, so the window can be overdrawn."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._taken: deque[tuple[int, int]] = deque()
        self._used = 0

    def left(self, now_ns: int) -> int:
        """Weight that may be spent now."""
        self._forget(now_ns)
        return self.per_minute - self._used

    def take(self, weight: int, now_ns: int, keep: int = 0) -> bool:
        """Spend, unless less than `keep` would be left. What could never go otherwise goes when all is free."""
        never = weight > self.per_minute - keep
        if self.left(now_ns) - weight < keep and not (never and self._used == 0):
            return False
        self.charge(weight, now_ns)
        return True

    def charge(self, weight: int, now_ns: int) -> None:
        """Count what has been spent already."""
        if weight > 0:
            self._taken.append((now_ns, weight))
            self._used += weight

    def more_ns(self, now_ns: int) -> int:
        """When there will be more than now."""
        self._forget(now_ns)
        return self._taken[0][0] + WINDOW_NS if self._taken else now_ns

    def _forget(self, now_ns: int) -> None:
        while self._taken and self._taken[0][0] + WINDOW_NS <= now_ns:
            self._used -= self._taken.popleft()[1]
