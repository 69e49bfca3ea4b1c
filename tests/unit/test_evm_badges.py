"""A credit is its fills, whatever their order; its hash changes with each of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.venues.evm.proof.badges import NO_CREDITS, UNIT, CountedFill, FillsRefused, credit, issued

fills = st.lists(
    st.builds(CountedFill, st.sampled_from(["uniswap", "hyperliquid"]), st.text(max_size=8), st.integers(1, 10**12)),
    min_size=1,
    max_size=8,
    unique_by=lambda fill: (fill.venue, fill.id),
)


@given(fills, st.randoms())
def test_the_order_of_the_fills_changes_nothing(some, chance):
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert credit(shuffled) == credit(some)
    assert credit(some).volume == sum(fill.volume for fill in some)


@given(fills, st.data())
def test_another_fill_is_another_hash(some, data):
    place = data.draw(st.integers(0, len(some) - 1))
    fill = some[place]
    for changed in (
        CountedFill(fill.venue, fill.id, fill.volume + 1),
        CountedFill(fill.venue, fill.id + "'" * 9, fill.volume),
        CountedFill(fill.venue + "'", fill.id, fill.volume),
    ):
        assert credit([*some[:place], changed, *some[place + 1 :]]).fills_hash != credit(some).fills_hash


def test_a_name_that_runs_into_the_id_is_another_fill():
    assert credit([CountedFill("ab", "c", 1)]).fills_hash != credit([CountedFill("a", "bc", 1)]).fills_hash


def test_a_chain_goes_on_from_the_credit_before():
    first = credit([CountedFill("uniswap", "1", 5)])
    second = credit([CountedFill("uniswap", "2", 6)], first.trail)
    assert first.before == NO_CREDITS
    assert second.before == first.trail != second.trail


@given(st.lists(st.integers(1, 10 * UNIT), max_size=20))
def test_badges_are_the_whole_hundreds_however_the_volume_came(volumes):
    total, badges = 0, 0
    for volume in volumes:
        badges += issued(total, volume)
        total += volume
    assert badges == total // UNIT


def test_fills_that_make_no_credit_are_refused():
    good = CountedFill("uniswap", "1", 5)
    for bad in ([], [good, good], [good, CountedFill("uniswap", "1", 6)], [CountedFill("uniswap", "1", 0)]):
        with pytest.raises(FillsRefused) as told:
            credit(bad)
        assert told.value.to_do


def test_an_id_that_is_no_text_a_venue_should_send_is_hashed_all_the_same():
    assert len(credit([CountedFill("uniswap", "\ud800", 5)]).fills_hash) == 32
