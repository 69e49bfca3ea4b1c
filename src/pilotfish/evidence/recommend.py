"""From evidence to leads and weights for a capital: the lower end of an interval decides, never the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pilotfish.evidence.schema import Choice, LeadEvidence, LeadsReport, Recommendation, Rejection

WEIGHTS = {0: (), 1: (1.0,), 2: (0.6, 0.4), 3: (0.4, 0.3, 0.3)}
TRIPS_MIN = 20
ACTIVE_DAYS_MIN = 20
DEFLATED_MIN = 0.95
ORDERS_REACH_MIN = 0.5  # a copy of less than this share of a lead's orders is no copy


def recommend(report: LeadsReport, capital: float) -> Recommendation:
    """At most three leads. When none passes the bar, the three that come closest, and a headline that says so."""
    failed = {lead.name: failures(lead) for lead in report.leads}
    proven = [lead for lead in report.leads if not failed[lead.name]]
    candidates = proven or [lead for lead in report.leads if _thinkable(lead)]
    candidates = sorted(candidates, key=lambda lead: -_low(lead))
    picked, twins = _without_clones(candidates, 3)
    weights = WEIGHTS[len(picked)]
    choices = [_choice(lead, w, capital, failed[lead.name]) for lead, w in zip(picked, weights, strict=True)]
    chosen = {choice.name for choice in choices}
    rejections = [
        Rejection(lead.name, [twins[lead.name]] if lead.name in twins else failed[lead.name] or ["three rank above it"])
        for lead in report.leads
        if lead.name not in chosen
    ]
    rejections += [Rejection(one.name, [f"not judged: {one.why}"]) for one in report.unjudged]
    cash = capital - sum(choice.amount for choice in choices)
    if proven:
        headline = f"{len(choices)} of {len(report.leads)} leads can be told from luck."
        return Recommendation(capital, True, headline, choices, rejections, cash)
    headline = f"None of these {len(report.leads)} leads can be told from luck."
    if not choices:
        headline += " None of them left its copiers a profit while it was alive: keep the money."
        return Recommendation(capital, False, headline, [], rejections, capital, "nothing")
    headline += " If you still want to copy, these come closest; risk only what you can lose."
    return Recommendation(capital, False, headline, choices, rejections, cash, "luck")


def failures(lead: LeadEvidence) -> list[str]:
    """Why this lead does not pass the bar; empty when it does."""
    copying, why = lead.copying, []
    if lead.dead:
        why.append(lead.dead)
    if copying.money_weighted <= 0:
        why.append(f"its copiers lost {-copying.money_weighted:.1%}")
    if lead.round_trips < TRIPS_MIN:
        why.append(f"round trips: {lead.round_trips}, {TRIPS_MIN} are needed")
    if lead.active_days < ACTIVE_DAYS_MIN:
        why.append(f"days with trades: {lead.active_days}, {ACTIVE_DAYS_MIN} are needed")
    if copying.low is None:
        why.append("too few steps for an interval")
    elif copying.low <= 0:
        why.append(f"its interval reaches down to {copying.low:+.1%}")
    if lead.deflated is None or lead.deflated < DEFLATED_MIN:
        said = "unknown" if lead.deflated is None else f"{lead.deflated:.0%}"
        why.append(f"probability of more than luck {said}, {DEFLATED_MIN:.0%} is needed")
    return why


def _thinkable(lead: LeadEvidence) -> bool:
    return not lead.dead and lead.copying.money_weighted > 0


def _low(lead: LeadEvidence) -> float:
    return lead.copying.low if lead.copying.low is not None else -math.inf


def _without_clones(leads: Sequence[LeadEvidence], most: int) -> tuple[list[LeadEvidence], dict[str, str]]:
    """The first `most`, none a clone of another; and who was left out as whose clone."""
    picked: list[LeadEvidence] = []
    twins: dict[str, str] = {}
    for lead in leads:
        twin = next((other.name for other in picked if other.name in lead.clones), None)
        if twin is not None:
            twins[lead.name] = f"a clone of {twin}: following both doubles one bet"
        elif len(picked) < most:
            picked.append(lead)
    return picked, twins


def _choice(lead: LeadEvidence, weight: float, capital: float, failed: Sequence[str]) -> Choice:
    copying, amount, warnings = lead.copying, weight * capital, list[str]()
    cap = lead.capacity.usdc
    if cap is not None and not lead.capacity.at_least and amount > cap:
        warnings.append(f"capped at {cap:,.0f} USDC, its capacity: {lead.capacity.why}")
        amount = cap
    reach = sum(needed <= amount for needed in lead.capital_needed) / max(len(lead.capital_needed), 1)
    if reach < 1.0:
        need = lead.capital_needed[math.ceil(ORDERS_REACH_MIN * len(lead.capital_needed)) - 1]
        much = "many" if reach >= ORDERS_REACH_MIN else "most"
        warnings.append(
            f"with {amount:,.0f} USDC {much} of its orders fall below the venue's minimum when copied alone: "
            f"half of them reach it from {need:,.0f} USDC on"
        )
    low = f"{copying.low:+.1%}" if copying.low is not None else "unknown"
    why = [
        f"copiers got {copying.money_weighted:+.1%} net, the low end of the interval is {low}",
        f"{copying.in_profit} of {copying.copiers} copiers in profit, deepest fall {copying.drawdown:.1%}",
        f"round trips: {lead.round_trips}, days with trades: {lead.active_days}",
    ]
    warnings += [f"does not pass: {reason}" for reason in failed]
    return Choice(lead.name, amount / capital, amount, why, warnings)
