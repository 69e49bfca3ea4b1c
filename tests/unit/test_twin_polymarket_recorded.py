"""The twin's messages have the fields, and the kinds of values, of the venue's recorded ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.twin_polymarket_scene import RAIN, Scene, book

YES, NO = RAIN.tokens
# Fields of recordings that the venue has dropped since, or that no client reads.
DROPPED = {"tags", "description", "icon", "image", "name", "pseudonym", "bio", "profileImage", "profileImageOptimized"}


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """One of everything that the twin says, by the name of a recording of the same."""
    scene = Scene(strangers=book(RAIN, [(4900, 100)], [(5000, 50)]))
    one, other = scene.trader(1), scene.trader(2)
    market, mine, theirs = scene.market(YES, NO, extra=True), scene.user(one), scene.user(other)
    rests = one.placed(NO, "BUY", 0.5, 20)["orderID"]
    open_orders = one.ask("GET", "/data/orders")[1]
    balance = one.ask("GET", "/balance-allowance?asset_type=COLLATERAL&signature_type=3")[1]
    other.placed(YES, "BUY", 0.5, 60)
    one.refused(YES, "BUY", 0.6, 900, type="FOK")
    scene.wait(10)
    scene.twin.change_tick(0, 10)
    scene.listen()
    cancelled = one.ask("DELETE", "/order", {"orderID": rests})[1]
    one.placed(YES, "BUY", 0.1, 10)
    one.ask("DELETE", "/cancel-all")
    rest = {
        "http_cancel_response_failed": cancelled,
        "http_open_orders_page": open_orders,
        "http_open_order": open_orders["data"][0],
        "http_balance_allowance_no_allowance": balance,
        "http_trades_page": other.ask("GET", "/data/trades")[1],
        "http_trade_report": other.ask("GET", "/data/trades")[1]["data"][0],
        "http/book": scene.ask("GET", f"/book?token_id={YES}")[1],
        "clob_book_response": scene.ask("GET", f"/book?token_id={YES}")[1],
        "data_api_trades_response": scene.ask("GET", f"/trades?user={other.account.wallet}")[1],
        "http/trades": scene.ask("GET", f"/trades?user={other.account.wallet}")[1],
        "data_api_positions_response": scene.ask("GET", f"/positions?user={other.account.wallet}")[1],
    }
    scene.twin.resolve(0, 0)
    scene.listen()
    placement, update = scene.told(mine, "order")[:2]
    killed = next(m for m in scene.told(mine, "order") if m["size_matched"] == "")
    streams = {
        "ws/book": scene.told(market, "book")[0],
        "ws_market_book_msg": scene.told(market, "book")[0],
        "ws/price_change_v2": scene.told(market, "price_change")[0],
        "ws_market_price_change_msg": scene.told(market, "price_change")[0],
        "ws/last_trade_price": scene.told(market, "last_trade_price")[0],
        "ws/tick_size_change": scene.told(market, "tick_size_change")[0],
        "ws_market_best_bid_ask_msg": scene.told(market, "best_bid_ask")[0],
        "ws_market_resolved_msg": scene.told(market, "market_resolved")[0],
        "ws/order_placement": placement,
        "ws_user_order_update": update,
        "ws/order_cancel": scene.told(mine, "order")[-1],
        "ws_user_order_fok_killed": killed,
        "ws/user_trade3": scene.told(mine, "trade")[0],
        "ws/user_trade4": scene.told(theirs, "trade")[-1],
    }
    return rest | streams


NAMES = (
    "http_cancel_response_failed", "http_open_orders_page", "http_open_order", "http_trades_page", "http_trade_report",
    "http_balance_allowance_no_allowance", "http/book", "clob_book_response", "data_api_trades_response",
    "http/trades", "data_api_positions_response", "ws/book", "ws_market_book_msg", "ws/price_change_v2",
    "ws_market_price_change_msg", "ws/last_trade_price", "ws/tick_size_change", "ws_market_best_bid_ask_msg",
    "ws_market_resolved_msg", "ws/order_placement", "ws_user_order_update", "ws/order_cancel",
    "ws_user_order_fok_killed", "ws/user_trade3", "ws/user_trade4",
)  # fmt: skip


def unlike(recorded: Any, made: Any, where: str = "") -> list[str]:
    """Where a made message lacks what the recorded one has, or has another kind of value."""
    if isinstance(recorded, dict) and isinstance(made, dict):
        if where.endswith(("not_canceled", "allowances")):
            return []  # its keys are data
        missing = [f"{where}.{name}" for name in recorded if name not in made and name not in DROPPED]
        shared = [unlike(recorded[name], made[name], f"{where}.{name}") for name in recorded if name in made]
        return missing + [each for found in shared for each in found]
    if isinstance(recorded, list) and isinstance(made, list):
        return unlike(recorded[0], made[0], f"{where}[]") if recorded and made else []
    numbers = (int, float)
    alike = type(recorded) is type(made) or (isinstance(recorded, numbers) and isinstance(made, numbers))
    return [] if alike or recorded is None else [f"{where}: {recorded!r} {made!r}"]


def test_what_lacks_a_field_or_has_another_kind_of_value_is_unlike() -> None:
    recorded = {"a": "1", "b": [{"c": 1.5}]}
    assert unlike(recorded, {"a": "2", "b": [{"c": 7}]}) == []
    assert unlike(recorded, {"a": 2, "b": [{}]}) == [".a: '1' 2", ".b[].c"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_has_the_shape_of_what_was_recorded(name: str, said: dict[str, Any], shared_data: Path) -> None:
    recorded = json.loads((shared_data / f"venue-messages/polymarket/{name}.json").read_text())
    assert recorded
    assert unlike(recorded, said[name]) == []
