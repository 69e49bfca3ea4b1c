"""Delays have the median and the tail that were asked for, and come from the seed."""

import numpy as np
import pytest

from pilotfish.venues.sim.latency import COLOCATED_ORDER, Latency

N = 20_000


def test_orders_have_the_published_median_and_p99():
    latency = Latency(4)
    drawn = [latency.order_ns() for _ in range(N)]
    assert np.median(drawn) == pytest.approx(COLOCATED_ORDER.median_ns, rel=0.03)
    assert np.quantile(drawn, 0.99) == pytest.approx(COLOCATED_ORDER.p99_ns, rel=0.08)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_batch_has_them_too_whatever_share_belongs_to_the_account(share):
    drawn = Latency(4, account_share=share).batch_ns(np.arange(N))
    assert np.median(drawn) == pytest.approx(COLOCATED_ORDER.median_ns, rel=0.03)
    assert np.quantile(drawn, 0.99) == pytest.approx(COLOCATED_ORDER.p99_ns, rel=0.08)


def test_an_account_that_is_far_away_stays_far_away():
    latency = Latency(4)
    first, second = latency.batch_ns(np.arange(N)), latency.batch_ns(np.arange(N))
    assert np.corrcoef(np.log(first), np.log(second))[0, 1] == pytest.approx(0.5, abs=0.03)
    fixed = Latency(4, account_share=1.0)
    assert (fixed.batch_ns(np.arange(N)) == fixed.batch_ns(np.arange(N))).all()


def test_the_seed_decides():
    same, other = Latency(4), Latency(5)
    assert [Latency(4).market_ns() for _ in range(3)] == [Latency(4).market_ns() for _ in range(3)]
    assert same.order_ns() != other.order_ns()
    assert (same.batch_ns(np.arange(9)) != other.batch_ns(np.arange(9))).any()


def test_no_delay_is_no_delay():
    none = Latency.none()
    assert (none.market_ns(), none.order_ns(), none.answer_ns()) == (0, 0, 0)
    assert not none.batch_ns(np.arange(9)).any()
