"""Binance, Bybit and OKX through ccxt, over real sockets to their twins: the same expectations of each."""

import json
import logging
import time
from functools import partial

import ccxt.pro
import numpy as np
import pytest

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.events import BookTop, Connection, DataTrust, Fill, Mark, OrderUpdate
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Amend, Cancel, CancelAll, OrderSignal, PlaceBatch, Query, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.ccxt.dialects import DIALECTS
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.ccxt.venue import CcxtVenue
from pilotfish.venues.trust import TrustTerms
from pilotfish.venues.twins.faults import SECOND, Fault, TwinFaults
from pilotfish.venues.twins.server import TwinServer
from tests.conformance.ccxt_harness import BTC, HOUR, KEY, MID, PASSWORD, SECRET, TWINS, World, run, world

EXCHANGES = sorted(TWINS)
ACK, FILLED, CANCEL, REJECT = OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT
LOST, ABSENT = OrderSignal.LOST, OrderSignal.ABSENT
each = pytest.mark.parametrize("name", EXCHANGES)


def name_of(here: World) -> str:
    return next(iter(here.twin.markets))


@each
def test_markets_become_instruments_and_their_books_are_told_exactly(name):
    async def scene():
        async with world(name) as here:
            top = await here.until(BookTop, lambda event: event.instrument == 0)
            mark = await here.until(Mark, lambda event: event.instrument == 0)
            bid, bid_lots, ask, ask_lots = here.twin.top(name_of(here))
            assert (top.bid, top.bid_lots, top.ask, top.ask_lots) == (bid, bid_lots, ask, ask_lots)
            assert mark.price == MID
            listed = here.venue.by_id[0].instrument
            theirs = here.twin.markets[name_of(here)].instrument
            assert (listed.lot_decimals, listed.price_decimals, listed.tick) == (
                theirs.lot_decimals, theirs.price_decimals, theirs.tick
            )  # fmt: skip

    run(scene())


@each
def test_an_order_rests_fills_in_part_and_fills_whole(name):
    async def scene():
        async with world(name) as here:
            price = MID
            here.act(partial(here.twin.lay, name_of(here), MID + 500))
            here.send(here.order(1, 1, price))
            await here.told(1, ACK)
            here.act(partial(here.twin.lay, name_of(here), MID + 500, levels=1))
            here.act(partial(here.twin.cross, name_of(here), Side.SELL, 1_000 + here.lots(4), price))
            part = await here.until(Fill, lambda event: event.coid == 1)
            assert (part.lots, part.price, part.maker) == (here.lots(4), price, True)
            here.act(partial(here.twin.cross, name_of(here), Side.SELL, here.lots(6), price))
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
            here.act(partial(here.twin.lay, name_of(here), MID, lots=here.lots(4), levels=1))
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
            here.send(*(here.order(coid, 1, MID - 100 * coid) for coid in (1, 2, 3)))
            refused = await here.told(1, REJECT)
            await here.told(2, ACK)
            await here.told(3, ACK)
            assert refused.reason is Reason.BALANCE
            assert REJECT not in here.signals(2) + here.signals(3)
            assert here.at_exchange(1) == []
            assert [order.status for coid in (2, 3) for order in here.at_exchange(coid)] == ["open", "open"]
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
@pytest.mark.parametrize("executed", [True, False])
def test_an_outcome_that_was_lost_is_asked_for_and_never_guessed(name, executed):
    async def scene():
        async with world(name) as here:
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
def test_a_cancel_that_comes_with_its_order_waits_for_it(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID - 100), Cancel(1))
            over = await here.told(1, CANCEL)
            assert over.lots_left == here.lots(10)
            assert here.at_exchange(1)[0].status == "cancelled"
            assert ABSENT not in here.signals(1)

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
        0, "by-hand", account.number, here.twin.markets[name_of(here)], 1, here.lots(10), MID - 300, Tif.GTC, False,
        here.twin.now_ns, here.twin.now_ns,
    )  # fmt: skip
    return here.act(partial(here.twin.place, account, wanted))


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
                here.twin.lay(name_of(here), MID - 50)

            here.act(gap)
            await here.until(Connection, lambda event: not event.up, since)
            await here.until(Connection, lambda event: event.up, since)
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
def test_a_frame_that_cannot_be_read_costs_the_stream_and_nothing_else(name):
    async def scene():
        async with world(name) as here:
            since = len(here.seen)
            streams = list(here.twin.streams)
            here.act(lambda: [here.twin.push(stream, b'{"broken') for stream in streams])
            await here.until(Connection, lambda event: not event.up, since)
            await here.until(Connection, lambda event: event.up, since)
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.told(1, FILLED)
            assert here.venue.counters()["set_aside"] > 0

    run(scene())


@each
def test_a_clock_that_is_off_a_little_is_allowed_for_and_one_that_is_off_much_is_doubted(name):
    async def scene():
        async with world(name, skew_ns=1_900_000_000) as here:
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.told(1, FILLED)
        async with world(name, skew_ns=8 * SECOND, started=False) as here:
            here.venue = here.make()
            await here.venue.start()
            doubted = await here.until(DataTrust, lambda event: not event.doubt & ~Doubt.SKEWED)
            assert doubted.doubt is Doubt.SKEWED

    run(scene())


@each
def test_a_crossed_book_is_doubted_until_it_is_whole_again(name):
    async def scene():
        async with world(name) as here:
            since = len(here.seen)
            here.faults.plan(Fault.CROSSED)
            here.act(partial(here.twin.lay, name_of(here), MID + 20))
            await here.until(DataTrust, lambda event: event.doubt is Doubt.CROSSED, since)
            here.act(partial(here.twin.lay, name_of(here), MID + 30))
            await here.until(DataTrust, lambda event: not event.doubt, since)

    run(scene())


@each
def test_books_that_stand_still_while_the_exchange_moves_are_found_out_by_comparison(name):
    async def scene():
        async with world(name, compare_ns=SECOND // 20) as here:
            since = len(here.seen)

            def freeze():
                here.twin._lasting[Fault.FROZEN] = here.twin.now_ns + HOUR
                here.twin.lay(name_of(here), MID + 400)

            here.act(freeze)
            before = here.venue.counters().get("comparisons", 0)
            while here.venue.counters().get("comparisons", 0) < before + 4:
                await here.until(BookTop, since=len(here.seen))
            here.later(5 * SECOND)
            await here.until(DataTrust, lambda event: Doubt.DISAGREES in event.doubt, since)

    run(scene())


@each
def test_a_quiet_book_is_told_again_while_the_proof_holds_and_falls_silent_without_it(name):
    async def scene():
        async with world(name, terms=TrustTerms(quiet_ns=3 * SECOND, probe_ns=10 * SECOND)) as here:
            since = len(here.seen)
            first = await here.until(BookTop, lambda event: event.instrument == 0, since)
            second = await here.until(BookTop, lambda e: e.instrument == 0 and e.ours_ns > first.ours_ns, since)
            assert (first.bid, first.ask) == (second.bid, second.ask)
            here.later(60 * SECOND)
            await here.until(DataTrust, lambda event: Doubt.SILENT in event.doubt, since)

    run(scene())


@each
def test_shutting_down_leaves_no_order_of_ours_open(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID - 100), here.order(2, -1, MID + 100))
            await here.told(1, ACK)
            await here.told(2, ACK)
            await here.venue.stop()
            here.seen += here.venue.events(0)
            assert [here.at_exchange(coid)[0].status for coid in (1, 2)] == ["cancelled", "cancelled"]

    run(scene())


@each
def test_nobody_is_paid_for_our_orders_and_no_secret_is_sent_or_told(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.told(1, FILLED)
            here.send(here.order(2, 1, MID - 100), here.order(3, 1, MID - 200))
            await here.told(3, ACK)
            here.send(Amend(2, here.lots(20), MID - 110), Cancel(3))
            await here.told(3, CANCEL)
            assert any("order" in url for _, url, _, _ in here.twin.requests)
            for _, url, headers, body in here.twin.requests:
                sent = f"{url} {json.dumps(headers)} {body.decode()}"
                assert "referer" not in headers
                for mark in ("CCXT", "x-cvBPrNm9", "x-TKT5PX2F", "x-xcKtGhcu", "6b9ad766b55dBCDE", '"tag"', SECRET):
                    assert mark not in sent
            everything = f"{here.seen} {here.venue.counters()} {here.venue.failure} {here.venue.settings}"
            for secret in (KEY, SECRET, PASSWORD):
                assert secret not in everything

    run(scene())


@each
def test_positions_and_equity_are_as_the_exchange_states_them(name):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, -1, MID - 50, Tif.IOC))
            await here.told(1, FILLED)
            positions, equity = await here.venue.holdings()
            assert positions == {0: -here.lots(10)}
            assert float(equity) == here.twin.accounts[KEY].money / 1e6

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
                here.act(partial(here.twin.lay, name_of(here), MID + coid % 3 - 1, lots=here.lots(30), levels=3))
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
def test_a_half_open_connection_is_noticed_and_replaced(name):
    async def scene():
        async with world(name, heartbeat_ns=SECOND // 10) as here:
            since = len(here.seen)
            here.faults.plan(Fault.HALF_OPEN, 2)
            await here.until(Connection, lambda event: not event.up, since)
            down = len(here.seen)
            await here.until(Connection, lambda event: event.up, down - 1)
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.told(1, FILLED)

    run(scene())


def test_a_listen_key_that_expires_is_replaced():
    async def scene():
        async with world("binance") as here:
            since = len(here.seen)
            here.act(here.twin.expire_listen_keys)
            await here.until(Connection, lambda event: not event.up, since)
            await here.until(Connection, lambda event: event.up, since)
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.until(Fill, lambda event: event.coid == 1)
            assert here.venue.counters()["streams_ended"] == 1
            assert "fills_asked_for" not in here.venue.counters(), "the new stream told it"

    run(scene())


@pytest.mark.parametrize("name", ["binance", "okx"])
def test_the_exchange_cancels_everything_when_it_has_not_heard_from_us(name):
    async def scene():
        async with world(name, dead_man_ns=30 * SECOND) as here:
            here.send(here.order(1, 1, MID - 100))
            await here.told(1, ACK)
            here.act(lambda: here.twin.advance(here.twin.now_ns + 29 * SECOND))
            assert here.at_exchange(1)[0].status == "open"
            here.act(lambda: here.twin.advance(here.twin.now_ns + 2 * SECOND))
            assert (await here.told(1, CANCEL)).lots_left == here.lots(10)

    run(scene())


def test_bybit_has_no_such_switch_and_says_so():
    with pytest.raises(ConfigError, match="dead man"):
        CcxtVenue(Settings(exchange="bybit", symbols=("BTC/USDT:USDT",), dead_man_ns=30 * SECOND), Credentials("", ""))


@each
def test_a_start_that_fails_says_why_and_leaves_nothing_open(name):
    async def scene():
        async with world(name, started=False) as here:
            venue = here.make(symbols=("DOGE/USDT:USDT",))
            with pytest.raises(ConfigError, match="DOGE"):
                await venue.start()
            here.faults.plan(Fault.RATE_LIMIT)
            venue = here.make()
            with pytest.raises(VenueError, match="rate limit") as refused:
                await venue.start()
            assert KEY not in str(refused.value)

    run(scene())


def test_an_exchange_without_a_twin_is_refused():
    with pytest.raises(ConfigError, match="choose one of binance, bybit, okx"):
        CcxtVenue(Settings(exchange="kraken", symbols=("BTC/USDT:USDT",)), Credentials("", ""))


@each
def test_keys_are_in_no_log_at_any_level(name, caplog):
    async def scene():
        async with world(name) as here:
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.told(1, FILLED)

    with caplog.at_level(logging.DEBUG):
        run(scene())
    for secret in (KEY, SECRET, PASSWORD):
        assert secret not in caplog.text


@each
def test_ccxt_as_it_comes_trades_on_the_twin(name):
    """Only its addresses are changed, and what it would read beside the markets of the twin."""

    async def scene():
        twin = TWINS[name](start_ns=time.time_ns())
        twin.open_account(KEY, SECRET, PASSWORD)
        async with TwinServer(twin) as server:
            options = {"defaultType": "swap", "fetchMarkets": {"types": ["swap" if name == "okx" else "linear"]}}
            exchange = getattr(ccxt.pro, name)(
                {"apiKey": KEY, "secret": SECRET, "password": PASSWORD, "options": options}
            )
            exchange.has["fetchCurrencies"] = False
            DIALECTS[name].urls(exchange, server.url)
            try:
                await exchange.load_markets()
                book = await exchange.watch_bids_asks([BTC])
                assert book[BTC]["bid"] < book[BTC]["ask"]
                amount = 0.01 / exchange.market(BTC)["contractSize"]
                placed = await exchange.create_order(BTC, "limit", "buy", amount, 60_010)
                trades = await exchange.fetch_my_trades(BTC)
                assert [trade["order"] for trade in trades] == [placed["id"]]
                exchange.secret = "another"
                with pytest.raises(ccxt.BaseError):
                    await exchange.create_order(BTC, "limit", "buy", amount, 60_010)
                assert len(twin.orders) == 1
            finally:
                await exchange.close()

    run(scene())
