"""From the quotes we want to commands: the least that gets there, and nothing on top of an unsettled order."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import InvariantBroken
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Place, Tif
from pilotfish.execution.planning import Desired, Resting, difference, replace_all

KEYS = st.tuples(st.sampled_from([1, -1]), st.integers(98, 102))
DESIRED = st.dictionaries(KEYS, st.integers(1, 5), max_size=6).map(
    lambda quotes: [Desired(side, price, lots) for (side, price), lots in quotes.items()]
)
RESTING = st.lists(st.tuples(KEYS, st.integers(1, 5), st.booleans()), max_size=6).map(
    lambda orders: [Resting(coid, *key, lots, settled) for coid, (key, lots, settled) in enumerate(orders)]
)


def _applied(resting, commands):
    """What rests once the venue has done as told."""
    book = {order.coid: (order.side, order.price, order.lots_left) for order in resting}
    for command in commands:
        if isinstance(command, Cancel):
            del book[command.coid]
        elif isinstance(command, Amend):
            book[command.coid] = (book[command.coid][0], command.price, command.lots)
        elif isinstance(command, Place):
            assert command.coid not in book
            book[command.coid] = (command.side, command.price, command.lots)
    return book


@given(RESTING, DESIRED, st.booleans())
def test_what_rests_afterwards_is_what_was_desired_but_for_what_is_unsettled(resting, desired, amend) -> None:
    commands = difference(0, 0, resting, desired, count(100), amend=amend)
    unsettled = {order.coid for order in resting if not order.settled}
    assert not any(command.coid in unsettled for command in commands)
    after = _applied(resting, commands)
    taken = {(o.side, o.price) for o in resting if not o.settled}
    mine = {key: value for key, value in after.items() if key not in unsettled}
    settled = sorted(value for value in mine.values() if value[:2] not in taken)
    assert settled == sorted((d.side, d.price, d.lots) for d in desired if (d.side, d.price) not in taken)
    new = [c for c in commands if isinstance(c, Place)]
    assert not any((place.side, place.price) in taken for place in new)


@given(RESTING, DESIRED)
def test_what_reduces_risk_goes_first_and_nothing_is_told_twice(resting, desired) -> None:
    commands = difference(0, 0, resting, desired, count(100))
    kinds = [type(command) for command in commands]
    assert kinds == sorted(kinds, key=[Cancel, Amend, Place].index)
    assert len({command.coid for command in commands}) == len(commands)


@given(DESIRED)
def test_a_quote_that_rests_as_desired_costs_no_command(desired) -> None:
    resting = [Resting(coid, d.side, d.price, d.lots) for coid, d in enumerate(desired)]
    assert difference(0, 0, resting, desired, count(100)) == []


def test_a_changed_size_is_amended_where_the_venue_can_and_replaced_where_not() -> None:
    resting, desired = [Resting(1, 1, 99, 5)], [Desired(1, 99, 3)]
    assert difference(7, 2, resting, desired, count(100)) == [Amend(1, 3, 99)]
    cancel, place = difference(7, 2, resting, desired, count(100), amend=False)
    assert (cancel, place) == (Cancel(1), Place(100, 7, 2, 1, 3, 99, Tif.ALO))


def test_a_larger_size_is_a_new_order_and_an_amendment_counts_what_has_filled() -> None:
    cancel, place = difference(7, 2, [Resting(1, 1, 99, 3)], [Desired(1, 99, 5)], count(100))
    assert (cancel, place) == (Cancel(1), Place(100, 7, 2, 1, 5, 99, Tif.ALO))
    assert difference(7, 2, [Resting(1, 1, 99, 5, filled=2)], [Desired(1, 99, 3)], count(100)) == [Amend(1, 5, 99)]


def test_two_quotes_at_one_price_are_refused() -> None:
    with pytest.raises(InvariantBroken, match="two quotes"):
        difference(0, 0, [], [Desired(1, 99, 5), Desired(1, 99, 2)], count(100))


def test_two_orders_at_one_price_become_one() -> None:
    resting = [Resting(1, 1, 99, 5), Resting(2, 1, 99, 5)]
    assert difference(0, 0, resting, [Desired(1, 99, 5)], count(100)) == [Cancel(2)]


def test_replacing_everything_cancels_first() -> None:
    commands = replace_all(7, 2, [Desired(1, 99, 3), Desired(-1, 101, 4, Tif.GTC, True)], count(100))
    assert commands == [
        CancelAll(7, 2), Place(100, 7, 2, 1, 3, 99, Tif.ALO), Place(101, 7, 2, -1, 4, 101, Tif.GTC, True)
    ]  # fmt: skip
