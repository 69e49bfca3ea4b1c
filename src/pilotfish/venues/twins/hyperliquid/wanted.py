"""Orders as they stand in an action, read the way the venue reads them: what is malformed fails the whole request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilotfish.venues.twins.hyperliquid.market import Market
from pilotfish.venues.twins.hyperliquid.order import TIFS, Fires, Wanted
from pilotfish.venues.twins.hyperliquid.text import exact, is_cloid

UNREADABLE = "Failed to deserialize the JSON body into the target type"


class Unreadable(Exception):
    """HTTP 422, with the venue's text."""


class Refused(Exception):
    """The venue's words against a whole action."""


def want(of: Any, name: str, kind: type) -> Any:
    """The field `name`, of this very type. Raises Unreadable."""
    value = of.get(name) if isinstance(of, dict) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Unreadable(UNREADABLE)
    return value


def span(request: Any, until_ms: int) -> tuple[int, int]:
    """`startTime` and `endTime`, ms; without an end until now. Raises Unreadable."""
    start = want(request, "startTime", int)
    return start, until_ms if request.get("endTime") is None else want(request, "endTime", int)


def order_of(row: Any, markets: Mapping[int, Market]) -> Wanted:
    """Raises Unreadable, and Refused for what the payload alone shows to be no order."""
    asset, buys, reduces = want(row, "a", int), want(row, "b", bool), want(row, "r", bool)
    px, sz, kind = want(row, "p", str), want(row, "s", str), want(row, "t", dict)
    cloid = row.get("c")
    if cloid is not None and not is_cloid(cloid):
        raise Unreadable(UNREADABLE)
    market = markets.get(asset)
    if market is None:
        raise Refused(f"Order has invalid asset. asset={asset}")
    it, trigger, tif = market.instrument, None, "Gtc"
    if "limit" in kind:
        tif = want(kind["limit"], "tif", str)
        if tif not in TIFS:
            raise Unreadable(UNREADABLE)
    else:
        trigger = _fires(want(kind, "trigger", dict), market)
    lots, price = exact(sz, it.lot_decimals), exact(px, it.price_decimals)
    if lots is None or lots < 0:
        raise Refused(f"Order has invalid size. asset={asset}")
    if not lots:
        raise Refused(f"Order has zero size. asset={asset}")
    if price is None or not it.is_valid_price(price):
        raise Refused(f"Order has invalid price. asset={asset}")
    side = 1 if buys else -1
    return Wanted(asset, side, lots, price, tif, reduces, cloid.lower() if cloid else None, trigger)


def _fires(trigger: dict[str, Any], market: Market) -> Fires:
    is_market, tpsl = want(trigger, "isMarket", bool), want(trigger, "tpsl", str)
    price = exact(want(trigger, "triggerPx", str), market.instrument.price_decimals)
    if tpsl not in ("tp", "sl"):
        raise Unreadable(UNREADABLE)
    if price is None or not market.instrument.is_valid_price(price):
        raise Refused(f"Invalid TP/SL price. asset={market.asset}")
    return Fires(price, is_market, tpsl == "tp")
