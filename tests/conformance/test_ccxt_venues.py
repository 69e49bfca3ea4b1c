"""Binance, Bybit and OKX through ccxt, over real sockets to their twins: orders, from being placed to their end."""

import asyncio
from functools import partial

import numpy as np
import pytest

from pilotfish.domain.events import BookTop, Fill, OrderUpdate
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Amend, Cancel, CancelAll, OrderSignal, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.twins.faults import SECOND, Fault
from tests.conformance.ccxt_harness import KEY, MID, TWINS, World, run, world

EXCHANGES = sorted(TWINS)
ACK, FILLED, CANCEL, REJECT = OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT
LOST, ABSENT = OrderSignal.LOST, OrderSignal.ABSENT
each = pytest.mark.parametrize("name", EXCHANGES)


@each
def test_an_order_rests_fills_in_part_and_fills_whole(name):
    async def scene():
        async with world(name) as here:
            price = MID
            here.act(partial(here.twin.lay, here.market, MID + 500))
            here.send(here.order(1, 1, price))
            await here.told(1, ACK)
            here.act(partial(here.twin.lay, here.market, MID + 500, levels=1))
            here.act(partial(here.twin.cross, here.market, Side.SELL, 1_000 + here.lots(4), price))
            part = await here.until(Fill, lambda event: event.coid == 1)
            assert (part.lots, part.price, part.maker) == (here.lots(4), price, True)
            here.act(partial(here.twin.cross, here.market, Side.SELL, here.lots(6), price))
            over = await here.told(1, FILLED)
            await here.until(Fill, lambda event: event.coid == 1 and event.lots == here.lots(6))
            fills = here.fills(1)
            assert over.lots_left == 0
            assert sum(fill.lots for fill in fills) == here.lots(10)
            order = here.at_exchange(1)[0]
            assert sum(fill.fee for fill in fills) == order.fee > 0
            assert sum(fill.cost for fill in fills) == here.venue.by_id[0].instrument.notional_ceil(
                here.lots(10), price
            )

    run(scene())


@each
def test_an_ioc_that_finds_too_little_ends_with_what_it_got(name):
    async def scene():
        async with world(name) as here:
            here.act(partial(here.twin.lay, here.market, MID, lots=here.lots(4), levels=1))
            here.send(here.order(1, 1, MID + 10, Tif.IOC))
            over = await here.told(1, CANCEL)
            await here.until(Fill, lambda event: event.coid == 1)
            assert over.lots_left == here.lots(6)
            assert sum(fill.lots for fill in here.fills(1)) == here.lots(4)

    run(scene())


@each
def test_a_batch_is_answered_order_by_order(name):
    async def scene():
        async with world(name) as here:
            here.faults.plan(Fault.PARTIAL_BATCH)
            here.send(*(here.order(coid, 1, MID - 100 * coid, reduce=coid == 3) for coid in (1, 2, 3, 4)))
            assert (await here.told(1, REJECT)).reason is Reason.BALANCE
            assert (await here.told(3, REJECT)).reason is Reason.REJECTED
            await here.told(2, ACK)
            await here.told(4, ACK)
            assert REJECT not in here.signals(2) + here.signals(4)
            assert here.at_exchange(1) + here.at_exchange(3) == []
            assert [order.status for coid in (2, 4) for order in here.at_exchange(coid)] == ["open", "open"]
            requests = [request for request in here.twin.requests if "atch" in request[1]]
            assert len(requests) == 1

    run(scene())


@each
def test_the_exchange_refuses_with_a_reason(name):
    async def scene():
        async with world(name) as here:
            for coid, (fault, reason) in enumerate(
                [(Fault.BALANCE, Reason.BALANCE), (Fault.RATE_LIMIT, Reason.RATE_LIMIT)], start=1
            ):
                here.faults.plan(fault)
                here.send(here.order(coid, 1, MID - 100))
                assert (await here.told(coid, REJECT)).reason is reason
                assert here.at_exchange(coid) == []
            requests = len(here.twin.requests)
            here.send(here.order(6, 1, MID - 100))
            assert (await here.told(6, REJECT)).reason is Reason.RATE_LIMIT
            assert len(here.twin.requests) == requests, "who goes on asking is banned"
            here.later(SECOND)
            here.send(here.order(7, 1, MID - 100, reduce=True))
            assert (await here.told(7, REJECT)).reason is Reason.REJECTED

    run(scene())


@each
def test_a_key_that_the_exchange_does_not_know_is_an_authentication_reject(name):
    async def scene():
        async with world(name) as here:
            here.faults.plan(Fault.AUTH)
            here.send(here.order(1, 1, MID - 100))
            assert (await here.told(1, REJECT)).reason is Reason.AUTHENTICATION
            assert here.at_exchange(1) == []

    run(scene())


@each
def test_what_cannot_be_sent_is_refused_here_and_never_leaves(name):
    async def scene():
        async with world(name) as here:
            before = len(here.twin.requests)
            fine = here.order(1, 1, MID - 100)
            here.send(
                type(fine)(1, -1, 0, 1, 0, MID - 100, Tif.GTC),
                type(fine)(2, -1, 9, 1, here.lots(10), MID - 100, Tif.GTC),
                type(fine)(3, 5, 0, 1, here.lots(10), MID - 100, Tif.GTC),
                type(fine)(2**63, -1, 0, 1, here.lots(10), MID - 100, Tif.GTC),
            )
            for coid in (1, 2, 3, 2**63):
                assert (await here.told(coid, REJECT)).reason is Reason.REJECTED
            here.send(PlaceBatch(40, 0, 1, *(np.arange(1, 5) for _ in range(3))))
            await here.told(40, REJECT)
            assert len(here.twin.requests) == before
            assert here.venue.counters()["refused_here"] == 5

    run(scene())


@each
def test_a_post_only_order_that_would_trade_does_not(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID + 50, Tif.ALO))
            over = await here.until(OrderUpdate, lambda e: e.coid == 1 and e.signal in (REJECT, CANCEL))
            assert over.lots_left == here.lots(10)
            assert here.twin.trades == []

    run(scene())


@each
def test_a_cancel_that_comes_with_its_order_waits_for_it(name, monkeypatch):
    async def scene():
        async with world(name) as here:
            gate, create, cancel, went = (
                asyncio.Event(),
                here.venue.exchange.create_order,
                here.venue.dialect.cancel,
                [],
            )

            async def held_back(*args):
                went.append("place")
                await gate.wait()
                return await create(*args)

            async def noted(*args):
                went.append("cancel")
                return await cancel(*args)

            monkeypatch.setattr(here.venue.exchange, "create_order", held_back)
            monkeypatch.setattr(here.venue.dialect, "cancel", noted)
            here.send(here.order(1, 1, MID - 100), Cancel(1))
            await here.until(BookTop, since=len(here.seen))
            assert went == ["place"]
            gate.set()
            over = await here.told(1, CANCEL)
            assert over.lots_left == here.lots(10)
            assert here.at_exchange(1)[0].status == "cancelled"
            assert ABSENT not in here.signals(1)

    run(scene())


@each
def test_an_amendment_keeps_the_order_and_a_refused_one_leaves_it_as_it_was(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID - 100))
            await here.told(1, ACK)
            since = len(here.seen)
            here.send(Amend(1, here.lots(20), MID - 90))
            await here.told(1, ACK, since)
            order = here.at_exchange(1)[0]
            assert (order.lots, order.price, order.status) == (here.lots(20), MID - 90, "open")
            since = len(here.seen)
            here.faults.plan(Fault.RATE_LIMIT)
            here.send(Amend(1, here.lots(30), MID - 80))
            assert (await here.told(1, ACK, since)).reason is Reason.RATE_LIMIT
            assert (order.lots, order.price) == (here.lots(20), MID - 90)

    run(scene())


@each
def test_cancel_all_takes_ours_and_leaves_what_others_placed(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID - 100), here.order(2, -1, MID + 100))
            await here.told(1, ACK)
            await here.told(2, ACK)
            stranger = by_hand(here)
            here.send(CancelAll(-1))
            await here.told(1, CANCEL)
            await here.told(2, CANCEL)
            await here.settled()
            assert stranger.status == "open"
            assert here.venue.counters()["strangers"] > 0

    run(scene())


def by_hand(here: World):
    """Somebody places an order on the same account with another program."""
    account = here.twin.accounts[KEY]
    wanted = type(here.at_exchange(1)[0])(
        0, "by-hand", account.number, here.twin.markets[here.market], 1, here.lots(10), MID - 300, Tif.GTC, False,
        here.twin.now_ns, here.twin.now_ns,
    )  # fmt: skip
    return here.act(partial(here.twin.place, account, wanted))
