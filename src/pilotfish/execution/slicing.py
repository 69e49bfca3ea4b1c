"""Orders spread over time: how many lots of a whole may be sent by now, and which follows they are for.

A TWAP may always have sent its time's share of the whole, so a gap is caught up with at once (as on Hyperliquid and
Pacifica, there within three slices' size; docs.pacifica.fi, "Create TWAP order"). What bounds the catching up here is
participation: our lots stay within a part of what the market trades (percentage of volume, POV; brokers take 10-50%:
Interactive Brokers, `PctVol`). Where nobody tells the volume, one order stays within that part of the touch instead.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec

from pilotfish.domain.arith import INT64_MAX, Ints, apportion, total_of
from pilotfish.domain.errors import ConfigError, InvariantBroken, NumericOverflow
from pilotfish.domain.instrument import BPS, SUBLOT


class Held(IntEnum):
    """Why fewer lots than are left may be sent now."""

    NOTHING = 0  # all that is left may be sent
    SCHEDULE = 1  # its time has not come
    PARTICIPATION = 2  # the market has not traded, or does not show, enough
    UNMEASURED = 3  # participation is limited, but neither volume nor depth is known
    MINIMUM = 4  # this order, or what would be left after it, is below the venue's minimum
    SHOWING = 5  # an order is in the market already

    @property
    def text(self) -> str:
        return _TEXT[self]


_TEXT = {
    Held.NOTHING: "all of it",
    Held.SCHEDULE: "the rest is for later slices",
    Held.PARTICIPATION: "the limit on our part of the market",
    Held.UNMEASURED: "neither volume nor depth is known, so our part of the market cannot be limited",
    Held.MINIMUM: "it, or the rest after it, would be below the venue's minimum order",
    Held.SHOWING: "the order before it is still in the market",
}


class Due(NamedTuple):
    """Lots to send now, and what holds back the rest."""

    lots: int
    held: Held


class BadSchedule(ConfigError, ValueError):
    """A schedule that cannot be kept. A ValueError too, so that a decoder reports it as unreadable bytes."""


class ScheduleKind(IntEnum):
    TWAP = 0  # the same in every slice


class Schedule(msgspec.Struct, frozen=True, array_like=True):
    """Send a whole in `slices` parts, the first at `start_ns`, all due before `end_ns`. Raises BadSchedule."""

    kind: ScheduleKind
    start_ns: int
    end_ns: int
    slices: int
    participation_bps: int = BPS  # of the volume traded since the start, or of the touch; BPS: no limit
    min_lots: int = 1  # the venue's minimum order

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise BadSchedule("a schedule", "ends before it has started", "give it a duration above zero")
        if not 1 <= self.slices <= self.end_ns - self.start_ns:
            raise BadSchedule(f"a schedule of {self.slices} slices", "is not 1 or more of 1 ns or more", "take 1-1000")
        check_limits(self.participation_bps, self.min_lots)


def check_limits(part_bps: int, min_lots: int, what: str = "participation") -> None:
    """Raises BadSchedule for a part or a minimum order that would never let anything through."""
    if not 0 < part_bps <= BPS:
        raise BadSchedule(f"a {what} of {part_bps} bps", "is not above 0 and at most 10000", "try 1000, which is 10%")
    if min_lots < 1:
        raise BadSchedule(f"a minimum order of {min_lots} lots", "is less than one lot", "use 1 where there is none")


def due(
    schedule: Schedule, now_ns: int, wanted_lots: int, sent_lots: int, traded_lots: int | None, depth_lots: int = 0
) -> Due:
    """How many lots may be sent now: never ahead of the schedule, nor above the participation limit.

    `sent_lots` of the `wanted_lots` are filled or in flight; what a venue cancelled is not sent. `traded_lots` is the
    public volume since the start, our own included, or None where unknown: then each order is limited by the
    `depth_lots` at the touch. After the end all is due, within the participation; giving up is the caller's choice.
    """
    left = max(wanted_lots - sent_lots, 0)
    scheduled = max(wanted_lots * _started(schedule, now_ns) // schedule.slices - sent_lots, 0)
    allowed = room(schedule.participation_bps, sent_lots, traded_lots, depth_lots)
    return sendable(left, scheduled, Held.SCHEDULE, allowed, schedule.min_lots)


def next_slice_ns(schedule: Schedule, now_ns: int) -> int | None:
    """When the next slice falls due; None after the last, when only participation can hold anything back."""
    number = _started(schedule, now_ns)
    if number == schedule.slices:
        return None
    return schedule.start_ns - (schedule.start_ns - schedule.end_ns) * number // schedule.slices  # rounded up


def _started(schedule: Schedule, now_ns: int) -> int:
    """How many slices have fallen due: slice k at start + k/slices of the duration."""
    since = now_ns - schedule.start_ns
    if since < 0:
        return 0
    return min(since * schedule.slices // (schedule.end_ns - schedule.start_ns) + 1, schedule.slices)


def room(participation_bps: int, ours_lots: int, traded_lots: int | None, depth_lots: int) -> Due:
    """The lots that our limit on participation still allows, rounded down; unlimited at 10,000 bps.

    Of the volume traded all of ours together may be `participation_bps`; without it, of the depth each order by itself.
    """
    if participation_bps >= BPS:
        return Due(INT64_MAX, Held.NOTHING)
    if traded_lots is not None:
        return Due(max(max(traded_lots, 0) * participation_bps // BPS - ours_lots, 0), Held.PARTICIPATION)
    if depth_lots <= 0:
        return Due(0, Held.UNMEASURED)
    return Due(depth_lots * participation_bps // BPS, Held.PARTICIPATION)


def sendable(left: int, most: int, held: Held, allowed: Due, min_lots: int) -> Due:
    """The largest order within `most` (else `held`) and `allowed` that leaves nothing, or an order the venue takes."""
    cap, held = allowed if allowed.lots < most else (most, held)
    if min_lots <= left <= cap:
        return Due(left, Held.NOTHING)
    lots = min(cap, left - min_lots)
    if lots >= min_lots:
        return Due(lots, held)
    # Held by the minimum only where the limit itself would have let something through.
    return Due(0, Held.NOTHING if left == 0 else held if cap == 0 and left >= min_lots else Held.MINIMUM)


def slice_quotas(quotas: Ints, lots: int) -> Ints:
    """Scale the `quotas` (sub-lots >= 0) of all follows to `lots` whole lots in all, exactly, none above its quota.

    Largest remainder in sub-lots; ties go to the earlier row. Raises InvariantBroken when more is asked than wanted.
    """
    whole, part = total_of(quotas), lots * SUBLOT
    if not 0 <= part <= whole:
        raise InvariantBroken(f"a slice of {lots} lots", f"the quotas hold {whole // SUBLOT}", "slice what is wanted")
    if whole > INT64_MAX:
        raise NumericOverflow("the sum of the quotas", "leaves int64", "use a coarser lot")
    return quotas if part == whole else apportion(part, quotas, whole)


def staged(total_lots: int, stage_bps: int, min_lots: int) -> int:
    """Lots of the next stage of a staged exit: `stage_bps` of what is left, rounded up so that the exit ends.

    Never below the minimum; all of it when the rest would be (closing a position whole is exempt from the minimum).
    """
    check_limits(stage_bps, min_lots, "stage")
    stage = max(-(-total_lots * stage_bps // BPS), min_lots)
    return max(total_lots, 0) if total_lots - stage < min_lots else stage
