"""All leads: followed through the public trades of every instrument, which name buyer and seller.

So any number of leads costs one stream and no user subscription, of which the venue allows ten per IP.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.instrument import Kind
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.public.following import Following
from pilotfish.venues.hyperliquid.public.telling import OVERLAP_NS, Price, Telling, Watch
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.hyperliquid.wire.books import NS_PER_MS
from pilotfish.venues.hyperliquid.wire.messages import Trade
from pilotfish.venues.hyperliquid.wire.told import lead_trades
from pilotfish.venues.session import SECOND

WAIT_NS = 15 * SECOND  # a reconciliation waits no longer for leads; those that lack are healed when they are there
_SKEW_MS_MAX = 3_600_000
ALL_KINDS = frozenset((Kind.PERP, Kind.SPOT))


class Leads:
    """`addresses[k]` is lead k. `watch` and `price` are the feeds'."""

    def __init__(
        self, link: Link, listing: Listing, addresses: Sequence[str], watch: Watch, price: Price,
        kinds: Collection[Kind] = ALL_KINDS,
    ) -> None:  # fmt: skip
        self._link, self._listing, self._kinds = link, listing, kinds
        self._index = {address.lower(): lead for lead, address in enumerate(addresses)}
        self._all = [
            Following(link, listing, address.lower(), Telling(link, listing, lead, address, watch, price))
            for lead, address in enumerate(addresses)
        ]
        self._from_ms: int | None = None  # everything was told from here on
        self._waiting: Callable[[int], None] | None = None
        self._until_ns = 0

    @property
    def count(self) -> int:
        return len(self._all)

    def subscriptions(self) -> list[dict[str, Any]]:
        """The public trades of all that is listed."""
        listed = (one.instrument for one in self._listing.by_coin.values())
        return [{"type": "trades", "coin": one.symbol} for one in listed if one.kind in self._kinds]

    def on_trades(self, trades: Sequence[Trade], now_ns: int) -> None:
        for trade in trades:
            try:
                instrument = self._listing.of(trade.coin).instrument
                fills = lead_trades(trade, self._index, instrument, now_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("a trade that cannot be used")
                continue
            for fill in fills:
                self._all[fill.lead].trade(fill, now_ns)

    def subscribed(self, now_ns: int, cursor: int) -> None:
        """The stream tells of every trade from now on: fill the gap before, since `cursor` (ms) where it is older."""
        since_ms = self._usable(cursor, now_ns)
        if self._from_ms is None:
            self._from_ms = since_ms or now_ns // NS_PER_MS
        for one in self._all:
            one.begin(now_ns, since_ms if one.since_ms is None else None)

    def lost(self) -> None:
        """Whoever waits for a reconciliation asks again."""
        self._waiting = None
        for one in self._all:
            one.lost()

    def reconcile(self, cursor: int, now_ns: int, then: Callable[[int], None]) -> None:
        """`then(ns)` once every lead is in step, with all its fills since `cursor` (ms; 0: from when we began) told."""
        since_ms = self._usable(cursor, now_ns)
        if since_ms is not None and self._from_ms is not None and since_ms < self._from_ms - OVERLAP_NS // NS_PER_MS:
            self._from_ms = since_ms
            for one in self._all:
                one.begin(now_ns, since_ms)
        for one in self._all:
            one.urgent = not one.synced
        self._waiting, self._until_ns = then, now_ns + WAIT_NS
        self.settle(now_ns)

    def settle(self, now_ns: int) -> None:
        """Answer who waits, if it is time."""
        late = sum(not one.synced for one in self._all)
        if self._waiting is not None and (not late or now_ns >= self._until_ns):
            self._link.counts["leads_not_in_step"] += late
            then, self._waiting = self._waiting, None
            then(now_ns)

    def cursor(self) -> int | None:
        """ms up to which the fills of every lead were told; None where there is no lead, or one was never in step."""
        stamps = [one.since_ms for one in self._all]
        return min((ms for ms in stamps if ms is not None), default=None) if None not in stamps else None

    def tick(self, now_ns: int) -> None:
        for one in self._all:
            one.tick(now_ns)
        self.settle(now_ns)

    def next_ns(self) -> int | None:
        due = [ns for one in self._all if (ns := one.next_ns()) is not None]
        return min([*due, self._until_ns] if self._waiting else due, default=None)

    def _usable(self, cursor: int, now_ns: int) -> int | None:
        return cursor if 0 < cursor < now_ns // NS_PER_MS + _SKEW_MS_MAX else None
