"""Every figure that a simulated world assumes, with its unit and source, as the report prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pilotfish.domain.events import Configured
from pilotfish.domain.mandate import Route
from pilotfish.venues.sim.figures import Figure, MarketFigures, Quantiles
from pilotfish.venues.sim.latency import COLOCATED_ORDER, MARKET
from pilotfish.views.report.schema import ModelFigure
from pilotfish.worlds.followers import assumptions

_UNITS = {
    "spread_bps": "bps", "touch_usd": "USD", "depth_a_usd": "USD at 1 bps", "depth_k": "exponent", "reach_bps": "bps",
    "gap_bps": "bps", "size_sigma": "of ln", "levels": "levels", "market_per_s": "1/s", "market_mu": "ln USD",
    "market_sigma": "of ln USD", "vol_bps": "bps/√s", "limit_per_s": "1/s", "cancel_per_s": "1/s", "resilience_s": "s",
    "shape_life_s": "s", "permanent_share": "share",
}  # fmt: skip
_PUBLISHED = "published by Hyperliquid for co-located orders"


def figures(
    markets: Iterable[MarketFigures], own: Mapping[str, ModelFigure], *, capital: float | None
) -> dict[str, ModelFigure]:
    """Latency, markets and settings, the world's `own` figures, and the population's where it was drawn."""
    settings = Configured(0, 0, 0, Route.OMNIBUS)
    out = {
        "order delay, median": _ms(COLOCATED_ORDER.median_ns, _PUBLISHED),
        "order delay, p99": _ms(COLOCATED_ORDER.p99_ns, _PUBLISHED),
        "market data delay, median": _ms(MARKET.median_ns, "published: 100 to 200 ms over the public WebSocket"),
        "market data delay, p99": _ms(MARKET.p99_ns, "assumed"),
        "stale after": _ms(settings.stale_ns_max, "setting"),
        "retry every": _ms(settings.retry_ns, "setting"),
        "opens retried for": _ms(settings.retry_ns_max, "setting"),
        "protective bound": ModelFigure(value=settings.protective_bps, unit="bps of the mark", source="setting"),
        **own,
    }
    for market in markets:
        out |= market_figures(market)
    if capital is not None:
        out |= {name: ModelFigure(**_plain(entry)) for name, entry in assumptions(capital).items()}
    return out


def market_figures(market: MarketFigures) -> dict[str, ModelFigure]:
    """The figures of one class of market, each with its source; a distribution by its median."""
    out: dict[str, ModelFigure] = {}
    for name in market.__struct_fields__:
        entry = getattr(market, name)
        if isinstance(entry, Figure):
            out[f"{market.name}.{name}"] = ModelFigure(
                value=entry.value, unit=_UNITS.get(name, ""), source=entry.source
            )
        elif isinstance(entry, Quantiles):
            median = entry.at(0.5)
            unit = f"{_UNITS.get(name, '')} (median of a distribution)"
            out[f"{market.name}.{name}"] = ModelFigure(value=median, unit=unit, source=entry.source)
    return out


def _ms(ns: int, source: str) -> ModelFigure:
    return ModelFigure(value=ns / 1e6, unit="ms", source=source)


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in ("value", "unit", "source")}
