"""What the Polymarket twin takes and refuses, and how it matches."""

import msgspec
import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.sim.recorded import RecordedBook
from pilotfish.venues.twins.polymarket.markets import listing
from pilotfish.venues.twins.polymarket.twin import Terms
from tests.unit.twin_polymarket_scene import MONEY, NEG_RISK_EXCHANGE, RAIN, SECOND, Scene, book

YES, NO = RAIN.tokens


def quiet() -> RecordedBook:
    return book(RAIN, [(4900, 100)], [(5000, 100), (5100, 100)])


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_an_order_of_each_kind_of_wallet_is_taken_and_rests_under_its_hash(kind: int) -> None:
    trader = Scene().trader(kind=kind)
    said = trader.placed(YES, "BUY", 0.4, 10)
    assert said["status"] == "live"
    shown = trader.ask("GET", f"/data/order/{said['orderID']}")[1]
    assert (shown["price"], shown["original_size"], shown["maker_address"]) == ("0.4", "10", trader.account.wallet)
    assert trader.ask("GET", "/data/orders")[1]["data"] == [shown]


def test_api_keys_are_made_once_and_derived_again() -> None:
    scene = Scene()
    trader = scene.trader()
    assert scene.ask("POST", "/auth/api-key", trader.l1()) == (400, {"error": "Could not create api key"})
    assert scene.ask("GET", "/auth/derive-api-key", trader.l1())[1]["secret"] == trader.secret
    forged = trader.l1() | {"poly_address": "0x" + "11" * 20}
    assert scene.ask("GET", "/auth/derive-api-key", forged)[0] == 401
    assert trader.ask("DELETE", "/auth/api-key") == (200, "OK")
    assert trader.ask("GET", "/data/orders")[0] == 401


def test_a_private_request_proves_whose_it_is() -> None:
    scene = Scene()
    trader = scene.trader()
    good = trader.l2("GET", "/data/orders", b"")
    assert scene.ask("GET", "/data/orders?market=0x1", good)[0] == 200  # the query is not signed
    for broken in (
        {"poly_signature": "AAAA"}, {"poly_passphrase": "x"}, {"poly_api_key": "x"}, {"poly_timestamp": "1"},
        {"poly_address": "0x" + "22" * 20},
    ):  # fmt: skip
        assert scene.ask("GET", "/data/orders", good | broken) == (401, {"error": "Unauthorized/Invalid api key"})
    assert scene.ask("GET", "/data/trades", good)[0] == 401
    assert scene.ask("GET", "/data/orders", {})[0] == 401


def test_nobody_trades_for_a_wallet_that_is_not_theirs() -> None:
    scene = Scene()
    one, other = scene.trader(1), scene.trader(2)
    body = one.order(YES, "BUY", 0.4, 10)
    assert "owner of the API KEY" in other.ask("POST", "/order", body)[1]["error"]
    assert "address of the API KEY" in other.ask("POST", "/order", body | {"owner": other.key})[1]["error"]
    stolen = msgspec.json.decode(msgspec.json.encode(other.order(YES, "BUY", 0.4, 10)))
    stolen["order"] |= {"maker": one.account.wallet, "signer": one.account.wallet}
    assert "address of the API KEY" in other.ask("POST", "/order", stolen)[1]["error"]
    changed = msgspec.json.decode(msgspec.json.encode(one.order(YES, "BUY", 0.4, 10)))
    changed["order"]["takerAmount"] = "20000000"
    changed["order"]["makerAmount"] = "8000000"
    assert one.ask("POST", "/order", changed)[1]["error"] == "invalid signature"
    unknown = msgspec.json.decode(msgspec.json.encode(one.order(YES, "BUY", 0.4, 10)))
    unknown["order"]["maker"] = "0x" + "33" * 20
    assert "maker address not allowed" in one.ask("POST", "/order", unknown)[1]["error"]
    with pytest.raises(ConfigError):
        scene.trader(1)


def test_a_neg_risk_market_takes_only_what_is_signed_for_its_own_exchange() -> None:
    listed = listing("Who wins?", neg_risk=True)
    trader = Scene((listed,)).trader()
    assert trader.refused(listed.tokens[0], "BUY", 0.4, 10) == "invalid signature"
    trader.placed(listed.tokens[0], "BUY", 0.4, 10, exchange=NEG_RISK_EXCHANGE)


def test_prices_are_on_the_tick_and_sizes_not_below_the_least() -> None:
    trader = Scene().trader()
    assert "breaks minimum tick size rule: 0.01" in trader.refused(YES, "BUY", 0.405, 10)
    assert "breaks minimum tick size rule" in trader.refused(YES, "BUY", 1.0, 10)
    assert "Size (4) lower than the minimum: 5" in trader.refused(YES, "BUY", 0.4, 4)
    words = trader.refused(YES, "BUY", 0.4, 10.005)
    assert "buy orders maker amount supports a max accuracy of 4 decimals, taker amount a max of 2 decimals" in words
    words = trader.refused(YES, "BUY", 0.433, 7, type="FAK")
    assert "the market buy orders maker amount supports a max accuracy of 2 decimals" in words
    assert "min size: $1" in trader.refused(YES, "BUY", 0.5, 1.9, type="FAK")


def test_the_same_order_is_not_taken_twice() -> None:
    scene = Scene()
    trader = scene.trader()
    first = trader.placed(YES, "BUY", 0.4, 10, salt=77)
    assert trader.refused(YES, "BUY", 0.4, 10, salt=77) == f"order {first['orderID']} is invalid. Duplicated."
    assert scene.twin.desk.duplicates_received == 1
    assert len(scene.twin.desk.orders) == 1
    assert scene.twin.desk.doubled == 0
    trader.placed(YES, "BUY", 0.41, 10, salt=77)  # another order, under a salt that was used
    assert scene.twin.desk.doubled == 1


def test_money_tokens_and_allowances_are_asked_for() -> None:
    scene = Scene()
    trader = scene.trader(money=10)
    trader.placed(YES, "BUY", 0.5, 10)
    words = trader.refused(YES, "BUY", 0.5, 10.02)
    assert words.startswith("not enough balance / allowance: the balance is not enough -> balance: 10000000")
    assert trader.refused(YES, "SELL", 0.6, 5).startswith("not enough balance / allowance")
    scene.twin.split(trader.account.wallet, 0, 5 * MONEY)
    trader.placed(YES, "SELL", 0.6, 5)
    trader.account.allowances["0xE111180000d2663C0091e4f400237545B87B996B"] = False
    assert "the allowance is not enough" in trader.refused(NO, "SELL", 0.6, 5)


def test_expirations_are_checked_and_kept() -> None:
    scene = Scene()
    trader = scene.trader()
    now_s = scene.now // SECOND
    assert trader.refused(YES, "BUY", 0.4, 10, type="GTD", expiration=now_s + 59) == "invalid expiration"
    assert trader.refused(YES, "BUY", 0.4, 10, expiration=now_s + 600) == "invalid expiration"
    said = trader.placed(YES, "BUY", 0.4, 10, type="GTD", expiration=now_s + 90)
    scene.wait(29)
    assert scene.twin.desk.orders[said["orderID"]].live
    scene.wait(2)
    assert scene.twin.desk.orders[said["orderID"]].status == "CANCELED_EXPIRED_ORDER"


def test_a_post_only_order_never_takes() -> None:
    trader = Scene(strangers=quiet()).trader()
    words = trader.refused(YES, "BUY", 0.5, 10, post_only=True)
    assert words == "invalid post-only order: order crosses book"
    assert trader.placed(YES, "BUY", 0.49, 10, post_only=True)["status"] == "live"
    assert "crosses book" in trader.refused(NO, "BUY", 0.51, 10, post_only=True)  # 1 − 0.51 meets the bid


def test_a_resting_order_takes_what_crosses_and_rests_with_what_is_left() -> None:
    scene = Scene(strangers=quiet())
    trader = scene.trader()
    said = trader.placed(YES, "BUY", 0.5, 150)
    assert (said["status"], said["takingAmount"], said["makingAmount"]) == ("matched", "100", "50")
    order = scene.twin.desk.orders[said["orderID"]]
    assert (order.status, order.left) == ("LIVE", 50 * MONEY)
    assert scene.ask("GET", f"/book?token_id={YES}")[1]["bids"][-1] == {"price": "0.5", "size": "50"}


def test_a_purchase_by_amount_spends_it_and_may_buy_more_than_it_says() -> None:
    listed = RAIN
    trader = Scene(strangers=book(listed, [(9000, 10)], [(9800, 100)])).trader()
    said = trader.placed(YES, "BUY", 0.99, 5, type="FAK")
    assert (said["makingAmount"], said["takingAmount"]) == ("4.95", "5.05102")
    assert trader.placed(YES, "BUY", 0.99, 5)["takingAmount"] == "5"  # GTC: the size, at the better price


def test_a_fok_order_is_filled_whole_or_killed_and_a_fak_order_in_part() -> None:
    scene = Scene(strangers=quiet())
    trader = scene.trader()
    words = "order couldn't be fully filled. FOK orders are fully filled or killed."
    assert trader.refused(YES, "BUY", 0.5, 102, type="FOK") == words
    assert trader.placed(YES, "BUY", 0.5, 100, type="FOK")["takingAmount"] == "100"
    assert trader.placed(YES, "BUY", 0.51, 200, type="FAK")["takingAmount"] == "100"
    assert trader.refused(YES, "BUY", 0.51, 100, type="FAK").startswith("no orders found to match with FAK order")
    assert trader.ask("GET", "/data/orders")[1]["data"] == []


def test_a_yes_and_a_no_bought_at_prices_that_make_one_are_a_pair() -> None:
    scene = Scene()
    one, other = scene.trader(1, money=100), scene.trader(2, money=100)
    resting = one.placed(NO, "BUY", 0.45, 20)
    assert scene.ask("GET", f"/book?token_id={YES}")[1]["asks"] == [{"price": "0.55", "size": "20"}]
    assert scene.ask("GET", f"/book?token_id={NO}")[1]["bids"] == [{"price": "0.45", "size": "20"}]
    said = other.placed(YES, "BUY", 0.6, 20)
    assert (said["makingAmount"], said["takingAmount"]) == ("11", "20")
    maker = other.ask("GET", "/data/trades")[1]["data"][0]["maker_orders"][0]
    assert (maker["order_id"], maker["asset_id"], maker["side"], maker["price"]) == (
        resting["orderID"], NO, "BUY", "0.45"
    )  # fmt: skip
    scene.wait(10)
    assert one.account.tokens[NO] == other.account.tokens[YES] == 20 * MONEY
    assert (100 * MONEY - one.account.money) + (100 * MONEY - other.account.money) == 20 * MONEY


def test_two_who_sell_both_halves_are_paid_one_for_each_pair() -> None:
    scene = Scene()
    one, other = scene.trader(1, money=100), scene.trader(2, money=100)
    for trader in (one, other):
        scene.twin.split(trader.account.wallet, 0, 20 * MONEY)
    one.placed(NO, "SELL", 0.45, 20)
    assert other.placed(YES, "SELL", 0.5, 20)["takingAmount"] == "11"
    scene.wait(10)
    assert one.account.money + other.account.money == (200 - 40 + 20) * MONEY
    assert one.account.tokens[NO] == other.account.tokens[YES] == 0


def test_nobody_trades_with_themselves() -> None:
    scene = Scene()
    trader = scene.trader()
    resting = trader.placed(NO, "BUY", 0.45, 20)["orderID"]
    assert trader.placed(YES, "BUY", 0.6, 20)["status"] == "live"
    assert scene.twin.desk.orders[resting].status == "CANCELED"
    assert trader.refused(NO, "BUY", 0.5, 20, type="FOK").startswith("order couldn't be fully filled")


def test_a_taker_pays_the_fee_and_a_maker_none() -> None:
    listed = listing("With a fee?", fee_rate=70_000)
    scene = Scene((listed,))
    maker, taker = scene.trader(1), scene.trader(2)
    maker.placed(listed.tokens[1], "BUY", 0.6, 100)
    taker.placed(listed.tokens[0], "BUY", 0.4, 100)
    scene.wait(10)
    assert maker.account.money == 940 * MONEY
    assert taker.account.money == 960 * MONEY - round(100 * 0.07 * 0.4 * 0.6 * MONEY)


def test_cancels_say_what_was_cancelled_and_what_could_not_be() -> None:
    scene = Scene((RAIN, listing("And snow?")))
    one, other = scene.trader(1), scene.trader(2)
    snow = scene.twin.markets[1].listed
    ids = [one.placed(YES, "BUY", price, 10)["orderID"] for price in (0.1, 0.2, 0.3)]
    elsewhere = one.placed(snow.tokens[0], "BUY", 0.2, 10)["orderID"]
    assert ids[0] in other.ask("DELETE", "/order", {"orderID": ids[0]})[1]["not_canceled"]
    assert one.ask("DELETE", "/order", {"orderID": ids[0]})[1] == {"canceled": [ids[0]], "not_canceled": {}}
    said = one.ask("DELETE", "/orders", ids[:2])[1]
    assert (said["canceled"], list(said["not_canceled"])) == ([ids[1]], [ids[0]])
    assert one.ask("DELETE", "/cancel-market-orders", {"market": snow.condition})[1]["canceled"] == [elsewhere]
    assert one.ask("DELETE", "/cancel-all")[1]["canceled"] == [ids[2]]
    assert one.ask("DELETE", "/order", {"orderID": "7"}) == (400, {"error": "Invalid orderID"})
    assert one.ask("GET", "/data/order/0x" + "00" * 32)[0] == 404


def test_a_batch_answers_for_each_order_and_takes_fifteen_at_most() -> None:
    trader = Scene().trader(money=5)
    bodies = [trader.order(YES, "BUY", 0.4, size) for size in (10, 10, 3)]
    said = trader.ask("POST", "/orders", bodies)[1]
    assert [bool(each["orderID"]) for each in said] == [True, False, False]
    assert [each["success"] for each in said] == [True, True, True]
    assert "not enough balance" in said[1]["errorMsg"]
    many = [trader.order(YES, "BUY", 0.01, 5) for _ in range(16)]
    assert trader.ask("POST", "/orders", many)[1]["error"] == "Too many orders in payload: 16, max allowed: 15"


def test_pages_follow_their_cursor_to_the_end() -> None:
    trader = Scene(terms=Terms(page=2)).trader()
    placed = [trader.placed(YES, "BUY", 0.01 * n, 10)["orderID"] for n in range(1, 6)]
    found, cursor = [], ""
    while cursor != "LTE=":
        page = trader.ask("GET", f"/data/orders?next_cursor={cursor}")[1]
        found += [order["id"] for order in page["data"]]
        cursor = page["next_cursor"]
    assert found == placed


def test_in_some_markets_an_order_waits_before_it_takes() -> None:
    listed = msgspec.structs.replace(RAIN, delay_s=3)
    scene = Scene((listed,), strangers=quiet())
    trader = scene.trader()
    user = scene.user(trader)
    said = trader.placed(YES, "BUY", 0.5, 10, type="FAK")
    assert (said["status"], said["takingAmount"], said["tradeIDs"]) == ("delayed", "", [])
    assert trader.placed(YES, "BUY", 0.4, 10)["status"] == "live"
    killed = trader.placed(YES, "BUY", 0.5, 500, type="FOK")["orderID"]
    assert [m["status"] for m in scene.told(user, "order")] == ["DELAYED", "LIVE", "DELAYED"]
    scene.wait(3)
    assert scene.told(user, "trade")[0]["taker_order_id"] == said["orderID"]
    assert scene.twin.desk.orders[said["orderID"]].status == "MATCHED"
    assert scene.twin.desk.orders[killed].status == "CANCELED"
    late = trader.placed(YES, "BUY", 0.5, 10)["orderID"]
    scene.twin.resolve(0, 0)
    assert scene.twin.desk.orders[late].status == "CANCELED_MARKET_RESOLVED"
    scene.wait(4)
    assert len(scene.twin.settlements.trades) == 1
