"""One lead trader: its trades as they come, and after every gap what was missed, in order and counted once.

After a gap the positions are asked for first and the fills second, so that the fills reach at least as far as the
positions. Trades that come meanwhile are held back and told after the fills, in order of time. A position is stated
only where the lead was quiet around the moment of the statement; elsewhere the fills themselves say it (each names the
position before it). So no fill is older than a statement that leaves it out, and none is counted twice.
"""

from __future__ import annotations

from functools import partial

from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Kind
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.budget import info_weight, rows_weight
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.public.backfill import History
from pilotfish.venues.hyperliquid.public.positions import Statement, statement_of, together
from pilotfish.venues.hyperliquid.public.telling import OVERLAP_NS, SETTLE_NS, Telling
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.hyperliquid.wire.books import NS_PER_MS
from pilotfish.venues.hyperliquid.wire.codec import CLEARINGHOUSE, SPOT_STATE, USER_FILLS
from pilotfish.venues.session import SECOND

CHECK_NS = 60 * SECOND  # between two looks at the positions while all is well …
LOOK_ALL = 5  # every so many looks all exchanges are looked at, and not only those where it trades
SOON_NS = 3 * SECOND  # … and after something that a look will settle
FLAT_NS = 10 * SECOND  # … and after it has closed everything
AGAIN_NS = SECOND // 2  # until fills are asked for again that the venue shows a little late …
AGAIN_MAX = 5  # … so often
_BACKOFF_MAX = 5  # doublings: 32 s


class Following:
    """States: a gap (`synced` False, with or without questions under way) or in step with the stream."""

    def __init__(self, link: Link, listing: Listing, address: str, telling: Telling) -> None:
        self._link, self._listing, self.address, self._telling = link, listing, address, telling
        perps = [one.instrument for one in listing.by_coin.values() if one.instrument.kind is Kind.PERP]
        self._dex_of = {one.id: one.symbol.rpartition(":")[0] for one in perps}
        self._dexes = tuple(dict.fromkeys(["", *self._dex_of.values()]))
        self._looks = 0
        self.synced = False
        self.urgent = False  # a reconciliation waits for it
        self.since_ms: int | None = None  # up to here everything was told
        self._round = 0  # a new one makes answers to the old one worthless
        self._tries = 0
        self._again = 0
        self._asking = False
        self._next_ns: int | None = None
        self._parts: dict[str, Statement | None] = {}  # by exchange that was asked; None until it has answered
        self._held: list[LeadFill] = []

    def trade(self, fill: LeadFill, now_ns: int) -> None:
        """A public trade of this lead."""
        if not self.synced:
            self._held.append(fill)
        elif fill.venue_ns < (self.since_ms or 0) * NS_PER_MS - SETTLE_NS:
            self._link.counts["old_trades"] += 1  # the recent ones that come with a subscription
        elif self._telling.fill(fill) and not self._telling.known.open:
            self._soon(now_ns, FLAT_NS)  # closed by itself, or by the venue?

    def lost(self) -> None:
        """The stream is gone: what is held back will be among the fills."""
        self.synced, self._asking, self._next_ns = False, False, None
        self._round += 1
        self._held.clear()

    def begin(self, now_ns: int, since_ms: int | None = None) -> None:
        """State the positions and fill the gap since the last certain moment, or since `since_ms` where earlier."""
        if since_ms is not None:
            self.since_ms = since_ms if self.since_ms is None else min(since_ms, self.since_ms)
        self.synced, self._tries, self._again = False, 0, 0
        self._link.counts["backfills"] += 1
        self._ask_positions(now_ns)

    def tick(self, now_ns: int) -> None:
        if self._next_ns is not None and now_ns >= self._next_ns and not self._asking:
            self._ask_positions(now_ns)

    def next_ns(self) -> int | None:
        return None if self._asking else self._next_ns

    # -- positions, of every exchange the lead may trade on ------------------------------------------------------------

    def _ask_positions(self, now_ns: int) -> None:
        self._round += 1
        self._asking, self._next_ns, self._parts = True, None, dict.fromkeys(self._to_ask())
        for dex in self._parts:
            body = {"type": "clearinghouseState", "user": self.address} | ({"dex": dex} if dex else {})
            then = partial(self._positions_came, self._round, dex)
            self._link.info(body, info_weight(body), now_ns, then, urgent=self.urgent, spare=self.synced)

    def _to_ask(self) -> tuple[str, ...]:
        """Every exchange after a gap; to look, mostly those where the lead was ever seen."""
        self._looks += 1
        if not self.synced or self._looks % LOOK_ALL == 0:
            return self._dexes
        return tuple(dict.fromkeys(["", *(self._dex_of.get(key, "") for key in self._telling.known.positions)]))

    def _positions_came(self, asked_in: int, dex: str, raw: bytes | None, now_ns: int) -> None:
        if asked_in != self._round:
            return
        try:
            if raw is None:
                return self._failed(now_ns)
            self._parts[dex] = statement_of(CLEARINGHOUSE.decode(raw), self._listing, self._link.set_aside)
        except MessageRefused:
            self._link.set_aside("positions that cannot be read")
            return self._failed(now_ns)
        parts = [part for part in self._parts.values() if part is not None]
        if len(parts) < len(self._parts):
            return
        stated = together(parts)
        if stated.time_ms is None:
            stated = stated._replace(time_ms=now_ns // NS_PER_MS)
        if self.synced:
            self._look(stated, now_ns)
        else:
            self._ask_history(stated, now_ns)

    def _look(self, stated: Statement, now_ns: int) -> None:
        """Positions asked for while all is well."""
        self._link.counts["looks"] += 1
        self._asking, self._tries = False, 0
        self._next_ns = now_ns + CHECK_NS
        if not self._telling.agrees(stated):
            self._link.counts["positions_differ"] += 1
            return self.begin(now_ns)
        if self._telling.flattened(stated):
            return self.begin(now_ns)  # its fills say whether it was liquidated
        everywhere = len(self._parts) == len(self._dexes)
        if not self._telling.quiet(stated):
            self._soon(now_ns)
        elif everywhere:
            self.since_ms = stated.time_ms
        if stated.value > 0 or everywhere:
            self._money(stated, now_ns)
        elif self._telling.seems_gone(stated):
            self._looks = -1  # the others next
            self._soon(now_ns)

    # -- fills ---------------------------------------------------------------------------------------------------------

    def _ask_history(self, stated: Statement, now_ns: int) -> None:
        floor_ms = self.since_ms if self.since_ms is not None else stated.time_ms
        self._ask_fills(History(self.address, (floor_ms or 0) - OVERLAP_NS // NS_PER_MS), stated, now_ns)

    def _ask_fills(self, history: History, stated: Statement, now_ns: int) -> None:
        body = history.next_body()
        if body is None:
            return self._fills_are_there(history, stated, now_ns)
        then = partial(self._fills_came, self._round, history, stated)
        self._link.info(body, info_weight(body), now_ns, then, urgent=self.urgent)

    def _fills_came(self, asked_in: int, history: History, stated: Statement, raw: bytes | None, now_ns: int) -> None:
        if asked_in != self._round:
            return
        try:
            if raw is None:
                return self._failed(now_ns)
            rows = USER_FILLS.decode(raw)
        except MessageRefused:
            self._link.set_aside("fills that cannot be read")
            return self._failed(now_ns)
        self._link.budget.charge(rows_weight("userFillsByTime", len(rows)), now_ns)
        history.page(rows)
        self._ask_fills(history, stated, now_ns)

    def _fills_are_there(self, history: History, stated: Statement, now_ns: int) -> None:
        rows, first = history.rows(), self.since_ms is None
        if self._telling.lacks(rows, self._held) and self._again < AGAIN_MAX:
            self._again += 1
            self._asking, self._next_ns = False, now_ns + AGAIN_NS
            return
        if history.cut:
            self._link.counts["histories_cut"] += 1
        self._telling.gap(rows, self._held, stated, first=first, now_ns=now_ns)
        self._held = []
        self.since_ms, self.synced, self.urgent = stated.time_ms, True, False
        self._asking, self._tries, self._next_ns = False, 0, now_ns + CHECK_NS
        if not self._telling.quiet(stated):
            self._soon(now_ns)
        self._money(stated, now_ns)

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _money(self, stated: Statement, now_ns: int) -> None:
        """A lead without money on any exchange may still have some in spot: asked before it is called gone."""
        if not self._telling.seems_gone(stated):
            return self._telling.money(now_ns, has=stated.value > 0 or bool(stated.lots))
        body = {"type": "spotClearinghouseState", "user": self.address}
        self._link.info(body, info_weight(body), now_ns, partial(self._spot_came, self._round), spare=True)

    def _spot_came(self, asked_in: int, raw: bytes | None, now_ns: int) -> None:
        if asked_in != self._round or raw is None:
            return
        try:
            balances = SPOT_STATE.decode(raw).balances
        except MessageRefused:
            return self._link.set_aside("balances that cannot be read")
        self._telling.money(now_ns, has=any(one.total.strip("-0.") for one in balances))

    def _soon(self, now_ns: int, wait_ns: int = SOON_NS) -> None:
        self._next_ns = min(self._next_ns or now_ns + wait_ns, now_ns + wait_ns)

    def _failed(self, now_ns: int) -> None:
        self._round += 1
        self._asking, self._next_ns = False, now_ns + (SECOND << min(self._tries, _BACKOFF_MAX))
        self._tries += 1
        self._link.counts["looks_failed" if self.synced else "backfills_failed"] += 1
