"""An iceberg shows one clip at a time, never more than its display, and trades no more and no less than its whole."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import ConfigError, InvariantBroken
from pilotfish.execution.iceberg import Iceberg, display, ended, filled, show
from pilotfish.execution.slicing import Due, Held


@st.composite
def _icebergs(draw) -> Iceberg:
    least = draw(st.integers(1, 20))
    return Iceberg(draw(st.integers(least, 2_000)), draw(st.integers(2 * least - 1, 100)), least)


def _clips(iceberg: Iceberg) -> list[int]:
    clips = []
    while not iceberg.done:
        iceberg, clip = show(iceberg, None)
        clips.append(clip.lots)
        iceberg = ended(filled(iceberg, clip.lots))
    return clips


def test_the_market_sees_clips_of_one_size_and_a_tail_that_the_venue_takes() -> None:
    assert _clips(Iceberg(100, 30, 10)) == [30, 30, 30, 10]
    assert _clips(Iceberg(95, 30, 10)) == [30, 30, 25, 10]
    assert _clips(Iceberg(20, 30, 10)) == [20]


@given(_icebergs())
def test_clips_stay_between_the_minimum_and_the_display_and_sum_to_the_whole(iceberg) -> None:
    clips = _clips(iceberg)
    assert sum(clips) == iceberg.total_lots
    assert iceberg.min_lots <= min(clips)
    assert max(clips) <= iceberg.display_lots
    assert len(clips) <= -(-iceberg.total_lots // iceberg.display_lots) + 1


@given(_icebergs())
def test_the_next_clip_is_the_same_whether_asked_for_alone_or_of_an_iceberg(iceberg) -> None:
    assert show(iceberg, None)[1].lots == display(iceberg.total_lots, iceberg.display_lots, iceberg.min_lots)


@given(_icebergs(), st.lists(st.tuples(st.sampled_from(["show", "fill", "end"]), st.integers(1, 100)), max_size=60))
def test_whatever_fills_and_cancels_no_more_than_the_whole_is_ever_out(iceberg, events) -> None:
    for event, size in events:
        if event == "show":
            iceberg, clip = show(iceberg, None)
            assert clip.lots == 0 or iceberg.min_lots <= clip.lots <= iceberg.display_lots
        elif event == "fill":
            iceberg = filled(iceberg, min(size, iceberg.shown_lots))
        else:
            iceberg = ended(iceberg)
        assert iceberg.filled_lots + iceberg.shown_lots + iceberg.left_lots == iceberg.total_lots
        assert iceberg.excess_lots == 0


def test_no_second_clip_is_shown_while_one_is_in_the_market() -> None:
    iceberg, _ = show(Iceberg(100, 30, 10), None)
    assert show(iceberg, None) == (iceberg, Due(0, Held.SHOWING))
    assert show(filled(iceberg, 29), None)[1] == Due(0, Held.SHOWING)
    assert show(filled(iceberg, 30), None)[1] == Due(30, Held.SHOWING)


def test_what_a_cancelled_clip_left_is_shown_again() -> None:
    iceberg, _ = show(Iceberg(60, 30, 10), None)
    iceberg = ended(filled(iceberg, 12))
    assert (iceberg.filled_lots, iceberg.left_lots) == (12, 48)
    assert show(iceberg, None)[1].lots == 30


def test_a_rest_below_the_minimum_is_not_shown_and_says_why() -> None:
    iceberg, _ = show(Iceberg(30, 30, 10), None)
    iceberg = ended(filled(iceberg, 25))
    assert show(iceberg, None)[1] == Due(0, Held.MINIMUM)
    assert display(5, 30, 10) == 0
    assert not iceberg.done


def test_a_clip_stays_within_our_part_of_the_market() -> None:
    iceberg = Iceberg(100, 30, 10, participation_bps=1_000)
    assert show(iceberg, 200)[1] == Due(20, Held.PARTICIPATION)
    assert show(iceberg, 99)[1] == Due(0, Held.MINIMUM)
    assert show(iceberg, 0)[1] == Due(0, Held.PARTICIPATION)
    assert show(iceberg, None, 150)[1] == Due(15, Held.PARTICIPATION)
    assert show(iceberg, None)[1] == Due(0, Held.UNMEASURED)
    part, _ = show(iceberg, 200)
    assert show(ended(filled(part, 20)), 300)[1] == Due(10, Held.PARTICIPATION)


def test_a_fill_after_the_cancel_counts_and_shrinks_the_clip_that_followed() -> None:
    iceberg, _ = show(Iceberg(40, 30, 10), None)
    iceberg, clip = show(ended(iceberg), None)
    assert clip.lots == 30
    iceberg = filled(iceberg, 25, late=True)
    assert (iceberg.filled_lots, iceberg.shown_lots, iceberg.excess_lots, iceberg.left_lots) == (25, 30, 15, 0)


def test_a_clip_that_fills_beyond_its_size_is_a_contradiction() -> None:
    iceberg, _ = show(Iceberg(100, 30, 10), None)
    for lots in (31, -1):
        with pytest.raises(InvariantBroken):
            filled(iceberg, lots)


@pytest.mark.parametrize("wrong", [(0, 30, 10), (100, 18, 10), (100, 0, 1), (100, 30, 0), (100, 30, 10, 0)])
def test_an_iceberg_that_could_strand_a_rest_is_refused_with_its_remedy(wrong) -> None:
    with pytest.raises(ConfigError) as refused:
        Iceberg(*wrong)
    assert refused.value.why
    assert refused.value.to_do


def test_an_iceberg_comes_back_from_its_bytes() -> None:
    iceberg, _ = show(Iceberg(100, 30, 10), None)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(iceberg), type=Iceberg) == iceberg
