"""An account's fills over a gap: pages of `userFillsByTime`, put together and in order. Pure.

The venue gives at most 2,000 rows an answer, from its newest 10,000. Which end of a range a full page was cut at is
not relied upon: both sides of it are asked for. https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

from pilotfish.venues.hyperliquid.wire.messages import UserFill

PAGE_ROWS = 2_000
HISTORY_ROWS = 10_000
PAGES_MAX = 40

Span = tuple[int, int | None]  # ms, both ends included; None: until now


class History:
    """Rows of one account since `since_ms`. Ask for `next_span()` until it is None."""

    def __init__(self, user: str, since_ms: int) -> None:
        self._user = user
        self._spans: list[Span] = [(max(since_ms, 0), None)]
        self._rows: dict[Hashable, UserFill] = {}
        self._pages = 0
        self.cut = False  # some of it is not to be had any more

    def next_body(self) -> dict[str, Any] | None:
        """The next question, or None when all of it is there."""
        if not self._spans:
            return None
        since, until = self._spans[-1]
        body: dict[str, Any] = {"type": "userFillsByTime", "user": self._user, "startTime": since}
        return body if until is None else body | {"endTime": until}

    def page(self, rows: Sequence[UserFill]) -> None:
        """The answer to it."""
        since, until = self._spans.pop()
        self._pages += 1
        before = len(self._rows)
        for place, row in enumerate(rows):
            number: Hashable = row.tid if isinstance(row.tid, int) and row.tid else (row.hash, row.oid, place)
            self._rows.setdefault((number, row.coin, row.side), row)
        if len(self._rows) >= HISTORY_ROWS:
            self.cut = True
        if len(rows) < PAGE_ROWS or len(self._rows) == before:
            return
        if self._pages >= PAGES_MAX:
            self.cut = True
            return
        low, high = min(row.time for row in rows), max(row.time for row in rows)
        if low == high:  # a page of one millisecond: what else is in it cannot be asked for
            self.cut = True
            low, high = low - 1, high + 1
        self._spans += [(high, until)] if until is None or until >= high else []
        self._spans += [(since, low)] if low > since else []

    def rows(self) -> list[UserFill]:
        """All, oldest first; those of one millisecond in the order in which their positions follow each other."""
        return in_order(self._rows.values())


def in_order(rows: Iterable[UserFill]) -> list[UserFill]:
    ordered: list[UserFill] = []
    for _, same in groupby(sorted(rows, key=lambda row: row.time), key=lambda row: row.time):
        together = list(same)
        ordered += together if len(together) == 1 else _by_chain(together)
    return ordered


def _by_chain(rows: list[UserFill]) -> list[UserFill]:
    """Coin by coin, beginning at the position where no other row ends; as they came where numbers say nothing."""
    ordered: list[UserFill] = []
    for coin in dict.fromkeys(row.coin for row in rows):
        links = [(*_link(row), row) for row in rows if row.coin == coin]
        ends = [end for _, end, _ in links]
        at = next((start for start, _, _ in links if start not in ends), links[0][0])
        while links:
            place = next((k for k, link in enumerate(links) if link[0] == at), 0)
            _, at, row = links.pop(place)
            ordered.append(row)
    return ordered


def _link(row: UserFill) -> tuple[Decimal | None, Decimal | None]:
    """Position before and after."""
    try:
        start, size = Decimal(row.startPosition), Decimal(row.sz)
    except InvalidOperation:
        return None, None
    return start, start + (size if row.side == "B" else -size)
