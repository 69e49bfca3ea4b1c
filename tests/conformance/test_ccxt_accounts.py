"""Binance, Bybit and OKX through ccxt: keys, fees to nobody, funding, shutting down, and ccxt as it comes."""

import json
import logging
import time

import ccxt.pro
import pytest

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.events import Fill, Funding
from pilotfish.domain.orders import Amend, Cancel, OrderSignal, Tif
from pilotfish.venues.ccxt.dialects import DIALECTS
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.ccxt.venue import CcxtVenue
from pilotfish.venues.twins.faults import SECOND, Fault
from pilotfish.venues.twins.server import TwinServer
from tests.conformance.ccxt_harness import BTC, KEY, MID, PASSWORD, SECRET, TWINS, run, world

EXCHANGES = sorted(TWINS)
ACK, FILLED, CANCEL, REJECT = OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT
LOST, ABSENT = OrderSignal.LOST, OrderSignal.ABSENT
each = pytest.mark.parametrize("name", EXCHANGES)


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


@each
@pytest.mark.parametrize("rate_e6", [100, -250])
def test_funding_is_told_once_with_its_rate_and_what_was_paid(name, rate_e6):
    async def scene():
        async with world(name, funding_ns=SECOND // 20) as here:
            here.send(here.order(1, -1, MID - 50, Tif.IOC))
            await here.told(1, FILLED)
            here.act(lambda: here.twin.pay_funding(here.market, rate_e6))
            paid = await here.until(Funding)
            at_exchange = here.twin.fundings[0]
            assert (paid.instrument, paid.rate_e9, paid.price) == (0, rate_e6 * 1_000, MID)
            assert paid.accounts.tolist() == [-1]
            assert paid.amounts.tolist() == [at_exchange.money]
            assert (at_exchange.money < 0) == (rate_e6 > 0), "a short is paid when the rate is positive"
            here.act(lambda: here.twin.pay_funding(here.market, rate_e6))
            await here.until(Funding, lambda event: event.funding_id != paid.funding_id)
            told = [event.funding_id for event in here.seen if isinstance(event, Funding)]
            assert len(told) == len(set(told))

    run(scene())


@each
def test_a_position_that_our_fills_do_not_explain_is_counted(name):
    async def scene():
        async with world(name, positions_ns=SECOND // 50) as here:
            here.send(here.order(1, 1, MID + 50, Tif.IOC))
            await here.told(1, FILLED)
            await here.until(Fill, lambda event: event.coid == 1)
            await here.looked(3)
            assert "positions_unexplained" not in here.venue.counters()
            here.act(lambda: here.twin.accounts[KEY].positions.update({here.market: 0}))
            await here.looked(2)
            assert here.venue.counters()["positions_unexplained"] == 1

    run(scene())
