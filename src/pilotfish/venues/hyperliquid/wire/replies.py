"""What POST /exchange answers, order by order. Batches are not atomic: every order has its own result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pilotfish.domain.events import OrderUpdate
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import OrderSignal, Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused, fixed
from pilotfish.venues.hyperliquid.wire.answers import Denied, Reply, Status, Statuses
from pilotfish.venues.hyperliquid.wire.statuses import blame


class Asked(NamedTuple):
    """An order of the batch, as it was sent."""

    place: Place
    instrument: Instrument


def results(reply: Reply, count: int) -> list[Status | str]:
    """One result for each of `count` items; a whole batch that failed gives each the same error.

    Raises MessageRefused when the numbers do not agree: what became of the items is then unknown.
    """
    if isinstance(reply, Denied):
        return [Status(error=reply.response)] * count
    data = reply.response.data
    given = data.statuses if isinstance(data, Statuses) else []
    if len(given) == 1 and isinstance(given[0], Status) and isinstance(given[0].error, str):
        return given * count  # what fails before it is looked at order by order is said once
    if len(given) != count:
        raise MessageRefused(f"{len(given)} results for {count} items", "", "ask for the status of each")
    return given


def order_updates(reply: Reply, asked: Sequence[Asked], ours_ns: int) -> list[OrderUpdate]:
    """What the reply says of each order; fills come by `userFills`. Never raises: what is unclear is LOST."""
    try:
        given = results(reply, len(asked))
    except MessageRefused:
        return [_lost(one, ours_ns) for one in asked]
    return [_update(result, one, ours_ns) for result, one in zip(given, asked, strict=True)]


def _update(result: Status | str, asked: Asked, ours_ns: int) -> OrderUpdate:
    place = asked.place
    signal, reason, left = OrderSignal.ACK, Reason.NONE, place.lots
    if isinstance(result, str):
        if result not in ("success", "waitingForFill", "waitingForTrigger"):
            return _lost(asked, ours_ns)
    elif isinstance(result.error, str):
        signal, reason = blame(result.error)
    elif result.filled:
        try:
            left -= fixed(result.filled.totalSz, asked.instrument.lot_decimals)
        except MessageRefused:
            return _lost(asked, ours_ns)
        if not 0 <= left < place.lots:
            return _lost(asked, ours_ns)
        if left == 0:
            signal = OrderSignal.FILLED
        elif place.tif is Tif.IOC:
            signal, reason = OrderSignal.CANCEL, Reason.NO_DEPTH
    elif not result.resting:
        return _lost(asked, ours_ns)
    return OrderUpdate(ours_ns, ours_ns, place.coid, signal, reason, left)


def _lost(asked: Asked, ours_ns: int) -> OrderUpdate:
    return OrderUpdate(ours_ns, ours_ns, asked.place.coid, OrderSignal.LOST, Reason.UNKNOWN, asked.place.lots)
