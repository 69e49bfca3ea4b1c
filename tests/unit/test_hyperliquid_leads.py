"""A lead's trades reach the engine once each and in order, whatever is lost, doubled, late or out of reach."""

import random

import msgspec
import pytest

from pilotfish.domain.events import Connection, LeadFill, LeadPosition
from pilotfish.domain.instrument import Kind
from pilotfish.venues.hyperliquid.wire.actions import Listed
from tests.unit.hyperliquid_scene import ALICE, BOB, BTC, CROWD, LISTED, MS, T0, Scene


def scene(*leads: str) -> Scene:
    stage = Scene(leads or (ALICE,)).start()
    stage.agree(*(leads or (ALICE,)))
    return stage


def test_a_trade_of_a_lead_is_told_at_once_under_the_venues_trade_id() -> None:
    stage = scene()
    trade = stage.trade(ALICE, CROWD, "BTC", "0.5")
    (fill,) = stage.of(LeadFill)
    assert (fill.fill_id, fill.side, fill.lots, fill.start) == (trade["tid"], 1, 50_000, None)
    stage.trade(BOB, CROWD, "BTC", "0.5")
    assert len(stage.of(LeadFill)) == 1, "nobody follows Bob"
    stage.agree(ALICE)


def test_what_a_lead_held_before_is_stated_and_is_no_trade() -> None:
    stage = Scene()
    stage.venue.trade(ALICE, CROWD, "BTC", "2", stage.ms - 60_000)
    stage.start()
    assert stage.of(LeadFill) == []
    (position,) = stage.of(LeadPosition)
    assert (position.lots, position.price, position.venue_ns) == (200_000, 1_000, T0)
    stage.agree(ALICE)


def test_a_gap_in_which_the_lead_traded_is_filled_in_order_with_start_positions() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.forget()
    stage.run(10)
    stage.cut()
    for size in ("2", "3"):
        stage.run(1)
        stage.trade(ALICE, CROWD, "BTC", size, heard=False)
    stage.trade(CROWD, ALICE, "ETH", "4", heard=False)
    stage.back()
    stage.run(5)
    fills = stage.of(LeadFill)
    assert [(fill.lots, fill.start) for fill in fills] == [(200_000, 100_000), (300_000, 300_000), (40_000, 0)]
    assert stage.state.leads[0].late == stage.state.leads[0].breaks == 0
    stage.agree(ALICE)


def test_trades_during_a_backfill_wait_for_it_and_none_is_late_or_counted_twice() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.run(10)
    stage.trade(ALICE, CROWD, "BTC", "2", heard=False)
    stage.asks_wait = True
    stage.lose()
    stage.forget()
    stage.now += 100 * MS
    stage.trade(ALICE, CROWD, "BTC", "4")  # heard, and in the backfill too
    assert stage.of(LeadFill) == []
    stage.now += 100 * MS
    stage.reply_all()
    assert [(fill.lots, fill.start) for fill in stage.of(LeadFill)] == [(200_000, 100_000), (400_000, 300_000)]
    assert stage.state.leads[0].late == stage.state.leads[0].breaks == 0
    stage.agree(ALICE)


def test_a_trade_after_the_fills_were_read_is_told_after_them() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.run(10)
    stage.asks_wait = True
    stage.lose()
    for _ in stage.session._leads._all[0]._dexes:
        ask, body = stage.waiting.pop(0)
        stage.reply(ask, body)
    stage.drain()
    ((ask, body),) = stage.waiting
    rows = stage.venue.answer(body, stage.now // MS)
    stage.now += MS
    stage.forget()
    stage.trade(CROWD, ALICE, "BTC", "3")
    assert stage.of(LeadFill) == []
    stage.venue.answer = lambda body, ms: rows
    stage.reply_all()
    assert [fill.lots for fill in stage.of(LeadFill)] == [300_000]
    stage.agree(ALICE)


def test_doubled_and_reordered_frames_change_nothing() -> None:
    stage = scene()
    one = stage.venue.trade(ALICE, CROWD, "BTC", "1", stage.ms)
    stage.now += MS
    two = stage.venue.trade(CROWD, ALICE, "BTC", "4", stage.ms)
    for trade in (two, one, one, two):
        stage.say("trades", [trade])
    stage.agree(ALICE)
    assert len(stage.of(LeadFill)) == 2
    assert stage.session.counters()["doubled_fills"] == 2


def test_a_trade_between_two_leads_is_a_fill_of_each() -> None:
    stage = scene(ALICE, BOB)
    stage.trade(ALICE, BOB, "BTC", "1")
    assert [(fill.lead, fill.side) for fill in stage.of(LeadFill)] == [(0, 1), (1, -1)]
    stage.agree(ALICE, BOB)


def test_a_trade_with_itself_moves_nothing_and_is_counted() -> None:
    stage = scene()
    stage.trade(ALICE, ALICE, "BTC", "1")
    assert stage.of(LeadFill) == []
    assert stage.session.counters()["set_aside"] == 1
    stage.agree(ALICE)


def test_a_frame_that_was_lost_is_found_by_looking_at_the_positions() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.run(5)
    stage.trade(ALICE, CROWD, "BTC", "2", heard=False)
    stage.run(5)
    stage.trade(ALICE, CROWD, "BTC", "4")
    assert stage.engine_holds() == {"BTC": 500_000}
    stage.run(70)
    assert stage.session.counters()["positions_differ"] == 1
    assert sorted(fill.lots for fill in stage.of(LeadFill)) == [100_000, 200_000, 400_000]
    assert stage.state.leads[0].breaks == 0, "the missed fill is added where it belongs, and nothing swings"
    stage.agree(ALICE)


def test_positions_on_a_builders_exchange_are_asked_for_there() -> None:
    stage = Scene()
    stage.venue.trade(ALICE, CROWD, "xyz:TSLA", "3", stage.ms - 60_000)
    stage.start()
    assert {body.get("dex", "") for body in stage.asked if body["type"] == "clearinghouseState"} == {"", "xyz"}
    stage.trade(CROWD, ALICE, "xyz:TSLA", "5")
    assert stage.engine_holds() == {"xyz:TSLA": -200}
    stage.agree(ALICE)


def test_leads_are_followed_in_the_kinds_of_instruments_that_are_asked_for() -> None:
    spot = Listed(msgspec.structs.replace(BTC.instrument, id=3, symbol="@107", kind=Kind.SPOT), 10_107)
    for kinds, coins in (((Kind.PERP,), {"BTC", "ETH", "xyz:TSLA"}), ((Kind.SPOT,), {"@107"})):
        stage = Scene(listed=(*LISTED, spot), kinds=kinds).start()
        assert {message["subscription"]["coin"] for message in stage.sent} == coins


def test_a_lead_is_followed_in_spot_by_its_fills() -> None:
    spot = Listed(msgspec.structs.replace(BTC.instrument, id=3, symbol="@107", kind=Kind.SPOT), 10_107)
    stage = Scene(listed=(*LISTED, spot)).start()
    stage.trade(ALICE, CROWD, "@107", "1")
    stage.run(10)
    stage.cut()
    stage.trade(ALICE, CROWD, "@107", "2", heard=False)
    stage.run(1)
    stage.back()
    assert [(fill.lots, fill.start) for fill in stage.of(LeadFill)] == [(100_000, None), (200_000, 100_000)]
    stage.run(70)
    assert stage.engine_holds() == {"@107": 300_000}, "no perpetual account says anything of it"
    assert stage.of(LeadPosition) == []


def test_an_exchange_where_the_lead_was_never_seen_is_looked_at_less_often() -> None:
    stage = scene()
    stage.forget()
    stage.run(620)
    asked = [body.get("dex", "") for body in stage.asked if body["type"] == "clearinghouseState"]
    assert asked.count("") == 10
    assert asked.count("xyz") == 2
    stage.trade(ALICE, CROWD, "xyz:TSLA", "3")
    stage.run(5)
    stage.trade(ALICE, CROWD, "xyz:TSLA", "3", heard=False)
    stage.run(65)
    stage.agree(ALICE)


def test_forty_leads_need_no_user_subscription() -> None:
    leads = tuple(f"0x{number:040x}" for number in range(1, 41))
    stage = scene(*leads)
    assert {message["subscription"]["type"] for message in stage.sent} == {"trades"}
    for lead in leads:
        stage.trade(lead, CROWD, "ETH", "1")
    stage.agree(*leads)
    assert len(stage.of(LeadFill)) == 40


def test_when_the_budget_is_spent_leads_wait_their_turn_and_every_one_gets_it() -> None:
    leads = tuple(f"0x{number:040x}" for number in range(1, 81))
    stage = Scene(leads)
    for lead in leads:
        stage.venue.trade(lead, CROWD, "ETH", "1", stage.ms - 60_000)
    stage.start()
    assert stage.session.counters()["waiting_for_budget"] > 0
    for lead in leads:
        stage.trade(CROWD, lead, "ETH", "3")
    stage.run(130)
    stage.agree(*leads)
    minute = [body for body in stage.asked if body["type"] == "userFillsByTime"]
    assert len(minute) >= 80


def test_an_old_trade_that_comes_with_a_subscription_is_no_news() -> None:
    stage = Scene()
    old = stage.venue.trade(ALICE, CROWD, "BTC", "2", stage.ms - 60_000)
    stage.start()
    stage.say("trades", [old])
    stage.run(10)
    stage.say("trades", [old])
    assert stage.of(LeadFill) == []
    stage.agree(ALICE)


def test_a_lead_that_trades_while_we_begin_to_look_is_known_exactly() -> None:
    stage = Scene()
    stage.venue.trade(ALICE, CROWD, "BTC", "100", stage.ms - 60_000)
    stage.venue.trade(ALICE, CROWD, "BTC", "7", stage.ms - 1)
    stage.asks_wait = True
    stage.start()
    stage.now += 50 * MS
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.venue.fills_behind_ms = 600
    stage.reply_all()
    stage.run(5)
    stage.agree(ALICE)
    copied = [fill.lots for fill in stage.of(LeadFill)]
    assert sum(copied) in (0, 100_000), "at most the trade after we began is news"
    assert stage.state.leads[0].breaks == 0


def test_what_was_no_news_at_the_beginning_is_none_after_a_gap_either() -> None:
    stage = Scene()
    stage.venue.trade(ALICE, CROWD, "BTC", "7", stage.ms - 900)
    stage.start()
    stage.run(1)
    stage.lose()
    stage.run(5)
    assert stage.of(LeadFill) == []
    stage.agree(ALICE)


def test_a_position_of_nothing_is_none() -> None:
    stage = Scene()
    stage.venue.answer = zero_position(stage.venue.answer)
    stage.start()
    assert (stage.of(LeadPosition), stage.engine_holds()) == ([], {})
    assert stage.session.counters()["set_aside: a position that cannot be used"] == 2, "one of each exchange is strange"


def zero_position(answer):
    def told(body: dict, ms: int):
        state = answer(body, ms)
        if body["type"] == "clearinghouseState":
            leverage = {"type": "cross", "value": 5}
            rest = dict.fromkeys(("positionValue", "unrealizedPnl", "returnOnEquity", "marginUsed"), "0.0")
            for coin in ("BTC", "NOTLISTED"):
                position = {"coin": coin, "szi": "0.0", "leverage": leverage} | rest
                state["assetPositions"].append({"type": "oneWay", "position": position})
        return state

    return told


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_lost_doubled_delayed_or_cut_off_the_engine_ends_with_the_venues_positions(seed: int) -> None:
    draw = random.Random(seed)
    stage = scene(ALICE, BOB)
    late: list[dict] = []
    for _ in range(150):
        stage.run(draw.choice([0.001, 0.2, 1, 4]))
        fate = draw.choice(["heard", "heard", "heard", "doubled", "lost", "late", "break", "outage"])
        users = draw.sample([ALICE, BOB, CROWD], 2)
        coin, size = draw.choice(["BTC", "ETH", "xyz:TSLA"]), draw.choice(["1", "2", "3"])
        stage.venue.fills_behind_ms = draw.choice([0, 0, 300])
        if fate in ("break", "outage"):
            stage.cut()
            if fate == "outage":
                stage.run(3)
                stage.trade(*users, coin, size, heard=False)
            stage.back()
            continue
        trade = stage.trade(*users, coin, size, heard=fate in ("heard", "doubled"))
        if fate == "doubled":
            stage.say("trades", [trade])
        if fate == "late":
            late.append(trade)
        if late and draw.random() < 0.3:
            stage.say("trades", [late.pop()])
    stage.run(130)
    stage.agree(ALICE, BOB)
    assert stage.of(Connection)[-1].up
    counters = stage.session.counters()
    assert counters["positions_differ"] > 0
    assert counters["doubled_fills"] > 0


def test_every_instrument_a_lead_holds_is_watched() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "1")
    wanted = {(one["subscription"]["type"], one["subscription"]["coin"]) for one in stage.sent}
    assert {("l2Book", "BTC"), ("bbo", "BTC"), ("activeAssetCtx", "BTC")} <= wanted
    assert stage.session.trust.watched(BTC.instrument.id)
    assert ("l2Book", "ETH") not in wanted
