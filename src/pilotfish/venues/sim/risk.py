"""What the venue does to accounts on its own: liquidation below maintenance margin, and funding."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pilotfish.domain.arith import ints
from pilotfish.domain.events import Funding, Liquidation
from pilotfish.domain.instrument import Kind
from pilotfish.domain.orders import Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.sim.accounts import VENUE
from pilotfish.venues.sim.exchange import Exchange
from pilotfish.venues.sim.market import Market
from pilotfish.venues.sim.records import OrderRecord

HOUR_NS = 3_600_000_000_000
_E9 = 1_000_000_000
_INTEREST_E9, _CLAMP_E9, _CAP_E9_PER_HOUR = 100_000, 500_000, 40_000_000


class FundingRule(NamedTuple):
    """Funding every `every_ns` at `rate_e9(instrument, ns)` of notional, in billionths; None: from the premium.

    The premium rule is Hyperliquid's (docs, "Funding"): rate of 8 hours = P + clamp(0.01% - P, ±0.05%), paid in parts,
    at most 4% an hour. Simplified: P is the mean of (mid - mark)/mark over the published tops of the interval.
    """

    every_ns: int = HOUR_NS
    rate_e9: Callable[[int, int], int] | None = None


def premium_rate_e9(premium_e9: int, every_ns: int) -> int:
    """Funding rate of one interval from the mean premium, both in billionths."""
    eight_hours = premium_e9 + min(max(_INTEREST_E9 - premium_e9, -_CLAMP_E9), _CLAMP_E9)
    cap = _CAP_E9_PER_HOUR * every_ns // HOUR_NS
    return min(max(eight_hours * every_ns // (8 * HOUR_NS), -cap), cap)


def pay_funding(exchange: Exchange, market: Market, rate_e9: int, funding_id: int, ns: int) -> None:
    """Longs pay shorts position·mark·rate, every payment rounded up and every receipt down; VENUE keeps the difference.

    One event names our accounts, in the order of their ids; positions without a mark pay nothing.
    """
    accounts, mark = exchange.accounts, exchange.mark(market.instrument.id)
    rows = np.flatnonzero(accounts.position[market.column, : accounts.size])
    if not mark or not rows.size or market.instrument.kind != Kind.PERP:
        return
    e = market.instrument.money_exponent
    num, den = mark * rate_e9 * 10 ** max(e, 0), _E9 * 10 ** max(-e, 0)
    amounts = ints([-(-lots * num // den) for lots in accounts.position[market.column, rows].tolist()])
    for row, amount in zip(rows.tolist(), amounts.tolist(), strict=True):
        accounts.move(row, -amount)
    accounts.move(accounts.row(VENUE), sum(amounts.tolist()))
    ids = accounts.ids[rows]
    ours = np.flatnonzero([exchange.is_ours(account) for account in ids.tolist()])
    if ours.size:
        named = ours[np.argsort(ids[ours])]
        exchange.wire.tell(
            Funding(ns, ns, market.instrument.id, funding_id, ids[named], amounts[named], mark, rate_e9), durable=True
        )


def liquidate(exchange: Exchange, ns: int, bound_bps: int) -> None:
    """Close accounts below maintenance margin: their orders, then their largest positions first, until they are above.

    Each close is an IOC no further than `bound_bps` from the mark; what finds no depth is tried at the next mark.
    """
    for row in exchange.margin.breached().tolist():
        account = int(exchange.accounts.ids[row])
        exchange.cancel_all(account, -1, ns, Reason.LIQUIDATED)
        for market in _by_size(exchange, row):
            if exchange.margin.shortfall(ints([row]))[0] <= 0:
                break
            _close(exchange, market, account, ns, bound_bps)


def _by_size(exchange: Exchange, row: int) -> list[Market]:
    def notional(market: Market) -> int:
        lots = int(exchange.accounts.position[market.column, row])
        return market.instrument.notional_ceil(lots, exchange.mark(market.instrument.id))

    perps = [market for market in exchange.markets.values() if market.instrument.kind == Kind.PERP]
    return sorted((market for market in perps if notional(market)), key=notional, reverse=True)


def _close(exchange: Exchange, market: Market, account: int, ns: int, bound_bps: int) -> None:
    instrument = market.instrument
    held = int(exchange.accounts.position[market.column, exchange.accounts.row(account)])
    side = -1 if held > 0 else 1
    bound = instrument.bound_price(exchange.mark(instrument.id), side, bound_bps)
    record = OrderRecord(Place(0, account, instrument.id, side, abs(held), bound, Tif.IOC), quiet=True)
    record.open = abs(held)
    exchange.match(market, record, abs(held), ns)
    exchange.trim_reducing(market, ns)
    if record.filled and exchange.is_ours(account):
        lots = side * record.filled
        price = _mean_price(market, record)
        fill_id = exchange.next_fill_id()
        exchange.wire.tell(
            Liquidation(ns, ns, account, instrument.id, fill_id, lots, price, record.cost, record.fee), durable=True
        )


def _mean_price(market: Market, record: OrderRecord) -> int:
    e = market.instrument.money_exponent
    num, den = 10 ** max(-e, 0), 10 ** max(e, 0)
    return int(record.cost * num // (record.filled * den))
