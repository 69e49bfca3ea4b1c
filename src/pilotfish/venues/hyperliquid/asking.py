"""The engine's question after a gap: leads first, orders last, so that what is said of orders is new when told."""

from __future__ import annotations

from functools import partial

from pilotfish.domain.events import Reconciled
from pilotfish.domain.orders import Query
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.public.leads import Leads
from pilotfish.venues.hyperliquid.trading.desk import Trading
from pilotfish.venues.session import SECOND

GIVEN_UP_NS = 30 * SECOND  # an answer that took longer is not waited for any more


class Question:
    """One at a time: the engine asks again every two seconds, and for whatever an answer leaves open."""

    def __init__(self, link: Link, leads: Leads, trading: Trading | None) -> None:
        self._link, self._leads, self._trading = link, leads, trading
        self._query: Query | None = None
        self._since_ns: int | None = None  # since when it is under way; None: it waits for the stream

    @property
    def cursor(self) -> int:
        """What a question that waits begins at; 0: nothing known."""
        return self._query.cursor if self._query is not None else 0

    def ask(self, query: Query, now_ns: int, *, up: bool) -> None:
        under_way = self._since_ns is not None and now_ns - self._since_ns < GIVEN_UP_NS
        if under_way:
            self._link.counts["queries_merged"] += 1
            return
        self._query, self._since_ns = query, None
        if up:
            self.go(now_ns)

    def go(self, now_ns: int) -> None:
        """The stream is up: ask what waited for it."""
        if self._query is not None and self._since_ns is None:
            self._since_ns = now_ns
            self._leads.reconcile(self._query.cursor, now_ns, partial(self._orders, self._query))

    def lost(self) -> None:
        """The engine asks again when the stream is back. One that only waited still does."""
        if self._since_ns is not None:
            self._query = self._since_ns = None

    def _orders(self, query: Query, now_ns: int) -> None:
        if self._trading is not None:
            return self._trading.reconcile(query.cursor, query.coids, now_ns, partial(self._answer, query))
        cursor = self._leads.cursor()
        self._answer(query, Reconciled(now_ns, now_ns, cursor or query.cursor, query.coids, (), ()), now_ns)

    def _answer(self, query: Query, told: Reconciled | None, now_ns: int) -> None:
        if query is not self._query:
            return
        self._query = self._since_ns = None
        if told is None:
            self._link.counts["queries_unanswered"] += 1
            return
        reached_ms = self._leads.cursor() if self._leads.count else told.cursor
        cursor = max(query.cursor, min(told.cursor, reached_ms or query.cursor))
        self._link.told.append(
            Reconciled(told.venue_ns, told.ours_ns, cursor, told.asked, told.open, told.done),
        )
