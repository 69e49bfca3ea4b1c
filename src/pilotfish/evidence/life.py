"""Dead leads: they stay in the list, because a list without them lies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

DAY_NS = 86_400_000_000_000
RUINED = 0.1  # of the equity it began with
SILENT_DAYS, SILENT_SHARE = 14, 0.2  # of the time from its first trade to the end: the longer of the two


def death(times_ns: Sequence[int], equity: Sequence[float], last_fill_ns: int, end_ns: int) -> str:
    """Why and since when a lead is dead, or "". `equity` at `times_ns`, the first is where it began."""
    for at, value in zip(times_ns, equity, strict=True):
        if value <= RUINED * equity[0]:
            return f"ruined on {day(at)}: {value / equity[0]:.0%} of its equity left"
    silent = end_ns - last_fill_ns
    if silent > max(SILENT_DAYS * DAY_NS, SILENT_SHARE * (end_ns - times_ns[0])):
        return f"silent since {day(last_fill_ns)}"
    return ""


def day(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).date().isoformat()
