"""What the platform of a fuzzed world sets: fees, risk, rules, execution, hedges, mappings, disclosure."""

from __future__ import annotations

import msgspec

from pilotfish.domain.events import Event
from pilotfish.domain.instructions import (
    DisclosureSet,
    ExecutionSet,
    FeesSet,
    HedgeMapped,
    InstrumentMapped,
    RiskSet,
    RulesSet,
)
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.rules import Rule, RuleAction
from pilotfish.domain.terms import Execution, ExecutionTerms, FeeTerms, Outage, RiskTerms
from pilotfish.worlds.fuzz.draws import DELAY_NS_MAX, MS, SECOND, USDC, WINDOW_NS_MAX, Chance, pick, some
from pilotfish.worlds.fuzz.extensions import EVEN_SECONDS
from pilotfish.worlds.fuzz.mandates import Traits

EURO = (23, 25)  # price in the foreign quote per price at home
STEPS = (((0, 500),), ((0, 500), (1_000, 1_000), (3_000, 1_500)), ((0, 1_000), (20, 1_500)))
RULES = (
    Rule("no whales", "order.lots > 500"),
    Rule("no buying", "order.side > 0"),
    Rule("thin book", "market.spread_bps > 40.0", RuleAction.REFUSE_OPENS, "the book is thin"),
    Rule("large order", "order.notional_usdc > 20000.0", RuleAction.HALT_OPENS),
    Rule("geared", "platform.gross_usdc > 3.0 * platform.equity_usdc"),
    Rule("division", "1 / (order.lots - 7) > 5"),
    Rule("even seconds", extension=EVEN_SECONDS),
)


Mapped = tuple[int, int, int, int, int, int, bool]  # the fields of InstrumentMapped after its stamps


class Platform(msgspec.Struct):
    """Terms as of the opening, and how often what happens (a second). What a world does without is empty or zero."""

    fees: FeeTerms | None = None
    risk: RiskTerms | None = None
    rules: tuple[Rule, ...] = ()
    execution: ExecutionTerms | None = None
    hedges: list[tuple[int, int]] = []
    mapped: list[Mapped] = []
    disclosure: dict[int, tuple[int, bool]] = {}
    depth: bool = False
    controls_per_s: float = 0.0
    mandates_per_s: float = 0.0
    news_per_s: float = 0.0
    rebalances_per_s: float = 0.0
    settlements_per_s: float = 0.0
    commits_per_s: float = 0.0
    terms_per_s: float = 0.0
    keys_refused: float = 0.0  # of the venue's rejections

    def opening(self, ns: int) -> list[Event]:
        at = (ns, ns)
        events: list[Event] = [HedgeMapped(*at, a, b) for a, b in self.hedges]
        events += [
            InstrumentMapped(*at, a, b, lots, per, up, down, on) for a, b, lots, per, up, down, on in self.mapped
        ]
        events += [DisclosureSet(*at, lead, *how) for lead, how in self.disclosure.items()]
        events += [FeesSet(*at, self.fees)] if self.fees else []
        events += [RiskSet(*at, self.risk)] if self.risk else []
        events += [RulesSet(*at, self.rules)] if self.rules else []
        return [*events, *([ExecutionSet(*at, self.execution)] if self.execution else [])]


def draw_platform(chance: Chance, leads: int, instruments: list[Instrument]) -> Platform:
    perps = [i.id for i in instruments if i.kind is Kind.PERP and i.quote == "USDC"]
    fees = draw_fees(chance) if chance.random() < 0.5 else None
    withheld = chance.random() < 0.3
    disclosure = {
        lead: (int(chance.integers(DELAY_NS_MAX)), bool(chance.random() < 0.5))
        for lead in range(leads) if withheld and chance.random() < 0.7
    }  # fmt: skip
    return Platform(
        fees, draw_risk(chance) if chance.random() < 0.5 else None,
        draw_rules(chance) if chance.random() < 0.3 else (),
        draw_execution(chance) if chance.random() < 0.4 else None,
        _hedges(chance, perps, instruments) if chance.random() < 0.5 else [], [], disclosure,
        bool(chance.random() < 0.4), some(chance, 0.5, 0.3), some(chance, 0.4, 0.3), some(chance, 0.4, 0.1),
        some(chance, 0.4, 0.2), some(chance, 0.9, 0.5) if fees else 0.0, some(chance, 0.4, 0.3),
        some(chance, 0.3, 0.1), some(chance, 0.3, 0.5),
    )  # fmt: skip


def draw_traits(chance: Chance) -> Traits:
    return Traits(
        some(chance, 0.6, 1.0), some(chance, 0.5, 0.4), some(chance, 0.5, 0.8), some(chance, 0.8, 1.0),
        some(chance, 0.5, 0.5), some(chance, 0.3, 0.5), bool(chance.random() < 0.4),
        some(chance, 0.3, 0.5),
    )  # fmt: skip


def draw_fees(chance: Chance) -> FeeTerms:
    """Months and periods of seconds, so that they end within a world."""
    return FeeTerms(
        pick(chance, [0, 2, 3, 5]) * USDC, pick(chance, [7, 20, 60]) * SECOND + 1,
        STEPS[int(chance.integers(len(STEPS)))], 1_000, pick(chance, [0, 2_000, 2_000, 10_000]),
        pick(chance, [3, 10, 40]) * SECOND,
    )  # fmt: skip


def draw_risk(chance: Chance) -> RiskTerms:
    tokens = pick(chance, [0, 0, 3, 8, 40])
    return RiskTerms(
        pick(chance, [0, 1, 3]), pick(chance, [5, 30]) * SECOND, pick(chance, [0, 110, 400, 2_000, 8_000]),
        pick(chance, [0, 50, 200, 1_000]), pick(chance, [0, 2, 10]) * SECOND, pick(chance, [0, 1, 5]) * SECOND, tokens,
        pick(chance, [1, 5, 20]) if tokens else 0, pick(chance, [0, 1, 2]) if tokens else 0,
        Outage(pick(chance, [0, 1, 2])), pick(chance, [0, 1_500, 4_000]) * MS,
    )  # fmt: skip


def draw_rules(chance: Chance) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if chance.random() < 0.3)


def draw_execution(chance: Chance) -> ExecutionTerms:
    kind = Execution(pick(chance, [0, 1, 1, 2]))
    return ExecutionTerms(
        kind, WINDOW_NS_MAX // pick(chance, [1, 2, 8]), pick(chance, [1, 3, 10]), pick(chance, [1_000, 20_000]),
        pick(chance, [0, 0, 500, 5_000]), pick(chance, [300, 2_000]) * MS, pick(chance, [0, 8]),
    )  # fmt: skip


def _hedges(chance: Chance, perps: list[int], instruments: list[Instrument]) -> list[tuple[int, int]]:
    """One instrument, a perpetual mostly, hedges the others that are ours; now and then they hedge one another."""
    ours = [i.id for i in instruments if i.quote == "USDC"]
    if not perps or len(ours) < 2:
        return []
    hedge = pick(chance, perps if chance.random() < 0.8 else ours)  # what is paid in full hedges shorts alone
    out = [(k, hedge) for k in ours if k != hedge]
    other = [k for k in perps if k != hedge]
    return [*out, (hedge, pick(chance, other))] if other and chance.random() < 0.3 else out


def draw_twin(chance: Chance, instruments: list[Instrument]) -> tuple[Instrument, int, list[Mapped]] | None:
    """A second market of one of the perpetuals, of which one it is, and how leads' trades are mapped between the two:
    one quoted in another asset, one with another contract size, or two routes for the same trades.
    """
    perps = [i for i in instruments if i.kind is Kind.PERP]
    if not perps or chance.random() < 0.6:
        return None
    of = perps[int(chance.integers(len(perps)))]
    shift = pick(chance, [-1, 0, 1]) if of.lot_decimals else pick(chance, [0, 1])
    role = pick(chance, [0, 1, 2])
    twin = msgspec.structs.replace(
        of, id=len(instruments), symbol=f"{of.symbol}2", lot_decimals=of.lot_decimals + shift,
        quote="EURC" if role == 0 else of.quote, taker_fee_e6=of.taker_fee_e6 // 2,
    )  # fmt: skip
    up, down = 10 ** max(-shift, 0), 10 ** max(shift, 0)  # lots of the one for a lot of the twin
    if role == 0:
        return twin, of.id, [(twin.id, of.id, up, down, EURO[1], EURO[0], True)] if chance.random() < 0.8 else []
    if role == 1:
        return twin, of.id, [(twin.id, of.id, up, down, 1, 1, True)]
    both: list[Mapped] = [
        (of.id, of.id, 1, 1, 1, 1, True),
        (of.id, twin.id, down, up, 1, 1, bool(chance.random() < 0.7)),
    ]
    return twin, of.id, both
