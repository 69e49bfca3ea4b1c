"""A market is decided: both tokens are told what they pay, once, whoever says it first and whatever was missed."""

from typing import Any

import pytest

from pilotfish.domain.events import InstrumentSettled, LeadFill, LeadPosition
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.polymarket.settings import MINUTE, SECOND
from pilotfish.venues.twins.polymarket.markets import ONE
from tests.unit.polymarket_samples import CONDITION, NO, YES
from tests.unit.polymarket_scene import MS, NO_ID, START, YES_ID, Scene, by_rest, ms, place, resting, signals, words
from tests.unit.test_polymarket_leads import Leading, deed, held

PATH = f"/markets/{CONDITION}"
YES_PAYS = {YES_ID: ONE, NO_ID: 0}


def resolved(winner: str = YES, **more: Any) -> dict[str, Any]:
    return {
        "event_type": "market_resolved", "id": "1", "market": CONDITION, "assets_ids": [YES, NO],
        "winning_asset_id": winner, "winning_outcome": "?", "timestamp": ms(START + SECOND), **more,
    }  # fmt: skip


def paid(scene: Scene) -> dict[int, int]:
    told = [(one.instrument, one.price) for one in scene.of(InstrumentSettled)]
    assert len(told) == len(dict(told)), "each is told once"
    return dict(told)


def rest_says(scene: Scene, row: dict[str, Any] | None) -> None:
    scene.automatic["GET", PATH] = lambda scene, ask: None if row is None else (200, row)


@pytest.mark.parametrize(("winner", "pays"), [(YES, YES_PAYS), (NO, {YES_ID: 0, NO_ID: ONE})])
def test_the_stream_says_it_and_each_token_is_told_once(winner: str, pays: dict[int, int]) -> None:
    scene = Scene().up()
    scene.market(resolved(winner), resolved(winner))
    scene.market(resolved(winner))
    assert paid(scene) == pays
    assert {one.venue_ns for one in scene.of(InstrumentSettled)} == {START + SECOND}


def test_what_was_said_while_the_stream_was_down_is_asked_for_when_it_is_back() -> None:
    scene = Scene().up()
    assert not paid(scene)
    rest_says(scene, by_rest(NO))
    scene.session.lost("market", "reset", scene.now)
    scene.drain()
    scene.open("market")
    assert paid(scene) == {YES_ID: 0, NO_ID: ONE}
    scene.market(resolved(NO))
    assert len(scene.of(InstrumentSettled)) == 2


def test_a_message_that_was_lost_is_made_up_for_in_a_while() -> None:
    scene = Scene().up()
    rest_says(scene, by_rest(YES))
    scene.advance(11 * MINUTE)
    assert paid(scene) == YES_PAYS


def test_a_question_without_an_answer_is_asked_again_within_minutes() -> None:
    scene = Scene()
    rest_says(scene, None)
    scene.up()
    scene.fail(PATH)
    rest_says(scene, by_rest(YES))
    scene.advance(2 * MINUTE)
    assert paid(scene) == YES_PAYS


@pytest.mark.parametrize(
    "row", [by_rest(), by_rest(closed=True), by_rest(YES) | {"condition_id": "0x1"}, {"closed": True}]
)
def test_a_market_without_a_winner_pays_nothing_yet(row: dict[str, Any]) -> None:
    scene = Scene()
    rest_says(scene, row)
    scene.up().advance(SECOND)
    assert not paid(scene)
    assert scene.asked


def test_a_message_that_does_not_name_the_winner_is_a_reason_to_ask() -> None:
    scene = Scene().up()
    rest_says(scene, by_rest(YES))
    scene.market(resolved() | {"winning_asset_id": None})
    assert paid(scene) == YES_PAYS


def test_two_sources_that_differ_are_not_both_believed() -> None:
    scene = Scene().up()
    scene.market(resolved(YES), resolved(NO))
    assert paid(scene) == YES_PAYS
    assert scene.session.counters()["set aside: another winner"] == 1


def test_a_winner_that_is_no_token_of_the_market_is_set_aside() -> None:
    scene = Scene().up()
    scene.market(resolved("77"))
    assert not paid(scene)


def test_no_order_leaves_any_more_and_what_rested_is_asked_for() -> None:
    scene = Scene().up()
    name = resting(scene)
    scene.market(resolved())
    scene.submit(place(2))
    assert words(scene, 2) == [(OrderSignal.REJECT, Reason.REJECTED, 1_000)]
    scene.advance(10 * MS)
    row = {
        "id": name, "status": "CANCELED_MARKET_RESOLVED", "size_matched": "4", "asset_id": YES, "market": CONDITION,
        "side": "BUY", "original_size": "10", "price": "0.5",
    }  # fmt: skip
    scene.answer(f"/data/order/{name}", row)
    assert signals(scene) == [OrderSignal.ACK, OrderSignal.CANCEL]


def test_a_leads_redemption_is_no_trade_and_its_position_is_not_stated_any_more() -> None:
    scene = Leading([deed("0xold", at=-50)], [held(10)]).up()
    scene.market(resolved())
    scene.events.clear()
    scene.positions = []
    scene.rows.append(deed("0xr", 10, at=40, type="REDEEM", asset="", side=""))
    scene.rows.append(deed("0xlate", 10, at=0))
    scene.advance(5 * MINUTE)
    assert not scene.of(LeadFill)
    assert not scene.of(LeadPosition)
    assert scene.session.counters()["lead trades in settled instruments"] == 1


def test_a_leads_redemption_tells_that_a_market_is_decided_where_nobody_else_did() -> None:
    scene = Leading([deed("0xold", at=-50)], [held(10)]).up()
    rest_says(scene, by_rest(YES))
    scene.events.clear()
    scene.positions = []
    scene.rows.append(deed("0xr", 10, at=40, type="REDEEM", asset="", side=""))
    scene.advance(2 * SECOND)
    assert paid(scene) == YES_PAYS
    scene.advance(2 * MINUTE)
    assert not scene.of(LeadPosition)
