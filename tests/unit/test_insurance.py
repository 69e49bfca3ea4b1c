"""The insurance pool: who may claim, in which order claims are paid, and that it never pays more than it holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.errors import LedgerError
from pilotfish.domain.mandate import Route
from pilotfish.domain.terms import FeeTerms
from pilotfish.engine.facts import InsurancePaid
from pilotfish.engine.snapshot import decode_state, encode_state
from tests.unit.driver import USDC
from tests.unit.fee_scene import FREE, SUBSCRIBED, Scene


def _paid(facts: list) -> list[tuple[list[int], list[int], list[int]]]:
    """Rows, what each was paid, and what it is still owed, in USDC."""
    paid = [fact for fact in facts if isinstance(fact, InsurancePaid)]
    return [(f.rows.tolist(), (f.amounts // USDC).tolist(), (f.unpaid // USDC).tolist()) for f in paid]


@pytest.mark.parametrize("route", list(Route))
def test_an_account_below_zero_is_paid_at_once_from_what_the_pool_holds(route) -> None:
    scene = Scene([7, 8], terms=FREE, route=route)
    scene.fund(50 * USDC)
    scene.earn(-1_030 * USDC)
    assert _paid(scene.claim(0)) == [([0], [30], [0])]
    assert scene.money == [0, 1_000 * USDC]
    assert scene.pool == 20 * USDC
    assert scene.state.claims == {}
    assert scene.claim(0, 1) == []


def test_nobody_claims_while_something_is_open() -> None:
    scene = Scene([0, 1, 2, 3], terms=FREE)
    scene.fund(500 * USDC)
    scene.hold(0, 2_000)  # its money is negative because it paid for a position
    scene.earn(0, -1_030 * USDC, -1_030 * USDC)
    scene.order(1, 5)
    scene.order(2, 6, leaving=True)
    assert scene.claim(0, 1, 2, 3) == []
    scene.ledger.void(6)
    assert _paid(scene.claim(2)) == [([2], [30], [0])]


def test_what_a_follower_has_with_another_lead_covers_it_first() -> None:
    scene = Scene([0, 0, 1], lead=[0, 1, 0], allocation=100 * USDC, terms=FREE)
    scene.fund(100 * USDC)
    scene.earn(-150 * USDC)
    assert scene.claim(0) == []
    scene.earn(0, -60 * USDC)
    assert _paid(scene.claim(1)) == [([0], [10], [0])]
    assert scene.money == [-40 * USDC, 40 * USDC, 100 * USDC]


def test_a_follower_that_closes_its_last_position_claims_for_another_row() -> None:
    scene = Scene([0, 0], lead=[0, 1], allocation=100 * USDC, terms=FREE)
    scene.fund(100 * USDC)
    scene.hold(1, 90)
    scene.earn(-215 * USDC)
    assert scene.claim(0) == []
    scene.hold(1, -90)
    assert _paid(scene.claim(1)) == [([0], [15], [0])]


def test_first_come_first_served_by_row_within_one_event_and_never_more_than_there_is() -> None:
    scene = Scene([3, 2, 1], allocation=USDC, terms=FREE)
    scene.earn(0, -11 * USDC, -11 * USDC)
    assert _paid(scene.claim(1, 2)) == [([1, 2], [0, 0], [10, 10])]
    scene.earn(-11 * USDC)
    assert _paid(scene.claim(0)) == [([0], [0], [10])]
    assert list(scene.state.claims) == [2, 1, 3]
    scene.fund(15 * USDC)
    assert _paid(scene.claim()) == [([1, 2], [10, 5], [0, 5])]
    assert scene.pool == 0
    scene.fund(7 * USDC)
    assert _paid(scene.claim()) == [([0, 2], [2, 5], [8, 0])]
    assert scene.state.claims == {3: 8 * USDC}
    assert scene.money == [-8 * USDC, 0, 0]


def test_a_claim_waits_for_the_fees_that_pay_it() -> None:
    scene = Scene([0, 1, 2], allocation=100 * USDC, terms=SUBSCRIBED)
    scene.earn(-101 * USDC)
    scene.claim(0)
    assert _paid(scene.due(15)) == [([0], [0], [0])]  # 0.6 of 1
    assert scene.state.claims == {0: 400_000}
    scene.due(15)
    assert scene.state.claims == {}
    assert scene.pool == 200_000
    assert scene.state.standing.owed.tolist() == [3 * USDC, 0, 0]


def test_a_deposit_closes_a_claim_and_a_part_of_it_lowers_it() -> None:
    scene = Scene([0], allocation=USDC, terms=FREE)
    scene.earn(-11 * USDC)
    scene.claim(0)
    scene.cash([0], [4 * USDC])
    assert scene.state.claims == {0: 6 * USDC}
    scene.cash([0], [6 * USDC])
    assert scene.state.claims == {}
    scene.fund(5 * USDC)
    assert scene.claim(0) == []


def test_a_claim_that_grows_keeps_its_place_and_one_with_a_position_again_waits() -> None:
    scene = Scene([0, 1], allocation=USDC, terms=FREE)
    scene.earn(-3 * USDC, -3 * USDC)
    scene.claim(0, 1)
    scene.earn(-USDC)
    assert _paid(scene.claim(0)) == [([0], [0], [3])]
    assert list(scene.state.claims.items()) == [(0, 3 * USDC), (1, 2 * USDC)]
    scene.hold(0, 1)  # an order thought dead had filled
    scene.fund(100 * USDC)
    assert _paid(scene.claim(0)) == [([1], [2], [0])]
    assert scene.state.claims == {}


def test_a_claim_is_looked_at_again_before_it_is_paid() -> None:
    scene = Scene([0, 1], allocation=USDC, terms=FREE)
    scene.earn(-3 * USDC, -3 * USDC)
    scene.claim(0, 1)
    scene.earn(5 * USDC)  # a late word of the venue that nobody was told of
    scene.fund(3 * USDC)
    assert _paid(scene.claim()) == [([1], [2], [0])]
    assert (scene.money, scene.pool) == ([3 * USDC, 0], USDC)


def test_claims_keep_their_order_in_a_snapshot() -> None:
    scene = Scene([9, 4, 6], allocation=USDC, terms=FREE)
    scene.earn(-2 * USDC, -2 * USDC, -2 * USDC)
    for row in (2, 0, 1):
        scene.claim(row)
    assert list(decode_state(encode_state(scene.state)).claims) == [6, 9, 4]


def test_without_terms_there_is_no_pool_to_claim_from() -> None:
    scene = Scene([0], allocation=USDC)
    scene.earn(-2 * USDC)
    assert scene.claim(0) == []
    assert scene.state.claims == {}
    assert _paid(scene.set(FREE)) == []
    assert _paid(scene.claim(0)) == [([0], [0], [1])]


def test_the_ledger_refuses_to_pay_more_than_the_pool_holds() -> None:
    scene = Scene([0], terms=FREE)
    scene.fund(5)
    with pytest.raises(LedgerError, match="the pool holds 5"):
        scene.ledger.post_claims(ints([0]), ints([6]))
    assert scene.pool == 5


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from(["lose", "due", "cash"]), st.integers(0, 4), st.integers(1, 200 * USDC)), max_size=40
    )
)
def test_the_pool_is_never_below_zero_and_never_idle_while_somebody_claims(moves) -> None:
    scene = Scene([0, 0, 1, 2, 3], allocation=100 * USDC, terms=FeeTerms(subscription=5 * USDC))
    queue: list[int] = []
    for what, row, amount in moves:
        if what == "lose":
            scene.earn(*(-amount if k == row else 0 for k in range(5)))
            scene.claim(row)
        elif what == "cash":
            scene.cash([row], [amount])
        else:
            scene.due(amount / USDC)
        now = list(scene.state.claims)
        assert [each for each in queue if each in now] == now[: len([each for each in queue if each in now])]
        queue = now
        assert scene.pool == 0 or not now
        by_follower = [scene.money[0] + scene.money[1], *scene.money[2:]]
        assert scene.state.claims == {k: -money for k, money in enumerate(by_follower) if money < 0}
