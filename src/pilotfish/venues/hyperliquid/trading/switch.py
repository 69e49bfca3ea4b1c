"""The dead man's switch: the venue cancels everything of an account when nobody has set it anew in time.

It takes a time at least 5 s ahead, may go off 10 times a day, and is refused to accounts that have traded less than
$1M. https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/exchange-endpoint#schedule-cancel-dead-mans-switch
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from pilotfish.venues.hyperliquid.accounts import SECOND, Account
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.agenda import Agenda
from pilotfish.venues.hyperliquid.trading.limits import Limits, Use
from pilotfish.venues.hyperliquid.trading.nonces import NS_PER_MS
from pilotfish.venues.hyperliquid.trading.post import Outcome, Post, Poster
from pilotfish.venues.hyperliquid.trading.working import Order, Orders, Stage
from pilotfish.venues.hyperliquid.wire.actions import ScheduleCancel
from pilotfish.venues.hyperliquid.wire.answers import Accepted

AHEAD_NS_MIN = 6 * SECOND  # the venue's 5 s, and the way there
REFUSED_NS = 3_600 * SECOND  # after a refusal it is not tried again for so long


class Switch:
    """Set for the accounts that are streamed while something of theirs rests; taken back when we stop in order."""

    def __init__(  # what it is made of
        self, link: Link, poster: Poster, orders: Orders, agenda: Agenda, limits: Limits, accounts: Sequence[Account]
    ) -> None:
        self._link, self._poster, self._orders = link, poster, orders
        self._agenda, self._limits, self._accounts = agenda, limits, accounts
        self._not_before_ns: dict[str, int] = {}
        self._set: set[str] = set()
        self._runs = False
        self.counts: Counter[str] = Counter()

    @property
    def ahead_ns(self) -> int:
        return max(self._link.settings.schedule_cancel_ns, AHEAD_NS_MIN)

    def start(self, now_ns: int) -> None:
        if self._link.settings.schedule_cancel and not self._runs:
            self._runs = True
            self._renew(now_ns)

    def stop(self, now_ns: int) -> None:
        self._runs = False
        for account in self._accounts:
            if account.trades_as in self._set:
                self._set.discard(account.trades_as)
                self._poster.post(Post(account, ScheduleCancel(), partial(self._answered, account)), now_ns)

    def _renew(self, now_ns: int) -> None:
        if not self._runs:
            return
        for account in self._accounts:
            address = account.trades_as
            if not any(map(_rests, self._orders.of(address))) or now_ns < self._not_before_ns.get(address, now_ns):
                continue
            if self._link.ready and self._limits.spend(address, 1, Use.OPEN, now_ns):
                self._set.add(address)
                action = ScheduleCancel((now_ns + self.ahead_ns) // NS_PER_MS)
                self._poster.post(Post(account, action, partial(self._answered, account)), now_ns)
        self._agenda.at(now_ns + self.ahead_ns // 3, self._renew)

    def _answered(self, account: Account, outcome: Outcome, now_ns: int) -> None:
        if isinstance(outcome, Accepted):
            self.counts["switch_set"] += 1
        else:
            self.counts["switch_refused"] += 1
            if outcome is not None:
                self._not_before_ns[account.trades_as] = now_ns + REFUSED_NS


def _rests(order: Order) -> bool:
    return order.stage in (Stage.OPEN, Stage.POSTED, Stage.UNKNOWN)
