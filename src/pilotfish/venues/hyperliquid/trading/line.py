"""Orders of batches wait here for their turn: signed in chunks, no more on their way than link and budget carry.

A price is decided for now. What has waited for longer than an action lives is refused here, and decided anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import partial

from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.agenda import Agenda
from pilotfish.venues.hyperliquid.trading.commands import Commands
from pilotfish.venues.hyperliquid.trading.post import Outcome, Post, Poster
from pilotfish.venues.hyperliquid.trading.told import Teller
from pilotfish.venues.hyperliquid.trading.working import Order, Stage
from pilotfish.venues.hyperliquid.wire.actions import Orders as OrdersAction

ON_THE_WAY = 192  # being signed or posted: the venue takes 100 posts at once
CHUNK = 64  # signatures asked for at once
LOOK_NS = 100_000_000
_KEEP = 60  # weight left for cancels and questions


class Line:
    """First come, first served."""

    def __init__(self, link: Link, poster: Poster, commands: Commands, teller: Teller, agenda: Agenda) -> None:
        self._link, self._poster, self._commands = link, poster, commands
        self._teller, self._agenda = teller, agenda
        self._waiting: deque[Order] = deque()
        self._under_way = 0
        self._looks = self._going = False

    def add(self, orders: Iterable[Order], now_ns: int) -> None:
        """Orders of separate accounts, each an action of its own."""
        for order in orders:
            order.queued_ns = now_ns
            self._waiting.append(order)
        self.go(now_ns)

    def go(self, now_ns: int) -> None:
        """Send on what there is room for, refuse what is too late."""
        if self._going:  # a refusal of what is being sent
            return
        self._going = True
        try:
            self._send(now_ns)
        finally:
            self._going = False

    def _send(self, now_ns: int) -> None:
        posts: list[Post] = []
        while self._waiting:
            order = self._waiting[0]
            if order.stage is not Stage.QUEUED:  # cancelled before it left
                self._waiting.popleft()
            elif not self._link.ready:
                self._teller.refuse(self._waiting.popleft(), Reason.DISCONNECTED, now_ns)
            elif now_ns >= order.queued_ns + self._poster.expires_ns:
                self._teller.refuse(self._waiting.popleft(), Reason.RATE_LIMIT, now_ns)
            elif self._room(now_ns) <= len(posts):
                break
            else:
                placing = self._commands.placing(self._waiting.popleft(), now_ns)
                if placing is not None:
                    posts.append(Post(order.account, OrdersAction([placing[1]]), partial(self._through, order)))
        self._under_way += len(posts)
        for start in range(0, len(posts), CHUNK):
            self._poster.post_many(posts[start : start + CHUNK], now_ns)
        if self._waiting and not self._looks:
            self._looks = True
            self._agenda.at(now_ns + LOOK_NS, self._look)

    def _look(self, now_ns: int) -> None:
        self._looks = False
        self.go(now_ns)

    def _room(self, now_ns: int) -> int:
        return min(ON_THE_WAY, self._link.budget.left(now_ns) - _KEEP) - self._under_way

    def _through(self, order: Order, outcome: Outcome, now_ns: int) -> None:
        self._under_way -= 1
        self._commands.placed([order], outcome, now_ns)
        if self._waiting and self._room(now_ns) >= min(CHUNK, len(self._waiting)):
            self.go(now_ns)
