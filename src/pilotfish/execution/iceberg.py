"""An order of which the market sees only a clip at a time; the next clip follows when the one before has ended.

As on Bybit ("Create Strategy Order", iceberg) clips are separate orders, so each has to be one the venue takes. Venues
vary the clips' size by chance; here it is fixed, since the core has no chance.
"""

from __future__ import annotations

import msgspec

from pilotfish.domain.errors import InvariantBroken
from pilotfish.domain.instrument import BPS
from pilotfish.execution.slicing import BadSchedule, Due, Held, check_limits, room, sendable


class Iceberg(msgspec.Struct, frozen=True, array_like=True):
    """A whole and how far it is. Raises BadSchedule when clips could end in a rest that the venue would not take.

    `shown_lots` is what is left of the clip in the market, or on its way there.
    """

    total_lots: int
    display_lots: int
    min_lots: int = 1
    participation_bps: int = BPS  # as in `slicing.room`
    filled_lots: int = 0
    shown_lots: int = 0

    def __post_init__(self) -> None:
        check_limits(self.participation_bps, self.min_lots)
        check_display(self.total_lots, self.display_lots, self.min_lots)

    @property
    def left_lots(self) -> int:
        """Neither filled nor shown."""
        return max(self.total_lots - self.filled_lots - self.shown_lots, 0)

    @property
    def excess_lots(self) -> int:
        """By how much the clip shown has to shrink, since a clip thought cancelled has filled after all."""
        return min(max(self.filled_lots + self.shown_lots - self.total_lots, 0), self.shown_lots)

    @property
    def done(self) -> bool:
        return self.filled_lots >= self.total_lots


def check_display(total_lots: int, display_lots: int, min_lots: int) -> None:
    """From 2·min - 1 lots on, every whole of at least `min_lots` splits into clips between the minimum and the display.

    Below it some do not: 15 lots with a display of 12 and a minimum of 10. Raises BadSchedule.
    """
    if total_lots < 1:
        raise BadSchedule(f"an iceberg of {total_lots} lots", "there is nothing to trade", "give it a size above zero")
    if display_lots < min(2 * min_lots - 1, total_lots):
        raise BadSchedule(
            f"a display of {display_lots} lots",
            f"a rest could fall below the venue's minimum of {min_lots}",
            f"show {2 * min_lots - 1} lots or more",
        )


def display(total_left: int, display_lots: int, min_lots: int) -> int:
    """The next clip of what is left: the display, or less so that the rest is nothing or an order the venue takes.

    0 when what is left is below the minimum itself. Raises BadSchedule like `Iceberg`.
    """
    if total_left < min_lots:
        return 0
    check_display(total_left, display_lots, min_lots)
    return sendable(total_left, display_lots, Held.SHOWING, room(BPS, 0, None, 0), min_lots).lots


def show(iceberg: Iceberg, traded_lots: int | None, depth_lots: int = 0) -> tuple[Iceberg, Due]:
    """The next clip to place, with what holds back the rest, and the iceberg with that clip shown.

    Volume and depth as in `slicing.due`. Nothing while a clip is in the market.
    """
    if iceberg.shown_lots:
        return iceberg, Due(0, Held.SHOWING)
    allowed = room(iceberg.participation_bps, iceberg.filled_lots, traded_lots, depth_lots)
    clip = sendable(iceberg.left_lots, iceberg.display_lots, Held.SHOWING, allowed, iceberg.min_lots)
    return msgspec.structs.replace(iceberg, shown_lots=clip.lots), clip


def filled(iceberg: Iceberg, lots: int, *, late: bool = False) -> Iceberg:
    """A clip has filled by `lots` more; `late` when it is not the one shown: a fill after a cancel is a fact.

    Raises InvariantBroken when the clip shown would have filled beyond its size.
    """
    if lots < 0 or (not late and lots > iceberg.shown_lots):
        raise InvariantBroken(
            f"a clip of {iceberg.shown_lots} lots filled by {lots}", "no order fills beyond its size", "reconcile"
        )
    shown = iceberg.shown_lots if late else iceberg.shown_lots - lots
    return msgspec.structs.replace(iceberg, filled_lots=iceberg.filled_lots + lots, shown_lots=shown)


def ended(iceberg: Iceberg) -> Iceberg:
    """The clip shown is over, filled or not: what it left joins the rest."""
    return msgspec.structs.replace(iceberg, shown_lots=0)
