"""The platform's risk terms at work: breaker, rests after failures, rate budget. Exits go on through all."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.events import Liquidation, OperatorAction, Reconciled
from pilotfish.domain.instructions import RiskSet
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS, Route, SymbolRule
from pilotfish.domain.orders import CancelAll, OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import RiskTerms
from pilotfish.engine.facts import OpensHalted, Quarantined, Refused
from pilotfish.engine.snapshot import decode_state, encode_state
from tests.unit.driver import PX, SECOND, Desk, asked, batched, free_follows, only, perp, placed, said
from tests.unit.risk_scene import BOTH, answer, desk_of, opened, operator, orders


def liquidated(desk: Desk, lots: int = 1, *, account: int | None = None, stamp=None):
    account = (OMNIBUS if desk.state.omnibus else 0) if account is None else account
    return desk.go(Liquidation(*(stamp or desk.stamp()), account, 0, desk.fresh(), -lots, PX, lots * PX, 0))


def reject(desk: Desk, outcome, reason: Reason):
    (order,) = orders(outcome)
    return desk.update(order, OrderSignal.REJECT, reason=reason)


# --- the breaker


@BOTH
def test_from_the_last_liquidation_too_many_to_the_halt_it_is_one_step(route) -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=3), route))
    for _ in range(3):
        assert not said(liquidated(desk), OpensHalted)
    (fact,) = said(liquidated(desk), OpensHalted)
    assert fact.reason is Reason.BREAKER
    assert "4 liquidations within 300 s, more than 3" in fact.why
    outcome = desk.lead(100)
    assert not orders(outcome)
    assert {Reason.BREAKER} == {fact.reason for fact in said(outcome, Refused)}
    assert set(desk.reasons()) == {Reason.BREAKER}


@BOTH
def test_the_halt_cancels_opens_under_way_and_refuses_those_that_wait_in_the_same_step(route) -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1), route))
    (open_,) = orders(desk.lead(100))
    desk.update(open_, OrderSignal.CANCEL, left=200) if route is Route.OMNIBUS else desk.results(open_, [0, 0])
    orders(desk.wait(SECOND))  # tried again, and under way
    liquidated(desk)
    outcome = liquidated(desk)
    accounts = [a.command.account for a in outcome.commands if isinstance(a.command, CancelAll)]
    assert accounts == ([OMNIBUS] if route is Route.OMNIBUS else [0, 1])


def test_an_open_that_waits_to_be_tried_again_is_refused_in_the_step_of_the_halt() -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1), count=5))
    desk.update(only(desk.lead(100)), OrderSignal.CANCEL, left=500)
    liquidated(desk)
    outcome = liquidated(desk)
    assert [(fact.reason, fact.count) for fact in said(outcome, Refused)] == [(Reason.BREAKER, 3)]
    assert desk.reasons() == [Reason.LIQUIDATED] * 2 + [Reason.BREAKER] * 3, "two want no more what they lost"
    assert not placed(desk.wait(SECOND))


@BOTH
def test_exits_go_on_while_the_breaker_is_open(route) -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1), route))
    for _ in range(2):
        liquidated(desk)
    answer(desk, desk.lead(-100))
    assert desk.held() == [0, 0]


def test_only_the_operator_closes_the_breaker_and_it_counts_anew_from_then() -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1)))
    for _ in range(2):
        liquidated(desk)
    desk.wait(3600 * SECOND)
    desk.top()
    assert not orders(desk.lead(100))
    operator(desk, OperatorAction.RESUME)
    assert orders(desk.lead(100))
    for _ in range(2):
        liquidated(desk)
    operator(desk, OperatorAction.RESUME)
    assert not said(liquidated(desk), OpensHalted), "the one before the resume does not count"
    assert said(liquidated(desk), OpensHalted)


def test_the_window_slides() -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1, breaker_ns=10 * SECOND)))
    for _ in range(3):
        liquidated(desk)
        desk.state.guard.broken = 0
        desk.wait(10 * SECOND)
    desk.state.guard.broken = 0
    assert not said(liquidated(desk), OpensHalted)
    desk.now += 9 * SECOND
    assert said(liquidated(desk), OpensHalted)


def test_a_liquidation_that_is_told_in_many_fills_or_twice_counts_once() -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1)))
    stamp = desk.stamp()
    for _ in range(5):
        assert not said(liquidated(desk, stamp=stamp), OpensHalted)
    again = Liquidation(*desk.stamp(), OMNIBUS, 0, 10**9, -1, PX, PX, 0)
    assert said(desk.go(again), OpensHalted)
    desk.state.guard.broken = 0
    assert not said(desk.go(again), OpensHalted)


def test_a_broken_state_survives_a_snapshot() -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1, rate_tokens=9, rate_per_s=1)))
    for _ in range(2):
        liquidated(desk)
    desk.state = decode_state(encode_state(desk.state))
    assert not orders(desk.lead(100))
    assert desk.reasons() == [Reason.BREAKER] * 2


@BOTH
def test_an_open_the_venue_never_had_is_not_sent_again_once_opens_are_halted(route) -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1), route))
    (order,) = orders(desk.lead(100))
    for _ in range(2):
        liquidated(desk)
    query = asked(desk.wait(10 * SECOND))
    assert not orders(desk.go(Reconciled(*desk.stamp(), query.cursor, query.coids, (), ())))
    assert order.coid not in desk.state.blocks | desk.state.batches
    assert desk.reasons() == [Reason.BREAKER] * 2


# --- rests after failures


@BOTH
def test_after_the_venue_refused_our_keys_nobody_opens_for_a_while_and_exits_go_on(route) -> None:
    desk = opened(desk_of(RiskTerms(auth_cool_ns=60 * SECOND), route))
    reject(desk, desk.lead(100), Reason.AUTHENTICATION)
    assert not orders(desk.lead(100))
    assert desk.reasons() == [Reason.COOLING] * 2
    answer(desk, desk.lead(-250))
    assert desk.held() == [50, 50]
    desk.wait(61 * SECOND)
    desk.top()
    assert orders(desk.lead(100))


def test_the_rest_doubles_while_it_repeats_up_to_sixteen_times_and_starts_anew_after_a_success() -> None:
    desk = desk_of(RiskTerms(auth_cool_ns=SECOND))
    rests = []
    for _ in range(7):
        reject(desk, desk.lead(100), Reason.AUTHENTICATION)
        rests.append((desk.state.guard.cool_ns - desk.now) // SECOND)
        desk.state.watches.clear()
        desk.wait(rests[-1] * SECOND)
        desk.top()
    assert rests == [1, 2, 4, 8, 16, 16, 16]
    answer(desk, desk.lead(100))
    reject(desk, desk.lead(100), Reason.AUTHENTICATION)
    assert desk.state.guard.cool_ns - desk.now == SECOND


def test_orders_that_were_under_way_together_are_one_failure() -> None:
    desk = desk_of(RiskTerms(auth_cool_ns=SECOND))
    first, second = only(desk.lead(100)), only(desk.lead(100))
    for place in (first, second):
        desk.update(place, OrderSignal.REJECT, reason=Reason.AUTHENTICATION)
    assert desk.state.guard.strikes == 1


def test_on_the_omnibus_account_everybody_in_the_block_rests_when_the_balance_is_too_small() -> None:
    desk = desk_of(RiskTerms(balance_cool_ns=30 * SECOND))
    desk.follow(free_follows([6], sizing=1, value=10**9, rules=[SymbolRule(deny=("C0",))]))  # has no part in it
    outcome = desk.lead(100)
    desk.follow(free_follows([7], sizing=1, value=10**9))  # was not in the block
    reject(desk, outcome, Reason.BALANCE)
    assert (desk.state.standing.cool_ns > desk.now).tolist() == [True, True, False, False]
    assert only(desk.lead(100)).lots == 100
    assert desk.reasons()[:2] == [Reason.COOLING] * 2


def test_on_separate_accounts_only_the_account_that_is_short_rests() -> None:
    desk = desk_of(RiskTerms(balance_cool_ns=30 * SECOND), Route.SEGREGATED)
    (batch,) = batched(desk.lead(100))
    event = desk.result_event(batch, [0, 100], [int(OrderSignal.REJECT), int(OrderSignal.FILLED)])
    event.reason[0] = Reason.BALANCE
    desk.go(event)
    (batch,) = batched(desk.lead(100))
    assert batch.accounts.tolist() == [1]
    assert desk.reasons()[0] is Reason.COOLING


# --- the rate budget


def test_a_block_costs_one_and_waits_when_the_budget_is_used_up() -> None:
    desk = desk_of(RiskTerms(rate_tokens=3, rate_per_s=1, rate_reserve=1), retry_ns_max=60 * SECOND)
    for _ in range(2):
        answer(desk, desk.lead(100))
    assert not placed(desk.lead(100))
    assert desk.reasons() == [Reason.BUDGET] * 2
    exit_ = desk.lead(-200)
    assert [place.side for place in placed(exit_)] == [-1], "the reserve is for exits"
    answer(desk, exit_)


def test_what_waits_for_the_budget_leaves_when_it_has_refilled() -> None:
    desk = desk_of(RiskTerms(rate_tokens=1, rate_per_s=1))
    answer(desk, desk.lead(100))
    assert not placed(desk.lead(100))
    desk.top()
    assert only(desk.wait(SECOND)).lots == 200


def test_a_batch_costs_as_many_as_its_orders_and_the_same_follows_are_not_always_first() -> None:
    desk = desk_of(RiskTerms(rate_tokens=4, rate_per_s=4), Route.SEGREGATED, count=10)
    served = []
    for _ in range(5):
        (batch,) = batched(desk.lead(100))
        served.append(tuple(batch.accounts.tolist()))
        assert len(served[-1]) == 4
        assert desk.state.guard.room("sim", desk.now, exit=True) == 0
        desk.now += SECOND
        desk.top()
    assert len(set(served)) > 1


@BOTH
def test_every_follow_is_served_in_turn_when_a_batch_is_larger_than_the_budget(route) -> None:
    desk = desk_of(RiskTerms(rate_tokens=4, rate_per_s=4), route, count=10, retry_ns=SECOND)
    answer(desk, desk.lead(100))
    if route is Route.SEGREGATED:
        assert sorted(desk.held()) == [0] * 6 + [100] * 4
        assert desk.reasons().count(Reason.BUDGET) == 6
        for _ in range(2):
            desk.top()
            answer(desk, desk.wait(SECOND))
    assert desk.held() == [100] * 10


def test_cancels_pass_without_a_budget_and_are_counted() -> None:
    desk = desk_of(RiskTerms(rate_tokens=1, rate_per_s=1))
    desk.lead(100)
    outcome = operator(desk, OperatorAction.KILL)
    assert [type(a.command) for a in outcome.commands] == [CancelAll]
    assert desk.state.guard.buckets["sim"].cancels == 1


def test_venues_have_budgets_of_their_own() -> None:
    desk = Desk(instruments=[perp(0), msgspec.structs.replace(perp(1), venue="other")])
    desk.follow(free_follows([0], sizing=1, value=10**9))
    desk.go(RiskSet(*desk.stamp(), RiskTerms(rate_tokens=1, rate_per_s=1)))
    assert placed(desk.lead(100))
    assert placed(desk.lead(100, k=1))
    assert not placed(desk.lead(100, k=1))


# --- terms that cannot be


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (RiskTerms(breaker_count=-1), "negative"),
        (RiskTerms(auth_cool_ns=2**62), "absurdly large"),
        (RiskTerms(breaker_count=3, breaker_ns=0), "set breaker_ns"),
        (RiskTerms(liquidate_e2=80), "the venue would be first"),
        (RiskTerms(deviation_bps=10_000), "deviation_bps"),
        (RiskTerms(rate_tokens=5), "must refill"),
        (RiskTerms(rate_tokens=5, rate_per_s=1, rate_reserve=5), "leave something for opens"),
        (RiskTerms(rate_reserve=5), "without rate_tokens"),
        (RiskTerms(outage=7), "no outage policy"),
    ],
)
def test_terms_that_cannot_be_are_refused_whole_with_a_sentence(terms, why) -> None:
    desk = opened(desk_of(RiskTerms()))
    before = desk.untouched()
    (fact,) = said(desk.go(RiskSet(*desk.stamp(), terms)), Quarantined)
    assert why in fact.why
    assert desk.untouched() == before


def test_a_batch_of_opens_counts_every_order_it_is_refused_for() -> None:
    desk = opened(desk_of(RiskTerms(breaker_count=1), Route.SEGREGATED))
    for _ in range(2):
        liquidated(desk)
    desk.lead(100)
    assert desk.state.guard.refusals[Reason.BREAKER] == 2
    assert (np.abs(desk.state.columns[0].targets - ints(desk.held()) * SUBLOT) >= SUBLOT).all()


@given(st.lists(st.tuples(st.sampled_from(["lead", "fill", "wait", "liquidate"]), st.integers(-90, 90)), max_size=30))
def test_whatever_happens_nothing_is_opened_between_the_halt_and_the_operator(happenings) -> None:
    desk, under_way = desk_of(RiskTerms(breaker_count=1), count=1), []
    for what, lots in happenings:
        shut = bool(desk.state.guard.broken)
        if what == "lead" and lots:
            outcome = desk.lead(lots)
        elif what == "fill" and under_way:
            outcome = desk.fill(under_way.pop())
        elif what == "liquidate" and desk.held()[0] > 0:
            outcome = liquidated(desk)
        else:
            desk.top()
            outcome = desk.wait(SECOND)
        for place in placed(outcome):
            assert not shut or place.side * desk.held()[0] < 0, "only what is held is left"
        under_way += placed(outcome)
        assert not desk.state.guard.halted
    assert bool(desk.state.guard.broken) == (len(desk.state.liquidated_ns) > 1)
