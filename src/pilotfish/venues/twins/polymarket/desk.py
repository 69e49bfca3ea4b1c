"""Orders from the wire to the book, their trades, their cancels: the twin's matching desk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import Any, Protocol

from pilotfish.domain.orders import Tif
from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.sim.matching import ANONYMOUS, Pulled
from pilotfish.venues.sim.matching import Trade as BookTrade
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.polymarket.accounts import Account, Accounts, ApiKey, Refused
from pilotfish.venues.twins.polymarket.checks import EXPIRY_S, free_of, parsed, screened, would_cross
from pilotfish.venues.twins.polymarket.markets import ONE, TwinMarket, fee, levels, mirrored
from pilotfish.venues.twins.polymarket.records import Order, Part, Trade, shares
from pilotfish.venues.twins.polymarket.settle import Settlements
from pilotfish.venues.twins.polymarket.wallets import keccak

SECOND = 1_000_000_000
GONE = "order can't be found - already canceled or matched"
FOK_KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_KILLED = "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."


class Told(Protocol):
    """Who is told what happens (the streams)."""

    def order(self, order: Order, kind: str, status: str = "") -> None: ...
    def traded(self, market: TwinMarket, outcome: int, side: int, lots: int, price: int) -> None: ...


class Desk:
    """All orders of record. `clock` gives the venue's own time, ns."""

    def __init__(
        self, accounts: Accounts, agenda: Agenda, faults: TwinFaults, settlements: Settlements, told: Told,
        clock: Callable[[], int],
    ) -> None:  # fmt: skip
        self.orders: dict[str, Order] = {}
        self.markets: dict[str, TwinMarket] = {}  # by token
        self.duplicates_received = self.doubled = 0
        self._salts: set[tuple[int, int]] = set()  # (account, salt) of orders that were taken
        self._accounts, self._agenda, self._faults, self._told = accounts, agenda, faults, told
        self._settlements, self._clock = settlements, clock
        self._live: dict[str, Order] = {}
        self._resting: dict[tuple[int, int], Order] = {}  # (market, id in its book)
        self._trades = 0

    def place(self, body: Any, key: ApiKey) -> dict[str, Any]:
        """One order of a request; the venue's answer. Raises Refused."""
        order = parsed(body, key, self._accounts, self.markets)
        self.duplicates_received += order.id in self.orders
        crosses = would_cross(order)
        now_ns = self._clock()
        penniless, known = self._faults.hit(Fault.BALANCE), order.id in self.orders
        screened(order, known, list(self._live.values()), now_ns // SECOND, crosses, penniless=penniless)
        self.doubled += (order.account.number, order.salt) in self._salts
        self._salts.add((order.account.number, order.salt))
        order.created_ns = now_ns
        self.orders[order.id] = self._live[order.id] = order
        delay_s = order.market.listed.delay_s
        if delay_s and crosses:
            order.status = "DELAYED"
            self._told.order(order, "PLACEMENT")
            self._agenda.at(self._agenda.now_ns + delay_s * SECOND, partial(self._enter_late, order))
            return _answer(order, [])
        return _answer(order, self._enter(order))

    def _enter_late(self, order: Order) -> None:
        if order.live and order.market.open:
            order.status = "LIVE"
            with suppress(Refused):  # it is told on the stream
                self._enter(order, "UPDATE")

    def _enter(self, order: Order, told: str = "PLACEMENT") -> list[Trade]:
        """To the book. Raises Refused where the order is killed."""
        lots = self._wanted(order)
        if order.type == "FOK" and lots is None:
            self._kill(order, FOK_KILLED)
        if order.type == "FAK" and lots and self._faults.hit(Fault.PARTIAL_BATCH):
            lots = 1 + self._faults.draw(Fault.PARTIAL_BATCH, lots)
        trades = self._match(order, lots or 0)
        if order.type == "FAK" and not order.matched:
            self._kill(order, FAK_KILLED)
        self._told.order(order, told)
        if order.type == "FAK" and order.live:
            self._over(order, "CANCELED")
            self._told.order(order, "CANCELLATION")
        if order.type == "GTD" and order.live:
            left_ns = (order.expiration - EXPIRY_S) * SECOND - self._clock()
            self._agenda.at(self._agenda.now_ns + left_ns, partial(self._expire, order))
        for trade in trades:
            self._settlements.matched(trade)
        self._uncover(trades)
        return trades

    def cancel(self, order: Order, status: str = "CANCELED") -> bool:
        """Whether it was live."""
        if not order.live:
            return False
        self._unbook(order)
        self._over(order, status)
        self._told.order(order, "CANCELLATION")
        return True

    def cancel_ids(self, ids: Iterable[str], key: ApiKey) -> dict[str, Any]:
        """The venue's answer: which were, and why the others were not."""
        said: dict[str, Any] = {"canceled": [], "not_canceled": {}}
        for order_id in ids:
            order = self.orders.get(order_id)
            if order is not None and order.account.owner == key.owner and self.cancel(order):
                said["canceled"].append(order_id)
            else:
                said["not_canceled"][order_id] = GONE
        return said

    def live_of(self, owner: str) -> list[Order]:
        """The live orders of an owner's wallets, oldest first."""
        return [order for order in self._live.values() if order.account.owner == owner]

    def advance(self, market: TwinMarket, ns: int) -> None:
        """Bring a market up to `ns`: strangers' orders, and what they traded with ours."""
        market.advance(ns)
        for side, lots, raw in market.crowd.prints:
            self.printed(market, 0, side, lots, raw // lots)
        market.crowd.prints.clear()
        for taker_id, entries in groupby(market.book.drain(), key=_taker):
            for trade in self._strangers(market, taker_id, list(entries)):
                self._settlements.matched(trade)
                self._uncover([trade])

    def close(self, market: TwinMarket) -> None:
        """Take all orders out of a market that has been resolved."""
        for order in list(self._live.values()):
            if order.market is market:
                self.cancel(order, "CANCELED_MARKET_RESOLVED")
        for side in (1, -1):
            market.book.take(side, sum(levels(market.book, -side).values()))
        market.book.drain()

    def printed(self, market: TwinMarket, outcome: int, side: int, lots: int, price: int) -> None:
        """A trade is on the tape."""
        market.last_side, market.last_price = mirrored(outcome, side, price)
        self._told.traded(market, outcome, side, lots, price)

    def _kill(self, order: Order, words: str) -> None:
        self._over(order, "CANCELED")
        self._told.order(order, "CANCELLATION", f"CANCELED_{words}")
        raise Refused(400, words)

    def _wanted(self, order: Order) -> int | None:
        """How many lots to send to the book; None for a FOK order that cannot be filled."""
        if order.type not in ("FAK", "FOK"):
            return order.lots
        side, limit = mirrored(order.outcome, order.side, order.price)
        money, lots = order.making, 0
        for price, there in self._others(order, -side):
            if (price - limit) * side > 0 or (not order.spends and lots >= order.lots):
                break
            _, own = mirrored(order.outcome, order.side, price)
            part = min(there, money * ONE // own if order.spends else order.lots - lots)
            money -= -(-part * own // ONE)
            lots += part
        whole = money * ONE < order.price * 10 if order.spends else lots >= order.lots
        return None if order.type == "FOK" and not whole else lots

    def _others(self, order: Order, side: int) -> list[tuple[int, int]]:
        """(price, lots) of one side of the book without the account's own orders, best first."""
        market, found = order.market, levels(order.market.book, side)
        for mine in self._resting.values():
            if mine.account is order.account and mine.market is market:
                own_side, price = mirrored(mine.outcome, mine.side, mine.price)
                if own_side == side:
                    found[price] -= mine.left
        return [(price, lots) for price, lots in found.items() if lots]

    def _match(self, order: Order, lots: int) -> list[Trade]:
        if not lots:
            return []
        market = order.market
        side, price = mirrored(order.outcome, order.side, order.price)
        market.book.now_ns = self._agenda.now_ns
        tif = Tif.IOC if order.type in ("FAK", "FOK") else Tif.GTC
        placed = market.book.add(side, lots, price, tif, order.account.number)
        if placed.rests:
            order.book_id = placed.order_id
            self._resting[market.number, placed.order_id] = order
        makers = [part for entry in market.book.drain() if (part := self._maker(market, entry, order.outcome))]
        if not makers:
            return []
        order.matched += placed.filled
        taker = Part(order.id, order.outcome, order.side, placed.filled, order.price, order)
        taker.money = sum(_own(part, order.outcome) for part in makers)
        if order.side > 0:
            taker.money = min(taker.money, order.making)
        taker.fee = sum(fee(market.listed, part.lots, part.price) for part in makers)
        if order.type == "FOK" or not order.left:
            self._over(order, "MATCHED")
        self.printed(market, order.outcome, order.side, placed.filled, taker.money * ONE // placed.filled)
        return [self._trade(market, taker, makers)]

    def _strangers(self, market: TwinMarket, taker_id: int, entries: list[BookTrade | Pulled]) -> list[Trade]:
        """What one stranger took from resting orders of ours."""
        taken = [entry for entry in entries if isinstance(entry, BookTrade)]
        makers = [part for entry in taken if (part := self._maker(market, entry, 0))]
        if not makers:
            return []
        lots = sum(part.lots for part in makers)
        stranger = Part(self._named("taker", taker_id), 0, taken[0].side, lots, taken[-1].price, None)
        stranger.money = sum(_own(part, 0) for part in makers)
        return [self._trade(market, stranger, makers)]

    def _maker(self, market: TwinMarket, entry: BookTrade | Pulled, outcome: int) -> Part | None:
        """The resting side of a book entry; None where our own account pulled an order."""
        if isinstance(entry, Pulled):
            self.cancel(self._resting[market.number, entry.order_id])
            return None
        maker = self._resting.get((market.number, entry.maker_id)) if entry.maker_owner != ANONYMOUS else None
        if maker is None:
            side, price = mirrored(outcome, -entry.side, entry.price)
            return Part(self._named("maker", entry.price), outcome, side, entry.lots, price, None)
        _, price = mirrored(maker.outcome, maker.side, entry.price)
        maker.matched += entry.lots
        if not maker.left:
            self._over(maker, "MATCHED")
            del self._resting[market.number, maker.book_id]
        self._told.order(maker, "UPDATE")
        return Part(maker.id, maker.outcome, maker.side, entry.lots, price, maker)

    def _trade(self, market: TwinMarket, taker: Part, makers: list[Part]) -> Trade:
        self._trades += 1
        digits = keccak(f"trade {self._trades}".encode()).hex()
        trade_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
        return Trade(trade_id, market, taker, makers, self._clock())

    def _named(self, what: str, number: int) -> str:
        """An order id for a stranger."""
        return "0x" + keccak(f"{what} {number} {self._trades}".encode()).hex()

    def _over(self, order: Order, status: str) -> None:
        order.status = status
        self._live.pop(order.id, None)

    def _expire(self, order: Order) -> None:
        self.cancel(order, "CANCELED_EXPIRED_ORDER")

    def _unbook(self, order: Order) -> None:
        if order.book_id and self._resting.pop((order.market.number, order.book_id), None) is not None:
            order.market.book.cancel(order.book_id)

    def _uncover(self, trades: list[Trade]) -> None:
        """Orders that a trade has left without the money or the tokens they need are cancelled, newest first."""
        touched: list[Account] = [account for trade in trades for account in trade.accounts]
        for order in reversed(list(self._live.values()) if touched else ()):
            if order.account in touched and order.needs() > free_of(order):
                self.cancel(order, "CANCELED_NOT_ENOUGH_BALANCE")


def _taker(entry: BookTrade | Pulled) -> int:
    return entry.taker_id if isinstance(entry, BookTrade) else 0


def _own(maker: Part, outcome: int) -> int:
    """What the taker's token costs in this part: the maker's price, or one less it when tokens differ."""
    price = maker.price if maker.outcome == outcome else ONE - maker.price
    return -(-maker.lots * price // ONE)


def _answer(order: Order, trades: list[Trade]) -> dict[str, Any]:
    made = {"making": "", "taking": ""}
    if trades:
        money, lots = (sum(t.taker.money for t in trades), sum(t.taker.lots for t in trades))
        made = {"making": shares(money), "taking": shares(lots)}
        if order.side < 0:
            made = {"making": made["taking"], "taking": made["making"]}
    return {
        "errorMsg": "",
        "orderID": order.id,
        "takingAmount": made["taking"],
        "makingAmount": made["making"],
        "status": "matched" if trades else order.status.lower(),
        "success": True,
        "transactionsHashes": [trade.hash for trade in trades],
        "tradeIDs": [trade.id for trade in trades],
    }
