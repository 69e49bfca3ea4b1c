"""The platform's own doings in a fuzzed world: settlements, new terms, news, commitments, money at the venue."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from pilotfish.domain.events import Event
from pilotfish.domain.instructions import (
    Committed,
    ExecutionSet,
    FeesDue,
    FeesSet,
    LeadNews,
    LeadStatus,
    Revealed,
    RiskSet,
    RulesSet,
)
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.engine.leads.disclosure import commit
from pilotfish.worlds.fuzz.draws import pick
from pilotfish.worlds.fuzz.platform import draw_execution, draw_fees, draw_risk, draw_rules

if TYPE_CHECKING:
    from pilotfish.worlds.fuzz.simulation import Simulation


class Office:
    def __init__(self, run: Simulation) -> None:
        self.run, self.scenario, self.extras = run, run.scenario, run.scenario.extras
        self._secrets: dict[tuple[int, int], tuple[tuple[int, ...], bytes]] = {}

    def settle(self) -> None:
        self.run.tell(FeesDue(self.run.now_ns, self.run.now_ns))

    def news(self) -> None:
        """A lead is liquidated, gone, or back."""
        lead = int(self.extras.integers(len(self.scenario.leads)))
        news = LeadNews(pick(self.extras, [0, 1, 1, 2, 2, 2]))
        self.run.counts[f"lead {news.name.lower()}"] += 1
        self.run.tell(LeadStatus(self.run.now_ns, self.run.now_ns, lead, news))

    def new_terms(self) -> None:
        at = (self.run.now_ns, self.run.now_ns)
        events: tuple[Event, ...] = (
            RiskSet(*at, draw_risk(self.extras)), RulesSet(*at, draw_rules(self.extras)),
            ExecutionSet(*at, draw_execution(self.extras)), FeesSet(*at, draw_fees(self.extras)),
        )  # fmt: skip
        self.run.counts["terms changed"] += 1
        self.run.tell(events[int(self.extras.integers(4 if self.scenario.platform.fees else 3))])

    def commit(self) -> None:
        """A lead commits an order, or opens one it committed: as it was, too early, or otherwise than it was."""
        run, chance = self.run, self.extras
        if self._secrets and chance.random() < 0.6:
            lead, number = sorted(self._secrets)[int(chance.integers(len(self._secrets)))]
            fields, salt = self._secrets[lead, number]
            changed = pick(chance, [0, 0, 1])
            run.counts["commitments opened, or tried"] += 1
            instrument, side, lots, price = fields
            run.tell(Revealed(run.now_ns, run.now_ns, lead, number, instrument, side, lots + changed, price, salt))
            return
        lead, number = int(chance.integers(len(self.scenario.leads))), int(chance.integers(1, 1_000))
        fields = (0, pick(chance, [1, -1]), int(chance.integers(1, 500)), self.scenario.prices[0])
        salt = hashlib.sha256(chance.bytes(16)).digest()
        commitment = commit((lead, number, *fields), salt)
        before = run.shard.state.quarantined
        run.tell(Committed(run.now_ns, run.now_ns, lead, commitment, number))
        if run.shard.state.quarantined == before:
            self._secrets[lead, number] = (fields, salt)
            run.counts["commitments"] += 1

    def transfer(self) -> None:
        """Money follows the ledger: fees leave separate accounts, insurance and pay-outs reach whom they belong to."""
        run, ledger = self.run, self.run.shard.state.ledger
        run.shard.commit()
        rows = ledger.money.rows.tolist()
        due: defaultdict[int, int] = defaultdict(int)
        for row, money in enumerate(rows):
            due[run.account_of(row)] += money
        if run.shard.state.omnibus:
            system = ledger.money.system
            due[OMNIBUS] += sum(
                amount for name, amount in system.items() if name not in ("external", "venue", "fees", "funding")
            )
        for account, amount in due.items():
            missing = amount - run.auditor.books.cash[account] - run.transferred[account]
            if missing:
                run.venue.deposit(account, missing)
                run.transferred[account] += missing
                run.counts["transfers"] += 1
