"""Polymarket on trial."""

from __future__ import annotations

from collections import Counter

from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.session import PolymarketSession
from pilotfish.venues.polymarket.settings import Account, Credentials, Settings
from pilotfish.venues.polymarket.trading.settlement import UNIT
from pilotfish.venues.polymarket.wire.assets import of_gamma
from pilotfish.venues.polymarket.wire.codec import GAMMA_MARKETS
from pilotfish.venues.polymarket.wire.orders import Salts
from pilotfish.venues.polymarket.wire.signing import SignatureType
from pilotfish.venues.port import Venue
from pilotfish.venues.twins.faults import TwinFaults, TwinSettings
from pilotfish.venues.twins.polymarket.markets import listing
from pilotfish.venues.twins.polymarket.records import Part
from pilotfish.venues.twins.polymarket.twin import PolymarketTwin, flow
from pilotfish.venues.twins.virtual import Delays, VirtualVenue
from pilotfish.worlds.trials.trial import START_NS

JOURNAL = 7
LEAD_USDC, OWN_USDC, FOLLOWER_USDC = 10_000, 100_000, 10_000
MARKETS = [
    listing("Will it rain?", tick=100),
    listing("Who will win?", tick=10, neg_risk=True),
    listing("Will rates fall?", tick=100, neg_risk=True),
]
PRICES = (5_000, 3_000, 6_000)
FOLLOWERS = 3


class PolymarketStage:
    """Three bots lead, each in a market of its own; we trade one deposit wallet, or one for each follower."""

    def __init__(self, seed: int, faults: TwinFaults, route: Route) -> None:
        books = {k: flow(k, one, seed, PRICES[k], START_NS) for k, one in enumerate(MARKETS)}
        self.twin = PolymarketTwin(MARKETS, START_NS, books, faults, TwinSettings(seed=seed))
        self.leads = ["0x" + keccak(f"lead {k}".encode())[12:].hex() for k in range(len(MARKETS))]
        for number, lead in enumerate(self.leads):
            self.twin.trade_by_itself(lead, number)
        self.lead_equity = LEAD_USDC * 10**6
        self.open_to = list(range(FOLLOWERS)) if route is Route.SEGREGATED else []
        markets = Listing()
        for one in GAMMA_MARKETS.decode(self.twin.request("GET", "/markets", {}, b"", START_NS).body):
            markets.add(of_gamma(one))
        self.instruments = [one.instrument for one in markets]
        self._tokens = [one.token for one in markets]
        ring, accounts, credentials = self._accounts()
        settings = Settings(
            journal=JOURNAL, clob_url="http://twin", data_url="http://twin", gamma_url="http://twin",
            market_ws_url="ws://twin/ws/market", user_ws_url="ws://twin/ws/user",
        )  # fmt: skip
        watch = [one.id for one in self.instruments]
        self.session = PolymarketSession(settings, markets, self.leads, accounts, ring, credentials, watch=watch)
        self.venue: Venue = VirtualVenue(
            self.session, self.twin, faults, Delays(seed=seed), START_NS, signer=lambda one: ring.sign_all([one])[0]
        )

    def _accounts(self) -> tuple[Keyring, list[Account], dict[int, Credentials]]:
        keys, accounts, credentials = [], [], {}
        self._wallets = {}
        for number in self.open_to or [OMNIBUS]:
            key = Key(keccak(f"agent {number}".encode()))
            money = (FOLLOWER_USDC if self.open_to else OWN_USDC) * 10**6
            wallet = self._wallets[number] = self.twin.open_account(key.address, SignatureType.POLY_1271, money)
            made = self.twin.api_key(key.address)
            credentials[number] = Credentials(made.key, made.secret, made.passphrase)
            accounts.append(Account(number, wallet.wallet.lower(), key.address))
            keys.append(key)
        return Keyring(keys), accounts, credentials

    def position(self, account: int, instrument: int) -> int:
        """Whole lots: what an order that was filled in part got beyond them is less than a lot, and nobody's."""
        wallet, token = self._wallets[account], self._tokens[instrument]
        left: Counter[str] = Counter()
        for part in self._settled():
            if part.order is not None and part.order.account is wallet and part.order.token == token:
                left[part.order_id] += part.side * part.lots
        loose = sum(size - _whole(size) for size in left.values())
        return (wallet.tokens[token] - loose) // UNIT

    def executed(self) -> dict[int, int]:
        salts, sizes = Salts(JOURNAL), Counter[int]()
        for part in self._settled():
            coid = salts.coid(part.order.salt) if part.order is not None else None
            if coid is not None:
                sizes[coid] += part.lots
        return {coid: size // UNIT for coid, size in sizes.items()}

    def _settled(self) -> list[Part]:
        """Our parts of all trades that did not fail."""
        trades = self.twin.settlements.trades.values()
        return [part for trade in trades if trade.status != "FAILED" for part in trade.parts if part.order is not None]

    def doubled(self) -> int:
        return self.twin.desk.doubled

    def calm(self) -> None:
        self.twin.rest()


def _whole(size: int) -> int:
    """A signed size in millionths of a share, down to whole lots."""
    lots = abs(size) // UNIT * UNIT
    return lots if size > 0 else -lots
