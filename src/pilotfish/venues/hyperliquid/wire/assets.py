"""The venue's own tables as instruments, each with its number on the wire.

Perpetuals are numbered by their place in `meta`, those of builders' exchanges from 100,000 + 10,000·(place of the
exchange in `perpDexs`), spot pairs from 10,000. https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/asset-ids
and …/tick-and-lot-size. Fees are of the base tier; an account's own are asked for by who trades.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pilotfish.domain.instrument import BPS, Instrument, Kind, TickRule
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.wire.actions import Listed
from pilotfish.venues.hyperliquid.wire.answers import PerpAsset, PerpMeta, SpotMeta

VENUE = "hyperliquid"
_FIGURES = 5
_MIN_NOTIONAL = 10_000_000  # 10 USDC
_PERP_FEES, _SPOT_FEES = (450, 150), (700, 400)  # taker and maker, millionths of notional


class Listing:
    """What is listed, by the coin's name as messages carry it."""

    def __init__(self, listed: Iterable[Listed]) -> None:
        self.by_coin = {one.instrument.symbol: one for one in listed}

    def of(self, coin: str) -> Listed:
        """Raises MessageRefused when the coin is not listed."""
        try:
            return self.by_coin[coin]
        except KeyError:
            raise MessageRefused(f"coin {coin[:40]!r} is not listed", "", "ask for meta again") from None


def perps(meta: PerpMeta, first_id: int, dex: int = 0, tokens: Mapping[int, str] | None = None) -> list[Listed]:
    """The perpetuals that trade, with ids from `first_id`; `dex` 0 is the venue's own exchange.

    `tokens` names the collateral where it is not USDC. Raises MessageRefused when that name is missing.
    """
    quote = _collateral(meta, tokens or {})
    start = 100_000 + dex * 10_000 if dex else 0
    trading = [(start + place, one) for place, one in enumerate(meta.universe) if one.isDelisted is not True]
    return [Listed(_perp(first_id + k, one, quote), asset) for k, (asset, one) in enumerate(trading)]


def spots(meta: SpotMeta, first_id: int) -> list[Listed]:
    """All spot pairs, with ids from `first_id`. Raises MessageRefused when a pair names an unknown token."""
    tokens = {one.index: one for one in meta.tokens}
    listed: list[Listed] = []
    for pair in meta.universe:
        if any(token not in tokens for token in pair.tokens):
            raise MessageRefused(f"pair {pair.name[:40]!r} names tokens {pair.tokens}", "", "ask for spotMeta again")
        base, quote = (tokens[token] for token in pair.tokens)
        instrument = Instrument(
            first_id + len(listed), pair.name, VENUE, Kind.SPOT, base.szDecimals, max(0, 8 - base.szDecimals),
            quote=quote.name, tick_rule=TickRule.SIGNIFICANT, tick=_FIGURES, min_notional=_MIN_NOTIONAL,
            taker_fee_e6=_SPOT_FEES[0], maker_fee_e6=_SPOT_FEES[1],
        )  # fmt: skip
        listed.append(Listed(instrument, 10_000 + pair.index))
    return listed


def _perp(number: int, one: PerpAsset, quote: str) -> Instrument:
    """Maintenance margin is half of the initial margin at the largest leverage, rounded up."""
    return Instrument(
        number, one.name, VENUE, Kind.PERP, one.szDecimals, max(0, 6 - one.szDecimals), quote=quote,
        tick_rule=TickRule.SIGNIFICANT, tick=_FIGURES, min_notional=_MIN_NOTIONAL, max_leverage=one.maxLeverage,
        maintenance_bps=-(-BPS // (2 * one.maxLeverage)), taker_fee_e6=_PERP_FEES[0], maker_fee_e6=_PERP_FEES[1],
    )  # fmt: skip


def _collateral(meta: PerpMeta, tokens: Mapping[int, str]) -> str:
    token = meta.collateralToken if isinstance(meta.collateralToken, int) else 0
    if token and token not in tokens:
        raise MessageRefused(f"collateral is token {token}", "it has no name here", "ask for spotMeta first")
    return tokens.get(token, "USDC")
