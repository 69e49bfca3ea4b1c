"""Leads of one venue copied on another: one port in front of both, one survey of both."""

import asyncio
import time

import msgspec
import pytest
from rich.console import Console

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import BookTop, Connection, Fill, InstrumentListed, LeadFill, Reconciled
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import CancelAll, Place, Query
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.ccxt.gateway import CcxtGateway
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.gateway import Ours
from pilotfish.venues.hyperliquid.accounts import Settings as HyperliquidSettings
from pilotfish.venues.hyperliquid.gateway import HyperliquidGateway
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.session import Unfinished
from pilotfish.venues.twins.exchanges.binance import BinanceTwin
from pilotfish.venues.twins.hyperliquid.settings import HyperliquidSettings as TwinSettings
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.server import TwinServer
from pilotfish.worlds.live.pair import PairVenue
from pilotfish.worlds.live.pair_gateway import PairGateway
from pilotfish.worlds.live.settings import parse_settings
from pilotfish.worlds.live.venues import gateway_of
from tests.unit.driver import perp

QUERY = Query(5, (1, 2))


class Half:
    """A venue that tells what a test says."""

    idempotent_ids = True

    def __init__(self, name: str) -> None:
        self.name, self.told, self.got, self.log = name, [], [], []
        self.failure, self.recalled, self.broken = None, None, False

    def tell(self, *events) -> None:
        self.told += events

    def events(self, until_ns):
        told, self.told = self.told, []
        return told

    def next_ns(self):
        return self.told[0].ours_ns if self.told else None

    def submit(self, commands, now_ns) -> None:
        self.got += [one.command for one in commands]

    def recall(self, unfinished, now_ns) -> None:
        self.recalled = unfinished

    async def start(self) -> None:
        self.log.append("start")
        if self.broken:
            raise ConfigError("this", "is broken", "")

    async def stop(self, timeout_s=10.0) -> None:
        self.log.append("stop")

    def depth(self, instrument):
        return self.name, instrument

    def counters(self):
        return {"heard": 1}


class Both:
    """Instruments 0 and 1 of the run are traded, 2 and 3 are the leads'."""

    def __init__(self) -> None:
        self.leads, self.trade = Half("leads"), Half("trade")
        self.pair = PairVenue(self.leads, self.trade, [2, 3], 4)

    def send(self, *commands) -> None:
        self.pair.submit([Approved(one, _KEY) for one in commands], 1)

    def up(self) -> None:
        for half in (self.leads, self.trade):
            half.tell(Connection(1, 1, True))
        assert [one.up for one in self.told()] == [True]

    def told(self):
        return list(self.pair.events(10))


@pytest.fixture
def both() -> Both:
    return Both()


def answer(cursor: int, open_: tuple[int, ...] = (), asked: tuple[int, ...] = QUERY.coids) -> Reconciled:
    return Reconciled(1, 1, cursor, asked, open_, ())


def test_events_have_the_run_s_own_instruments_whichever_venue_tells_them(both) -> None:
    fill = LeadFill(1, 1, 0, 1, 1, 5, 100, 7)
    both.leads.tell(BookTop(1, 1, 0, 1, 2, 3, 4), fill)
    both.trade.tell(BookTop(1, 1, 0, 5, 6, 7, 8), Fill(1, 1, 9, 1, 5, 100, 500, 0))
    assert both.pair.next_ns() == 1
    told = both.told()
    assert [getattr(one, "instrument", None) for one in told] == [2, 3, 0, None]
    assert both.pair.next_ns() is None
    assert both.pair.depth(3) == ("leads", 1)
    assert both.pair.depth(1) == ("trade", 1)


def test_what_the_leads_venue_lists_while_it_runs_comes_after_everything(both) -> None:
    both.leads.tell(InstrumentListed(1, 1, perp(2)), BookTop(1, 1, 2, 1, 2, 3, 4))
    listed, top = both.told()
    assert (listed.instrument.id, top.instrument) == (4, 4)


def test_orders_go_to_the_trading_venue_alone_and_questions_to_both(both) -> None:
    place = Place(1, OMNIBUS, 0, 1, 5, 100)
    both.send(place, QUERY, CancelAll(OMNIBUS))
    assert both.trade.got == [place, QUERY, CancelAll(OMNIBUS)]
    assert both.leads.got == [QUERY]


def test_a_question_is_answered_when_both_have_by_the_older_of_their_cursors(both) -> None:
    both.up()
    both.send(QUERY)
    both.trade.tell(answer(30, (1,)))
    assert both.told() == []
    both.leads.tell(answer(20))
    (said,) = both.told()
    assert (said.cursor, said.asked, said.open, said.done) == (20, (1, 2), (1,), ())
    both.trade.tell(answer(40))
    assert both.told() == []  # nobody has asked again


def test_an_answer_to_an_earlier_question_is_none_to_a_later_one(both) -> None:
    both.up()
    both.send(QUERY)
    both.leads.tell(answer(20))
    assert both.told() == []
    both.send(Query(5, (3,)))
    both.trade.tell(answer(30, (1,)))
    both.leads.tell(answer(25, asked=(3,)))
    assert both.told() == []
    both.trade.tell(answer(35, (3,), asked=(3,)))
    (said,) = both.told()
    assert (said.asked, said.open) == ((3,), (3,))


def test_the_connection_is_the_trading_venue_s_and_leads_that_come_back_are_asked_about(both) -> None:
    ups = []
    for half, up in (
        (both.leads, True),
        (both.trade, True),
        (both.leads, False),
        (both.leads, True),
        (both.trade, False),
    ):
        half.tell(Connection(1, 1, up))
        ups.append([one.up for one in both.told()])
    assert ups == [[], [True], [], [False, True], [False]]


def test_while_the_leads_venue_is_away_orders_are_answered_for_and_the_cursor_stays(both) -> None:
    both.up()
    both.send(QUERY)
    both.trade.tell(answer(30, (1,)))
    assert both.told() == []
    both.leads.tell(Connection(2, 2, False))
    (said,) = both.told()
    assert (said.cursor, said.open) == (QUERY.cursor, (1,))
    both.send(QUERY)
    both.trade.tell(answer(40))
    assert [one.cursor for one in both.told()] == [QUERY.cursor]


def test_orders_of_before_a_restart_are_the_trading_venue_s_and_holdings_of_leads_the_other_s(both) -> None:
    place = Place(1, OMNIBUS, 0, 1, 5, 100)
    both.pair.recall(Unfinished(9, [(place, 4)], {0: [3, 0]}), 5)
    assert both.trade.recalled == Unfinished(9, [(place, 4)], {})
    assert both.leads.recalled == Unfinished(9, [], {0: [1]})


def test_both_are_started_and_stopped_and_the_failure_of_either_is_the_pair_s(both) -> None:
    async def life() -> None:
        await both.pair.start()
        await both.pair.stop()
        both.leads.broken = True
        with pytest.raises(ConfigError):
            await both.pair.start()

    asyncio.run(life())
    assert both.trade.log == ["start", "stop", "start", "stop"]
    assert both.leads.log == ["start", "stop", "start"]
    assert both.pair.counters() == {"leads: heard": 1, "heard": 1}
    assert both.pair.failure is None
    both.leads.failure = ConfigError("this", "broke", "")
    assert both.pair.failure is both.leads.failure


# The survey, and a run's venue, over two twins.

MINE = Ours(OMNIBUS, "0x" + "bb" * 20, "0x" + "bb" * 20)
LEAD = "0x" + "aa" * 20


def test_two_venues_are_surveyed_and_opened_as_one() -> None:
    async def scene() -> None:
        now = time.time_ns()
        there, here = HyperliquidTwin(now, TwinSettings()), BinanceTwin(start_ns=now)
        there.open_account(LEAD, 100_000)
        account = here.open_account("key", "secret")
        account.positions["ETHUSDT"] = 7
        async with TwinServer(there) as far, TwinServer(here) as near:
            urls = HyperliquidSettings(False, far.url.replace("http", "ws", 1) + "/ws", far.url, 0)
            symbols = ("BTC/USDT:USDT", "ETH/USDT:USDT")
            traded = Settings(exchange="binance", symbols=symbols, urls={"base": near.url}, throttled=False)

            def gateway() -> PairGateway:
                leads = HyperliquidGateway(urls, real_money=False)
                return PairGateway(leads, CcxtGateway(traded, Credentials("key", "secret"), real_money=False))

            first = gateway()
            survey = await first.survey([LEAD], [MINE], [])
            assert [one.id for one in survey.instruments] == list(range(5))
            assert [one.symbol for one in survey.instruments] == [*symbols, "BTC", "ETH", "HYPE"]
            assert set(survey.marks) == set(range(5))
            assert survey.accounts[0].positions == {1: 7}
            assert survey.leads[0].equity == 100_000 * 10**6
            assert await first.positions([MINE]) == {OMNIBUS: {1: 7}}

            swapped = [survey.instruments[k] for k in (2, 0)]  # as a journal might have them
            known = [msgspec.structs.replace(one, id=k) for k, one in enumerate(swapped)]
            second = gateway()
            survey = await second.survey([LEAD], [MINE], known)
            assert [(one.id, one.symbol) for one in survey.instruments] == [
                (0, "BTC"), (1, "BTC/USDT:USDT"), (2, "ETH/USDT:USDT"), (3, "ETH"), (4, "HYPE"),
            ]  # fmt: skip
            assert survey.accounts[0].positions == {2: 7}
            assert await second.positions([MINE]) == {OMNIBUS: {2: 7}}
            await tell_everything(second, survey)
        assert not here.orders

    asyncio.run(scene())


async def tell_everything(gateway: PairGateway, survey) -> None:
    """Until both are up, and each market's own price was told."""
    woken, seen = asyncio.Event(), []
    venue = gateway.open(survey, Keyring(), 5, woken.set)
    await venue.start()
    try:
        async with asyncio.timeout(20):
            while True:
                woken.clear()
                seen += venue.events(time.time_ns())
                tops = {one.instrument: one for one in seen if isinstance(one, BookTop)}
                if {1, 2} <= set(tops) and any(isinstance(one, Connection) and one.up for one in seen):
                    break
                await woken.wait()
            assert tops[1].bid < survey.marks[1] < tops[1].ask
            assert tops[2].bid < survey.marks[2] < tops[2].ask
            venue.submit([Approved(Query(0, ()), _KEY)], time.time_ns())
            while not any(isinstance(one, Reconciled) for one in seen):
                woken.clear()
                seen += venue.events(time.time_ns())
                await woken.wait()
    finally:
        await venue.stop()
    assert venue.failure is None


def test_only_exchanges_can_be_traded_on_apart() -> None:
    settings = parse_settings('[trade]\nname = "hyperliquid"\n', "p.toml")

    async def look() -> None:
        async with gateway_of(settings, Console(quiet=True)):
            raise AssertionError("it was opened")

    with pytest.raises(ConfigError, match="cannot be traded on apart"):
        asyncio.run(look())
