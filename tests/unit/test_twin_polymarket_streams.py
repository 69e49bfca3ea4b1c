"""What the Polymarket twin tells on its channels: books and prints to anybody, orders and trades to their owners."""

import csv
import gzip
from pathlib import Path
from typing import Any

import msgspec

from pilotfish.venues.sim.recorded import RecordedBook, load_polymarket
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.polymarket.markets import instrument, listing
from pilotfish.venues.twins.polymarket.twin import Terms, flow
from tests.unit.twin_polymarket_scene import MONEY, RAIN, SECOND, START, Scene, book

YES, NO = RAIN.tokens


def lively(faults: TwinFaults | None = None) -> Scene:
    """A market of seeded strangers."""
    return Scene(strangers=flow(0, RAIN, 5, 5000, START), faults=faults)


def sides(message: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {side: {level["price"]: level["size"] for level in message[side]} for side in ("bids", "asks")}


def replayed(heard: list[Any], token: str) -> dict[str, dict[str, str]]:
    """The book that a listener has, from the books and the changes it was told."""
    kept: dict[str, dict[str, str]] = {}
    for message in heard:
        if message["event_type"] == "book" and message["asset_id"] == token:
            kept = sides(message)
        for change in message.get("price_changes", ()):
            if change["asset_id"] == token:
                side = kept["bids" if change["side"] == "BUY" else "asks"]
                side[change["price"]] = change["size"]
                if change["size"] == "0":
                    del side[change["price"]]
    return kept


def test_a_listener_who_applies_every_change_has_the_book_that_rest_shows() -> None:
    scene = lively()
    stream = scene.market(YES, NO)
    for _ in range(20):
        scene.wait(3)
        for token in (YES, NO):
            assert replayed(scene.heard[stream], token) == sides(scene.ask("GET", f"/book?token_id={token}")[1])
        scene.say(stream, b"PING")
        assert scene.heard[stream].pop() == b"PONG"
    assert len(scene.told(stream, "price_change")) > 50


def test_the_two_books_of_a_market_mirror_each_other() -> None:
    scene = Scene(strangers=book(RAIN, [(4900, 100), (4000, 7)], [(5000, 50)]))
    yes, no = (scene.ask("GET", f"/book?token_id={token}")[1] for token in (YES, NO))
    assert yes["bids"] == [{"price": "0.4", "size": "7"}, {"price": "0.49", "size": "100"}]
    assert no["asks"] == [{"price": "0.6", "size": "7"}, {"price": "0.51", "size": "100"}]
    assert no["bids"] == [{"price": "0.5", "size": "50"}]
    assert scene.ask("GET", f"/midpoint?token_id={YES}")[1] == {"mid": "0.495"}
    assert scene.ask("GET", f"/price?token_id={NO}&side=SELL")[1] == {"price": "0.51"}
    assert scene.ask("GET", f"/spread?token_id={NO}")[1] == {"spread": "0.01"}


def test_a_new_subscription_begins_with_whole_books_and_ends_with_its_withdrawal() -> None:
    scene = Scene(strangers=book(RAIN, [(4900, 100)], [(5000, 50)]))
    stream = scene.market(YES)
    assert [m["asset_id"] for m in scene.told(stream, "book")] == [YES]
    scene.say(stream, {"operation": "subscribe", "assets_ids": [NO]})
    assert [m["asset_id"] for m in scene.told(stream, "book")] == [YES, NO]
    scene.say(stream, {"operation": "unsubscribe", "assets_ids": [YES, NO]})
    scene.heard[stream].clear()
    scene.trader().placed(YES, "BUY", 0.3, 10)
    assert scene.heard[stream] == []


def test_a_trade_is_printed_with_the_takers_token_and_side() -> None:
    scene = Scene(strangers=book(RAIN, [(4900, 100)], [(5000, 50)]))
    stream = scene.market(YES, NO)
    scene.trader().placed(NO, "BUY", 0.51, 20)
    (printed,) = scene.told(stream, "last_trade_price")
    assert (printed["asset_id"], printed["side"], printed["price"], printed["size"]) == (NO, "BUY", "0.51", "20")
    assert scene.ask("GET", f"/last-trade-price?token_id={YES}")[1] == {"price": "0.49", "side": "SELL"}


def test_best_prices_and_resolutions_are_told_to_those_who_asked_for_them() -> None:
    scene = Scene()
    trader = scene.trader()
    plain, extra = scene.market(YES), scene.market(YES, extra=True)
    trader.placed(YES, "BUY", 0.3, 10)
    scene.twin.resolve(0, 1)
    scene.listen()
    assert scene.told(plain, "best_bid_ask") == scene.told(plain, "market_resolved") == []
    assert [(m["best_bid"], m["best_ask"]) for m in scene.told(extra, "best_bid_ask")] == [("0.3", "1"), ("0", "1")]
    (resolved,) = scene.told(extra, "market_resolved")
    assert (resolved["winning_asset_id"], resolved["winning_outcome"]) == (NO, "No")


def test_a_resolution_ends_orders_and_trading() -> None:
    scene = lively()
    trader = scene.trader()
    scene.wait(1)
    stream, user = scene.market(YES), scene.user(trader)
    trader.placed(YES, "BUY", 0.01, 10)
    scene.twin.resolve(0, 0)
    scene.listen()
    assert [m["status"] for m in scene.told(user, "order")][-1] == "CANCELED_MARKET_RESOLVED"
    assert trader.refused(YES, "BUY", 0.01, 10) == "the market is not yet ready to process new orders"
    assert replayed(scene.heard[stream], YES) == {"bids": {}, "asks": {}}
    scene.wait(5)
    assert replayed(scene.heard[stream], YES) == {"bids": {}, "asks": {}}


def test_a_new_tick_is_told_and_binds_from_then_on() -> None:
    scene = lively()
    scene.wait(1)
    trader, stream = scene.trader(), scene.market(YES)
    trader.refused(YES, "BUY", 0.015, 10)
    scene.twin.change_tick(0, 10)
    scene.listen()
    (told,) = scene.told(stream, "tick_size_change")
    assert (told["old_tick_size"], told["new_tick_size"]) == ("0.01", "0.001")
    trader.placed(YES, "BUY", 0.015, 10)
    scene.wait(2)
    assert scene.ask("GET", f"/tick-size?token_id={YES}")[1] == {"minimum_tick_size": 0.001}
    scene.twin.change_tick(0, 100)
    scene.wait(5)
    prices = sides(scene.ask("GET", f"/book?token_id={YES}")[1])["asks"]
    assert prices
    assert all(len(price) <= len("0.99") for price in prices)


def test_an_owner_is_told_of_orders_and_trades_and_nobody_else_is() -> None:
    scene = Scene((RAIN, listing("And snow?")))
    one, other = scene.trader(1), scene.trader(2)
    snow = scene.twin.markets[1].listed.condition
    mine, theirs, elsewhere = scene.user(one), scene.user(other), scene.user(one, snow)
    maker = one.placed(NO, "BUY", 0.4, 20)["orderID"]
    assert scene.heard[theirs] == []
    taker = other.placed(YES, "BUY", 0.6, 5)["orderID"]
    said = [(m["type"], m["id"], m["size_matched"], m["status"]) for m in scene.told(mine, "order")]
    assert said == [("PLACEMENT", maker, "0", "LIVE"), ("UPDATE", maker, "5", "LIVE")]
    said = [(m["type"], m["id"], m["size_matched"], m["status"]) for m in scene.told(theirs, "order")]
    assert said == [("PLACEMENT", taker, "5", "MATCHED")]
    scene.wait(6)
    for stream, side in ((mine, "MAKER"), (theirs, "TAKER")):
        trades = scene.told(stream, "trade")
        assert [m["status"] for m in trades] == ["MATCHED", "MINED", "CONFIRMED"]
        assert {(m["trader_side"], m["taker_order_id"], m["side"], m["asset_id"]) for m in trades} == {
            (side, taker, "BUY", YES)
        }
        assert trades[0]["maker_orders"][0]["order_id"] == maker
    assert scene.heard[elsewhere] == []
    one.ask("DELETE", "/cancel-all")
    assert scene.told(mine, "order")[-1]["type"] == "CANCELLATION"


def test_a_killed_order_is_told_with_its_reason() -> None:
    scene = Scene()
    trader = scene.trader()
    user = scene.user(trader)
    trader.refused(YES, "BUY", 0.5, 10, type="FOK")
    (told,) = scene.told(user, "order")
    assert (told["type"], told["size_matched"]) == ("CANCELLATION", "")
    assert told["status"].startswith("CANCELED_order couldn't be fully filled")


def test_tokens_and_money_move_when_a_trade_is_mined() -> None:
    scene = Scene(strangers=book(RAIN, [(4900, 100)], [(5000, 50)]))
    trader = scene.trader(money=10)
    trader.placed(YES, "BUY", 0.5, 20)
    assert (trader.account.money, trader.account.tokens[YES]) == (10 * MONEY, 0)
    assert "not enough balance" in trader.refused(YES, "BUY", 0.3, 5)
    assert "not enough balance" in trader.refused(YES, "SELL", 0.6, 5)
    scene.wait(2)
    assert (trader.account.money, trader.account.tokens[YES]) == (0, 20 * MONEY)
    trader.placed(YES, "SELL", 0.49, 20)
    scene.wait(2)
    assert trader.account.money == round(9.8 * MONEY)


def test_a_trade_that_fails_on_chain_moves_nothing() -> None:
    faults = TwinFaults()
    scene = Scene(strangers=book(RAIN, [(4900, 100)], [(5000, 50)]), faults=faults)
    trader = scene.trader(money=10)
    user = scene.user(trader)
    faults.plan(Fault.SETTLEMENT)
    order = trader.placed(YES, "BUY", 0.5, 20)["orderID"]
    scene.wait(8)
    assert [m["status"] for m in scene.told(user, "trade")] == ["MATCHED", "RETRYING", "FAILED"]
    assert (trader.account.money, trader.account.tokens[YES]) == (10 * MONEY, 0)
    assert scene.twin.desk.orders[order].matched == 20 * MONEY
    assert trader.ask("GET", "/data/trades")[1]["data"][0]["status"] == "TRADE_STATUS_FAILED"
    trader.placed(YES, "BUY", 0.5, 20)


def test_orders_that_a_trade_leaves_without_money_are_cancelled() -> None:
    snow = listing("And snow?")
    scene = Scene((RAIN, snow), strangers=book(RAIN, [(4900, 100)], [(5000, 50)]))
    trader = scene.trader(money=10)
    waiting = trader.placed(snow.tokens[0], "BUY", 0.5, 20)["orderID"]  # each market may ask for the whole balance
    trader.placed(YES, "BUY", 0.5, 20)
    assert scene.twin.desk.orders[waiting].status == "CANCELED_NOT_ENOUGH_BALANCE"


def test_who_is_silent_or_has_the_wrong_key_is_hung_up_on() -> None:
    scene = Scene(terms=Terms(silent_ns=30_000_000_000))
    trader = scene.trader()
    silent, talking = scene.market(YES), scene.market(YES)
    scene.wait(20)
    scene.say(talking, b"PING")
    scene.wait(10)
    assert scene.ended == {silent}
    trader.secret = "wrong"
    wrong = scene.user(trader)
    assert wrong in scene.ended
    nowhere = scene.stream("nowhere")
    assert nowhere in scene.ended


def test_frames_that_say_nothing_are_answered_and_change_nothing() -> None:
    scene = Scene()
    for channel in ("market", "user"):
        stream = scene.stream(channel, b"", b"{", b"[]", b"\xff\x00", b"7", {"assets_ids": 7, "markets": 7, "auth": []})
        assert b"INVALID OPERATION" in scene.heard[stream]
    assert scene.twin.next_ns() is not None


def test_the_same_seed_makes_the_same_market() -> None:
    def told() -> list[Any]:
        scene = lively()
        stream = scene.market(YES, NO)
        scene.wait(20)
        return scene.heard[stream]

    first = told()
    assert first == told()
    assert len(first) > 10


def test_a_recorded_game_is_told_as_its_book_was(shared_data: Path) -> None:
    game = shared_data / "polymarket/clob-mlb-2025/20250617_mlb-cle-sf-2025-06-17_polymarket-market-events.csv.gz"
    with gzip.open(game, "rt") as file:
        asset = next(csv.DictReader(file))["asset_id"]
    recorded = load_polymarket(game, instrument(0, msgspec.structs.replace(RAIN, tick=10)), asset).snapshots
    start = recorded[0].venue_ns
    shifted = [snapshot._replace(venue_ns=snapshot.venue_ns - start + START) for snapshot in recorded[:200]]
    scene = Scene(strangers=RecordedBook(instrument(0, RAIN), shifted), terms=Terms(silent_ns=10**15))
    stream = scene.market(YES, NO)
    scene.wait((shifted[-1].venue_ns - START) / SECOND + 1)
    kept = replayed(scene.heard[stream], YES)
    for side, levels in (("bids", shifted[-1].bids), ("asks", shifted[-1].asks)):
        assert {float(p): float(n) for p, n in kept[side].items()} == {p / 10_000: n / 100 for p, n in levels}
    assert len(scene.told(stream, "price_change")) > 20
