"""The inside of the simulated venue: orders to books, trades to accounts. No delay: what it says goes to a wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pilotfish.domain.arith import Ints, ints
from pilotfish.domain.errors import VenueError
from pilotfish.domain.events import ORDER_MASK, Fill, LeadFill, OrderUpdate
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Amend, OrderSignal, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.sim.accounts import VENUE, Accounts, fee_ceil
from pilotfish.venues.sim.faults import Faults
from pilotfish.venues.sim.margin import Margin
from pilotfish.venues.sim.market import Market, MarketSource
from pilotfish.venues.sim.matching import ANONYMOUS, BATCH, Pulled, Trade
from pilotfish.venues.sim.records import OrderRecord
from pilotfish.venues.sim.screen import screen
from pilotfish.venues.sim.wire import Wire


class Exchange:
    """Books, accounts and orders of record of one venue."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        sources: Mapping[int, MarketSource],
        leads: Mapping[int, int],
        wire: Wire,
        faults: Faults,
    ) -> None:
        self.accounts = Accounts(instruments)
        self.margin = Margin(instruments, self.accounts)
        self.markets = {i.id: Market(i, k, sources.get(i.id)) for k, i in enumerate(instruments)}
        self.leads, self.wire, self.faults = leads, wire, faults
        self._fills = 0

    def list_instrument(self, instrument: Instrument, source: MarketSource | None) -> None:
        """One more market. Raises VenueError when there is one of this id."""
        if instrument.id in self.markets:
            raise VenueError(f"instrument {instrument.id}", "is listed already", "list it once")
        self.accounts.list_instrument(instrument)
        self.margin.list_instrument(instrument)
        self.markets[instrument.id] = Market(instrument, len(self.markets), source)

    def pay_out(self, market: Market, price: int, ns: int) -> None:
        """An outcome is decided: orders end, and every position, of whoever holds it, becomes money at `price`."""
        for record in list(market.live.values()):
            self.cancel(record, ns, Reason.REJECTED)
        held = self.accounts.position[market.column].copy()
        self.accounts.cash += market.instrument.notionals_floor(held, price)
        self.accounts.position[market.column] = 0
        self.margin.marks[market.column] = price

    def is_ours(self, account: int) -> bool:
        return account >= OMNIBUS and account not in self.leads

    def meets_itself(self, market: Market, side: int, accounts: Ints) -> bool:
        """Whether any of these accounts rests on the side that a `side` order would trade with."""
        resting = market.book.owners(-side)
        return bool(resting) and bool(np.isin(accounts, list(resting)).any())

    def next_fill_id(self) -> int:
        self._fills += 1
        return self._fills

    def mark(self, instrument: int) -> int:
        return int(self.margin.marks[self.markets[instrument].column])

    def place(self, record: OrderRecord, ns: int) -> None:
        """One order, from screening to its last word for now."""
        record.muted = record.muted or self.faults.lost_ack()
        reason = self._screen(record)
        if reason is not Reason.NONE:
            return self._end(record, ns, OrderSignal.REJECT, reason)
        market = self.markets[record.instrument]
        if record.tif is Tif.ALO and market.book.crosses(record.side, record.price):
            return self._end(record, ns, OrderSignal.REJECT, Reason.REJECTED)
        lost = self.faults.lost_then_filled()
        self.say(record, ns, OrderSignal.LOST if lost else OrderSignal.ACK, Reason.NONE)
        lots = record.open
        if record.tif is Tif.IOC:
            lots = int(self.faults.short(ints([lots]))[0])
        self.match(market, record, lots, ns)
        if not record.open or record.tif is Tif.IOC:
            cut = record.open == 0 and record.left > 0  # reduce-only took the rest away, not the book
            self._end(record, ns, _ended(record), Reason.REJECTED if cut else Reason.NO_DEPTH)
        self.trim_reducing(market, ns)

    def match(self, market: Market, record: OrderRecord, lots: int, ns: int) -> None:
        """Give `lots` of a screened order to the book, settle what trades, and keep what rests."""
        market.book.now_ns = ns
        if lots:
            placed = market.book.add(record.side, lots, record.price, record.tif, record.account)
            record.order_id = placed.order_id
            self.settle(market, record, ns)
            if placed.rests:
                self._rest(market, record)

    def cancel(self, record: OrderRecord, ns: int, reason: Reason = Reason.NONE) -> None:
        """Take what is left of a resting order out; of an order that is over, say again how it ended."""
        if record.done:
            return self.say(record, ns, record.signal, record.reason)
        market = self.markets[record.instrument]
        market.book.cancel(record.order_id)
        self._leave(market, record)
        self._end(record, ns, OrderSignal.CANCEL, reason)

    def cancel_all(self, account: int, instrument: int, ns: int, reason: Reason = Reason.NONE) -> None:
        for key, market in self.markets.items():
            if instrument in (-1, key):
                for record in [r for r in market.live.values() if r.account == account]:
                    self.cancel(record, ns, reason)

    def amend(self, record: OrderRecord, amend: Amend, ns: int) -> None:
        """Change price or size; `amend.lots` is the whole size, fills included.

        A refused amendment leaves the order as it was, and is answered by an ACK that carries the reason.
        """
        left = amend.lots - record.filled
        if record.done or left <= 0:
            return self.cancel(record, ns)
        market = self.markets[record.instrument]
        before = (record.lots, record.price, record.open)
        if amend.price != record.price or left > record.open:
            self._leave(market, record)
            record.lots, record.price = amend.lots, amend.price
            reason = self._screen(record, left)
            if reason is Reason.NONE and record.tif is Tif.ALO and market.book.crosses(record.side, record.price):
                reason = Reason.REJECTED
            if reason is not Reason.NONE:
                record.lots, record.price, record.open = before
                self._rest(market, record)
                return self.say(record, ns, OrderSignal.ACK, reason)
            left = record.open
        else:
            self._leave(market, record)
            record.lots, record.open = amend.lots, left
        market.book.now_ns = ns
        self.say(record, ns, OrderSignal.ACK, Reason.NONE)
        placed = market.book.amend(record.order_id, left, amend.price)
        self.settle(market, record, ns)
        if placed.rests:
            self._rest(market, record)
        else:
            self._end(record, ns, _ended(record), Reason.REJECTED)
        self.trim_reducing(market, ns)

    def advance(self, market: Market, ns: int) -> None:
        """Bring a market's source up to `ns` and settle what it traded with our resting orders."""
        market.book.now_ns = ns
        if market.source is not None:
            market.source.advance(market.book, ns)
            self.settle(market, None, ns)
            self.trim_reducing(market, ns)

    def settle(self, market: Market, taker: OrderRecord | None, ns: int) -> None:
        """Post the book's log: both halves of every trade, what remains to VENUE; then tell who is concerned."""
        for entry in market.book.drain():
            if isinstance(entry, Pulled):
                pulled = market.live[entry.order_id]
                self._leave(market, pulled)
                self._end(pulled, ns, OrderSignal.CANCEL, Reason.REJECTED)
                continue
            stamp = min(entry.ns, ns)
            gain = self._half(market, entry, market.live.get(entry.maker_id), -entry.side, stamp)
            if entry.taker_owner != BATCH:
                gain += self._half(market, entry, taker, entry.side, stamp)
            self.accounts.move(self.accounts.row(VENUE), gain)
            if not self.margin.marks[market.column]:
                self.margin.marks[market.column] = entry.price  # until a source gives one, the last trade is the mark

    def say(self, record: OrderRecord, ns: int, signal: OrderSignal, reason: Reason) -> None:
        if record.quiet or not self.is_ours(record.account):
            return
        left = record.open if signal is OrderSignal.ACK else record.left
        self.wire.tell(OrderUpdate(ns, ns, record.coid, signal, reason, left), muted=record.muted)

    def trim_reducing(self, market: Market, ns: int) -> None:
        """Resting reduce-only orders that a position no longer needs are cut, the oldest kept."""
        room: dict[tuple[int, int], int] = {}
        for record in list(market.reducing.values()):
            key = (record.account, record.side)
            if key not in room:
                position = self.accounts.position[market.column, self.accounts.row(record.account)]
                room[key] = max(0, -record.side * int(position))
            keep = min(record.open, room[key])
            room[key] -= keep
            if not keep:
                self.cancel(record, ns, Reason.REJECTED)
            elif keep < record.open:
                self._leave(market, record)
                record.open = keep
                market.book.amend(record.order_id, keep, record.price)
                self._rest(market, record)
                self.say(record, ns, OrderSignal.ACK, Reason.REJECTED)

    def _screen(self, record: OrderRecord, lots: int | None = None) -> Reason:
        """Why an order is refused, if it is; otherwise sets the lots that may trade."""
        market = self.markets.get(record.instrument)
        if market is None or record.side not in (1, -1):
            return Reason.REJECTED
        size = record.lots if lots is None else lots
        if max(abs(size), abs(record.price)) >= 2**62:
            return Reason.REJECTED
        rows = self.accounts.rows(ints([record.account]))
        sizes, prices = ints([size]), ints([record.price])
        wanted, reasons = screen(
            self.accounts, self.margin, market, rows, record.side, sizes, prices, record.reduce_only
        )
        record.open = int(wanted[0])
        return Reason(int(reasons[0]))

    def _half(self, market: Market, trade: Trade, record: OrderRecord | None, side: int, ns: int) -> int:
        """One side of a trade: cash, position, its event. Returns the money that goes to VENUE."""
        maker = side != trade.side
        account = trade.maker_owner if maker else trade.taker_owner
        instrument, lots, price = market.instrument, trade.lots, trade.price
        cost = instrument.cost(side, lots, price)
        rate = instrument.maker_fee_e6 if maker else instrument.taker_fee_e6
        fee = 0 if account == ANONYMOUS else fee_ceil(cost, rate)
        row = self.accounts.row(account)
        start = int(self.accounts.position[market.column, row])
        self.accounts.move(row, -side * cost - fee, market.column, side * lots)
        self.accounts.active[market.column] = True
        if record is None:
            return side * cost + fee
        record.filled += lots
        record.cost += cost
        record.fee += fee
        record.open -= lots
        if maker:
            self._hold(market, record, record.open + lots, record.open)
        fill_id = self.next_fill_id()
        if account in self.leads:
            lead = self.leads[account]
            told = LeadFill(ns, ns, lead, instrument.id, side, lots, price, fill_id, start, record.coid & ORDER_MASK)
            self.wire.lead(told)
        elif not record.quiet and self.is_ours(account):
            fill = Fill(ns, ns, record.coid, fill_id, lots, price, cost, fee, maker)
            self.wire.tell(fill, durable=True, muted=record.muted)
        if maker and not record.open:
            self._forget(market, record)
            self._end(record, ns, _ended(record), Reason.REJECTED)
        return side * cost + fee

    def _end(self, record: OrderRecord, ns: int, signal: OrderSignal, reason: Reason) -> None:
        record.signal, record.reason = signal, Reason.NONE if signal is OrderSignal.FILLED else reason
        record.open = 0
        self.say(record, ns, signal, record.reason)

    def _rest(self, market: Market, record: OrderRecord) -> None:
        market.live[record.order_id] = record
        if record.reduce_only:
            market.reducing[record.order_id] = record
        self._hold(market, record, 0, record.open)

    def _leave(self, market: Market, record: OrderRecord) -> None:
        """The order rests no more, or is about to rest otherwise."""
        self._hold(market, record, record.open, 0)
        self._forget(market, record)

    def _forget(self, market: Market, record: OrderRecord) -> None:
        market.live.pop(record.order_id, None)
        market.reducing.pop(record.order_id, None)

    def _hold(self, market: Market, record: OrderRecord, before: int, after: int) -> None:
        """A resting order's size went from `before` to `after`: count it against its account's margin or money."""
        instrument, money = market.instrument, 0
        if instrument.kind != Kind.PERP and record.side > 0:
            money = _reserve(instrument, after, record.price) - _reserve(instrument, before, record.price)
        self.accounts.hold(self.accounts.row(record.account), market.column, record.side, after - before, money)


def _reserve(instrument: Instrument, lots: int, price: int) -> int:
    cost = instrument.notional_ceil(lots, price)
    return cost + max(0, fee_ceil(cost, instrument.taker_fee_e6))


def _ended(record: OrderRecord) -> OrderSignal:
    return OrderSignal.FILLED if not record.left else OrderSignal.CANCEL
