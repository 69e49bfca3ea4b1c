"""Sums of products beyond 64 bits: exact, or refused before anything is added."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.errors import NumericOverflow
from pilotfish.views.attribution_wide import Wide, total_below

SIZE = 3
AMOUNTS = st.one_of(st.integers(-(2**62), 2**62), st.integers(-1_000, 1_000))
FACTORS = st.one_of(st.integers(-(2**31), 2**31), st.integers(-(2**54), 2**54), st.sampled_from([0, 1, -1, 2**32]))


def _fits(adds) -> bool:
    return sum(max(map(abs, column)) * abs(factor) for column, factor in adds) < 2**94


ADDS = st.lists(st.tuples(st.lists(AMOUNTS, min_size=SIZE, max_size=SIZE), FACTORS), max_size=40).filter(_fits)


@given(ADDS)
def test_a_sum_of_products_is_exact_whatever_its_parts(adds) -> None:
    wide, plain = Wide(SIZE), [0] * SIZE
    for column, factor in adds:
        wide.add(slice(None), ints(column), factor)
        plain = [total + each * factor for total, each in zip(plain, column, strict=True)]
    assert wide.exact().tolist() == plain
    assert wide.exact().tolist() == plain, "looking changes nothing"


@given(ADDS)
def test_only_the_rows_named_are_added_to_and_new_rows_start_at_nothing(adds) -> None:
    wide = Wide(1)
    wide.add(slice(None), ints([7]), 2**40)
    wide.grow(SIZE + 2)
    for column, factor in adds:
        wide.add(ints([4, 1, 3]), ints(column), factor)
    each = [sum(column[i] * factor for column, factor in adds) for i in range(SIZE)]
    assert wide.exact().tolist() == [7 * 2**40, each[1], 0, each[2], each[0]]


def test_a_sum_that_could_leave_its_room_is_refused_and_stands() -> None:
    wide = Wide(1)
    wide.add(slice(None), ints([2**62]), 2**31)
    with pytest.raises(NumericOverflow, match="coarser"):
        wide.add(slice(None), ints([2**62]), 2**32)
    assert wide.exact().tolist() == [2**93]


@given(st.lists(st.integers(-(2**62), 2**62), max_size=20))
def test_a_total_is_exact(column) -> None:
    assert total_below(np.array(column, dtype=np.int64), max(map(abs, column), default=0)) == sum(column)
