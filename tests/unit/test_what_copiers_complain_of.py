"""Where copy trading fails elsewhere, and what happens here: one test for each known edge case and complaint."""

from pathlib import Path

import numpy as np

from pilotfish.domain.arith import ints
from pilotfish.domain.events import Connection, LeadEquity, LeadPosition, OrderUpdate, Reconciled, Recovered
from pilotfish.domain.instructions import FollowAction, FollowControl, LeadNews, LeadStatus, RiskSet
from pilotfish.domain.mandate import LeadGone, Route
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import Outage, RiskTerms
from pilotfish.engine.facts import PositionBreak, Quarantined
from pilotfish.engine.follows.standing import Mode
from tests.unit.driver import PX, SECOND, USDC, Desk, batched, free_follows, only, perp, placed, said

ROOT = Path(__file__).parents[2]
SAME_SIZE = {"sizing": 1, "value": 10**9, "open_bps": 0}  # one follower lot per lead lot, at its price


def copying(**columns) -> Desk:
    desk = Desk()
    desk.follow(free_follows([0], **(SAME_SIZE | columns)))
    return desk


def holding(lots: int, **columns) -> Desk:
    desk = copying(**columns)
    desk.fill(only(desk.lead(lots)))
    assert desk.held() == [lots]
    return desk


# -- edge cases ------------------------------------------------------------------------------------------------------


def test_partial_fills_of_the_lead_are_copied_as_they_come_and_add_up() -> None:
    desk = copying()
    for lots in (30, 50, 20):
        desk.fill(only(desk.lead(lots, order=1)))
    assert desk.held() == [100]


def test_a_partial_close_takes_the_same_percentage_of_the_follower_s_own_position() -> None:
    desk = copying(position_cap=60 * USDC)
    desk.fill(only(desk.lead(100)))
    assert desk.held() == [60]  # the cap
    assert only(desk.lead(-25)).lots == 15


def test_a_flip_closes_first_and_then_opens() -> None:
    desk = holding(100)
    exit = only(desk.lead(-150))
    assert (exit.side, exit.lots) == (-1, 100)
    opened = only(desk.fill(exit))
    assert (opened.side, opened.lots) == (-1, 50)


def test_a_lead_that_deposits_margin_withdraws_or_transfers_changes_no_copy() -> None:
    desk = copying(sizing=0)
    desk.lead(100)
    before = desk.targets()
    for equity in (1, 10**6):
        assert not desk.go(LeadEquity(*desk.stamp(), 0, equity * USDC)).commands
    assert desk.targets() == before
    desk.lead(-50)
    assert desk.targets() == [before[0] / 2]


def test_a_follower_short_of_margin_opens_less_and_closes_all_the_same() -> None:
    desk = Desk()
    desk.follow(free_follows([0], allocation=5 * USDC, **SAME_SIZE))
    place = only(desk.lead(100))
    assert place.lots == 50  # tenfold
    assert desk.reasons() == [Reason.MARGIN]
    desk.fill(place)
    assert only(desk.lead(-100)).lots == 50


def test_copies_of_a_liquidated_lead_are_closed() -> None:
    desk = holding(100)
    exit = only(desk.go(LeadStatus(*desk.stamp(), 0, LeadNews.LIQUIDATED)))
    assert (exit.side, exit.lots) == (-1, 100)


def test_a_lead_that_disappears_is_handled_as_the_mandate_says() -> None:
    for policy, left in ((LeadGone.HOLD, 100), (LeadGone.REDUCE, 50), (LeadGone.CLOSE, 0)):
        desk = holding(100, lead_gone=int(policy))
        for place in placed(desk.go(LeadStatus(*desk.stamp(), 0, LeadNews.GONE))):
            desk.fill(place)
        assert desk.held() == [left]
        assert not placed(desk.lead(100))  # and nothing is opened any more


def test_after_an_outage_nothing_resumes_silently() -> None:
    for policy, left in ((Outage.HOLD, 100), (Outage.REDUCE, 50), (Outage.CLOSE, 0)):
        desk = holding(100)
        desk.go(RiskSet(*desk.stamp(), RiskTerms(outage=policy, outage_ns=60 * SECOND)))
        desk.go(Connection(*desk.stamp(), False))
        query = desk.go(Connection(*desk.stamp(61 * SECOND), True)).commands[0].command
        desk.top()
        outcome = desk.go(Reconciled(*desk.stamp(), 10, query.coids, (), ()))
        desk.commands = placed(outcome) + placed(desk.wait(SECOND))
        for place in desk.commands:
            desk.fill(place)
        assert desk.held() == [left]
        desk.top()
        assert not placed(desk.lead(100))
        assert desk.reasons() in ([Reason.OUTAGE], [Reason.CLOSED])


def test_an_orphaned_position_is_named_and_can_be_closed() -> None:
    desk = holding(100)
    desk.go(LeadStatus(*desk.stamp(), 0, LeadNews.GONE))
    desk.lead(1)
    assert desk.reasons() == [Reason.LEAD_GONE]
    exit = only(desk.go(FollowControl(*desk.stamp(), ints([0]), FollowAction.CLOSE)))
    assert (exit.side, exit.lots) == (-1, 100)


# -- complaints ------------------------------------------------------------------------------------------------------


def test_exits_are_bounded_as_opens_are() -> None:
    desk = holding(100, exit_bps=40)
    exit = only(desk.lead(-100))
    assert PX * (10_000 - 40) / 10_000 <= exit.price < PX


def test_fills_that_a_reconnect_swallowed_are_healed_by_the_next_statement() -> None:
    desk = holding(100)
    desk.go(Connection(*desk.stamp(), False))
    desk.go(Connection(*desk.stamp(SECOND), True))
    outcome = desk.go(LeadPosition(*desk.stamp(), 0, 0, 160, PX))
    (broken,) = said(outcome, PositionBreak)
    assert (broken.expected, broken.stated) == (100, 160)
    assert desk.targets() == [160.0]


def test_a_failed_order_that_fills_after_all_is_not_placed_twice() -> None:
    desk = copying()
    place = only(desk.lead(100))
    desk.update(place, OrderSignal.REJECT, reason=Reason.REJECTED)
    desk.fill(place)
    assert desk.held() == [100]
    assert not placed(desk.wait(SECOND))


def test_repeated_partial_closes_and_simultaneous_orders_are_each_copied_once() -> None:
    desk = Desk(instruments=[perp(), perp(1)])
    desk.follow(free_follows([0], **SAME_SIZE))
    at = desk.now + SECOND
    for k in (0, 1):
        desk.fill(only(desk.lead(90, k=k, at=at)))
    for left in (60, 30, 0):
        for k in (0, 1):
            desk.fill(only(desk.lead(-30, k=k)))
            assert desk.held(k) == [left]
    assert not desk.wait(SECOND).commands


def test_the_same_fill_told_six_times_is_copied_once() -> None:
    desk = copying()
    for _ in range(6):
        desk.lead(100, fill_id=77)
    assert desk.targets() == [100.0]


def test_what_was_just_bought_is_not_sold_before_the_purchase_is_known() -> None:
    desk = copying()
    bought = only(desk.lead(100))
    assert not placed(desk.lead(-100))
    assert only(desk.fill(bought)).side == -1


def test_two_leads_cannot_spend_the_same_money_twice() -> None:
    desk = Desk(leads=2)
    desk.follow(free_follows([0, 0], [0, 1], allocation=[5 * USDC, 5 * USDC], **SAME_SIZE))
    lots = [sum(place.lots for place in placed(desk.lead(100, lead=lead))) for lead in (0, 1)]
    assert lots == [50, 50]  # each its own allocation, never the other's


def test_a_fresh_start_does_not_execute_the_lead_s_old_trades() -> None:
    desk = Desk()
    desk.lead(500)  # before anybody followed
    desk.follow(free_follows([0], **SAME_SIZE))
    assert desk.targets() == [0.0]
    assert not desk.wait(SECOND).commands


def test_every_limit_that_is_read_is_enforced() -> None:
    for name in ("order_cap", "position_cap", "total_cap"):
        desk = copying(**{name: 40 * USDC})
        assert only(desk.lead(100)).lots == 40
    desk = Desk()
    desk.follow(free_follows([0], allocation=50 * USDC, leverage_cap_e2=100, **SAME_SIZE))
    assert only(desk.lead(100)).lots == 50


def test_drift_is_repaired_whichever_way_it_costs() -> None:
    for price in (PX * 999 // 1000, PX * 1001 // 1000):
        desk = holding(100)
        desk.go(LeadPosition(*desk.stamp(), 0, 0, 60, PX))
        desk.top(price)
        assert desk.targets() == [60.0]
        assert any(place.side == -1 for place in desk.commands if hasattr(place, "side"))


def test_a_process_that_dies_with_positions_open_knows_them_when_it_is_back() -> None:
    desk = holding(100)
    place = only(desk.lead(50))
    query = desk.go(Recovered(*desk.stamp())).commands[0].command
    assert query.coids == (place.coid,)
    desk.go(Reconciled(*desk.stamp(), 99, query.coids, (), (place.coid,)))
    assert desk.held() == [100]
    assert only(desk.lead(-150)).lots == 100


def test_a_follower_who_funds_in_mid_trade_may_use_it_at_once_and_one_who_leaves_is_paid_when_all_is_over() -> None:
    desk = Desk(Route.SEGREGATED)
    desk.follow(free_follows([0, 1], **SAME_SIZE))
    (batch,) = batched(desk.lead(100))
    assert desk.go(FollowControl(*desk.stamp(), ints([1]), FollowAction.LEAVE)) is not None
    assert desk.state.standing.mode.tolist() == [Mode.ACTIVE, Mode.LEAVING]
    (exit,) = batched(desk.results(batch))
    assert (exit.accounts.tolist(), exit.lots.tolist(), exit.side) == ([1], [100], -1)
    desk.results(exit)
    assert desk.state.standing.mode[1] == Mode.LEFT
    assert desk.state.ledger.money.rows[1] == 0
    assert desk.held() == [100, 0]


def test_an_order_that_the_venue_never_answered_is_asked_about_and_not_repeated() -> None:
    desk = copying()
    place = only(desk.lead(100))
    asked = [a.command for a in desk.wait(3 * SECOND).commands]
    assert [type(command).__name__ for command in asked] == ["Query"]
    assert asked[0].coids == (place.coid,)


def test_an_order_update_about_a_stranger_s_order_is_set_aside_by_name() -> None:
    desk = copying()
    (odd,) = said(desk.go(OrderUpdate(*desk.stamp(), 12_345, OrderSignal.ACK)), Quarantined)
    assert "12345" in odd.event


def test_dependencies_are_pinned_by_hash_so_that_nobody_can_slip_a_key_thief_in() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text().splitlines()
        pins = [line for line in lines if line and line[0].isalnum()]
        assert pins
        assert all("==" in pin for pin in pins)
        assert sum("--hash=sha256:" in line for line in lines) >= len(pins)
        assert not any("://" in line for line in lines if not line.lstrip().startswith("#"))


def test_odd_lots_do_not_always_go_to_the_same_account() -> None:
    desk = Desk()
    desk.follow(free_follows(np.arange(2), sizing=1, open_bps=0, value=500_000_000))
    for _ in range(8):
        desk.fill(only(desk.lead(1)))
    assert desk.held() == [4, 4]
