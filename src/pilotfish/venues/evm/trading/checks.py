"""Whether an order may leave: what it is, what it would spend, and whether it could find anything."""

from __future__ import annotations

from collections.abc import Mapping

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.orders import Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.evm.link import Link
from pilotfish.venues.evm.public.market import Market
from pilotfish.venues.evm.trading.lane import Lane
from pilotfish.venues.evm.trading.working import Working
from pilotfish.venues.evm.wire.swaps import Pool


class Checks:
    def __init__(
        self, link: Link, pools: Mapping[int, Pool], lanes: Mapping[int, Lane], working: Working, market: Market
    ) -> None:
        self._link, self._pools, self._lanes = link, pools, lanes
        self._working, self._market = working, market
        self.closed = False  # nothing leaves any more

    def against(self, place: Place) -> Reason:
        """What speaks against sending it; NONE where nothing does."""
        lane, pool = self._lanes.get(place.account), self._pools.get(place.instrument)
        if lane is None or self.closed:
            return Reason.REJECTED
        if pool is None:
            return Reason.UNMAPPED
        if (reason := _as_it_is(place, pool)) is not Reason.NONE:
            return reason
        if not lane.ready or not lane.balances or not self._link.up:
            return Reason.DISCONNECTED
        return Reason.NONE if pool.spends(place) <= self.free(lane, sold(place, pool)) else Reason.BALANCE

    def free(self, lane: Lane, token: str) -> int:
        """Base units that no order under way may spend."""
        reserved = sum(
            order.pool.spends(order.place)
            for order in self._working.open_of(lane.account.account)
            if order.slot is not None and not order.fills and order.reverted < 0
            and sold(order.place, order.pool) == token
        )  # fmt: skip
        return lane.balances.get(token, 0) - reserved

    def too_far(self, place: Place) -> bool:
        """Whether the pool, as we last saw it, is beyond the order's limit: it would find nothing, and cost gas."""
        best = self._market.best(place.instrument, place.side)
        return best > 0 and (best - place.price) * place.side > 0


def _as_it_is(place: Place, pool: Pool) -> Reason:
    """What speaks against the order itself."""
    one = pool.instrument
    if place.lots <= 0 or place.price <= 0 or not one.is_valid_price(place.price):
        return Reason.BAD_INTENT
    try:
        if one.notional_floor(place.lots, place.price) < one.min_notional:
            return Reason.BELOW_MINIMUM
        pool.spends(place)
    except NumericOverflow:
        return Reason.BALANCE  # nobody has so much
    if place.tif is not Tif.IOC:
        return Reason.REJECTED
    # What is paid in full is never short: there is nothing that a purchase could reduce.
    return Reason.BAD_INTENT if place.reduce_only and place.side > 0 else Reason.NONE


def sold(place: Place, pool: Pool) -> str:
    """The token that an order spends."""
    return pool.quote.address if place.side > 0 else pool.base.address
