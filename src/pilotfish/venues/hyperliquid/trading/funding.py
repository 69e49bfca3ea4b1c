"""Funding of the accounts that are not streamed: asked for once an hour, from what the budget has to spare.

The venue pays at every full hour. At 1,200 weight a minute some 2,000 accounts can be asked in an hour; of more, each
is asked as soon as the round before is through, and nothing is skipped.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.accounts import SECOND, Account
from pilotfish.venues.hyperliquid.budget import rows_weight
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.agenda import Agenda
from pilotfish.venues.hyperliquid.trading.stream import Stream
from pilotfish.venues.hyperliquid.wire.codec import USER_FUNDING

HOUR_NS = 3_600 * SECOND
AFTER_NS = 60 * SECOND  # the hour, until every payment is booked; and the start, until all else was asked
WEIGHT = 20


class FundingPolls:
    """`start` once; each account's rows are told from where they were told last."""

    def __init__(self, link: Link, stream: Stream, agenda: Agenda) -> None:
        self._link, self._stream, self._agenda = link, stream, agenda
        self._since_ms: dict[str, int] = {}
        self._waiting = 0
        self.counts: Counter[str] = Counter()

    def start(self, now_ns: int) -> None:
        if self._stream.accounts.keys() - self._stream.streamed:
            self._agenda.at(now_ns + AFTER_NS, self._round)

    def _round(self, now_ns: int) -> None:
        self._agenda.at((now_ns - AFTER_NS) // HOUR_NS * HOUR_NS + HOUR_NS + AFTER_NS, self._round)
        if self._waiting:
            self.counts["funding_late"] += 1
            return
        for address, account in self._stream.accounts.items():
            if address not in self._stream.streamed:
                self._waiting += 1
                since_ms = self._since_ms.setdefault(address, max(self._stream.floor_ms, 0))
                body = {"type": "userFunding", "user": address, "startTime": since_ms}
                self._link.info(body, WEIGHT, now_ns, partial(self._answered, account), spare=True)

    def _answered(self, account: Account, raw: bytes | None, now_ns: int) -> None:
        self._waiting -= 1
        if raw is None:
            return  # asked for again with the next hour's
        try:
            rows = USER_FUNDING.decode(raw)
        except MessageRefused:
            return self._link.set_aside("funding that cannot be read")
        self._link.budget.charge(rows_weight("userFunding", len(rows)), now_ns)
        for row in rows:
            self._stream.funded(account, msgspec.structs.replace(row.delta, time=row.time), now_ns)
            self._since_ms[account.trades_as] = max(self._since_ms[account.trades_as], row.time + 1)
