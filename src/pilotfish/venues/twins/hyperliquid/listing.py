"""The coins of the settings as markets with everybody else's orders in them."""

from __future__ import annotations

from pilotfish.domain.instrument import Instrument
from pilotfish.venues.hyperliquid.wire.assets import perps
from pilotfish.venues.sim.figures import figures_for
from pilotfish.venues.sim.flow import OrderFlow
from pilotfish.venues.sim.modelled import Anchor, ModelledBook
from pilotfish.venues.twins.hyperliquid.market import Market
from pilotfish.venues.twins.hyperliquid.settings import HyperliquidSettings


def instruments(settings: HyperliquidSettings) -> list[Instrument]:
    """Numbered by their place in the universe."""
    return [listed.instrument for listed in perps(settings.meta, 0)]


def markets(settings: HyperliquidSettings, start_ns: int) -> list[Market]:
    """A seeded order flow in each, from the coin's start price."""
    out: list[Market] = []
    for listed, coin in zip(perps(settings.meta, 0), settings.coins, strict=True):
        it = listed.instrument
        price = it.price(coin.price)
        flow = OrderFlow(it, figures_for(it.symbol, it.kind)[0], settings.seed, price, start_ns)
        out.append(Market(it, listed.asset, flow, price))
    return out


def anchored(market: Market, seed: int, path: list[Anchor]) -> ModelledBook:
    """A book whose price passes through `path`."""
    it = market.instrument
    return ModelledBook(it, figures_for(it.symbol, it.kind)[0], seed, path)
