"""Answers over HTTP, damaged: a session asks again or sets them aside, and never tells what cannot be."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.events import Connection, LeadPosition
from pilotfish.domain.orders import Cancel, Query
from pilotfish.venues.session import Ask
from tests.fuzz.damage import damaged
from tests.fuzz.sound import check
from tests.unit import hyperliquid_scene, polymarket_scene
from tests.unit.polymarket_samples import CONDITION, YES

SEEDS = st.integers(0, 2**32 - 1)
LEAD = polymarket_scene.LEAD


# -- Hyperliquid -------------------------------------------------------------------------------------------------------


class Damaging(hyperliquid_scene.Scene):
    """Damages answers while `chance` is there; nobody listens, so that what is told is looked at here."""

    chance: Random | None = None

    def reply(self, ask: Ask, body: dict) -> None:
        raw = json.dumps(self.venue.answer(body, self.now // hyperliquid_scene.MS)).encode()
        if self.chance is not None and self.chance.random() < 0.6:
            raw = damaged(raw, self.chance)
        self.session.answered(ask.id, 200, {}, raw, self.now)

    def drain(self) -> None:
        super().drain()
        check(self.told)


@settings(max_examples=15)
@given(SEEDS)
def test_a_lead_of_hyperliquid_is_told_rightly_once_the_answers_are_right_again(seed: int) -> None:
    alice, crowd = hyperliquid_scene.ALICE, hyperliquid_scene.CROWD
    scene = Damaging(watch=(0,))
    scene.listens, scene.chance = False, Random(seed)
    for k in range(4):
        scene.venue.trade(alice, crowd, "BTC", "0.5", scene.ms - 60_000 + k)
    scene.start()
    for _ in range(4):
        scene.run(4)
        scene.trade(alice, crowd, "BTC", "0.25")
        scene.query()
        scene.lose()
    scene.chance = None
    scene.lose()
    scene.run(60)
    scene.told.clear()
    scene.lose()
    scene.run(60)
    stated = [event for event in scene.of(LeadPosition) if event.instrument == 0]
    assert scene.of(Connection)[-1].up
    assert {event.lots for event in stated[-1:]} == {300_000}


# -- Polymarket --------------------------------------------------------------------------------------------------------


def _position(size: str) -> dict[str, Any]:
    return {
        "proxyWallet": LEAD, "asset": YES, "conditionId": CONDITION, "size": float(size), "avgPrice": 0.48,
        "curPrice": 0.5,
        "initialValue": 1.0, "currentValue": 1.0, "cashPnl": 0.0, "percentPnl": 0.0, "totalBought": 1.0,
        "realizedPnl": 0.0, "percentRealizedPnl": 0.0, "redeemable": False, "title": "Rain", "slug": "rain",
        "outcome": "Yes", "outcomeIndex": 0, "oppositeOutcome": "No", "oppositeAsset": "2", "endDate": "2027-01-01",
        "negativeRisk": False, "eventSlug": "rain", "icon": "",
    }  # fmt: skip


def _activity(number: int, at_s: int) -> dict[str, Any]:
    return {
        "proxyWallet": LEAD, "timestamp": at_s, "conditionId": CONDITION, "type": "TRADE", "size": 5.5,
        "usdcSize": 2.64,
        "transactionHash": f"0x{number:064x}", "price": 0.48, "asset": YES, "side": "BUY", "outcomeIndex": 0,
        "title": "Rain", "slug": "rain", "outcome": "Yes", "name": "", "pseudonym": "", "eventSlug": "rain", "icon": "",
    }  # fmt: skip


def damaging(chance: Random) -> polymarket_scene.Scene:
    """Every question is answered, and most of the answers are damaged."""
    scene = polymarket_scene.Scene(leads=[LEAD])
    start_s = polymarket_scene.START // polymarket_scene.SECOND
    good: dict[tuple[str, str], Any] = {
        ("POST", "/v1/heartbeats"): {"heartbeat_id": "1"},
        ("GET", "/time"): start_s,
        ("GET", "/activity"): [_activity(k, start_s + k) for k in range(3)],
        ("GET", "/positions"): [_position("16.5")],
        ("POST", "/books"): [polymarket_scene.book()],
        ("GET", "/book"): polymarket_scene.book(),
        ("GET", "/data/orders"): polymarket_scene.page(polymarket_scene.order("0x1", "PLACEMENT", "LIVE")),
        ("GET", "/data/trades"): polymarket_scene.page(polymarket_scene.trade("t", "0x1", "4", "0.48")),
        ("POST", "/order"): polymarket_scene.posted("0x1"),
        ("DELETE", "/order"): {"canceled": ["0x1"], "not_canceled": {}},
    }

    def take(one: Any) -> None:
        answer = good.get((one.method, polymarket_scene.path_of(one))) if isinstance(one, Ask) else None
        if answer is None:
            return polymarket_scene.Scene._take(scene, one)
        raw = json.dumps(answer).encode()
        raw = damaged(raw, chance) if chance.random() < 0.7 else raw
        status = chance.choice((200, 200, 200, 400, 429, 500))
        headers = {"retry-after": "1e9", "poly-ratelimit-remaining": "nan"} if status == 429 else {}
        scene.session.answered(one.id, status, headers, raw, scene.now)

    scene._take = take  # type: ignore[method-assign]
    return scene


@settings(max_examples=60)
@given(SEEDS)
def test_no_answer_of_polymarket_whatever_breaks_the_session_or_is_told_wrongly(seed: int) -> None:
    scene = damaging(Random(seed))
    scene.session.start(scene.now)
    scene.drain()
    for one in list(scene.opens):
        scene.open(one.name)
    scene.market(polymarket_scene.book())
    for coid in range(1, 5):
        scene.submit(polymarket_scene.place(coid), Query(0, (coid,)))
        for sign in scene.signs:
            scene.session.signed(sign.id, 0, [bytes(65)] * len(sign.requests), scene.now)
        scene.signs.clear()
        scene.drain()
        scene.advance(3 * polymarket_scene.SECOND)
        scene.submit(Cancel(coid))
        scene.advance(3 * polymarket_scene.SECOND)
    check(scene.events)
    assert scene.events
