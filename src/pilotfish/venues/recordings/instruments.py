"""Instruments from what a recording shows: the finest lot and price seen, and the venue's rules around them.

Hyperliquid (https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/tick-and-lot-size): sizes have
szDecimals decimals; prices at most 5 significant figures and 6 - szDecimals (perps) or 8 - szDecimals (spot) decimals.
Polymarket: a probability grid; sizes to 2 decimals in orders, to 6 in fills. Leverage and fee tiers are no part of a
recording: they are assumed, and said so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.venues.recordings.rows import RowError, decimals, shown


@dataclass(frozen=True, slots=True)
class Seen:
    """All quantities a recording shows of one instrument."""

    sizes: Sequence[Decimal]
    prices: Sequence[Decimal]
    positions: Sequence[Decimal]


class Coin(IntEnum):
    PERP = 0
    BUILDER_PERP = 1  # HIP-3: deployed by a builder, "dex:NAME"
    SPOT = 2  # "@107" by index, "PURR/USDC" by name


_PERP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,23}")
_BUILDER = re.compile(r"[a-z0-9]{1,12}:[A-Za-z0-9][A-Za-z0-9._-]{0,23}")
_SPOT = re.compile(r"@\d{1,6}|[A-Za-z0-9._-]{1,16}/[A-Za-z0-9._-]{1,16}")
_LEVERAGE = {"BTC": 40, "ETH": 25}
_LEVERAGE_ELSE = 10
_FEES = {Coin.PERP: (450, 150), Coin.BUILDER_PERP: (450, 150), Coin.SPOT: (700, 400)}  # base tier, millionths


def coin_kind(coin: str) -> Coin:
    """What kind of thing a Hyperliquid coin name is. Raises RowError when it is no name of a coin."""
    for kind, pattern in ((Coin.PERP, _PERP), (Coin.BUILDER_PERP, _BUILDER), (Coin.SPOT, _SPOT)):
        if pattern.fullmatch(coin):
            return kind
    raise RowError("coin", f"{shown(coin)} is no name of a coin", "expected BTC, kBONK, dex:NAME, @107 or PURR/USDC")


def hyperliquid(index: int, coin: str, seen: Seen, notes: list[str]) -> Instrument:
    """A coin with the lot and price decimals its fills show. Spot balances are finer than orders, so they do not
    count.
    """
    kind = coin_kind(coin)
    spot = kind is Coin.SPOT
    lot = most(seen.sizes if spot else [*seen.sizes, *seen.positions])
    allowed, shows = max(0, (8 if spot else 6) - lot), most(seen.prices)
    if shows > allowed:
        notes.append(
            f"{coin}: prices have {shows} decimals, more than the {allowed} that sizes with {lot} allow: widened"
        )
    taker, maker = _FEES[kind]
    leverage = 1 if spot else _LEVERAGE.get(coin, _LEVERAGE_ELSE)
    return Instrument(
        index,
        coin,
        "hyperliquid",
        Kind.SPOT if spot else Kind.PERP,
        lot,
        max(allowed, shows),
        tick_rule=TickRule.SIGNIFICANT,
        tick=5,
        min_notional=10_000_000,
        max_leverage=leverage,
        maintenance_bps=0 if spot else 10_000 // (2 * leverage),
        taker_fee_e6=taker,
        maker_fee_e6=maker,
    )


def outcome(index: int, symbol: str, seen: Seen) -> Instrument:
    """A Polymarket outcome token: 2 to 6 decimals of a share, prices on the finest tick that a plain fill shows."""
    lot = max(2, most([*seen.sizes, *seen.positions]))
    on_tick = [p for p in seen.prices if decimals(p) <= 4]
    price = 6 if len(on_tick) < len(seen.prices) else 4
    tick = 10 ** (price - max(2, most(on_tick)))
    return Instrument(
        index,
        symbol,
        "polymarket",
        Kind.OUTCOME,
        lot,
        price,
        tick_rule=TickRule.GRID,
        tick=tick,
        min_notional=1_000_000,
    )


def most(values: Sequence[Decimal]) -> int:
    """The most decimals any of the values needs."""
    return max(map(decimals, values), default=0)
