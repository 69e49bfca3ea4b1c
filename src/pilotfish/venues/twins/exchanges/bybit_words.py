"""Bybit's words: its refusals, and its list of markets."""

from __future__ import annotations

from pilotfish.venues.twins.exchanges.records import CexMarket, Steps, Terms, perpetual

NO: dict[str, tuple[int, int, str]] = {
    "malformed": (200, 10001, "Request parameter error."),
    "no_such_path": (404, 10000, "Not found"),
    "rate_limit": (200, 10006, "Too many visits. Exceeded the API Rate Limit."),
    "key": (200, 10003, "API key is invalid."),
    "signature": (200, 10004, "error sign! please check your signature generation algorithm."),
    "clock": (200, 10002, "invalid request, please check your server timestamp or recv_window param."),
    "unknown": (200, 10016, "Internal server error."),
    "duplicate": (200, 110072, "OrderLinkedID is duplicate"),
    "balance": (200, 110007, "ab not enough for new order"),
    "reduce_only": (200, 110017, "current position is zero, cannot fix reduce-only order qty"),
    "minimum": (200, 110094, "Order does not meet minimum order value 5USDT"),
    "unknown_cancel": (200, 110001, "order not exists or too late to cancel"),
    "no_change": (200, 10001, "The order remains unchanged as the parameters entered match the existing ones."),
}


def markets() -> list[CexMarket]:
    """Two, with the venue's own steps."""
    terms = Terms(5_000_000, 100, 600, 100)
    return [
        perpetual(0, "bybit", "BTCUSDT", "BTC", Steps("1", 3, 1), terms),
        perpetual(1, "bybit", "ETHUSDT", "ETH", Steps("1", 2, 2), terms),
    ]


def market_row(market: CexMarket) -> dict[str, object]:
    """As its list of instruments has it."""
    instrument, step, tick = market.instrument, market.amount(1), market.price_text(market.instrument.tick)
    return {
        "symbol": market.name, "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": market.base,
        "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": "1585526400000", "deliveryTime": "0",
        "priceScale": str(instrument.price_decimals), "fundingInterval": 480, "unifiedMarginTrade": True,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": str(instrument.max_leverage), "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1190", "minOrderQty": step, "qtyStep": step, "postOnlyMaxOrderQty": "1190",
            "maxMktOrderQty": "500", "minNotionalValue": "5",
        },
    }  # fmt: skip
