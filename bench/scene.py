"""The market and the followers that are measured: one lead, seven perpetuals, every limit on and each one binding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import (
    BookTop,
    Configured,
    Event,
    Fill,
    FollowsOpened,
    InstrumentListed,
    LeadFill,
    LeadListed,
    OrderUpdate,
)
from pilotfish.domain.instructions import RiskSet, RulesSet
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import Follows, Route
from pilotfish.domain.orders import OrderSignal, Place
from pilotfish.domain.reasons import Reason
from pilotfish.domain.rules import Rule
from pilotfish.domain.terms import RiskTerms
from pilotfish.engine.facts import Copied, Halted, PositionBreak, Quarantined, Refused
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome, step

USDC = 10**6
NEVER_NS = 10**18  # what a cap cut is not tried again: each measured step is one lead fill and nothing else
EQUITY = 1_000_000 * USDC
START_NS = 1_700_000_000_000_000_000
PRICE = 1_000_000  # 100 USDC
INSTRUMENTS = tuple(
    Instrument(
        k, f"C{k}", "bench", Kind.PERP, 2, 4, tick_rule=TickRule.SIGNIFICANT, tick=5, min_notional=10 * USDC,
        max_leverage=10, maintenance_bps=500, taker_fee_e6=450,
    )
    for k in range(7)
)  # fmt: skip


def every_limit(count: int, bounds: tuple[int, ...] = (50,), seed: int = 0) -> Follows:
    """`count` followers of lead 0 with every cap set, drawn so that each cap binds for some after a few fills."""
    rng = np.random.default_rng(seed)
    allocation = rng.integers(500, 50_000, count) * USDC

    def share(low: int, high: int) -> Ints:
        return allocation * rng.integers(low, high, count) // 100

    return Follows.of(
        np.arange(count), 0, allocation, order_cap=share(10, 400), position_cap=share(50, 800),
        total_cap=share(200, 3_000), leverage_cap_e2=rng.choice([200, 500, 1_000, 2_000], count),
        open_bps=rng.choice(np.array(bounds), count), exit_bps=300,
    )  # fmt: skip


class Turn(NamedTuple):
    """One lead fill: the market before it and the lead's change of position."""

    tops: list[BookTop]
    fill: LeadFill
    before: int  # the lead's position, lots


class Scene:
    """A shard's state, and the events that happen to it. Prices move every turn, so that nothing is valued for free."""

    def __init__(self, follows: Follows, route: Route = Route.OMNIBUS, seed: int = 1) -> None:
        self.state = State()
        self.rng = np.random.default_rng(seed)
        self.now, self.turns, self.fills = START_NS, 0, 0
        self.lead = [0] * len(INSTRUMENTS)
        for event in opening(follows, route):
            checked(step(self.state, event))

    def turn(self) -> Turn:
        """The lead's next fill: two opens to each reduction, long and short by turns, prices within 0.2 % of the start.

        It never flips: which orders a flip makes in one step is the engine's business, and would measure two steps.
        """
        self.now += 1_000_000_000
        self.turns += 1
        k = self.turns % len(INSTRUMENTS)
        price = PRICE + 100 * int(self.rng.integers(-20, 21))
        tops = [BookTop(self.now, self.now, i, price - 100, 100, price + 100, 100) for i in range(len(INSTRUMENTS))]
        before, size, share = self.lead[k], int(self.rng.integers(20_000, 2_000_000)), int(self.rng.integers(10, 101))
        change = -before * share // 100 if self.turns % 3 == 0 and before else direction(k) * size
        self.lead[k] = before + change
        side, lots = (1, change) if change > 0 else (-1, -change)
        return Turn(tops, LeadFill(self.now, self.now, 0, k, side, lots, price, self.turns), before)

    def market(self, turn: Turn) -> None:
        for top in turn.tops:
            checked(step(self.state, top))

    def answers(self, outcome: Outcome, price: int, part: int = 100) -> list[Event]:
        """What a venue says that fills exits whole and `part` percent of each open, at `price`."""
        out: list[Event] = []
        for approved in outcome.commands:
            place = approved.command
            assert isinstance(place, Place)
            lots = place.lots * part // 100 if place.side == direction(place.instrument) else place.lots
            self.fills += 1
            out.append(filled(place, lots, price, self.fills, self.now))
            signal = OrderSignal.FILLED if lots == place.lots else OrderSignal.CANCEL
            out.append(OrderUpdate(self.now, self.now, place.coid, signal, lots_left=place.lots - lots))
        return out

    def play(self) -> list[Copied]:
        """A whole turn; what each block gave to each follow."""
        turn = self.turn()
        self.market(turn)
        outcome = checked(step(self.state, turn.fill))
        copied: list[Copied] = []
        for answer in self.answers(outcome, turn.fill.price):
            copied += [fact for fact in checked(step(self.state, answer)).facts if isinstance(fact, Copied)]
        return copied


def direction(instrument: int) -> int:
    """The side on which the lead, and so everybody, is in an instrument; it opens there and reduces on the other."""
    return 1 if instrument % 2 == 0 else -1


RULES = (
    ("no giant orders", "order.notional_usdc > 3.0 * platform.equity_usdc"),
    ("platform leverage", "platform.gross_usdc + order.notional_usdc > 100.0 * platform.equity_usdc"),
    ("wild leads", "lead.position_usdc > 9e2 * lead.equity_usdc || lead.position_usdc < -9e2 * lead.equity_usdc"),
    ("no thin books", "market.spread_bps > 40.0"),
    ("sound prices", "market.age_ms > 2000 || double(order.side) * (order.price - market.mark) > 0.02 * market.mark"),
    ("storm", "platform.liquidations_5m > 20 || platform.insurance_usdc < 0.0"),
    ("busy", "platform.open_orders > 1000 || platform.followers < 1"),
    ("known", '!(instrument.venue in ["bench"]) || instrument.kind != "perp" || time.hour_utc > 23'),
)


def all_rules(now: int) -> list[Event]:
    """The platform's risk terms, none of which is off, and rules that are all asked and never fire."""
    terms = RiskTerms(breaker_count=10, liquidate_e2=110, rate_tokens=1_000, rate_per_s=1_000, rate_reserve=100)
    rules = tuple(Rule(name, expression) for name, expression in RULES)
    return [RiskSet(now, now, terms), RulesSet(now, now, rules)]


def opening(follows: Follows, route: Route = Route.OMNIBUS) -> list[Event]:
    """How a journal begins: settings, instruments, the lead, its followers."""
    t = START_NS
    return [
        Configured(t, t, 0, route, retry_ns=NEVER_NS, retry_ns_max=-1),
        *(InstrumentListed(t, t, instrument) for instrument in INSTRUMENTS),
        LeadListed(t, t, 0, "lead", EQUITY),
        FollowsOpened(t, t, follows),
    ]


def filled(place: Place, lots: int, price: int, fill_id: int, now: int) -> Fill:
    instrument = INSTRUMENTS[place.instrument]
    cost = instrument.cost(place.side, lots, price)
    return Fill(now, now, place.coid, fill_id, lots, price, cost, fee_of(instrument, cost))


def fee_of(instrument: Instrument, cost: int) -> int:
    """The taker's fee, rounded up as venues do."""
    return -(-cost * instrument.taker_fee_e6 // 10**6)


def checked(outcome: Outcome) -> Outcome:
    """A shard that quarantined, refused or halted would measure nothing; a block too small to send is ordinary."""
    for fact in outcome.facts:
        refused = isinstance(fact, Refused) and fact.reason not in (Reason.CARRIED, Reason.BELOW_MINIMUM)
        if refused or isinstance(fact, Halted | Quarantined | PositionBreak):
            raise AssertionError(f"the scene broke: {fact}")
    return outcome
