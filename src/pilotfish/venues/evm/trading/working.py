"""Our orders as they stand: what was asked for, under which nonce it went out, what traded."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import msgspec

from pilotfish.domain.orders import Place, PlaceBatch
from pilotfish.domain.reasons import Reason
from pilotfish.venues.evm.public.confirmations import Key
from pilotfish.venues.evm.trading.nonces import Slot
from pilotfish.venues.evm.wire.swaps import Pool, Traded

_REMEMBERED = 65_536
NEVER = 2**62


class Stage(IntEnum):
    SIGNING = 0
    SENT = 1  # no answer yet
    UNKNOWN = 2  # sent, and nobody knows
    POOLED = 3  # a node has it
    DONE = 4


class Fills(msgspec.Struct, frozen=True):
    """One log's trade, and its number."""

    fill_id: int
    trade: Traded
    block: int
    stamp_ns: int


class Order(msgspec.Struct):
    """One client order id. `slot` is the nonce it stands under; `deadline_s` the second after which it cannot trade.

    `reverted`: the block in which it failed; -1: in none.
    """

    place: Place
    pool: Pool
    stage: Stage = Stage.SIGNING
    slot: Slot | None = None
    batch: Batch | None = None
    index: int = 0
    deadline_s: int = 0
    fills: dict[Key, Fills] = {}
    reverted: int = -1
    first_ns: int = 0
    ask_ns: int = NEVER
    acked: bool = False
    cancelling: bool = False
    absent: bool = False
    recalled: bool = False  # of an earlier life
    taken_back: bool = False  # a fill of it, after its end
    tries: int = 0

    @property
    def over(self) -> bool:
        return self.stage is Stage.DONE

    @property
    def filled(self) -> int:
        """Lots."""
        return sum(one.trade.lots for one in self.fills.values())

    @property
    def cost(self) -> int:
        return sum(one.trade.cost for one in self.fills.values())


class Result(msgspec.Struct, frozen=True):
    index: int
    signal: int
    lots: int
    cost: int
    reason: int
    done_ns: int


class Batch(msgspec.Struct):
    """A PlaceBatch that trades at once: results are told together. `ready`: those not told yet."""

    command: PlaceBatch
    orders: list[Order] = []
    ready: list[Result] = []

    @property
    def over(self) -> bool:
        return all(order.over for order in self.orders)


class Working:
    """All of them by client order id; those that are over are forgotten one day."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.live: dict[int, Order] = {}
        self._live_of: dict[int, dict[int, Order]] = {}  # by account
        self.batches: dict[int, Batch] = {}

    def add(self, order: Order) -> Order:
        place = order.place
        self.orders[place.coid] = self.live[place.coid] = order
        self._live_of.setdefault(place.account, {})[place.coid] = order
        if len(self.orders) > _REMEMBERED:
            self._forget()
        return order

    def finish(self, order: Order) -> None:
        order.stage, order.ask_ns, order.cancelling = Stage.DONE, NEVER, False
        self.live.pop(order.place.coid, None)
        self._live_of.get(order.place.account, {}).pop(order.place.coid, None)

    def open_of(self, account: int, instrument: int = -1) -> list[Order]:
        """Orders of an account that are not over."""
        mine = self._live_of.get(account, {}).values()
        return [order for order in mine if instrument in (-1, order.place.instrument)]

    def asked(self, coid: int) -> list[Order]:
        """What a question means by an id: an order, or all of a batch."""
        batch = self.batches.get(coid)
        if batch is not None:
            return batch.orders
        order = self.orders.get(coid)
        return [order] if order is not None else []

    def _forget(self) -> None:
        for coid, order in list(self.orders.items())[: _REMEMBERED // 8]:
            if order.over and (order.batch is None or order.batch.over):
                del self.orders[coid]
                self.batches.pop(coid, None)


def places(batch: PlaceBatch) -> Iterator[Place]:
    """The orders that a batch is."""
    columns = (batch.accounts.tolist(), batch.lots.tolist(), batch.prices.tolist())
    for k, (account, lots, price) in enumerate(zip(*columns, strict=True)):
        yield Place(batch.coid + k, account, batch.instrument, batch.side, lots, price, batch.tif, batch.reduce_only)


class Undo(msgspec.Struct, frozen=True):
    """What a log was acted on for: a trade of ours."""

    order: Order
    key: Key


def why_of(message: str) -> Reason:
    """What a router's or a token's revert means."""
    said = message.lower()
    if any(words in said for words in ("stf", "insufficient", "exceeds balance", "exceeds allowance", "allowance")):
        return Reason.BALANCE
    return Reason.SLIPPAGE if any(w in said for w in ("spl", "too little", "too much")) else Reason.REJECTED
