"""Random lives of a lead's resting orders; the venue fills, cancels and crosses messages: it ends on target."""

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.codec import decode_event, encode_commands
from pilotfish.domain.events import BatchUpdate, Connection, Fill, LeadFill, OrderUpdate, Reconciled
from pilotfish.domain.instructions import LeadOrder
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import Route
from pilotfish.domain.orders import Cancel, CancelAll, OrderSignal, Place, PlaceBatch, Query, Tif
from pilotfish.engine.snapshot import decode_state, digest, encode_state
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from tests.unit.driver import PX, SECOND, USDC, Desk, free_follows

TURNS = 60
TICK = 1_000


class Pool:
    """A lead, a venue and a shard. Messages about the lead and about us are two streams, each in its own order."""

    def __init__(self, seed: int, route: Route) -> None:
        self.dice = random.Random(seed)
        self.desk = Desk(route)
        n = self.dice.randint(1, 9)
        money = [self.dice.randint(50, 3_000) * USDC for _ in range(n)]
        depth = [self.dice.choice([0, 1, 1]) for _ in range(n)]
        self.desk.follow(free_follows(range(n), allocation=money, depth=depth, leverage_cap_e2=10_000_000))
        self.desk.lead_holds(0)
        self.position = 0  # of the lead
        self.theirs: dict[int, list[int]] = {}  # the lead's orders: side, lots, price
        self.ours: dict[int, list[int]] = {}  # what rests: side, lots left, price, account
        self.over: set[int] = set()
        self.held = dict.fromkeys([-1, *range(n)], 0)
        self.about_lead: list = []
        self.about_us: list = []
        self.mirrored = self.filled = 0
        self.up = True

    # -- the lead ------------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        side = self.dice.choice([1, 1, 1, -1])
        price = PX - side * TICK * self.dice.randint(1, 9)
        number = self.desk.fresh()
        self.theirs[number] = [side, self.dice.randint(1, 200), price]
        self._say(number)

    def amend(self, number: int) -> None:
        order = self.theirs[number]
        if self.dice.random() < 0.5:
            order[1] = self.dice.randint(1, 200)
        else:
            order[2] = PX - order[0] * TICK * self.dice.randint(1, 9)
        self._say(number)

    def withdraw(self, number: int) -> None:
        self.theirs[number][1] = 0
        self._say(number)
        del self.theirs[number]

    def fill(self, number: int) -> None:
        """A fill and how the order stands after it, told in either order."""
        order = self.theirs[number]
        lots = self.dice.choice([order[1], self.dice.randint(1, order[1])])
        order[1] -= lots
        self._trade(order[0] * lots, order[2], number)
        self._say(number)
        if self.dice.random() < 0.5:
            self.about_lead[-1], self.about_lead[-2] = self.about_lead[-2], self.about_lead[-1]
        if not order[1]:
            del self.theirs[number]

    def trade(self) -> None:
        self._trade(self.dice.choice([-self.position, self.dice.randint(-150, 150)]) or 10, PX, 0)

    def _trade(self, lots: int, price: int, order: int) -> None:
        start, self.position = self.position, self.position + lots
        number, side = self.desk.fresh(), 1 if lots > 0 else -1
        at = self.desk.stamp()[0]
        self.about_lead.append(LeadFill(at, at, 0, 0, side, abs(lots), price, number, start, order))

    def _say(self, number: int) -> None:
        side, lots, price = self.theirs[number]
        at = self.desk.now
        self.about_lead.append(LeadOrder(at, at, 0, 0, number, side, lots, price))

    # -- the venue -----------------------------------------------------------------------------------------------------

    def hear(self, approved) -> None:
        for command in (each.command for each in approved):
            match command:
                case Place(tif=Tif.ALO):
                    self._rest(command.coid, -1, command.side, command.lots, command.price)
                case Place():
                    self._take(command.coid, -1, command.side, command.lots)
                case PlaceBatch(tif=Tif.ALO):
                    prices = command.prices.tolist()
                    for k, account in enumerate(command.accounts.tolist()):
                        self._rest(command.coid + k, account, command.side, int(command.lots[k]), prices[k])
                case PlaceBatch():
                    self._take_batch(command)
                case Cancel():
                    self._cancel(command.coid)
                case CancelAll():
                    for coid in [c for c, order in self.ours.items() if order[3] == command.account]:
                        self._cancel(coid)
                case Query():
                    self._answer(command)

    def _rest(self, coid: int, account: int, side: int, lots: int, price: int) -> None:
        if coid in self.over or coid in self.ours:
            return
        self.mirrored += 1
        if self.dice.random() < 0.1:
            self.over.add(coid)
            self._tell(OrderUpdate, coid, OrderSignal.REJECT, 0, lots)
        else:
            self.ours[coid] = [side, lots, price, account]
            self._tell(OrderUpdate, coid, OrderSignal.ACK, 0, lots)

    def _take(self, coid: int, account: int, side: int, lots: int) -> None:
        self.over.add(coid)
        self.held[account] += side * lots
        self._tell(Fill, coid, self.desk.fresh(), lots, PX, lots * PX, 0)

    def _take_batch(self, batch: PlaceBatch) -> None:
        self.over.add(batch.coid)
        for account, lots in zip(batch.accounts.tolist(), batch.lots.tolist(), strict=True):
            self.held[account] += batch.side * lots
        self.about_us.append(self.desk.result_event(batch))

    def trade_ours(self) -> None:
        coid = self.dice.choice(list(self.ours))
        order = self.ours[coid]
        lots = self.dice.choice([order[1], self.dice.randint(1, order[1])])
        order[1] -= lots
        self.filled += lots
        self.held[order[3]] += order[0] * lots
        self._tell(Fill, coid, self.desk.fresh(), lots, order[2], lots * order[2], 0)
        if not order[1]:
            self._end(coid, OrderSignal.FILLED)

    def _cancel(self, coid: int) -> None:
        if coid in self.ours:
            self._end(coid, OrderSignal.CANCEL)

    def _end(self, coid: int, signal: OrderSignal) -> None:
        self._tell(OrderUpdate, coid, signal, 0, self.ours.pop(coid)[1])
        self.over.add(coid)

    def _answer(self, query: Query) -> None:
        self.deliver_all()
        open_ = tuple(coid for coid in query.coids if coid in self.ours)
        done = tuple(coid for coid in query.coids if coid in self.over)
        self._go(Reconciled(self.desk.now, self.desk.now, query.cursor, query.coids, open_, done))

    def _tell(self, kind: type, *fields) -> None:
        self.about_us.append(kind(*self.desk.stamp(), *fields))

    # -- the wire ------------------------------------------------------------------------------------------------------

    def _go(self, event) -> None:
        self.hear(self.desk.go(msgspec.structs.replace(event, ours_ns=self.desk.stamp()[1])).commands)

    def deliver(self) -> None:
        for stream in self.dice.sample([self.about_lead, self.about_us], 2):
            if stream and self.up:
                event = stream.pop(0)
                self._go(event)
                if self.dice.random() < 0.1 and not isinstance(event, BatchUpdate):
                    self._go(event)
                return

    def deliver_all(self) -> None:
        while self.up and (self.about_lead or self.about_us):
            self.deliver()

    def wait(self, ns: int = SECOND) -> None:
        self.desk.now += ns
        self.desk.top()
        self.hear(self.desk.wait(1).commands)

    def flap(self) -> None:
        self.up = not self.up
        self._go(Connection(self.desk.now, self.desk.now, self.up))

    # -- a life --------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        mood, number = self.dice.random(), self.dice.choice(list(self.theirs) or [0])
        if mood < 0.15 or (not number and mood < 0.4):
            self.rest()
        elif mood < 0.4:
            self.dice.choice([self.amend, self.withdraw, self.fill, self.fill])(number)
        elif mood < 0.45:
            self.trade()
        elif mood < 0.6 and self.ours:
            self.trade_ours()
        elif mood < 0.93:
            self.deliver()
        elif mood < 0.98:
            self.wait(self.dice.choice([SECOND // 10, SECOND, 3 * SECOND]))
        else:
            self.flap()

    def settle(self) -> None:
        """The lead withdraws everything; what is under way arrives."""
        for number in list(self.theirs):
            self.withdraw(number)
        if not self.up:
            self.flap()
        for _ in range(25):
            self.deliver_all()
            self.wait()

    def lived(self) -> "Pool":
        for _ in range(TURNS):
            self.turn()
        self.settle()
        return self


SEEDS, ROUTES = st.integers(0, 2**32), st.sampled_from(Route)


@settings(max_examples=60)
@given(SEEDS, ROUTES)
def test_positions_end_at_their_targets_and_nothing_is_doubled(seed, route) -> None:
    pool = Pool(seed, route).lived()
    state = pool.desk.state
    rows = state.ledger.lots[0].rows
    assert not state.guard.halted
    assert state.quarantined == 0
    assert pool.held[-1] == rows.sum() if state.omnibus else [pool.held[a] for a in range(rows.size)] == rows.tolist()
    assert (np.abs(rows * SUBLOT - state.columns[0].targets) < SUBLOT).all()
    assert state.mirrors == pool.ours == {}
    assert state.ledger.reservations == {}
    assert not state.ledger.opening[0].any()
    assert not state.ledger.reserved_money.any()
    assert state.ledger.lots[0].system["clearing"] == state.ledger.money.system["clearing"] == 0


@settings(max_examples=30)
@given(SEEDS, ROUTES, st.floats(0, 1))
def test_a_journal_with_a_snapshot_anywhere_gives_the_same_commands_and_state(seed, route, where) -> None:
    desk = Pool(seed, route).lived().desk
    state, cut = State(), int(where * len(desk.log))
    for position, (raw, sent) in enumerate(zip(desk.log, desk.sent, strict=True)):
        if position == cut:
            state = decode_state(encode_state(state))
        assert encode_commands([a.command for a in step(state, decode_event(raw)).commands]) == sent
    assert digest(state) == digest(desk.state)


@pytest.mark.parametrize("route", Route)
def test_the_pool_swims(route) -> None:
    """Orders do rest and do fill: without that the properties above would hold of nothing."""
    pools = [Pool(seed, route).lived() for seed in range(10)]
    assert sum(pool.mirrored for pool in pools) > 30
    assert sum(pool.filled for pool in pools) > 100
