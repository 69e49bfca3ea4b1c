"""What the Polymarket twin can be told to do wrong, its limits and its heartbeats."""

import random
from typing import Any

import msgspec
import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.sim.flow import OrderFlow
from pilotfish.venues.twins.faults import Fault, TwinFaults, TwinSettings
from pilotfish.venues.twins.polymarket.guard import LimitTerms
from pilotfish.venues.twins.polymarket.markets import listing
from pilotfish.venues.twins.polymarket.twin import PolymarketTwin, Terms, flow
from tests.unit.twin_polymarket_scene import MONEY, RAIN, SECOND, START, Scene, book

YES, NO = RAIN.tokens


def strangers() -> OrderFlow:
    return flow(0, RAIN, 5, 5000, START)


def live(scene: Scene) -> int:
    return sum(order.live for order in scene.twin.desk.orders.values())


def test_a_429_does_nothing_and_says_when_to_come_back() -> None:
    faults = TwinFaults()
    scene = Scene(faults=faults)
    trader = scene.trader()
    body = trader.order(YES, "BUY", 0.4, 10)
    faults.plan(Fault.RATE_LIMIT)
    assert trader.ask("POST", "/order", body) == (429, {"error": "Too Many Requests"})
    assert live(scene) == 0
    assert trader.ask("POST", "/order", body)[0] == 200
    assert faults.injected[Fault.RATE_LIMIT] == 1


def test_a_venue_that_forgets_its_keys_remembers_them_later() -> None:
    faults = TwinFaults(lasting_ns=5 * SECOND)
    scene = Scene(faults=faults)
    trader = scene.trader()
    faults.plan(Fault.AUTH)
    assert trader.ask("GET", "/data/orders") == (401, {"error": "Unauthorized/Invalid api key"})
    scene.wait(4)
    assert trader.ask("GET", "/data/orders")[0] == 401
    scene.wait(1)
    assert trader.ask("GET", "/data/orders")[0] == 200


def test_an_order_can_be_refused_for_money_that_is_there() -> None:
    faults = TwinFaults()
    trader = Scene(faults=faults).trader()
    faults.plan(Fault.BALANCE)
    assert trader.refused(YES, "BUY", 0.4, 10).startswith("not enough balance / allowance")
    trader.placed(YES, "BUY", 0.4, 10)


def test_a_500_does_not_say_whether_the_order_stands() -> None:
    outcomes = set()
    for seed in range(8):
        faults = TwinFaults(seed)
        scene = Scene(faults=faults)
        trader = scene.trader()
        faults.plan(Fault.ERROR_500)
        assert trader.post(YES, "BUY", 0.4, 10)[0] == 500
        outcomes.add(live(scene))
    assert outcomes == {0, 1}


def test_some_orders_of_a_batch_can_be_refused_and_a_fak_order_cut_short() -> None:
    faults = TwinFaults(3)
    scene = Scene(strangers=book(RAIN, [(4900, 1000)], [(5000, 1000)]), faults=faults)
    trader = scene.trader()
    faults.plan(Fault.PARTIAL_BATCH)
    said = trader.ask("POST", "/orders", [trader.order(YES, "BUY", 0.4, 10) for _ in range(3)])[1]
    assert [bool(each["orderID"]) for each in said] == [False, True, True]
    faults.plan(Fault.PARTIAL_BATCH)
    part = float(trader.placed(YES, "BUY", 0.5, 100, type="FAK")["takingAmount"])
    assert 0 < part < 100


def test_a_venue_whose_clock_is_off_stamps_by_it() -> None:
    faults = TwinFaults(lasting_ns=5 * SECOND)
    scene = Scene(faults=faults)
    faults.plan(Fault.SKEW)
    scene.wait(1)
    assert scene.ask("GET", "/time")[1] - scene.now // SECOND == 5
    scene.wait(5)
    assert scene.ask("GET", "/time")[1] == scene.now // SECOND
    always = PolymarketTwin([RAIN], START, settings=TwinSettings(skew_ns=-3 * SECOND))
    assert always.request("GET", "/time", {}, b"", START).body == str(START // SECOND - 3).encode()


def test_books_can_stand_still_while_pings_are_answered() -> None:
    faults = TwinFaults(lasting_ns=20 * SECOND)
    scene = Scene(strangers=strangers(), faults=faults)
    stream = scene.market(YES)
    faults.plan(Fault.FROZEN)
    scene.wait(1)
    scene.heard[stream].clear()
    before = scene.ask("GET", f"/book?token_id={YES}")[1]
    scene.wait(19)
    scene.say(stream, b"PING")
    assert scene.heard[stream] == [b"PONG"]
    assert scene.ask("GET", f"/book?token_id={YES}")[1]["asks"] == before["asks"]
    scene.wait(5)
    assert len(scene.told(stream, "price_change")) > 0


def test_a_crossed_book_is_told_and_taken_back() -> None:
    faults = TwinFaults()
    scene = Scene(strangers=book(RAIN, [(4900, 100)], [(5000, 50)]), faults=faults)
    stream = scene.market(YES)
    scene.wait(0.5)
    faults.plan(Fault.CROSSED)
    scene.wait(1)
    changes = [c for m in scene.told(stream, "price_change") for c in m["price_changes"] if c["asset_id"] == YES]
    assert [(c["price"], c["side"], c["size"]) for c in changes] == [("0.51", "BUY", "100"), ("0.51", "BUY", "0")]
    assert changes[0]["best_bid"] > changes[0]["best_ask"]


def test_heartbeats_once_begun_must_go_on() -> None:
    scene = Scene()
    trader = scene.trader()
    trader.placed(YES, "BUY", 0.4, 10)
    scene.wait(30)
    assert live(scene) == 1  # nobody has begun
    first = trader.ask("POST", "/v1/heartbeats", {"heartbeat_id": ""})[1]["heartbeat_id"]
    scene.wait(9)
    wrong = trader.ask("POST", "/v1/heartbeats", {"heartbeat_id": "x"})
    assert wrong == (400, {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": first})
    assert trader.ask("POST", "/v1/heartbeats", {"heartbeat_id": first})[0] == 200
    scene.wait(9)
    assert live(scene) == 1
    scene.wait(1)
    assert live(scene) == 0
    assert trader.ask("POST", "/v1/heartbeats", {"heartbeat_id": ""})[0] == 200


def test_a_heartbeat_can_be_taken_as_missed() -> None:
    faults = TwinFaults()
    scene = Scene(faults=faults)
    trader = scene.trader()
    trader.placed(YES, "BUY", 0.4, 10)
    faults.plan(Fault.HEARTBEAT)
    assert trader.ask("POST", "/v1/heartbeats", {"heartbeat_id": ""})[0] == 200
    assert live(scene) == 0


def test_order_tokens_run_out_and_come_back() -> None:
    scene = Scene(terms=Terms(limits=LimitTerms(bucket=10, per_s=1.0)))
    trader = scene.trader()

    def left(method: str, path: str, body: Any) -> tuple[int, str]:
        raw = msgspec.json.encode(body)
        answer = scene.twin.request(method, path, trader.l2(method, path, raw), raw, scene.now)
        return answer.status, answer.headers["poly-ratelimit-remaining"]

    batch = [trader.order(YES, "BUY", 0.01, 5) for _ in range(6)]
    assert left("POST", "/orders", batch) == (200, "4")
    assert left("POST", "/orders", [trader.order(YES, "BUY", 0.01, 5) for _ in range(6)]) == (429, "4")
    scene.wait(2)
    assert left("POST", "/order", trader.order(YES, "BUY", 0.01, 5)) == (200, "5")
    assert trader.ask("DELETE", "/cancel-all")[0] == 429  # one, and one for each of seven
    scene.wait(3)
    assert trader.ask("DELETE", "/cancel-all")[0] == 200


def test_nothing_that_is_asked_breaks_the_venue() -> None:
    chance = random.Random(7)
    scene = Scene((RAIN, listing("And snow?")))
    trader = scene.trader()
    good = trader.order(YES, "BUY", 0.4, 10)
    values: list[Any] = ["", "x", -1, 2**300, None, [], {}, True, 1.5, "0x", "-7", "9" * 90]
    for _ in range(300):
        body = good | {"order": dict(good["order"])}
        for _ in range(chance.randint(1, 3)):
            where = chance.choice([part for part in (body, body["order"]) if isinstance(part, dict) and part])
            name = chance.choice([name for name in where if name != "deferExec"])
            where[name] = chance.choice(values)
        assert trader.ask("POST", "/order", body)[0] == 400
    for path in ("/book", "/book?token_id=x", "/price?token_id=1", "/nowhere", "/markets/0x1", "/activity", "/data/x"):
        assert scene.ask("GET", path)[0] in (400, 404)
    for path in ("/data/orders?next_cursor=%", "/data/trades?after=x", "/balance-allowance?asset_type=x"):
        assert trader.ask("GET", path)[0] == 400
    for path in ("/order", "/orders", "/v1/heartbeats", "/books"):
        assert trader.ask("POST", path, 7)[0] == 400
    assert scene.twin.desk.orders == {}


def test_what_a_twin_cannot_do_is_said() -> None:
    scene = Scene()
    with pytest.raises(ConfigError, match="resolve it first"):
        scene.twin.redeem("0x" + "11" * 20, 0)
    with pytest.raises(ConfigError, match="resolve once"):
        scene.twin.resolve(0, 2)
    with pytest.raises(ConfigError, match="tick"):
        scene.twin.change_tick(0, 30)
    with pytest.raises(ConfigError, match="there is not enough"):
        scene.twin.split(scene.trader(money=1).account.wallet, 0, 2 * MONEY)
