"""Leads from recordings: what they traded happens again, at their prices, and the books are where it happened.

A recorded fill does not meet the book: it was matched long ago, against a stranger. It is printed with the lead's name,
and posted to the lead's account from the position it states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.wire.messages import Trade, UserFill
from pilotfish.venues.hyperliquid.wire.told import lead_fill
from pilotfish.venues.sim.modelled import Anchor
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.fills import book_fill
from pilotfish.venues.twins.hyperliquid.listing import anchored
from pilotfish.venues.twins.hyperliquid.market import Market
from pilotfish.venues.twins.hyperliquid.order import Wanted
from pilotfish.venues.twins.hyperliquid.settings import MS
from pilotfish.venues.twins.hyperliquid.text import stranger


class Due(NamedTuple):
    ns: int
    market: Market
    fill: LeadFill
    crossed: bool


class Player:
    """Keeps every coin's anchors, so that several leads may trade one coin."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.unplayable = 0  # recorded fills of coins or sizes that the twin does not list
        self._anchors: dict[int, list[Anchor]] = {}

    def schedule(self, fills: Sequence[LeadFill | UserFill], start_ns: int, speed: float) -> list[Due]:
        """When each fill happens again, the first at `start_ns`; books are led through their prices from now on."""
        rows = sorted(self._readable(fills), key=lambda row: row[1].venue_ns)
        due: list[Due] = []
        for market, fill, crossed in rows:
            ns = start_ns + int((fill.venue_ns - rows[0][1].venue_ns) / speed)
            due.append(Due(ns // MS * MS, market, fill, crossed))
        for one in due:
            side = one.fill.side if one.crossed else -one.fill.side
            self._anchors.setdefault(one.market.asset, []).append(Anchor(one.ns, one.fill.price, side))
        for market in {one.market.asset: one.market for one in due}.values():
            market.source = anchored(market, self.core.settings.seed, self._anchors[market.asset])
        return due

    def happen(self, account: Account, due: Due) -> None:
        core, market, fill = self.core, due.market, due.fill
        held = account.holding(market)
        if fill.start is not None and held.lots != fill.start:  # what happened between was not recorded
            held.lots, held.entry = fill.start, market.cash(fill.start, fill.price)
        wanted = Wanted(market.asset, fill.side, fill.lots, fill.price, "Gtc", False, None)
        order = core.number(account, market, wanted)
        _, tx = core.stamp(account.address)
        aggressor = fill.side if due.crossed else -fill.side
        other = stranger(core.settings.seed, fill.fill_id)
        users = (account.address, other) if fill.side > 0 else (other, account.address)
        px, sz = market.text(fill.price), market.size(fill.lots)
        trade = Trade(market.coin, "B" if aggressor > 0 else "A", px, sz, core.ms, fill.fill_id, tx, users)
        core.tell_print(market, trade, fill.price, fill.lots)
        told = book_fill(account, order, market, trade, fill.lots, fill.price, due.crossed)
        core.news.fills.setdefault(account.address, []).append(told)
        core.end(order, "filled")

    def _readable(self, fills: Iterable[LeadFill | UserFill]) -> Iterable[tuple[Market, LeadFill, bool]]:
        for fill in fills:
            if isinstance(fill, LeadFill):
                market = self.core.markets.get(fill.instrument)
                if market is None or fill.lots <= 0 or fill.price <= 0:
                    self.unplayable += 1
                else:
                    yield market, fill, True
                continue
            market = self.core.by_coin.get(fill.coin)
            try:
                if market is not None:
                    yield market, _of(fill, market.instrument), fill.crossed
                    continue
            except MessageRefused:
                pass
            self.unplayable += 1


def _of(fill: UserFill, instrument: Instrument) -> LeadFill:
    """Raises MessageRefused when the fill is on another grid than the instrument."""
    if fill.tid is UNSET:
        fill = msgspec.structs.replace(fill, tid=fill.oid)
    return lead_fill(fill, 0, instrument, fill.time * MS)
