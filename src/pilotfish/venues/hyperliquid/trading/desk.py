"""Trading on Hyperliquid: approved commands out, what became of them in.

    submit ─► Intake ─┬► Commands (alone, in bulk) ─┬► Poster ─► link.post ─► replies ─┐
                      ├► Line (batches) ────────────┘    ▲ signed                      ├► Teller ─► events
                      └► Reconciler ─► Asking ─► link.info: statuses, fills ───────────┤
                                           orders, fills, events, trades ─► Stream ────┘

Nothing is guessed: an order without an answer is LOST and asked about until the venue says; it is absent only after it
has expired. https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/exchange-endpoint
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

from pilotfish.domain.events import OrderUpdate, Reconciled
from pilotfish.domain.orders import Command, OrderSignal, Place, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import Approved
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.accounts import Account, Settings
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.agenda import Agenda
from pilotfish.venues.hyperliquid.trading.ask import Asking
from pilotfish.venues.hyperliquid.trading.commands import Commands
from pilotfish.venues.hyperliquid.trading.funding import FundingPolls
from pilotfish.venues.hyperliquid.trading.intake import Intake
from pilotfish.venues.hyperliquid.trading.limits import ASK_NS, Limits
from pilotfish.venues.hyperliquid.trading.line import Line
from pilotfish.venues.hyperliquid.trading.post import Poster
from pilotfish.venues.hyperliquid.trading.reconcile import Reconciler, Then
from pilotfish.venues.hyperliquid.trading.stream import Stream
from pilotfish.venues.hyperliquid.trading.switch import Switch
from pilotfish.venues.hyperliquid.trading.told import Teller
from pilotfish.venues.hyperliquid.trading.working import Order, Orders, Stage
from pilotfish.venues.hyperliquid.wire.actions import Cloids
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.hyperliquid.wire.codec import RATE_LIMIT
from pilotfish.venues.hyperliquid.wire.messages import FillsFrame, FundingsFrame, OrdersFrame, Trade, UserFrame
from pilotfish.venues.keys.keyring import Keyring

LIMITS_WEIGHT = 20


class Trading:
    """All of our accounts on one link. Methods never raise for what the venue says or for what it cannot be sent."""

    def __init__(
        self, link: Link, listing: Listing, accounts: Sequence[Account], keys: Keyring | None, settings: Settings
    ) -> None:
        self._link, self._settings = link, settings
        cloids = Cloids(settings.journal)
        self._book, self._agenda, self._limits = Orders(), Agenda(), Limits()
        self._teller = Teller(link, self._book, self._agenda)
        self._poster = Poster(link, keys, self._agenda)
        self._asking = Asking(link, self._book, self._teller, self._agenda, cloids)
        self._stream = Stream(link, listing, self._book, self._teller, self._asking, cloids, accounts)
        streamed = [one for address, one in self._stream.accounts.items() if address in self._stream.streamed]
        self._commands = Commands(
            self._poster, self._book, self._teller, self._asking, self._agenda, self._limits, cloids,
            self._stream.streamed,
        )  # fmt: skip
        self._line = Line(link, self._poster, self._commands, self._teller, self._agenda)
        self._intake = Intake(
            link, listing, self._book, self._teller, self._asking, self._commands, self._line, self._stream
        )
        self._switch = Switch(link, self._poster, self._book, self._agenda, self._limits, streamed)
        self._reconciler = Reconciler(link, listing, self._book, self._teller, self._asking, self._stream)
        self._funding = FundingPolls(link, self._stream, self._agenda)
        self._polls = False
        self._stopping = self._gave_up = self._looks = False

    def subscriptions(self) -> list[dict[str, object]]:
        """User streams of our first ten accounts; the others are seen on the tape."""
        return self._stream.subscriptions()

    # -- in ------------------------------------------------------------------------------------------------------------

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """In order; neighbours of one kind and one account leave as one action."""
        self._began(now_ns)
        bare = [one.command for one in commands]
        for command in bare:
            if isinstance(command, Query):
                self._reconciler.ask(command.cursor, command.coids, now_ns, self._answer)
        self._intake.submit(bare, self._reconciler, now_ns)
        if not self._looks:
            self._looks = True
            self._look_at_limits(now_ns)

    def reconcile(self, cursor: int, coids: Sequence[int], now_ns: int, then: Then) -> None:
        """Tell every fill of ours since `cursor` (ms of the venue; 0: none yet) and where these orders stand.

        `then(answer, now_ns)`; None where the answer could not be complete. Orders not sure yet are not in `asked`.
        """
        self._began(now_ns)
        self._reconciler.ask(cursor, coids, now_ns, then)

    def recall(self, commands: Iterable[Place | PlaceBatch], cursor: int, now_ns: int) -> None:
        """After a restart: orders of which the journal knows no end. They are asked about, not sent.

        A batch can be answered for only so: a Query names its first id, but not its accounts.
        """
        self._began(now_ns)
        self._reconciler.since(cursor)
        self._stream.recalled = True
        self._intake.recall(commands, self._reconciler, now_ns)

    def orders(self, frame: OrdersFrame, now_ns: int) -> None:
        self._stream.orders(frame, now_ns)

    def fills(self, frame: FillsFrame, now_ns: int) -> None:
        self._stream.fills(frame, now_ns)

    def events(self, frame: UserFrame | FundingsFrame, now_ns: int) -> None:
        self._stream.events(frame, now_ns)

    def trade(self, trade: Trade, now_ns: int) -> None:
        """Every public trade: it names buyer and seller."""
        self._stream.trade(trade, now_ns)

    def signed(self, sign_id: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        self._poster.signed(sign_id, first, signatures, now_ns)

    def opened(self, now_ns: int) -> None:
        """The stream is open: what waited for it goes, and what was missed meanwhile is asked for."""
        self._began(now_ns)
        self._reconciler.gap(now_ns)
        self._switch.start(now_ns)
        if not self._polls:
            self._polls = True
            self._funding.start(now_ns)
        for order in self._book.all_live():
            if order.stage is Stage.OPEN:
                self._commands.opened(order, now_ns)
                if order.account.trades_as not in self._stream.streamed:
                    self._asking.doubtful(order, now_ns)

    def lost(self, now_ns: int) -> None:
        """The stream is gone. The link says what it knows of the posts; what is still in line is refused."""
        self._reconciler.gap(now_ns)
        self._line.go(now_ns)

    def tick(self, now_ns: int) -> None:
        self._agenda.tick(now_ns)

    def next_ns(self) -> int | None:
        return self._agenda.next_ns()

    # -- the end -------------------------------------------------------------------------------------------------------

    def stop(self, now_ns: int) -> None:
        """Cancel what is open, if so set, and wait for the answers within a bound."""
        if self._stopping:
            return
        self._stopping = self._intake.closed = True
        self._agenda.at(now_ns + self._settings.stop_ns_max, self._give_up)
        for account in list(self._stream.accounts):
            ending = [order for order in self._book.of(account) if not order.stage.over and self._ends(order)]
            self._commands.cancel(ending, now_ns)
        if self._settings.cancel_on_stop:
            self._switch.stop(now_ns)

    @property
    def stopped(self) -> bool:
        """Nothing is waited for any more: all was said, or the time for it has passed."""
        return self._stopping and (self._gave_up or not any(map(self._waited_for, self._book.all_live())))

    def counters(self) -> dict[str, int]:
        """Of orders and accounts; the link counts what was set aside."""
        total = Counter({"orders_live": len(self._book.all_live()), "actions_not_sent": self._poster.refused})
        for room in (self._asking, self._stream, self._commands, self._intake, self._switch, self._funding):
            total.update(room.counts)
        return dict(total)

    def _ends(self, order: Order) -> bool:
        """What has not left is not sent any more; what rests is cancelled, if so set."""
        return order.stage is Stage.QUEUED or (self._settings.cancel_on_stop and order.place.tif is not Tif.IOC)

    def _waited_for(self, order: Order) -> bool:
        return self._settings.cancel_on_stop or order.stage is not Stage.OPEN

    def _give_up(self, now_ns: int) -> None:
        """What nobody has answered for is said to be unknown, so that whoever starts next asks."""
        self._gave_up = True
        for order in self._book.all_live():
            if not order.stage.over and self._waited_for(order):
                update = OrderUpdate(now_ns, now_ns, order.coid, OrderSignal.LOST, Reason.UNKNOWN, order.place.lots)
                self._teller.word(order, update, now_ns)

    # -- between -------------------------------------------------------------------------------------------------------

    def _began(self, now_ns: int) -> None:
        self._reconciler.began(now_ns)

    def _answer(self, answer: Reconciled | None, _now_ns: int) -> None:
        if answer is not None:
            self._link.told.append(answer)

    def _look_at_limits(self, now_ns: int) -> None:
        """`userRateLimit` of the accounts that have spent much since it was asked."""
        for address in self._limits.to_ask(self._stream.streamed, now_ns):
            body = {"type": "userRateLimit", "user": address}
            self._link.info(body, LIMITS_WEIGHT, now_ns, partial(self._learn, address), spare=True)
        self._agenda.at(now_ns + ASK_NS, self._look_at_limits)

    def _learn(self, address: str, raw: bytes | None, _now_ns: int) -> None:
        try:
            if raw is not None:
                self._limits.learn(address, RATE_LIMIT.decode(raw))
        except MessageRefused:
            self._link.set_aside("a rate limit that cannot be read")
