"""Returns of money that comes and goes, held against sums done by hand."""

import numpy as np
import pytest

from pilotfish.evidence.capacity import Rung, capacity
from pilotfish.evidence.life import DAY_NS, death
from pilotfish.evidence.minimum import capital_needed
from pilotfish.evidence.returns import drawdown, linked, loss_to_copying, modified_dietz, step_returns


def test_money_weighted_return_by_hand():
    """100 for the whole time and 100 for half of it earned 30: 30 / (100 + 50) = 20%."""
    assert modified_dietz(0, 10, [(0, 100.0), (5, 100.0)], 230.0) == pytest.approx(0.2)


def test_money_that_came_late_and_lost_weighs_on_the_return():
    """100 doubled, then 900 more came for the last tenth and all lost half: (550 − 1000) / (100 + 90)."""
    early = modified_dietz(0, 10, [(0, 100.0)], 100.0 * 2 * 0.5)
    late = modified_dietz(0, 10, [(0, 100.0), (9, 900.0)], (200.0 + 900.0) / 2)
    assert early == pytest.approx(0.0)
    assert late == pytest.approx(-450 / 190)


def test_a_withdrawal_is_no_loss():
    assert modified_dietz(0, 4, [(0, 100.0), (2, -50.0)], 60.0) == pytest.approx(10 / 75)


def test_a_total_loss_has_a_return_and_no_money_has_none():
    assert modified_dietz(0, 10, [(0, 100.0)], 0.0) == pytest.approx(-1.0)
    assert modified_dietz(0, 10, [], 0.0) is None
    assert modified_dietz(5, 5, [(5, 100.0)], 100.0) is None
    assert modified_dietz(0, 10, [(10, 100.0)], 100.0) is None


def test_a_deposit_between_two_samples_is_no_gain():
    """0, then 100 come; 110 and 90 more come; 210: +10% and +5%."""
    steps = step_returns(np.array([0.0, 110.0, 210.0]), np.array([100.0, 90.0, 0.0]))
    assert steps.tolist() == pytest.approx([0.1, 0.05])
    assert linked(steps) == pytest.approx(0.155)


def test_drawdown_counts_from_the_top_and_from_the_start():
    assert drawdown(np.array([0.1, -0.2, 0.5, -0.1])) == pytest.approx(0.2)
    assert drawdown(np.array([-0.3, 0.1])) == pytest.approx(0.3)
    assert drawdown(np.array([-2.0, 0.5])) == pytest.approx(1.0)
    assert drawdown(np.array([0.1, 0.1])) == 0.0


def test_replication_loss_is_stated_on_the_money_and_on_the_trades():
    assert loss_to_copying(50.0, 20.0, invested=1_000.0, traded=6_000.0) == pytest.approx((0.03, 50.0))
    assert loss_to_copying(50.0, 20.0, invested=0.0, traded=0.0) == (None, None)


def test_capacity_is_the_last_rung_that_keeps_half_the_edge():
    ladder = [Rung(100_000, 0.02, 0.5), Rung(1_000, 0.10, 1.0), Rung(10_000, 0.06, 0.9)]
    found = capacity(ladder)
    assert (found.usdc, found.at_least) == (10_000, False)
    assert "100,000" in found.why


def test_a_rung_beyond_a_broken_one_does_not_count():
    assert capacity([Rung(1, 0.1, 1.0), Rung(10, 0.01, 1.0), Rung(100, 0.1, 1.0)]).usdc == 1


def test_a_ladder_that_ended_before_the_edge_says_so():
    found = capacity([Rung(1_000, 0.10, 1.0), Rung(10_000, 0.09, 1.0)])
    assert (found.usdc, found.at_least) == (10_000, True)


def test_without_an_edge_there_is_no_capacity():
    assert capacity([Rung(1_000, -0.01, 1.0), Rung(10_000, 0.5, 1.0)]).usdc is None
    assert capacity([]).usdc is None


def test_a_ruined_lead_is_dead_from_the_day_it_happened():
    times = [k * DAY_NS for k in range(4)]
    assert death(times, [100.0, 120.0, 9.0, 50.0], 3 * DAY_NS, 3 * DAY_NS) == (
        "ruined on 1970-01-03: 9% of its equity left"
    )


def test_a_lead_that_stopped_long_before_the_end_is_dead_and_a_pause_is_not():
    times = [k * DAY_NS for k in range(101)]
    whole = [100.0] * 101
    assert death(times, whole, 70 * DAY_NS, 100 * DAY_NS) == "silent since 1970-03-12"
    assert death(times, whole, 85 * DAY_NS, 100 * DAY_NS) == ""
    assert death(times[:11], whole[:11], 0, 10 * DAY_NS) == ""  # ten days tell nothing


def test_capital_needed_is_what_brings_a_copy_to_the_venues_minimum():
    """Of 10,000 USDC the lead put in 100: a copy of 1 USDC takes 100 USDC of capital."""
    assert capital_needed([100 * 10**6] * 3, [10**6] * 3, 10_000 * 10**6) == pytest.approx([100.0] * 9)
    assert capital_needed([], [], 10**6) == []
    rising = capital_needed([10**6, 10**7, 10**8], [10**6] * 3, 10**9)
    assert rising == sorted(rising)
