"""The venue's decimal strings and our integers are the same numbers."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.venues.decimals import MessageRefused, Numbers, fixed, fixed_ceil, fixed_floor, shown

UNITS = st.integers(-(2**63) + 1, 2**63 - 1)
NUMBER = st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,14})?", fullmatch=True)


@given(UNITS, st.integers(0, 18))
def test_an_integer_comes_back_from_its_text(units, decimals) -> None:
    text = shown(units, decimals)
    assert fixed(text, decimals) == units
    assert Decimal(text) == Decimal(units).scaleb(-decimals)
    assert "." not in text or text[-1] not in "0."


@given(NUMBER, st.integers(0, 6))
def test_a_number_is_exact_or_refused_and_rounded_only_by_name(text, decimals) -> None:
    exact = Decimal(text).scaleb(decimals)
    assert fixed_floor(text, decimals) == exact.to_integral_value(ROUND_FLOOR)
    assert fixed_ceil(text, decimals) == exact.to_integral_value(ROUND_CEILING)
    if exact == exact.to_integral_value():
        assert fixed(text, decimals) == exact
    else:
        with pytest.raises(MessageRefused, match="too many"):
            fixed(text, decimals)


@given(st.text(max_size=50) | st.text(alphabet="0123456789.-+_eE ٣²", max_size=12), st.integers(0, 8))
def test_text_from_anywhere_is_its_number_or_refused(text, decimals) -> None:
    for read in (fixed, fixed_floor, fixed_ceil):
        try:
            value = read(text, decimals)
        except MessageRefused:
            continue
        try:
            number = Decimal(text)
        except InvalidOperation:
            pytest.fail(f"{text!r} was read as {value}")
        assert abs(number.scaleb(decimals) - value) < 1


@pytest.mark.parametrize("text", ["", ".", "-", "1_0", " 1", "1e3", "٣", "²", "--5", "+5", "1.-5", "0x1", "NaN", "inf"])
def test_what_is_no_number_of_the_venue_is_refused(text) -> None:
    for read in (fixed, fixed_floor, fixed_ceil):
        with pytest.raises(MessageRefused):
            read(text, 2)


@pytest.mark.parametrize("text", ["92233720368547758.08", "9" * 41, "-99999999999999999999"])
def test_what_leaves_int64_is_refused(text) -> None:
    with pytest.raises(MessageRefused):
        fixed(text, 2)


def test_numbers_once_read_are_remembered_up_to_a_bound_and_refusals_are_not() -> None:
    numbers = Numbers(2)
    assert [numbers[f"{k}.5"] for k in range(Numbers.KEPT + 10)] == [k * 100 + 50 for k in range(Numbers.KEPT + 10)]
    assert len(numbers) == 10
    with pytest.raises(MessageRefused):
        numbers["1.005"]
    assert len(numbers) == 10
