"""Hyperliquid's books between garbage: what the venue says is told as if it had never come, or it is doubted."""

import json
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.errors import PilotfishError
from pilotfish.domain.events import BookTop, DataTrust, Event
from pilotfish.venues.hyperliquid.session import HyperliquidSession
from pilotfish.venues.hyperliquid.wire.codec import read_frame
from pilotfish.venues.session import SECOND, Send
from tests.fuzz.damage import damaged, torn
from tests.fuzz.hyperliquid_target import COINS, LISTING, T0, book, session, told
from tests.fuzz.sound import check

STEP_NS = SECOND // 10
PRICES = {"BTC": (664_100, "BTC"), "kPEPE": (10_141, "kPEPE"), "@107": (31_200_000, "@107")}
SEEDS = st.integers(0, 2**32 - 1)


def frame_at(now_ns: int, chance: Random) -> bytes:
    """A whole book, or best prices, of one of the coins as the venue says them now."""
    coin = chance.choice(COINS)
    instrument = LISTING.of(coin).instrument
    bid = PRICES[coin][0] + chance.randrange(-50, 50)
    said = book(
        coin, *(str(instrument.show_price(px)) for px in (bid, bid + chance.randrange(1, 9))), "5", now_ns // 1_000_000
    )
    if chance.random() < 0.3:
        bids, asks = said["data"].pop("levels")
        said = {"channel": "bbo", "data": said["data"] | {"bbo": [bids[0], asks[0]]}}
    elif coin != "BTC":
        said["data"]["levels"][1].pop()  # its far level is out of order at another coin's prices
    return json.dumps(said).encode()


def garbage(near: bytes, chance: Random) -> bytes:
    """Bytes from anywhere, or a frame that was damaged on its way."""
    return chance.randbytes(chance.randrange(80)) if chance.random() < 0.2 else damaged(near, chance)


def is_refused(raw: bytes) -> bool:
    try:
        return not told(read_frame(raw))
    except PilotfishError:
        return True


class Stage:
    """A session in virtual time whose venue answers pings and nothing else."""

    def __init__(self) -> None:
        self.session: HyperliquidSession = session(trades=False)
        self.now = T0
        self.trusted = dict.fromkeys(range(3), False)
        self.tops: dict[int, BookTop] = {}

    def hear(self, raw: bytes) -> list[Event]:
        self.session.frame("main", raw, self.now)
        return self._take()

    def pass_time(self) -> list[Event]:
        """Until the next frame may come."""
        self.now += STEP_NS
        self.session.tick(self.now)
        if any(isinstance(one, Send) and b'"ping"' in one.data for one in self.session.out):
            self.session.frame("main", b'{"channel":"pong"}', self.now)
        return self._take()

    def _take(self) -> list[Event]:
        events, self.session.told = self.session.told, []
        self.session.out.clear()
        check(events)
        for event in events:
            if isinstance(event, DataTrust):
                self.trusted[event.instrument] = event.doubt is Doubt.NONE
            elif isinstance(event, BookTop):
                self.tops[event.instrument] = event
        return events

    @property
    def set_aside(self) -> int:
        """What was counted as of no use, old stamps among it."""
        counters = self.session.counters()
        return counters.get("set_aside", 0) + counters.get("overtaken", 0)


def tops(events: list[Event]) -> list[tuple[int, ...]]:
    return [
        (one.venue_ns, one.instrument, one.bid, one.bid_lots, one.ask, one.ask_lots)
        for one in events
        if isinstance(one, BookTop)
    ]


def play(seed: int, *, refused: bool, frames: int = 25) -> Iterator[tuple[Stage, Stage]]:
    """The same frames to two sessions, one of which hears garbage in between; after every frame, both.

    `refused`: the garbage is what the codec refuses; else it may as well be another message.
    """
    chance, clean, dirty = Random(seed), Stage(), Stage()
    for _ in range(frames):
        raw = frame_at(clean.now, chance)
        for _ in range(chance.choice((0, 1, 1, 3))):
            bad = garbage(raw, chance)
            while refused and not is_refused(bad):
                bad = torn(bad, chance)
            before = dirty.set_aside
            events = dirty.hear(bad)
            if refused:
                assert not tops(events), bad
                assert dirty.set_aside > before, bad
        expected, heard = tops(clean.hear(raw)), tops(dirty.hear(raw))
        if refused:
            assert heard == expected
        yield clean, dirty
        clean.pass_time()
        dirty.pass_time()


@given(SEEDS)
@example(113)
def test_garbage_between_books_is_counted_and_changes_no_book_that_is_told(seed: int) -> None:
    trusted = 0
    for clean, dirty in play(seed, refused=True):
        trusted += sum(dirty.trusted.values())
        assert tops([*dirty.tops.values()]) == tops([*clean.tops.values()])
        assert all(clean.trusted[key] for key, is_trusted in dirty.trusted.items() if is_trusted)
    assert trusted > 20
    assert dirty.set_aside > 5


@given(SEEDS)
def test_whatever_came_before_a_book_is_told_and_trusted_once_the_venue_says_it_for_a_while(seed: int) -> None:
    dirty = [stage for _, stage in play(seed, refused=False)][-1]
    said: dict[int, BookTop] = {}
    for _ in range(250):
        dirty.pass_time()
        raw = frame_at(dirty.now, Random(dirty.now))
        dirty.hear(raw)
        event = told(read_frame(raw), dirty.now)[0]
        said[event.instrument] = event
    assert all(dirty.trusted.values())
    assert tops([dirty.tops[key] for key in said]) == tops([*said.values()])


@pytest.mark.parametrize("ahead_s", [3, 60, 3_599, 3_601, 10**6])
def test_a_stamp_that_is_yet_to_come_stops_no_book(ahead_s: int) -> None:
    stage = Stage()
    stage.hear(json.dumps(book(bid="60000", ask="61000", ms=(T0 + ahead_s * SECOND) // 1_000_000)).encode())
    for _ in range(250):
        stage.pass_time()
        stage.hear(json.dumps(book(ms=stage.now // 1_000_000)).encode())
        assert not stage.trusted[0] or stage.tops[0].bid == 664_100
    assert stage.trusted[0]
