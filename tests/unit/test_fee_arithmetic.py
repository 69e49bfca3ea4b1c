"""The arithmetic of fees: exact, in the follower's favour where it rounds, and refused rather than wrong."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import apportion, ints
from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.terms import DAY_NS, FeeTerms
from pilotfish.ledger.fees import (
    apportion_within,
    discounted_floor,
    gains_charged_ceil,
    marks_left_ceil,
    performance_fees_floor,
    prorated_floor,
    totals_within,
)
from tests.unit.driver import USDC

STEPS = FeeTerms().steps
MONTH = 30 * DAY_NS
MONEY = st.integers(0, 10**16)


def _fee(gain: int, mark: int) -> int:
    return int(performance_fees_floor(ints([gain]), ints([mark]), STEPS)[0])


@given(st.integers(2 * USDC, 5 * USDC), st.lists(st.integers(0, MONTH), max_size=40))
def test_the_parts_of_a_month_sum_to_its_price_exactly(price, cuts) -> None:
    moments, paid, carried = [0, *sorted(cuts), MONTH], 0, ints([0])
    for before, after in pairwise(moments):
        part, carried = prorated_floor(ints([after - before]), ints([price]), MONTH, carried)
        paid += int(part[0])
        assert paid == price * after // MONTH  # and at every moment what has passed, rounded down
    assert paid == price
    assert carried.tolist() == [0]


@given(MONEY, MONEY)
def test_more_gain_never_leaves_a_follower_with_less(gain, mark) -> None:
    assert _fee(gain + 1, mark) - _fee(gain, mark) in (0, 1)
    for start, _ in STEPS:
        edge = -(-mark * start // 10_000)
        assert _fee(edge + 1, mark) - _fee(edge, mark) in (0, 1)


@given(MONEY, MONEY)
def test_a_fee_is_its_brackets_in_exact_numbers_rounded_down(gain, mark) -> None:
    edges = [-(-mark * start // 10_000) for start, _ in STEPS] + [10**30]
    parts = [max(min(gain, high) - low, 0) for low, high in pairwise(edges)]
    assert _fee(gain, mark) == sum(part * rate for part, (_, rate) in zip(parts, STEPS, strict=True)) // 10_000
    assert 20 * _fee(gain, mark) >= gain - 20 or gain == 0
    assert _fee(gain, mark) <= gain * 15 // 100


def test_there_is_no_fee_on_a_loss() -> None:
    assert _fee(-100 * USDC, 1_000 * USDC) == _fee(0, 1_000 * USDC) == 0


@given(MONEY, MONEY, MONEY)
def test_a_fee_cut_short_has_paid_for_the_largest_gain_it_buys(gain, mark, paid) -> None:
    bought = int(gains_charged_ceil(ints([paid]), ints([gain]), ints([mark]), STEPS)[0])
    assert 0 <= bought <= gain
    assert _fee(bought, mark) <= paid
    assert bought == gain or _fee(bought + 1, mark) > paid


@given(st.integers(0, 2**61))
def test_a_coupon_takes_exactly_a_tenth_off_rounded_down(fee) -> None:
    both = discounted_floor(ints([fee, fee]), 1_000, np.array([True, False]))
    assert both.tolist() == [fee * 9 // 10, fee]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 10**14)), max_size=30), st.data())
def test_what_is_apportioned_within_groups_is_what_each_group_alone_would_get(rows, data) -> None:
    group, weights = ints([g for g, _ in rows]), ints([w for _, w in rows])
    totals = ints([data.draw(st.integers(0, 10**12)) for _ in range(5)])
    parts = apportion_within(totals, weights, group)
    for one, total in enumerate(totals.tolist()):
        assert parts[group == one].tolist() == apportion(total, weights[group == one]).tolist()


def test_totals_of_a_group_are_exact_or_refused() -> None:
    group = ints([1, 0, 1])
    assert totals_within(ints([2**61, -5, -(2**61) - 7]), group, 3).tolist() == [-5, -7, 0]
    with pytest.raises(NumericOverflow):
        totals_within(ints([2**62, 1, 2**62]), group, 2)


@given(MONEY, st.integers(1, 10**16), st.integers(0, 10**16))
def test_a_withdrawal_scales_the_mark_in_the_followers_favour(mark, equity, out) -> None:
    left = int(marks_left_ceil(ints([mark]), ints([equity]), ints([out]))[0])
    stays = max(equity - out, 0)
    assert (left - 1) * equity < mark * stays <= left * equity
