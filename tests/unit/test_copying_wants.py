"""From where follows are to where they should be, and a block shared so that nobody is a lot off."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.copying.wants import block_lots, joining, share, wants
from pilotfish.domain.arith import ints
from pilotfish.domain.instrument import SUBLOT

SUBLOTS = st.integers(-(10**12), 10**12)
PAIRS = st.lists(st.tuples(SUBLOTS, SUBLOTS), min_size=1, max_size=8)
QUOTAS = st.lists(st.one_of(st.just(0), st.integers(0, 5 * SUBLOT), st.integers(0, 10**12)), min_size=1, max_size=12)


NOTHING = ints([0])


@given(PAIRS)
def test_exits_lead_toward_zero_opens_away_and_both_together_to_the_target(pairs) -> None:
    targets, held = (ints(column) for column in zip(*pairs, strict=True))
    nothing = np.zeros_like(held)
    want = wants(targets, held, nothing, nothing)
    between = held + want.exits
    assert (between + want.opens + want.later == targets).all()
    assert (want.opens * want.later == 0).all()
    assert (np.abs(between) <= np.abs(held)).all()
    assert (np.sign(between) * np.sign(held) >= 0).all()
    assert (np.abs(between) <= np.abs(targets)).all()
    assert (np.sign(want.opens + want.later) * np.sign(targets) >= 0).all()


@given(SUBLOTS, SUBLOTS, SUBLOTS, st.integers(0, 100))
def test_only_what_is_held_and_not_leaving_yet_is_left(target, position, opening, percent) -> None:
    leaving = -position * percent // 100 if position < 0 else -(position * percent // 100)
    exits = int(wants(ints([target]), ints([position]), ints([opening]), ints([leaving])).exits[0])
    assert abs(exits) <= abs(position + leaving)
    assert exits == 0 or exits * position < 0


def test_a_flip_is_an_exit_now_and_an_open_once_nothing_is_held_or_under_way_on_the_other_side() -> None:
    scenes = [(5, 0, 0, -5, 0), (5, 0, -5, 0, 0), (0, 4, 0, 0, 0), (0, 0, 0, 0, -3)]
    for position, opening, leaving, exits, opens in scenes:
        want = wants(ints([-3]), ints([position]), ints([opening]), ints([leaving]))
        assert (want.exits.tolist(), want.opens.tolist()) == ([exits], [opens])


def test_an_open_in_flight_is_not_asked_for_again_and_not_sold_before_it_is_known_to_have_filled() -> None:
    assert wants(ints([5]), NOTHING, ints([5]), NOTHING).opens.tolist() == [0]
    assert wants(NOTHING, NOTHING, ints([5]), NOTHING).exits.tolist() == [0]
    assert wants(NOTHING, ints([5]), NOTHING, ints([-5])).exits.tolist() == [0]


@given(st.lists(SUBLOTS, min_size=1, max_size=8), st.sampled_from([1, -1]))
def test_less_than_a_lot_joins_only_when_the_lead_moves_that_way(want, side) -> None:
    with_lead = joining(ints(want), side, True)
    without = joining(ints(want), side, False)
    assert with_lead.tolist() == [max(side * w, 0) for w in want]
    assert without.tolist() == [w if w >= SUBLOT else 0 for w in with_lead.tolist()]


@given(QUOTAS)
def test_a_full_fill_leaves_everybody_within_one_lot_of_its_quota(quotas) -> None:
    filled = block_lots(ints(quotas))
    assert filled == sum(quotas) // SUBLOT
    parts = share(filled, ints(quotas)).tolist()
    assert sum(parts) == filled
    for part, quota in zip(parts, quotas, strict=True):
        assert quota // SUBLOT <= part <= -(-quota // SUBLOT)


@given(QUOTAS, st.data())
def test_a_partial_fill_gives_nobody_more_than_its_quota_rounded_up(quotas, data) -> None:
    filled = data.draw(st.integers(0, sum(quotas) // SUBLOT))
    parts = share(filled, ints(quotas)).tolist()
    assert sum(parts) == filled
    for part, quota in zip(parts, quotas, strict=True):
        assert 0 <= part <= -(-quota // SUBLOT)


def test_a_partial_fill_is_shared_pro_rata() -> None:
    assert share(10, ints([30 * SUBLOT, 20 * SUBLOT, 0])).tolist() == [6, 4, 0]


def test_the_small_account_does_not_always_lose_the_dust() -> None:
    """Ten fills of one lot among three equal follows: the carried error makes everybody's turn come."""
    targets, held = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for _ in range(10):
        targets += SUBLOT // 3
        quotas = joining(wants(targets, held, 0 * held, 0 * held).opens, 1, True)
        held += share(block_lots(quotas), quotas) * SUBLOT
        assert (np.abs(targets - held) < SUBLOT).all()
    assert held.tolist() == [3 * SUBLOT] * 3


def test_a_block_of_many_large_quotas_does_not_wrap() -> None:
    quotas = np.full(40, 2**61, dtype=np.int64)
    assert block_lots(quotas) == 40 * 2**61 // SUBLOT
