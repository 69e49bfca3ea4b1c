"""The segregated route: one order for each follower's own account, each with its own result."""

import msgspec
import numpy as np
import pytest

from pilotfish.domain.arith import ints
from pilotfish.domain.mandate import Minimum, Route
from pilotfish.domain.orders import OrderSignal as On
from pilotfish.domain.orders import OrderState
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Copied, Quarantined, Refused
from tests.unit.driver import SECOND, USDC, Desk, batched, free_follows, perp, said


def _desk(n: int = 3, least: int = 0, **columns) -> Desk:
    desk = Desk(Route.SEGREGATED, instruments=[perp(min_notional=least * USDC), perp(1)])
    columns = {"allocation": np.arange(1, n + 1) * 1_000 * USDC} | columns
    desk.follow(free_follows(np.arange(n) + 100, **columns))
    desk.lead_holds(0)
    return desk


def _batch(outcome):
    (batch,) = batched(outcome)
    return batch


def test_every_follower_gets_its_own_order_in_one_command() -> None:
    desk = _desk()
    batch = _batch(desk.lead(100))
    assert (batch.accounts.tolist(), batch.lots.tolist()) == ([100, 101, 102], [10, 20, 30])
    assert not batch.reduce_only
    desk.results(batch, fee=7)
    assert desk.held() == [10, 20, 30]
    assert desk.state.ledger.money.system["fees"] == 21
    assert desk.state.batches == {}
    assert desk.state.ledger.reservations == {}


def test_each_account_has_its_own_bound() -> None:
    desk = _desk(open_bps=[0, 50, 100])
    assert _batch(desk.lead(100)).prices.tolist() == [1_000_000, 1_005_000, 1_010_000]


def test_results_may_come_in_parts_partly_filled_and_twice() -> None:
    desk = _desk()
    batch = _batch(desk.lead(100))
    some = desk.result_event(batch, lots=[4, 20], index=[0, 1])
    desk.go(some)
    assert desk.held() == [4, 20, 0]
    desk.go(msgspec.structs.replace(some, ours_ns=desk.now + 5))
    assert desk.held() == [4, 20, 0]
    assert desk.state.duplicates == 2
    assert desk.state.ledger.opening[0].tolist() == [0, 0, 30_000_000]
    desk.results(batch, index=[2])
    assert desk.held() == [4, 20, 30]
    assert desk.reasons()[0] is Reason.NO_DEPTH
    retry = _batch(desk.wait(SECOND))
    assert (retry.accounts.tolist(), retry.lots.tolist()) == ([100], [6])
    desk.go(msgspec.structs.replace(some, ours_ns=desk.now + 5))
    assert desk.held() == [4, 20, 30], "a double after the end changes nothing either"


def test_a_refusal_of_one_order_concerns_nobody_else() -> None:
    desk = _desk()
    batch = _batch(desk.lead(100))
    desk.results(batch, lots=[10, 0, 30], signals=[On.FILLED, On.REJECT, On.FILLED])
    assert desk.held() == [10, 0, 30]
    assert not desk.state.ledger.reserved_money.any()


def test_a_refusal_of_the_whole_batch_frees_everybody() -> None:
    desk = _desk()
    batch = _batch(desk.lead(100))
    desk.update(batch, On.REJECT, reason=Reason.RATE_LIMIT)
    assert desk.reasons() == [Reason.RATE_LIMIT] * 3
    assert desk.state.batches == {}
    assert not desk.state.ledger.opening[0].any()


def test_a_lost_result_stays_unknown_until_the_venue_says() -> None:
    desk = _desk()
    batch = _batch(desk.lead(100))
    desk.results(batch, lots=[10, 0, 30], signals=[On.FILLED, On.LOST, On.FILLED])
    (order,) = desk.state.batches.values()
    assert order.states.tolist() == [OrderState.FILLED, OrderState.UNKNOWN, OrderState.FILLED]
    assert batched(desk.wait(SECOND)) == [], "what is unknown is counted as in flight, not sent again"
    desk.results(batch, index=[1])
    assert desk.held() == [10, 20, 30]
    assert desk.state.batches == {}


@pytest.mark.parametrize(
    ("signals", "lots"),
    [
        ([On.FILLED] * 3, [10, 19, 30]),
        ([On.FILLED] * 3, [10, 21, 30]),
        ([On.FILLED, On.REJECT, On.FILLED], [10, 5, 30]),
        ([On.FILLED, On.LOST, On.FILLED], [10, 5, 30]),
        ([On.FILLED, On.FILL, On.FILLED], [10, 5, 30]),
        ([On.FILLED, On.ABSENT, On.FILLED], [10, 0, 30]),
        ([On.FILLED, On.CANCEL, On.FILLED], [10, -1, 30]),
        ([On.FILLED, 8, On.FILLED], [10, 0, 30]),
    ],
)
def test_a_result_that_contradicts_its_order_is_quarantined_whole(signals, lots) -> None:
    desk = _desk()
    batch = _batch(desk.lead(100))
    before = desk.untouched()
    assert len(said(desk.results(batch, lots=lots, signals=signals), Quarantined)) == 1
    assert desk.untouched() == before
    desk.results(batch)
    assert desk.held() == [10, 20, 30]


@pytest.mark.parametrize("signal", [On.FILLED, On.CANCEL, On.FILL, On.ABSENT])
def test_a_word_about_a_whole_batch_that_hides_its_results_is_quarantined(signal) -> None:
    desk = _desk()
    batch = _batch(desk.lead(100))
    before = desk.untouched()
    assert len(said(desk.update(batch, signal), Quarantined)) == 1
    assert desk.untouched() == before


def test_below_the_minimum_skip_forgets_carry_waits_and_raise_orders_the_minimum() -> None:
    policies = [Minimum.SKIP, Minimum.CARRY, Minimum.RAISE]
    desk = _policies(policies)
    batch = _batch(desk.lead(60))
    assert (batch.accounts.tolist(), batch.lots.tolist()) == ([102], [10])
    assert desk.targets() == [0.0, 6.0, 10.0]
    desk.results(batch)
    batch = _batch(desk.lead(60))
    assert (batch.accounts.tolist(), batch.lots.tolist()) == ([101, 102], [12, 10])
    desk.results(batch)
    assert desk.held() == [0, 12, 20]


def _policies(policies) -> Desk:
    return _desk(len(policies), 10, allocation=1_000 * USDC, minimum=[int(policy) for policy in policies])


def test_what_was_raised_is_kept_and_not_sold_again() -> None:
    desk = _policies([Minimum.RAISE])
    desk.results(_batch(desk.lead(30)))
    assert desk.held() == [10]
    for _ in range(30):
        assert batched(desk.wait(SECOND)) == []
    assert desk.state.watches == {}
    assert not desk.state.columns[0].waiting.any()


def test_a_raised_order_never_breaks_a_cap() -> None:
    desk = _desk(1, 10, minimum=int(Minimum.RAISE), position_cap=9 * USDC)
    assert batched(desk.lead(30)) == []
    assert desk.reasons() == [Reason.BELOW_MINIMUM]


def test_only_what_is_below_the_minimum_is_said_to_be() -> None:
    desk = _desk(3, 10, allocation=[10 * USDC, 1_000 * USDC, 2_000 * USDC])
    (refused,) = said(desk.lead(60), Refused)
    assert (refused.reason, refused.count) == (Reason.BELOW_MINIMUM, 1)
    assert desk.reasons()[:2] == [Reason.CARRIED, Reason.BELOW_MINIMUM]
    assert desk.state.guard.refusals == {Reason.BELOW_MINIMUM: 1}


def test_a_small_position_is_closed_whole_whatever_the_minimum() -> None:
    desk = _desk(1, 10, allocation=1_000 * USDC)
    desk.results(_batch(desk.lead(120)), lots=[4])
    exit_ = _batch(desk.lead(-120))
    assert (exit_.lots.tolist(), exit_.reduce_only) == ([4], True)


def test_a_column_of_the_wrong_length_or_kind_is_quarantined() -> None:
    desk = _desk()
    good = desk.result_event(_batch(desk.lead(100)))
    before = desk.untouched()
    for bad in ({"lots": ints([1])}, {"index": ints([0, 0, 1])}, {"index": ints([0, 1, 3])}, {"cost": ints([-1, 0, 0])},
                {"fee": good.fee.astype(np.int32)}, {"index": ints([-1, 0, 1])}):  # fmt: skip
        assert len(said(desk.go(msgspec.structs.replace(good, **bad)), Quarantined)) == 1
        assert desk.untouched() == before


def test_the_facts_of_a_batch_say_what_each_follow_got() -> None:
    desk = _desk()
    batch = _batch(desk.lead(100))
    (copied,) = said(desk.results(batch, lots=[10, 5, 0]), Copied)
    assert copied.rows.tolist() == [0, 1, 2]
    assert copied.lots.tolist() == [10, 5, 0]
    assert copied.costs.tolist() == [10 * USDC, 5 * USDC, 0]


def test_a_fill_after_a_reject_is_posted_once_and_what_is_too_much_is_looked_at() -> None:
    desk = Desk(Route.SEGREGATED)
    desk.follow(free_follows([0, 1]))
    (batch,) = [approved.command for approved in desk.lead(2_000).commands]
    reject, fill = int(On.REJECT), int(On.FILLED)
    desk.results(batch, lots=[0, batch.lots[1]], signals=[reject, fill])
    assert desk.held() == [0, int(batch.lots[1])]
    late = desk.result_event(batch, lots=[int(batch.lots[0])], signals=[fill], index=[0])
    desk.go(late)
    desk.go(late)  # told twice
    assert desk.held() == batch.lots.tolist()
    assert desk.state.watches
    assert desk.state.quarantined == 0
