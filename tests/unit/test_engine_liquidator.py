"""The platform closes a follow before its venue would, at a mark that can be trusted, and never at another."""

import numpy as np
import pytest

from pilotfish.domain.events import Mark, Operator, OperatorAction
from pilotfish.domain.instructions import RiskSet
from pilotfish.domain.mandate import Route
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import RiskTerms
from pilotfish.engine.facts import OpensHalted, Refused, Stopped
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.risk.liquidator import maintenance
from tests.unit.driver import MS, PX, SECOND, USDC, Desk, batched, free_follows, perp, placed, said

BOTH = pytest.mark.parametrize("route", list(Route))
TERMS = RiskTerms(liquidate_e2=120)
FALLEN = PX * 93 // 100  # nine times geared, 1,000 USDC have become 370, of which 418 are maintenance


def geared(terms: RiskTerms = TERMS, route: Route = Route.OMNIBUS, ratios=(9, 2), **columns) -> Desk:
    """Follows of 1,000 USDC each, so many times geared; 5% maintenance margin."""
    desk = Desk(route)
    values = np.array(ratios) * 10**9
    desk.follow(free_follows(np.arange(len(ratios)), sizing=1, value=values, exit_bps=1_000, **columns))
    desk.go(RiskSet(*desk.stamp(), terms))
    answer(desk, desk.lead(1_000))
    return desk


def answer(desk: Desk, outcome) -> None:
    for place in placed(outcome):
        desk.fill(place)
    for batch in batched(outcome):
        desk.results(batch)


def look(desk: Desk, price: int, *, k: int = 0, mark: int = 0):
    """The book moves (and the mark, where it is told), and the follows are looked after."""
    desk.top(price, k=k)
    if mark:
        desk.go(Mark(*desk.stamp(), k, mark))
    return desk.wait(MS)


@BOTH
def test_a_follow_is_closed_at_once_before_the_venue_would_and_nobody_else_is(route) -> None:
    desk = geared(route=route, stage_bps=1_000)
    assert not said(look(desk, PX * 95 // 100), Stopped)
    outcome = look(desk, FALLEN)
    (fact,) = said(outcome, Stopped)
    assert (fact.rows.tolist(), fact.reason) == ([0], Reason.LIQUIDATOR)
    assert "1.2 times the maintenance margin" in fact.what
    orders = placed(outcome) or batched(outcome)
    assert [int(np.sum(order.lots)) for order in orders] == [9_000], "all of it, whatever stages the mandate prefers"
    answer(desk, outcome)
    assert desk.held() == [0, 2_000]
    assert desk.state.standing.mode.tolist() == [Mode.PAUSED, Mode.ACTIVE]


def test_it_closes_at_the_multiple_and_not_a_unit_before() -> None:
    desk = geared()
    margin = maintenance(desk.state)
    assert margin.tolist() == [9_000 * PX // 20, 2_000 * PX // 20]
    for price in range(PX * 95 // 100, FALLEN, -100):
        outcome = look(desk, price)
        equity, need = 1_000 * USDC + 9_000 * (price - PX), 9_000 * price // 20
        assert bool(said(outcome, Stopped)) == (equity * 100 < need * 120)
        if said(outcome, Stopped):
            return
    pytest.fail("nobody was closed")


def test_a_short_is_closed_when_the_price_rises() -> None:
    desk = Desk()
    desk.follow(free_follows([0], sizing=1, value=9 * 10**9))
    desk.go(RiskSet(*desk.stamp(), TERMS))
    answer(desk, desk.lead(-1_000))
    (fact,) = said(look(desk, PX * 107 // 100), Stopped)
    assert fact.reason is Reason.LIQUIDATOR


def test_switched_off_it_closes_nobody() -> None:
    assert not said(look(geared(RiskTerms()), FALLEN), Stopped)


def test_what_it_closed_opens_no_more_with_the_lead_and_is_not_closed_again() -> None:
    desk = geared()
    answer(desk, look(desk, FALLEN))
    assert not said(look(desk, FALLEN), Stopped)
    answer(desk, desk.lead(100, FALLEN))
    assert desk.held() == [0, 2_200]


def test_what_could_not_be_sold_is_tried_again_but_counts_once() -> None:
    desk = geared(RiskTerms(liquidate_e2=120, breaker_count=1))
    look(desk, FALLEN)
    for _ in range(5):
        desk.now += SECOND
        assert not said(look(desk, FALLEN), Stopped)
    assert len(desk.state.liquidated_ns) == 1


@BOTH
def test_what_the_liquidator_closes_counts_for_the_breaker_in_the_same_step(route) -> None:
    desk = geared(RiskTerms(liquidate_e2=120, breaker_count=2), route, ratios=(9, 9, 9, 2))
    outcome = look(desk, FALLEN)
    (fact,) = said(outcome, OpensHalted)
    assert fact.reason is Reason.BREAKER
    assert "3 liquidations" in fact.why
    answer(desk, outcome)
    assert desk.held() == [0, 0, 0, 2_000], "exits go on"
    assert not (placed(more := desk.lead(100, FALLEN)) + batched(more))
    desk.go(Operator(*desk.stamp(), OperatorAction.RESUME))
    assert placed(more := desk.lead(100, FALLEN)) + batched(more)


# --- marks that cannot be trusted


def test_a_stale_mark_closes_nobody_and_that_is_said_once_an_episode() -> None:
    desk = geared()
    desk.go(Mark(*desk.stamp(), 0, FALLEN))
    desk.now += 6 * SECOND
    outcome = look(desk, FALLEN)  # the book goes on, the mark does not
    assert not said(outcome, Stopped)
    assert [(f.reason, f.count) for f in said(outcome, Refused)] == [(Reason.STALE, 1)]
    assert not said(look(desk, FALLEN), Refused)
    assert desk.state.guard.refusals[Reason.STALE] == 1
    look(desk, PX, mark=PX)  # trusted again, and all is well: the episode is over
    desk.go(Mark(*desk.stamp(), 0, FALLEN))
    desk.now += 6 * SECOND
    assert [f.reason for f in said(look(desk, FALLEN), Refused)] == [Reason.STALE]


def test_a_mark_far_from_the_book_closes_nobody_and_that_is_said_once_an_episode() -> None:
    desk = geared()
    outcome = look(desk, PX, mark=FALLEN)
    assert not said(outcome, Stopped)
    assert [(f.reason, f.count) for f in said(outcome, Refused)] == [(Reason.DEVIATING, 1)]
    assert not said(look(desk, PX, mark=FALLEN - 100), Refused)
    assert said(look(desk, FALLEN, mark=FALLEN), Stopped), "once the book agrees"


def test_a_mark_within_the_deviation_is_acted_on() -> None:
    assert said(look(geared(), FALLEN * 101 // 100, mark=FALLEN), Stopped)


def test_a_doubted_mark_spares_only_those_who_hold_it() -> None:
    desk = Desk(instruments=[perp(0), perp(1)], leads=2)
    columns = {"sizing": 1, "value": 9 * 10**9}
    desk.follow(free_follows([0, 1], [0, 1], **columns))
    desk.go(RiskSet(*desk.stamp(), TERMS))
    answer(desk, desk.lead(1_000, lead=0, k=0))
    answer(desk, desk.lead(1_000, lead=1, k=1))
    desk.go(Mark(*desk.stamp(), 0, FALLEN))
    outcome = look(desk, FALLEN, k=1)
    assert [fact.rows.tolist() for fact in said(outcome, Stopped)] == [[1]]
    assert [(f.lead, f.instrument, f.reason) for f in said(outcome, Refused)] == [(0, 0, Reason.DEVIATING)]
