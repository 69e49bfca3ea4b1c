"""Attribution: every part of every follow and every trade, exactly, whatever happens to the shard."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.attribution import PARTS as MEASURED
from bench.attribution import Holding, measured
from pilotfish.domain.arith import ints
from pilotfish.domain.codec import decode_event
from pilotfish.domain.events import CashMoved, Event, FollowsOpened, Funding, Liquidation
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.engine.facts import Copied, Quarantined, Targeted
from pilotfish.engine.state import State
from pilotfish.engine.step import Outcome, step
from pilotfish.ledger.book import Account
from pilotfish.views.attribution import AttributionView
from pilotfish.views.attribution_tables import AMOUNTS
from pilotfish.views.report.schema import PARTS
from tests.unit.driver import PX
from tests.unit.playground import INSTRUMENTS, Playground

TURNS = 60


class Follow:
    """One follow told over by hand, in Fractions."""

    def __init__(self) -> None:
        self.holdings = [Holding() for _ in INSTRUMENTS]


class Onlooker:
    """Hears what the view hears and attributes it follow by follow, from price to price instead of to the end."""

    def __init__(self) -> None:
        self.follows: list[Follow] = []

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        self.follows += [Follow() for _ in range(state.ledger.follows - len(self.follows))]
        every = np.arange(len(self.follows))
        at: dict[tuple[int, int], int] = {}
        for fact in outcome.facts:
            if isinstance(fact, Targeted):
                for row, delta in zip(every[fact.rows].tolist(), fact.delta.tolist(), strict=True):
                    self.follows[row].holdings[fact.instrument].asked(Fraction(delta, SUBLOT), Fraction(fact.price))
                    at[row, fact.instrument] = fact.price
            elif isinstance(fact, Copied):
                self._copied(fact, every[fact.rows].tolist())
        self._unsaid(event, state, at)

    def _copied(self, fact: Copied, rows: list[int]) -> None:
        decision = Fraction(fact.decision, 2) if fact.decision else Fraction(fact.reference)
        for row, lots, cost in zip(rows, fact.lots.tolist(), fact.costs.tolist(), strict=True):
            if lots:
                holding, signed = self.follows[row].holdings[fact.instrument], Fraction(fact.side * cost)
                holding.traded(fact.side * lots, signed, Fraction(fact.reference), decision)

    def _unsaid(self, event: Event, state: State, at: dict[tuple[int, int], int]) -> None:
        """Minimum policies and liquidations move targets without a fact."""
        for row, follow in enumerate(self.follows):
            for k, holding in enumerate(follow.holdings):
                price = Fraction(at.get((row, k), state.listings[k].mark))
                if (off := Fraction(int(state.columns[k].targets[row]), SUBLOT) - holding.target) != 0:
                    holding.asked(off, price)
                if lots := int(state.ledger.lots[k].rows[row]) - holding.held:
                    assert isinstance(event, Liquidation)
                    holding.traded(int(lots), lots * Fraction(event.price), price, price)

    def parts(self, row: int, state: State) -> dict[str, Fraction]:
        for k, holding in enumerate(self.follows[row].holdings):
            holding.carry(Fraction(state.listings[k].mark))
        return {name: sum(getattr(h, name) for h in self.follows[row].holdings) for name in MEASURED}


class Deposits:
    """What each follow put in, and every fee a venue took, from the events alone."""

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}
        self.fees: list[int] = []

    def __call__(self, event: Event, outcome: Outcome, state: State) -> None:
        self.fees += [int(fact.fees.sum()) for fact in outcome.facts if isinstance(fact, Copied)]
        refused = any(isinstance(fact, Quarantined) for fact in outcome.facts)
        if isinstance(event, FollowsOpened):
            first = state.ledger.follows - len(event.follows)
            self.rows |= {first + i: int(amount) for i, amount in enumerate(event.follows.allocation)}
        elif isinstance(event, CashMoved) and not refused:
            for row, amount in zip(event.rows.tolist(), event.amounts.tolist(), strict=True):
                self.rows[row] += amount
        elif isinstance(event, Liquidation) and not refused:
            self.fees.append(event.fee)

    def of(self, state: State) -> np.ndarray:
        return np.array([self.rows[row] for row in range(state.ledger.follows)], dtype=object)


class Eventful(Playground):
    """A playground where there is funding, money comes, and accounts are liquidated."""

    def funding(self) -> None:
        k, state = self.dice.choice([0, 1]), self.desk.state
        accounts = [OMNIBUS] if state.omnibus else sorted(set(state.follows.follower.tolist()))
        amounts = [self.dice.randint(-(10**6), 10**6) for _ in accounts]
        rate = self.dice.randint(-(10**6), 10**6)
        self.go(Funding(*self._stamp(), k, self.desk.fresh(), ints(accounts), ints(amounts), PX, rate))

    def cash(self) -> None:
        rows = np.flatnonzero([self.dice.random() < 0.5 for _ in range(self.desk.state.ledger.follows)])
        self.go(CashMoved(*self._stamp(), rows, ints([self.dice.randint(1, 10**8) for _ in rows])))

    def liquidation(self) -> None:
        k, side, state = self.dice.choice([0, 1]), self.dice.choice([1, -1]), self.desk.state
        account = OMNIBUS if state.omnibus else int(self.dice.choice(state.follows.follower.tolist()))
        mine = state.ledger.lots[k].rows
        mine = mine if account == OMNIBUS else mine[state.follows.follower == account]
        if held := int(np.abs(mine[mine * side < 0]).sum()):
            lots, price = self.dice.randint(1, held), PX + self.dice.randint(-5_000, 5_000)
            fee = self.dice.randint(0, 999)
            stamp = self._stamp()
            self.go(Liquidation(*stamp, account, k, self.desk.fresh(), side * lots, price, lots * price, fee))

    def wait(self) -> None:
        self.desk.now += self.dice.choice([10**8, 10**9, 3 * 10**9])
        self.tops()
        self.hear(self.desk.wait(1).commands)


def _seen(log: list[bytes], *observers) -> State:
    """The same events again from the journal's bytes, with observers looking on."""
    state = State()
    for raw in log:
        event = decode_event(raw)
        outcome = step(state, event)
        for observer in observers:
            observer(event, outcome, state)
    return state


def _played(seed: int, route: Route) -> Eventful:
    play = Eventful(seed, route)
    happenings = [play.lead_trades, play.deliver_one, play.wait, play.flap, play.funding, play.cash, play.liquidation]
    for _ in range(TURNS):
        play.tops()
        play.dice.choices(happenings, [35, 45, 8, 3, 3, 3, 3])[0]()
    return play


@given(st.integers(0, 2**32), st.sampled_from(Route))
@settings(max_examples=25)
def test_the_parts_of_every_follow_are_those_told_over_by_hand(seed: int, route: Route) -> None:
    view, onlooker = AttributionView(), Onlooker()
    state = _seen(_played(seed, route).desk.log, view, onlooker)
    table = view.follows(state)
    for row in range(state.ledger.follows):
        for name, value in onlooker.parts(row, state).items():
            assert value * table.fine.money == table.amounts[name][row], (row, name)


@given(st.integers(0, 2**32), st.sampled_from(Route))
@settings(max_examples=25)
def test_parts_sum_to_the_difference_follow_by_follow_and_trades_and_follows_to_the_total(
    seed: int, route: Route
) -> None:
    view, deposits = AttributionView(), Deposits()
    state = _seen(_played(seed, route).desk.log, view, deposits)
    table, trades, total = view.follows(state), view.table(state), view.result(state)
    value = sum(state.ledger.lots[k].rows * state.listings[k].mark for k in (0, 1))
    earned = (state.ledger.money.rows + value).astype(object) - deposits.of(state)
    assert (table.actual == earned * table.fine.money).all()
    assert (table.totals() == table.actual - table.amounts["ideal"]).all()
    shown = {name: table.fine.show(sum(column)) for name, column in table.amounts.items()}
    assert shown == {name: table.fine.show(sum(row.amounts[name] for row in trades)) for name in AMOUNTS}
    shown["fee"] = table.fine.show(sum(table.amounts["venue_fee"]) + sum(table.amounts["copy_fee"]))
    assert total.parts() == {name: shown[name] for name in PARTS}
    assert total.ideal_pnl == shown["ideal"]
    assert total.adds_up()
    assert shown["venue_fee"] == Decimal(sum(-fee for fee in deposits.fees)).scaleb(-6)
    assert state.ledger.money.system[Account.EXTERNAL] == -sum(deposits.of(state))


def test_the_benchmark_compares_what_is_equal() -> None:
    ours, theirs = measured(40, 21)  # raises where the baseline attributes a follow otherwise
    assert ours > 0
    assert theirs > 0
