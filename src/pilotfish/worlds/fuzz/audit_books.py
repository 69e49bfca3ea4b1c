"""The auditor's own books, kept from events and commands alone, with Python integers: what every account must hold."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from pilotfish.domain.events import BatchUpdate, CashMoved, Event, Fill, FollowsOpened, Funding, Liquidation
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import OrderSignal, Place, PlaceBatch, Tif

FINAL = (int(OrderSignal.FILLED), int(OrderSignal.CANCEL), int(OrderSignal.REJECT))


class OwnOrder:
    """One order, or one of a batch (then with its follow `row`), and what it did by the venue's word."""

    __slots__ = ("account", "cost", "fee", "fills", "instrument", "lots", "rests", "row", "side", "size")

    def __init__(self, account: int, instrument: int, side: int, size: int, row: int = -1, rests: bool = False) -> None:
        self.rests = rests  # it may lie in the book, and its fills are told one by one
        self.account, self.instrument, self.side, self.size, self.row = account, instrument, side, size, row
        self.lots = self.cost = self.fee = 0
        self.fills: set[int] = set()


class OwnBooks:
    """Lots and money by account of the venue, the way the venue must see them once everything has been told."""

    def __init__(self) -> None:
        self.orders: dict[int, OwnOrder] = {}
        self.batches: dict[int, int] = {}  # first client order id → orders
        self.lots: defaultdict[tuple[int, int], int] = defaultdict(int)  # (account, instrument)
        self.cash: defaultdict[int, int] = defaultdict(int)  # account
        self.deposits = self.fees = self.funding = self.executions = 0
        self._seen: set[tuple[str, int]] = set()

    def place(self, command: Place | PlaceBatch, rows: list[int]) -> None:
        """An order that leaves for the first time; `rows` are the follows of a batch."""
        rests = command.tif is not Tif.IOC
        if isinstance(command, Place):
            where = (command.account, command.instrument, command.side)
            self.orders[command.coid] = OwnOrder(*where, command.lots, rests=rests)
            return
        self.batches[command.coid] = command.lots.size
        columns = zip(command.accounts.tolist(), command.lots.tolist(), rows, strict=True)
        for k, (account, lots, row) in enumerate(columns):
            self.orders[command.coid + k] = OwnOrder(account, command.instrument, command.side, lots, row, rests)

    def take(self, event: Event, accounts: Any) -> None:
        """What an event moves. `accounts(row)` is the venue account that a follow trades on."""
        if isinstance(event, Fill):
            self._fill(event)
        elif isinstance(event, BatchUpdate):
            self._results(event)
        elif isinstance(event, Funding) and self._first("funding", event.funding_id):
            for account, amount in zip(event.accounts.tolist(), event.amounts.tolist(), strict=True):
                self.cash[account] -= amount
                self.funding += amount
        elif isinstance(event, Liquidation) and self._first("liquidation", event.fill_id):
            self.lots[event.account, event.instrument] += event.lots
            side = 1 if event.lots > 0 else -1
            self.cash[event.account] -= side * event.cost + event.fee
            self.fees += event.fee
        elif isinstance(event, FollowsOpened):
            first = accounts.first
            for k, amount in enumerate(event.follows.allocation.tolist()):
                self.deposit(accounts(first + k), amount)
        elif isinstance(event, CashMoved):
            for row, amount in zip(event.rows.tolist(), event.amounts.tolist(), strict=True):
                self.deposit(accounts(row), amount)

    def deposit(self, account: int, amount: int) -> None:
        self.cash[account] += amount
        self.deposits += amount

    def total_lots(self, instrument: int) -> int:
        return sum(lots for (_, k), lots in self.lots.items() if k == instrument)

    def _first(self, kind: str, number: int) -> bool:
        fresh = (kind, number) not in self._seen
        self._seen.add((kind, number))
        return fresh

    def _fill(self, event: Fill) -> None:
        """Once by its id, and never beyond the size: the venue's word about an order that cannot be is no fill."""
        order = self.orders.get(event.coid)
        if order is None or (order.row >= 0 and not order.rests) or event.fill_id in order.fills:
            return
        if order.lots + event.lots > order.size:
            return
        order.fills.add(event.fill_id)
        self._post(order, event.lots, event.cost, event.fee)

    def _results(self, event: BatchUpdate) -> None:
        if event.coid not in self.batches:
            return
        columns = (event.index, event.signal, event.lots, event.cost, event.fee)
        for k, signal, lots, cost, fee in zip(*(column.tolist() for column in columns), strict=True):
            order = self.orders[event.coid + k]
            if signal in FINAL and not order.fills:
                order.fills.add(0)
                self._post(order, lots, cost, fee)

    def _post(self, order: OwnOrder, lots: int, cost: int, fee: int) -> None:
        order.lots += lots
        self.executions += lots > 0
        order.cost += cost
        order.fee += fee
        self.fees += fee
        self.lots[order.account, order.instrument] += order.side * lots
        self.cash[order.account] -= order.side * cost + fee


class AccountOf:
    """Which venue account a follow trades on; `first` is the row that the next follow will get."""

    def __init__(self, omnibus: bool) -> None:
        self.omnibus = omnibus
        self.followers: list[int] = []

    @property
    def first(self) -> int:
        return len(self.followers)

    def __call__(self, row: int) -> int:
        return OMNIBUS if self.omnibus else self.followers[row]
