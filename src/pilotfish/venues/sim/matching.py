"""A limit order book in price-time priority that knows every order's place in its queue. Plain integers, no clock.

Self-trade prevention is *cancel resting* (Hyperliquid's "expire maker"): an order that meets one of its own account
pulls the resting one and goes on. Anonymous flow is many people and may trade with itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pilotfish.domain.errors import VenueError
from pilotfish.domain.instrument import Instrument, Side
from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.levels import Half, Resting

ANONYMOUS = -1_000_000  # everybody who is neither ours nor a lead
BATCH = -1_000_001  # the taker of `take`: many accounts at once, told apart by whoever calls it


class Trade(NamedTuple):
    """One execution; `side` is the taker's. All anonymous makers of one price are one trade with `maker_id` 0."""

    ns: int
    maker_id: int
    maker_owner: int
    taker_id: int
    taker_owner: int
    side: int
    lots: int
    price: int


class Pulled(NamedTuple):
    """A resting order cancelled because its own account was about to trade with it."""

    ns: int
    order_id: int
    owner: int
    lots: int


class Placed(NamedTuple):
    """What became of an order at once: `raw` is the exact sum of lots·price that traded, `left` what did not trade."""

    order_id: int
    filled: int
    raw: int
    left: int
    rests: bool


class OrderBook:
    """One instrument's book. Trades of real accounts go to a log that `drain` empties; anonymous ones leave no trace.

    `now_ns` stamps what is logged: whoever acts on the book sets it first.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.now_ns = 0
        self._bids, self._asks = Half(Side.BUY), Half(Side.SELL)
        self._crowd: dict[int, Resting] = {}  # anonymous orders that can be cancelled by id
        self._named: dict[int, Resting] = {}
        self._log: list[Trade | Pulled] = []
        self._next_id = 1

    def add(self, side: int, lots: int, price: int, tif: Tif = Tif.GTC, owner: int = ANONYMOUS) -> Placed:
        """Match an order against the other side, then rest what is left (GTC, ALO) or forget it (IOC).

        An ALO order that would cross does nothing at all: filled 0, rests False. Raises VenueError when lots or price
        is not positive.
        """
        if lots <= 0 or price <= 0:
            raise VenueError(f"an order of {lots} lots at {price}", "both must be positive", "check it before the book")
        order_id = self._next_id
        self._next_id += 1
        if tif == Tif.ALO and self.crosses(side, price):
            return Placed(order_id, 0, 0, lots, False)
        filled, raw = self._match(order_id, owner, side, lots, price)
        left = lots - filled
        if left and tif != Tif.IOC:
            order = Resting(order_id, owner, side, price, left)
            (self._crowd if owner == ANONYMOUS else self._named)[order_id] = order
            self._half(side).push(order)
            return Placed(order_id, filled, raw, left, True)
        return Placed(order_id, filled, raw, left, False)

    def take(self, side: int, lots: int) -> int:
        """Take up to `lots` from the best prices on for a batch (taker BATCH); returns how many there were."""
        limit = 2**63 if side > 0 else 0
        return self._match(0, BATCH, side, lots, limit)[0] if lots else 0

    def cancel(self, order_id: int) -> int:
        """Lots taken out of the book; 0 when there is no such order (any more)."""
        order = self._crowd.pop(order_id, None) or self._named.pop(order_id, None)
        if order is None:
            return 0
        lots = order.lots
        self._half(order.side).shrink(order, lots)
        return lots

    def amend(self, order_id: int, lots: int, price: int) -> Placed:
        """Give a resting order `lots` left at `price`. It keeps its place only when lots shrink at the same price.

        Otherwise it is taken out and matched like a new one, under the same id. Raises VenueError when it does not
        rest.
        """
        order = self._resting(order_id)
        if lots <= 0 or price <= 0:
            raise VenueError(f"an amendment to {lots} lots at {price}", "both must be positive", "cancel instead")
        half = self._half(order.side)
        if price == order.price and lots <= order.lots:
            if lots < order.lots:
                half.shrink(order, order.lots - lots)
            return Placed(order_id, 0, 0, lots, True)
        half.shrink(order, order.lots)
        filled, raw = self._match(order_id, order.owner, order.side, lots, price)
        index = self._crowd if order.owner == ANONYMOUS else self._named
        if lots > filled:  # a new entry: the old one may still stand, empty, in its queue
            again = index[order_id] = Resting(order_id, order.owner, order.side, price, lots - filled)
            half.push(again)
        else:
            del index[order_id]
        return Placed(order_id, filled, raw, lots - filled, lots > filled)

    def replace_anonymous(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Swap all anonymous liquidity for these (price, lots) levels, best first; named orders stay.

        Queue model ("risk averse", as hftbacktest has it): a named order's anonymous lots ahead become the smaller of
        what was ahead and what the new level holds, so only shrinking levels and trades move it forward; growth queues
        behind. A named order that the new book crosses is traded as a maker, at its own price, against the crossing
        lots in price order; those lots do not rest any more. Raises VenueError when the new book crosses itself.
        """
        if bids and asks and max(p for p, _ in bids) >= min(p for p, _ in asks):
            raise VenueError("a book that crosses itself", f"bids {bids[:1]}, asks {asks[:1]}", "skip this snapshot")
        ahead = {Side.BUY: self._strip(self._bids), Side.SELL: self._strip(self._asks)}
        for side, levels in ((Side.SELL, asks), (Side.BUY, bids)):
            half = self._half(side)
            for price, lots in sorted(levels, key=lambda level: -side * level[0]):
                left = lots
                if self._half(-side).keys and self.crosses(side, price):
                    left -= self._match(0, ANONYMOUS, side, lots, price)[0]
                if left > 0:
                    self._lay(half, price, left, ahead[side].get(price))

    def best(self) -> tuple[int, int, int, int]:
        """Bid, bid lots, ask, ask lots; price and lots 0 where a side is empty."""
        bids, asks = self._bids, self._asks
        bid = bids.keys[-1] if bids.keys else 0
        ask = asks.keys[-1] if asks.keys else 0
        return bid, bids.levels[bid].lots if bid else 0, -ask, asks.levels[ask].lots if ask else 0

    def depth(self, side: int) -> tuple[list[int], list[int]]:
        """Prices of one side, best first, and the cumulative lots up to and including each."""
        half, total = self._half(side), 0
        prices, cumulative = [], []
        for key in reversed(half.keys):
            total += half.levels[key].lots
            prices.append(abs(key))
            cumulative.append(total)
        return prices, cumulative

    def anonymous(self, side: int) -> list[tuple[int, int]]:
        """(price, anonymous lots) of one side, best first."""
        half = self._half(side)
        sums = [
            (abs(k), sum(o.lots for o in half.levels[k].queue if o.owner == ANONYMOUS)) for k in reversed(half.keys)
        ]
        return [(price, lots) for price, lots in sums if lots]

    def crosses(self, side: int, price: int) -> bool:
        keys = self._half(-side).keys
        return bool(keys) and keys[-1] >= -side * price

    def lots_ahead(self, order_id: int) -> int:
        """Lots that trade before this order at its price. Raises VenueError when it is not resting."""
        order = self._resting(order_id)
        ahead = 0
        for other in self._half(order.side).levels[order.side * order.price].queue:
            if other is order:
                break
            ahead += other.lots
        return ahead

    def lots_left(self, order_id: int) -> int:
        """Lots an order still rests with; 0 when it is gone."""
        order = self._named.get(order_id) or self._crowd.get(order_id)
        return order.lots if order else 0

    def owners(self, side: int) -> set[int]:
        """The named accounts that rest on one side."""
        return {order.owner for order in self._named.values() if order.side == side}

    def drain(self) -> list[Trade | Pulled]:
        """Everything logged since the last call, in the order it happened."""
        log, self._log = self._log, []
        return log

    def _half(self, side: int) -> Half:
        return self._bids if side > 0 else self._asks

    def _resting(self, order_id: int) -> Resting:
        order = self._named.get(order_id) or self._crowd.get(order_id)
        if order is None:
            raise VenueError(f"order {order_id}", "is not resting in this book", "ask lots_left first")
        return order

    def _match(self, taker_id: int, owner: int, side: int, lots: int, limit: int) -> tuple[int, int]:
        half, wanted, raw = self._half(-side), lots, 0
        keys, floor = half.keys, -side * limit
        while lots and keys and keys[-1] >= floor:
            key = keys[-1]
            level, price, crowd = half.levels[key], abs(key), 0
            queue = level.queue
            while lots and level.lots:
                maker = queue[0]
                if not maker.lots:
                    queue.popleft()
                    continue
                if maker.owner == owner and owner != ANONYMOUS:
                    self._log.append(Pulled(self.now_ns, maker.order_id, owner, maker.lots))
                    level.lots -= maker.lots
                    maker.lots = 0
                    del self._named[maker.order_id]
                    continue
                part = lots if lots < maker.lots else maker.lots
                maker.lots -= part
                level.lots -= part
                lots -= part
                raw += part * price
                if maker.owner == ANONYMOUS:
                    crowd += part
                    if not maker.lots:
                        self._crowd.pop(maker.order_id, None)  # a snapshot's level has no id
                    continue
                self._log.append(Trade(self.now_ns, maker.order_id, maker.owner, taker_id, owner, side, part, price))
                if not maker.lots:
                    del self._named[maker.order_id]
            if crowd and owner != ANONYMOUS:
                self._log.append(Trade(self.now_ns, 0, ANONYMOUS, taker_id, owner, side, crowd, price))
            if not level.lots:
                half.drop(key)
        return wanted - lots, raw

    def _strip(self, half: Half) -> dict[int, list[tuple[Resting, int]]]:
        """Leave only named orders on a side; returns price → (order, anonymous lots that were ahead of it)."""
        ahead: dict[int, list[tuple[Resting, int]]] = {}
        for level in half.levels.values():
            crowd = 0
            for order in level.queue:
                if order.owner != ANONYMOUS:
                    if order.lots:
                        ahead.setdefault(order.price, []).append((order, crowd))
                else:
                    crowd += order.lots
                    self._crowd.pop(order.order_id, None)
        half.levels.clear()
        half.keys.clear()
        for named in ahead.values():
            for order, _ in named:
                half.push(order)
        return ahead

    def _lay(self, half: Half, price: int, lots: int, named: Iterable[tuple[Resting, int]] | None) -> None:
        """Anonymous lots at one price, between the named orders that still rest there."""
        orders = [(order, crowd) for order, crowd in named or () if order.lots]
        if not orders:
            half.push(Resting(0, ANONYMOUS, half.side, price, lots))
            return
        level = half.levels[half.side * price]
        level.queue.clear()
        laid = 0
        for order, crowd in orders:
            if (upto := min(crowd, lots)) > laid:
                level.queue.append(Resting(0, ANONYMOUS, half.side, price, upto - laid))
                laid = upto
            level.queue.append(order)
        if lots > laid:
            level.queue.append(Resting(0, ANONYMOUS, half.side, price, lots - laid))
        level.lots += lots
