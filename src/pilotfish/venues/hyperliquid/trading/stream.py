"""What the streams say of our accounts: order updates, fills, funding, liquidations, and trades on the public tape.

User streams are for ten accounts per IP. What others trade is seen on the tape, which names buyer and seller but no
order: it is believed where it adds up to what the reply said, and otherwise only a reason to ask for the fills.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import Fill, OrderUpdate
from pilotfish.domain.instrument import Side
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Amend, OrderSignal, Tif
from pilotfish.venues.decimals import MessageRefused, fixed, fixed_floor
from pilotfish.venues.hyperliquid.accounts import USER_STREAMS_MAX, Account
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.ask import Asking
from pilotfish.venues.hyperliquid.trading.told import Teller
from pilotfish.venues.hyperliquid.trading.working import Order, Orders, Stage, Traded
from pilotfish.venues.hyperliquid.wire.actions import Cloids, Listed
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.hyperliquid.wire.books import NS_PER_MS
from pilotfish.venues.hyperliquid.wire.messages import (
    FillsFrame,
    FundingsFrame,
    NonUserCancel,
    OrdersFrame,
    OrderState,
    Trade,
    UserFill,
    UserFrame,
    UserFunding,
)
from pilotfish.venues.hyperliquid.wire.told import funding, order_update, own_fill

HINT_NS = 200_000_000  # a trade on the tape is followed by the account's fills so much later
_CLOCKS_MS = 2_000
_REMEMBERED = 16_384


class Stream:
    """Tells what concerns our orders and accounts. What is not ours is counted and left alone."""

    def __init__(
        self, link: Link, listing: Listing, orders: Orders, teller: Teller, asking: Asking, cloids: Cloids,
        accounts: Sequence[Account],
    ) -> None:  # fmt: skip
        self._link, self._listing, self._orders = link, listing, orders
        self._teller, self._asking, self._cloids = teller, asking, cloids
        self.accounts = {account.trades_as.lower(): account for account in accounts}
        self.streamed = frozenset(list(self.accounts)[:USER_STREAMS_MAX])
        self.floor_ms = 0  # what happened before was told by who was here before
        self.recalled = False  # whatever was alive when this process began is in memory
        self.counts: Counter[str] = Counter()
        self._seen: dict[tuple[str, int], None] = {}  # fills of orders that are not in memory
        asking.rows = self.rows

    def subscriptions(self) -> list[dict[str, object]]:
        kinds = ("orderUpdates", "userFills", "userEvents", "userFundings")
        return [{"type": kind, "user": user} for user in self.accounts if user in self.streamed for kind in kinds]

    def orders(self, frame: OrdersFrame, now_ns: int) -> None:
        for state in frame.data:
            coid = self._cloids.coid(state.order.cloid)
            if coid is None:
                self.counts["strangers"] += 1
                continue
            try:
                listed = self._listing.of(state.order.coin)
                update = order_update(state, listed.instrument, self._cloids, now_ns)
            except (MessageRefused, NumericOverflow):
                self._link.set_aside("an order update that makes no sense")
                continue
            order = self._orders.get(coid)
            if order is None:
                self._link.told.append(update)  # of before a restart: the engine knows what it is
            elif not self._replaced(order, state, update):
                self._orders.named(order, state.order.oid)
                self._teller.word(order, update, now_ns)

    def fills(self, frame: FillsFrame, now_ns: int) -> None:
        account = self.accounts.get(frame.data.user.lower())
        if account is None:
            return self._link.set_aside("fills of an account that is not ours")
        self.rows(account, frame.data.fills, now_ns)

    def rows(self, account: Account, rows: Sequence[UserFill], now_ns: int) -> None:
        """Fills as the venue keeps them for the account, in order of time."""
        for row in sorted(rows, key=lambda one: one.time):
            if row.time >= self.floor_ms:
                self._row(account, row, now_ns)

    def events(self, frame: UserFrame | FundingsFrame, now_ns: int) -> None:
        """Fills and funding are taken from the channels that name their account; these do not."""
        if isinstance(frame, FundingsFrame):
            account = self.accounts.get(frame.data.user.lower())
            if account is None:
                return self._link.set_aside("funding of an account that is not ours")
            for row in frame.data.fundings:
                self.funded(account, row, now_ns)
            return
        for one in frame.data.nonUserCancel or ():
            self._cancelled(one, now_ns)
        if frame.data.liquidation:
            self.counts["liquidation_notices"] += 1

    def trade(self, trade: Trade, now_ns: int) -> None:
        """A public trade; what the ten accounts trade comes by their own streams."""
        if not isinstance(trade.users, tuple):
            return
        buyer, seller = trade.users
        if buyer == seller:
            return
        for user, side in ((buyer.lower(), Side.BUY), (seller.lower(), Side.SELL)):
            if user in self._orders.live and user not in self.streamed:
                self._on_tape(user, side, trade, now_ns)

    # -- one by one ----------------------------------------------------------------------------------------------------

    def _replaced(self, order: Order, state: OrderState, update: OrderUpdate) -> bool:
        """Whether this is the end of an oid that an amendment has taken away, or takes away now: kept back."""
        oid = state.order.oid
        if oid in order.retired:
            return True
        if order.amending is not None and order.oid and oid != order.oid:
            self._orders.amended(order, order.amending, oid)
        if order.amending is not None and oid == order.oid and update.signal is OrderSignal.CANCEL:
            order.held = update
            return True
        return False

    def _row(self, account: Account, row: UserFill, now_ns: int) -> None:
        forced = bool(row.liquidation)
        if not forced and self._cloids.coid(row.cloid) is None:
            self.counts["strangers"] += 1
            return
        try:
            listed = self._listing.of(row.coin)
            fill = own_fill(row, listed.instrument, self._cloids, account.account, account.trades_as, now_ns)
        except (MessageRefused, NumericOverflow):
            return self._link.set_aside("a fill that makes no sense")
        if isinstance(fill, Fill) and (order := self._orders.get(fill.coid)) is not None:
            late = row.oid in order.retired and order.stage is Stage.OPEN
            fresh = fill.fill_id not in order.parts
            self._teller.fill(order, fill, now_ns)
            if late and fresh:  # it filled while it was being amended: the new order is too large by that
                order.amend = order.amend or _as_it_stands(order)
                self._teller.opened(order, now_ns)
        elif isinstance(fill, Fill) and self.recalled and account.account != OMNIBUS:
            self.counts["fills_of_before"] += 1  # of an order, perhaps of a batch, that was over: all of it was told
        elif (account.trades_as, fill.fill_id) not in self._seen:
            self._seen[account.trades_as, fill.fill_id] = None
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]
            self._link.told.append(fill)

    def _cancelled(self, one: NonUserCancel, now_ns: int) -> None:
        order = self._orders.of_oid(one.oid)
        if order is None:
            self.counts["strangers"] += 1
        elif not order.stage.over and one.oid == order.oid:
            self._asking.doubtful(order, now_ns)  # the notice does not say how much was left

    def funded(self, account: Account, row: UserFunding, now_ns: int) -> None:
        """Funding of an account, told once or more: it has an id of its own."""
        if not isinstance(row.time, int) or row.time < self.floor_ms:
            return
        try:
            listed = self._listing.of(row.coin)
            price = _oracle(row, listed)
            if price:
                ms, instrument = row.time, listed.instrument
                self._link.told.append(funding(row, ms, instrument, account.account, price, now_ns))
        except (MessageRefused, NumericOverflow):
            self._link.set_aside("funding that makes no sense")

    def _on_tape(self, user: str, side: Side, trade: Trade, now_ns: int) -> None:
        mine = [
            order for order in self._orders.of(user)
            if order.listed.instrument.symbol == trade.coin and order.place.side == side
            and order.stage is not Stage.QUEUED and trade.time >= order.posted_ms - _CLOCKS_MS
        ]  # fmt: skip
        for order in mine:
            if order.place.tif is Tif.IOC and len(mine) == 1:
                self._summed(order, trade, now_ns)
            elif order.place.tif is not Tif.IOC:
                order.hinted = True
                self._asking.chase(order.account, now_ns, HINT_NS)

    def _summed(self, order: Order, trade: Trade, now_ns: int) -> None:
        instrument = order.listed.instrument
        try:
            lots, price = fixed(trade.sz, instrument.lot_decimals), fixed(trade.px, instrument.price_decimals)
            cost = instrument.cost(order.place.side, lots, price)
        except (MessageRefused, NumericOverflow):
            return self._link.set_aside("a trade that makes no sense")
        if lots > 0 and (order.place.price - price) * order.place.side >= 0 and order.batch is not None:
            order.parts.setdefault(trade.tid, Traded(lots, cost, 0, trade.time * NS_PER_MS, False))
            if order.stage is Stage.ENDED:
                self._teller.settle(order, now_ns)


def _oracle(row: UserFunding, listed: Listed) -> int:
    """The price that funding was reckoned at: it is size · price · rate; 0 where nothing was paid."""
    decimals = listed.instrument.price_decimals
    for text in (row.usdc, row.szi, row.fundingRate):
        fixed_floor(text, 0)  # refuses what is no number
    paid, of = abs(Decimal(row.usdc)), abs(Decimal(row.szi) * Decimal(row.fundingRate))
    return 0 if not paid or not of else max(1, int((paid / of).scaleb(decimals)))


def _as_it_stands(order: Order) -> Amend:
    return Amend(order.coid, order.place.lots, order.place.price)
