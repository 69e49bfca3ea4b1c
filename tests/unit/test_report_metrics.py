"""Samples with counts: exactly what numpy says of the same values written out one by one."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pilotfish.domain.errors import InvariantBroken
from pilotfish.views.report.metrics import WeightedSample, log_edges, step_edges

VALUES = st.floats(-1e9, 1e9, allow_subnormal=False) | st.integers(-50, 50).map(float)
PAIRS = st.lists(st.tuples(VALUES, st.integers(0, 40)), max_size=60)
QS = [0.0, 1.0, 5.0, 37.3, 50.0, 90.0, 99.0, 99.9, 100.0]


def _sample(pairs: list[tuple[float, int]], chunk: int = 7) -> WeightedSample:
    made = WeightedSample()
    for i in range(0, len(pairs), chunk):
        made.add([v for v, _ in pairs[i : i + chunk]], [n for _, n in pairs[i : i + chunk]])
    return made


def _expanded(pairs: list[tuple[float, int]]) -> np.ndarray:
    return np.repeat([v for v, _ in pairs], [n for _, n in pairs]) if pairs else np.empty(0)


@given(PAIRS)
def test_percentiles_equal_numpys_on_the_expanded_values(pairs: list[tuple[float, int]]) -> None:
    expanded = _expanded(pairs)
    assume(expanded.size)
    made = _sample(pairs)
    assert made.count == expanded.size
    assert made.percentiles(QS) == np.percentile(expanded, QS).tolist()
    assert made.mean == pytest.approx(expanded.mean(), rel=1e-9, abs=1e-6)


@given(PAIRS, st.randoms(use_true_random=False), st.integers(1, 9))
def test_the_order_and_the_portions_of_arrival_change_nothing(pairs, chance, chunk) -> None:
    shuffled = list(pairs)
    chance.shuffle(shuffled)
    assert _sample(shuffled, chunk).distribution() == _sample(pairs).distribution()


@given(PAIRS, PAIRS)
def test_a_merged_sample_is_the_sample_of_both(one, two) -> None:
    made = _sample(one)
    made.merge(_sample(two))
    assert made.distribution() == _sample(one + two).distribution()


@given(PAIRS)
def test_a_histogram_holds_every_value_once(pairs) -> None:
    made, expanded = _sample(pairs), _expanded(pairs)
    for scale in ("linear", "log"):
        h = made.distribution(scale).histogram
        assert h is None or sum(h.counts) + h.below + h.above == expanded.size
    edges = [-10.0, 0.0, 10.0, 25.0]
    h = made.histogram(edges)
    assert h.counts == np.histogram(expanded, edges)[0].tolist()


@given(VALUES, VALUES)
def test_round_steps_cover_their_range_and_meet_at_zero(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    edges = step_edges(low, high)
    assert edges[0] <= low
    assert high <= edges[-1]
    assert len(edges) <= 61
    assert (0.0 in edges) or not (edges[0] < 0 < edges[-1])


def test_geometric_edges_include_both_ends_to_the_last_bit() -> None:
    values = np.array([0.1, 3.0, 12_345.678])
    edges = log_edges(values)
    assert edges[0] == 0.1
    assert edges[-1] == 12_345.678
    assert log_edges(np.array([0.0, -3.0])) == []


def test_twenty_million_copies_are_as_exact_as_twenty() -> None:
    made = WeightedSample()
    made.add([100.0, 200.0], [19_800_000, 200_000])
    assert made.count == 20_000_000
    assert made.percentile(50) == 100.0
    # position 19_799_999.01 lies one hundredth of the way from the last 100 to the first 200
    assert made.percentile(99) == pytest.approx(101.0, abs=1e-6)
    assert made.mean == 101.0


def test_values_are_merged_in_batches_without_losing_any() -> None:
    made = WeightedSample()
    for _ in range(5):
        made.add(np.arange(60_000) % 1_000)
    values, counts = made.columns()
    assert values.tolist() == list(range(1_000))
    assert set(counts.tolist()) == {300}


def test_what_is_not_a_number_is_set_aside_and_counted() -> None:
    made = WeightedSample()
    made.add([1.0, float("nan"), float("inf")], [2, 3, 4])
    assert (made.count, made.dropped, made.percentile(99)) == (2, 7, 1.0)


def test_a_resolution_bounds_the_different_values() -> None:
    made = WeightedSample(resolution=0.5)
    made.add(np.linspace(0, 10, 10_001))
    assert made.columns()[0].tolist() == [k * 0.5 for k in range(21)]
    assert made.count == 10_001


def test_an_empty_sample_has_no_figures() -> None:
    made = WeightedSample()
    assert (made.count, made.mean, made.percentile(50)) == (0, None, None)
    assert made.distribution().p99 is None
    assert made.distribution("log").histogram is None


def test_a_negative_count_and_crooked_edges_are_refused() -> None:
    with pytest.raises(InvariantBroken, match="negative count"):
        WeightedSample().add([1.0], [-1])
    with pytest.raises(InvariantBroken, match="edges"):
        WeightedSample().histogram([1.0, 1.0])
    with pytest.raises(InvariantBroken, match="resolution"):
        WeightedSample(resolution=0.0)
