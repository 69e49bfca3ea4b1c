"""The orders of a batch that arrive together, matched as one and accounted as columns."""

from __future__ import annotations

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.orders import OrderSignal, Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.sim.accounts import VENUE, costs_of, fees_ceil
from pilotfish.venues.sim.batch import match_batch
from pilotfish.venues.sim.exchange import Exchange
from pilotfish.venues.sim.market import Market
from pilotfish.venues.sim.records import BatchRecord, OrderRecord
from pilotfish.venues.sim.screen import screen


def execute(exchange: Exchange, batch: BatchRecord, part: Ints, ns: int) -> None:
    """Match the orders `part` (indices in arrival order) at `ns` and write their results into `batch`."""
    market = exchange.markets.get(batch.command.instrument)
    if market is None or batch.command.side not in (1, -1):
        return refuse(batch, part, Reason.REJECTED, ns)
    accounts = batch.command.accounts[part]
    if np.unique(accounts).size < accounts.size or exchange.meets_itself(market, batch.command.side, accounts):
        _one_by_one(exchange, batch, part, ns)
    else:
        _at_once(exchange, market, batch, part, ns)
    exchange.trim_reducing(market, ns)


def refuse(batch: BatchRecord, part: Ints, reason: Reason, ns: int) -> None:
    batch.signal[part], batch.reason[part], batch.done_ns[part] = OrderSignal.REJECT, reason, ns


def _at_once(exchange: Exchange, market: Market, batch: BatchRecord, part: Ints, ns: int) -> None:
    command, accounts, instrument = batch.command, exchange.accounts, market.instrument
    side, lots, prices = command.side, command.lots[part], command.prices[part]
    rows = accounts.rows(command.accounts[part])
    wanted, reasons = screen(accounts, exchange.margin, market, rows, side, lots, prices, command.reduce_only)
    filled, raw, taken = match_batch(*market.book.depth(-side), side, exchange.faults.short(wanted), prices)
    market.book.now_ns = ns
    market.book.take(side, taken)
    exchange.settle(market, None, ns)
    traded = filled > 0
    cost = costs_of(raw, side, instrument)
    fee = fees_ceil(cost, instrument.taker_fee_e6)
    money = side * cost + fee
    accounts.move_all(rows[traded], -money[traded], market.column, side * filled[traded])
    accounts.move(accounts.row(VENUE), int(money.sum()))
    signal = np.where(filled == lots, int(OrderSignal.FILLED), int(OrderSignal.CANCEL))
    why = np.where(filled == lots, 0, np.where(filled < wanted, int(Reason.NO_DEPTH), int(Reason.REJECTED)))
    batch.signal[part] = np.where(reasons > 0, int(OrderSignal.REJECT), signal)
    batch.reason[part] = np.where(reasons > 0, reasons, why)
    batch.lots[part], batch.cost[part], batch.fee[part], batch.done_ns[part] = filled, cost, fee, ns


def _one_by_one(exchange: Exchange, batch: BatchRecord, part: Ints, ns: int) -> None:
    """An account that orders twice, or rests on the other side, is where order by order still matters."""
    command = batch.command
    for k in part.tolist():
        place = Place(
            command.coid + k, int(command.accounts[k]), command.instrument, command.side, int(command.lots[k]),
            int(command.prices[k]), Tif.IOC, command.reduce_only,
        )  # fmt: skip
        record = OrderRecord(place, quiet=True)
        exchange.place(record, ns)
        batch.signal[k], batch.reason[k], batch.done_ns[k] = record.signal, record.reason, ns
        batch.lots[k], batch.cost[k], batch.fee[k] = record.executed
