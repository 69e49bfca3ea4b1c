"""Polymarket's session on its twin, in virtual time."""

from collections import Counter
from typing import Any, ClassVar

from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Tif
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.session import PolymarketSession
from pilotfish.venues.polymarket.settings import Account, Credentials, Settings
from pilotfish.venues.polymarket.trading.settlement import UNIT
from pilotfish.venues.polymarket.wire.assets import of_gamma
from pilotfish.venues.polymarket.wire.codec import GAMMA_MARKETS
from pilotfish.venues.polymarket.wire.orders import Salts
from pilotfish.venues.twins.faults import TwinFaults, TwinSettings
from pilotfish.venues.twins.polymarket.markets import listing
from pilotfish.venues.twins.polymarket.people import LeadTrade
from pilotfish.venues.twins.polymarket.settle import SettlementTimes
from pilotfish.venues.twins.polymarket.twin import PolymarketTwin, Terms
from pilotfish.venues.twins.virtual import VirtualVenue
from tests.conformance.venues.hyperliquid import key_of
from tests.conformance.venues.rig import LEVELS, SECOND, Shelf
from tests.conformance.venues.virtual import START, OnTwin

JOURNAL, USDC = 7, 100_000
MID, STEP, SIZE = 5_000, 100, 1_000
LEAD = "0x" + "1" * 40
RAIN = listing("Will it rain?")
LACKS = {
    "short": "outcome tokens are paid in full: what is not held cannot be sold",
    "tick": "its tick changes while it trades: a price off the new one is made better, and not refused",
    "amend in place": "the venue knows no change of an order: it is cancelled and placed anew under the same id",
}


class Polymarket:
    """The twin, its wallets and its market, however they are reached. `now` is true time, ns."""

    instrument: Instrument
    now: int
    amends: int
    settles = SettlementTimes()

    def found(self, separate: int, skew_ns: int, faults: TwinFaults, now_ns: int) -> None:
        self.shelf = Shelf(MID)
        terms = Terms(settlement=self.settles)
        self.twin = PolymarketTwin([RAIN], now_ns, {0: self.shelf}, faults, TwinSettings(skew_ns=skew_ns), terms)
        self.listing = Listing()
        for one in GAMMA_MARKETS.decode(self.twin.request("GET", "/markets", {}, b"", now_ns).body):
            self.listing.add(of_gamma(one))
        self.instrument = next(iter(self.listing)).instrument
        self.accounts, self.wallets, self.credentials, keys = [], {}, {}, []
        for number in range(separate) if separate else (OMNIBUS,):
            key = key_of(number)
            keys.append(key)
            wallet = self.wallets[number] = self.twin.open_account(key.address, 3, USDC * 10**6)
            made = self.twin.api_key(key.address)
            self.credentials[number] = Credentials(made.key, made.secret, made.passphrase)
            self.accounts.append(Account(number, wallet.wallet.lower(), key.address))
        self.ring = Keyring(keys)

    def new_session(self, ws: str, http: str, **more: Any) -> PolymarketSession:
        settings = Settings(
            journal=JOURNAL, clob_url=http, data_url=http, gamma_url=http, market_ws_url=f"{ws}/ws/market",
            user_ws_url=f"{ws}/ws/user", **more,
        )  # fmt: skip
        return PolymarketSession(
            settings, self.listing, [LEAD], self.accounts, self.ring, self.credentials, watch=[self.instrument.id]
        )

    def take_from_book(self, side: int, lots: int, price: int) -> None:
        """A stranger's order."""
        twin, market = self.twin, self.twin.markets[0]
        twin.advance(self.now)
        market.crowd.add(side, lots, price, Tif.IOC)
        twin.desk.advance(market, twin.agenda.now_ns)
        twin._publish()

    def lead_buys(self, lots: int) -> None:
        trade = LeadTrade(self.now, RAIN.tokens[0], 1, lots * UNIT, (MID + STEP) * 100)
        self.twin.play(LEAD, [trade], self.now)

    def _parts(self) -> list[Any]:
        trades = self.twin.settlements.trades.values()
        return [p for trade in trades if trade.status != "FAILED" for p in trade.parts if p.order is not None]

    def executed(self) -> dict[int, int]:
        salts, sizes = Salts(JOURNAL), Counter[int]()
        for part in self._parts():
            sizes[salts.coid(part.order.salt) or 0] += part.lots
        return {coid: size // UNIT for coid, size in sizes.items()}

    def position(self, account: int) -> int:
        """Once settled."""
        wallet = self.wallets[account]
        return int(wallet.tokens[RAIN.tokens[0]]) // UNIT

    def resting(self) -> set[int]:
        salts = Salts(JOURNAL)
        return {salts.coid(order.salt) or 0 for order in self.twin.desk.orders.values() if order.live}

    def doubled(self) -> int:
        """An amended order is another one under the same salt."""
        return self.twin.desk.doubled - self.amends

    def taken(self, coid: int) -> int:
        salts = Salts(JOURNAL)
        return sum(salts.coid(order.salt) == coid for order in self.twin.desk.orders.values())


class PolymarketRig(Polymarket, OnTwin):
    name = "polymarket"
    lacks: ClassVar = LACKS
    mid, step, size = MID, STEP, SIZE

    def __init__(self, separate: int = 0, skew_ns: int = 0) -> None:
        OnTwin.__init__(self)
        self.separate = tuple(range(separate))
        self.found(separate, skew_ns, self.faults, START)
        self.shelf.wanted = self.ladder(10 * SIZE, LEVELS)
        self.now += SECOND
        self.twin.advance(self.now)
        self.begin()

    def session(self) -> PolymarketSession:
        return self.new_session("ws://twin", "http://twin")

    def join(self, session: Any) -> VirtualVenue:
        ring = self.ring
        return VirtualVenue(
            session, self.twin, self.faults, start_ns=self.now, signer=lambda one: ring.sign_all([one])[0]
        )

    def lay(self, lots: int, levels: int = LEVELS) -> None:
        self.shelf.wanted = self.ladder(lots, levels)
        self.later(1)

    def stranger(self, side: int, lots: int, steps: int) -> None:
        self.take_from_book(side, lots, self.price(steps))
        self.venue.touch()

    def lead_trades(self, lots: int) -> None:
        self.lead_buys(lots)
        self.venue.touch()
