"""What a twin is made of: its coins, its rules, its clock."""

from __future__ import annotations

import msgspec

from pilotfish.venues.hyperliquid.wire.answers import PerpAsset, PerpMeta, SpotMeta, SpotToken

MS = 1_000_000
SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
MONEY = 6  # decimals of USDC


class Coin(msgspec.Struct, frozen=True):
    """A listed perpetual; `price` is where its market begins."""

    name: str
    sz_decimals: int
    leverage_max: int
    price: str


COINS = (Coin("BTC", 5, 40, "66400"), Coin("ETH", 4, 25, "3480"), Coin("HYPE", 2, 10, "60.9"))


class HyperliquidSettings(msgspec.Struct, frozen=True):
    """`limits`: whether request budgets are kept: weight a minute for an IP, requests plus volume for an address.

    `skew_ns`: the venue's clock less true time. `tick_ns`: how often the market moves and tells.
    """

    coins: tuple[Coin, ...] = COINS
    seed: int = 1
    mainnet: bool = False
    skew_ns: int = 0
    tick_ns: int = SECOND // 4
    book_ns: int = SECOND // 2
    limits: bool = False
    weight_per_minute: int = 1_200
    address_requests: int = 10_000
    users_max: int = 10
    subscriptions_max: int = 1_000
    idle_ns: int = 60 * SECOND
    funding_rate_e9: int = 12_500  # an hour
    schedule_volume: int = 1_000_000 * 10**MONEY  # traded before a scheduled cancel is allowed

    @property
    def meta(self) -> PerpMeta:
        universe = [PerpAsset(c.name, c.sz_decimals, c.leverage_max, marginTableId=c.leverage_max) for c in self.coins]
        return PerpMeta(universe, marginTables=[], collateralToken=0)

    @property
    def spot_meta(self) -> SpotMeta:
        usdc = SpotToken("USDC", 8, 8, 0, "0x6d1e7cde53ba9467b783cb7c530ce054", True, evmContract=None, fullName=None)
        return SpotMeta([], [usdc])
