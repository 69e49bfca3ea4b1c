"""The session trades with Polymarket's twin in virtual time, faults included: in the end both sides' books agree."""

from collections import defaultdict
from random import Random

import pytest

from pilotfish.domain.events import (
    BookTop,
    Connection,
    Event,
    Fill,
    FillReversed,
    InstrumentSettled,
    LeadFill,
    LeadPosition,
    OrderUpdate,
    Reconciled,
)
from pilotfish.domain.orders import Cancel, Command, OrderSignal, Place, Query, Tif
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.session import PolymarketSession
from pilotfish.venues.polymarket.settings import OMNIBUS, SECOND, Account, Credentials, Settings
from pilotfish.venues.polymarket.trading.settlement import UNIT
from pilotfish.venues.polymarket.wire.assets import Market
from pilotfish.venues.session import Unfinished
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.polymarket.markets import listing
from pilotfish.venues.twins.polymarket.twin import PolymarketTwin, flow
from pilotfish.venues.twins.virtual import VirtualVenue
from tests.unit.polymarket_samples import KEY
from tests.unit.polymarket_scene import LEAD, START

RAIN = listing("Will it rain?")
BASE = "https://twin.example"
ENDS = (OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT)
ON_THE_WAY = {
    Fault.DISCONNECT: 0.02, Fault.SILENT: 0.01, Fault.HALF_OPEN: 0.01, Fault.DROP: 0.03, Fault.DOUBLE: 0.05,
    Fault.REORDER: 0.05, Fault.LOST_REQUEST: 0.05, Fault.LOST_ANSWER: 0.08, Fault.GARBAGE: 0.02,
}  # fmt: skip
OF_THE_VENUE = {
    Fault.PARTIAL_BATCH: 0.1, Fault.RATE_LIMIT: 0.01, Fault.AUTH: 0.002, Fault.BALANCE: 0.05, Fault.ERROR_500: 0.08,
    Fault.SETTLEMENT: 0.15, Fault.SKEW: 0.01, Fault.FROZEN: 0.02, Fault.CROSSED: 0.05, Fault.HEARTBEAT: 0.02,
}  # fmt: skip


class World:
    """Trades at random while the connection stands, and asks as the engine does; everything from the seed."""

    def __init__(self, seed: int, rates: dict[Fault, float]) -> None:
        self.faults = TwinFaults(seed, rates)
        self.twin = PolymarketTwin([RAIN], START, {0: flow(0, RAIN, seed, 5_000, START)}, self.faults)
        wallet = self.twin.open_account(KEY.address, 3, 10_000_000_000).wallet
        self.ours = Account(OMNIBUS, wallet.lower(), KEY.address)
        self.twin.trade_by_itself(LEAD, 0)
        self.random = Random(seed)
        self.now = START
        self.places: dict[int, Place] = {}
        self.sent_ns: dict[int, int] = {}
        self.ends: dict[int, tuple[OrderSignal, int]] = {}
        self.open: set[int] = set()
        self.lots: dict[int, int] = defaultdict(int)
        self.fills: set[int] = set()
        self.failed: set[int] = set()
        self.back: dict[int, int] = defaultdict(int)  # lots that were told and taken back
        self.taken: list[int] = []  # orders of which a fill was taken back
        self.tops: dict[int, BookTop] = {}
        self.lead: dict[int, int] = defaultdict(int)
        self.paid: list[tuple[int, int]] = []
        self.up, self.asked_ns, self.cursor = False, -1, 0
        self.begin()

    def begin(self) -> None:
        """A process starts; of what it knew before there is only what the engine remembers."""
        api = self.twin.api_key(KEY.address)
        markets = Listing()
        markets.add(
            Market(RAIN.condition, RAIN.slug, ((RAIN.tokens[0], "Yes"), (RAIN.tokens[1], "No")), 100, 500, False, True)
        )
        settings = Settings(
            journal=7, clob_url=BASE, gamma_url=f"{BASE}/gamma", data_url=f"{BASE}/data-api",
            market_ws_url=f"{BASE}/ws/market", user_ws_url=f"{BASE}/ws/user",
        )  # fmt: skip
        self.session = PolymarketSession(
            settings, markets, [LEAD], [self.ours], Keyring([KEY]),
            {OMNIBUS: Credentials(api.key, api.secret, api.passphrase)}, watch=(0, 1),
        )  # fmt: skip
        under_way = [(self.places[coid], self.sent_ns[coid]) for coid in self.unknown()]
        settling = [(self.places[coid], self.sent_ns[coid]) for coid in self.ends if self.lots[coid]]
        self.session.recall(Unfinished(self.cursor, under_way, {0: list(self.lead)}, settling), self.now)
        self.venue = VirtualVenue(self.session, self.twin, self.faults, start_ns=self.now)
        self.up, self.asked_ns = False, -1

    def run(self, seconds: int, *, orders: bool = True) -> None:
        until, turn = self.now + seconds * SECOND, self.now
        while self.now < until:
            due = self.venue.next_ns()
            if due is not None and due <= turn:
                self.now = max(self.now, due)
                for event in self.venue.events(due):
                    self.hear(event)
                continue
            self.now, turn = turn, turn + SECOND // 2
            if self.up:
                self.act(orders)
                self.ask()

    def hear(self, event: Event) -> None:
        if isinstance(event, Connection):
            self.up, self.asked_ns = event.up, -1
        elif isinstance(event, BookTop):
            self.tops[event.instrument] = event
        elif isinstance(event, Fill):
            if event.fill_id not in self.fills | self.failed:
                self.lots[event.coid] += event.lots
            self.fills.add(event.fill_id)
        elif isinstance(event, FillReversed | InstrumentSettled):
            self.undone(event)
        elif isinstance(event, OrderUpdate):
            if event.signal in ENDS:
                self.over(event.coid, (event.signal, event.lots_left))
            else:
                self.open.add(event.coid)
        elif isinstance(event, Reconciled):
            self.answered(event)
        elif isinstance(event, LeadPosition):
            self.lead[event.instrument] = event.lots
        elif isinstance(event, LeadFill):
            self.lead[event.instrument] += event.change

    def undone(self, event: FillReversed | InstrumentSettled) -> None:
        if isinstance(event, InstrumentSettled):
            self.paid.append((event.instrument, event.price))
        else:
            if event.fill_id in self.fills and event.fill_id not in self.failed:
                self.lots[event.coid] -= event.lots
                self.back[event.coid] += event.lots
                self.taken.append(event.coid)
            self.failed.add(event.fill_id)

    def answered(self, answer: Reconciled) -> None:
        """What the venue never had is sent again."""
        self.asked_ns, self.cursor = -1, max(self.cursor, answer.cursor)
        for coid in answer.asked:
            if coid in answer.done:
                self.ends.setdefault(coid, (OrderSignal.CANCEL, self.places[coid].lots - self.lots[coid]))
            elif coid not in answer.open and coid not in self.ends:
                self.sent_ns[coid] = self.now
                self.submit(self.places[coid])

    def over(self, coid: int, end: tuple[OrderSignal, int]) -> None:
        """An order ends once."""
        assert self.ends.setdefault(coid, end) == end

    def submit(self, *commands: Command) -> None:
        self.venue.submit([Approved(one, _KEY) for one in commands], self.now)

    def act(self, orders: bool) -> None:
        luck = self.random.random()
        resting = sorted(self.open - set(self.ends))
        if orders and luck < 0.6 and self.tops:
            coid = len(self.places) + 1
            self.places[coid], self.sent_ns[coid] = self.draw(coid), self.now
            self.submit(self.places[coid])
        elif resting and (not orders or luck < 0.75):
            self.submit(Cancel(self.random.choice(resting)))

    def draw(self, coid: int) -> Place:
        instrument, side = self.random.choice(sorted(self.tops)), self.random.choice((1, 1, -1))
        top, tif = self.tops[instrument], self.random.choice((Tif.IOC, Tif.IOC, Tif.GTC, Tif.ALO))
        bid, ask = top.bid or 4_000, top.ask or 6_000
        price = (ask + 100 if side > 0 else bid - 100) if tif is Tif.IOC else (bid if side > 0 else ask)
        price = min(max(price // 100 * 100, 100), 9_900)
        return Place(coid, OMNIBUS, instrument, side, self.random.randrange(500, 4_000), price, tif)

    def unknown(self) -> tuple[int, ...]:
        """Orders that are not over, or whose fills do not add up to what they ended with."""
        return tuple(coid for coid in self.places if coid not in self.ends or not self.adds_up(coid))

    def adds_up(self, coid: int) -> bool:
        """An order may have ended before or after a part of it was taken back."""
        return self.lots[coid] <= self.traded(coid) <= self.lots[coid] + self.back[coid]

    def traded(self, coid: int) -> int:
        signal, left = self.ends[coid]
        return 0 if signal is OrderSignal.REJECT else self.places[coid].lots - left

    def ask(self) -> None:
        unknown = self.unknown()
        if unknown and (self.asked_ns < 0 or self.now - self.asked_ns > 2 * SECOND):
            self.asked_ns = self.now
            self.submit(Query(self.cursor, unknown))

    def settle(self) -> None:
        """Faults stop, the lead rests, what is open is cancelled: in the end both sides know the same."""
        self.faults.rates = {}
        self.twin.rest()
        self.run(60, orders=False)

    def check(self) -> None:
        assert len(self.places) > 20
        assert set(self.ends) == set(self.places)
        assert not self.unknown()
        assert sum(self.lots.values()) > 0
        assert self.session.counters()["surplus lots held"] == 0
        working = self.session.trading.working
        taken = {order.id: order for order in self.twin.desk.orders.values()}
        assert not any(order.live for order in taken.values())
        settled: dict[str, int] = defaultdict(int)
        for trade in self.twin.settlements.trades.values():
            for part in trade.parts:
                settled[part.order_id] += part.lots if trade.status != "FAILED" else 0
        for coid, ours in working.orders.items():
            theirs = sum(settled[name] for name in {ours.id, *ours.guesses} if name in taken)
            assert self.lots[coid] == min(theirs // UNIT, self.places[coid].lots)
        held = self.twin.people.holdings(LEAD, self.twin.agenda.now_ns)
        assert {outcome: part.lots // UNIT for (_, outcome), (_, part) in held.items()} == dict(self.lead)


@pytest.mark.parametrize("seed", [1, 2])
def test_on_a_good_day_every_order_and_every_trade_of_the_lead_is_known(seed: int) -> None:
    world = World(seed, {})
    world.run(60)
    world.settle()
    world.check()
    assert world.twin.desk.duplicates_received == 0


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_whatever_goes_wrong_nothing_is_lost_doubled_or_guessed(seed: int) -> None:
    world = World(seed, ON_THE_WAY | OF_THE_VENUE)
    world.run(90)
    world.settle()
    world.check()
    assert len(world.faults.injected) > 8


@pytest.mark.parametrize("seed", [31, 32])
def test_a_match_of_before_a_restart_that_fails_after_it_is_taken_back(seed: int) -> None:
    world = World(seed, {Fault.SETTLEMENT: 0.5})
    late = 0
    for _ in range(4):
        world.run(15)
        over, heard = set(world.ends), len(world.taken)
        world.begin()
        world.run(15)
        late += sum(coid in over for coid in world.taken[heard:])
    world.settle()
    world.check()
    assert late


def test_a_market_that_is_decided_is_told_once_by_the_stream_or_after_a_gap() -> None:
    heard = World(41, {})
    heard.run(20)
    heard.twin.resolve(0, 1)
    heard.run(20)
    assert heard.paid == [(0, 0), (1, 10_000)]
    missed = World(41, {})
    missed.run(20)
    missed.faults.plan(Fault.DISCONNECT)
    missed.run(1)
    missed.twin.resolve(0, 0)
    missed.run(60)
    assert missed.faults.injected[Fault.DISCONNECT]
    assert missed.paid == [(0, 10_000), (1, 0)]


@pytest.mark.parametrize("seed", [21, 22])
def test_a_restart_in_the_middle_finds_what_was_under_way(seed: int) -> None:
    world = World(seed, {Fault.LOST_ANSWER: 0.1, Fault.ERROR_500: 0.1})
    for _ in range(3):
        world.run(25)
        world.begin()
    world.settle()
    world.check()
