"""When the streams of an account count as up: books heard, and every private subscription confirmed anew."""

from types import SimpleNamespace

import pytest

from pilotfish.domain.doubt import Doubt
from pilotfish.venues.ccxt.dialects import DIALECTS
from pilotfish.venues.ccxt.feeds import Feeds
from pilotfish.venues.ccxt.settings import Settings
from pilotfish.venues.ccxt.streams import Streams

URLS = {
    "binance": ("wss://x/public/ws/0", "wss://x/market/ws/1", "wss://x/private/ws?listenKey=k"),
    "bybit": ("wss://x/v5/public/linear", "", "wss://x/v5/private"),
    "okx": ("wss://x/ws/v5/public", "", "wss://x/ws/v5/private"),
}
CONFIRMED = {"bybit": {"op": "subscribe", "success": True}, "okx": {"event": "subscribe", "arg": {}}}


class Client:
    """As ccxt's: a stream that stands, or not."""

    def __init__(self) -> None:
        self.connection, self.lastPong, self.errors = object(), None, []

    def closed(self) -> bool:
        return bool(self.errors)

    def on_error(self, error: Exception) -> None:
        self.errors.append(error)


class Link:
    def __init__(self, name: str) -> None:
        self.books, self.marks, self.private = URLS[name]
        self.dialect = DIALECTS[name]
        self.exchange = SimpleNamespace(id=name, clients={}, orders=None, myTrades=None, options={})
        self.ups = []
        self.feeds = Feeds({}, lambda _: None, None)
        settings = Settings(exchange=name, symbols=("x",))
        self.streams = Streams(
            self.exchange, self.dialect, settings, self.feeds, lambda up, _: self.ups.append(up), lambda: 0
        )

    def confirm(self, message: object = None) -> None:
        """All private subscriptions, as this exchange does it."""
        self.exchange.clients[self.private] = Client()
        for _ in self.dialect.streams:
            self.streams.heard(self.private, message or CONFIRMED.get(self.exchange.id, {}), 1)
        self.streams.tick(2)

    @property
    def connected(self) -> bool:
        self.feeds.trust.watch(0)
        return Doubt.DISCONNECTED not in self.feeds.trust.doubt(0, 3)


@pytest.fixture(params=sorted(URLS))
def link(request):
    return Link(request.param)


def test_both_sides_make_it_up_and_it_is_said_once(link):
    link.confirm()
    assert link.ups == []
    link.streams.heard(link.books, {}, 3)
    link.streams.heard(link.books, {}, 4)
    assert link.ups == [True]
    assert link.connected


def test_marks_alone_prove_nothing_of_the_books():
    link = Link("binance")
    link.confirm()
    link.streams.heard(link.marks, {}, 3)
    assert link.ups == []
    assert not link.connected


def test_after_a_loss_every_private_subscription_is_confirmed_anew(link):
    link.streams.heard(link.books, {}, 1)
    link.confirm()
    client = link.exchange.clients[link.private]
    link.streams._private_lost(5)
    assert client.errors, "what is left of the old connection is given up for all of its subscriptions"
    link.streams.tick(6)
    assert link.ups == [True, False]
    link.confirm()
    assert link.ups == [True, False, True]


@pytest.mark.parametrize("name", ["bybit", "okx"])
def test_a_subscription_that_is_refused_confirms_nothing(name):
    link = Link(name)
    link.streams.heard(link.books, {}, 1)
    link.confirm({"op": "subscribe", "success": False, "event": "error"})
    assert link.ups == []


def test_a_pong_on_the_stream_of_books_is_the_probe(link):
    link.streams.heard(link.books, {}, 1)
    link.exchange.clients[link.books] = Client()
    link.exchange.clients[link.books].lastPong = 7_000
    link.streams.tick(7_001_000_000)
    assert link.feeds.trust._probed_ns == 7_000_000_000
