"""Binance, Bybit and OKX through ccxt: streams that break, books that lie, clocks that are off."""

from functools import partial

import pytest

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import BookTop, Connection, DataTrust, Fill, Mark
from pilotfish.domain.orders import OrderSignal, Tif
from pilotfish.venues.trust import TrustTerms
from pilotfish.venues.twins.faults import SECOND, Fault
from tests.conformance.ccxt_harness import HOUR, MID, TWINS, run, world

EXCHANGES = sorted(TWINS)
ACK, FILLED, CANCEL, REJECT = OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT
LOST, ABSENT = OrderSignal.LOST, OrderSignal.ABSENT
each = pytest.mark.parametrize("name", EXCHANGES)


@each
def test_markets_become_instruments_and_their_books_are_told_exactly(name):
    async def scene():
        async with world(name) as here:
            top = await here.until(BookTop, lambda event: event.instrument == 0)
            mark = await here.until(Mark, lambda event: event.instrument == 0)
            bid, bid_lots, ask, ask_lots = here.twin.top(here.market)
            assert (top.bid, top.bid_lots, top.ask, top.ask_lots) == (bid, bid_lots, ask, ask_lots)
            assert mark.price == MID
            listed = here.venue.by_id[0].instrument
            theirs = here.twin.markets[here.market].instrument
            assert (listed.lot_decimals, listed.price_decimals, listed.tick) == (
                theirs.lot_decimals, theirs.price_decimals, theirs.tick
            )  # fmt: skip

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
            here.act(partial(here.twin.lay, here.market, MID + 20))
            await here.until(DataTrust, lambda event: event.doubt is Doubt.CROSSED, since)
            here.act(partial(here.twin.lay, here.market, MID + 30))
            await here.until(DataTrust, lambda event: not event.doubt, since)

    run(scene())


@each
def test_books_that_stand_still_while_the_exchange_moves_are_found_out_by_comparison(name):
    async def scene():
        async with world(name, compare_ns=SECOND // 20) as here:
            since = len(here.seen)

            def freeze():
                here.twin._lasting[Fault.FROZEN] = here.twin.now_ns + HOUR
                here.twin.lay(here.market, MID + 400)

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
