"""Column arithmetic gives what unlimited integers give, or says that it cannot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import INT64_MAX, apportion, ints, largest, mul, muldiv_floor, muldiv_trunc, peak
from pilotfish.domain.errors import NumericOverflow

BIG = st.integers(-(2**62), 2**62)
MIXED = st.one_of(st.integers(-1_000, 1_000), st.integers(-(2**40), 2**40), BIG)
POSITIVE = st.one_of(st.integers(1, 1_000), st.integers(1, 2**40), st.integers(1, 2**62))


def _exact(values: list[int]) -> list[int] | None:
    return values if all(abs(value) <= INT64_MAX for value in values) else None


@given(st.lists(MIXED, max_size=6), MIXED, POSITIVE)
def test_floor_division_of_a_product_is_exact_or_refused(a, num, den) -> None:
    expected = _exact([x * num // den for x in a])
    if expected is None:
        with pytest.raises(NumericOverflow):
            muldiv_floor(ints(a), num, den)
    else:
        assert muldiv_floor(ints(a), num, den).tolist() == expected


@given(st.lists(st.tuples(MIXED, MIXED, POSITIVE), min_size=1, max_size=6))
def test_columns_broadcast_row_by_row(rows) -> None:
    a, num, den = (ints(column) for column in zip(*rows, strict=True))
    expected = _exact([x * n // d for x, n, d in rows])
    if expected is None:
        with pytest.raises(NumericOverflow):
            muldiv_floor(a, num, den)
    else:
        assert muldiv_floor(a, num, den).tolist() == expected


@given(st.integers(2**52, 2**61), st.integers(2**20, 2**40), st.integers(-3, 3))
def test_quotients_that_a_float_cannot_tell_apart_are_exact(quotient, den, off) -> None:
    a = quotient * den + off
    num = 1
    while a > 2**62:  # split so that the column fits while the product does not
        a, num = a // 2, num * 2
    assert muldiv_floor(ints([a]), num, den).tolist() == [a * num // den]


@given(st.lists(MIXED, max_size=6), st.integers(0, 2**31), st.integers(1, 2**31))
def test_truncation_is_symmetric_around_zero(a, num, den) -> None:
    expected = _exact([abs(x) * num // den * (1 if x >= 0 else -1) for x in a])
    if expected is not None:
        assert muldiv_trunc(ints(a), num, den).tolist() == expected


@pytest.mark.parametrize("den", [0, -1])
def test_a_denominator_that_is_not_positive_is_refused(den) -> None:
    with pytest.raises(NumericOverflow, match="not positive"):
        muldiv_floor(ints([1]), 1, den)
    with pytest.raises(NumericOverflow, match="not positive"):
        muldiv_floor(ints([1, 1]), 1, ints([3, den]))


@given(st.lists(MIXED, max_size=6), MIXED)
def test_a_product_is_exact_or_refused(a, b) -> None:
    expected = _exact([x * b for x in a])
    if expected is None:
        with pytest.raises(NumericOverflow):
            mul(ints(a), b)
    else:
        assert mul(ints(a), b).tolist() == expected


@pytest.mark.parametrize("huge", [2**63, 10**30])
def test_a_factor_beyond_int64_is_zero_times_nothing_or_refused(huge) -> None:
    assert mul(ints([0, 0]), huge).tolist() == [0, 0]
    assert muldiv_floor(ints([0, 0]), huge, 7).tolist() == [0, 0]
    with pytest.raises(NumericOverflow):
        mul(ints([1]), huge)
    assert muldiv_floor(ints([3]), huge, huge).tolist() == [3]


def test_the_peak_of_the_most_negative_integer_does_not_wrap() -> None:
    assert peak(ints([-(2**63), 5])) == 2**63
    assert peak(ints([])) == 0


SHARES = st.lists(st.integers(0, 10**13), min_size=1, max_size=12)


@given(st.integers(-(10**9), 10**9), SHARES)
def test_apportioned_parts_sum_to_the_total_and_stay_next_to_their_quota(total, quotas) -> None:
    parts = apportion(total, ints(quotas)).tolist()
    whole = sum(quotas)
    if whole == 0:
        assert parts == [0] * len(quotas)
        return
    assert sum(parts) == total
    for part, quota in zip(parts, quotas, strict=True):
        exact = abs(total) * quota
        assert exact // whole <= abs(part) <= -(-exact // whole)
        assert part * total >= 0


@given(st.integers(1, 10**9), SHARES)
def test_who_lacks_the_most_gets_the_odd_unit_first_and_ties_go_to_the_earlier(total, quotas) -> None:
    whole = sum(quotas)
    if whole == 0:
        return
    parts = apportion(total, ints(quotas)).tolist()
    rest = [(total * quota) % whole for quota in quotas]
    odd = total - sum(total * quota // whole for quota in quotas)
    winners = sorted(range(len(quotas)), key=lambda row: (-rest[row], row))[:odd]
    assert [row for row in range(len(quotas)) if parts[row] > total * quotas[row] // whole] == sorted(winners)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12), st.integers(1, 14))
def test_the_largest_are_found_and_equals_go_to_the_earlier(values, count) -> None:
    expected = sorted(sorted(range(len(values)), key=lambda row: (-values[row], row))[:count])
    assert sorted(largest(ints(values), count).tolist()) == expected


def test_a_column_comes_from_anything_like_an_array() -> None:
    assert ints([1, 2]).dtype == np.int64
