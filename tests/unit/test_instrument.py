"""Ticks, bounds and notionals: what is valid at a venue, and whom the rounding favours."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.instrument import BPS, Instrument, Kind, Side, TickRule, to_units_ceil, to_units_floor

FIXED = Instrument(0, "F", "sim", Kind.SPOT, 2, 4, tick=25)
FIVE = Instrument(1, "S", "sim", Kind.PERP, 2, 4, tick_rule=TickRule.SIGNIFICANT, tick=5)
GRID = Instrument(2, "G", "sim", Kind.OUTCOME, 2, 4, tick_rule=TickRule.GRID, tick=10)
ALL = [FIXED, FIVE, GRID]
PRICES = st.one_of(st.integers(1, 10**5), st.integers(1, 10**12))


def _valid(instrument: Instrument, price: int) -> bool:
    """The venues' words, in decimals."""
    if instrument.tick_rule is TickRule.SIGNIFICANT:
        shown = instrument.show_price(price).normalize()
        return price > 0 and (len(shown.as_tuple().digits) <= 5 or shown == shown.to_integral_value())
    inside = instrument.tick_rule is not TickRule.GRID or price < 10_000
    return price > 0 and price % instrument.tick == 0 and inside


@given(st.sampled_from(ALL), PRICES)
def test_a_price_is_valid_exactly_when_the_venue_says_so(instrument, price) -> None:
    assert instrument.is_valid_price(price) == _valid(instrument, price)


@given(st.sampled_from(ALL), PRICES, st.sampled_from(Side))
@example(FIVE, 999_996, Side.SELL)
def test_rounding_gives_a_valid_price_and_a_valid_one_stays(instrument, price, side) -> None:
    rounded = instrument.round_price(price, side)
    assert _valid(instrument, rounded)
    assert instrument.round_price(rounded, side) == rounded


@given(st.sampled_from([FIXED, FIVE]), st.integers(25, 10**12), st.sampled_from(Side))
def test_rounding_never_makes_a_price_worse_and_finds_the_nearest(instrument, price, side) -> None:
    rounded = instrument.round_price(price, side)
    assert (rounded - price) * side <= 0
    low, high = sorted((price, rounded))
    nearer = range(high, low, -1) if side > 0 else range(low, high)
    assert abs(rounded - price) > 10_000 or not any(_valid(instrument, p) for p in nearer if p != rounded)


@pytest.mark.parametrize(
    ("price", "buy", "sell"),
    [
        (123_456, 123_450, 123_460),  # 12.3456: five figures
        (1_234_567, 1_234_500, 1_234_600),
        (12_345_678_901, 12_345_670_000, 12_345_680_000),  # whole numbers are always allowed
        (99_999, 99_999, 99_999),
        (999_996, 999_990, 1_000_000),
    ],
)
def test_five_significant_figures_and_whole_numbers(price, buy, sell) -> None:
    assert (FIVE.round_price(price, Side.BUY), FIVE.round_price(price, Side.SELL)) == (buy, sell)


@pytest.mark.parametrize(("price", "buy", "sell"), [(3, 10, 10), (9_999, 9_990, 9_990), (5_005, 5_000, 5_010)])
def test_a_probability_stays_strictly_between_nothing_and_one(price, buy, sell) -> None:
    assert (GRID.round_price(price, Side.BUY), GRID.round_price(price, Side.SELL)) == (buy, sell)


@given(st.sampled_from(ALL), PRICES, st.sampled_from(Side), st.integers(0, 9_999))
def test_a_bound_price_is_never_beyond_its_bound(instrument, price, side, bps) -> None:
    reference = instrument.round_price(price, Side.BUY)
    bound = instrument.bound_price(reference, side, bps)
    assert _valid(instrument, bound)
    assert side * bound * BPS <= side * reference * (BPS + side * bps)
    assert (bound - reference) * side >= 0


EXPONENTS = [(0, 0), (2, 4), (5, 1), (8, 8), (3, 6)]


@given(st.sampled_from(EXPONENTS), st.integers(-(10**9), 10**9), st.integers(1, 10**9))
def test_a_notional_is_rounded_by_its_name_and_never_in_our_favour(decimals, lots, price) -> None:
    instrument = Instrument(0, "X", "sim", Kind.SPOT, *decimals)
    exact = abs(instrument.show_lots(lots) * instrument.show_price(price)) * 10**6
    if exact.to_integral_value(ROUND_CEILING) > 2**63 - 1:
        with pytest.raises(NumericOverflow):
            instrument.notional_ceil(lots, price)
        return
    down, up = exact.to_integral_value(ROUND_FLOOR), exact.to_integral_value(ROUND_CEILING)
    assert instrument.notional_floor(lots, price) == down
    assert instrument.notional_ceil(lots, price) == up
    assert instrument.cost(Side.BUY, lots, price) == up
    assert instrument.cost(Side.SELL, lots, price) == down


@given(st.integers(0, 10**15), st.integers(0, 8))
def test_a_decimal_goes_in_and_comes_out_unchanged(units, decimals) -> None:
    instrument = Instrument(0, "X", "sim", Kind.SPOT, decimals, decimals)
    assert instrument.lots(instrument.show_lots(units)) == units
    assert instrument.price(str(instrument.show_price(units))) == units


@pytest.mark.parametrize(
    "bad",
    [
        "NaN", "sNaN", "Infinity", "-Infinity", "many", "", "0.001", "1e-9", "1e400", "9e999999", "9e-999999",
        "92233720368547758.08", "0.120000000000000000000000000000000000001",
    ],
)  # fmt: skip
def test_a_size_that_is_not_on_the_lot_grid_is_refused_by_type(bad) -> None:
    with pytest.raises(NumericOverflow):
        FIXED.lots(bad)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_is_a_size_or_a_typed_error(value) -> None:
    try:
        lots = FIXED.lots(value)
    except NumericOverflow:
        return
    assert FIXED.show_lots(lots) == value


@given(st.decimals(-(10**12), 10**12, places=9), st.integers(0, 6))
def test_units_are_rounded_as_named(value, decimals) -> None:
    assume(value.is_finite())
    low, high = to_units_floor(value, decimals), to_units_ceil(value, decimals)
    assert Decimal(low).scaleb(-decimals) <= value <= Decimal(high).scaleb(-decimals)
    assert high - low in (0, 1)


@pytest.mark.parametrize("round_units", [to_units_floor, to_units_ceil])
@pytest.mark.parametrize("bad", ["NaN", "Infinity", "9e999999"])
def test_a_money_amount_that_is_no_number_is_refused_by_type(round_units, bad) -> None:
    with pytest.raises(NumericOverflow):
        round_units(Decimal(bad), 6)
