"""What holds whatever happens: conservation, limits, exact sharing, replay, snapshots and idempotence."""

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.codec import decode_event, encode_commands
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import RATIO_UNIT, Route, Sizing
from pilotfish.engine.facts import Copied
from pilotfish.engine.snapshot import decode_state, digest, encode_state
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from tests.unit.driver import PX, Desk, free_follows, placed
from tests.unit.playground import INSTRUMENTS, Playground

SEEDS = st.integers(0, 2**32)
ROUTES = st.sampled_from(Route)
TURNS = 60


def _turn(play: Playground) -> None:
    play.tops()
    mood = play.dice.random()
    if mood < 0.35:
        play.lead_trades()
    elif mood < 0.85:
        play.deliver_one()
    elif mood < 0.95 or play.calm:
        play.desk.now += play.dice.choice([10**8, 10**9, 3 * 10**9])
        play.tops()
        play.hear(play.desk.wait(1).commands)
    else:
        play.flap()


def _played(seed: int, route: Route, *, turns: int = TURNS, calm: bool = False) -> Playground:
    play = Playground(seed, route, calm=calm)
    for _ in range(turns):
        _turn(play)
    return play


def _orders(state: State):
    """Every order under way: (instrument, side, exit, price, rows, quotas)."""
    every = np.arange(state.ledger.follows)
    for coid, order in state.blocks.items():
        p = order.place
        yield coid, p.instrument, p.side, order.exit, p.price, every[order.rows], order.quotas
    for coid, order in state.batches.items():
        b = order.batch
        alive = order.states < 5
        price = int(b.prices.max() if b.side > 0 else b.prices.min())
        yield coid, b.instrument, b.side, order.exit, price, order.index[alive], b.lots[alive] * SUBLOT


class Worst:
    """Where follows stand if everything under way is opened and nothing is closed, in unlimited numbers."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.lots = {k: book.rows.tolist() for k, book in state.ledger.lots.items()}
        self.flying = defaultdict(Fraction)  # (row, instrument, side) → lots of opens under way

    def add(self, k: int, side: int, row: int, quota: int) -> None:
        self.flying[row, k, side] += Fraction(quota, SUBLOT)

    def check(self, k: int, side: int, price: int, row: int, quota: int) -> None:
        """A new open of `quota` sub-lots on top of those under way is inside every limit of its mandate."""
        state, follows = self.state, self.state.follows
        new = -(-quota // SUBLOT)
        marks = {key: listing.valued for key, listing in enumerate(state.listings)}
        gross = sum(abs(self.lots[i][row]) * marks[i] for i in marks)
        gross += sum(self.flying[row, i, s] * marks[i] for i in marks for s in (1, -1))
        equity = int(state.ledger.money.rows[row]) + sum(self.lots[i][row] * marks[i] for i in marks)
        margin = sum(Fraction(abs(self.lots[i][row]) * marks[i], INSTRUMENTS[i].max_leverage) for i in marks)
        assert new * price <= follows.order_cap[row]
        held = side * self.lots[k][row] + self.flying[row, k, side]
        assert (held + new) * price <= int(follows.position_cap[row])
        assert gross + new * price <= int(follows.total_cap[row]) + 2
        assert (gross + new * price) * 100 <= equity * int(follows.leverage_cap_e2[row]) + 200
        assert equity - margin - int(state.ledger.reserved_money[row]) >= -4


def _check_limits(play: Playground) -> int:
    """Every open of the latest step, in the order they were sent; how many follows were looked at."""
    fresh, looked = {order.coid for order in play.opened}, 0
    worst = Worst(play.desk.state)
    for coid, k, side, exit_, price, rows, quotas in sorted(_orders(play.desk.state), key=lambda order: order[0]):
        for row, quota in zip(rows.tolist(), quotas.tolist(), strict=True):
            if not exit_ and quota:
                if coid in fresh:
                    worst.check(k, side, price, row, quota)
                    looked += 1
                worst.add(k, side, row, quota)
    return looked


@settings(max_examples=40)
@given(SEEDS, ROUTES)
def test_nobody_is_ever_over_a_limit_counting_what_is_in_flight(seed, route) -> None:
    play = Playground(seed, route)
    for _ in range(TURNS):
        _turn(play)
        _check_limits(play)


def test_the_limits_are_looked_at() -> None:
    play = Playground(5, Route.OMNIBUS)
    looked = 0
    for _ in range(TURNS):
        _turn(play)
        looked += _check_limits(play)
    assert looked > 20


def _assert_books_match_the_venue(play: Playground) -> None:
    state = play.desk.state
    for k, book in state.ledger.lots.items():
        ours = defaultdict(int)
        for account, lots in zip(state.follows.follower.tolist(), book.rows.tolist(), strict=True):
            ours[-1 if state.omnibus else account] += lots
        for account in {a for a, _ in play.positions} | set(ours):
            assert ours[account] == play.positions[account, k]
        assert book.system["clearing"] == 0
    assert state.ledger.money.system["clearing"] == 0


@settings(max_examples=60)
@given(SEEDS, ROUTES)
def test_once_everything_is_told_our_books_are_the_venues_and_nothing_stays_reserved(seed, route) -> None:
    play = _played(seed, route)
    play.settle()
    state = play.desk.state
    assert not state.guard.halted
    assert state.quarantined == 0
    _assert_books_match_the_venue(play)
    assert not state.ledger.reservations
    assert not state.ledger.reserved_money.any()
    for k in state.ledger.lots:
        assert not state.ledger.opening[k].any()
        assert not state.ledger.leaving[k].any()


@settings(max_examples=30)
@given(SEEDS, ROUTES)
def test_allocations_sum_to_what_was_filled(seed, route) -> None:
    play = _played(seed, route)
    play.settle()
    shared = defaultdict(int)
    for fact in play.desk.all(Copied):
        assert (fact.lots >= 0).all()
        assert (fact.lots <= -(-fact.quotas // SUBLOT)).all() or route is Route.SEGREGATED
        shared[fact.instrument] += fact.side * int(fact.lots.sum())
    for k in play.desk.state.ledger.lots:
        assert shared[k] == sum(lots for (_, i), lots in play.positions.items() if i == k)


@settings(max_examples=40)
@given(SEEDS, ROUTES)
def test_after_full_fills_nobody_without_a_refusal_is_a_lot_off(seed, route) -> None:
    play = Playground(seed, route, calm=True)
    for _ in range(20):
        play.tops()
        play.lead_trades()
        play.deliver_all()
        state = play.desk.state
        for k, column in state.columns.items():
            gap = np.abs(column.targets - state.ledger.lots[k].rows * SUBLOT)
            unexplained = (gap >= SUBLOT) & (column.reasons == 0)
            assert not unexplained.any()


@settings(max_examples=30)
@given(SEEDS, ROUTES)
def test_a_journal_replayed_gives_the_same_commands_and_the_same_state(seed, route) -> None:
    desk = _played(seed, route).desk
    state = State()
    for raw, sent in zip(desk.log, desk.sent, strict=True):
        assert encode_commands([a.command for a in step(state, decode_event(raw)).commands]) == sent
    assert digest(state) == digest(desk.state)


@settings(max_examples=30)
@given(SEEDS, ROUTES, st.floats(0, 1))
def test_a_snapshot_anywhere_and_the_rest_of_the_journal_give_the_uninterrupted_state(seed, route, where) -> None:
    desk = _played(seed, route).desk
    state, cut = State(), int(where * len(desk.log))
    for position, (raw, sent) in enumerate(zip(desk.log, desk.sent, strict=True)):
        if position == cut:
            state = decode_state(encode_state(state))
        assert encode_commands([a.command for a in step(state, decode_event(raw)).commands]) == sent
    assert digest(state) == digest(desk.state)


STEPS = st.lists(st.integers(-60, 60).filter(bool), min_size=1, max_size=10)


def _after(steps: list[tuple[int, int, int, int]], route: Route) -> tuple[list[float], list[int]]:
    """Targets and positions after lead fills (stamp, id, start, lots), delivered in the order given."""
    desk = Desk(route)
    value = [RATIO_UNIT // 2, RATIO_UNIT // 8, RATIO_UNIT]
    desk.follow(free_follows([0, 1, 2], sizing=int(Sizing.FIXED_RATIO), value=value))
    desk.lead_holds(0)
    base = desk.now
    waiting = []
    for at, number, start, lots in steps:
        waiting.append(desk.lead(lots, PX, start=start, fill_id=10**9 + number, at=base + at))
        while waiting:
            outcome = waiting.pop()
            waiting += [desk.fill(place) for place in placed(outcome)]
            waiting += [desk.results(a.command) for a in outcome.commands if hasattr(a.command, "accounts")]
    return desk.targets(), desk.held()


@settings(max_examples=60)
@given(STEPS, ROUTES, st.randoms(use_true_random=False))
def test_doubled_and_reordered_fills_of_a_lead_end_where_the_clean_order_ends(steps, route, dice) -> None:
    position, fills = 0, []
    for number, lots in enumerate(steps):
        fills.append((10 * (number + 1), number, position, lots))
        position += lots
    clean = _after(fills, route)
    assert clean[0] == [position / 2, position / 8, position]
    messy = fills + dice.sample(fills, dice.randint(0, len(fills)))
    dice.shuffle(messy)
    targets, held = _after(messy, route)
    assert targets == clean[0]
    assert all(abs(target - lots) < 1 for target, lots in zip(targets, held, strict=True))


@pytest.mark.parametrize("route", Route)
def test_the_playground_plays(route) -> None:
    """The moods do occur: without them the properties above would hold of nothing."""
    play = _played(11, route, turns=200)
    kinds = {type(decode_event(raw)).__name__ for raw in play.desk.log}
    result = "Fill" if route is Route.OMNIBUS else "BatchUpdate"
    assert {result, "Reconciled", "Connection", "Timer", "LeadFill"} <= kinds
    assert play.desk.state.duplicates > 0
    assert any(fact.lots.any() for fact in play.desk.all(Copied))
