"""A whole sent over time: never ahead of its schedule, never more than our part of the market, nothing left behind."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import INT64_MAX, ints, total_of
from pilotfish.domain.errors import ConfigError, InvariantBroken, NumericOverflow
from pilotfish.domain.instrument import SUBLOT
from pilotfish.execution.slicing import (
    BadSchedule,
    Due,
    Held,
    Schedule,
    ScheduleKind,
    due,
    next_slice_ns,
    room,
    slice_quotas,
    staged,
)

S = 1_000_000_000
HOUR = Schedule(ScheduleKind.TWAP, 0, 3600 * S, 60)


def _limited(bps: int, min_lots: int = 1) -> Schedule:
    return msgspec.structs.replace(HOUR, participation_bps=bps, min_lots=min_lots)


SCHEDULES = st.builds(
    lambda start, duration, slices, bps, least: Schedule(
        ScheduleKind.TWAP, start, start + duration, min(slices, duration), bps, least
    ),
    st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 50), st.integers(1, 10_000), st.integers(1, 30),
)  # fmt: skip


def test_a_minutes_share_is_due_at_once_and_another_each_minute() -> None:
    assert due(HOUR, -1, 600, 0, None) == Due(0, Held.SCHEDULE)
    assert due(HOUR, 0, 600, 0, None) == Due(10, Held.SCHEDULE)
    assert due(HOUR, 60 * S - 1, 600, 10, None) == Due(0, Held.SCHEDULE)
    assert due(HOUR, 60 * S, 600, 10, None) == Due(10, Held.SCHEDULE)


def test_a_gap_is_caught_up_with_at_once() -> None:
    assert due(HOUR, 30 * 60 * S, 600, 10, None) == Due(300, Held.SCHEDULE)


def test_a_catch_up_stays_within_our_part_of_the_volume() -> None:
    assert due(_limited(1_000), 30 * 60 * S, 600, 10, 1_000) == Due(90, Held.PARTICIPATION)
    assert due(_limited(1_000), 30 * 60 * S, 600, 100, 1_000) == Due(0, Held.PARTICIPATION)


def test_without_volume_an_order_stays_within_our_part_of_the_touch() -> None:
    assert due(_limited(1_000), 30 * 60 * S, 600, 10, None, 200) == Due(20, Held.PARTICIPATION)


def test_without_volume_and_depth_a_limited_schedule_waits_and_says_why() -> None:
    assert due(_limited(1_000), 30 * 60 * S, 600, 10, None) == Due(0, Held.UNMEASURED)
    assert Held.UNMEASURED.text
    assert len({held.text for held in Held}) == len(Held)


def test_a_market_that_has_not_traded_gets_nothing_of_ours() -> None:
    assert room(1_000, 0, 0, 10_000) == Due(0, Held.PARTICIPATION)


def test_all_is_due_after_the_end_and_nothing_when_all_is_sent() -> None:
    assert due(HOUR, 3600 * S, 601, 590, None) == Due(11, Held.NOTHING)
    assert due(HOUR, 3600 * S, 601, 601, None) == Due(0, Held.NOTHING)


def test_a_whole_that_shrinks_below_what_was_sent_asks_for_nothing() -> None:
    assert due(HOUR, 1800 * S, 5, 100, None) == Due(0, Held.NOTHING)


def test_slices_below_the_minimum_wait_until_they_make_one() -> None:
    small = _limited(10_000, min_lots=25)
    assert due(small, 60 * S, 600, 0, None) == Due(0, Held.MINIMUM)
    assert due(small, 120 * S, 600, 0, None) == Due(30, Held.SCHEDULE)


def test_a_tail_below_the_minimum_goes_with_the_order_before_it() -> None:
    five = Schedule(ScheduleKind.TWAP, 0, 5 * S, 5, min_lots=10)
    sent, orders = 0, []
    for second in range(6):
        lots = due(five, second * S, 25, sent, None).lots
        sent += lots
        orders.append(lots)
    assert orders == [0, 10, 0, 0, 15, 0]


@given(SCHEDULES, st.integers(0, 5_000), st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 2_000)), max_size=30))
def test_whatever_the_market_trades_no_limit_is_passed_and_no_tail_is_left(schedule, wanted, steps) -> None:
    now, traded, sent = schedule.start_ns, 0, 0
    for wait, volume in steps:
        now, traded = now + wait, traded + volume
        lots = due(schedule, now, wanted, sent, traded).lots
        sent += lots
        assert lots == 0 or lots >= schedule.min_lots
        assert wanted - sent == 0 or wanted - sent >= schedule.min_lots or sent == 0
        if lots:
            started = (now - schedule.start_ns) * schedule.slices // (schedule.end_ns - schedule.start_ns) + 1
            assert sent <= wanted
            assert sent * schedule.slices <= wanted * started
            assert schedule.participation_bps == 10_000 or sent * 10_000 <= traded * schedule.participation_bps


@given(SCHEDULES, st.integers(1, 5_000))
def test_who_looks_at_every_slice_sends_the_whole_by_the_end(schedule, wanted) -> None:
    free = msgspec.structs.replace(schedule, participation_bps=10_000, min_lots=1)
    now, sent, looks = free.start_ns - 1, 0, 0
    while (at := next_slice_ns(free, now)) is not None:
        assert at > now
        assert due(free, at - 1, wanted, sent, None).lots == 0
        now, sent, looks = at, sent + due(free, at, wanted, sent, None).lots, looks + 1
    assert (sent, looks) == (wanted, free.slices)
    assert now < free.end_ns


@pytest.mark.parametrize(
    "wrong",
    [
        {"end_ns": 0}, {"slices": 0}, {"slices": 10**18},
        {"participation_bps": 0}, {"participation_bps": 10_001}, {"min_lots": 0},
    ],
)  # fmt: skip
def test_a_schedule_that_cannot_be_kept_is_refused_with_its_remedy(wrong) -> None:
    with pytest.raises(ConfigError) as refused:
        msgspec.structs.replace(HOUR, **wrong)
    assert refused.value.why
    assert refused.value.to_do


def test_a_schedule_comes_back_from_its_bytes_and_a_bad_one_is_refused_by_type() -> None:
    raw = msgspec.msgpack.encode(HOUR)
    assert msgspec.msgpack.decode(raw, type=Schedule) == HOUR
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode([0, 5, 5, 1, 100, 1]), type=Schedule)


@given(st.lists(st.integers(0, 50 * SUBLOT), max_size=20), st.data())
def test_a_slice_of_quotas_is_whole_lots_and_takes_from_nobody_more_than_it_wants(wanted, data) -> None:
    quotas = ints(wanted)
    lots = data.draw(st.integers(0, total_of(quotas) // SUBLOT))
    part = slice_quotas(quotas, lots)
    assert total_of(part) == lots * SUBLOT
    assert (part >= 0).all()
    assert (part <= quotas).all()
    whole = max(total_of(quotas), 1)
    assert all(abs(int(p) * whole - q * lots * SUBLOT) < whole for p, q in zip(part, wanted, strict=True))
    assert (part == slice_quotas(quotas.copy(), lots)).all()


def test_follows_that_want_the_same_get_the_same_but_for_the_odd_sub_lot() -> None:
    part = slice_quotas(np.full(3, SUBLOT), 1)
    assert part.tolist() == [333_334, 333_333, 333_333]


def test_a_slice_beyond_what_is_wanted_is_refused() -> None:
    for lots in (3, -1):
        with pytest.raises(InvariantBroken):
            slice_quotas(ints([SUBLOT, SUBLOT]), lots)
    with pytest.raises(NumericOverflow):
        slice_quotas(ints([INT64_MAX, INT64_MAX]), 1)


def test_a_staged_exit_takes_a_fifth_of_what_is_left_each_time() -> None:
    stages, left = [], 100
    while left:
        stages.append(staged(left, 2_000, 10))
        left -= stages[-1]
    assert stages == [20, 16, 13, 11, 10, 10, 10, 10]


@given(st.integers(1, 10**6), st.integers(1, 10_000), st.integers(1, 500))
def test_a_staged_exit_ends_in_orders_that_the_venue_takes(total, bps, least) -> None:
    stage = staged(total, bps, least)
    assert 0 < stage <= total
    assert stage == total or (stage >= least and total - stage >= least and stage * 10_000 >= total * bps)


def test_a_stage_of_nothing_is_nothing_and_a_stage_of_no_size_is_refused() -> None:
    assert staged(0, 2_000, 10) == 0
    with pytest.raises(BadSchedule, match="stage"):
        staged(100, 0, 10)
