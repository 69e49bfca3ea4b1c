"""Our orders as this process knows them: where each stands at the venue, and what of it has traded."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec

from pilotfish.domain.events import OrderUpdate
from pilotfish.domain.orders import Amend, Place
from pilotfish.venues.hyperliquid.accounts import Account
from pilotfish.venues.hyperliquid.trading.results import Batch
from pilotfish.venues.hyperliquid.wire.actions import Listed

_KEPT = 65_536  # orders that are over are remembered so far, to answer questions and to know doubles
_KEPT_BATCHES = 256


class Stage(IntEnum):
    QUEUED = 0  # has not left us
    POSTED = 1  # on its way: the reply is awaited
    OPEN = 2
    UNKNOWN = 3  # asked about until the venue says
    ENDED = 4  # the venue has said what it left
    REFUSED = 5  # it was never taken
    ABSENT = 6  # it surely never arrived, and cannot any more

    @property
    def over(self) -> bool:
        return self >= Stage.ENDED


class Traded(NamedTuple):
    """A part that traded. `exact`: from the account's own fills, with its fee; else from the public tape."""

    lots: int
    cost: int
    fee: int
    ns: int
    exact: bool


class Order(msgspec.Struct, eq=False):
    """One order. `place` is as it stands: with the lots and the price of its last amendment."""

    place: Place
    account: Account
    listed: Listed
    batch: Batch | None = None
    stage: Stage = Stage.QUEUED
    known: bool = False  # the venue has said that it has it, or had
    adopted: bool = False  # from before this process: what traded earlier is not known here
    oid: int = 0
    retired: set[int] = msgspec.field(default_factory=set)  # oids that amendments ended
    parts: dict[int, Traded] = msgspec.field(default_factory=dict)  # by trade id
    left: int = 0  # lots, once ENDED
    end: OrderUpdate | None = None  # its last word
    held: OrderUpdate | None = None  # a word that waits for the reply to what is on its way
    posted_ms: int = 0  # it cannot have traded before
    expires_ns: int = 0  # from then on it cannot arrive any more, but for the margin between clocks
    queued_ns: int = 0
    confirmed_ns: int = 0  # when the venue last said where it stands
    asking: bool = False
    hinted: bool = False  # the tape shows a trade that may be its own: the account's fills are asked for
    waived: bool = False  # adopted, and what the venue still keeps of its fills was told: no more is waited for
    cancels: bool = False  # a cancel is wanted
    amending: Amend | None = None  # on its way
    amend: Amend | None = None  # wanted next

    @property
    def coid(self) -> int:
        return self.place.coid

    @property
    def filled(self) -> int:
        return sum(part.lots for part in self.parts.values())

    @property
    def missing(self) -> int:
        """Lots that traded, and of which no fill is known yet; only of an order that ENDED."""
        return self.place.lots - self.left - self.filled

    def accounted(self) -> bool:
        """It ended, and all that it traded is known. The account's own fills are believed before any word."""
        if self.stage is not Stage.ENDED:
            return False
        missing = self.missing
        return self.waived or not missing or (missing < 0 and all(part.exact for part in self.parts.values()))


class Orders:
    """Orders by client order id; those that are not settled also by the address that they trade for."""

    def __init__(self) -> None:
        self.live: dict[str, dict[int, Order]] = {}
        self.batches: dict[int, Batch] = {}
        self._by_coid: dict[int, Order] = {}
        self._by_oid: dict[int, Order] = {}
        self._settled: dict[int, None] = {}

    def add(self, order: Order) -> None:
        self._by_coid[order.coid] = order
        self._settled.pop(order.coid, None)
        self.live.setdefault(order.account.trades_as, {})[order.coid] = order

    def add_batch(self, batch: Batch) -> None:
        self.batches[batch.command.coid] = batch
        if len(self.batches) > _KEPT_BATCHES:
            over = next((coid for coid, one in self.batches.items() if one.over), None)
            if over is not None:
                del self.batches[over]

    def get(self, coid: int) -> Order | None:
        return self._by_coid.get(coid)

    def of_oid(self, oid: int) -> Order | None:
        return self._by_oid.get(oid)

    def named(self, order: Order, oid: int) -> None:
        """The venue's number of an order; an earlier one is retired."""
        if oid == order.oid or oid in order.retired:
            return
        if order.oid:
            order.retired.add(order.oid)
        order.oid = oid
        self._by_oid[oid] = order

    def amended(self, order: Order, amend: Amend, oid: int) -> None:
        """The venue has put an amended order, with a number of its own, in the place of the old one."""
        order.place = msgspec.structs.replace(order.place, lots=amend.lots, price=amend.price)
        order.amending = order.held = None
        self.named(order, oid)

    def settle(self, order: Order) -> None:
        """Nothing more is expected of it."""
        mine = self.live.get(order.account.trades_as, {})
        mine.pop(order.coid, None)
        if not mine:
            self.live.pop(order.account.trades_as, None)
        self._settled[order.coid] = None
        while len(self._settled) > _KEPT:
            old = self._by_coid.pop(next(iter(self._settled)))
            del self._settled[old.coid]
            for oid in (old.oid, *old.retired):
                self._by_oid.pop(oid, None)

    def revive(self, order: Order) -> None:
        """What was thought over is not."""
        self.add(order)

    def of(self, address: str) -> list[Order]:
        return list(self.live.get(address, {}).values())

    def all_live(self) -> list[Order]:
        return [order for orders in self.live.values() for order in orders.values()]
