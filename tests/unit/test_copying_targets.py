"""Targets: opens by the frozen ratio, reductions by fraction, and never beyond what the mandate allows."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.copying.targets import Change, SizingLimits, grown, increments, reduced
from pilotfish.domain.arith import ints
from pilotfish.domain.events import InstrumentListed, LeadEquity
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import NO_LIMIT, RATIO_UNIT, Sizing, SymbolRule
from pilotfish.domain.reasons import Reason
from tests.unit.driver import LEAD_EQUITY, PX, USDC, Desk, free_follows, perp

LOTS = st.integers(-(10**6), 10**6)


def _limits(n: int, order=NO_LIMIT, position=NO_LIMIT, allowed=True) -> SizingLimits:
    return SizingLimits(np.full(n, order), np.full(n, position), np.full(n, allowed))


@given(LOTS, LOTS)
def test_a_change_taken_apart_adds_up(old, new) -> None:
    change = Change.between(old, new)
    assert change.before == abs(old)
    assert 0 <= change.left <= change.before
    sign = (old > 0) - (old < 0)
    assert sign * change.left + change.opened == new
    assert change.left in (0, change.before) or change.opened == 0


@pytest.mark.parametrize(
    ("old", "new", "left", "opened"),
    [(0, 5, 0, 5), (5, 8, 5, 3), (5, 2, 2, 0), (5, 0, 0, 0), (5, -3, 0, -3), (-5, 3, 0, 3), (-5, -8, 5, -3)],
)
def test_a_flip_is_a_full_reduction_and_then_an_open(old, new, left, opened) -> None:
    change = Change.between(old, new)
    assert (change.left, change.opened) == (left, opened)


@given(st.lists(st.integers(-(10**12), 10**12), max_size=5), st.integers(1, 10**6), st.data())
def test_a_reduction_leaves_everybody_the_fraction_the_lead_kept(targets, before, data) -> None:
    left = data.draw(st.integers(0, before))
    kept = reduced(ints(targets), Change(before, left, 0)).tolist()
    assert kept == [int(Fraction(target * left, before)) for target in targets]


@given(st.lists(st.integers(1, 10**13), min_size=1, max_size=5), st.integers(1, 10**13), LOTS)
def test_an_open_asks_for_the_exact_ratio_rounded_toward_zero(allocations, equity, opened) -> None:
    exact = [int(Fraction(opened * SUBLOT * allocation, equity)) for allocation in allocations]
    if max(map(abs, exact)) < 10**18:
        assert increments(ints(allocations), np.full(len(allocations), equity), opened).tolist() == exact


@pytest.mark.parametrize("sign", [1, -1])
def test_a_lead_of_almost_no_equity_saturates_instead_of_overflowing(sign) -> None:
    step = increments(ints([10**12, 1]), ints([1, 1]), sign * 10**6)
    assert step[0] * sign > 10**18
    assert step[1] == sign * 10**6 * SUBLOT
    grown_to, _ = grown(ints([sign * 10**6, 0]), step, _limits(2, position=500 * USDC), perp(), PX)
    assert grown_to.tolist() == [sign * 500 * SUBLOT] * 2
    uncapped, _ = grown(step, step, _limits(2), perp(), 1)
    assert (np.sign(uncapped) == sign).all(), "the sum of two saturated steps does not wrap"


def test_an_order_cap_bounds_the_step_and_a_position_cap_the_result() -> None:
    step = ints([30 * SUBLOT, 30 * SUBLOT, 30 * SUBLOT])
    order, position = ints([10 * USDC, NO_LIMIT, NO_LIMIT]), ints([NO_LIMIT, 45 * USDC, NO_LIMIT])
    limits = SizingLimits(order, position, np.full(3, True))
    result, reasons = grown(np.full(3, 20 * SUBLOT), step, limits, perp(), PX)
    assert (result // SUBLOT).tolist() == [30, 45, 50]
    assert reasons.tolist() == [Reason.ORDER_CAP, Reason.POSITION_CAP, Reason.NONE]


def test_a_position_past_its_cap_because_the_price_rose_stays_and_does_not_grow() -> None:
    result, reasons = grown(ints([80 * SUBLOT]), ints([5 * SUBLOT]), _limits(1, position=50 * USDC), perp(), PX)
    assert (result // SUBLOT).tolist() == [80]
    assert reasons.tolist() == [Reason.POSITION_CAP]


@given(st.integers(1, 10**10), st.integers(1, 10**8), LOTS)
def test_a_capped_target_in_whole_lots_is_worth_no_more_than_its_cap(cap, price, lots) -> None:
    result, _ = grown(ints([0]), ints([lots * SUBLOT + SUBLOT // 3]), _limits(1, position=cap), perp(), price)
    assert -(-abs(int(result[0])) // SUBLOT) * price <= cap


def test_a_denied_instrument_keeps_its_target() -> None:
    result, reasons = grown(ints([7]), ints([5 * SUBLOT]), _limits(1, allowed=False), perp(), PX)
    assert result.tolist() == [7]
    assert reasons.tolist() == [Reason.DENIED]


@pytest.mark.parametrize(
    ("allow", "deny", "allowed"),
    [((), (), True), (("C0",), (), True), (("X",), (), False), ((), ("C0",), False), (("C0",), ("C0",), False)],
)
def test_a_denied_symbol_wins_and_an_empty_list_allows_all(allow, deny, allowed) -> None:
    assert SymbolRule(allow, deny).allows("C0") is allowed


def test_each_follow_obeys_its_own_symbol_rule_also_across_batches_and_later_listings() -> None:
    desk = Desk(instruments=[perp(0)])
    desk.follow(free_follows([0, 1], rule=[0, 1], rules=[SymbolRule(), SymbolRule(deny=("C0",))]))
    desk.follow(free_follows([2, 3], rule=[1, 0], rules=[SymbolRule(allow=("C1",)), SymbolRule()]))
    desk.go(InstrumentListed(*desk.stamp(), perp(1)))
    desk.top(k=1)
    desk.lead(10, k=0)
    desk.lead(10, k=1)
    assert [target > 0 for target in desk.targets(0)] == [True, False, True, False]
    assert [target > 0 for target in desk.targets(1)] == [True, True, True, True]


def test_a_fixed_ratio_and_a_share_of_the_leads_equity() -> None:
    desk = Desk()
    half, fixed = int(Sizing.PROPORTIONAL), int(Sizing.FIXED_RATIO)
    desk.follow(free_follows([0, 1], allocation=5_000 * USDC, sizing=[half, fixed], value=[0, 3 * RATIO_UNIT // 4]))
    desk.lead(10)
    assert desk.targets() == [5.0, 7.5]


def test_what_a_lead_deposits_or_withdraws_changes_no_target_of_those_who_follow_already() -> None:
    desk = Desk()
    desk.follow(free_follows([0]))
    desk.lead(100)
    desk.go(LeadEquity(*desk.stamp(), 0, LEAD_EQUITY * 10))
    assert desk.targets() == [10.0]
    desk.lead(100)
    desk.lead(-100)
    assert desk.targets() == [10.0]
    desk.follow(free_follows([1]))
    desk.lead(100)
    assert desk.targets() == [20.0, 1.0], "who follows later, follows the equity of that day"


def test_a_partial_close_takes_the_same_fraction_of_a_position_that_a_cap_had_cut() -> None:
    desk = Desk()
    desk.follow(free_follows([0, 1], position_cap=[40 * USDC, NO_LIMIT], allocation=5_000 * USDC))
    desk.lead(200)
    assert desk.targets() == [40.0, 100.0]
    desk.lead(-50)
    assert desk.targets() == [30.0, 75.0]
    desk.lead(-151)
    assert desk.targets() == [-0.5, -0.5]
