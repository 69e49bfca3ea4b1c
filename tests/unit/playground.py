"""A venue with moods for the properties: fills, parts, refusals, doubles, losses and outages, all from one seed.

The venue keeps its own books of what it traded, so that a shard can be held against something it did not compute.
"""

import random
from collections import defaultdict

import msgspec
import numpy as np

from pilotfish.domain.events import BatchUpdate, Connection, Event, Fill, LeadFill, OrderUpdate, Reconciled
from pilotfish.domain.mandate import NO_LIMIT, Follows, Minimum, Route, Sizing, Start
from pilotfish.domain.orders import OrderSignal, Place, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from tests.unit.driver import MS, PX, SECOND, USDC, Desk, perp

INSTRUMENTS = [perp(0, min_notional=5 * USDC, taker_fee_e6=450), perp(1, max_leverage=3)]


class Playground:
    """One shard, one venue, one seed. `calm` venues fill everything at once and lose nothing."""

    def __init__(self, seed: int, route: Route, *, calm: bool = False) -> None:
        self.dice = random.Random(seed)
        self.calm = calm
        self.desk = Desk(route, instruments=INSTRUMENTS, leads=2)
        self.desk.stamp(SECOND)
        self.positions: dict[tuple[int, int], int] = defaultdict(int)  # (account, instrument) → lots, the venue's books
        self.lead_lots: dict[tuple[int, int], int] = defaultdict(int)
        self.seen: set[int] = set()
        self.orders: set[int] = set()
        self.pending: list[Event] = []
        self.lost: list[Event] = []
        self.up = True
        self.opened: list[Place | PlaceBatch] = []  # new orders of the latest step
        for lead in (0, 1):
            for k in (0, 1):
                self.desk.lead_holds(0, k=k, lead=lead)
        sizes = self._batches(self.dice.randint(1, 40))
        first = 0
        for size in sizes:
            self.hear(self.desk.follow(self._follows(first, size)).commands)
            first += size

    def _batches(self, n: int) -> list[int]:
        cut = self.dice.randint(1, n)
        return [cut, n - cut] if cut < n else [n]

    def _follows(self, first: int, n: int) -> Follows:
        """Random mandates; most follows hit some limit sooner or later."""
        dice = self.dice

        def column(choices: list[int]) -> list[int]:
            return [dice.choice(choices) for _ in range(n)]

        return Follows.of(
            [first + row // 2 for row in range(n)], column([0, 1]), [dice.randint(20, 3_000) * USDC for _ in range(n)],
            sizing=column([int(Sizing.PROPORTIONAL)] * 3 + [int(Sizing.FIXED_RATIO)]),
            value=[dice.randint(10**6, 10**9) for _ in range(n)],
            start=column([int(start) for start in Start]), open_bps=column([20, 50, 50, 100]),
            exit_bps=column([100, 300, 300]), minimum=column([int(policy) for policy in Minimum]),
            order_cap=column([NO_LIMIT, NO_LIMIT, 40 * USDC]), position_cap=column([NO_LIMIT, NO_LIMIT, 60 * USDC]),
            total_cap=column([NO_LIMIT, NO_LIMIT, 90 * USDC]), leverage_cap_e2=column([50, 200, 2_000]),
        )  # fmt: skip

    # -- the venue ---------------------------------------------------------------------------------------------------

    def hear(self, approved) -> None:
        """Commands arrive; an order under a known id is the same order."""
        self.opened = []
        for each in approved:
            command = each.command
            if isinstance(command, Place | PlaceBatch):
                if command.coid not in self.seen:  # an order sent again was counted all along
                    self.opened.append(command)
                self.seen.add(command.coid)
                if command.coid not in self.orders and (self.calm or self.dice.random() > 0.05):
                    self.orders.add(command.coid)
                    self._trade(command)
            elif isinstance(command, Query):
                self._answer(command)

    def _trade(self, order: Place | PlaceBatch) -> None:
        self.pending += self._trade_block(order) if isinstance(order, Place) else self._trade_batch(order)

    def _stamp(self) -> tuple[int, int]:
        return self.desk.now, self.desk.now

    def _luck(self, lots: int) -> int:
        if self.calm:
            return lots
        return self.dice.choice([lots, lots, lots, self.dice.randint(0, lots), 0])

    def _trade_block(self, place: Place) -> list[Event]:
        filled = self._luck(place.lots)
        self.positions[-1, place.instrument] += place.side * filled
        events: list[Event] = []
        for part in self._parts(filled):
            price = PX + self.dice.randint(-50, 50)
            fee = part * price * 450 // 10**6
            events.append(Fill(*self._stamp(), place.coid, self.desk.fresh(), part, price, part * price, fee))
        final = OrderSignal.FILLED if filled == place.lots else OrderSignal.CANCEL
        if not self.calm and self.dice.random() < 0.05:
            final = OrderSignal.REJECT  # said of an order that may well have filled
        events.append(OrderUpdate(*self._stamp(), place.coid, final, Reason.NONE, place.lots - filled))
        return events

    def _parts(self, lots: int) -> list[int]:
        if lots > 1 and not self.calm and self.dice.random() < 0.5:
            cut = self.dice.randint(1, lots - 1)
            return [cut, lots - cut]
        return [lots] if lots else []

    def _trade_batch(self, batch: PlaceBatch) -> list[Event]:
        lots = np.array([self._luck(int(asked)) for asked in batch.lots], dtype=np.int64)
        for account, got in zip(batch.accounts.tolist(), lots.tolist(), strict=True):
            self.positions[account, batch.instrument] += batch.side * got
        zero, stamp = np.zeros_like(lots), self._stamp()
        signal = np.where(lots == batch.lots, int(OrderSignal.FILLED), int(OrderSignal.CANCEL))
        whole = BatchUpdate(
            *stamp, batch.coid, np.arange(lots.size), signal, lots, lots * PX, zero, zero, zero + stamp[0]
        )
        if self.calm or lots.size < 2:
            return [whole]
        cut = self.dice.randint(1, lots.size - 1)
        names = ("index", "signal", "lots", "cost", "fee", "reason", "done_ns")
        return [
            msgspec.structs.replace(whole, **{name: getattr(whole, name)[part] for name in names})
            for part in (slice(0, cut), slice(cut, None))
        ]

    def _answer(self, query: Query) -> None:
        """Everything that was ever lost, and then the answer: the one message that comes in order."""
        self.deliver_all()
        done = tuple(coid for coid in query.coids if coid in self.orders)
        self.go(Reconciled(*self._stamp(), query.cursor, query.coids, (), done))

    # -- the wire ----------------------------------------------------------------------------------------------------

    def go(self, event: Event) -> None:
        event = msgspec.structs.replace(event, ours_ns=self.desk.stamp()[1])
        self.hear(self.desk.go(event).commands)

    def deliver_one(self) -> None:
        """Any message that is under way: in any order, once, twice, or (until asked for) not at all."""
        if not self.pending or not self.up:
            return
        event = self.pending.pop(self.dice.randrange(len(self.pending)))
        mood = self.dice.random()
        if mood < 0.1:
            self.lost.append(event)
            return
        self.go(event)
        if mood > 0.85:
            self.go(event)

    def deliver_all(self) -> None:
        while self.up and (self.pending or self.lost):
            self.pending, events, self.lost = [], self.lost + self.pending, []
            for event in events:
                self.go(event)

    # -- the world ---------------------------------------------------------------------------------------------------

    def tops(self) -> None:
        for k in (0, 1):
            self.desk.top(PX + self.dice.randint(-500, 500) // 10 * 10, k=k)

    def lead_trades(self) -> None:
        lead, k = self.dice.choice([0, 1]), self.dice.choice([0, 1])
        old = self.lead_lots[lead, k]
        lots = self.dice.choice([self.dice.randint(-300, 300) or 1, -old or 7])
        self.lead_lots[lead, k] = old + lots
        side = 1 if lots > 0 else -1
        fill = LeadFill(*self._stamp(), lead, k, side, abs(lots), PX, self.desk.fresh(), old)
        self.go(fill)
        if not self.calm and self.dice.random() < 0.2:
            self.go(fill)

    def flap(self) -> None:
        self.up = not self.up
        if not self.up:
            self.lost += self.pending
            self.pending = []
        self.go(Connection(*self._stamp(), self.up))

    def settle(self) -> None:
        """Bring the connection back and let everything come to rest."""
        if not self.up:
            self.flap()
        for _ in range(40):
            self.deliver_all()
            self.tops()
            self.desk.now += SECOND
            self.hear(self.desk.wait(MS).commands)
            if not self.desk.state.blocks and not self.desk.state.batches and not self.pending and not self.lost:
                break
