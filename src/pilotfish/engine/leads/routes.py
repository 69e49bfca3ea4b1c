"""Where an open is made when its instrument has several markets: by what it costs there in all, at the touch."""

from __future__ import annotations

from math import gcd

import numpy as np

from pilotfish.domain.arith import Ints, apportion
from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.mandate import BPS
from pilotfish.engine.leads.lead import Counterpart
from pilotfish.engine.state import State
from pilotfish.execution.routing import VENUES_MAX, Quote, route, value_of


def shares(state: State, routes: list[Counterpart], side: int, lots: int, limits: list[int], orders: int) -> list[int]:
    """What part of an open, in bps that sum to 10,000, goes to each of `routes` (all open ones).

    `lots` are those of the first route, `limits` the worst price on each, `orders` how many the open is made of. Beyond
    the touch the parts keep their proportion. Books that are stale, one-sided or beyond their limit get nothing; if
    that is all of them the first fresh one has it whole, or the first, which the gate then refuses as stale.
    """
    quotes = [_quote(state, each, routes[0], side, limits[k], orders) for k, each in enumerate(routes[:VENUES_MAX])]
    sizes = _routed(state, side, lots, quotes)
    if not sizes.any():
        fresh = (k for k, each in enumerate(routes) if _fresh(state, each, side))
        sizes[min(next(fresh, 0), sizes.size - 1)] = 1
    parts = [int(part) for part in apportion(BPS, sizes)]
    return parts + [0] * (len(routes) - len(parts))


def _routed(state: State, side: int, lots: int, quotes: list[Quote]) -> Ints:
    """How much each quote takes, in proportion to one another."""
    sizes = np.zeros(len(quotes), dtype=np.int64)
    if lots <= 0:
        return sizes
    try:
        routed = route(side, lots, quotes, state.now_ns, state.settings.stale_ns_max)
    except NumericOverflow:  # a book or an order beyond all reason: one market is as good as another
        return sizes
    exact = [
        part.lots * quote.lot_num * BPS * BPS // quote.lot_den for part, quote in zip(routed.parts, quotes, strict=True)
    ]
    most = max(exact)
    return np.array([size * BPS**2 // most for size in exact], dtype=np.int64) if most else sizes


def _quote(state: State, path: Counterpart, first: Counterpart, side: int, limit: int, orders: int) -> Quote:
    listing = state.listings[path.target]
    price, shown = _touch(state, path, side)
    num, den = path.lots_den * first.lots_num, path.lots_num * first.lots_den
    value_num, value_den = value_of(listing.instrument)
    there = [1] if price > 0 and shown > 0 else []
    return Quote(
        path.target, np.array([price] * len(there), dtype=np.int64), np.array([shown] * len(there), dtype=np.int64),
        limit, listing.fresh_ns, listing.instrument.taker_fee_e6, listing.funding_e9, state.execution.holding_hours,
        listing.instrument.min_notional * (1 if state.omnibus else orders), 0, num // gcd(num, den),
        den // gcd(num, den), value_num, value_den,
    )  # fmt: skip


def _touch(state: State, path: Counterpart, side: int) -> tuple[int, int]:
    listing = state.listings[path.target]
    return (listing.ask, listing.ask_lots) if side > 0 else (listing.bid, listing.bid_lots)


def _fresh(state: State, path: Counterpart, side: int) -> bool:
    age = state.now_ns - state.listings[path.target].fresh_ns
    return age <= state.settings.stale_ns_max and _touch(state, path, side)[0] > 0
