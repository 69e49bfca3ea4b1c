"""The rate budget: exact from the events' stamps, a reserve for exits, and cancels that always pass."""

from hypothesis import given
from hypothesis import strategies as st

from pilotfish.gate.budget import Bucket, Rate, count_cancels, room, spend

SECOND = 10**9
RATE = Rate(tokens=10, per_s=2, reserve=3)


def _room(buckets, at, *, exit=False, venue="sim", rate=RATE):
    return room(buckets, rate, venue, at, exit=exit)


def test_without_a_rate_everything_may_leave() -> None:
    buckets: dict[str, Bucket] = {}
    spend(buckets, None, "sim", 0, 10**6)
    assert _room(buckets, 0, rate=None) is None
    assert buckets == {}


def test_the_reserve_is_kept_for_exits() -> None:
    buckets: dict[str, Bucket] = {}
    assert (_room(buckets, 0), _room(buckets, 0, exit=True)) == (7, 10)
    spend(buckets, RATE, "sim", 0, 7)
    assert (_room(buckets, 0), _room(buckets, 0, exit=True)) == (0, 3)


def test_it_refills_by_time_and_never_above_its_size() -> None:
    buckets: dict[str, Bucket] = {}
    spend(buckets, RATE, "sim", 0, 10)
    assert _room(buckets, SECOND // 2 - 1, exit=True) == 0
    assert _room(buckets, SECOND // 2, exit=True) == 1
    assert _room(buckets, 3600 * SECOND, exit=True) == 10


def test_venues_have_budgets_of_their_own() -> None:
    buckets: dict[str, Bucket] = {}
    spend(buckets, RATE, "sim", 0, 10)
    assert (_room(buckets, 0, exit=True), _room(buckets, 0, exit=True, venue="other")) == (0, 10)


def test_cancels_are_counted_but_leave_the_reserve_to_exits() -> None:
    buckets: dict[str, Bucket] = {}
    count_cancels(buckets, RATE, "sim", 0, 500)
    assert buckets["sim"].cancels == 500
    assert (_room(buckets, 0), _room(buckets, 0, exit=True)) == (0, 3)


def test_a_clock_that_goes_back_refills_nothing() -> None:
    buckets: dict[str, Bucket] = {}
    spend(buckets, RATE, "sim", 10 * SECOND, 10)
    assert _room(buckets, 9 * SECOND, exit=True) == 0
    assert _room(buckets, 10 * SECOND + SECOND // 2, exit=True) == 1


@given(st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(0, 5), st.booleans()), max_size=40))
def test_no_window_of_time_sees_more_orders_than_its_tokens_and_what_came_back(asks) -> None:
    buckets: dict[str, Bucket] = {}
    now, sent = 0, []
    for wait, want, exit_ in asks:
        now += wait
        count = min(want, _room(buckets, now, exit=exit_))
        spend(buckets, RATE, "sim", now, count)
        sent.append((now, count))
    for i, (start, _) in enumerate(sent):
        for end, _ in sent[i:]:
            total = sum(count for at, count in sent if start <= at <= end)
            assert total * SECOND <= RATE.tokens * SECOND + (end - start) * RATE.per_s
