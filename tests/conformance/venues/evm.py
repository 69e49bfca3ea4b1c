"""A chain's session on its twin, in virtual time."""

from collections import Counter
from typing import Any, ClassVar

from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Place
from pilotfish.venues.evm.session import EvmSession
from pilotfish.venues.evm.settings import SECOND, Account, Settings
from pilotfish.venues.evm.wire.rpc import Log
from pilotfish.venues.evm.wire.swaps import MILLION, Pool, Token, read_swap, root_at, tagged, traded
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.trust import TrustTerms
from pilotfish.venues.twins.evm.chain import ROUTER
from pilotfish.venues.twins.evm.pool import liquidity_for
from pilotfish.venues.twins.evm.twin import EvmTwin
from pilotfish.venues.twins.faults import TwinFaults, TwinSettings
from pilotfish.venues.twins.virtual import VirtualVenue
from tests.conformance.venues.hyperliquid import key_of
from tests.conformance.venues.rig import LEVELS
from tests.conformance.venues.virtual import START, OnTwin

JOURNAL, SIZE, TICK = 7, 1_000, 4
WETH, USDC = Token("0x" + "0a" * 20, "WETH", 18), Token("0x" + "0b" * 20, "USDC", 6)
LEAD = "0x" + "1e" * 20
SPACING, APART, FEE_E6 = 10, 40, 500
CENTER = -200_310  # the tick where a whole WETH costs about 2,000 USDC
ETH = Instrument(
    0, "WETH/USDC", "evm", Kind.SPOT, lot_decimals=4, price_decimals=2, money_decimals=2, quote="USDC", tick=TICK,
    min_notional=100,
)  # fmt: skip
POOL = Pool(ETH, "0x" + "cc" * 20, WETH, USDC, FEE_E6, SPACING)
LACKS = {
    "short": "tokens are paid in full: what is not held cannot be sold",
    "resting": "a swap trades when it is mined or not at all: an order that would rest is refused, and none is amended",
}


def middle(steps: int) -> int:
    """The tick in the middle of what lies so many steps from the price."""
    return CENTER + APART * steps + (SPACING // 2 if steps else 0)


def effective(steps: int) -> int:
    """What a unit costs there, or brings, the pool's fee included."""
    price = root_at(middle(steps)) ** 2 * 10 ** (18 + 2) / 10**6 / 2**192
    kept = (MILLION - FEE_E6) / MILLION
    exact = price / kept if steps > 0 else price * kept if steps < 0 else price
    return round(exact / TICK) * TICK


class Evm:
    """The twin, its accounts and its market, however they are reached. `now` is true time, ns."""

    instrument: ClassVar[Instrument] = ETH
    now: int

    def found(self, separate: int, skew_ns: int, faults: TwinFaults, now_ns: int) -> None:
        self.twin = EvmTwin(POOL, root_at(CENTER), now_ns, faults, TwinSettings(skew_ns=skew_ns))
        self.ring = Keyring([key_of(number) for number in (range(separate) if separate else (OMNIBUS,))])
        self.accounts = [
            Account(number, key_of(number).address) for number in (range(separate) if separate else (OMNIBUS,))
        ]
        for one in self.accounts:
            self.twin.fund(one.address, 0, 100_000 * 10**6)
        self.twin.fund(LEAD, 0, 10**12 * 10**6)

    def price(self, steps: int) -> int:
        return effective(steps)

    def laid(self, lots: int, levels: int) -> tuple[int, dict[tuple[int, int], int]]:
        ranges = {}
        for steps in (*range(-levels, 0), *range(1, levels + 1)):
            low = middle(steps) - SPACING // 2
            ranges[low, low + SPACING] = liquidity_for(lots * POOL.unit, low, low + SPACING)
        return root_at(CENTER), ranges

    def new_session(self, ws: str, http: str, **more: Any) -> EvmSession:
        usual = {
            "journal": JOURNAL, "chain": 31337, "router": ROUTER, "ws_url": ws, "http_url": http, "trust": TrustTerms(),
            "order_ns": 15 * SECOND, "depth": 1,
        }  # fmt: skip
        settings = Settings(**usual | more)
        return EvmSession(settings, [POOL], [LEAD], self.accounts, self.ring)

    def lead_buys(self, lots: int) -> None:
        order = Place(0, -1, 0, 1, lots, self.price(4))
        self.twin.somebody_sends(LEAD, ROUTER, POOL.calldata(order, LEAD, 2**40, 0))

    def _swaps(self) -> list[tuple[int, int]]:
        """Of our orders: client order id, and lots."""
        found = []
        for block in self.twin.chain.blocks.values():
            for mined in block.mined:
                tag = tagged(mined.pending.transaction.data)
                if tag is None or tag[0] != JOURNAL or not mined.done:
                    continue
                for event in mined.events:
                    log = Log(POOL.address, event.topics, event.data, block.number, block.hash, mined.pending.hash, 0)
                    trade = traded(read_swap(log), POOL)
                    found.append((tag[1], trade.lots if trade else 0))
        return found

    def executed(self) -> dict[int, int]:
        sizes = Counter[int]()
        for coid, lots in self._swaps():
            sizes[coid] += lots
        return dict(sizes)

    def position(self, account: int) -> int:
        address = key_of(account).address
        return self.twin.chain.world.tokens[WETH.address, address] // POOL.unit

    def resting(self) -> set[int]:
        return set()

    def doubled(self) -> int:
        return sum(count - 1 for count in Counter(coid for coid, _ in self._swaps()).values())

    def taken(self, coid: int) -> int:
        return sum(one == coid for one, _ in self._swaps())


class EvmRig(Evm, OnTwin):
    name = "evm"
    lacks: ClassVar = LACKS
    mid, step, size = effective(0), TICK, SIZE

    def __init__(self, separate: int = 0, skew_ns: int = 0) -> None:
        OnTwin.__init__(self)
        self.separate = tuple(range(separate))
        self.found(separate, skew_ns, self.faults, START)
        self.twin.chain.laid = self.laid(10 * SIZE, LEVELS)
        self.now += 3 * SECOND
        self.twin.advance(self.now)
        self.begin()

    def session(self) -> EvmSession:
        return self.new_session("ws://twin/ws", "http://twin/")

    def join(self, session: Any) -> VirtualVenue:
        ring = self.ring
        return VirtualVenue(
            session, self.twin, self.faults, start_ns=self.now, signer=lambda one: ring.sign_all([one])[0]
        )

    def lay(self, lots: int, levels: int = LEVELS) -> None:
        self.twin.chain.laid = self.laid(lots, levels)
        self.later(2)

    def lead_trades(self, lots: int) -> None:
        self.lead_buys(lots)
        self.venue.touch()
