"""Which modes a fuzzed world drew, and how often each did something, so that a clean run can be seen not to be idle."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pilotfish.domain.events import Event, LeadFill
from pilotfish.domain.mandate import BPS, Direction, Follows, LeadGone, Minimum, Sides, Sizing, Start
from pilotfish.domain.orders import Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import Execution
from pilotfish.engine.facts import (
    Copied,
    Disclosed,
    ExtensionFailed,
    FeeCharged,
    InsurancePaid,
    Moved,
    OpensHalted,
    Refused,
    RuleFired,
    Stopped,
    Targeted,
)
from pilotfish.engine.step import Outcome
from pilotfish.worlds.fuzz.scenario import Scenario

_ENUMS = {
    "sizing": Sizing,
    "start": Start,
    "direction": Direction,
    "minimum": Minimum,
    "lead_gone": LeadGone,
    "sides": Sides,
}
OPTIONS = (
    "hedge_bps", "lookback", "multiplier_cap_e2", "lead_notional_min", "lead_leverage_min_e2", "hold_ns_min",
    "take_profit_bps", "stop_loss_bps", "trailing_bps", "price_stop_bps", "equity_stop", "margin_stop_bps",
    "weight_bps", "coupon", "depth", "stage_bps",
)  # fmt: skip
_WAITS = (Reason.COOLING, Reason.BUDGET, Reason.RULE, Reason.BREAKER, Reason.OUTAGE, Reason.UNMAPPED, Reason.OWED)


def drawn(scenario: Scenario) -> set[str]:
    """Names of the modes that this world has."""
    platform, follows = scenario.platform, scenario.follows
    names = {f"route: {scenario.config.route.name.lower()}", *_of_mandates(follows)}
    names |= {f"hedge mapped ({len(platform.hedges)})"} if platform.hedges else set()
    home = scenario.instruments[0].quote
    for source, target, *_ in platform.mapped:
        foreign = scenario.instruments[source].quote != home
        kind = "another quote" if foreign else "another contract" if source > target else "routes"
        names.add(f"mapped: {kind}")
    if platform.fees:
        names |= {"fees", *({"fees: subscription"} if platform.fees.subscription else ())}
    if platform.risk:
        risk = platform.risk
        named = {
            "breaker": risk.breaker_count, "liquidator": risk.liquidate_e2, "rate budget": risk.rate_tokens,
            f"outage {risk.outage.name.lower()}": risk.outage_ns,
        }  # fmt: skip
        names |= {f"risk: {name}" for name, on in named.items() if on}
    names |= {f"rule: {rule.name}" for rule in platform.rules}
    if platform.execution:
        names.add(f"execution: {Execution(platform.execution.kind).name.lower()}")
        names |= {"execution: participation"} if platform.execution.participation_bps else set()
    for _, at_once in platform.disclosure.values():
        names.add(f"disclosed later, mirrored {'at once' if at_once else 'later'}")
    return names | ({"plain"} if scenario.plain else set())


def _of_mandates(follows: Follows) -> set[str]:
    names = set()
    for column, kind in _ENUMS.items():
        names |= {f"{column}: {kind(int(mode)).name.lower()}" for mode in np.unique(getattr(follows, column))}
    unlike = {"stage_bps": BPS}
    return names | {f"mandate: {name}" for name in OPTIONS if (getattr(follows, name) != unlike.get(name, 0)).any()}


def noted(event: Event, outcome: Outcome) -> Counter[str]:
    """What of the modes was at work in a step."""
    orders = [a.command for a in outcome.commands if isinstance(a.command, Place | PlaceBatch)]
    resting = sum(1 if isinstance(o, Place) else o.lots.size for o in orders if o.tif is not Tif.IOC)
    out: Counter[str] = Counter({"lead fills": int(isinstance(event, LeadFill)), "depth: our orders": resting})
    for fact in outcome.facts:
        match fact:
            case Stopped():
                out[f"stopped: {Reason(fact.reason).name.lower()}"] += len(fact.rows)
            case FeeCharged():
                out[f"fee: {fact.kind}"] += fact.rows.size
            case InsurancePaid():
                out["insurance: paid"] += int(np.count_nonzero(fact.amounts))
                out["insurance: unpaid"] += int(np.count_nonzero(fact.unpaid))
            case OpensHalted():
                out[f"halted: {Reason(fact.reason).name.lower()}"] += 1
            case RuleFired():
                out[f"rule fired: {fact.rule}"] += 1
            case Moved():
                out["paid out" if int(fact.amounts.sum()) < 0 else "moved between leads"] += fact.rows.size
            case ExtensionFailed():
                out["extension failed"] += 1
            case Disclosed():
                out["commitments opened"] += 1
            case Targeted(hedge=True):
                out["hedge: targets"] += 1
            case Refused() if fact.reason in _WAITS:
                out[f"refused: {Reason(fact.reason).name.lower()}"] += 1
            case Copied():
                out["copies"] += 1
    return out
