"""A session trading on the twin in virtual time, with faults from a seed, and an auditor who has the twin's books."""

from collections import defaultdict
from random import Random

import numpy as np
from msgspec.structs import replace

from pilotfish.domain.events import BatchUpdate, BookTop, Connection, Event, Fill, OrderUpdate, Reconciled
from pilotfish.domain.orders import Amend, Cancel, CancelAll, OrderSignal, Place, PlaceBatch, Query, Tif
from pilotfish.gate import approved
from pilotfish.venues.hyperliquid.accounts import SECOND, Account, Settings
from pilotfish.venues.hyperliquid.session import HyperliquidSession
from pilotfish.venues.hyperliquid.wire.actions import Cloids
from pilotfish.venues.hyperliquid.wire.assets import Listing, perps
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.hyperliquid.settings import HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.virtual import VirtualVenue

START = 1_790_000_000_000_000_000
STEP_NS = SECOND // 10
JOURNAL = 77
WAY = {
    Fault.DISCONNECT: 0.01, Fault.SILENT: 0.01, Fault.HALF_OPEN: 0.01, Fault.DROP: 0.005, Fault.DOUBLE: 0.02,
    Fault.REORDER: 0.02, Fault.LOST_REQUEST: 0.03, Fault.LOST_ANSWER: 0.03, Fault.GARBAGE: 0.01,
}  # fmt: skip
VENUE = {
    Fault.PARTIAL_BATCH: 0.05, Fault.RATE_LIMIT: 0.01, Fault.AUTH: 0.01, Fault.BALANCE: 0.03, Fault.ERROR_500: 0.03,
    Fault.HEARTBEAT: 0.01,
}  # fmt: skip
_LAST = ("FILLED", "CANCEL", "REJECT")


def key(number: int) -> Key:
    return Key(number.to_bytes(32, "big"))


class Market:
    """`separate` accounts of followers, or one omnibus account where it is 0."""

    def __init__(self, seed: int, rates: dict[Fault, float], separate: int = 0) -> None:
        self.chance, self.faults = Random(seed), TwinFaults(seed, rates)
        own = HyperliquidSettings(seed=seed)
        self.twin = HyperliquidTwin(START, own, self.faults)
        keys: list[Key] = []
        self.accounts: list[Account] = []
        for number in range(separate) if separate else (-1,):
            main, agent = key(1_000 + number), key(5_000 + number)
            self.twin.open_account(main.address, 10_000_000)
            self.twin.approve_agent(main.address, agent.address)
            self.accounts.append(Account(number, main.address, agent.address))
            keys.append(agent)
        self._ring, self._listing = Keyring(keys), Listing(perps(own.meta, 0))
        self.instruments = {one.instrument.id: one.instrument for one in self._listing.by_coin.values()}
        self.now, self.coid, self.cursor, self.up = START, 0, 0, False
        self._open()
        self.asked_ns: int | None = None
        self.tops: dict[int, BookTop] = {}
        self.placed: dict[int, Place] = {}
        self.batches: dict[int, PlaceBatch] = {}
        self.lots: dict[int, int] = {}  # as amended
        self.fills: defaultdict[int, dict[int, int]] = defaultdict(dict)
        self.words: defaultdict[int, list[OrderUpdate]] = defaultdict(list)
        self.results: defaultdict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        self.closed: set[int] = set()
        self.absent: set[int] = set()
        self.wrong: list[str] = []

    def _open(self) -> None:
        settings = Settings(False, "ws://twin/ws", "http://twin", JOURNAL, weight_per_minute=100_000)
        watch, ring = self.instruments, self._ring
        self.session = HyperliquidSession(settings, self._listing, [], self.accounts, ring, watch=watch)
        self.venue = VirtualVenue(self.session, self.twin, self.faults, start_ns=self.now, signer=ring.sign)

    def restart(self) -> None:
        """The process is gone, and what it knew; the next one has what the journal says."""
        self.twin.hang_up()
        self.twin.pushes.clear()
        self.up, self.asked_ns = False, None
        self._open()
        commands = [replace(self.placed[coid], lots=self.lots[coid]) for coid in self.placed if not self.over(coid)]
        commands += [
            batch for coid, batch in self.batches.items()
            if coid not in self.closed and len(self.results[coid]) < batch.lots.size
        ]  # fmt: skip
        self.session._trading.recall(commands, self.cursor, self.now)
        self.venue.touch()

    def run(self, seconds: float, *, trades: bool) -> None:
        """Trade at random, or only listen and ask."""
        for _ in range(int(seconds * SECOND / STEP_NS)):
            self.now += STEP_NS
            for event in self.venue.events(self.now):
                self.hear(event)
            overdue = self.asked_ns is not None and self.now - self.asked_ns > 2 * SECOND
            if overdue or (self.up and self.chance.random() < 0.03):
                self.ask()
            if trades and self.up and self.tops:
                self.trade()

    def submit(self, *commands) -> None:
        self.venue.submit([approved.Approved(one, approved._KEY) for one in commands], self.now)

    def ask(self) -> None:
        self.asked_ns = self.now
        alive = [coid for coid in self.placed if not self.over(coid)]
        alive += [
            coid for coid, batch in self.batches.items()
            if coid not in self.closed and len(self.results[coid]) < batch.lots.size
        ]  # fmt: skip
        self.submit(Query(self.cursor, tuple(alive)))

    def over(self, coid: int) -> bool:
        last = [word for word in self.words[coid] if word.signal.name in _LAST]
        if coid in self.closed or not last:
            return coid in self.closed
        filled = self.lots[coid] - last[-1].lots_left
        return last[-1].signal is OrderSignal.REJECT or filled == sum(self.fills[coid].values())

    def trade(self) -> None:
        resting = [coid for coid, one in self.placed.items() if one.tif is not Tif.IOC and not self.over(coid)]
        if resting and self.chance.random() < 0.08:
            coid = self.chance.choice(resting)
            lots = self.lots[coid] * 2 // 3
            if self.chance.random() < 0.5:
                self.submit(Cancel(coid))
            elif lots > sum(self.fills[coid].values()):
                self.lots[coid] = lots
                self.submit(Amend(coid, lots, self.placed[coid].price))
        if self.chance.random() < 0.12:
            self.place()

    def place(self) -> None:
        top = self.tops[self.chance.choice(sorted(self.tops))]
        it, side = self.instruments[top.instrument], self.chance.choice([1, -1])
        touch = top.ask if side > 0 else top.bid
        price = it.round_price(touch + side * self.chance.choice([-1, 0, 0, 1, 2, 5]) * max(1, touch // 20_000), side)
        lots = self.chance.randint(1, 40) * max(1, 20_000_000 // max(1, it.cost(1, 1, price)))
        tif = self.chance.choice([Tif.IOC, Tif.IOC, Tif.GTC, Tif.ALO])
        if len(self.accounts) == 1:
            self.submit(self._one(-1, it.id, side, lots, price, tif), self._one(-1, it.id, side, lots, price, tif))
            return
        who = sorted(self.chance.sample(range(len(self.accounts)), self.chance.randint(1, len(self.accounts))))
        columns = [np.array(column, dtype=np.int64) for column in (who, [lots] * len(who), [price] * len(who))]
        batch = PlaceBatch(self.coid, it.id, side, *columns, tif)
        if tif is Tif.IOC:
            self.batches[self.coid] = batch
            self.coid += len(who)
        else:
            for account in who:
                self._one(account, it.id, side, lots, price, tif)
        self.submit(batch)

    def _one(self, *order) -> Place:
        place = self.placed[self.coid] = Place(self.coid, *order)
        self.lots[self.coid] = place.lots
        self.coid += 1
        return place

    def hear(self, event: Event) -> None:
        if isinstance(event, BookTop) and event.bid and event.ask:
            self.tops[event.instrument] = event
        elif isinstance(event, Fill) and event.fill_id not in self.fills[event.coid]:
            if event.coid in self.closed:
                self.wrong.append(f"a fill of {event.coid} after it was said to be over")
            self.fills[event.coid][event.fill_id] = event.lots
        elif isinstance(event, OrderUpdate):
            self.words[event.coid].append(event)
        elif isinstance(event, BatchUpdate):
            for k, signal, lots, cost in zip(event.index, event.signal, event.lots, event.cost, strict=True):
                if signal != OrderSignal.LOST:
                    result = (int(lots), int(cost))
                    if self.results[event.coid].setdefault(int(k), result) != result:
                        self.wrong.append(f"two results of {event.coid} + {k}")
        elif isinstance(event, Connection):
            self.up, self.asked_ns = event.up, None
            if event.up:
                self.ask()
        elif isinstance(event, Reconciled):
            self.asked_ns, self.cursor = None, max(self.cursor, event.cursor)
            self.closed |= set(event.done)
            self.absent |= set(event.asked) - set(event.open) - set(event.done)

    def end(self) -> None:
        """No more faults; everything is cancelled, and there is time for the last words."""
        self.faults.rates = {}
        self.run(20, trades=False)
        self.submit(*(CancelAll(account.account) for account in self.accounts))
        self.run(60, trades=False)

    def audit(self) -> list[str]:
        """What we were told, against what the venue did: lots by order, ends, results, absences, doubles."""
        wrong, cloids = list(self.wrong), Cloids(JOURNAL)
        traded: defaultdict[int, int] = defaultdict(int)
        by_symbol = {it.symbol: it for it in self.instruments.values()}
        accepted: set[int | None] = set()
        for account in self.accounts:
            for row in self.twin.fills_of(account.address):
                traded[cloids.coid(row.cloid)] += by_symbol[row.coin].lots(row.sz)
            accepted |= {cloids.coid(one.order.cloid) for one in self.twin.orders_of(account.address)}
        for coid in self.placed:
            if traded[coid] != sum(self.fills[coid].values()):
                wrong.append(f"{coid} traded {traded[coid]}, told were {self.fills[coid]}")
            if not self.over(coid) and coid not in self.absent:
                wrong.append(f"{coid} has no end: {self.words[coid]}")
        for coid, batch in self.batches.items():
            for k in range(batch.lots.size):
                lots, _ = self.results[coid].get(k, (0, 0))
                if lots != traded[coid + k]:
                    wrong.append(f"{coid} + {k} traded {traded[coid + k]}, told were {lots}")
            if len(self.results[coid]) < batch.lots.size and coid not in self.closed | self.absent:
                wrong.append(f"batch {coid} has no end")
        wrong += [f"{coid} was said to be absent" for coid in self.absent & accepted]
        return wrong + ["an id came twice"] * self.twin.duplicates_received
