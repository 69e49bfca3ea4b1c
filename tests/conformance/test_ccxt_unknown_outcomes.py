"""Binance, Bybit and OKX through ccxt: what was lost, doubled or never answered is found out, and never guessed."""

import asyncio
from functools import partial

import pytest

from pilotfish.domain.events import Connection, Fill, OrderUpdate
from pilotfish.domain.orders import Cancel, CancelAll, OrderSignal, Query, Tif
from pilotfish.venues.twins.faults import SECOND, Fault, TwinFaults
from tests.conformance.ccxt_harness import MID, TWINS, run, world

EXCHANGES = sorted(TWINS)
ACK, FILLED, CANCEL, REJECT = OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT
LOST, ABSENT = OrderSignal.LOST, OrderSignal.ABSENT
each = pytest.mark.parametrize("name", EXCHANGES)


@each
@pytest.mark.parametrize("executed", [True, False])
def test_an_outcome_that_was_lost_is_asked_for_and_never_guessed(name, executed):
    async def scene():
        async with world(name, timeout_ns=SECOND) as here:
            here.faults.plan(Fault.LOST_ANSWER if executed else Fault.LOST_REQUEST)
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.told(1, LOST) if not executed else await here.told(1, FILLED)
            if executed:
                await here.until(Fill, lambda event: event.coid == 1)
                assert sum(fill.lots for fill in here.fills(1)) == here.lots(10)
                assert len(here.at_exchange(1)) == 1
                return
            assert here.fills(1) == []
            assert not {FILLED, CANCEL, REJECT, ABSENT} & set(here.signals(1))
            asked = len(here.seen)
            here.send(Query(0, (1,)))
            await here.venue._asking
            assert not any(
                type(event).__name__ == "Reconciled" for event in here.seen[asked:] + list(here.venue.events(0))
            )
            here.later(40 * SECOND)
            answer = await here.ask(1)
            assert (answer.asked, answer.open, answer.done) == ((1,), (), ())
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.told(1, FILLED)
            assert len(here.at_exchange(1)) == 1

    run(scene())


@each
def test_a_server_error_is_not_a_refusal(name):
    async def scene():
        async with world(name) as here:
            told = 0
            for coid in range(1, 9):
                here.faults.plan(Fault.ERROR_500)
                here.send(here.order(coid, 1, MID - 100))
                await here.until(OrderUpdate, lambda event, coid=coid: event.coid == coid)
                assert REJECT not in here.signals(coid)
                told += bool(here.at_exchange(coid))
            assert 0 < told < 8, "the seed must show both"
            here.later(40 * SECOND)
            answer = await here.ask(*range(1, 9))
            assert set(answer.open) == {coid for coid in range(1, 9) if here.at_exchange(coid)}
            assert answer.done == ()

    run(scene())


@each
def test_the_same_order_handed_over_twice_is_one_order(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID - 100))
            here.send(here.order(1, 1, MID - 100))
            await here.told(1, ACK)
            here.send(here.order(1, 1, MID - 100))
            await here.settled()
            assert len(here.at_exchange(1)) == 1
            assert here.twin.counts["duplicates_received"] == 0

    run(scene())


@each
def test_the_exchange_refuses_a_second_order_with_the_same_id_in_its_own_words(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID - 100))
            await here.told(1, ACK)
            again = await here.start_again()
            here.send(here.order(1, 1, MID - 100))
            since = len(here.seen)
            await here.told(1, ACK, since)
            assert len(here.at_exchange(1)) == 1
            assert here.twin.counts["duplicates_received"] == 1
            assert again.counters()["unknown"] == 1

    run(scene())


@each
def test_a_cancel_that_comes_too_late_ends_with_the_fill(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID + 50, Tif.GTC))
            here.send(Cancel(1))
            await here.told(1, FILLED)
            await here.until(Fill, lambda event: event.coid == 1)
            await here.settled()
            assert {CANCEL, ABSENT, REJECT}.isdisjoint(here.signals(1))

    run(scene())


@each
def test_a_cancel_of_what_never_was_is_absent_only_when_that_is_sure(name):
    async def scene():
        async with world(name) as here:
            here.send(Cancel(77))
            await here.settled()
            assert here.signals(77) == []
            here.later(40 * SECOND)
            here.send(Cancel(77))
            await here.told(77, ABSENT)

    run(scene())


@each
def test_what_traded_in_a_gap_is_brought_by_the_query_after_it(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID - 1), here.order(2, 1, MID - 100))
            await here.told(1, ACK)
            await here.told(2, ACK)
            since = len(here.seen)

            def gap():
                here.hang_up()
                for state in here.twin.streams.values():
                    state["account"] = None
                    state["topics"] = set()
                here.twin.lay(here.market, MID - 50)

            here.act(gap)
            await here.until(Connection, lambda event: not event.up, since)
            await here.until(Connection, lambda event: event.up, since)
            private = [state for state in here.twin.streams.values() if state["account"] is not None]
            assert len(private) == 1, "up means that the private stream is subscribed again"
            assert here.fills(1) == []
            answer = await here.ask(1, 2)
            assert (answer.open, answer.done) == ((2,), (1,))
            assert sum(fill.lots for fill in here.fills(1)) == here.lots(10)
            assert here.seen.index(here.fills(1)[0]) < here.seen.index(answer)

    run(scene())


@each
def test_after_a_restart_everything_is_found_again_by_number(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID + 50, Tif.IOC), here.order(2, 1, MID - 100), here.order(3, 1, MID - 200))
            await here.told(1, FILLED)
            await here.told(2, ACK)
            await here.told(3, ACK)
            await here.start_again()
            here.seen.clear()
            answer = await here.ask(1, 2, 3)
            assert (answer.open, answer.done) == ((2, 3), (1,))
            assert sum(fill.lots for fill in here.fills(1)) == here.lots(10)
            here.send(Cancel(3))
            await here.told(3, CANCEL)
            here.send(CancelAll(-1))
            await here.told(2, CANCEL)

    run(scene())


@each
def test_doubled_and_overtaken_messages_change_nothing(name):
    async def scene():
        faults = TwinFaults(3, {Fault.DOUBLE: 0.5, Fault.REORDER: 0.3})
        async with world(name, faults) as here:
            for coid in range(1, 8):
                here.send(here.order(coid, 1 if coid % 2 else -1, MID + (50 if coid % 2 else -50), Tif.IOC))
                await here.told(coid, FILLED)
                await here.until(Fill, lambda event, coid=coid: event.coid == coid)
            answer = await here.ask(*range(1, 8))
            assert answer.done == tuple(range(1, 8))
            for coid in range(1, 8):
                numbers = [e.fill_id for e in here.seen if isinstance(e, Fill) and e.coid == coid]
                assert len(numbers) == len(set(numbers))
                assert sum(fill.lots for fill in here.fills(coid)) == here.lots(10)
            assert faults.injected[Fault.DOUBLE] > 0

    run(scene())


@each
def test_through_a_storm_every_fill_is_told_once_and_every_order_ends_as_the_exchange_has_it(name):
    rates = {
        Fault.DOUBLE: 0.2, Fault.REORDER: 0.1, Fault.DROP: 0.1, Fault.LOST_REQUEST: 0.08, Fault.LOST_ANSWER: 0.08,
        Fault.ERROR_500: 0.1, Fault.PARTIAL_BATCH: 0.1, Fault.BALANCE: 0.05,
    }  # fmt: skip

    async def scene():
        faults = TwinFaults(11)
        async with world(name, faults, timeout_ns=SECOND // 4) as here:
            faults.rates |= rates
            coids = range(1, 61)
            for coid in coids:
                side = 1 if coid % 3 else -1
                tif, off = (Tif.IOC, 3) if coid % 2 else (Tif.GTC, -1 - coid % 4)
                here.send(
                    here.order(coid, side, MID + side * off, tif, size=5 + coid), *[Cancel(coid)] * (coid % 5 == 0)
                )
                here.act(partial(here.twin.lay, here.market, MID + coid % 3 - 1, lots=here.lots(30), levels=3))
                await here.until(OrderUpdate, lambda event, coid=coid: event.coid == coid)
                if coid % 20 == 0:
                    here.hang_up()
            faults.rates.clear()
            here.later(40 * SECOND)
            here.send(CancelAll(-1))
            await here.settled()
            answer = await here.ask(*coids)
            assert answer.open == ()
            for coid in coids:
                orders = here.at_exchange(coid)
                assert len(orders) <= 1
                assert (coid in answer.done) == bool(orders) or REJECT in here.signals(coid)
                traded = sum(order.filled for order in orders)
                assert sum(fill.lots for fill in here.fills(coid)) == traded
            told = [e.fill_id for e in here.seen if isinstance(e, Fill)]
            assert len(told) == len(set(told)) == len(here.twin.trades) > 10
            assert sum(fill.fee for fill in here.seen if isinstance(fill, Fill)) == sum(t.fee for t in here.twin.trades)
            assert all(faults.injected[fault] for fault in (Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.ERROR_500))

    run(scene())


@each
def test_fills_of_orders_that_nobody_asks_about_are_told_all_the_same(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID - 1), here.order(2, 1, MID - 100))
            await here.told(1, ACK)
            await here.told(2, ACK)
            await here.venue.stop(cancel=False)
            here.act(partial(here.twin.lay, here.market, MID - 50))
            here.seen.clear()
            await here.start_again()
            answer = await here.ask(2)
            assert answer.open == (2,)
            assert sum(fill.lots for fill in here.fills(1)) == here.lots(10)

    run(scene())


@each
def test_how_long_an_order_waited_here_does_not_make_it_surely_absent(name, monkeypatch):
    async def scene():
        async with world(name, timeout_ns=SECOND) as here:
            gate, create = asyncio.Event(), here.venue.exchange.create_order

            async def held_back(*args):
                await gate.wait()
                return await create(*args)

            monkeypatch.setattr(here.venue.exchange, "create_order", held_back)
            here.send(here.order(1, 1, MID - 100))
            here.later(40 * SECOND)
            here.faults.plan(Fault.LOST_REQUEST)
            gate.set()
            await here.told(1, LOST)
            here.send(Query(0, (1,)))
            await here.venue._asking
            assert here.venue.counters()["queries_unanswered"] == 1
            here.later(40 * SECOND)
            assert (await here.ask(1)).open == ()

    run(scene())
