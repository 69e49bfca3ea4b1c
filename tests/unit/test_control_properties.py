"""Whatever people, platform and leads say in whatever order, with orders under way: what always holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.codec import decode_event, encode_commands
from pilotfish.domain.events import CashMoved
from pilotfish.domain.instructions import (
    FollowAction,
    FollowControl,
    LeadNews,
    LeadStatus,
    MandateChanged,
    Rebalance,
)
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import Direction, LeadGone, Route, Sizing
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Moved, Quarantined, Stopped
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.snapshot import decode_state, digest, encode_state
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from tests.unit.driver import PX, USDC
from tests.unit.playground import Playground

SEEDS, ROUTES = st.integers(0, 2**32), st.sampled_from(Route)
FALLING = ("order_cap", "position_cap", "total_cap", "leverage_cap_e2", "open_bps", "exit_bps")
NEARER = ("take_profit_bps", "stop_loss_bps", "trailing_bps", "price_stop_bps")
FROZEN = ("sizing", "value", "direction", "hedge_bps")
TURNS = 60


class Club(Playground):
    """A playground whose members change their minds, with the checks on every step."""

    def _follows(self, first: int, n: int):
        follows, dice = super()._follows(first, n), self.dice

        def column(choices) -> np.ndarray:
            return ints([dice.choice(choices) for _ in range(n)])

        follows.stage_bps, follows.lead_gone = column([10_000, 10_000, 3_000]), column([int(p) for p in LeadGone])
        follows.price_stop_bps, follows.stop_loss_bps = column([0, 0, 0, 50]), column([0, 0, 3, 500])
        follows.trailing_bps, follows.take_profit_bps = column([0, 0, 1]), column([0, 0, 1])
        follows.direction = column([int(way) for way in Direction])
        return follows

    def tops(self) -> None:
        for k in (0, 1):
            self.desk.top(PX + self.dice.randint(-10_000, 10_000) // 100 * 100, k=k)

    def go(self, event) -> None:
        state = self.desk.state
        before = {name: column.copy() for name, column in state.follows.columns().items()}
        busy = self.busy()
        super().go(event)
        assert not state.guard.halted, self.desk.facts[-1]
        if isinstance(event, MandateChanged):
            self._no_wider(before, busy)

    def hear(self, approved) -> None:
        super().hear(approved)
        self._nobody_shut_opens()

    def busy(self) -> np.ndarray:
        ledger = self.desk.state.ledger
        columns = (*(b.rows for b in ledger.lots.values()), *ledger.opening.values(), *ledger.leaving.values())
        return np.any([column != 0 for column in columns], axis=0)

    def _no_wider(self, before, busy) -> None:
        after = self.desk.state.follows.columns()
        for name in FALLING:
            assert (after[name] <= before[name])[busy].all(), name
        for name in NEARER:
            kept = (before[name] == 0) | ((after[name] > 0) & (after[name] <= before[name]))
            assert kept[busy].all(), name
        for name in FROZEN:
            assert (after[name] == before[name])[busy].all(), name

    def _nobody_shut_opens(self) -> None:
        state, every = self.desk.state, np.arange(self.desk.state.ledger.follows)
        gone = np.array([lead.gone for lead in state.leads])
        for order in self.opened:
            sent = state.blocks.get(order.coid) or state.batches.get(order.coid)
            if sent is None or sent.exit:
                continue
            rows = sent.index if hasattr(sent, "batch") else every[sent.rows]
            for_whom = rows[sent.quotas > 0]
            assert (state.standing.mode[for_whom] == Mode.ACTIVE).all()
            assert not gone[state.follows.lead[for_whom]].any()

    # -- minds -------------------------------------------------------------------------------------------------------

    def rows(self) -> np.ndarray:
        n = self.desk.state.ledger.follows
        return ints(sorted(self.dice.sample(range(n), self.dice.randint(1, min(n, 4)))))

    def change_a_mind(self) -> None:
        self.dice.choice([self.control, self.control, self.mandate, self.fate, self.cash, self.weigh])()

    def control(self) -> None:
        action = self.dice.choices(list(FollowAction), [3, 8, 2, 1])[0]
        self.go(FollowControl(*self._stamp(), self.rows(), action))

    def fate(self) -> None:
        news = self.dice.choices(list(LeadNews), [1, 2, 4])[0]
        self.go(LeadStatus(*self._stamp(), self.dice.choice([0, 1]), news))

    def cash(self) -> None:
        rows = self.rows()
        amounts = ints([self.dice.randint(-300, 300) * USDC for _ in rows])
        self.go(CashMoved(*self._stamp(), rows, amounts))

    def weigh(self) -> None:
        n = self.desk.state.ledger.follows
        for follower in range(n // 2):  # rows come in pairs of one follower
            pair = np.flatnonzero(self.desk.state.follows.follower == follower)
            if pair.size == 2 and not self.desk.state.follows.weight_bps[pair].any():
                self._mandate(pair, weight_bps=ints([6_000, 4_000]))
                break
        weighted = self.desk.state.follows.weight_bps > 0
        followers = np.unique(self.desk.state.follows.follower[weighted])
        self.go(Rebalance(*self._stamp(), followers, self.dice.choice([0, 50])))

    def mandate(self) -> None:
        name = self.dice.choice([*FALLING, *NEARER, *FROZEN[:3]])
        rows, dice = self.rows(), self.dice
        choices = {
            "open_bps": [10, 50, 90], "exit_bps": [100, 250, 400], "leverage_cap_e2": [50, 150, 900],
            "sizing": [int(Sizing.FIXED_RATIO)], "value": [10**7, 10**8], "direction": [0, 1],
        }.get(name, [0, 3, 40, 900] if name in NEARER else [30 * USDC, 70 * USDC, 200 * USDC])  # fmt: skip
        self._mandate(rows, **{name: ints([dice.choice(choices) for _ in rows])})

    def _mandate(self, rows, **columns) -> None:
        follows = self.desk.state.follows.take(rows)
        for name, column in columns.items():
            setattr(follows, name, column)
        self.go(MandateChanged(*self._stamp(), rows, follows))

    def turn(self) -> None:
        mood = self.dice.random()
        self.tops()
        if mood < 0.25:
            self.lead_trades()
        elif mood < 0.6:
            self.deliver_one()
        elif mood < 0.85:
            self.change_a_mind()
        elif mood < 0.96 or self.calm:
            self.desk.now += self.dice.choice([10**8, 10**9, 3 * 10**9])
            self.tops()
            self.hear(self.desk.wait(1).commands)
        else:
            self.flap()


def played(seed: int, route: Route, *, calm: bool = False, turns: int = TURNS) -> Club:
    club = Club(seed, route, calm=calm)
    for _ in range(turns):
        club.turn()
    return club


@settings(max_examples=60)
@given(SEEDS, ROUTES)
def test_nothing_is_opened_for_who_is_shut_no_limit_is_widened_while_open_and_all_sums_are_zero(seed, route) -> None:
    club = played(seed, route)
    club.settle()
    state = club.desk.state
    assert not any(state.ledger.sums().values())
    gone = state.standing.mode == Mode.LEFT
    assert (state.ledger.money.rows[gone & ~club.busy()] >= -(10**12)).all()


@settings(max_examples=40)
@given(SEEDS, ROUTES)
def test_every_close_ends_or_says_why_not(seed, route) -> None:
    club = played(seed, route, calm=True)
    n = club.desk.state.ledger.follows
    rows = np.flatnonzero(club.desk.state.standing.mode < Mode.CLOSING)
    club.go(FollowControl(*club._stamp(), rows, FollowAction.CLOSE))
    for _ in range(30):
        club.settle()
        club.desk.now += 3 * 10**9
        club.tops()
        club.hear(club.desk.wait(1).commands)
    state, busy = club.desk.state, club.busy()
    unfinished = np.isin(state.standing.mode, (Mode.CLOSING, Mode.LEAVING))
    for row in np.flatnonzero(unfinished).tolist():
        why = [Reason(c.reasons[row]) for k, c in state.columns.items() if state.ledger.lots[k].rows[row]]
        assert set(why) == {Reason.BELOW_MINIMUM}
    assert not busy[~unfinished].any()
    for column in state.columns.values():
        assert (np.abs(column.targets) < SUBLOT).all()
    assert n == len(state.follows)


@settings(max_examples=30)
@given(SEEDS, ROUTES, st.integers(0, TURNS))
def test_a_replay_and_a_restart_anywhere_end_in_the_same_state(seed, route, turn) -> None:
    club = Club(seed, route)
    for k in range(TURNS):
        if k == turn:
            club.desk.state = decode_state(encode_state(club.desk.state))
        club.turn()
    again, sent = State(), []
    for raw in club.desk.log:
        sent.append(encode_commands([a.command for a in step(again, decode_event(raw)).commands]))
    assert sent == club.desk.sent
    assert digest(again) == digest(club.desk.state)


@pytest.mark.parametrize("route", Route)
def test_the_club_does_all_of_it(route) -> None:
    """Without these moods the properties would hold of nothing."""
    reasons, moved, refused = set(), 0, 0
    for seed in range(12):
        club = played(seed, route, turns=120)
        reasons |= {fact.reason for fact in club.desk.all(Stopped)}
        moved += len(club.desk.all(Moved))
        refused += sum("would widen" in fact.why for fact in club.desk.all(Quarantined))
    people = {Reason.PAUSED, Reason.NONE, Reason.CLOSED, Reason.LEFT, Reason.LEAD_LIQUIDATED, Reason.LEAD_GONE}
    stops = {Reason.PRICE_STOP, Reason.STOP_LOSS, Reason.TRAILING_STOP, Reason.TAKE_PROFIT}
    assert reasons >= people | stops
    assert moved > 5
    assert refused > 5
