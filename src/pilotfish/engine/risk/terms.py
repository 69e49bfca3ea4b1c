"""The platform's own risk terms and rules, and the breaker: too many liquidations, and nothing is opened anywhere."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import numpy as np

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instructions import RiskSet, RulesSet
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import BPS
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import Outage
from pilotfish.engine.facts import Fact
from pilotfish.engine.orders.fanout import lacking
from pilotfish.engine.orders.leg import Leg, Occasion, Out, refused
from pilotfish.engine.risk.halting import halt_opens
from pilotfish.engine.risk.ruling import LIQUIDATIONS_NS
from pilotfish.engine.state import State, remember
from pilotfish.gate.budget import Rate
from pilotfish.gate.rules import rulebook

_REMEMBERED = 4_096
_COUNT_MAX = 2**31
_SPAN_NS_MAX = 2**56  # more than two years
_TIMES_E2 = (100, 10_000)


def on_risk(state: State, event: RiskSet) -> Out:
    """From now on. What rests or is halted already stays so."""
    state.risk = terms = event.terms
    state.guard.rate = Rate(terms.rate_tokens, terms.rate_per_s, terms.rate_reserve) if terms.rate_tokens else None
    if state.guard.rate is None:
        state.guard.buckets.clear()
    state.tended = state.tended or terms.liquidate_e2 > 0
    return [], []


def on_rules(state: State, event: RulesSet) -> Out:
    state.rules = event.rules
    return [], []


def count_liquidations(state: State, accounts: Iterable[int], venue_ns: int) -> Out:
    """Accounts that were closed by force at `venue_ns`, by the venue or by our own liquidator; more than
    `breaker_count` within `breaker_ns` halt opens in this very step. A liquidation in several fills counts once.
    """
    for account in accounts:
        if state.liquidated.get(account) != venue_ns:
            remember(state.liquidated, account, venue_ns, _REMEMBERED)
            state.liquidated_ns.append(state.now_ns)
    risk, when, now = state.risk, state.liquidated_ns, state.now_ns
    del when[: bisect_right(when, now - max(risk.breaker_ns, LIQUIDATIONS_NS))]
    count = len(when) - bisect_right(when, max(now - risk.breaker_ns, state.resumed_ns))
    if not risk.breaker_count or count <= risk.breaker_count or state.guard.broken:
        return [], []
    most, span = risk.breaker_count, risk.breaker_ns / 1e9
    why = f"{count} liquidations within {span:g} s, more than {most}; look at the market, then resume"
    commands, facts = halt_opens(state, Reason.BREAKER, why)
    return commands, [*facts, *_refuse_waiting(state)]


def _refuse_waiting(state: State) -> list[Fact]:
    """Opens that wait to be tried again are refused now, not only when their time comes."""
    facts: list[Fact] = []
    for key, watch in state.watches.items():
        number, instrument = key >> 32, key & 0xFFFFFFFF
        which = np.abs(lacking(state, state.leads[number], instrument).opens) >= SUBLOT
        if which.any():
            watch.last_reason = int(Reason.BREAKER)
            state.guard.refuse(Reason.BREAKER)
            occasion = Occasion(watch.reference, watch.lead_ns)
            facts.append(refused(state, Leg(number, instrument, 1, False, occasion), which, Reason.BREAKER))
    return facts


def risk_refused(state: State, event: RiskSet) -> str:
    """Why these terms cannot be, or an empty string."""
    terms = event.terms
    spans = (terms.breaker_ns, terms.auth_cool_ns, terms.balance_cool_ns, terms.outage_ns)
    counts = (terms.breaker_count, terms.rate_tokens, terms.rate_per_s, terms.rate_reserve)
    if not all(0 <= span <= _SPAN_NS_MAX for span in spans) or not all(0 <= count <= _COUNT_MAX for count in counts):
        return "a risk term is negative or absurdly large"
    if terms.liquidate_e2 and not _TIMES_E2[0] <= terms.liquidate_e2 <= _TIMES_E2[1]:
        return (
            f"liquidate_e2 is {terms.liquidate_e2}: below 100 the venue would be first; "
            "use 100 to 10000 hundredths of the maintenance margin, or 0 for none"
        )
    if terms.breaker_count and not terms.breaker_ns:
        return "the breaker counts liquidations within no time: set breaker_ns"
    if not 0 <= terms.deviation_bps < BPS:
        return f"deviation_bps is {terms.deviation_bps}: use 1 to {BPS - 1}, or 0 for none"
    if terms.rate_tokens and not (terms.rate_per_s and terms.rate_reserve < terms.rate_tokens):
        return "a rate budget must refill (rate_per_s), and leave something for opens (rate_reserve below rate_tokens)"
    if not terms.rate_tokens and (terms.rate_per_s or terms.rate_reserve):
        return "rate_per_s and rate_reserve mean nothing without rate_tokens"
    return "" if terms.outage in tuple(Outage) else f"{terms.outage} is no outage policy"


def rules_refused(state: State, event: RulesSet) -> str:
    """Why this table of rules cannot be used: which rule, where, and what to do."""
    try:
        rulebook(event.rules)
    except ConfigError as bad:
        return str(bad)
    return ""
