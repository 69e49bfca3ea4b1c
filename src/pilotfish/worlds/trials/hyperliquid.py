"""Hyperliquid on trial."""

from __future__ import annotations

from pilotfish.domain.mandate import OMNIBUS, Route
from pilotfish.venues.hyperliquid.accounts import Account, Settings
from pilotfish.venues.hyperliquid.session import HyperliquidSession
from pilotfish.venues.hyperliquid.wire.actions import Cloids, Listed
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.port import Venue
from pilotfish.venues.twins.faults import TwinFaults
from pilotfish.venues.twins.hyperliquid.settings import HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.virtual import Delays, VirtualVenue
from pilotfish.worlds.trials.trial import START_NS

JOURNAL = 7
LEAD_USDC, OWN_USDC, FOLLOWER_USDC = 100_000, 100_000, 10_000
STYLES = ("momentum", "reversion", "rebalancer")
FOLLOWERS = 6


def address(name: str) -> str:
    return "0x" + keccak(name.encode())[12:].hex()


class HyperliquidStage:
    """Three bots lead; we trade one account, or one for each follower."""

    def __init__(self, seed: int, faults: TwinFaults, route: Route) -> None:
        self.twin = HyperliquidTwin(START_NS, HyperliquidSettings(seed=seed), faults)
        self.instruments = self.twin.instruments
        self.leads = [address(style) for style in STYLES]
        self.lead_equity = LEAD_USDC * 10**6
        for lead, style, coin in zip(self.leads, STYLES, self.twin.settings.coins, strict=True):
            self.twin.open_account(lead, LEAD_USDC)
            self.twin.trade_by_itself(lead, coin.name, style)
        self.open_to = list(range(FOLLOWERS)) if route is Route.SEGREGATED else []
        self._accounts: dict[int, Account] = {}
        keys = []
        for number in self.open_to or [OMNIBUS]:
            key = Key(keccak(f"agent {number}".encode()))
            keys.append(key)
            account = Account(number, address(f"account {number}"), key.address)
            self.twin.open_account(account.address, FOLLOWER_USDC if self.open_to else OWN_USDC)
            self.twin.approve_agent(account.address, key.address)
            self._accounts[number] = account
        listing = Listing(Listed(one, asset) for asset, one in enumerate(self.instruments))
        settings = Settings(False, "ws://twin/ws", "http://twin", JOURNAL)
        ring = Keyring(keys)
        session = HyperliquidSession(settings, listing, self.leads, list(self._accounts.values()), ring)
        self.venue: Venue = VirtualVenue(
            session, self.twin, faults, Delays(seed=seed), START_NS, signer=lambda one: ring.sign_all([one])[0],
            asks=lambda raw: b'"post"' in raw,
        )  # fmt: skip

    def position(self, account: int, instrument: int) -> int:
        return self.twin.position(self._accounts[account].address, self.instruments[instrument].symbol)

    def executed(self) -> dict[int, int]:
        cloids, lots = Cloids(JOURNAL), dict[int, int]()
        by_coin = {one.symbol: one for one in self.instruments}
        for account in self._accounts.values():
            for fill in self.twin.fills_of(account.address):
                coid = cloids.coid(fill.cloid)
                if coid is not None:
                    lots[coid] = lots.get(coid, 0) + by_coin[fill.coin].lots(fill.sz)
        return lots

    def doubled(self) -> int:
        return self.twin.duplicates_received

    def calm(self) -> None:
        self.twin.rest()
