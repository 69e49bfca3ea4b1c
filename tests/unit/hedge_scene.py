"""A shard whose follows hedge. Instrument 0 is what the lead trades, 1 hedges it; a lot at PX is one USDC in either."""

import numpy as np
import pytest

from pilotfish.domain.instructions import HedgeMapped
from pilotfish.domain.mandate import Route
from pilotfish.domain.orders import OrderSignal, PlaceBatch
from tests.unit.driver import Desk, batched, free_follows, perp, placed

BOTH = pytest.mark.parametrize("route", list(Route))


def hedged(route: Route = Route.OMNIBUS, *, count: int = 1, instruments=None, **columns) -> Desk:
    """Follows that copy lot for lot and hedge half of it, within 5%."""
    desk = Desk(route, instruments=instruments or [perp(), perp(1)])
    desk.go(HedgeMapped(*desk.stamp(), 0, 1))
    columns = {"sizing": 1, "value": 10**9, "hedge_bps": 5_000, "hedge_band_bps": 500} | columns
    desk.follow(free_follows(np.arange(count), **columns))
    return desk


def orders(outcome) -> list:
    return [*placed(outcome), *batched(outcome)]


def fill(desk: Desk, order, lots: int | None = None):
    """An order in full, or `lots` of it and the rest cancelled."""
    if isinstance(order, PlaceBatch):
        return desk.results(order, None if lots is None else [lots] * order.lots.size)
    outcome = desk.fill(order, lots) if lots != 0 else None
    return outcome if lots is None else desk.update(order, OrderSignal.CANCEL, order.lots - lots)


def settle(desk: Desk, outcome) -> None:
    """Fill whatever an outcome ordered, and what that causes."""
    for order in orders(outcome):
        settle(desk, fill(desk, order))


def opened(route: Route = Route.OMNIBUS, lots: int = 100, **columns) -> Desk:
    desk = hedged(route, **columns)
    settle(desk, desk.lead(lots))
    return desk
