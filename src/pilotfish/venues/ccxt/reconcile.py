"""The answer to a Query: every fill since the cursor, then where each order stands. Complete, or none at all.

The cursor is the exchange's clock in ms when the last complete answer began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pilotfish.domain.errors import VenueError
from pilotfish.domain.events import Reconciled
from pilotfish.domain.orders import Query
from pilotfish.venues.ccxt.asking import Account
from pilotfish.venues.ccxt.failures import Outcome, judge
from pilotfish.venues.ccxt.listing import Listed
from pilotfish.venues.ccxt.orders import Order

MS = 1_000_000
OVERLAP_MS = 60_000  # trades show up in the exchange's history a little late
Row = Mapping[str, Any]


async def reconcile(account: Account, query: Query, listed: Sequence[Listed], offset_ns: int) -> Reconciled:
    """Tells the fills and hands back the answer. Raises what ccxt raises, and VenueError for what is not known yet."""
    now_ms = (account.clock() + offset_ns) // MS
    first_ms = (account.started_ns + offset_ns) // MS
    since_ms = (query.cursor or first_ms) - OVERLAP_MS
    for one in listed:
        for row in await account.dialect.trades(account.exchange, one.symbol, since_ms, now_ms + OVERLAP_MS):
            account.traded(row)
    await _place_trades(account)
    open_, done = list[int](), list[int]()
    for coid in query.coids:
        order = await _where(account, coid, listed)
        if order is None:
            account.orders.forget(coid)
        else:
            (done if order.over else open_).append(coid)
    now_ns = account.clock()
    return Reconciled(now_ns, now_ns, now_ms, query.coids, tuple(open_), tuple(done))


async def find(account: Account, coid: int, listed: Sequence[Listed]) -> Order | None:
    """An order by its number, wherever it was placed. None when the exchange does not find it. Raises as ccxt does."""
    known, client = account.orders.known.get(coid), account.orders.ids.text(coid)
    if client is None:
        return None
    for one in listed if known is None else (known.listed,):
        try:
            row = await account.dialect.find(account.exchange, one.symbol, client)
        except Exception as error:
            if judge(error).outcome is not Outcome.MISSING:
                raise
            continue
        account.heard(row)
        return account.orders.known.get(coid)
    return None


async def _place_trades(account: Account) -> None:
    """Trades whose answers do not name our id (Binance) are placed by asking for their orders."""
    for symbol, number in account.orders.unplaced():
        try:
            row = await account.dialect.find_by_id(account.exchange, symbol, number)
        except Exception as error:
            if judge(error).outcome is not Outcome.MISSING:
                raise
            account.orders.stranger(symbol, number)
            continue
        account.heard(row)


async def _where(account: Account, coid: int, listed: Sequence[Listed]) -> Order | None:
    known = account.orders.known.get(coid)
    if known is None or not known.over:
        found = await find(account, coid, listed)
        if found is None and not account.surely_absent(known):
            raise VenueError(f"order {coid}", "is not found, and may still be on its way", "ask again later")
        known = found
    if known is not None and not await account.completed(known):
        raise VenueError(f"order {coid}", "has fills that its history does not show yet", "ask again later")
    return known
