"""Defects that fuzzed worlds with every mode drawn found, each as the smallest scene that shows it."""

import msgspec
import numpy as np

from pilotfish.domain.instructions import DisclosureSet, ExecutionSet, FeesDue, FeesSet, InstrumentMapped, LeadNews
from pilotfish.domain.instrument import Kind
from pilotfish.domain.mandate import Sides
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import DAY_NS, Execution, ExecutionTerms, FeeTerms
from pilotfish.engine.facts import Stopped
from tests.unit.control_scene import Scene
from tests.unit.driver import PX, SECOND, T0, USDC, Desk, free_follows, only, perp, placed, said
from tests.unit.hedge_scene import hedged, opened, orders, settle


def test_a_hedge_grows_no_more_once_the_lead_is_gone() -> None:
    """Seed 0: what is paused only reduces its hedge; a follow whose lead is gone went on opening one."""
    desk = opened()
    Scene.news(desk, LeadNews.GONE)
    desk.top(PX * 112 // 100)
    assert orders(desk.wait(SECOND)) == []
    desk.top(PX * 80 // 100)
    assert only(desk.wait(SECOND)).side == 1


def test_who_owes_more_than_a_month_does_not_go_on_with_an_open_that_waited() -> None:
    """Only targets asked about arrears; an open of before was tried again as if nothing were owed."""
    desk = Desk(stale_ns_max=10**18, retry_ns_max=10**18)
    desk.follow(free_follows([0], allocation=4 * USDC, sizing=1, value=10**9))
    desk.go(FeesSet(*desk.stamp(), FeeTerms(subscription=3 * USDC)))
    place = only(desk.lead(4))
    desk.update(place, OrderSignal.CANCEL, left=place.lots)
    for _ in range(80):
        desk.now += DAY_NS
        desk.go(FeesDue(*desk.stamp(0)))
    assert desk.targets() == [4.0]
    assert placed(desk.wait(SECOND)) == []
    assert desk.reasons() == [Reason.OWED]


def test_a_hedge_that_moves_leaves_the_reason_of_the_copy_beside_it() -> None:
    """Seed 112: a copy that was missed lost its reason when a hedge in the same column was filled."""
    desk = hedged()
    settle(desk, desk.lead(100))
    missed = only(desk.lead(-30, k=1))
    desk.update(missed, OrderSignal.CANCEL, left=missed.lots)
    for _ in range(15):
        desk.top()
        desk.top(k=1)
        for order in orders(desk.wait(SECOND)):
            desk.update(order, OrderSignal.CANCEL, left=order.lots)
    assert (desk.held(1), desk.targets(1)) == ([-50], [-80.0])
    settle(desk, desk.lead(40))
    assert desk.held(1) == [-70]
    assert desk.targets(1) == [-100.0]
    assert desk.reasons(1)[0] is not Reason.NONE


def test_an_open_that_one_follow_waited_for_does_not_revive_what_the_others_have_missed() -> None:
    """Seed 50: it started a new TWAP, whose end kept the old opens of all the others alive, at their old price."""
    desk = Desk(retry_ns_max=2 * SECOND, stale_ns_max=10**12)
    desk.go(ExecutionSet(*desk.stamp(), ExecutionTerms(Execution.TWAP, 5 * SECOND, 1)))
    mandates = {"open_bps": [0, 50, 50], "hold_ns_min": [0, 30 * SECOND, 0]}
    desk.follow(free_follows([0, 1, 2], sizing=1, value=10**9, **mandates))
    first = placed(desk.lead(100))
    desk.fill(max(first, key=lambda order: order.price))
    missed = min(first, key=lambda order: order.price)
    desk.update(missed, OrderSignal.CANCEL, left=missed.lots)
    outcome, opens = desk.lead(-40), []
    for _ in range(40):  # an exit that finds nothing is tried all the while
        opens += [(desk.now, desk.state.blocks[o.coid].quotas) for o in placed(outcome) if o.side > 0]
        for order in placed(outcome):
            desk.update(order, OrderSignal.CANCEL, left=order.lots)
        outcome = desk.wait(SECOND)
    late = [np.flatnonzero(quotas).tolist() for ns, quotas in opens if ns > T0 + 10 * SECOND]
    assert late
    assert all(rows == [1] for rows in late)


def test_who_is_stopped_opens_nothing_of_what_was_withheld_until_then() -> None:
    """Seed 104: a lead's fill that was due at the very look at which a stop fired was copied before it."""
    desk = Desk()
    desk.go(DisclosureSet(*desk.stamp(), 0, 10 * SECOND, False))
    desk.follow(free_follows([0], sizing=1, value=10**9, stop_loss_bps=100))
    desk.lead(100)
    desk.now += 10 * SECOND
    desk.top()
    desk.fill(only(desk.wait(0)))
    desk.lead(50)
    desk.now += 10 * SECOND
    desk.top(PX * 80 // 100)
    outcome = desk.wait(0)
    assert [fact.reason for fact in said(outcome, Stopped)] == [Reason.STOP_LOSS]
    assert [order.side for order in placed(outcome)] == [-1]


def test_what_two_sources_leave_in_one_column_stays_on_the_side_that_is_opened() -> None:
    """Seed 101: a follow that only goes short bought what netted its short; when the short went, a long was left."""
    desk = Desk(instruments=[perp(), perp(1)])
    desk.go(InstrumentMapped(*desk.stamp(), 1, 0))
    desk.follow(free_follows([0], sizing=1, value=10**9, sides=int(Sides.SHORT)))
    desk.lead(-100, k=1)
    desk.lead(30, k=0)
    assert desk.targets() == [-70.0]
    desk.lead(100, k=1)
    assert desk.targets() == [0.0]
    assert desk.reasons() == [Reason.ONE_SIDE]


def test_what_is_paid_in_full_hedges_shorts_alone() -> None:
    """A hedge on a spot market was ordered short, and refused by the venue again and again."""
    spot = msgspec.structs.replace(perp(1), kind=Kind.SPOT, max_leverage=1, maintenance_bps=0)
    desk = hedged(instruments=[perp(), spot])
    settle(desk, desk.lead(100))
    assert (desk.held(1), desk.targets(1), desk.reasons(1)) == ([0], [0.0], [Reason.NO_SHORT])
    settle(desk, desk.lead(-200))
    settle(desk, desk.wait(SECOND))
    assert (desk.held(0), desk.held(1)) == ([-100], [50])


def test_what_a_hedge_had_netted_is_bought_back_when_it_is_undone() -> None:
    """Seed 349: a hedge had sold a part of the copies beside it, and when it shrank nobody bought them back."""
    desk = hedged()
    settle(desk, desk.lead(100, k=1))
    settle(desk, desk.lead(40))
    assert desk.held(1) == [80]
    settle(desk, desk.lead(-40))
    assert (desk.held(1), desk.targets(1)) == ([100], [100.0])
