"""Risk rules and checks of other packages at the gate: asked once per order that opens, never of an exit."""

import numpy as np
import pytest

from pilotfish.copying.extension import register_sizer
from pilotfish.domain.events import Operator, OperatorAction
from pilotfish.domain.instructions import RulesSet
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS, Route, Sizing
from pilotfish.domain.orders import CancelAll
from pilotfish.domain.reasons import Reason
from pilotfish.domain.rules import Rule, RuleAction
from pilotfish.engine.facts import ExtensionFailed, Halted, OpensHalted, Quarantined, Refused, RuleFired
from pilotfish.engine.snapshot import decode_state, encode_state
from pilotfish.gate.extension import register_check
from pilotfish.gate.rules_variables import VARIABLES
from tests.unit.driver import LEAD_EQUITY, SECOND, USDC, Desk, batched, free_follows, only, placed, said

BOTH = pytest.mark.parametrize("route", list(Route))
LARGE = Rule("large", "order.lots > 300", text="too much at a time")


def ruled(*rules: Rule, route: Route = Route.OMNIBUS, count: int = 2, **settings) -> Desk:
    desk = Desk(route, **settings)
    desk.follow(free_follows(np.arange(count), sizing=1, value=10**9))
    desk.go(RulesSet(*desk.stamp(), rules))
    return desk


def orders(outcome) -> list:
    return placed(outcome) + batched(outcome)


def answer(desk: Desk, outcome) -> None:
    for place in placed(outcome):
        desk.fill(place)
    for batch in batched(outcome):
        desk.results(batch)


@BOTH
def test_a_rule_refuses_an_open_once_for_all_follows_and_says_why(route) -> None:
    desk = ruled(LARGE, route=route)
    answer(desk, desk.lead(100))
    outcome = desk.lead(200)
    assert not orders(outcome)
    (fired,) = said(outcome, RuleFired)
    assert fired.rule == "large"
    assert "order.lots > 300 with order.lots = 400" in fired.why
    assert [(fact.reason, fact.count) for fact in said(outcome, Refused)] == [(Reason.RULE, 2)]
    assert desk.reasons() == [Reason.RULE] * 2


@BOTH
def test_no_rule_keeps_anybody_in_a_position(route) -> None:
    desk = ruled(route=route)
    answer(desk, desk.lead(500))
    desk.go(RulesSet(*desk.stamp(), (Rule("never", "order.lots > 0"),)))
    answer(desk, desk.lead(-500))
    assert desk.held() == [0, 0]


@BOTH
def test_a_refused_open_leaves_once_the_rule_is_false_and_the_rule_is_not_said_at_every_retry(route) -> None:
    desk = ruled(Rule("thin", "market.spread_bps > 40.0"), route=route)
    desk.top(half=5_000)
    assert said(desk.lead(100), RuleFired)
    assert not said(desk.wait(SECOND), RuleFired)
    desk.top()
    answer(desk, desk.wait(SECOND))
    assert desk.held() == [100, 100]


@BOTH
def test_a_halting_rule_latches_until_the_operator_resumes_and_cancels_what_is_under_way(route) -> None:
    desk = ruled(Rule("storm", "order.lots > 300", RuleAction.HALT_OPENS), route=route)
    desk.lead(100)
    outcome = desk.lead(200)
    assert [fact.reason for fact in said(outcome, OpensHalted)] == [Reason.RULE]
    cancelled = [a.command.account for a in outcome.commands if isinstance(a.command, CancelAll)]
    assert cancelled == ([OMNIBUS] if route is Route.OMNIBUS else [0, 1])
    desk.wait(3600 * SECOND)
    desk.top()
    desk.state = decode_state(encode_state(desk.state))
    assert not orders(desk.lead(1))
    desk.go(Operator(*desk.stamp(), OperatorAction.RESUME))
    desk.go(RulesSet(*desk.stamp(), ()))
    assert orders(desk.lead(1))


def test_a_table_with_one_bad_rule_is_refused_whole_in_a_sentence() -> None:
    desk = ruled(LARGE)
    before = desk.untouched()
    outcome = desk.go(RulesSet(*desk.stamp(), (Rule("good", "order.lots > 1"), Rule("bad", "order.lotz > 1"))))
    (fact,) = said(outcome, Quarantined)
    assert fact.why.startswith("rule 2 ('bad'), line 1, column 1: there is no 'order.lotz'")
    assert "did you mean order.lots?" in fact.why
    assert desk.untouched() == before


def test_new_rules_replace_the_old_ones() -> None:
    desk = ruled(LARGE)
    desk.go(RulesSet(*desk.stamp(), ()))
    assert placed(desk.lead(500))


def test_what_the_gate_refuses_anyway_is_not_asked_about() -> None:
    desk = ruled(Rule("storm", "order.lots > 0", RuleAction.HALT_OPENS))
    desk.go(Operator(*desk.stamp(), OperatorAction.KILL))
    assert not said(desk.lead(100), RuleFired)
    assert desk.reasons() == [Reason.KILLED] * 2


@BOTH
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("order.side", "1"),
        ("order.notional_usdc", "201.0"),
        ("order.lots", "200"),
        ("order.price", "100.5"),
        ("instrument.symbol", "'C0'"),
        ("instrument.venue", "'sim'"),
        ("instrument.kind", "'perp'"),
        ("market.mark", "100.0"),
        ("market.spread_bps", "1.0"),
        ("market.age_ms", "2"),
        ("lead.name", "'lead 0'"),
        ("lead.equity_usdc", f"{LEAD_EQUITY // USDC}.0"),
        ("lead.position_usdc", "250.0"),
        ("platform.followers", "2"),
        ("platform.equity_usdc", "2000.0"),
        ("platform.gross_usdc", "300.0"),
        ("platform.open_orders", "0"),
        ("platform.liquidations_5m", "0"),
        ("platform.insurance_usdc", "0.0"),
        ("platform.refusals", "0"),
        ("time.hour_utc", "1"),
        ("time.weekday", "6"),
    ],
)
def test_a_rule_sees_what_is(route, variable, value) -> None:
    desk = ruled(route=route)
    answer(desk, desk.lead(150))
    desk.go(RulesSet(*desk.stamp(), (Rule("probe", f"{variable} == {value}"),)))
    desk.top()
    desk.stamp()
    (fired,) = said(desk.lead(100), RuleFired)
    assert "failed" not in fired.why


def test_every_variable_of_the_language_is_covered_above() -> None:
    (mark,) = [mark for mark in test_a_rule_sees_what_is.pytestmark if mark.args[0] == ("variable", "value")]
    assert [name for name, _ in mark.args[1]] == list(VARIABLES)


def test_a_rule_counts_liquidations_and_orders_that_are_not_done() -> None:
    desk = ruled(Rule("busy", "platform.open_orders >= 2"), Rule("hot", "platform.liquidations_5m >= 1"))
    desk.lead(10)
    desk.lead(10)
    assert [fact.rule for fact in said(desk.lead(10), RuleFired)] == ["busy"]
    desk.state.blocks.clear()
    desk.state.liquidated_ns.append(desk.now)
    assert [fact.rule for fact in said(desk.lead(10), RuleFired)] == ["hot"]
    desk.now += 301 * SECOND
    desk.top()
    assert not said(desk.lead(10), RuleFired)


# --- checks of other packages


def heavy(case) -> str:
    return f"{case.lots} {case.instrument.symbol} are more than 300" if case.lots > 300 else ""


register_check("test_heavy", heavy)
register_check("test_raises", lambda case: 1 // 0)
register_check("test_shapeless", lambda case: None)


@BOTH
def test_a_check_of_another_package_refuses_in_its_own_words(route) -> None:
    desk = ruled(Rule("heavy", extension="test_heavy"), route=route)
    answer(desk, desk.lead(100))
    outcome = desk.lead(200)
    (fired,) = said(outcome, RuleFired)
    assert fired.why == "rule 'heavy' fired: test_heavy says: 400 C0 are more than 300"
    assert not orders(outcome)
    assert desk.reasons() == [Reason.RULE] * 2


@BOTH
@pytest.mark.parametrize(("name", "why"), [("test_raises", "ZeroDivisionError"), ("test_shapeless", "NoneType")])
def test_a_check_that_fails_refuses_the_open_and_never_stops_the_shard(route, name, why) -> None:
    desk = ruled(Rule("broken", extension=name), route=route)
    outcome = desk.lead(100)
    (fired,) = said(outcome, RuleFired)
    assert "counts as fired, since it failed" in fired.why
    assert why in fired.why
    assert not orders(outcome) + said(outcome, Halted)
    assert not desk.state.guard.halted


def test_a_check_that_is_not_installed_is_refused_at_load() -> None:
    desk = ruled()
    (fact,) = said(desk.go(RulesSet(*desk.stamp(), (Rule("r", extension="nowhere"),))), Quarantined)
    assert fact.why.startswith("rule 1 ('r'), check nowhere: is not installed (known: ")
    assert fact.why.endswith("install the package that brings it")


def test_a_rule_is_an_expression_or_a_check_and_not_both() -> None:
    desk = ruled()
    both = Rule("r", "order.lots > 1", extension="test_heavy")
    (fact,) = said(desk.go(RulesSet(*desk.stamp(), (both,))), Quarantined)
    assert "has an expression and an extension" in fact.why


# --- sizing modes of other packages


def _raises(case):
    raise KeyError("no such volatility")


def _wrong(case):
    return np.ones(len(case.follows) + 1, dtype=np.int64)


def _forgets(case):
    if case.lots == 100:
        raise KeyError("what was that?")
    return np.full(len(case.follows), case.lots * SUBLOT, dtype=np.int64)


register_sizer("test_sizer_raises", _raises)
register_sizer("test_sizer_forgets", _forgets)
register_sizer("test_sizer_wrong", _wrong)
register_sizer("test_sizer_floats", lambda case: np.ones(len(case.follows)))
register_sizer("test_sizer_negative", lambda case: np.full(len(case.follows), -1, dtype=np.int64))


@pytest.mark.parametrize("sizer", ["test_sizer_raises", "test_sizer_wrong", "test_sizer_floats", "test_sizer_negative"])
def test_a_sizing_mode_that_fails_opens_nothing_for_its_follows_and_never_stops_the_shard(sizer) -> None:
    desk = ruled(count=1)
    desk.follow(free_follows([5], sizing=int(Sizing.EXTENSION), sizers=[sizer]))
    outcome = desk.lead(100)
    (fact,) = said(outcome, ExtensionFailed)
    assert fact.name == sizer
    assert fact.why.endswith("its follows open nothing until it is mended")
    assert only(outcome).lots == 100, "the others are copied as ever"
    assert desk.reasons() == [Reason.NONE, Reason.EXTENSION]
    assert not desk.state.failures


def test_a_sizing_mode_that_cannot_say_what_it_wanted_before_opens_nothing_more() -> None:
    desk = ruled(count=0)
    desk.follow(free_follows([5], sizing=int(Sizing.EXTENSION), sizers=["test_sizer_forgets"]))
    assert not placed(desk.lead(100, order=7))
    assert not placed(desk.lead(100, order=7)), "or the whole order would be opened at once"
    assert desk.reasons() == [Reason.EXTENSION]
    assert only(desk.lead(100, order=7)).lots == 100
