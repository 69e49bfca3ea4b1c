"""What is told of one lead, and in which order, so that whoever adds it up is never wrong on the way.

The engine ignores a fill that is older than a statement of the position, takes a fill that names its start at its word,
and adds one that names none. So: fills before statements, oldest first; a fill that turns up after a younger one of the
same instrument was told goes without its start, as do fills that contradict each other's starts; and a statement is
told only for a moment without fills around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import LeadFill, LeadPosition
from pilotfish.domain.instructions import LeadNews, LeadStatus
from pilotfish.domain.instrument import Kind
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.public.positions import Known, Statement
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.hyperliquid.wire.books import NS_PER_MS
from pilotfish.venues.hyperliquid.wire.messages import UserFill
from pilotfish.venues.hyperliquid.wire.told import lead_fill
from pilotfish.venues.session import SECOND

OVERLAP_NS = 5 * SECOND  # how far before the last certain moment the fills are asked for again
SETTLE_NS = 2 * SECOND  # a position stated so close to a fill may or may not count it
Price = Callable[[int], int | None]
Watch = Callable[[int, int], None]


class Telling:
    """Of lead number `lead`. `watch(instrument, ns)` and `price(instrument)` are the feeds'."""

    def __init__(self, link: Link, listing: Listing, lead: int, address: str, watch: Watch, price: Price) -> None:
        self._link, self._listing, self._lead, self._address = link, listing, lead, address.lower()
        self._watch, self._price = watch, price
        self._perps = {one.instrument.id for one in listing.by_coin.values() if one.instrument.kind is Kind.PERP}
        self.known = Known()
        self._had_money = self._was_open = False
        self._gone: bool | None = None  # not known yet
        self._liquidated_ns = 0

    def fill(self, fill: LeadFill) -> bool:
        """Tell one; False when it was told before."""
        if self.known.has(fill.fill_id):
            self._link.counts["doubled_fills"] += 1
            return False
        self.known.fill(fill)
        self._was_open = self._was_open or self.known.open
        self._watch(fill.instrument, fill.ours_ns)
        self._link.told.append(fill)
        return True

    # -- looking -------------------------------------------------------------------------------------------------------

    def agrees(self, stated: Statement) -> bool:
        """Whether what was told adds up to what is stated, wherever no fill is too close to say."""
        return all(
            self.known.positions.get(key, 0) == lots
            for key, (lots, _) in self._positions(stated).items()
            if self._is_quiet(key, stated, self.known.newest)
        )

    def quiet(self, stated: Statement) -> bool:
        return all(self._is_quiet(key, stated, self.known.newest) for key in self.known.newest)

    def flattened(self, stated: Statement) -> bool:
        """It held something when last looked at, and holds nothing now."""
        return self._was_open and not stated.lots and not self.known.open

    def seems_gone(self, stated: Statement) -> bool:
        return self._had_money and stated.value <= 0 and not stated.lots and not self._gone

    def money(self, now_ns: int, *, has: bool) -> None:
        """Whether the lead has any. Gone: what it had is gone; back: there is some, as a restart may not have known."""
        if has and self._gone is not False:
            self._news(LeadNews.BACK, now_ns)
        elif not has and self._had_money and not self._gone:
            self._news(LeadNews.GONE, now_ns)
        self._had_money = self._had_money or has
        self._gone = not has

    # -- after a gap ---------------------------------------------------------------------------------------------------

    def lacks(self, rows: Sequence[UserFill], held: Iterable[LeadFill]) -> bool:
        """A trade was heard in an instrument of which neither a position nor a fill is known yet."""
        told = {row.tid for row in rows}
        coins = {row.coin for row in rows}
        known = {self._listing.by_coin[coin].instrument.id for coin in coins if coin in self._listing.by_coin}
        return any(
            fill.fill_id not in told and fill.instrument not in known and fill.instrument not in self.known.positions
            for fill in held
        )

    def gap(
        self, rows: Sequence[UserFill], held: Sequence[LeadFill], stated: Statement, *, first: bool, now_ns: int
    ) -> None:
        """Tell rows, what was held back, and positions. `first`: what is older than the statement is not news."""
        floor_ns = stated_ns(stated) if first else 0
        fills, liquidated_ns = self._from_rows(rows, now_ns)
        newest = dict(self.known.newest)
        for fill in (*fills, *held):
            newest[fill.instrument] = max(newest.get(fill.instrument, 0), fill.venue_ns)
        if first:
            self._state_from(fills, stated, now_ns)
        before = dict(self.known.newest)
        unchained = self._unchained(fills)
        ids = {fill.fill_id for fill in fills}
        oldest_ns = min((fill.venue_ns for fill in fills), default=stated_ns(stated) - OVERLAP_NS)
        live = [one for one in held if one.fill_id not in ids and one.venue_ns >= max(oldest_ns, floor_ns)]
        for fill in sorted((*fills, *live), key=lambda one: one.venue_ns):
            if fill.venue_ns < floor_ns:
                self.known.skip(fill.fill_id)
                continue
            unsure = before.get(fill.instrument, -1) >= fill.venue_ns or fill.instrument in unchained
            self.fill(msgspec.structs.replace(fill, start=None) if unsure and fill.start is not None else fill)
        for key, (lots, price) in sorted(self._positions(stated).items()):
            if not first and self._is_quiet(key, stated, newest):
                self._state(key, lots, price, stated_ns(stated), now_ns)
        self._ended(stated, liquidated_ns, floor_ns, now_ns)

    def _from_rows(self, rows: Sequence[UserFill], now_ns: int) -> tuple[list[LeadFill], int]:
        """The fills, and when the venue last closed some of it by force."""
        fills: list[LeadFill] = []
        liquidated_ns = 0
        for row in rows:
            try:
                fills.append(lead_fill(row, self._lead, self._listing.of(row.coin).instrument, now_ns))
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("a fill of a lead that cannot be used")
                continue
            forced = row.liquidation or None
            if forced and str(forced.liquidatedUser).lower() == self._address:
                liquidated_ns = max(liquidated_ns, row.time * NS_PER_MS)
        return fills, liquidated_ns

    def _unchained(self, fills: Sequence[LeadFill]) -> set[int]:
        """Perpetuals whose fills do not follow each other in the order of their stamps: their starts would mislead."""
        ends: dict[int, int] = {}
        broken: set[int] = set()
        for fill in fills:
            if fill.start is not None and fill.instrument in self._perps:
                if ends.get(fill.instrument, fill.start) != fill.start:
                    broken.add(fill.instrument)
                ends[fill.instrument] = fill.start + fill.change
        self._link.counts["chains_broken"] += len(broken)
        return broken

    def _state_from(self, fills: Sequence[LeadFill], stated: Statement, now_ns: int) -> None:
        """Where the lead stood when we began to look: as stated, and in what it was just trading as its fills say."""
        since_ns = stated_ns(stated)
        ends = {one.instrument: one for one in fills if one.venue_ns < since_ns and one.start is not None}
        traded = {fill.instrument for fill in fills}
        for key, (lots, price) in sorted(stated.lots.items()):
            if key not in traded:
                self._state(key, lots, price, since_ns, now_ns)
        for key, fill in ends.items():
            self._state(key, (fill.start or 0) + fill.change, fill.price, fill.venue_ns, now_ns)

    def _state(self, key: int, lots: int, price: int, venue_ns: int, now_ns: int) -> None:
        self.known.state(key, lots, price)
        self._link.told.append(LeadPosition(venue_ns, now_ns, self._lead, key, lots, price))
        if lots:
            self._was_open = True
            self._watch(key, now_ns)

    def _ended(self, stated: Statement, liquidated_ns: int, floor_ns: int, now_ns: int) -> None:
        """Liquidated: closed by force, and nothing is left. A part that was closed by force is a fill like others."""
        if liquidated_ns > max(self._liquidated_ns, floor_ns) and not stated.lots and not self.known.open:
            self._liquidated_ns = liquidated_ns
            self._news(LeadNews.LIQUIDATED, now_ns)
        if not self.known.open:
            self._was_open = False

    def _positions(self, stated: Statement) -> dict[int, tuple[int, int]]:
        """What is stated, and nothing for perpetuals that were known and are not. Spot balances are not stated."""
        none = {
            key: (0, self._price(key) or self.known.price(key)) for key in self.known.positions if key in self._perps
        }
        return none | stated.lots

    def _is_quiet(self, key: int, stated: Statement, newest: dict[int, int]) -> bool:
        return newest.get(key, 0) <= stated_ns(stated) - SETTLE_NS

    def _news(self, news: LeadNews, now_ns: int) -> None:
        self._link.counts[f"lead_{news.name.lower()}"] += 1
        self._link.told.append(LeadStatus(now_ns, now_ns, self._lead, news))


def stated_ns(stated: Statement) -> int:
    return (stated.time_ms or 0) * NS_PER_MS
