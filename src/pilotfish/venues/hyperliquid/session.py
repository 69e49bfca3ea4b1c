"""Hyperliquid as a session: one stream for everything, questions over HTTP, orders where there are accounts.

The stream counts as up when the venue has answered every subscription and the leads' gap is being filled. It is given
up when nothing came for `pong_ns` after a ping, when subscriptions stay unanswered, or when books stand still though
another way shows them moving.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from pilotfish.domain.events import Connection
from pilotfish.domain.instrument import Kind
from pilotfish.domain.orders import Command, Place, PlaceBatch, Query
from pilotfish.gate.approved import Approved
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.accounts import USER_STREAMS_MAX, Account, Settings
from pilotfish.venues.hyperliquid.asking import Question
from pilotfish.venues.hyperliquid.link import STREAM, Link
from pilotfish.venues.hyperliquid.public.feeds import Feeds
from pilotfish.venues.hyperliquid.public.leads import ALL_KINDS, Leads
from pilotfish.venues.hyperliquid.public.subscriptions import Subscriptions
from pilotfish.venues.hyperliquid.pulse import Pulse
from pilotfish.venues.hyperliquid.refusals import refusals
from pilotfish.venues.hyperliquid.trading.desk import Trading
from pilotfish.venues.hyperliquid.wire.assets import VENUE, Listing
from pilotfish.venues.hyperliquid.wire.codec import read_frame
from pilotfish.venues.hyperliquid.wire.messages import (
    BareBookFrame,
    BboFrame,
    BookFrame,
    CtxFrame,
    ErrorFrame,
    FillsFrame,
    FundingsFrame,
    OrdersFrame,
    PongFrame,
    PostFrame,
    SpotCtxFrame,
    SubscribedFrame,
    TradesFrame,
    UserFrame,
)
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.session import SECOND, Close, Linked, Open, Unfinished
from pilotfish.venues.trust import Trust

LOOK_NS = SECOND // 2  # verdicts of trust change with time


class HyperliquidSession(Linked[Link]):
    """A `Session`. `leads[k]` is the address of lead k; without `accounts` it listens only.

    `watch`: instruments to follow from the start; others are as soon as a lead or an order touches them.
    `kinds`: of the instruments in which leads are followed.
    """

    name = VENUE
    idempotent_ids = True

    def __init__(
        self,
        settings: Settings,
        listing: Listing,
        leads: Sequence[str],
        accounts: Sequence[Account],
        keys: Keyring | None,
        trust: Trust | None = None,
        watch: Iterable[int] = (),
        kinds: Collection[Kind] = ALL_KINDS,
    ) -> None:
        self._link = Link(settings)
        self.trust = trust or Trust()
        self._pulse = Pulse(self._link, self.trust)
        self._subscriptions = Subscriptions(self._link, self._subscription_answered)
        self.feeds = Feeds(self._link, listing, self.trust, self._subscriptions)
        self._leads = Leads(self._link, listing, leads, self.feeds.watch, self.feeds.price, kinds)
        self._trading = Trading(self._link, listing, accounts, keys, settings) if accounts and keys else None
        self._watch = tuple(watch)
        self._crowd = len(accounts) > USER_STREAMS_MAX  # more than are streamed: the others are seen in public trades
        self._question = Question(self._link, self._leads, self._trading)
        self._up = False
        self._opened = False  # at least once asked for
        self._ticked_ns = 0
        self._stopping = self.stopped = False

    def depth(self, instrument: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int] | None:
        """The latest whole book: bids and asks as (price, lots), best first, and the venue's stamp."""
        return self.feeds.depth(instrument)

    def watch(self, instrument: int, now_ns: int) -> None:
        """Follow an instrument's book and mark."""
        self.feeds.watch(instrument, now_ns)

    # -- the stream ----------------------------------------------------------------------------------------------------

    def start(self, now_ns: int) -> None:
        self._link.tick(now_ns)
        self._ticked_ns = now_ns
        for instrument in self._watch:
            self.feeds.watch(instrument, now_ns)
        if self._trading:
            self._subscriptions.want(self._trading.subscriptions(), now_ns)
        if self._leads.count or self._crowd:
            self._subscriptions.want(self._leads.subscriptions(), now_ns)
        self._open()

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        """Orders of before are asked about."""
        self._link.tick(now_ns)
        if self._trading:
            self._trading.recall([command for command, _ in unfinished.orders], unfinished.cursor, now_ns)

    def opened(self, name: str, now_ns: int) -> None:
        if name != STREAM or self.stopped:
            return
        self._pulse.opened(now_ns)
        self._link.opened(now_ns)
        self.feeds.opened(now_ns)
        self._subscriptions.opened(now_ns)
        if self._trading:
            self._trading.opened(now_ns)
        self._settle(now_ns)

    def lost(self, name: str, why: str, now_ns: int) -> None:
        if name == STREAM and not self.stopped:
            self._gone(now_ns)
            self._open()

    def frame(self, name: str, raw: bytes, now_ns: int) -> None:
        if name != STREAM or not self._link.ready:
            return
        self._pulse.heard()
        try:
            message = read_frame(raw)
        except MessageRefused:
            return self._link.set_aside("a frame that cannot be read")
        take = _TAKES.get(type(message))
        if take is None:
            return self._link.set_aside("a channel that was not asked for")
        take(self, message, now_ns)
        self._settle(now_ns)

    def answered(self, ask: int, status: int, headers: dict[str, str], body: bytes, now_ns: int) -> None:
        self._link.answered(ask, status, body, now_ns)
        self.feeds.verdicts(now_ns)
        self._settle(now_ns)

    def failed(self, ask: int, why: str, now_ns: int) -> None:
        self._link.failed(ask, now_ns)
        self._settle(now_ns)

    def signed(self, sign: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        if self._trading:
            self._trading.signed(sign, first, signatures, now_ns)
            self._settle(now_ns)

    # -- commands and time ---------------------------------------------------------------------------------------------

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        rest: list[Approved[Command]] = []
        for approved in commands:
            command = approved.command
            if isinstance(command, Query):
                self._question.ask(command, now_ns, up=self._up)
                continue
            if isinstance(command, Place | PlaceBatch):
                self.feeds.watch(command.instrument, now_ns)
            rest.append(approved)
        if self._trading:
            self._trading.submit(rest, now_ns)
        else:
            self._link.counts["commands_refused"] += len(rest)
            self.told.extend(event for one in rest for event in refusals(one.command, now_ns))
        self._settle(now_ns)

    def tick(self, now_ns: int) -> None:
        self._ticked_ns = now_ns
        self._link.tick(now_ns)
        if self._link.ready and self._pulse.half_open(now_ns):
            self._give_up("streams_half_open", now_ns)
        elif self._link.ready:
            self._pulse.tick(now_ns)
        self._leads.tick(now_ns)
        if self._trading:
            self._trading.tick(now_ns)
        self._subscriptions.tick(now_ns)
        self.feeds.tick(now_ns)
        if self._link.ready and (self.feeds.hopeless or self._subscriptions.hopeless):
            self._give_up("streams_hopeless", now_ns)
        self._settle(now_ns)

    def next_ns(self) -> int | None:
        if self.stopped:
            return None
        due = [self._link.next_ns(), self._leads.next_ns(), self.feeds.next_ns()]
        if self._trading:
            due.append(self._trading.next_ns())
        if self._link.ready:
            due.append(self._ticked_ns + LOOK_NS)
        return min((ns for ns in due if ns is not None), default=None)

    def stop(self, now_ns: int) -> None:
        self._stopping = True
        if self._trading:
            self._trading.stop(now_ns)
        self._settle(now_ns)

    def counters(self) -> dict[str, int]:
        return self._link.counters() | (self._trading.counters() if self._trading else {})

    # -- within --------------------------------------------------------------------------------------------------------

    def _settle(self, now_ns: int) -> None:
        """What follows from what has just happened."""
        if self._link.ready and not self._up and self._subscriptions.complete:
            self._up = True
            self._leads.subscribed(now_ns, self._question.cursor)
            self.told.append(Connection(now_ns, now_ns, True))
            self._question.go(now_ns)
        self._leads.settle(now_ns)
        if self._stopping and not self.stopped and (self._trading is None or self._trading.stopped):
            self.stopped = True
            self.out.append(Close(STREAM))

    def _give_up(self, why: str, now_ns: int) -> None:
        self._link.counts[why] += 1
        self.out.append(Close(STREAM))
        self._gone(now_ns)
        self._open()

    def _gone(self, now_ns: int) -> None:
        if self._up:
            self.told.append(Connection(now_ns, now_ns, False))
        self._up = False
        self._question.lost()
        self._link.lost(now_ns)
        self.feeds.lost(now_ns)
        self._leads.lost()
        if self._trading:
            self._trading.lost(now_ns)

    def _open(self) -> None:
        self._link.counts["reconnects"] += self._opened
        self._opened = True
        self.out.append(Open(STREAM, self._link.settings.ws_url, self._pulse.wait_ns()))

    def _subscription_answered(self, subscription: dict[str, Any], confirmed: bool) -> None:
        self.feeds.changed(subscription, confirmed)

    def _on_trades(self, frame: TradesFrame, now_ns: int) -> None:
        self._leads.on_trades(frame.data, now_ns)
        if self._trading:
            for trade in frame.data:
                self._trading.trade(trade, now_ns)

    def _on_pong(self, now_ns: int) -> None:
        self._link.counts["pongs"] += 1
        self.trust.probed(now_ns)
        self.feeds.verdicts(now_ns)

    def _on_subscribed(self, frame: SubscribedFrame, now_ns: int) -> None:
        if frame.data.method == "subscribe":
            self._subscriptions.confirmed(frame.data.subscription)
            self.feeds.verdicts(now_ns)

    def _on_ours(self, frame: OrdersFrame | FillsFrame | FundingsFrame | UserFrame, now_ns: int) -> None:
        if self._trading is None:
            return self._link.set_aside("a channel that was not asked for")
        if isinstance(frame, OrdersFrame):
            self._trading.orders(frame, now_ns)
        elif isinstance(frame, FillsFrame):
            self._trading.fills(frame, now_ns)
        else:
            self._trading.events(frame, now_ns)


_Take = Callable[[HyperliquidSession, Any, int], None]
_TAKES: dict[type, _Take] = {
    BareBookFrame: lambda session, frame, ns: session.feeds.on_book(frame.data, ns),
    BookFrame: lambda session, frame, ns: session.feeds.on_book(frame.data, ns),
    BboFrame: lambda session, frame, ns: session.feeds.on_bbo(frame.data, ns),
    CtxFrame: lambda session, frame, ns: session.feeds.on_context(frame.data, ns),
    SpotCtxFrame: lambda session, frame, ns: session.feeds.on_context(frame.data, ns),
    TradesFrame: HyperliquidSession._on_trades,
    PostFrame: lambda session, frame, ns: session._link.replied(frame.data, ns),
    PongFrame: lambda session, frame, ns: session._on_pong(ns),
    SubscribedFrame: HyperliquidSession._on_subscribed,
    ErrorFrame: lambda session, frame, ns: session._subscriptions.error(frame.data, ns),
    OrdersFrame: HyperliquidSession._on_ours,
    FillsFrame: HyperliquidSession._on_ours,
    FundingsFrame: HyperliquidSession._on_ours,
    UserFrame: HyperliquidSession._on_ours,
}
