"""What leads do, by the data API: asked once a second each, since the public channel names no users.

Rows have no id, and equal rows are two trades: a row's id is a hash of its transaction, token, side and size and of how
many rows before it are equal. The same trade may be heard from the chain first: whichever source told a transaction's
trades in a token tells all of them. Sizes are finer than lots: a lead's position is kept in millionths of a share, and
a fill is told as what it does to the whole lots.

Splits, merges, redemptions and conversions change positions without a trade: then, and now and then anyway, the
positions are asked for, and where they say twice in a row, with no activity in between, what the fills do not add up
to, the position is stated. https://docs.polymarket.com/api-reference/core/get-user-activity
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import LeadFill, LeadPosition
from pilotfish.domain.instrument import to_units_floor
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.books import SIZE_DECIMALS
from pilotfish.venues.polymarket.public.deeds import Deed, Lead, Source, deed_id, deed_of, price_of, remember
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.settings import SECOND
from pilotfish.venues.polymarket.trading.settlement import UNIT
from pilotfish.venues.polymarket.wire.answers import PublicActivity, PublicPosition
from pilotfish.venues.polymarket.wire.assets import ONE
from pilotfish.venues.polymarket.wire.codec import PUBLIC_ACTIVITY, PUBLIC_POSITIONS

TYPES = "TRADE,SPLIT,MERGE,REDEEM,CONVERSION"
_PAGE, _DEEP_PAGE, _OFFSET_MAX = 50, 500, 10_000
_REMEMBERED = 65_536
_AUDIT_SOON_NS = 2 * SECOND
_HELD_MAX = 1_000
_AHEAD_S = 60  # a stamp so far ahead of the venue's clock is none


class Leads:
    """`on_trade(instrument)`: a lead trades or holds it. `on_unlisted(token)`: a lead trades what we do not know.
    `on_redeem(condition)`: a lead was paid for tokens of this market, so it is decided.
    """

    def __init__(self, link: Link, listing: Listing, names: Sequence[str]) -> None:
        self._link, self._listing = link, listing
        self.leads = [Lead(number, name.lower()) for number, name in enumerate(names)]
        self.on_trade: Callable[[int, int], None] = lambda instrument, now_ns: None
        self.on_unlisted: Callable[[str, int], None] = lambda token, now_ns: None
        self.on_redeem: Callable[[str, int], None] = lambda condition, now_ns: None
        self._waiting: list[tuple[set[int], Callable[[bool, int], None]]] = []
        self._over: set[int] = set()

    def recall(self, held: Mapping[int, Iterable[int]]) -> None:
        """Instruments that leads held when we last heard: what they hold of these is stated, even if nothing."""
        for number, instruments in held.items():
            self.leads[number].parts |= dict.fromkeys(instruments, 0)

    def over(self, instrument: int) -> None:
        """It has paid out: what leads do with it from now on is no trade, and what they hold of it no position."""
        self._over.add(instrument)
        for lead in self.leads:
            lead.parts.pop(instrument, None)

    @property
    def ready(self) -> bool:
        """Whether every lead's positions are known."""
        return all(lead.ready for lead in self.leads)

    def tick(self, now_ns: int) -> None:
        for lead in self.leads:
            if lead.poll_ns <= now_ns and not lead.asking:
                self._poll(lead, now_ns)
            if lead.audit_ns <= now_ns and lead.newest_s and not lead.auditing:
                self._audit(lead, now_ns)

    def next_ns(self) -> int | None:
        due = [lead.poll_ns for lead in self.leads if not lead.asking]
        due += [lead.audit_ns for lead in self.leads if lead.newest_s and not lead.auditing]
        return min(due, default=None)

    def reconcile(self, now_ns: int, then: Callable[[bool, int], None]) -> None:
        """Everything since we last heard, then every position; False where a lead's activity could not be read."""
        if not self.leads:
            return then(True, now_ns)
        if not self.ready:
            return then(False, now_ns)
        self._waiting.append(({lead.number for lead in self.leads}, then))
        for lead in self.leads:
            if not lead.asking:
                self._poll(lead, now_ns)

    # -- activity ------------------------------------------------------------------------------------------------------

    def _poll(self, lead: Lead, now_ns: int, *, deep: bool = False) -> None:
        lead.asking, lead.poll_ns = True, now_ns + self._link.settings.lead_poll_ns
        self._page(lead, [], 0, now_ns, deep or not lead.newest_s)

    def _page(self, lead: Lead, before: list[PublicActivity], offset: int, now_ns: int, deep: bool) -> None:
        size = _DEEP_PAGE if deep else _PAGE
        query: dict[str, str | int] = {
            "user": lead.address, "type": TYPES, "limit": size, "offset": offset,
            "sortBy": "TIMESTAMP", "sortDirection": "DESC",
        }  # fmt: skip
        request = Request("GET", self._link.settings.data_url, "/activity", Kind.ACTIVITY, query)

        def answered(answer: Answer | None, then_ns: int) -> None:
            try:
                rows = PUBLIC_ACTIVITY.decode(answer.body) if answer is not None and answer.ok else None
            except MessageRefused:
                self._link.set_aside("activity")
                rows = None
            if rows is None:
                self._link.counts["activity not answered"] += 1
                lead.asking = False
                return self._settle(lead, False, then_ns)
            known_s = lead.newest_s - (self._link.settings.lead_overlap_ns // SECOND if deep else 0)
            more = len(rows) == size and offset + size <= _OFFSET_MAX
            if lead.newest_s and more and min(row.timestamp for row in rows) >= known_s:
                return self._page(lead, before + rows, offset + size, then_ns, deep)
            lead.asking = False
            self._heard(lead, before + rows, then_ns)
            self._settle(lead, True, then_ns)

        self._link.ask(request, now_ns, answered)

    def _heard(self, lead: Lead, rows: list[PublicActivity], now_ns: int) -> None:
        """Newest first as they come; told oldest first. The first of all only says from when on to listen."""
        first = not lead.newest_s
        deeds: list[Deed] = []
        until_s = self._link.venue_ns(now_ns) // SECOND + _AHEAD_S
        told, rows = rows, [row for row in rows if 0 < row.timestamp <= until_s]
        for _ in range(len(told) - len(rows)):
            self._link.set_aside("activity")
        newest_s = max((row.timestamp for row in rows), default=0)
        for row in reversed(rows):
            try:
                if row.type == "TRADE":
                    deeds.append(deed_of(row))
                elif row.timestamp > lead.newest_s and not first:
                    lead.moves += 1
                    lead.audit_ns = min(lead.audit_ns, now_ns + _AUDIT_SOON_NS)
                    if row.type == "REDEEM" and isinstance(row.conditionId, str):
                        self.on_redeem(row.conditionId, now_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("activity")
        self._tell(lead, deeds, Source.DATA, now_ns, told=not first)
        if first:  # what it traded lately and holds no more is to be stated too
            known = (self._listing.of_token(deed.token) for deed in deeds)
            keys = {one.instrument.id for one in known if one is not None}
            lead.parts |= dict.fromkeys(keys - self._over, 0)
        lead.newest_s = max(lead.newest_s, newest_s)
        if first:
            lead.newest_s = newest_s or self._link.venue_ns(now_ns) // SECOND
            lead.audit_ns = now_ns

    def heard(self, lead: int, deeds: Iterable[Deed], now_ns: int) -> None:
        """Trades of a lead as the chain tells them, oldest first."""
        if self.leads[lead].ready:
            self._tell(self.leads[lead], list(deeds), Source.CHAIN, now_ns, told=True)

    def doubtful(self, lead: int, now_ns: int) -> None:
        """Something that was told did not last: the positions will say."""
        self.leads[lead].audit_ns = min(self.leads[lead].audit_ns, now_ns + _AUDIT_SOON_NS)

    def _tell(self, lead: Lead, deeds: list[Deed], source: Source, now_ns: int, *, told: bool) -> None:
        equal: Counter[tuple[str, str, int, int]] = Counter()
        for deed in deeds:
            key = (deed.tx, deed.token, int(deed.side), deed.size6)
            number = deed_id(*key, equal[key])
            equal[key] += 1
            if number in lead.seen or lead.sources.setdefault(key[:3], source) is not source:
                continue
            remember(lead.seen, number)
            if len(lead.sources) > _REMEMBERED:
                del lead.sources[next(iter(lead.sources))]
            if told:
                self._tell_one(lead, deed, number, now_ns)

    def _tell_one(self, lead: Lead, deed: Deed, number: int, now_ns: int) -> None:
        listed = self._listing.of_token(deed.token)
        if listed is None:
            held = lead.held.setdefault(deed.token, [])
            if len(held) < _HELD_MAX:
                held.append((deed, number))
            self._link.counts["lead trades in unlisted tokens"] += 1
            return self.on_unlisted(deed.token, now_ns)
        key = listed.instrument.id
        if key in self._over:
            self._link.counts["lead trades in settled instruments"] += 1
            return
        self.on_trade(key, now_ns)
        before = lead.parts.get(key, 0)
        after = lead.parts[key] = before + deed.side * deed.size6
        lead.prices[key] = deed.price
        lead.moves += 1
        lots = abs(after // UNIT - before // UNIT)
        if lots:
            ns = deed.at_s * SECOND
            self._link.told.append(LeadFill(ns, now_ns, lead.number, key, deed.side, lots, deed.price, number))

    def listed(self, token: str, now_ns: int) -> None:
        """A token was listed: what leads did in it is told."""
        for lead in self.leads:
            for deed, number in lead.held.pop(token, []):
                self._tell_one(lead, deed, number, now_ns)

    # -- positions -----------------------------------------------------------------------------------------------------

    def _audit(self, lead: Lead, now_ns: int) -> None:
        lead.auditing, lead.audit_ns = True, now_ns + self._link.settings.lead_audit_ns
        self._positions(lead, [], 0, lead.moves, now_ns)

    def _positions(self, lead: Lead, before: list[PublicPosition], offset: int, moves: int, now_ns: int) -> None:
        query: dict[str, str | int] = {
            "user": lead.address, "sizeThreshold": 0, "limit": _DEEP_PAGE, "offset": offset,
        }  # fmt: skip
        request = Request("GET", self._link.settings.data_url, "/positions", Kind.POSITIONS, query)

        def answered(answer: Answer | None, then_ns: int) -> None:
            try:
                rows = PUBLIC_POSITIONS.decode(answer.body) if answer is not None and answer.ok else None
            except MessageRefused:
                self._link.set_aside("positions")
                rows = None
            if rows is None:
                lead.auditing, lead.audit_ns = False, then_ns + _AUDIT_SOON_NS
            elif len(rows) == _DEEP_PAGE and offset + _DEEP_PAGE <= _OFFSET_MAX:
                self._positions(lead, before + rows, offset + _DEEP_PAGE, moves, then_ns)
            else:
                lead.auditing = False
                self._stated(lead, before + rows, moves, then_ns)
                if lead.ready and not lead.asking:
                    self._poll(lead, then_ns, deep=True)

        self._link.ask(request, now_ns, answered)

    def _stated(self, lead: Lead, rows: list[PublicPosition], moves: int, now_ns: int) -> None:
        """Positions as the venue lists them; those it does not list are none."""
        stated = dict.fromkeys(lead.parts, 0)
        for row in rows:
            listed = self._listing.of_token(row.asset)
            if listed is None or listed.instrument.id in self._over:
                continue
            try:
                stated[listed.instrument.id] = to_units_floor(row.size, SIZE_DECIMALS)
                price = row.avgPrice or row.curPrice or None
                lead.prices.setdefault(listed.instrument.id, price_of(price) if price else ONE // 2)
            except NumericOverflow:
                self._link.set_aside("position")
        if not lead.ready:
            lead.ready = True
            lead.parts = stated
            for key in lead.parts:
                self._state(lead, key, now_ns)
            return
        if moves != lead.moves:
            lead.audit_ns = min(lead.audit_ns, now_ns + _AUDIT_SOON_NS)
            return
        self._compare(lead, stated, now_ns)

    def _compare(self, lead: Lead, stated: dict[int, int], now_ns: int) -> None:
        before, lead.odd = lead.odd, {}
        for key, size in stated.items():
            if size == lead.parts.get(key, 0):
                continue
            lead.odd[key] = (size, lead.moves)
            if before.get(key) == lead.odd[key]:
                self._link.counts["lead positions mended"] += 1
                del lead.odd[key]
                lead.parts[key] = size
                self._state(lead, key, now_ns)
        if lead.odd:
            lead.audit_ns = min(lead.audit_ns, now_ns + _AUDIT_SOON_NS)

    def _state(self, lead: Lead, key: int, now_ns: int) -> None:
        """As of the newest row known: what comes after it counts on top."""
        self.on_trade(key, now_ns)
        lots, ns = lead.parts.get(key, 0) // UNIT, lead.newest_s * SECOND
        price = lead.prices.get(key, ONE // 2)
        self._link.told.append(LeadPosition(ns, now_ns, lead.number, key, lots, price))

    def _settle(self, lead: Lead, whole: bool, now_ns: int) -> None:
        """A poll has ended: whoever waits for all leads may go on."""
        waiting, self._waiting = self._waiting, []
        for leads, then in waiting:
            if not whole:
                then(False, now_ns)
                continue
            leads.discard(lead.number)
            if leads:
                self._waiting.append((leads, then))
                continue
            for one in self.leads:
                for key in one.parts:
                    self._state(one, key, now_ns)
            then(True, now_ns)
