"""Instructions that cannot be obeyed. A shard sets each aside and changes nothing else."""

from __future__ import annotations

import msgspec

from pilotfish.domain.arith import ints
from pilotfish.domain.events import Event
from pilotfish.domain.instructions import (
    Committed,
    DisclosureSet,
    ExecutionSet,
    FeesSet,
    FollowAction,
    FollowControl,
    HedgeMapped,
    InstrumentMapped,
    LeadNews,
    LeadOrder,
    LeadStatus,
    LeadStop,
    MandateChanged,
    Rebalance,
    Revealed,
    RiskSet,
    RulesSet,
)
from pilotfish.domain.mandate import Follows
from pilotfish.domain.rules import Rule
from pilotfish.domain.terms import Execution, ExecutionTerms, FeeTerms, RiskTerms
from pilotfish.worlds.fuzz.draws import USDC, Chance
from pilotfish.worlds.fuzz.scenario import Scenario

HUGE = 2**62
NOWHERE = 99
DAY_NS = 86_400 * 10**9


def impossible_instruction(scenario: Scenario, chance: Chance, now_ns: int) -> Event:
    """One of them, stamped now."""
    groups = (_of_follows, _of_leads, _of_mappings, _of_terms)
    choices = groups[int(chance.integers(len(groups)))](scenario, now_ns)
    return choices[int(chance.integers(len(choices)))]


def _of_follows(scenario: Scenario, now_ns: int) -> list[Event]:
    at, mine = (now_ns, now_ns), scenario.follows.take(ints([0]))
    nobody = Follows.of([10**7], [0], [USDC])
    return [
        FollowControl(*at, ints([0, 0]), FollowAction.PAUSE), FollowControl(*at, ints([10**6]), FollowAction.LEAVE),
        FollowControl(*at, ints([-1]), FollowAction.CLOSE), MandateChanged(*at, ints([0]), nobody),
        MandateChanged(*at, ints([0, 1]), mine), MandateChanged(*at, ints([10**6]), mine),
        MandateChanged(*at, ints([0]), msgspec.structs.replace(mine, order_cap=ints([0]))),
        MandateChanged(*at, ints([0]), msgspec.structs.replace(mine, hedge_bps=ints([123]))),
        MandateChanged(*at, ints([0]), msgspec.structs.replace(mine, stage_bps=ints([0]))),
        MandateChanged(*at, ints([0]), msgspec.structs.replace(mine, equity_stop=mine.allocation)),
        MandateChanged(*at, ints([0]), msgspec.structs.replace(mine, weight_bps=ints([10_001]))),
        Rebalance(*at, ints([10**7])), Rebalance(*at, ints([]), -1), Rebalance(*at, ints([]), 10_000),
    ]  # fmt: skip


def _of_leads(scenario: Scenario, now_ns: int) -> list[Event]:
    at, price = (now_ns, now_ns), scenario.prices[0]
    return [
        LeadStatus(*at, NOWHERE, LeadNews.GONE), LeadStop(*at, 0, 0, -1), LeadStop(*at, 0, NOWHERE, price),
        LeadStop(*at, NOWHERE, 0, price), LeadOrder(*at, 0, 0, HUGE - 1, 0, 5, price),
        LeadOrder(*at, 0, 0, 0, 1, 5, price),
        LeadOrder(*at, 0, 0, HUGE - 1, 1, -5, price), LeadOrder(*at, 0, 0, HUGE - 1, 1, HUGE, price),
        LeadOrder(*at, 0, 0, HUGE - 1, 1, 5, 0), LeadOrder(*at, NOWHERE, 0, HUGE - 1, 1, 5, price),
        LeadOrder(*at, 0, NOWHERE, HUGE - 1, 1, 5, price), DisclosureSet(*at, NOWHERE), DisclosureSet(*at, 0, -1),
        DisclosureSet(*at, 0, 2 * DAY_NS), Committed(*at, 0, b"short", 10**6), Committed(*at, NOWHERE, bytes(32), 1),
        Committed(*at, 0, bytes(32), -5), Revealed(*at, 0, 10**6, 0, 1, 5, price, bytes(16)),
        Revealed(*at, NOWHERE, 1, 0, 1, 5, price, bytes(16)),
    ]  # fmt: skip


def _of_mappings(scenario: Scenario, now_ns: int) -> list[Event]:
    at = (now_ns, now_ns)
    out: list[Event] = [
        InstrumentMapped(*at, 0, NOWHERE), InstrumentMapped(*at, NOWHERE, 0), InstrumentMapped(*at, 0, 0, 0, 1),
        InstrumentMapped(*at, 0, 0, 1, -1), InstrumentMapped(*at, 0, 0, 1, 1, 1, 0), InstrumentMapped(*at, 0, 0, HUGE),
        HedgeMapped(*at, 0, 0), HedgeMapped(*at, 0, NOWHERE), HedgeMapped(*at, -1, 0),
    ]  # fmt: skip
    foreign = [i.id for i in scenario.instruments if i.quote != "USDC"]
    return out + [event for k in foreign for event in (InstrumentMapped(*at, 0, k), HedgeMapped(*at, 0, k))]


def _of_terms(scenario: Scenario, now_ns: int) -> list[Event]:
    at = (now_ns, now_ns)
    return [
        FeesSet(*at, FeeTerms(USDC)), FeesSet(*at, FeeTerms(6 * USDC)), FeesSet(*at, FeeTerms(month_ns=0)),
        FeesSet(*at, FeeTerms(steps=())), FeesSet(*at, FeeTerms(steps=((0, 400),))),
        FeesSet(*at, FeeTerms(steps=((0, 1_600),))), FeesSet(*at, FeeTerms(steps=((5, 500),))),
        FeesSet(*at, FeeTerms(steps=((0, 1_000), (100, 500)))), FeesSet(*at, FeeTerms(insurance_bps=10_001)),
        RiskSet(*at, RiskTerms(-1)), RiskSet(*at, RiskTerms(liquidate_e2=50)), RiskSet(*at, RiskTerms(breaker_ns=-1)),
        RiskSet(*at, RiskTerms(rate_tokens=5)), RiskSet(*at, RiskTerms(rate_per_s=5)),
        RiskSet(*at, RiskTerms(rate_tokens=5, rate_per_s=1, rate_reserve=5)),
        RiskSet(*at, RiskTerms(breaker_count=HUGE)),
        RulesSet(*at, (Rule("typo", "order.lotz > 5"),)), RulesSet(*at, (Rule("number", "order.lots + 1"),)),
        RulesSet(*at, (Rule("broken", "order.lots >"),)), RulesSet(*at, (Rule("mixed", "order.lots > 'a'"),)),
        RulesSet(*at, (Rule("unknown", extension="nobody brings this"),)),
        RulesSet(*at, (Rule("twice", "order.lots > 1"), Rule("twice", "order.lots > 2"))),
        ExecutionSet(*at, ExecutionTerms(Execution.TWAP, 1, 5)), ExecutionSet(*at, ExecutionTerms(Execution.ICEBERG)),
        ExecutionSet(*at, ExecutionTerms(slices=0)), ExecutionSet(*at, ExecutionTerms(participation_bps=10_001)),
        ExecutionSet(*at, ExecutionTerms(stage_ns=-1)), ExecutionSet(*at, ExecutionTerms(window_ns=2 * DAY_NS)),
    ]  # fmt: skip
