"""Yearly figures of short gains, and the intervals that the sample supports."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import ConfigError
from pilotfish.evidence.annual import annualise, support


def test_88_on_500_in_45_days_is_142_percent_simple_and_the_compound_figure_stands_beside_it():
    yearly = annualise(88, 500, 45)
    assert math.floor(yearly.simple * 100) == 142
    assert yearly.simple == pytest.approx(88 / 500 * 365 / 45)
    assert yearly.compound == pytest.approx(1.176 ** (365 / 45) - 1)
    assert yearly.compound == pytest.approx(2.725, abs=0.001)


def test_a_year_is_neither_stretched_nor_shrunk():
    assert annualise(10, 100, 365) == pytest.approx((0.1, 0.1))


@given(st.floats(-1, 3), st.floats(1, 364))
def test_within_a_year_compounding_never_gives_less_than_the_simple_figure(gain, days):
    yearly = annualise(gain, 1.0, days)
    assert yearly.compound >= yearly.simple - 1e-9 * max(1, abs(yearly.compound))


def test_more_than_everything_cannot_be_lost_and_a_figure_beyond_a_float_is_infinite():
    assert annualise(-700, 500, 30).compound == -1
    assert annualise(10_000, 1, 0.001).compound == math.inf


@pytest.mark.parametrize(("capital", "days"), [(0, 45), (-1, 45), (500, 0)])
def test_without_capital_or_time_there_is_no_yearly_figure(capital, days):
    with pytest.raises(ConfigError, match="no yearly figure"):
        annualise(1, capital, days)


def test_the_interval_contains_what_happened_and_is_the_same_for_the_same_seed():
    returns = np.random.default_rng(3).normal(0.002, 0.02, 45)
    found = support(returns, 45, seed=1)
    assert found is not None
    assert found == support(returns, 45, seed=1) != support(returns, 45, seed=2)
    happened = float(np.prod(1 + returns) - 1)
    assert found.total.low < happened < found.total.high
    assert found.simple.low < annualise(happened, 1, 45).simple < found.simple.high
    assert found.compound.low < annualise(happened, 1, 45).compound < found.compound.high
    assert found.block == pytest.approx(45 ** (1 / 3))


def test_45_days_of_ordinary_luck_do_not_tell_a_gain_from_none():
    """A true edge of 20% a year at 2% a day is inside what 45 days cannot tell from a loss."""
    returns = np.random.default_rng(11).normal(0.2 / 365, 0.02, 45)
    found = support(returns, 45, seed=1)
    assert found is not None
    assert found.simple.low < 0 < found.simple.high


def test_a_steadier_record_supports_a_narrower_interval():
    noise = np.random.default_rng(5).normal(0, 1, 60)
    wide, narrow = (support(0.001 + size * noise, 60, seed=1) for size in (0.03, 0.003))
    assert wide is not None
    assert narrow is not None
    assert narrow.total.high - narrow.total.low < 0.2 * (wide.total.high - wide.total.low)


def test_a_week_supports_no_interval():
    assert support(np.full(7, 0.01), 7, seed=1) is None
