"""What the twins of centralised exchanges share: accounts, orders, fills and books over the simulator's matching.

Their wire protocols are in `binance`, `bybit` and `okx`. Everything is an integer in the instrument's own units; money
is in 10^-6 of the quote. An order's client id, its fills and every change are kept, for tests to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from pilotfish.domain.instrument import Kind, Side
from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.matching import ANONYMOUS, OrderBook, Pulled
from pilotfish.venues.twins.exchanges.records import CexAccount, CexFunding, CexMarket, CexOrder, CexTrade, Refusal
from pilotfish.venues.twins.faults import SECOND, Fault, TwinFaults, TwinSettings
from pilotfish.venues.twins.port import Push

MS = 1_000_000
LEVELS = 20


class CexTwin:
    """The exchange without its protocol. Subclasses say what happened (`said`, `showed`) and answer requests."""

    unique_among_open = False  # whether a finished order's client id may be used again
    takes_crossing_posts = True  # and cancels them at once, instead of refusing them

    def __init__(
        self, markets: Sequence[CexMarket], mids: Sequence[int], faults: TwinFaults | None = None,
        settings: TwinSettings | None = None, start_ns: int = 0, *, walks: bool = False,
    ) -> None:  # fmt: skip
        self.settings, self.faults, self.walks = settings or TwinSettings(), faults or TwinFaults(), walks
        self.pushes: list[Push] = []
        self.markets = {one.name: one for one in markets}
        self.books = {one.name: OrderBook(one.instrument) for one in markets}
        self.marks = {one.name: mid for one, mid in zip(markets, mids, strict=True)}
        self.accounts: dict[str, CexAccount] = {}
        self.orders: dict[int, CexOrder] = {}
        self.trades: list[CexTrade] = []
        self.fundings: list[CexFunding] = []
        self.counts: Counter[str] = Counter()
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.now_ns = start_ns
        self._dead_man: dict[int, int] = {}
        self._lasting: dict[Fault, int] = {}
        self._by_book: dict[tuple[str, int], CexOrder] = {}
        self._chance = np.random.default_rng(self.settings.seed)
        self._next_ns = start_ns + SECOND
        for name, mid in self.marks.items():
            self.lay(name, mid)

    # For tests and demonstrations.

    def open_account(self, key: str, secret: str, password: str = "", money: int = 10**12) -> CexAccount:
        account = self.accounts[key] = CexAccount(len(self.accounts) + 1, key, secret, password, money)
        return account

    def lay(self, name: str, mid: int, lots: int = 1_000, levels: int = LEVELS) -> None:
        """A ladder of `levels` prices with `lots` each around `mid`; resting orders it crosses trade."""
        tick = self.markets[name].instrument.tick
        mid -= mid % tick
        bids = [(mid - tick * (n + 1), lots) for n in range(levels)]
        asks = [(mid + tick * (n + 1), lots) for n in range(levels)]
        self.books[name].now_ns = self.now_ns
        self.books[name].replace_anonymous(bids, asks)
        self.marks[name] = mid
        self._settle(name)
        self.showed(name)

    def cross(self, name: str, side: Side, lots: int, price: int) -> None:
        """Somebody else takes `lots` up to `price`: what rests there trades."""
        self.books[name].now_ns = self.now_ns
        self.books[name].add(side, lots, price, Tif.IOC, ANONYMOUS)
        self._settle(name)
        self.showed(name)

    def pay_funding(self, name: str, rate_e6: int) -> None:
        """Every position of this market pays (or is paid) now."""
        mark, instrument = self.marks[name], self.markets[name].instrument
        for account in self.accounts.values():
            lots = account.positions.get(name, 0)
            if lots:
                side = 1 if lots > 0 else -1
                money = side * instrument.notional_floor(lots, mark) * rate_e6 // 1_000_000
                account.money -= money
                number = len(self.fundings) + 9_000_001
                self.fundings.append(CexFunding(number, account.number, name, lots, money, rate_e6, mark, self.now_ns))

    def fundings_of(self, account: CexAccount, name: str | None) -> list[CexFunding]:
        return [one for one in self.fundings if one.owner == account.number and name in (None, one.name)]

    def of_client(self, client: str) -> list[CexOrder]:
        return [order for order in self.orders.values() if order.client == client]

    def top(self, name: str) -> tuple[int, int, int, int]:
        """Bid, bid lots, ask, ask lots; crossed where that fault is hit."""
        bid, bid_lots, ask, ask_lots = self.books[name].best()
        return (ask, ask_lots, bid, bid_lots) if self.faults.hit(Fault.CROSSED) else (bid, bid_lots, ask, ask_lots)

    # What orders may do.

    def place(self, account: CexAccount, wanted: CexOrder) -> CexOrder:
        """Raises Refusal: duplicate, balance, reduce_only, post_only, minimum."""
        self._check(account, wanted)
        crosses = wanted.tif is Tif.ALO and self.books[wanted.market.name].crosses(wanted.side, wanted.price)
        if crosses and not self.takes_crossing_posts:
            raise Refusal("post_only")
        wanted.id = len(self.orders) + 1_000_001
        self.orders[wanted.id] = wanted
        if crosses:
            self._end(wanted, "cancelled")
        else:
            self._match(wanted)
        return wanted

    def cancel(self, order: CexOrder | None) -> CexOrder:
        """Raises Refusal: unknown."""
        if order is None or order.status != "open":
            raise Refusal("unknown")
        self.books[order.market.name].cancel(order.book_id)
        self._end(order, "cancelled")
        self.showed(order.market.name)
        return order

    def amend(self, order: CexOrder | None, lots: int, price: int) -> CexOrder:
        """Its whole size and price, in one step. Raises Refusal: unknown."""
        if order is None or order.status != "open":
            raise Refusal("unknown")
        if lots <= order.filled:
            return self.cancel(order)
        book = self.books[order.market.name]
        if order.tif is Tif.ALO and book.crosses(order.side, price):
            raise Refusal("post_only")
        order.lots, order.price, order.updated_ns = lots, price, self.now_ns
        book.now_ns = self.now_ns
        book.amend(order.book_id, lots - order.filled, price)
        self.said(order, None)
        self._settle(order.market.name)
        self.showed(order.market.name)
        return order

    def find(self, account: CexAccount, number: str | None, client: str | None) -> CexOrder | None:
        """By either id, the newest first."""
        for order in reversed(self.orders.values()):
            if order.owner == account.number and (
                str(order.id) == number if number else bool(client) and order.client == client
            ):
                return order
        return None

    def open_orders(self, account: CexAccount, name: str | None = None) -> Iterator[CexOrder]:
        for order in self.orders.values():
            if order.owner == account.number and order.status == "open" and name in (None, order.market.name):
                yield order

    def trades_of(self, account: CexAccount, name: str | None, start_ms: int, end_ms: int) -> list[CexTrade]:
        """Oldest first."""
        return [
            trade
            for trade in self.trades
            if trade.order.owner == account.number
            and name in (None, trade.order.market.name)
            and start_ms <= self.stamp_ms(trade.ns) <= end_ms
        ]

    def keep_alive(self, account: CexAccount, after_ns: int) -> None:
        """The dead man's switch: all of its orders are cancelled `after_ns` from now. 0 ends it."""
        self._dead_man.pop(account.number, None)
        if after_ns:
            self._dead_man[account.number] = self.now_ns + after_ns

    # Time and faults.

    def stamp_ms(self, ns: int) -> int:
        """By the exchange's own clock, which may be off."""
        off = self.settings.skew_ns
        if self.lasts(Fault.SKEW):
            off += 10 * SECOND
        return (ns + off) // MS

    def lasts(self, fault: Fault) -> bool:
        """Whether a fault that lasts is under way now."""
        return self.now_ns < self._lasting.get(fault, -1)

    def strikes(self, fault: Fault) -> bool:
        """Whether a fault is under way, or begins with this opportunity and lasts."""
        if not self.lasts(fault) and self.faults.hit(fault):
            self._lasting[fault] = self.now_ns + self.faults.lasting_ns
        return self.lasts(fault)

    def advance(self, now_ns: int) -> None:
        while self._next_ns <= now_ns:
            self.now_ns = max(self.now_ns, self._next_ns)
            self._next_ns += SECOND
            self._second()
        self.now_ns = max(self.now_ns, now_ns)

    def next_ns(self) -> int | None:
        return self._next_ns

    def _second(self) -> None:
        for fault in (Fault.SKEW, Fault.FROZEN):
            self.strikes(fault)
        missed = bool(self._dead_man) and self.faults.hit(Fault.HEARTBEAT)
        for number, due in list(self._dead_man.items()):
            if missed or due <= self.now_ns:
                del self._dead_man[number]
                for order in [o for o in self.orders.values() if o.owner == number and o.status == "open"]:
                    self.cancel(order)
        for name in self.markets:
            if self.walks:
                tick = self.markets[name].instrument.tick
                self.lay(name, self.marks[name] + tick * int(self._chance.integers(-5, 6)))
            self.marked(name)

    # What the protocols say of it.

    def said(self, order: CexOrder, trade: CexTrade | None) -> None:
        """An order changed, by `trade` where there is one."""
        raise NotImplementedError

    def showed(self, name: str) -> None:
        """The book changed."""
        raise NotImplementedError

    def marked(self, name: str) -> None:
        """A second has passed."""
        raise NotImplementedError

    # Underneath.

    def _check(self, account: CexAccount, wanted: CexOrder) -> None:
        instrument = wanted.market.instrument
        for known in self.of_client(wanted.client) if wanted.client else ():
            if known.owner == account.number and (known.status == "open" or not self.unique_among_open):
                self.counts["duplicates_received"] += 1
                raise Refusal("duplicate")
        position = account.positions.get(wanted.market.name, 0)
        if wanted.reduce_only and position * wanted.side >= 0:
            raise Refusal("reduce_only")
        if wanted.reduce_only:
            wanted.lots = min(wanted.lots, abs(position))
        cost = instrument.notional_ceil(wanted.lots, wanted.price)
        if cost < instrument.min_notional and not wanted.reduce_only:
            raise Refusal("minimum")
        spot = instrument.kind is Kind.SPOT
        if self.faults.hit(Fault.BALANCE) or (cost if spot else cost // instrument.max_leverage) > account.money:
            raise Refusal("balance")

    def _match(self, order: CexOrder) -> None:
        book, name = self.books[order.market.name], order.market.name
        book.now_ns = self.now_ns
        partly = order.tif is Tif.IOC and order.lots > 1 and self.faults.hit(Fault.PARTIAL_BATCH)
        self.said(order, None)
        placed = book.add(order.side, order.lots // 2 if partly else order.lots, order.price, order.tif, order.owner)
        order.book_id = placed.order_id
        self._by_book[name, placed.order_id] = order
        self._settle(name)
        if order.status == "open" and not placed.rests:
            self._end(order, "expired")
        self.showed(name)

    def _settle(self, name: str) -> None:
        for entry in self.books[name].drain():
            if isinstance(entry, Pulled):
                self._end(self._by_book[name, entry.order_id], "expired")
                continue
            for book_id, maker in ((entry.maker_id, True), (entry.taker_id, False)):
                order = self._by_book.get((name, book_id))
                if order is not None and entry.maker_owner != entry.taker_owner:
                    self._trade(order, entry.lots, entry.price, maker=maker)

    def _trade(self, order: CexOrder, lots: int, price: int, *, maker: bool) -> None:
        instrument, account = order.market.instrument, self._owner(order)
        cost = instrument.notional_ceil(lots, price)
        rate = instrument.maker_fee_e6 if maker else instrument.taker_fee_e6
        fee = -(-cost * rate // 1_000_000)
        order.filled += lots
        order.raw += lots * price
        order.fee += fee
        order.updated_ns = self.now_ns
        if order.filled == order.lots:
            order.status = "filled"
        account.money -= fee
        account.positions[order.market.name] = account.positions.get(order.market.name, 0) + order.side * lots
        trade = CexTrade(len(self.trades) + 5_000_001, order, lots, price, fee, maker, self.now_ns)
        self.trades.append(trade)
        self.said(order, trade)

    def _end(self, order: CexOrder, status: str) -> None:
        order.status, order.updated_ns = status, self.now_ns
        self.said(order, None)

    def _owner(self, order: CexOrder) -> CexAccount:
        return next(account for account in self.accounts.values() if account.number == order.owner)
