"""What the account holds, against what our fills explain: a liquidation, or somebody else's hand, shows here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pilotfish.venues.ccxt.listing import Listed
from pilotfish.venues.ccxt.orders import Orders


async def stated(exchange: Any, listed: Sequence[Listed]) -> dict[int, int]:
    """Instrument → signed lots, as the exchange states them. Raises what ccxt raises, and NumericOverflow."""
    held: dict[int, int] = {}
    by_symbol = {one.symbol: one for one in listed}
    for row in await exchange.fetch_positions():
        one = by_symbol.get(str(row.get("symbol")))
        if one is not None and row.get("contracts"):
            lots = one.lots(row["contracts"]) * (-1 if row["side"] == "short" else 1)
            if lots:
                held[one.instrument.id] = lots
    return held


class Positions:
    """Compares from one look to the next; while fills come in between, nothing is said."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.counts: Counter[str] = Counter()
        self._held: Mapping[int, int] | None = None
        self._traded: dict[int, int] = {}

    async def look(self, exchange: Any, listed: Sequence[Listed]) -> None:
        traded = dict(self.orders.traded)
        held = await stated(exchange, listed)
        if traded != self.orders.traded:
            return
        if self._held is not None:
            self.counts["positions_compared"] += 1
            for one in listed:
                key = one.instrument.id
                ours = traded.get(key, 0) - self._traded.get(key, 0)
                self.counts["positions_unexplained"] += held.get(key, 0) - self._held.get(key, 0) != ours
        self._held, self._traded = held, traded
