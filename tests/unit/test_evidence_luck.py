"""Intervals and deflation: textbook values, and worlds where the truth is known."""

import numpy as np
import pytest

from pilotfish.evidence.luck import (
    intervals,
    luckiest,
    probabilistic_sharpe,
    rank_correlation,
    rank_interval,
    resampled,
    sharpe,
    wilson,
)


def test_wilsons_interval_of_a_textbook_case():
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(1, 1)
    assert low == pytest.approx(0.2065, abs=1e-3)  # one win proves next to nothing
    assert high == 1.0


def test_sharpe_by_hand_and_none_where_nothing_varies():
    assert sharpe(np.array([0.01, 0.03, 0.02])) == pytest.approx(2.0)
    assert sharpe(np.zeros(50)) is None
    assert sharpe(np.array([0.1, 0.2])) is None


def test_the_bootstrap_is_the_same_for_the_same_seed_and_draws_only_what_was_there():
    returns = np.random.default_rng(3).normal(0, 1, 40)
    drawn = resampled(returns, 7, draws=50)
    assert drawn.shape == (50, 40)
    assert np.array_equal(drawn, resampled(returns, 7, draws=50))
    assert not np.array_equal(drawn, resampled(returns, 8, draws=50))
    assert np.isin(drawn, returns).all()


def test_the_bootstrap_keeps_neighbours_together():
    returns = np.arange(64.0)
    drawn = resampled(returns, 1, draws=400)
    follows = ((drawn[:, 1:] - drawn[:, :-1]) % 64 == 1).mean()
    assert follows == pytest.approx(1 - 1 / 64 ** (1 / 3), abs=0.03)  # mean block length n^(1/3) = 4


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng, covered = np.random.default_rng(11), 0
    for seed in range(60):
        found = intervals(rng.normal(0.001, 0.01, 120), np.eye(1, 120)[0], 1.0, seed)
        assert found is not None
        covered += found[0].low <= 0.1 <= found[0].high
    assert covered >= 51  # 95% of 60 is 57; a bootstrap of 120 steps is a little narrow


def test_eight_steps_are_the_least_for_an_interval():
    assert intervals(np.full(7, 0.01), np.eye(1, 7)[0], 1.0, 1) is None
    assert intervals(np.array([0.01, -0.01] * 4), np.eye(1, 8)[0], 1.0, 1) is not None


def test_the_interval_is_of_the_money_that_was_there():
    """Steps of exactly 1%: 100 for ten steps and 100 for the last five, so every draw earns the same."""
    flows = np.zeros(11)
    flows[0], flows[5] = 100.0, 100.0
    (_, (low, high)) = intervals(np.full(10, 0.01), flows, 150.0, 1)
    earned = 100 * (1.01**10 - 1) + 100 * (1.01**5 - 1)
    assert (low, high) == pytest.approx((earned / 150, earned / 150))


def test_fifteen_leads_say_little_about_a_rank_correlation():
    low, high = rank_interval(0.24, 15)
    assert low == pytest.approx(-0.326, abs=0.005)
    assert high == pytest.approx(0.681, abs=0.005)
    assert rank_interval(0.9, 4) is None


def test_probabilistic_sharpe_is_a_half_at_its_own_benchmark_and_grows_with_the_sample():
    rng = np.random.default_rng(5)
    returns = rng.normal(0.002, 0.01, 250)
    ratio = sharpe(returns)
    assert probabilistic_sharpe(returns, ratio) == pytest.approx(0.5)
    assert probabilistic_sharpe(returns) > probabilistic_sharpe(returns[:60])
    assert probabilistic_sharpe(np.zeros(30)) is None


def test_a_fat_left_tail_makes_a_sharpe_ratio_less_sure():
    good = np.random.default_rng(2).normal(0.0, 0.01, 200)
    crash = good.copy()
    crash[50] = -0.12
    crash = (crash - crash.mean()) / crash.std() * 0.01 + 0.002
    calm = (good - good.mean()) / good.std() * 0.01 + 0.002
    assert probabilistic_sharpe(crash) < probabilistic_sharpe(calm)


def test_the_luckiest_of_many_grows_with_how_many_were_looked_at():
    ratios = np.random.default_rng(1).normal(0, 1, 1_000).tolist()
    spread = float(np.std(ratios, ddof=1))
    assert luckiest(ratios, 10) / spread == pytest.approx(1.5746, abs=1e-3)  # the true mean maximum of ten is 1.5388
    assert luckiest(ratios, 1_000) > luckiest(ratios, 100) > luckiest(ratios, 10)
    assert luckiest([0.3], 1) == 0.0


def test_the_best_of_thirty_without_skill_is_hardly_ever_told_from_luck():
    """Undeflated, the best of thirty coin tossers looks proven in most worlds; deflated in next to none."""
    rng, naive, deflated = np.random.default_rng(42), 0, 0
    for _ in range(40):
        leads = rng.normal(0.0, 0.01, (30, 200))
        ratios = [sharpe(lead) for lead in leads]
        best = leads[int(np.argmax(ratios))]
        naive += probabilistic_sharpe(best) >= 0.95
        deflated += probabilistic_sharpe(best, luckiest(ratios, 30)) >= 0.95
    assert naive >= 25
    assert deflated <= 2


def test_one_with_skill_among_thirty_is_found():
    rng = np.random.default_rng(9)
    leads = rng.normal(0.0, 0.01, (30, 300))
    leads[4] += 0.006
    ratios = [sharpe(lead) for lead in leads]
    assert probabilistic_sharpe(leads[4], luckiest(ratios, 30)) > 0.95


def test_rank_correlation_by_hand():
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 25]) == pytest.approx(0.8)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 1, 2], [1, 1, 2]) == pytest.approx(1.0)
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
