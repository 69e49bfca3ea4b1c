"""platform.toml: what it says becomes events, and what it cannot mean is refused where it stands."""

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instructions import (
    DisclosureSet,
    ExecutionSet,
    FeesDue,
    FeesSet,
    HedgeMapped,
    InstrumentMapped,
    Rebalance,
    RiskSet,
    RulesSet,
)
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.mandate import Follows
from pilotfish.domain.rules import RuleAction
from pilotfish.domain.terms import DAY_NS, Execution, ExecutionTerms, FeeTerms, Outage, RiskTerms
from pilotfish.worlds.calendar import Calendar
from pilotfish.worlds.platform import Settings, parse_platform, read_platform
from pilotfish.worlds.platform_events import platform_events

PAGE = Path(__file__).parents[2] / "docs/platform.md"
NOW = 1_790_000_000_000_000_000
INSTRUMENTS = [
    Instrument(k, symbol, venue, Kind.PERP, 2, 4)
    for k, (venue, symbol) in enumerate(
        [("hyperliquid", "BTC"), ("hyperliquid", "HYPE"), ("hyperliquid", "kBONK"), ("bybit", "1000BONK")]
    )
]


def events(text: str, leads: tuple[str, ...] = ("acc2",), instruments=INSTRUMENTS):
    return platform_events(parse_platform(text), instruments, leads, NOW)


def whole_file() -> str:
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_file_in_the_documentation_is_read_and_becomes_every_event():
    said = events(whole_file())
    assert [type(event) for event in said] == [
        FeesSet, RiskSet, RulesSet, ExecutionSet, HedgeMapped, InstrumentMapped, DisclosureSet
    ]  # fmt: skip
    fees, risk, rules, execution, hedge, mapped, disclosed = said
    assert fees.terms == FeeTerms(subscription=3_000_000)
    assert risk.terms == RiskTerms()
    assert execution.terms == ExecutionTerms()
    assert (rules.rules[0].name, rules.rules[0].action) == ("no thin books", RuleAction.REFUSE_OPENS)
    assert (hedge.instrument, hedge.hedge) == (1, 0)
    assert (mapped.source, mapped.target, mapped.open) == (2, 3, True)
    assert (disclosed.lead, disclosed.delay_ns, disclosed.mirrored_at_once) == (0, 120 * 10**9, True)
    assert {event.ours_ns for event in said} == {NOW}


def test_the_documented_defaults_are_what_an_empty_table_gives():
    documented = parse_platform(re.sub(r"(?m)^subscription_usdc = 3", "subscription_usdc = 0", whole_file()))
    empty = parse_platform("[fees]\n[risk]\n[execution]\n[rebalance]")
    for table in ("fees", "risk", "execution", "rebalance"):
        assert getattr(documented, table) == getattr(empty, table), table


def test_every_key_that_is_read_is_in_the_documentation():
    text = whole_file()
    for table in ("fees", "risk", "execution", "rebalance"):
        keys = type(getattr(parse_platform(text), table)).__struct_fields__
        section = text.split(f"[{table}]")[1].split("\n[")[0]
        assert [key for key in keys if not re.search(rf"(?m)^{key} =", section)] == []


def test_an_empty_file_sets_nothing():
    assert events("") == []


def test_numbers_become_the_engines_integers_exactly():
    said = events(
        """
        [fees]
        subscription_usdc = 2.5
        steps = [[0, 5], [12.5, 7.25]]
        coupon_percent = 12.34
        period_days = 0.5
        [risk]
        breaker_count = 3
        breaker_minutes = 2.5
        liquidate_ratio = 1.25
        auth_cool_seconds = 0.000000001
        rate_burst = 10
        rate_per_second = 4
        outage = "close"
        [execution]
        kind = "twap"
        window_seconds = 90
        slices = 6
        participation_percent = 12.5
        """
    )
    fees, risk, execution = (event.terms for event in said)
    assert (fees.subscription, fees.steps) == (2_500_000, ((0, 500), (1_250, 725)))
    assert (fees.coupon_bps, fees.period_ns) == (1_234, DAY_NS // 2)
    assert (risk.breaker_count, risk.breaker_ns, risk.liquidate_e2) == (3, 150 * 10**9, 125)
    assert (risk.auth_cool_ns, risk.rate_tokens, risk.rate_per_s, risk.outage) == (1, 10, 4, Outage.CLOSE)
    assert (execution.kind, execution.window_ns, execution.slices) == (Execution.TWAP, 90 * 10**9, 6)
    assert execution.participation_bps == 1_250


def test_contract_sizes_are_fractions_and_a_rule_may_halt_or_come_from_elsewhere():
    mapped, rules = sorted(
        events(
            """
            [[mappings]]
            source = "kBONK"
            target = "1000BONK"
            lots = "1000 / 7"
            price = "1/1000"
            open = false
            [[rules]]
            name = "storm"
            when = "platform.liquidations_5m > 20"
            action = "halt"
            [[rules]]
            name = "weekend"
            extension = "no-weekends"
            """
        ),
        key=lambda event: type(event).__name__,
    )
    assert (mapped.lots_num, mapped.lots_den, mapped.price_num, mapped.price_den) == (1_000, 7, 1, 1_000)
    assert not mapped.open
    assert [rule.action for rule in rules.rules] == [RuleAction.HALT_OPENS, RuleAction.REFUSE_OPENS]
    assert rules.rules[1].extension == "no-weekends"


WRONG = {
    "[fees\nsubscription_usdc = 3": "at line 1",
    "[fees]\nsubscription_usdc = \n": "at line 2",
    "[feees]": r"did you mean fees\?",
    "[fees]\nsubscription = 3": r"platform.toml:2, \[fees\]: 'subscription' .* did you mean subscription_usdc\?",
    "[risk]\nbreaker_counts = 1": r"did you mean breaker_count\?",
    "[[rules]]\nname = 'a'\nwhen = 'time.weekday > 4'\nactoin = 'halt'": r"no. 1: .*did you mean action\?",
    "[[hedges]]\ninstrument = 'BTC'": r"\[\[hedges\]\] no. 1: .*`with`",
    "[risk]\nbreaker_count = -1": r"\[risk\] breaker_count: .*>= 0",
    "[risk]\noutage = 'wait'": "use one of hold, reduce, close",
    "[execution]\nkind = 7": "use one of at_once, twap, iceberg",
    "[fees]\nsteps = [[0]]": r"\[fees\] steps\[0\]",
    "[fees]\nsubscription_usdc = '3 USDC'": r"\[fees\] subscription_usdc",
    "fees = 3": r"\[fees\]: expected a table",
    "[[rules]]\nname = 'a'": "needs `when` or `extension`",
    "[[rules]]\nname = 'a'\nwhen = 'time.weekday > 4'\nextension = 'b'": "one of them",
    "[[rules]]\nname = 'a'\nwhen = 'market.spred_bps > 4.0'": r"toml, rule 1.*did you mean market.spread_bps\?",
    "[fees]\nsubscription_usdc = nan": "NaN is not a number of 0 or more",
    "[fees]\nsubscription_usdc = inf": "is not a number of 0 or more",
    "[fees]\nperiod_days = -3": "-3 is not a number of 0 or more",
    "[fees]\nperiod_days = 1e300": "too large",
    "[fees]\nsubscription_usdc = 2.00000001": "more decimals than count",
    "[fees]\ncoupon_percent = 1.001": "more decimals than count",
    "[[hedges]]\ninstrument = 'BTC'\nwith = 'HYPEE'": r"\[\[hedges\]\] no. 1, with: .*did you mean HYPE\?",
    "[[mappings]]\nsource = 'BTC'\ntarget = 'HYPE'\nlots = '1000:1'": "not a fraction of whole numbers",
    "[[mappings]]\nsource = 'BTC'\ntarget = 'HYPE'\nprice = '1/0'": "not a fraction of whole numbers",
    "[[disclosure]]\nlead = 'acc3'": r"no. 1, lead: 'acc3' is no lead of this run. did you mean acc2\?",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_is_refused_with_the_place_and_a_remedy(text):
    with pytest.raises(ConfigError, match=WRONG[text]) as refused:
        events(text)
    assert refused.value.why or refused.value.to_do


def test_a_symbol_of_two_venues_is_asked_for_by_its_venue():
    twice = [*INSTRUMENTS, Instrument(4, "BTC", "bybit", Kind.PERP, 2, 4)]
    hedge = "[[hedges]]\ninstrument = 'HYPE'\nwith = '{}'"
    with pytest.raises(ConfigError, match=r"2 venues.*venue:symbol"):
        events(hedge.format("BTC"), instruments=twice)
    assert events(hedge.format("bybit:BTC"), instruments=twice)[0].hedge == 4


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_platform(tmp_path / "nowhere.toml")
    (tmp_path / "p.toml").write_bytes(b"\xff\xfe[fees]")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_platform(tmp_path / "p.toml")
    (tmp_path / "mine.toml").write_text("[fees]\nx = 1")
    with pytest.raises(ConfigError, match=r"mine\.toml:2, "):
        read_platform(tmp_path / "mine.toml")


# -- the calendar ------------------------------------------------------------------------------------------------------


def calendar(text: str, start_ns: int = NOW, **columns: object) -> Calendar:
    return Calendar.of(parse_platform(text), Follows.of([5, 5, 9], [0, 1, 0], 100, **columns), start_ns)


def test_fees_are_due_at_every_midnight_where_there_are_fees():
    fees = calendar("[fees]")
    first = fees.after(NOW)
    assert first % DAY_NS == 0
    assert 0 < first - NOW <= DAY_NS
    assert fees.after(first) == first + DAY_NS
    assert fees.due(first) == [FeesDue(first, first)]
    assert calendar("").due(first) == []


def test_only_followers_with_weights_are_rebalanced_once_a_week_and_after_the_fees():
    week = calendar("[fees]\n[rebalance]\nband_percent = 2.5", weight_bps=[6_000, 4_000, 0])
    days = [week.due((NOW // DAY_NS + day) * DAY_NS) for day in range(1, 22)]
    assert [len(due) for due in days] == [2 if day % 7 == 0 else 1 for day in range(1, 22)]
    fees, rebalance = days[6]
    assert isinstance(fees, FeesDue)
    assert isinstance(rebalance, Rebalance)
    assert np.array_equal(rebalance.followers, [5])
    assert rebalance.band_bps == 250


def test_nobody_is_rebalanced_without_weights_or_with_zero_days():
    midnight = (NOW // DAY_NS + 7) * DAY_NS
    assert calendar("").due(midnight) == []
    assert calendar("[rebalance]\ndays = 0", weight_bps=[6_000, 4_000, 0]).due(midnight) == []


def test_settings_without_a_file_are_the_engines_own():
    assert Settings().fees is None
    assert parse_platform("[fees]").fees.subscription_usdc == Decimal(0)
