"""Orders that belong together: take-profit and stop-loss with their entry, or with a position."""

from __future__ import annotations

from collections.abc import Sequence

from pilotfish.venues.hyperliquid.wire.answers import Filled, Resting, Status
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.order import Order, Wanted
from pilotfish.venues.twins.hyperliquid.wanted import Refused


def with_entry(core: Core, account: Account, wanted: Sequence[Wanted]) -> list[Status | str]:
    """`normalTpsl`: the first order is the entry; the others wait until it has filled."""
    if wanted[0].trigger:
        raise Refused("Main order cannot be trigger order.")
    if len(wanted) == 1 or not all(one.trigger and one.reduce_only for one in wanted[1:]):
        raise Refused("Unexpected number of trigger orders")
    first = core.place(account, wanted[0])
    placed = first.filled or first.resting
    if not isinstance(placed, Filled | Resting):
        return [first, *[first] * (len(wanted) - 1)]
    parent = core.orders[placed.oid]
    market = core.market_of(parent)
    for one in wanted[1:]:
        child = core.number(account, market, one)
        child.parent = parent
        parent.children.append(child)
        if parent.filled:
            market.triggers.append(child)
            account.orders[child.oid] = child
    word = "waitingForTrigger" if parent.filled else "waitingForFill"
    return [first, *[word] * (len(wanted) - 1)]


def with_position(core: Core, account: Account, wanted: Sequence[Wanted]) -> list[Status | str]:
    """`positionTpsl`: they go when the position goes."""
    results: list[Status | str] = []
    for one in wanted:
        if not one.trigger or not one.reduce_only:
            raise Refused("Main order cannot be a non-trigger order.")
        status = core.place(account, one)
        if isinstance(status.resting, Resting):
            _attach(core.orders[status.resting.oid])
            results.append("waitingForTrigger")
        else:
            results.append(status)
    return results


def _attach(order: Order) -> None:
    order.with_position = True
