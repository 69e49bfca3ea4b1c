"""Fees over any sequence of profits, losses, cash, settlements, positions, departures and new terms."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.terms import FeeTerms
from pilotfish.ledger.fees import totals_within
from tests.unit.driver import PX, USDC
from tests.unit.fee_scene import Scene, charged

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["earn", "cash", "due", "leave", "hold", "set"]),
        st.integers(0, 3),
        st.integers(-300 * USDC, 300 * USDC),
    ),
    max_size=40,
)


def _move(scene: Scene, what: str, row: int, amount: int) -> list:
    if what == "earn":
        scene.earn(*(amount if k == row else 0 for k in range(4)))
    elif what == "cash" and (amount > 0 or (scene.money[row] >= -amount and all(scene.may_move([row], [amount])))):
        return scene.cash([row], [amount])
    elif what == "due":
        return scene.due(abs(amount) / USDC / 10)
    elif what == "leave":
        return scene.leave(row)
    elif what == "hold":
        scene.hold(row, amount // USDC)
        scene.at(PX + amount // 1_000)
    elif what == "set":
        return scene.set(FeeTerms(subscription=5 * USDC, steps=((0, 500), (2_000, 1_500))))
    return []


@settings(max_examples=150)
@given(MOVES)
def test_nobody_is_charged_below_the_mark_or_beyond_free_money_and_nothing_is_lost(moves) -> None:
    scene = Scene([0, 0, 1, 2], lead=[0, 1, 0, 1], terms=FeeTerms(subscription=3 * USDC), coupon=[0, 1, 0, 1])
    group = scene.state.follows.follower
    for what, row, amount in moves:
        before, equity = totals_within(ints(scene.marks), group, 3), totals_within(ints(scene.equity()), group, 3)
        facts = _move(scene, what, row, amount)
        fees = np.zeros(4, dtype=np.int64)
        for fact in facts:
            if getattr(fact, "kind", "") == "performance":
                fees[fact.rows] += fact.amounts
            if getattr(fact, "kind", ""):
                assert (fact.amounts > 0).all()
        gains = np.maximum(equity - before, 0)
        assert (totals_within(fees, group, 3) * 100 <= gains * 15).all()  # `_said` checked that money sums to zero
        assert (totals_within(ints(scene.marks), group, 3) >= 0).all()
        assert (scene.state.standing.owed >= 0).all()


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(-400 * USDC, 400 * USDC), st.integers(1, 40)), min_size=1, max_size=30))
def test_all_that_is_ever_charged_is_at_most_the_top_rate_on_the_highest_mark(path) -> None:
    scene, total, highest = Scene([0], terms=FeeTerms()), 0, 1_000 * USDC
    for profit, days in path:
        scene.earn(profit)
        highest = max(highest, scene.money[0])
        total += charged(scene.due(days), "performance")
        assert total * 100 <= (highest - 1_000 * USDC) * 15
        assert scene.marks[0] <= highest
