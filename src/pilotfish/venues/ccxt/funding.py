"""Funding of the account: each payment once, and none before the rate and the mark it was paid at are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, DecimalException
from typing import Any

import numpy as np

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import Event, Funding
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.venues.ccxt.dialect import Dialect
from pilotfish.venues.ccxt.ids import fill_id
from pilotfish.venues.ccxt.listing import Listed

MS = 1_000_000
LATE_MS = 600_000  # a payment is booked within minutes of its rate
Row = Mapping[str, Any]


class Fundings:
    """`marked` says an instrument's last mark, for exchanges that do not say which one they used."""

    def __init__(
        self, exchange: Any, dialect: Dialect, tell: Callable[[Event], None], marked: Callable[[int], int]
    ) -> None:
        self.exchange, self.dialect, self._tell, self._marked = exchange, dialect, tell, marked
        self.counts: Counter[str] = Counter()
        self._told: set[int] = set()

    async def look(self, listed: Iterable[Listed], since_ms: int, now_ns: int) -> None:
        """Tell what was paid since then and is not told yet. Raises what ccxt raises."""
        for one in listed:
            rows: list[Row] = await self.exchange.fetch_funding_history(one.symbol, since_ms)
            fresh = [row for row in rows if fill_id(str(row["id"]), one.instrument.id) not in self._told]
            if fresh:
                rates: list[Row] = await self.exchange.fetch_funding_rate_history(one.symbol, since_ms - LATE_MS, 100)
                for row in fresh:
                    self._one(one, row, rates, now_ns)

    def _one(self, one: Listed, row: Row, rates: list[Row], now_ns: int) -> None:
        number, stamp = fill_id(str(row["id"]), one.instrument.id), int(row["timestamp"])
        known = [rate for rate in rates if 0 <= stamp - int(rate["timestamp"]) <= LATE_MS]
        if not known:
            self.counts["funding_without_rate"] += 1
            return
        rate = max(known, key=lambda one: int(one["timestamp"]))
        said = (part.get("info", {}).get("markPrice") for part in (row, rate))
        price = next((text for text in said if text), None)
        try:
            units = one.mark(price) if price else self._marked(one.instrument.id)
            rate_e9 = int(Decimal(str(rate["fundingRate"])).scaleb(9).to_integral_value())
            paid = one.money_ceil(self.dialect.funding_paid(row))
        except (NumericOverflow, DecimalException):
            self.counts["set_aside"] += 1
            return
        if units <= 0:
            self.counts["funding_without_mark"] += 1
            return
        self._told.add(number)
        accounts, amounts = np.array([OMNIBUS]), np.array([paid])
        self._tell(Funding(stamp * MS, now_ns, one.instrument.id, number, accounts, amounts, units, rate_e9))
