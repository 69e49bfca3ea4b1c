"""What the platform's own terms did: fees charged, claims paid, follows stopped, rules that fired."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import numpy as np

from pilotfish.domain.arith import Ints, total_of
from pilotfish.domain.events import Event
from pilotfish.domain.mandate import Direction, Sizing
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import FeeCharged, InsurancePaid, RuleFired, Stopped
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome
from pilotfish.ledger.book import Account, lead_account
from pilotfish.views.equity import position_value
from pilotfish.views.report.schema_terms import Fees, ModeReport, Switches

MONEY_DECIMALS = 6


class TermsView:
    """An observer of the shard. Sums are in money base units."""

    def __init__(self) -> None:
        self.charged: dict[str, int] = defaultdict(int)
        self.to_insurance = self.claims_paid = self.breaker = 0
        self.stopped: dict[int, int] = defaultdict(int)
        self.rules: dict[str, int] = defaultdict(int)
        self.rules_why: dict[str, str] = {}

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        for fact in outcome.facts:
            match fact:
                case FeeCharged():
                    self.charged[fact.kind] += total_of(fact.amounts)
                    self.to_insurance += fact.to_insurance
                case InsurancePaid():
                    self.claims_paid += total_of(fact.amounts)
                case Stopped():
                    self.stopped[fact.reason] += int(fact.rows.size)
                    self.breaker += fact.reason is Reason.BREAKER
                case RuleFired():
                    self.rules[fact.rule] += 1
                    self.rules_why[fact.rule] = fact.why
                case _:
                    pass

    def fees(self, state: State) -> Fees:
        system = state.ledger.money.system
        to_leads = {
            lead.name: money(system[lead_account(number)])
            for number, lead in enumerate(state.leads)
            if lead_account(number) in system
        }
        return Fees(
            subscription=money(self.charged["subscription"]),
            performance=money(self.charged["performance"]),
            to_platform=money(system.get(Account.SUBSCRIPTION, 0)),
            to_leads=to_leads,
            to_insurance=money(self.to_insurance),
            owed=money(total_of(state.standing.owed)),
            pool=money(state.ledger.insurance),
            claims_paid=money(self.claims_paid),
            claims_unpaid=money(sum(state.claims.values())),
        )

    def switches(self) -> Switches:
        return Switches(
            stopped={Reason(r).text: n for r, n in sorted(self.stopped.items()) if n},
            rules=dict(self.rules),
            rules_why=dict(self.rules_why),
            breaker=self.breaker,
        )


def modes(state: State, deposits: Ints) -> list[ModeReport]:
    """One row for each sizing mode and direction in use. `deposits`: what each follow was given, net, money units."""
    follows, out = state.follows, list[ModeReport]()
    worth = state.ledger.money.rows + position_value(state)
    for sizing, direction in np.unique(np.stack([follows.sizing, follows.direction]), axis=1).T.tolist():
        rows = (follows.sizing == sizing) & (follows.direction == direction)
        deposited = total_of(deposits[rows])
        result = total_of(worth[rows]) - deposited
        out.append(
            ModeReport(
                sizing=Sizing(sizing).name.lower(),
                direction=Direction(direction).name.lower(),
                follows=int(rows.sum()),
                deposited=money(deposited),
                result=money(result),
                return_bps=result / deposited * 1e4 if deposited > 0 else None,
            )
        )
    return out


def money(base: int) -> Decimal:
    return Decimal(base).scaleb(-MONEY_DECIMALS)
