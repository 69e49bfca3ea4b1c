"""A venue that was out of reach: short is as if nothing was; long is for a person, and for the policy."""

import pytest

from pilotfish.domain.events import Connection, OperatorAction, Reconciled, Recovered
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import Outage, RiskTerms
from pilotfish.engine.facts import OpensHalted, Stopped
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.snapshot import decode_state, encode_state
from tests.unit.driver import SECOND, Desk, asked, said
from tests.unit.risk_scene import BOTH, answer, desk_of, opened, operator, orders


def outage(desk: Desk, seconds: int):
    """The venue is gone for so long; what the step says that sees it again, and the one that has its answer."""
    desk.go(Connection(*desk.stamp(), False))
    desk.stamp(seconds * SECOND)
    back = desk.go(Connection(*desk.stamp(), True))
    query = asked(back)
    desk.top()
    return back, desk.go(Reconciled(*desk.stamp(), query.cursor, query.coids, (), query.coids))


@pytest.mark.parametrize("policy", list(Outage))
def test_a_short_outage_changes_nothing(policy) -> None:
    desk = opened(desk_of(RiskTerms(outage=policy)))
    back, reconciled = outage(desk, 50)
    assert not said(back, OpensHalted) + orders(reconciled)
    assert orders(desk.lead(100))


@BOTH
@pytest.mark.parametrize(("policy", "kept"), [(Outage.HOLD, 100), (Outage.REDUCE, 50), (Outage.CLOSE, 0)])
def test_after_a_long_outage_opens_wait_for_the_operator_and_positions_follow_the_policy(route, policy, kept) -> None:
    desk = opened(desk_of(RiskTerms(outage=policy), route))
    back, reconciled = outage(desk, 75)
    (fact,) = said(back, OpensHalted)
    assert fact.reason is Reason.OUTAGE
    assert "75" in fact.why
    assert not orders(back), "before the venue has answered nothing is decided on"
    answer(desk, reconciled)
    assert desk.held() == [kept] * 2
    assert [f.reason for f in said(reconciled, Stopped)] == ([] if policy is Outage.HOLD else [Reason.OUTAGE])
    desk.lead_holds(0)
    assert not orders(desk.lead(100))
    operator(desk, OperatorAction.RESUME)
    assert bool(orders(desk.lead(100))) == (policy is not Outage.CLOSE), "whoever was closed is paused"
    if policy is Outage.CLOSE:
        assert desk.state.standing.mode.tolist() == [Mode.PAUSED] * 2


def test_an_outage_counts_from_its_beginning_however_often_it_is_told() -> None:
    desk = opened(desk_of(RiskTerms()))
    for _ in range(3):
        desk.go(Connection(*desk.stamp(), False))
        desk.now += 25 * SECOND
    assert said(desk.go(Connection(*desk.stamp(), True)), OpensHalted)


def test_the_policy_acts_once_an_outage() -> None:
    desk = opened(desk_of(RiskTerms(outage=Outage.REDUCE)))
    answer(desk, outage(desk, 75)[1])
    query = asked(desk.go(Recovered(*desk.stamp())))
    assert not orders(desk.go(Reconciled(*desk.stamp(), query.cursor, query.coids, (), ())))
    assert desk.held() == [50, 50]


def test_a_restart_in_the_middle_of_a_long_outage_is_not_a_way_round_the_policy() -> None:
    desk = opened(desk_of(RiskTerms(outage=Outage.REDUCE)))
    desk.go(Connection(*desk.stamp(), False))
    desk.state = decode_state(encode_state(desk.state))
    desk.stamp(75 * SECOND)
    outcome = desk.go(Recovered(*desk.stamp()))
    assert said(outcome, OpensHalted)
    query = asked(outcome)
    answer(desk, desk.go(Reconciled(*desk.stamp(), query.cursor, query.coids, (), ())))
    assert desk.held() == [50, 50]


def test_with_no_time_set_no_outage_is_long() -> None:
    desk = opened(desk_of(RiskTerms(outage_ns=0, outage=Outage.CLOSE)))
    back, reconciled = outage(desk, 10**5)
    assert not said(back, OpensHalted) + orders(reconciled)
