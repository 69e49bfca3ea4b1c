"""Positions order the fills: whatever the shuffle, the walk is found again, and every gap costs exactly one break."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pilotfish.venues.recordings.chain import Link, breaks, ordered

WALKS = st.lists(st.integers(-3, 3).filter(bool), min_size=1, max_size=40)


def walk(steps: list[int], start: int = 0) -> list[Link]:
    at = [Decimal(start)]
    for step in steps:
        at.append(at[-1] + step)
    return [Link(a, b) for a, b in pairwise(at)]


@given(WALKS, st.randoms(use_true_random=False))
def test_a_shuffled_walk_is_put_in_an_order_that_closes(steps, chance):
    links = walk(steps)
    chance.shuffle(links)
    order = ordered(links, Decimal(0))
    assert sorted(order) == list(range(len(links)))
    assert breaks([links[i] for i in order], Decimal(0)) == 0


@given(WALKS, st.randoms(use_true_random=False))
def test_without_a_known_beginning_it_closes_too(steps, chance):
    links = walk(steps)
    chance.shuffle(links)
    assert breaks([links[i] for i in ordered(links)]) == 0


@given(WALKS, WALKS, st.randoms(use_true_random=False))
def test_two_walks_with_a_gap_between_them_break_at_most_once(first, second, chance):
    links = walk(first) + walk(second, start=1000)
    chance.shuffle(links)
    order = ordered(links, Decimal(0))
    assert sorted(order) == list(range(len(links)))
    assert breaks([links[i] for i in order], Decimal(0)) == 1


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), max_size=30), st.none() | st.integers(-4, 4))
def test_no_fill_is_lost_or_doubled_however_broken_the_chain(pairs, before):
    links = [Link(Decimal(a), Decimal(b)) for a, b in pairs]
    order = ordered(links, None if before is None else Decimal(before))
    assert sorted(order) == list(range(len(links)))


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), max_size=30), st.none() | st.integers(-4, 4))
def test_the_order_found_never_breaks_more_often_than_the_given_one(pairs, before):
    links, stood = [Link(Decimal(a), Decimal(b)) for a, b in pairs], None if before is None else Decimal(before)
    assert breaks([links[i] for i in ordered(links, stood)], stood) <= breaks(links, stood)


def test_an_order_that_holds_is_left_alone_even_where_others_would_do():
    there_and_back = walk([1, -1, 1, -1])
    assert ordered(there_and_back, Decimal(0)) == [0, 1, 2, 3]


def test_a_start_within_the_tolerance_closes_and_one_beyond_does_not():
    near = Link(Decimal("1.00001"), Decimal(2), tolerance=Decimal("0.00001"))
    assert breaks([Link(Decimal(0), Decimal(1)), near]) == 0
    assert breaks([Link(Decimal(0), Decimal("0.99999")), near]) == 1


def test_tolerant_positions_are_rebuilt_as_one():
    blur = Decimal("0.001")
    links = [
        Link(Decimal("2.0005"), Decimal(3), blur),
        Link(Decimal(0), Decimal(1), blur),
        Link(Decimal("0.9995"), Decimal(2), blur),
    ]
    assert ordered(links) == [1, 2, 0]


def test_a_gap_comes_as_late_as_the_chain_allows_so_that_the_next_fill_can_follow_on():
    """From 0 there and back to 0, then a gap, then 3 to 1: the walk ends where the orphan leads, not where it began."""
    links = [Link(Decimal(1), Decimal(0)), Link(Decimal(0), Decimal(1)), Link(Decimal(3), Decimal(1))]
    assert ordered(links, Decimal(0)) == [1, 0, 2]
