"""The exchanges that are certified here, by name."""

from __future__ import annotations

from pilotfish.venues.ccxt.binance import Binance
from pilotfish.venues.ccxt.bybit import Bybit
from pilotfish.venues.ccxt.dialect import Dialect
from pilotfish.venues.ccxt.okx import Okx

DIALECTS: dict[str, Dialect] = {one.id: one for one in (Binance(), Bybit(), Okx())}
