"""Our orders on one exchange account, as far as it has told of them: what it says becomes events, once each.

Pure: no network, no clock. Trades and orders come in ccxt's unified form with `number = str`. A trade that names an
order we cannot place yet is kept until the order's number is known; what is not ours is counted and left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import msgspec

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import Event, Fill, OrderUpdate
from pilotfish.domain.orders import OrderSignal, Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.ccxt.ids import ClientIds, fill_id
from pilotfish.venues.ccxt.listing import Listed

MS = 1_000_000
NEVER = -(2**62)
_ORPHANS = 10_000
_REMEMBERED = 50_000
_ENDED = {"closed", "canceled", "expired"}

Told = Callable[[Event], None]
Row = Mapping[str, object]


class Order(msgspec.Struct):
    """`lots` is its whole size (an amendment changes it), `filled` the sum of its fills, `total` what the exchange says
    it traded in all, once it is over. `busy` counts requests about it whose answers are awaited.
    """

    coid: int
    listed: Listed
    side: int
    lots: int
    sent_ns: int
    price: int = 0
    tif: Tif = Tif.GTC
    reduce_only: bool = False
    busy: int = 0
    id: str = ""
    filled: int = 0
    total: int | None = None
    acked: bool = False
    refused: bool = False
    cancelled: bool = False
    fills: set[int] = msgspec.field(default_factory=set)

    @property
    def over(self) -> bool:
        return self.refused or self.total is not None

    @property
    def owed(self) -> int:
        """Lots that the exchange says were traded and whose fills were not told yet."""
        return 0 if self.total is None else max(0, self.total - self.filled)


class Orders:
    """The account's book of record. `tell` gets the events."""

    def __init__(self, ids: ClientIds, listed: Mapping[str, Listed], tell: Told) -> None:
        self.ids, self.listed, self._tell = ids, dict(listed), tell
        self.known: dict[int, Order] = {}
        self.counts: Counter[str] = Counter()
        self.traded: dict[int, int] = {}  # instrument → signed lots of all fills told
        self._by_id: dict[tuple[str, str], int] = {}
        self._strangers: dict[tuple[str, str], None] = {}
        self._orphans: dict[tuple[str, str], list[tuple[Row, object]]] = {}

    def sent(self, place: Place, listed: Listed, now_ns: int) -> Order:
        """An order is on its way."""
        order = self.known[place.coid] = Order(
            place.coid, listed, place.side, place.lots, now_ns, place.price, Tif(place.tif), place.reduce_only
        )
        if len(self.known) > _REMEMBERED:
            self._forget()
        return order

    def open(self, instrument: int = -1) -> list[Order]:
        """Those that may still trade, refused and finished ones apart."""
        return [one for one in self.known.values() if not one.over and instrument in (-1, one.listed.instrument.id)]

    def order(self, row: Row, client: object, now_ns: int) -> Order | None:
        """An order as the exchange states it; `client` is its client order id. None when it is none of ours."""
        coid, listed = self.ids.coid(client), self.listed.get(str(row.get("symbol")))
        if coid is None or listed is None:
            self.counts["strangers"] += coid is None
            if coid is None and listed is not None and row.get("id"):
                self._stranger((listed.symbol, str(row["id"])))
            return None
        try:
            return self._stated(coid, listed, row, now_ns)
        except (NumericOverflow, ValueError):
            self.counts["set_aside"] += 1
            return self.known.get(coid)

    def trade(self, row: Row, client: object, fee: object, now_ns: int) -> bool:
        """A trade of this account, and what it cost (`cost`, `currency`). False when it cannot be placed yet."""
        listed = self.listed.get(str(row.get("symbol")))
        if listed is None:
            self.counts["strangers"] += 1
            return True
        key = (listed.symbol, str(row.get("order")))
        coid = self.ids.coid(client) if client else self._by_id.get(key)
        if coid is None:
            if client or key in self._strangers:
                self.counts["strangers"] += 1
                return True
            if len(self._orphans) < _ORPHANS:
                self._orphans.setdefault(key, []).append((row, fee))
            return False
        order = self._learn(coid, listed, row, now_ns)
        try:
            self._fill(order, row, fee, now_ns)
        except (NumericOverflow, ValueError):
            self.counts["set_aside"] += 1
        return True

    def unplaced(self) -> list[tuple[str, str]]:
        """(symbol, the exchange's order id) of trades whose order is not known: to be asked for."""
        return list(self._orphans)

    def stranger(self, symbol: str, order: str) -> None:
        """That order is not ours: its trades are let go."""
        self._stranger((symbol, order))

    def refuse(self, order: Order, reason: Reason, now_ns: int) -> None:
        """The exchange surely did not take it."""
        if not order.over:
            order.refused = True
            self._say(order, OrderSignal.REJECT, now_ns, now_ns, reason)

    def lost(self, order: Order, now_ns: int) -> None:
        """Nobody knows whether it arrived."""
        if not order.over:
            self._say(order, OrderSignal.LOST, now_ns, now_ns, Reason.UNKNOWN)

    def acknowledge(self, order: Order, now_ns: int, reason: Reason = Reason.NONE) -> None:
        """Of an amendment: done, or refused for `reason` with the order as it was."""
        if not order.over:
            self._say(order, OrderSignal.ACK, now_ns, now_ns, reason)

    def _stated(self, coid: int, listed: Listed, row: Row, now_ns: int) -> Order:
        order = self._learn(coid, listed, row, now_ns)
        status, stamp = row.get("status"), _stamp(row, now_ns)
        if status == "rejected":
            if not order.over:
                order.refused = True
                self._say(order, OrderSignal.REJECT, stamp, now_ns, Reason.REJECTED)
        elif status == "open":
            if row.get("amount") and not order.busy:
                order.lots = listed.lots(row["amount"])
            if not order.acked and not order.over:
                order.acked = True
                self._say(order, OrderSignal.ACK, stamp, now_ns)
        elif status in _ENDED and row.get("filled") is not None:
            if row.get("amount"):
                order.lots = listed.lots(row["amount"])
            self._ended(order, listed.lots(row["filled"]), stamp, now_ns)
        return order

    def _ended(self, order: Order, total: int, stamp: int, now_ns: int) -> None:
        if order.total is not None and total <= order.total:
            return
        if total < order.filled or total > order.lots:
            raise ValueError("a statement that contradicts the order's fills")
        order.total, order.refused = total, False
        whole = total == order.lots
        self._say(order, OrderSignal.FILLED if whole else OrderSignal.CANCEL, stamp, now_ns)

    def _fill(self, order: Order, row: Row, paid: object, now_ns: int) -> None:
        listed, instrument = order.listed, order.listed.instrument
        number = fill_id(str(row["id"]), instrument.id)
        if number in order.fills:
            self.counts["duplicates"] += 1
            return
        lots, price = listed.lots(row.get("amount")), listed.price(row.get("price"))
        if lots <= 0 or price <= 0:
            raise ValueError("a trade of nothing")
        cost, maker = instrument.cost(order.side, lots, price), row.get("takerOrMaker") == "maker"
        fee = self._fee(order, paid, cost, maker=maker)
        order.fills.add(number)
        order.filled += lots
        self.traded[instrument.id] = self.traded.get(instrument.id, 0) + order.side * lots
        self._tell(Fill(_stamp(row, now_ns), now_ns, order.coid, number, lots, price, cost, fee, maker))

    def _fee(self, order: Order, fee: object, cost: int, *, maker: bool) -> int:
        """In money units. One paid in another asset (a discount token) is valued at the listed rate, and counted."""
        listed, instrument = order.listed, order.listed.instrument
        paid = fee if isinstance(fee, Mapping) else {}
        if paid.get("cost") is not None and paid.get("currency") == instrument.quote:
            return listed.money_ceil(paid["cost"])
        self.counts["fees_estimated"] += 1
        rate = instrument.maker_fee_e6 if maker else instrument.taker_fee_e6
        return -(-cost * rate // 1_000_000)

    def _learn(self, coid: int, listed: Listed, row: Row, now_ns: int) -> Order:
        """Connect our number with the exchange's, and tell the trades that waited for it."""
        order = self.known.get(coid)
        if order is None:  # from before a restart
            side = 1 if row.get("side") == "buy" else -1
            lots = listed.lots(row["amount"]) if row.get("amount") and "filled" in row else 2**62
            order = self.known[coid] = Order(coid, listed, side, lots, NEVER)
        elif order.lots == 2**62 and row.get("amount") and "filled" in row:
            order.lots = listed.lots(row["amount"])
        number = str(row.get("id" if "filled" in row else "order") or "")
        if number and not order.id:
            order.id, self._by_id[listed.symbol, number] = number, coid
            for waiting, fee in self._orphans.pop((listed.symbol, number), []):
                self.trade(waiting, None, fee, now_ns)
        return order

    def _stranger(self, key: tuple[str, str]) -> None:
        self._strangers[key] = None
        self.counts["strangers"] += len(self._orphans.pop(key, []))
        if len(self._strangers) > _ORPHANS:
            del self._strangers[next(iter(self._strangers))]

    def forget(self, coid: int) -> None:
        """It never arrived: a Place with its number is a new order."""
        self.known.pop(coid, None)

    def _forget(self) -> None:
        for coid, order in list(self.known.items())[: _REMEMBERED // 10]:
            if order.over and not order.owed:
                del self.known[coid]
                self._by_id.pop((order.listed.symbol, order.id), None)

    def _say(self, order: Order, signal: OrderSignal, stamp: int, now_ns: int, reason: Reason = Reason.NONE) -> None:
        left = order.lots - (order.filled if order.total is None else order.total)
        self._tell(OrderUpdate(stamp, now_ns, order.coid, signal, reason, left))


def _stamp(row: Row, now_ns: int) -> int:
    for name in ("lastUpdateTimestamp", "lastTradeTimestamp", "timestamp"):
        stamp = row.get(name)
        if isinstance(stamp, int) and 0 < stamp < 2**43:  # int64 as nanoseconds too
            return stamp * MS
    return now_ns
