"""An exchange as a run looks at it: its account, its key's rights and its modes, and then the venue that it opens."""

import asyncio
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.events import BookTop, Connection, Fill, OrderUpdate, Reconciled
from pilotfish.domain.instrument import Side
from pilotfish.domain.mandate import OMNIBUS, Follows
from pilotfish.domain.orders import Cancel, OrderSignal, Place, Query, Tif
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.ccxt.gateway import CcxtGateway, namespace_of
from pilotfish.venues.ccxt.ids import ClientIds
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.gateway import Ours
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.session import Unfinished
from pilotfish.venues.twins.exchanges.binance import BinanceTwin
from pilotfish.venues.twins.exchanges.bybit import BybitTwin
from pilotfish.venues.twins.exchanges.okx import OkxTwin
from pilotfish.venues.twins.exchanges.records import CexOrder
from pilotfish.venues.twins.server import TwinServer
from pilotfish.worlds.live.doctor import Level, examine
from pilotfish.worlds.live.exchanges import EXCHANGES
from pilotfish.worlds.live.settings import parse_settings
from tests.unit.driver import perp

TWINS = {"binance": BinanceTwin, "bybit": BybitTwin, "okx": OkxTwin}
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
KEY, SECRET, PASSWORD = "an-api-key", "a-very-secret-secret", "a-passphrase"
MONEY = 5_000_000_000
MINE = Ours(OMNIBUS, "0x" + "bb" * 20, "0x" + "bb" * 20)
MID = 600_000
JOURNAL = 0xFEDC_BA98_7654_3210
each = pytest.mark.parametrize("name", EXCHANGES)


@asynccontextmanager
async def exchange(name, symbols=(BTC, ETH), credentials=None):
    """A served twin with an account of ours, and the gateway to it."""
    twin = TWINS[name](start_ns=time.time_ns())
    account = twin.open_account(KEY, SECRET, PASSWORD, MONEY)
    async with TwinServer(twin) as server:
        settings = Settings(exchange=name, symbols=symbols, urls={"base": server.url}, throttled=False)
        gateway = CcxtGateway(settings, credentials or Credentials(KEY, SECRET, PASSWORD), real_money=False)
        yield SimpleNamespace(twin=twin, account=account, gateway=gateway, market=next(iter(twin.markets.values())))


def play(scene):
    asyncio.run(scene)


def rest(here, price: int) -> None:
    """An order of another hand, on the book."""
    order = CexOrder(0, "other", here.account.number, here.market, 1, 100, price, Tif.GTC, False, 0, 0)
    here.twin.place(here.account, order)


@each
def test_a_survey_says_what_the_exchange_s_own_books_say(name) -> None:
    async def scene():
        async with exchange(name) as here:
            here.account.positions[here.market.name] = -50
            rest(here, MID - 100)
            survey = await here.gateway.survey([], [MINE], [])
            assert [one.symbol for one in survey.instruments] == [BTC, ETH]
            assert {one.id: (one.lot_decimals, one.price_decimals) for one in survey.instruments} == {
                one.instrument.id: (one.instrument.lot_decimals, one.instrument.price_decimals)
                for one in here.twin.markets.values()
            }
            assert survey.marks == {0: MID, 1: MID // 2}
            (account,) = survey.accounts
            assert (account.equity, account.positions, account.orders) == (MONEY, {0: -50}, 1)
            assert (account.may_trade, account.may_withdraw, survey.notes) == (True, False, [])
            assert survey.leads == []
            assert len(survey.round_trips_ns) == 4
            assert await here.gateway.positions([MINE]) == {OMNIBUS: {0: -50}}

    play(scene())


def test_binance_says_how_much_of_its_rate_is_used() -> None:
    async def scene():
        async with exchange("binance") as here:
            (budget,) = (await here.gateway.survey([], [MINE], [])).budgets
            assert 0 < budget.used < budget.cap

    play(scene())


SETTINGS = parse_settings('[run]\nmode = "live"', "p.toml")
FOLLOWS = Follows.of(np.arange(1), 0, 1_000_000)


def findings(survey):
    checks = examine(SETTINGS, survey, FOLLOWS, [MINE.key])
    return [one for one in checks if one.what.startswith("account")], {
        one.level for one in checks if one.why in survey.notes
    }


@each
def test_the_doctor_refuses_a_key_that_could_withdraw_or_may_not_trade(name) -> None:
    async def scene():
        async with exchange(name) as here:
            good, _ = findings(await here.gateway.survey([], [MINE], []))
            assert [one.level for one in good] == [Level.OK]
            here.account.rights.withdraws = True
            survey = await here.gateway.survey([], [MINE], [])
            (bad,), _ = findings(survey)
            assert bad.level is Level.ERROR
            assert "could withdraw" in bad.why
            assert "cannot withdraw" in bad.to_do
            here.account.rights.withdraws, here.account.rights.trades = False, False
            (bad,), _ = findings(await here.gateway.survey([], [MINE], []))
            assert bad.level is Level.ERROR
            assert "may not trade" in bad.why

    play(scene())


@each
def test_modes_that_are_not_assumed_are_noted(name) -> None:
    async def scene():
        async with exchange(name) as here:
            here.account.rights.hedged, here.account.rights.bound = True, False
            notes = " ".join((await here.gateway.survey([], [MINE], [])).notes)
            assert "hedge mode" in notes
            assert "bound to no address" in notes
            if name != "okx":  # there it is said with each order
                here.account.rights.isolated = True
                assert "cross" in " ".join((await here.gateway.survey([], [MINE], [])).notes)

    play(scene())


@each
def test_instruments_of_a_journal_keep_their_ids_and_stay_listed(name) -> None:
    async def scene():
        async with exchange(name, symbols=(BTC,)) as here:
            known = [
                msgspec.structs.replace(perp(k), symbol=symbol) for k, symbol in enumerate(("GONE/USDT:USDT", ETH))
            ]
            survey = await here.gateway.survey([], [MINE], known)
            assert [(one.id, one.symbol) for one in survey.instruments] == [(0, "GONE/USDT:USDT"), (1, ETH), (2, BTC)]
            assert set(survey.marks) == {1, 2}
            assert survey.notes == ["GONE/USDT:USDT is not traded here any more"]

    play(scene())


@each
def test_what_cannot_be_there_is_refused_with_its_remedy(name) -> None:
    async def scene():
        async with exchange(name, symbols=("DOGE/USDT:USDT",)) as here:
            with pytest.raises(ConfigError, match="does not say who traded"):
                await here.gateway.survey(["0x" + "aa" * 20], [MINE], [])
            with pytest.raises(ConfigError, match="omnibus"):
                await here.gateway.survey([], [Ours(0, "0x", "0x")], [])
            with pytest.raises(ConfigError, match="no market DOGE"):
                await here.gateway.survey([], [MINE], [])
            with pytest.raises(ConfigError, match="survey it first"):
                await here.gateway.positions([MINE])
            without = CcxtGateway(here.gateway.settings)
            with pytest.raises(ConfigError, match=f"PILOTFISH_{name.upper()}_KEY"):
                await without.survey([], [MINE], [])

    play(scene())


@each
def test_a_key_that_the_exchange_does_not_take_is_an_error_without_the_key(name) -> None:
    async def scene():
        async with exchange(name, credentials=Credentials(KEY, "another-secret", "another-word")) as here:
            with pytest.raises(VenueError) as bad:
                await here.gateway.survey([], [MINE], [])
            assert "authentication" in str(bad.value) or "key" in bad.value.why
            for secret in (KEY, "another-secret", "another-word", "signature="):
                assert secret not in str(bad.value)

    play(scene())


class Run:
    """A venue as the gateway opened it, and what it told."""

    def __init__(self, here, survey, keys=Keyring) -> None:
        self.here, self.seen, self._woken = here, [], asyncio.Event()
        self.venue = here.gateway.open(survey, keys() if keys else None, JOURNAL, self._woken.set)

    async def until(self, kind, wanted=lambda event: True):
        async with asyncio.timeout(20):
            while True:
                self._woken.clear()
                if self.venue.next_ns() is not None:
                    self.seen += self.venue.events(time.time_ns())
                if found := next((one for one in self.seen if isinstance(one, kind) and wanted(one)), None):
                    return found
                await self._woken.wait()

    def send(self, *commands) -> None:
        self.venue.submit([Approved(one, _KEY) for one in commands], time.time_ns())


def update(coid: int, signal: OrderSignal):
    return lambda event: event.coid == coid and event.signal is signal


@each
def test_an_opened_venue_trades_and_after_a_restart_knows_what_was_open(name) -> None:
    async def scene():
        async with exchange(name) as here:
            survey = await here.gateway.survey([], [MINE], [])
            lots = 10 ** (survey.instruments[0].lot_decimals - 2)
            run = Run(here, survey)
            await run.venue.start()
            await run.until(Connection, lambda event: event.up)
            taken = Place(5, OMNIBUS, 0, Side.BUY, lots, MID + 50, Tif.IOC)
            resting = Place(6, OMNIBUS, 0, Side.BUY, lots, MID - 100, Tif.GTC)
            run.send(taken, resting)
            await run.until(OrderUpdate, update(5, OrderSignal.FILLED))
            await run.until(OrderUpdate, update(6, OrderSignal.ACK))
            assert here.twin.of_client(ClientIds(namespace_of(JOURNAL)).text(6))
            sent_ns = time.time_ns()
            run.venue.venue.public = True  # the process dies: nothing is cancelled
            await run.venue.stop()
            again = Run(here, survey)
            again.venue.recall(Unfinished(0, [(resting, sent_ns)]), sent_ns)
            await again.venue.start()
            await again.until(Connection, lambda event: event.up)
            again.send(Query(0, (6,)))
            assert (await again.until(Reconciled)).open == (6,)
            assert (await again.until(Fill)).coid == 5
            again.send(Cancel(6))
            await again.until(OrderUpdate, update(6, OrderSignal.CANCEL))
            assert len(here.twin.orders) == 2
            await again.venue.stop()

    play(scene())


@each
def test_without_a_key_there_are_prices_and_no_orders(name) -> None:
    async def scene():
        async with exchange(name) as here:
            survey = await here.gateway.survey([], [], [])
            run = Run(here, survey, keys=None)
            assert run.venue.depth(0) is None
            await run.venue.start()
            await run.until(Connection, lambda event: event.up)
            top = await run.until(BookTop, lambda event: event.instrument == 0)
            bids, asks, _ = run.venue.depth(0)
            assert (bids[0][0], asks[0][0]) == (top.bid, top.ask)
            run.send(Place(5, OMNIBUS, 0, Side.BUY, 100, MID + 50, Tif.IOC), Query(0, ()))
            await run.venue.stop()
            assert here.twin.orders == {}
            assert run.venue.counters()["submitted_without_key"] == 2
            assert run.venue.failure is None

    play(scene())


def test_every_journal_has_client_ids_of_its_own() -> None:
    names = {namespace_of(journal) for journal in (0, 1, JOURNAL, 2**64 - 1)}
    assert len(names) == 4
    assert all(len(ClientIds(name).text(2**63 - 1)) <= 32 for name in names)
