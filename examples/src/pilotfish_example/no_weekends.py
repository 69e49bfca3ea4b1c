"""Nothing is opened on Saturday and Sunday (UTC), when books are thin. Exits are never asked about."""

from __future__ import annotations

from pilotfish.gate.extension import OrderCase

DAY_NS = 86_400_000_000_000
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EPOCH = NAMES.index("Thursday")  # 1 January 1970
SATURDAY = NAMES.index("Saturday")


def no_weekends(case: OrderCase) -> str:
    """The day comes from the event's stamp, not from a clock, so that a replay decides the same."""
    day = (case.time_ns // DAY_NS + EPOCH) % 7
    return f"it is {NAMES[day]}: {case.instrument.symbol} opens again on Monday" if day >= SATURDAY else ""
