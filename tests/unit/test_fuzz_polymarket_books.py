"""Polymarket's books between garbage: what the venue says is told as if it had never come, or it is doubted."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import BookTop, DataTrust, Event
from pilotfish.venues.polymarket.wire.codec import MARKET
from pilotfish.venues.session import SECOND, Ask, Send
from tests.fuzz.damage import damaged, torn
from tests.fuzz.polymarket_target import CONDITION, NO, T0, YES, book, session
from tests.fuzz.sound import check

STEP_NS = SECOND // 10
SEEDS = st.integers(0, 2**32 - 1)
TOKENS = (YES, NO)
Row = tuple[int, int, int, int, int]


class Market:
    """The books as the venue has them: cents → shares; every change is told as it happens."""

    def __init__(self) -> None:
        self.bids: dict[str, dict[int, int]] = {token: {10: 500, 48: 100} for token in TOKENS}
        self.asks: dict[str, dict[int, int]] = {token: {90: 500, 52: 7} for token in TOKENS}

    def change(self, now_ns: int, chance: Random) -> dict[str, Any]:
        """A level of one of the tokens changes; sometimes the whole book is said instead."""
        token, is_bid = chance.choice(TOKENS), chance.random() < 0.5
        side = (self.bids if is_bid else self.asks)[token]
        cents, shares = chance.randrange(40, 50) if is_bid else chance.randrange(51, 60), chance.choice((0, 3, 250))
        side.pop(cents, None)
        if shares:
            side[cents] = shares
        if chance.random() < 0.2:
            return self.whole(token, now_ns)
        row = {
            "asset_id": token, "price": f"0.{cents}", "size": str(shares), "side": "BUY" if is_bid else "SELL",
            "best_bid": f"0.{max(self.bids[token])}", "best_ask": f"0.{min(self.asks[token])}",
        }  # fmt: skip
        stamp = str(now_ns // 1_000_000)
        return {"event_type": "price_change", "market": CONDITION, "price_changes": [row], "timestamp": stamp}

    def whole(self, token: str, now_ns: int) -> dict[str, Any]:
        sides = (
            [{"price": f"0.{cents}", "size": str(shares)} for cents, shares in side.items()]
            for side in (self.bids[token], self.asks[token])
        )
        return book(token, ms=now_ns // 1_000_000) | dict(zip(("bids", "asks"), sides, strict=True))

    def top(self, token: str) -> Row:
        bid, ask = max(self.bids[token]), min(self.asks[token])
        return TOKENS.index(token), bid * 100, self.bids[token][bid] * 100, ask * 100, self.asks[token][ask] * 100


class Stage:
    """A session in virtual time; its venue answers PINGs, and questions for a book."""

    def __init__(self, market: Market) -> None:
        self.session, self.market, self.now = session(), market, T0
        self.trusted = dict.fromkeys(range(2), True)
        self.tops: dict[int, Row] = {}
        self.hear(json.dumps([market.whole(token, T0) for token in TOKENS]).encode())

    def hear(self, raw: bytes) -> list[Event]:
        self.session.frame("market", raw, self.now)
        return self._take()

    def pass_time(self, *, answers: bool = True) -> None:
        self.now += STEP_NS
        self.session.tick(self.now)
        out, self.session.out = self.session.out, []
        for one in out:
            if isinstance(one, Send) and one.data == b"PING":
                self.session.frame(one.name, b"PONG", self.now)
            elif isinstance(one, Ask) and "/v1/heartbeats" in one.url:
                self.session.answered(one.id, 200, {}, b'{"heartbeat_id":"beat"}', self.now)
            elif isinstance(one, Ask) and "/book?" in one.url and answers:
                told = self.market.whole(one.url.rpartition("=")[2], self.now)
                self.session.answered(one.id, 200, {}, json.dumps(told).encode(), self.now)
            elif isinstance(one, Ask):
                self.session.failed(one.id, "timeout", self.now)
        self._take()

    def _take(self) -> list[Event]:
        events, self.session.told = self.session.told, []
        check(events)
        for event in events:
            if isinstance(event, DataTrust):
                self.trusted[event.instrument] = event.doubt is Doubt.NONE
            elif isinstance(event, BookTop):
                self.tops[event.instrument] = row_of(event)
        return events

    @property
    def set_aside(self) -> int:
        return sum(count for name, count in self.session.counters().items() if name.startswith("set aside"))


def row_of(event: BookTop) -> Row:
    return event.instrument, event.bid, event.bid_lots, event.ask, event.ask_lots


def garbage(near: bytes, chance: Random, *, refused: bool) -> bytes:
    """Bytes from anywhere, or a message that was damaged on its way; `refused`: no message can be read in it."""
    bad = chance.randbytes(chance.randrange(80)) if chance.random() < 0.2 else damaged(near, chance)
    while refused and not MARKET.hear(bad).refused:
        bad = torn(bad, chance) or b"?"
    return bad


def play(seed: int, *, refused: bool, changes: int = 30) -> Iterator[tuple[Stage, Stage]]:
    """The same changes to two sessions, one of which hears garbage in between; after every change, both."""
    chance, market = Random(seed), Market()
    clean, dirty = Stage(market), Stage(market)
    for _ in range(changes):
        raw = json.dumps(market.change(clean.now, chance)).encode()
        for _ in range(chance.choice((0, 1, 1, 3))):
            bad = garbage(raw, chance, refused=refused)
            before = dirty.set_aside
            heard = dirty.hear(bad)
            if refused:
                assert not heard
                assert dirty.set_aside > before
        clean_says, dirty_says = clean.hear(raw), dirty.hear(raw)
        if refused:
            assert dirty_says == clean_says
        yield clean, dirty
        clean.pass_time()
        dirty.pass_time()


@given(SEEDS)
def test_garbage_between_changes_is_counted_and_changes_nothing_that_is_told(seed: int) -> None:
    for clean, dirty in play(seed, refused=True):
        assert dirty.tops == clean.tops == {TOKENS.index(token): clean.market.top(token) for token in TOKENS}
        assert all(dirty.trusted.values())
    assert dirty.set_aside > 10


@given(SEEDS)
def test_whatever_was_heard_the_venues_own_book_is_told_and_trusted_in_the_end(seed: int) -> None:
    dirty = [stage for _, stage in play(seed, refused=False)][-1]
    for _ in range(30):
        dirty.pass_time()
    for token in TOKENS:
        dirty.hear(json.dumps(dirty.market.whole(token, dirty.now)).encode())
    dirty.pass_time()
    assert all(dirty.trusted.values())
    assert dirty.tops == {TOKENS.index(token): dirty.market.top(token) for token in TOKENS}


@pytest.mark.parametrize("kind", ["book", "price_change"])
@pytest.mark.parametrize("ahead_s", [6, 3_600, 10**9])
def test_a_stamp_that_is_yet_to_come_stops_no_book(kind: str, ahead_s: int) -> None:
    market, chance = Market(), Random(ahead_s)
    stage = Stage(market)
    wrong = Market()
    wrong.bids[YES] = {47: 1}
    said = wrong.whole(YES, T0 + ahead_s * SECOND)
    if kind == "price_change":
        row = {"asset_id": YES, "price": "0.48", "size": "0", "side": "BUY"}
        said = {"event_type": kind, "market": CONDITION, "price_changes": [row], "timestamp": said["timestamp"]}
    before = stage.set_aside
    stage.hear(json.dumps(said).encode())
    assert stage.set_aside == before + 1
    for _ in range(100):
        stage.pass_time()
        stage.hear(json.dumps(market.change(stage.now, chance)).encode())
    assert stage.trusted == {0: True, 1: True}
    assert stage.tops == {TOKENS.index(token): market.top(token) for token in TOKENS}


@pytest.mark.parametrize("spoilt", [{"timestamp": ""}, {"timestamp": "9" * 13}, {"price_changes": "size"}])
def test_a_change_that_cannot_be_used_puts_its_book_in_doubt_until_the_whole_one_is_there(
    spoilt: dict[str, str],
) -> None:
    market, chance = Market(), Random(5)
    stage = Stage(market)
    said = market.change(stage.now, chance)
    while said["event_type"] == "book" or stage.tops[0] == market.top(YES):
        said = market.change(stage.now, chance)
    if "price_changes" in spoilt:
        said["price_changes"][0]["size"] = "-1"
    stage.hear(json.dumps(said | (spoilt if "timestamp" in spoilt else {})).encode())
    token = TOKENS.index(said["price_changes"][0]["asset_id"])
    assert not stage.trusted[token]
    assert stage.set_aside == 1
    stage.pass_time()
    assert stage.trusted[token]
    assert stage.tops[token] == market.top(TOKENS[token])
