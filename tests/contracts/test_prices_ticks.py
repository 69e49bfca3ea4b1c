"""The mean of a pool's ticks is the price that exact arithmetic gives."""

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contracts.doubles import compiled
from tests.contracts.ticks import power

SCALE = 10**36


@pytest.fixture(scope="module")
def probe(web3):
    return compiled(web3, "Prices.sol", "TickPriceProbe")


ticks = st.integers(-887_272, 887_271)


@settings(max_examples=25, deadline=None)
@given(tick=ticks, window=st.integers(1800, 2**24 - 1), rest=st.integers(0, 2**24), first=st.booleans())
@example(tick=-887_272, window=1800, rest=0, first=True)
@example(tick=887_271, window=1800, rest=1799, first=False)
@example(tick=-1, window=1801, rest=1, first=True)
@example(tick=0, window=1800, rest=0, first=False)
def test_a_mean_is_what_exact_numbers_say(probe, tick, window, rest, first):
    rest %= window
    price = power(tick) * (1 + Fraction(rest, window * 10_000))
    exact = (price if first else 1 / price) * SCALE
    got = probe.functions.meanDown(tick * window + rest, window, first).call()
    assert got <= exact * (1 + Fraction(1, 2**100)), "never above, but for the constants' own rounding"
    assert exact - got <= 2 + exact / 10**30


def test_powers_are_right_to_110_bits_at_every_bit(probe):
    for n in [*(2**i for i in range(20)), 0, 887_272]:
        exact = power(n) * 2**128
        assert abs(probe.functions.ratioX128(n).call() - exact) <= exact / 2**112 + 1
