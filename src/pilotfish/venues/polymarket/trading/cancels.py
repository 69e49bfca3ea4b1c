"""Cancels leave together, and again until the order is over: an answer that was lost is no cancel."""

from __future__ import annotations

from collections.abc import Iterable

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.settings import SECOND
from pilotfish.venues.polymarket.trading.working import NEVER, Order, Stage, Working
from pilotfish.venues.polymarket.wire.codec import CANCELLED, encode
from pilotfish.venues.polymarket.wire.orders import CANCELS_MAX, CancelMarket, chunks
from pilotfish.venues.polymarket.wire.statuses import is_over

_AGAIN_NS = 2 * SECOND
_SOON_NS = SECOND // 4  # the stream says how a cancelled order ended; after this it is asked for
_SENT = (Stage.OPEN, Stage.UNKNOWN)


class Cancels:
    def __init__(self, link: Link, listing: Listing, working: Working) -> None:
        self._link, self._listing, self._working = link, listing, working

    def want(self, orders: Iterable[Order], now_ns: int) -> None:
        """From now on, until they are over. One that is on its way is cancelled once the venue has it."""
        for order in orders:
            if not order.over:
                order.cancelling, order.cancel_ns = True, now_ns

    def flush(self, now_ns: int) -> None:
        """One request for each account's."""
        due: dict[int, list[Order]] = {}
        for order in self._working.live.values():
            if order.cancelling and order.cancel_ns <= now_ns and order.stage in _SENT and order.id:
                due.setdefault(order.place.account, []).append(order)
        for account, orders in due.items():
            for some in chunks(orders, CANCELS_MAX):
                body = encode([order.id for order in some])
                for order in some:
                    order.cancel_ns = now_ns + _AGAIN_NS
                self._delete("/orders", body, account, len(some), now_ns)

    def everything(self, account: int, instrument: int, now_ns: int) -> None:
        """By the venue's own cancel-all: also what we may have forgotten. The account is ours alone."""
        listed = self._listing.get(instrument)
        if instrument < 0:
            self._delete("/cancel-all", b"", account, 1, now_ns)
        elif listed is not None:
            self._delete("/cancel-market-orders", encode(CancelMarket(asset_id=listed.token)), account, 1, now_ns)

    def next_ns(self) -> int | None:
        wanted = (o.cancel_ns for o in self._working.live.values() if o.cancelling and o.stage in _SENT and o.id)
        soonest = min(wanted, default=NEVER)
        return soonest if soonest < NEVER else None

    def _delete(self, path: str, body: bytes, account: int, cost: int, now_ns: int) -> None:
        request = Request(
            "DELETE", self._link.settings.clob_url, path, Kind.CANCEL, body=body, account=account, cost=cost
        )
        self._link.ask(request, now_ns, self._answered, urgent=True)

    def _answered(self, answer: Answer | None, now_ns: int) -> None:
        if answer is None or not answer.ok:
            self._link.counts["cancels without answer"] += 1
            return
        try:
            said = CANCELLED.decode(answer.body)
        except MessageRefused:
            return self._link.set_aside("answer to a cancel")
        for name in said.canceled if isinstance(said.canceled, list) else ():
            order = self._working.by_id.get(name.lower())
            if order is not None and not order.over:
                order.had = True
                order.want_answer(now_ns + _SOON_NS)
        refused = said.not_canceled if isinstance(said.not_canceled, dict) else {}
        for name, why in refused.items():
            order = self._working.by_id.get(name.lower())
            if order is not None and is_over(why):
                order.want_answer(now_ns)
