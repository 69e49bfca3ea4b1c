"""Hyperliquid's session on its twin, in virtual time."""

from decimal import Decimal
from typing import Any, ClassVar

from pilotfish.domain.mandate import OMNIBUS
from pilotfish.venues.hyperliquid.accounts import Account, Settings
from pilotfish.venues.hyperliquid.session import HyperliquidSession
from pilotfish.venues.hyperliquid.wire.actions import Cloids
from pilotfish.venues.hyperliquid.wire.assets import Listing, perps
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.twins.faults import TwinFaults
from pilotfish.venues.twins.hyperliquid.settings import HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.virtual import VirtualVenue
from tests.conformance.venues.rig import LEVELS, SECOND, Shelf
from tests.conformance.venues.virtual import START, OnTwin

JOURNAL, USDC = 7, 100_000
MID, STEP, SIZE = 664_000, 10, 1_000
LEAD, STRANGER = (f"0x{digit * 40}" for digit in "ab")


def key_of(number: int) -> Key:
    return Key(keccak(f"agent {number}".encode()))


class Hyperliquid:
    """The twin, its accounts and its market, however they are reached. `now` is true time, ns."""

    instrument: Any
    now: int

    def found(self, separate: int, skew_ns: int, faults: TwinFaults, now_ns: int) -> None:
        own = HyperliquidSettings(skew_ns=skew_ns)
        self.twin = HyperliquidTwin(now_ns, own, faults)
        self.listing = Listing(perps(own.meta, 0))
        self.instrument = self.twin.instruments[0]
        self.shelf = Shelf(MID)
        self.twin.core.markets[0].source = self.shelf
        self.accounts, keys = [], []
        for number in range(separate) if separate else (OMNIBUS,):
            keys.append(key_of(number))
            self.accounts.append(Account(number, "0x" + keccak(b"%d" % number)[12:].hex(), keys[-1].address))
            self.twin.open_account(self.accounts[-1].address, USDC)
            self.twin.approve_agent(self.accounts[-1].address, keys[-1].address)
        self.ring = Keyring(keys)
        for other in (LEAD, STRANGER):
            self.twin.open_account(other, 10 * USDC)

    def new_session(self, ws: str, http: str, **more: Any) -> HyperliquidSession:
        settings = Settings(False, ws, http, JOURNAL, **more)
        return HyperliquidSession(settings, self.listing, [LEAD], self.accounts, self.ring, watch=[0])

    def trade(self, who: str, side: int, lots: int) -> None:
        self.twin.advance(self.now)
        self.twin.trade(who, self.instrument.symbol, side * lots, 500)

    def executed(self) -> dict[int, int]:
        cloids, lots = Cloids(JOURNAL), dict[int, int]()
        for account in self.accounts:
            for fill in self.twin.fills_of(account.address):
                coid = cloids.coid(fill.cloid)
                assert coid is not None
                lots[coid] = lots.get(coid, 0) + self.instrument.lots(Decimal(fill.sz))
        return lots

    def position(self, account: int) -> int:
        one = next(each for each in self.accounts if each.account == account)
        return self.twin.position(one.address, self.instrument.symbol)

    def _ours(self) -> list[tuple[int, str]]:
        cloids = Cloids(JOURNAL)
        rows = [row for account in self.accounts for row in self.twin.orders_of(account.address)]
        return [(cloids.coid(row.order.cloid) or 0, row.status) for row in rows]

    def resting(self) -> set[int]:
        return {coid for coid, status in self._ours() if status == "open"}

    def doubled(self) -> int:
        return self.twin.duplicates_received

    def taken(self, coid: int) -> int:
        return sum(one == coid and not status.endswith("Rejected") for one, status in self._ours())


class HyperliquidRig(Hyperliquid, OnTwin):
    name = "hyperliquid"
    lacks: ClassVar = {}
    mid, step, size = MID, STEP, SIZE

    def __init__(self, separate: int = 0, skew_ns: int = 0) -> None:
        OnTwin.__init__(self)
        self.separate = tuple(range(separate))
        self.found(separate, skew_ns, self.faults, START)
        self.shelf.wanted = self.ladder(10 * SIZE, LEVELS)
        self.now += SECOND
        self.twin.advance(self.now)
        self.begin()

    def session(self) -> HyperliquidSession:
        return self.new_session("ws://twin/ws", "http://twin")

    def join(self, session: Any) -> VirtualVenue:
        ring = self.ring
        return VirtualVenue(
            session, self.twin, self.faults, start_ns=self.now, signer=lambda one: ring.sign_all([one])[0],
            asks=lambda raw: b'"post"' in raw,
        )  # fmt: skip

    def lay(self, lots: int, levels: int = LEVELS) -> None:
        self.shelf.wanted = self.ladder(lots, levels)
        self.later(1)

    def stranger(self, side: int, lots: int, steps: int) -> None:
        self.trade(STRANGER, side, lots)
        self.venue.touch()

    def lead_trades(self, lots: int) -> None:
        self.trade(LEAD, 1, lots)
        self.venue.touch()
