"""OKX's words: its refusals, and its list of markets."""

from __future__ import annotations

from pilotfish.venues.twins.exchanges.records import CexMarket, Steps, Terms, perpetual

NO: dict[str, tuple[int, str, str]] = {
    "malformed": (400, "51000", "Parameter error"),
    "no_such_path": (404, "50404", "Not found"),
    "rate_limit": (429, "50011", "Too Many Requests"),
    "key": (401, "50111", "Invalid OK-ACCESS-KEY"),
    "signature": (401, "50113", "Invalid Sign"),
    "passphrase": (401, "50105", "Request header OK-ACCESS-PASSPHRASE incorrect."),
    "clock": (401, "50102", "Timestamp request expired"),
    "unknown": (500, "50026", "System error. Try again later"),
    "missing": (200, "51603", "Order does not exist"),
}
NO_ORDER: dict[str, tuple[str, str]] = {
    "malformed": ("51000", "Parameter error"),
    "duplicate": ("51016", "Client order ID already exists."),
    "balance": ("51008", "Order failed. Insufficient USDT margin in account"),
    "reduce_only": ("51169", "Order failed because you don't have any positions in this direction to reduce."),
    "minimum": ("51020", "Your order should meet or exceed the minimum order amount."),
    "post_only": ("51121", "Order count should be the integer multiples of the lot size."),
    "unknown": ("51400", "Cancellation failed as the order has been filled, canceled or does not exist."),
    "no_change": ("51506", "Order modification unavailable for this order type."),
}


def markets() -> list[CexMarket]:
    """Two, with the venue's own steps."""
    terms = Terms(0, 100, 500, 200)
    return [
        perpetual(0, "okx", "BTC-USDT-SWAP", "BTC", Steps("0.01", 4, 1), terms),
        perpetual(1, "okx", "ETH-USDT-SWAP", "ETH", Steps("0.1", 3, 2), terms),
    ]


def market_row(market: CexMarket) -> dict[str, object]:
    """As its list of instruments has it."""
    step, tick = market.amount(1), market.price_text(market.instrument.tick)
    return {
        "instType": "SWAP", "instId": market.name, "uly": f"{market.base}-USDT", "instFamily": f"{market.base}-USDT",
        "baseCcy": "", "quoteCcy": "", "settleCcy": "USDT", "ctVal": format(market.contract, "f"), "ctMult": "1",
        "ctValCcy": market.base, "ctType": "linear", "lever": "100", "tickSz": tick, "lotSz": step, "minSz": step,
        "maxLmtSz": "100000000", "maxMktSz": "85000", "state": "live", "listTime": "1573557408000", "expTime": "",
        "alias": "", "optType": "", "stk": "", "category": "1",
    }  # fmt: skip
