"""Opens worked in parts: TWAP, iceberg, and never more than our part of what the market shows. Exits never wait."""

import numpy as np
import pytest

from pilotfish.domain.events import BookTop
from pilotfish.domain.instructions import ExecutionSet
from pilotfish.domain.mandate import Minimum, Route
from pilotfish.domain.orders import OrderSignal as On
from pilotfish.domain.orders import Place
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import Execution, ExecutionTerms
from pilotfish.engine.facts import Quarantined, Refused
from pilotfish.engine.snapshot import decode_state, encode_state
from tests.unit.driver import PX, SECOND, USDC, Desk, batched, free_follows, only, perp, placed, said

ALLOCATIONS = [1_000 * USDC, 2_000 * USDC, 3_000 * USDC]
TWAP = {"kind": Execution.TWAP, "window_ns": 40 * SECOND, "slices": 4}


def desk_with(route=Route.OMNIBUS, *, least: int = 0, columns=None, **terms) -> Desk:
    desk = Desk(route, instruments=[perp(min_notional=least * USDC)], stale_ns_max=10**12)
    desk.follow(free_follows([0, 1, 2], allocation=ALLOCATIONS, **(columns or {})))
    desk.lead_holds(0)
    desk.go(ExecutionSet(*desk.stamp(), ExecutionTerms(**terms)))
    return desk


def sent(outcome) -> list[list[int]]:
    """Lots of each order that left: of a block in all, of a batch one by one."""
    return [[p.lots] for p in placed(outcome)] + [b.lots.tolist() for b in batched(outcome)]


def fill(desk: Desk, outcome) -> int:
    """Whatever left fills; its lots."""
    total = 0
    for order in [*placed(outcome), *batched(outcome)]:
        desk.fill(order) if isinstance(order, Place) else desk.results(order)
        total += order.lots if isinstance(order, Place) else int(order.lots.sum())
    return total


def slices(desk: Desk, outcome, count: int, every: int = SECOND) -> list[int]:
    """What leaves at each of `count` looks."""
    lots = [fill(desk, outcome)]
    for _ in range(count - 1):
        lots.append(fill(desk, desk.wait(every)))
    return lots


@pytest.mark.parametrize("route", Route)
def test_a_twap_sends_equal_slices_over_its_window_and_ends_on_target(route) -> None:
    desk = desk_with(route, **TWAP)
    lots = slices(desk, desk.lead(100), 45)
    assert [n for n in lots if n] == [15, 15, 15, 15]
    assert [k for k, n in enumerate(lots) if n] == [0, 10, 20, 30]
    assert desk.held() == desk.targets() == [10, 20, 30]


def test_who_waits_for_a_slice_is_told_so() -> None:
    desk = desk_with(**TWAP)
    desk.lead(100)
    assert desk.reasons() == [Reason.SLICED] * 3


def test_every_follow_has_its_part_of_a_slice_of_a_block() -> None:
    desk = desk_with(**TWAP)
    desk.fill(only(desk.lead(80)))
    assert desk.held() == [2, 4, 6]


def test_exits_are_never_slowed() -> None:
    desk = desk_with(**TWAP)
    slices(desk, desk.lead(100), 45)
    assert sent(desk.lead(-100)) == [[60]]


def test_an_exit_amid_a_twap_sells_what_is_held_and_ends_the_rest() -> None:
    desk = desk_with(**TWAP)
    slices(desk, desk.lead(100), 15)
    assert sum(desk.held()) == 30
    desk.fill(only(desk.lead(-100)))
    assert sum(slices(desk, desk.wait(SECOND), 40)) == 0
    assert desk.held() == [0, 0, 0]


def test_what_a_slice_did_not_find_is_tried_again_within_the_window() -> None:
    desk = desk_with(**TWAP)
    desk.update(only(desk.lead(100)), On.CANCEL, left=15)
    assert sent(desk.wait(SECOND)) == [[15]]


def test_a_gap_is_caught_up_with_at_once() -> None:
    desk = desk_with(**TWAP)
    desk.fill(only(desk.lead(100)))
    assert sent(desk.wait(25 * SECOND)) == [[30]]


def test_more_of_the_lead_starts_a_new_schedule_but_brings_no_slice_sooner() -> None:
    desk = desk_with(**TWAP)
    desk.fill(only(desk.lead(100)))
    for _ in range(5):
        assert sent(desk.lead(20)) == []
    lots = slices(desk, desk.wait(SECOND), 50)
    assert [n for n in lots if n] == [26, 26, 26, 27]
    assert desk.held() == [20, 40, 60]


def test_a_twap_never_takes_more_than_its_part_of_the_touch() -> None:
    desk = desk_with(**TWAP, participation_bps=1_000)
    desk.go(BookTop(*desk.stamp(), 0, PX - 50, 80, PX + 50, 90))
    lots = slices(desk, desk.lead(100), 45)
    assert max(lots) == 9
    assert sum(lots) == 60


def test_without_a_touch_nothing_participates() -> None:
    desk = desk_with(participation_bps=1_000)
    desk.go(BookTop(*desk.stamp(), 0, PX - 50, 80, PX + 50, 0))
    assert sent(desk.lead(100)) == []
    assert desk.reasons() == [Reason.SLICED] * 3
    desk.top()
    assert sent(desk.wait(SECOND)) == [[60]]


def test_the_limit_on_participation_looks_at_the_side_that_is_taken() -> None:
    desk = desk_with(participation_bps=1_000)
    desk.go(BookTop(*desk.stamp(), 0, PX - 50, 80, PX + 50, 300))
    assert sent(desk.lead(100)) == [[30]]
    desk = desk_with(participation_bps=1_000)
    desk.go(BookTop(*desk.stamp(), 0, PX - 50, 80, PX + 50, 300))
    assert sent(desk.lead(-100)) == [[8]]


def test_what_a_window_leaves_is_missed_with_its_reason() -> None:
    desk = desk_with(**TWAP, participation_bps=100)
    desk.go(BookTop(*desk.stamp(), 0, PX - 50, 100, PX + 50, 100))
    lots = slices(desk, desk.lead(100), 60)
    assert 0 < sum(lots) < 60
    assert desk.state.watches == {}
    assert Reason.SLICED in desk.reasons()


@pytest.mark.parametrize("route", Route)
def test_an_iceberg_shows_its_display_and_the_next_clip_follows_when_one_is_filled(route) -> None:
    desk = desk_with(route, kind=Execution.ICEBERG, display_lots=25)
    outcome, seen = desk.lead(100), []
    while orders := [*placed(outcome), *batched(outcome)]:
        (order,) = orders
        seen.append(order.lots if isinstance(order, Place) else int(order.lots.sum()))
        outcome = desk.fill(order) if isinstance(order, Place) else desk.results(order)
    assert seen == [25, 25, 10]
    assert desk.held() == [10, 20, 30]


def test_no_second_clip_goes_out_while_one_is_in_the_market() -> None:
    desk = desk_with(kind=Execution.ICEBERG, display_lots=25)
    clip = only(desk.lead(100))
    assert [c for _ in range(2) for c in placed(desk.wait(SECOND))] == []
    assert placed(desk.lead(10)) == []
    assert only(desk.fill(clip)).lots == 25


def test_a_clip_that_found_nothing_waits_for_the_next_look() -> None:
    desk = desk_with(kind=Execution.ICEBERG, display_lots=25)
    clip = only(desk.lead(100))
    assert placed(desk.update(clip, On.CANCEL, left=25)) == []
    assert only(desk.wait(SECOND)).lots == 25


@pytest.mark.parametrize("side", [1, -1])
def test_no_part_is_below_the_venue_s_minimum(side) -> None:
    desk = desk_with(least=10, kind=Execution.ICEBERG, display_lots=5)
    outcome, seen = desk.lead(100 * side), []
    while placed(outcome):
        seen.append(only(outcome).lots)
        outcome = desk.fill(only(outcome))
    assert min(seen) >= 10
    assert sum(seen) == 60
    assert desk.all(Refused) == []


@pytest.mark.parametrize("policy", Minimum)
def test_on_separate_accounts_a_slice_is_for_some_of_them_so_that_no_order_gets_too_small(policy) -> None:
    desk = desk_with(Route.SEGREGATED, least=8, columns={"minimum": int(policy)}, **TWAP)
    lots = slices(desk, desk.lead(100), 50)
    assert len([n for n in lots if n]) > 1
    assert desk.held() == desk.targets() == [10, 20, 30], "nothing is dropped or raised for being sliced"


def test_who_is_first_on_separate_accounts_goes_round() -> None:
    firsts = set()
    for shift in range(3):
        desk = desk_with(Route.SEGREGATED, **TWAP)
        desk.stamp(shift)
        (batch,) = batched(desk.lead(100))
        firsts.add(int(batch.accounts[np.argmax(batch.lots)]))
    assert len(firsts) > 1


def test_a_restart_amid_a_twap_goes_on_with_the_same_slices() -> None:
    desk = desk_with(**TWAP)
    slices(desk, desk.lead(100), 15)
    desk.state = decode_state(encode_state(desk.state))
    assert [n for n in slices(desk, desk.wait(SECOND), 30) if n] == [15, 15]


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": Execution.TWAP, "window_ns": 0, "slices": 4}, {"kind": Execution.TWAP, "window_ns": 5, "slices": 0},
        {"kind": Execution.ICEBERG}, {"participation_bps": 10_001}, {"participation_bps": -1}, {"window_ns": -1},
        {"slices": 10**6, "window_ns": SECOND}, {"stage_ns": -1}, {"window_ns": 10**18}, {"holding_hours": -1},
    ],
)  # fmt: skip
def test_terms_that_cannot_be_kept_are_refused_whole(terms) -> None:
    desk = desk_with(**TWAP)
    (refusal,) = said(desk.go(ExecutionSet(*desk.stamp(), ExecutionTerms(**terms))), Quarantined)
    assert refusal.why
    assert desk.state.execution == ExecutionTerms(**TWAP)
