"""Where commands arrive: each client order id is one order for ever, limits are counted, questions are answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.events import OrderUpdate, Reconciled
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, OrderSignal, Place, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.sim.config import SimConfig
from pilotfish.venues.sim.exchange import Exchange
from pilotfish.venues.sim.fanout import execute, refuse
from pilotfish.venues.sim.limits import TokenBuckets
from pilotfish.venues.sim.market import Market
from pilotfish.venues.sim.records import PENDING, BatchRecord, Executed, OrderRecord
from pilotfish.venues.sim.wire import Wire

Step = Callable[[Market, int], None]


class Desk:
    """Takes commands at the venue's end. `step(market, ns)` brings a market up to date before anything meets it."""

    def __init__(self, exchange: Exchange, wire: Wire, agenda: Agenda, config: SimConfig, step: Step) -> None:
        self._exchange, self._wire, self._agenda, self._config, self._step = exchange, wire, agenda, config, step
        self._buckets = TokenBuckets(config.rate_limit)
        self.orders: dict[int, OrderRecord] = {}
        self.batches: dict[int, BatchRecord] = {}
        self.others: dict[tuple[int, int], OrderRecord] = {}  # of accounts that are not ours, by (account, coid)
        self.duplicates = 0

    def take(self, command: Command) -> None:
        """A command of ours has arrived; a batch comes by `place_batch`."""
        if isinstance(command, Place):
            self.place(command)
        elif isinstance(command, Cancel):
            self.cancel(command)
        elif isinstance(command, Amend):
            self.amend(command)
        elif isinstance(command, CancelAll):
            self.cancel_all(command)
        elif isinstance(command, Query):
            self.query(command)

    def place(self, place: Place) -> None:
        now = self._agenda.now_ns
        if place.coid in self.orders or place.coid in self.batches:
            self.duplicates += 1
            return self._say_again(place.coid, now)
        record = self.orders[place.coid] = OrderRecord(place)
        reason = Reason.NONE
        if not self._exchange.is_ours(place.account):
            reason = Reason.REJECTED
        elif not self._buckets.takes(place.account, 1, now):
            reason = Reason.RATE_LIMIT
        if reason is not Reason.NONE:
            record.signal, record.reason = OrderSignal.REJECT, reason
            self._wire.tell(OrderUpdate(now, now, place.coid, OrderSignal.REJECT, reason, place.lots))
            return
        self._meet(record.instrument, now)
        self._exchange.place(record, now)

    def other(self, account: int, command: Place | Cancel | Amend | CancelAll) -> None:
        """A command of somebody else's: no limits, no answers; an order once per (account, coid)."""
        now = self._agenda.now_ns
        if isinstance(command, CancelAll):
            return self._exchange.cancel_all(account, command.instrument, now)
        record = self.others.get((account, command.coid))
        if isinstance(command, Place):
            if record is None:
                record = self.others[account, command.coid] = OrderRecord(command, account)
                self._meet(record.instrument, now)
                self._exchange.place(record, now)
        elif record is not None:
            self._meet(record.instrument, now)
            if isinstance(command, Amend):
                self._exchange.amend(record, command, now)
            else:
                self._exchange.cancel(record, now)

    def place_batch(self, command: PlaceBatch, arrivals: Ints) -> None:
        """The batch's request has arrived; `arrivals` are its orders' times at the matching engine, ns."""
        now = self._agenda.now_ns
        if command.coid in self.batches or command.coid in self.orders:
            self.duplicates += command.lots.size
            return self._say_again(command.coid, now)
        if command.tif != Tif.IOC:
            return self._place_each(command, arrivals)
        batch = self.batches[command.coid] = BatchRecord(command)
        everyone = np.arange(command.lots.size)
        if not everyone.size:
            return
        if not self._buckets.takes(int(command.accounts[0]), command.lots.size, now):
            refuse(batch, everyone, Reason.RATE_LIMIT, now)
            return self._report(batch, everyone)
        order = np.argsort(arrivals, kind="stable")
        block = self._config.block_ns
        ends = np.maximum(-(-arrivals[order] // block) * block, now) if np.ptp(arrivals) else arrivals[order]
        cuts = [0, *(np.flatnonzero(np.diff(ends)) + 1).tolist(), order.size]
        told, reported, reports = 0, 0, self._config.reports
        for start, stop in pairwise(cuts):
            report = None
            if stop * reports >= (reported + 1) * order.size:
                report, told, reported = order[told:stop], stop, stop * reports // order.size
            self._schedule(batch, order[start:stop], report, int(ends[start]))

    def cancel(self, cancel: Cancel) -> None:
        now = self._agenda.now_ns
        record = self.orders.get(cancel.coid)
        if record is None:
            return self._unknown(cancel.coid, now)
        self._meet(record.instrument, now)
        record.muted = False
        self._exchange.cancel(record, now)

    def amend(self, amend: Amend) -> None:
        now = self._agenda.now_ns
        record = self.orders.get(amend.coid)
        if record is None:
            return self._unknown(amend.coid, now)
        self._meet(record.instrument, now)
        record.muted = False
        self._exchange.amend(record, amend, now)

    def cancel_all(self, command: CancelAll) -> None:
        if not self._exchange.is_ours(command.account):
            return
        for key in self._exchange.markets:
            if command.instrument in (-1, key):
                self._meet(key, self._agenda.now_ns)
        self._exchange.cancel_all(command.account, command.instrument, self._agenda.now_ns)

    def query(self, query: Query) -> None:
        """Everything of ours since the cursor, then where each order stands. What lost acknowledgements hid is told."""
        now = self._agenda.now_ns
        self.unmute()
        over = {c: self.orders[c].done for c in query.coids if c in self.orders}
        over |= {c: self.batches[c].done for c in query.coids if c in self.batches}
        open_ = tuple(c for c in query.coids if over.get(c) is False)
        done = tuple(c for c in query.coids if over.get(c))
        marks = {key: self._exchange.mark(key) for key in self._exchange.markets}
        self._wire.answer(query.cursor, now, Reconciled(now, now, query.cursor, query.coids, open_, done), marks)

    def unmute(self) -> None:
        for market in self._exchange.markets.values():
            for record in market.live.values():
                record.muted = False

    def executed(self) -> dict[int, Executed]:
        """Client order id → what it did, for every order of ours that was not refused."""
        done = {c: r.executed for c, r in self.orders.items() if r.signal is not OrderSignal.REJECT}
        for coid, batch in self.batches.items():
            kept = np.flatnonzero((batch.signal != OrderSignal.REJECT) & (batch.signal != PENDING))
            columns = (batch.lots[kept].tolist(), batch.cost[kept].tolist(), batch.fee[kept].tolist())
            done |= {coid + k: Executed(*row) for k, *row in zip(kept.tolist(), *columns, strict=True)}
        return done

    def _schedule(self, batch: BatchRecord, part: Ints, report: Ints | None, ns: int) -> None:
        def run() -> None:
            now = self._agenda.now_ns
            self._meet(batch.command.instrument, now)
            execute(self._exchange, batch, part, now)
            if report is not None:
                self._report(batch, report)

        self._agenda.at(ns, run)

    def _report(self, batch: BatchRecord, part: Ints) -> None:
        now, faults = self._agenda.now_ns, self._exchange.faults
        update = batch.update(part, now)
        batch.told.append(update)
        muted, lost = faults.lost_ack(), faults.lost_of(part.size)
        self._wire.tell(update, durable=True, muted=muted or bool(lost.any()))
        if lost.any() and not muted:
            zero = np.where(lost, 0, 1)
            untrue = msgspec.structs.replace(
                update, signal=np.where(lost, int(OrderSignal.LOST), update.signal), lots=update.lots * zero,
                cost=update.cost * zero, fee=update.fee * zero, reason=update.reason * zero,
            )  # fmt: skip
            self._wire.tell(untrue)

    def _place_each(self, command: PlaceBatch, arrivals: Ints) -> None:
        """Orders that may rest are orders of their own, answered one by one."""
        for k, ns in enumerate(arrivals.tolist()):
            place = Place(
                command.coid + k, int(command.accounts[k]), command.instrument, command.side, int(command.lots[k]),
                int(command.prices[k]), command.tif, command.reduce_only,
            )  # fmt: skip
            self._agenda.at(ns, partial(self.place, place))

    def _say_again(self, coid: int, now: int) -> None:
        record = self.orders.get(coid)
        if record is not None:
            record.muted = False
            return self._wire.tell(OrderUpdate(now, now, coid, record.signal, record.reason, _left(record)))
        for update in self.batches[coid].told:
            self._wire.tell(msgspec.structs.replace(update, venue_ns=now))

    def _unknown(self, coid: int, now: int) -> None:
        self._wire.tell(OrderUpdate(now, now, coid, OrderSignal.ABSENT))

    def _meet(self, instrument: int, now: int) -> None:
        market = self._exchange.markets.get(instrument)
        if market is not None:
            self._step(market, now)


def _left(record: OrderRecord) -> int:
    return record.left if record.done else record.open
