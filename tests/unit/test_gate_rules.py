"""Risk rules as scripts: refused when they make no sense, fired on the safe side, explained by their values."""

import math
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.rules import Rule, RuleAction
from pilotfish.gate.rules import RULES_MAX, compile_rules, rulebook, rules_from
from pilotfish.gate.rules_language import EXPRESSION_MAX
from pilotfish.gate.rules_variables import VARIABLES, RuleValues, field

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
CALM = RuleValues(
    order_side=1, order_notional_usdc=5_000.0, order_lots=50, order_price=100.0,
    instrument_symbol="BTC", instrument_venue="sim", instrument_kind="perp",
    market_mark=100.0, market_spread_bps=2.0, market_age_ms=10,
    lead_name="ada", lead_equity_usdc=1e6, lead_position_usdc=-2e5,
    platform_followers=32_000, platform_equity_usdc=1e7, platform_gross_usdc=1e7, platform_open_orders=3,
    platform_liquidations_5m=0, platform_insurance_usdc=1e5, platform_refusals=0,
    time_ns=1_700_000_000 * 10**9,  # Tuesday 14 November 2023, 22:13:20 UTC
)  # fmt: skip


def when(**changes):
    return msgspec.structs.replace(CALM, **changes)


def fires(expression, values=CALM):
    fired = compile_rules([Rule("r", expression)]).first_firing(values)
    return fired is not None and not fired.failed


def refusal(expression):
    with pytest.raises(ConfigError) as refused:
        compile_rules([Rule("mine", expression)])
    return str(refused.value)


# --- what a rule means


@pytest.mark.parametrize(
    ("expression", "true"),
    [
        ("order.side == 1 && order.lots % 7 == 1", True),
        ("-order.lots / 7 == -7", True),  # towards zero, as in C
        ("order.side in [-1, 0]", False),
        ("!(instrument.symbol in ['ETH', 'SOL'])", True),
        ("instrument.symbol.startsWith('BT') && lead.name.endsWith('a') && lead.name.contains('d')", True),
        ("order.lots > 10 ? market.spread_bps > 1.0 : order.lots > 5", True),
        ("double(order.lots) * order.price == order.notional_usdc", True),
        ("int(market.mark + 0.9) == 100", True),
        ("lead.position_usdc >= 0.0 || order.side != 1", False),
        ("time.hour_utc == 22 && time.weekday == 1", True),
    ],
)
def test_an_expression_means_what_it_says(expression, true):
    assert fires(expression) is true


@given(
    a=st.floats(allow_nan=False, allow_infinity=False),
    b=st.floats(allow_nan=False, allow_infinity=False),
    n=st.integers(-(2**63), 2**63 - 1),
    m=st.integers(-(2**63), 2**63 - 1),
)
def test_comparisons_are_those_of_ieee_754_and_int64(a, b, n, m):
    values = when(order_notional_usdc=a, platform_equity_usdc=b, order_lots=n, platform_open_orders=m)
    for sign, true in (("<", (a < b, n < m)), (">=", (a >= b, n >= m)), ("==", (a == b, n == m))):
        for left, right, expected in (
            ("order.notional_usdc", "platform.equity_usdc", true[0]),
            ("order.lots", "platform.open_orders", true[1]),
        ):
            assert (rulebook((Rule("r", f"{left} {sign} {right}"),)).first_firing(values) is not None) is expected


def test_the_weekday_and_the_hour_come_from_the_stamp_alone():
    monday = 4 * 86_400 * 10**9  # 5 January 1970
    for day in range(7):
        for hour in (0, 23):
            at = when(time_ns=monday + (day * 24 + hour) * 3_600 * 10**9)
            assert fires(f"time.weekday == {day} && time.hour_utc == {hour}", at)


def test_integers_of_numpy_are_integers():
    assert fires("order.lots == 7 && order.price > 0.5", when(order_lots=np.int64(7), order_price=np.float64(1)))


# --- what is refused at loading


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("market.spred_bps > 4.0", "line 1, column 1: there is no 'market.spred_bps'"),
        ("market.spred_bps > 4.0", "did you mean market.spread_bps?"),
        ("order.lots > 1 &&\n  spread_bps > 4.0", "line 2, column 3: there is no 'spread_bps'"),
        ("order.lots > 1 &&\n  spread_bps > 4.0", "did you mean market.spread_bps?"),
        ("market.spread_bps > 40", "column 19: > does not go with a double and an int. write 40.0 for 40"),
        ("instrument.symbol > 3", "> does not go with a string and an int. compare like with like"),
        ("order.side == 'buy'", "== does not go with an int and a string"),
        ("order.lots", "gives an int, not true or false. compare it"),
        ("order.lots * 2", "gives an int, not true or false"),
        ("order.lots >", "column 13: it ends too early"),
        ("", "it ends too early"),
        ("order.lots > 1 and order.side == 1", "column 16: 'and' does not belong here. write && for and"),
        ("not (order.lots > 1)", "write && for and, || for or, ! for not"),
        ("order.lots = 1", "== for equal"),
        ("true", "mentions no variable, so it can never change"),
        ("'market.mark' == 'x' // order.side", "mentions no variable"),
        ("order.lots > 99999999999999999999", "invalid int literal"),
        ("order.lots > 1\x00", "cannot be printed"),
        ("instrument.symbol == '\ud800'", "cannot be printed"),
        ("platform.gross_usdc / platform.equity_usdc > 3.0", "multiply: a > 0.5 * b"),
    ],
)
def test_a_rule_that_does_not_type_check_is_refused_with_a_reason_a_user_understands(expression, said):
    message = refusal(expression)
    assert message.startswith("rule 1 ('mine')")
    assert said in message
    assert "INVALID_ARGUMENT" not in message


@pytest.mark.parametrize(
    "expression",
    [
        "now() > order.lots",
        "timestamp('2020-01-01T00:00:00Z').getHours('Europe/Berlin') > order.lots",
        "timestamp(order.lots) > timestamp(0)",
        "duration('1s') == duration('1s') && order.lots > 1",
        "google.protobuf.Timestamp{seconds: order.lots} == google.protobuf.Timestamp{}",
        "order.side in [1, 2].map(x, x * 2)",
        "[1, 2].all(x, x < order.lots)",
        "[1, 2].exists_one(x, x == order.lots)",
        "[1, 2].exists(x, [3].exists(y, x * y == order.lots))",
        "has(order.lots)",
        "cel.bind(x, 1, x == order.lots)",
        "instrument.symbol.matches('(a+)+$')",
        "instrument.symbol + instrument.symbol == 'xx'",
        "dyn(order.lots) == 'x'",
        "{'a': order.lots}.a == 'x'",
        "[order.lots, 'x'][0] == 'x'",
    ],
)
def test_a_rule_reads_no_clock_runs_no_loop_and_evades_no_type(expression):
    refusal(expression)


def test_a_rule_is_as_long_and_as_deep_as_its_cost_allows():
    longest = "order.lots > 1" + " && order.lots > 1" * ((EXPRESSION_MAX - 14) // 18)
    assert fires(longest)
    assert f"longer than {EXPRESSION_MAX}" in refusal(longest + " " * EXPRESSION_MAX)
    assert "nested too deeply" in refusal("(" * 60 + "order.lots > 1" + ")" * 60)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([Rule("a", "order.lots > 1"), Rule("a", "order.lots > 2")], "rule 2 ('a'): has the name of another rule"),
        ([Rule(" ", "order.lots > 1")], "no usable name"),
        ([Rule("a\nb", "order.lots > 1")], "no usable name"),
        ([Rule("a", "order.lots > 1", text="x" * 201)], "no usable text"),
        ([Rule("a", "order.lots > 1", 7)], "has the action 7"),
        ([Rule(f"r{i}", "order.lots > 1") for i in range(RULES_MAX + 1)], f"more than {RULES_MAX}"),
    ],
)
def test_rules_that_cannot_stand_together_or_be_shown_are_refused(rules, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        compile_rules(rules)


@pytest.mark.parametrize(
    "configured",
    [None, {}, "x", [1], [{"name": "a"}], [{"name": "a", "expression": "order.lots > 1", "actoin": "halt_opens"}],
     [{"name": "a", "expression": "order.lots > 1", "action": "sell_all"}], [{"name": "a", "expression": 1}]],
)  # fmt: skip
def test_a_configuration_that_is_no_list_of_rules_is_refused(configured):
    with pytest.raises(ConfigError, match=r"docs/rules\.md"):
        rules_from(configured)


# --- what happens when one fires


def test_a_firing_rule_is_explained_by_the_values_of_exactly_the_variables_it_mentions():
    book = compile_rules([Rule("no thin books", "market.spread_bps > 40.0")])
    assert book.first_firing(CALM) is None
    fired = book.first_firing(when(market_spread_bps=61.2))
    assert fired.explain == "rule 'no thin books' fired: market.spread_bps > 40.0 with market.spread_bps = 61.2"
    assert not fired.failed


def test_a_variable_in_a_text_or_a_comment_is_not_mentioned():
    book = compile_rules([Rule("r", "lead.name != 'order.lots' &&\n order . side == 1 // market.mark")])
    assert book.uses == {"lead.name", "order.side"}


def test_a_text_from_a_venue_cannot_forge_a_line_of_the_explanation():
    fired = compile_rules([Rule("r", "instrument.symbol != 'BTC'")]).first_firing(when(instrument_symbol="X\nrule ok"))
    assert "\n" not in fired.explain


@pytest.mark.parametrize(
    ("expression", "values", "why"),
    [
        ("order.lots / platform.open_orders > 3", when(platform_open_orders=0), "divide by zero"),
        ("order.lots % platform.open_orders > 3", when(platform_open_orders=0), "modulus by zero"),
        ("order.lots + 1 < 0", when(order_lots=2**63 - 1), "integer overflow"),
        ("int(order.price) < 0", when(order_price=1e300), "range"),
        ("market.mark < 1.0", when(market_mark=None), "market.mark is not known"),
        ("market.mark < 1.0", when(market_mark=math.nan), "market.mark is not known"),
        ("market.mark < 1.0", when(market_mark=math.inf), "market.mark is not known"),
        ("market.mark < 1.0 && order.lots < 1", when(market_mark=None, order_lots=None), "order.lots are not known"),
        ("time.weekday > 7", when(time_ns=None), "time.weekday is not known"),
        ("order.lots < 0", when(order_lots=2**63), "too"),
        ("order.lots < 0", when(order_lots=1.5), "integer"),
        ("instrument.symbol == ''", when(instrument_symbol="\ud800"), "not valid"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_counts_as_fired_and_says_so(expression, values, why):
    fired = compile_rules([Rule("r", expression)]).first_firing(values)
    assert fired.failed
    assert "counts as fired, since it failed" in fired.explain
    assert why in fired.explain


def test_an_unknown_value_that_cannot_change_the_answer_changes_nothing():
    assert (
        compile_rules([Rule("r", "market.mark < 1.0 && order.lots < 1")]).first_firing(when(market_mark=None)) is None
    )
    assert fires("market.mark < 1.0 || order.lots > 1", when(market_mark=None))


def test_a_rule_that_refuses_does_not_hide_one_that_halts():
    halt = Rule("halt", "platform.liquidations_5m > 0", RuleAction.HALT_OPENS)
    book = compile_rules([Rule("first", "order.lots > 1"), Rule("second", "order.lots > 2"), halt])
    assert book.first_firing(when(platform_liquidations_5m=1)).rule is halt
    assert book.first_firing(CALM).rule.name == "first"
    assert book.first_firing(when(order_lots=0)) is None


def test_no_rules_forbid_nothing():
    assert compile_rules([]).first_firing(RuleValues()) is None


# --- what the journal needs


def test_a_rulebook_is_rebuilt_from_its_texts_and_answers_the_same():
    rules = rules_from(_configured(PAGE)[-1])
    told = msgspec.msgpack.decode(msgspec.msgpack.encode(rules), type=tuple[Rule, ...])
    assert told == rules
    before, after = compile_rules(rules), compile_rules(told)
    for values in (CALM, when(platform_liquidations_5m=99), when(order_price=None), RuleValues()):
        assert before.first_firing(values) == after.first_firing(values) == before.first_firing(values)


def test_a_rulebook_is_compiled_once_per_text():
    rules = (Rule("r", "order.lots > 1"),)
    assert rulebook(rules) is rulebook((Rule("r", "order.lots > 1"),))


# --- what the page says


def _configured(page):
    return [yaml.safe_load(block)["rules"] for block in re.findall(r"```yaml\n(.*?)```", page, re.S)]


def test_every_variable_has_a_value_and_every_value_is_a_variable():
    stored = set(RuleValues.__struct_fields__) - {"time_ns"} | {"time_hour_utc", "time_weekday"}
    assert {field(name) for name in VARIABLES} == stored


def test_the_page_lists_the_variables_as_they_are():
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$", PAGE, re.M)
    assert rows == [(name, v.type, v.unit, v.meaning) for name, v in VARIABLES.items()]


def test_every_example_of_the_page_compiles_and_is_content_on_a_calm_day():
    first, six = _configured(PAGE)
    assert len(six) == 6
    assert compile_rules(rules_from([*first, *six])).first_firing(CALM) is None


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("no giant orders", when(order_notional_usdc=1_000_000.5)),
        ("no giant orders", when(platform_equity_usdc=0.0)),
        ("platform leverage", when(platform_gross_usdc=2.9999e7)),
        ("no reckless leads", when(lead_position_usdc=-5_000_001.0)),
        ("quiet weekends", when(time_ns=CALM.time_ns + 4 * 86_400 * 10**9, instrument_symbol="kPEPE")),
        ("sound prices", when(order_side=-1, order_price=98.9)),
        ("sound prices", when(market_age_ms=2_001)),
        ("storm", when(platform_insurance_usdc=999.99)),
    ],
)
def test_the_examples_of_the_page_fire_when_they_should(name, values):
    fired = compile_rules(rules_from(_configured(PAGE)[-1])).first_firing(values)
    assert (fired.rule.name, fired.failed) == (name, False)


def test_the_page_quotes_the_real_sentences():
    book = compile_rules(rules_from(_configured(PAGE)[0]))
    assert book.first_firing(when(market_spread_bps=61.2)).explain in PAGE
    assert book.first_firing(when(market_spread_bps=None)).explain in PAGE
    for wrong in ("market.spred_bps > 40.0", "market.spread_bps > 40", "market.spread_bps"):
        with pytest.raises(ConfigError) as refused:
            compile_rules([Rule("no thin books", wrong)])
        assert str(refused.value) in PAGE
