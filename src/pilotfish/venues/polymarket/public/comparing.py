"""The books asked for another way, now and then: all at once by REST, a few dozen a request.

Where REST knows what the stream has not told after a while, it was lost, or the feed is frozen. Hashes are compared
only with each other: equal hashes are equal books; one computed here proves nothing, since the venue hashes fields
that it does not send (https://github.com/Polymarket/py-clob-client-v2/issues/117).
"""

from __future__ import annotations

from collections.abc import Callable

from pilotfish.domain.errors import NumericOverflow
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.public.books import Book, side_of, stamp_ns
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.wire.answers import BookAnswer
from pilotfish.venues.polymarket.wire.codec import BOOKS, encode

_PER_REQUEST = 50

Sides = tuple[dict[int, int], dict[int, int]]


class Comparing:
    """`said(instrument, agrees, now_ns)`: what the comparison came to. `books` are the feed's own."""

    def __init__(
        self, link: Link, listing: Listing, books: dict[int, Book], said: Callable[[int, bool, int], None]
    ) -> None:
        self._link, self._listing, self._books, self._said = link, listing, books, said
        self._checks: list[tuple[int, int, int, Sides]] = []  # due, instrument, stamp and sides as REST had them
        self._due_ns = 0

    def begin(self, now_ns: int) -> None:
        """A new stream: nothing of before is compared."""
        self._checks, self._due_ns = [], now_ns + self._link.settings.compare_ns

    def tick(self, now_ns: int) -> None:
        if now_ns >= self._due_ns:
            self._ask(now_ns)
        due = [one for one in self._checks if one[0] <= now_ns]
        self._checks = [one for one in self._checks if one[0] > now_ns]
        for _, key, ns, sides in due:
            book = self._books[key]
            if book.whole and book.venue_ns < ns and sides != (book.bids, book.asks):
                self._said(key, False, now_ns)

    def _ask(self, now_ns: int) -> None:
        self._due_ns = now_ns + self._link.settings.compare_ns
        keys = [key for key, book in self._books.items() if book.whole]
        for first in range(0, len(keys), _PER_REQUEST):
            tokens = [one.token for key in keys[first : first + _PER_REQUEST] if (one := self._listing.get(key))]
            body = encode([{"token_id": token} for token in tokens])
            request = Request("POST", self._link.settings.clob_url, "/books", Kind.BOOK, body=body)
            self._link.ask(request, now_ns, self._answered)

    def _answered(self, answer: Answer | None, now_ns: int) -> None:
        if answer is None or not answer.ok:
            return
        try:
            books = BOOKS.decode(answer.body)
        except MessageRefused:
            return self._link.set_aside("books by REST")
        for one in books:
            try:
                self._compare(one, now_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("book by REST")

    def _compare(self, one: BookAnswer, now_ns: int) -> None:
        listed = self._listing.of_token(one.asset_id)
        book = self._books.get(listed.instrument.id) if listed is not None else None
        if listed is None or book is None or not book.whole or book.asked:
            return
        self._link.counts["books compared"] += 1
        sides = side_of(one.bids, listed.instrument), side_of(one.asks, listed.instrument)
        if sides == (book.bids, book.asks) or (book.hash and one.hash == book.hash):
            return self._said(listed.instrument.id, True, now_ns)
        ns = stamp_ns(one.timestamp)
        if ns > book.venue_ns:  # the stream owes us something; it may be on its way
            grace_ns = now_ns + self._link.settings.compare_grace_ns
            self._checks.append((grace_ns, listed.instrument.id, ns, sides))
