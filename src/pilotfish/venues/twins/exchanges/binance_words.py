"""Binance's words: its refusals, and its list of markets."""

from __future__ import annotations

from pilotfish.venues.twins.exchanges.records import CexMarket, Steps, Terms, perpetual

NO: dict[str, tuple[int, int, str]] = {
    "malformed": (400, -1102, "Mandatory parameter was not sent, was empty/null, or malformed."),
    "no_such_path": (404, -5000, "Path is invalid."),
    "rate_limit": (429, -1003, "Too many requests; current limit is 2400 requests per minute."),
    "key": (401, -2015, "Invalid API-key, IP, or permissions for action."),
    "signature": (400, -1022, "Signature for this request is not valid."),
    "clock": (400, -1021, "Timestamp for this request is outside of the recvWindow."),
    "unknown": (503, -1000, "Unknown error, please check your request or try again later."),
    "duplicate": (400, -4116, "ClientOrderId is duplicated."),
    "balance": (400, -2019, "Margin is insufficient."),
    "reduce_only": (400, -2022, "ReduceOnly Order is rejected."),
    "post_only": (400, -5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."),
    "minimum": (400, -4164, "Order's notional must be no smaller than 50 (unless you choose reduce only)."),
    "unknown_order": (400, -2013, "Order does not exist."),
    "unknown_cancel": (400, -2011, "Unknown order sent."),
    "no_change": (400, -5027, "No need to modify the order."),
}


def markets() -> list[CexMarket]:
    """Two, with the venue's own steps."""
    terms = Terms(50_000_000, 10, 500, 200)
    return [
        perpetual(0, "binance", "BTCUSDT", "BTC", Steps("1", 3, 1), terms),
        perpetual(1, "binance", "ETHUSDT", "ETH", Steps("1", 3, 2), terms),
    ]


def market_row(market: CexMarket) -> dict[str, object]:
    """As its list of instruments has it."""
    instrument, base = market.instrument, market.base
    tick, step = market.price_text(instrument.tick), market.amount(1)
    return {
        "symbol": market.name, "pair": market.name, "contractType": "PERPETUAL", "status": "TRADING",
        "baseAsset": base, "quoteAsset": "USDT", "marginAsset": "USDT", "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000, "pricePrecision": instrument.price_decimals,
        "quantityPrecision": instrument.lot_decimals, "baseAssetPrecision": 8, "quotePrecision": 8,
        "underlyingType": "COIN", "settlePlan": 0, "triggerProtect": "0.05", "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "1000", "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": "120", "stepSize": step},
            {"filterType": "MIN_NOTIONAL", "notional": "50"},
        ],
    }  # fmt: skip
