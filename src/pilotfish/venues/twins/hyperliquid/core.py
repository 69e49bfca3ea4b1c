"""Orders to books, trades to accounts. What it says against an order is in the venue's own words.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/error-responses
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from pilotfish.domain.orders import Tif
from pilotfish.venues.hyperliquid.wire.answers import Filled, Resting, Status
from pilotfish.venues.hyperliquid.wire.messages import FillLiquidation, NonUserCancel
from pilotfish.venues.hyperliquid.wire.messages import Trade as Print
from pilotfish.venues.sim.matching import ANONYMOUS, Pulled, Trade
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.fills import book_fill
from pilotfish.venues.twins.hyperliquid.market import Market
from pilotfish.venues.twins.hyperliquid.news import News
from pilotfish.venues.twins.hyperliquid.order import TIFS, Order, Wanted
from pilotfish.venues.twins.hyperliquid.settings import MS, HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.text import digest, ratio, stranger

GONE = "Order was never placed, already canceled, or filled."
OIDS_FROM = 40_000_000_000


class Core:
    """Books, accounts and orders of record. `now_ns` is true time; `ms` is the venue's clock."""

    def __init__(self, settings: HyperliquidSettings, markets: Sequence[Market], start_ns: int) -> None:
        self.settings, self.now_ns, self.skew_ns = settings, start_ns, settings.skew_ns
        self.markets = {market.asset: market for market in markets}
        self.by_coin = {market.coin: market for market in markets}
        self.accounts: dict[str, Account] = {}
        self.orders: dict[int, Order] = {}
        self.news = News()
        self.duplicates = 0
        self.funded_ms: list[int] = []
        self._owners: list[Account] = []
        self._trades = 0

    @property
    def ms(self) -> int:
        return (self.now_ns + self.skew_ns) // MS

    def account(self, address: str) -> Account:
        """Of any address; it exists for the venue once something was deposited."""
        key = address.lower()
        if key not in self.accounts:
            self._owners.append(Account(key, len(self._owners) + 1))
            self.accounts[key] = self._owners[-1]
        return self.accounts[key]

    def market_of(self, order: Order) -> Market:
        return self.by_coin[order.instrument.symbol]

    # -- orders --------------------------------------------------------------------------------------------------------

    def place(self, account: Account, wanted: Wanted, most: int | None = None) -> Status:
        """One order, from screening to its first word. `most`: how many lots the matching gets to."""
        market = self.markets[wanted.asset]
        if wanted.cloid and (known := account.cloids.get(wanted.cloid)) and not known.status.endswith("Rejected"):
            self.duplicates += 1
            return Status(error=f"Order with this cloid was placed before: {wanted.cloid}")
        against = self._screen(account, market, wanted)
        if against == "perpMarginRejected":
            order = self.number(account, market, wanted)
            return self._refuse(order, against, "Insufficient margin to place order.")
        if against:
            return Status(error=f"{against} asset={wanted.asset}")
        order = self.number(account, market, wanted)
        if wanted.trigger:
            return self._wait(account, market, order)
        return self.enter(market, order, most)

    def enter(self, market: Market, order: Order, most: int | None = None, tif: Tif | None = None) -> Status:
        """Give a screened order to the book; settle what trades, and keep what rests."""
        account, book = self.accounts[order.owner], market.book
        book.now_ns = self.now_ns
        tif = TIFS[order.tif] if tif is None else tif
        if tif is Tif.ALO and book.crosses(order.side, order.price):
            bid, _, ask, _ = book.best()
            bbo = f"{market.text(bid).removesuffix('.0')}@{market.text(ask).removesuffix('.0')}"
            return self._refuse(
                order, "badAloPxRejected", f"Post only order would have immediately matched, bbo was {bbo}."
            )
        lots = order.left if most is None else min(most, order.left)
        if order.reduce_only:
            lots = min(lots, self._room(account, market, order.side))
        raw = 0
        if lots > 0:
            placed = book.add(order.side, lots, order.price, tif, account.number)
            order.book_id, raw = placed.order_id, placed.raw
            if placed.rests:
                account.orders[order.oid] = market.live[placed.order_id] = order
            self.settle(market, order)
        if not order.left:
            self.end(order, "filled")
        elif tif is Tif.IOC and not order.filled:
            why = "Order could not immediately match against any resting orders."
            return self._refuse(order, "iocCancelRejected", why)
        elif tif is Tif.IOC:
            self.end(order, "canceled")
        elif book.lots_left(order.book_id):
            self.tell(order)
        else:
            self.end(order, "reduceOnlyCanceled")
        self._after(account, market, order)
        cloid = order.cloid or UNSET
        if not order.filled:
            return Status(resting=Resting(order.oid, cloid))
        decimals = market.instrument.price_decimals
        average = ratio(raw, order.filled * 10**decimals, decimals + 2)
        return Status(filled=Filled(market.size(order.filled), average, order.oid, cloid))

    def cancel(self, account: Account, asset: int, which: int | str) -> Status | str:
        """By oid or by cloid."""
        order = self.find(account, which)
        if order is None or not order.open or self.market_of(order).asset != asset:
            return Status(error=f"{GONE} asset={asset}")
        self.take_out(order, "canceled")
        return "success"

    def modify(self, account: Account, which: int | str, wanted: Wanted) -> Status:
        """Take an order away and place another, under a new oid."""
        order = self.find(account, which)
        if order is None or not order.open:
            return Status(error="Cannot modify canceled or filled order")
        self.take_out(order, "canceled")
        if wanted.cloid and account.cloids.get(wanted.cloid) is order:
            del account.cloids[wanted.cloid]
        status = self.place(account, wanted)
        if wanted.cloid:  # the new order was refused: its name is still the old one's
            account.cloids.setdefault(wanted.cloid, order)
        return status

    def find(self, account: Account, which: object) -> Order | None:
        if isinstance(which, str):
            return account.cloids.get(which.lower())
        order = self.orders.get(which) if isinstance(which, int) else None
        return order if order and order.owner == account.address else None

    def take_out(self, order: Order, status: str) -> None:
        """End an open order, wherever it waits; the account is told when it did not ask."""
        market = self.market_of(order)
        if order.book_id:
            market.book.cancel(order.book_id)
            market.live.pop(order.book_id, None)
        if order in market.triggers:
            market.triggers.remove(order)
        self.end(order, status)
        if status != "canceled":
            note = NonUserCancel(market.coin, order.oid)
            self.news.cancels.setdefault(order.owner, []).append(note)
        if not order.filled:
            for child in [child for child in order.children if child.open]:
                self.take_out(child, status)

    def end(self, order: Order, status: str) -> None:
        account = self.accounts[order.owner]
        if order.oid in account.orders:
            del account.orders[order.oid]
        order.status, order.status_ms = status, self.ms
        account.closed.append(order)
        self.tell(order)

    # -- trades --------------------------------------------------------------------------------------------------------

    def settle(self, market: Market, taker: Order | None, forced: FillLiquidation | None = None) -> None:
        """Post the book's log, and tell whom it concerns."""
        for entry in market.book.drain():
            if isinstance(entry, Pulled):
                self.take_out(market.live[entry.order_id], "selfTradeCanceled")
                continue
            maker = market.live.get(entry.maker_id) if entry.maker_owner != ANONYMOUS else None
            named = taker if entry.taker_owner != ANONYMOUS else None
            trade = self._print(market, entry, maker, named)
            for order, crossed in ((maker, False), (named, True)):
                if order is not None:
                    account = self.accounts[order.owner]
                    fill = book_fill(
                        account, order, market, trade, entry.lots, entry.price, crossed, forced if crossed else None
                    )
                    self.news.fills.setdefault(order.owner, []).append(fill)
                    self.news.anything = True
            if maker is not None:
                if not maker.left:
                    market.live.pop(maker.book_id, None)
                    self.end(maker, "filled")
                self._after(self.accounts[maker.owner], market, maker)

    def stamp(self, *about: object) -> tuple[int, str]:
        """A trade id and a transaction hash: 48 and 256 bits."""
        self._trades += 1
        seed = self.settings.seed
        return digest(6, seed, "tid", self._trades, *about), f"0x{digest(32, seed, 'hash', self.ms, *about):064x}"

    def tell_print(self, market: Market, trade: Print, price: int, lots: int) -> None:
        market.printed(trade, price, lots)
        self.news.trades.setdefault(market.coin, []).append(trade)
        self.news.anything = True

    def _print(self, market: Market, entry: Trade, maker: Order | None, taker: Order | None) -> Print:
        tid, tx = self.stamp()
        sides = {
            -entry.side: maker.owner if maker else stranger(self.settings.seed, tid),
            entry.side: taker.owner if taker else stranger(self.settings.seed, tid // 7 + 1),
        }
        side = "B" if entry.side > 0 else "A"
        px, sz = market.text(entry.price), market.size(entry.lots)
        trade = Print(market.coin, side, px, sz, self.ms, tid, tx, (sides[1], sides[-1]))  # type: ignore[arg-type]
        self.tell_print(market, trade, entry.price, entry.lots)
        return trade

    # -- inside --------------------------------------------------------------------------------------------------------

    def number(self, account: Account, market: Market, wanted: Wanted) -> Order:
        """An order of record, not in any book yet."""
        order = Order(wanted, market.instrument, OIDS_FROM + len(self.orders), account.address, self.ms)
        self.orders[order.oid] = order
        if order.cloid:
            account.cloids[order.cloid] = order
        return order

    def _screen(self, account: Account, market: Market, wanted: Wanted) -> str:
        """What the venue says against an order, or ""."""
        room = self._room(account, market, wanted.side)
        later = wanted.trigger is not None
        if wanted.reduce_only and not later and not room:
            return "Reduce only order would increase position."
        lots = min(wanted.lots, room) if wanted.reduce_only else wanted.lots
        closes = wanted.reduce_only and lots == room
        if market.cash(lots, wanted.price) < market.instrument.min_notional and not (closes or later):
            return "Order must have minimum value of $10."
        if (
            not later
            and not market.mark // 5 <= wanted.price <= market.mark * 9 // 5
            and TIFS[wanted.tif] is not Tif.IOC
        ):
            return "Order price cannot be more than 80% away from the reference price"
        if not wanted.reduce_only and account.lacks(market, wanted.side, wanted.lots):
            return "perpMarginRejected"
        return ""

    def _wait(self, account: Account, market: Market, order: Order) -> Status:
        if order.trigger and order.trigger.reached(order.side, market.mark):
            return self._refuse(order, "badTriggerPxRejected", "Invalid TP/SL price.")
        market.triggers.append(order)
        account.orders[order.oid] = order
        self.tell(order)
        return Status(resting=Resting(order.oid, order.cloid or UNSET))

    def _after(self, account: Account, market: Market, order: Order) -> None:
        """What a fill does to other orders: children begin, and reduce-only ones that nothing is left for end."""
        if not order.filled:
            return
        for child in order.children:
            if child.open and child not in market.triggers:
                market.triggers.append(child)
        for other in [o for o in account.orders.values() if o.reduce_only and o.instrument is market.instrument]:
            room = self._room(account, market, other.side)
            attached = other.trigger is None or other.with_position or other.parent
            if not room and attached and (other.parent is None or not other.parent.open):
                self.take_out(other, "reduceOnlyCanceled")
            elif other.book_id:
                self._fit(account, market, other, min(other.left, room))

    def _fit(self, account: Account, market: Market, order: Order, lots: int) -> None:
        """A resting reduce-only order stands in the book with what the position leaves it; its size stays as asked."""
        book = market.book
        stands = book.lots_left(order.book_id)
        if stands == lots:
            return
        if stands > lots:
            book.amend(order.book_id, lots, order.price)
            return
        book.cancel(order.book_id)
        market.live.pop(order.book_id, None)
        order.book_id = book.add(order.side, lots, order.price, Tif.ALO, account.number).order_id
        if book.lots_left(order.book_id):
            market.live[order.book_id] = order
        else:
            self.take_out(order, "reduceOnlyCanceled")

    def _room(self, account: Account, market: Market, side: int) -> int:
        """How much a `side` order can reduce."""
        return max(0, -side * account.holding(market).lots)

    def _refuse(self, order: Order, status: str, why: str) -> Status:
        self.end(order, status)
        return Status(error=f"{why} asset={self.market_of(order).asset}")

    def tell(self, order: Order) -> None:
        """Its owner hears how it stands."""
        self.news.orders.setdefault(order.owner, []).append(order.state())
        self.news.anything = True
