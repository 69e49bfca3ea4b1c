"""One trader behind two accounts is linked; two traders in one market are not."""

import numpy as np

from pilotfish.evidence.clones import SECOND, Orders, find_clones

DAY = 86_400 * SECOND


def orders(name, ns, side, size, instrument=0):
    at = np.argsort(ns, kind="stable")
    keys = np.broadcast_to(np.asarray(instrument, dtype=np.int64), len(ns))
    return Orders(
        name, keys[at], np.asarray(side, dtype=np.int64)[at], np.asarray(ns, dtype=np.int64)[at],
        np.asarray(size, dtype=np.float64)[at],
    )  # fmt: skip


def trader(name, seed, count=60, span=10 * DAY, instruments=3):
    rng = np.random.default_rng(seed)
    return orders(
        name, rng.integers(0, span, count), rng.choice([-1, 1], count), rng.lognormal(3, 1, count),
        rng.integers(0, instruments, count),
    )  # fmt: skip


def copy_of(one, name, scale=0.1, lag_s=2.0, jitter_s=0.0, seed=0):
    rng = np.random.default_rng(seed)
    late = one.ns + np.int64(lag_s * SECOND) + (rng.normal(0, 1, one.ns.size) * jitter_s * SECOND).astype(np.int64)
    return orders(name, late, one.side, one.size * scale, one.instrument)


def test_a_clone_at_a_tenth_and_two_seconds_later_is_linked():
    real = trader("real", 1)
    (link,) = find_clones([copy_of(real, "copy"), trader("other", 2), real])
    assert (link.first, link.second, link.matches) == ("real", "copy", 60)
    assert link.lag_s == 2.0
    assert abs(link.ratio - 0.1) < 1e-9
    assert link.by_chance < 1


def test_a_clone_that_misses_a_third_and_rounds_its_sizes_is_linked():
    real = trader("real", 1)
    copy = copy_of(real, "copy", jitter_s=1.0)
    keep = np.arange(copy.ns.size) % 3 != 0
    rounded = np.round(copy.size, 1) + 0.1 * (copy.size < 0.05)
    part = orders("copy", copy.ns[keep], copy.side[keep], rounded[keep], copy.instrument[keep])
    (link,) = find_clones([real, part])
    assert (link.first, link.second) == ("real", "copy")


def test_two_independent_traders_of_one_busy_market_are_not_linked():
    """800 orders each in one instrument within an hour: most have a neighbour of the same side within ten seconds."""
    hour = 3_600 * SECOND
    one, two = trader("one", 3, 800, hour, instruments=1), trader("two", 4, 800, hour, instruments=1)
    assert find_clones([one, two]) == []


def test_two_who_answer_the_same_news_with_sizes_of_their_own_are_not_linked():
    rng = np.random.default_rng(5)
    news, side = np.sort(rng.integers(0, 10 * DAY, 60)), rng.choice([-1, 1], 60)
    one = orders("one", news + rng.integers(0, 5 * SECOND, 60), side, rng.lognormal(3, 1, 60))
    two = orders("two", news + rng.integers(0, 5 * SECOND, 60), side, rng.lognormal(3, 1, 60))
    assert find_clones([one, two]) == []


def test_two_who_trade_the_same_fixed_size_in_one_market_are_not_linked():
    rng = np.random.default_rng(6)
    hour = 3_600 * SECOND
    one = orders("one", rng.integers(0, hour, 300), rng.choice([-1, 1], 300), np.full(300, 10.0))
    two = orders("two", rng.integers(0, hour, 300), rng.choice([-1, 1], 300), np.full(300, 10.0))
    assert find_clones([one, two]) == []


def test_the_opposite_side_is_no_clone():
    real = trader("real", 1)
    mirror = orders("mirror", real.ns + SECOND, -real.side, real.size, real.instrument)
    assert find_clones([real, mirror]) == []


def test_a_handful_of_orders_proves_nothing():
    real = trader("real", 1, count=7)
    assert find_clones([real, copy_of(real, "copy")]) == []
