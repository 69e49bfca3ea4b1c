"""Whatever a client sends to a twin is answered in the venue's words: nobody's mistake ends a demonstration."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.damage import damaged, torn
from tests.unit import twin_hyperliquid_scene as hyperliquid
from tests.unit import twin_polymarket_scene as polymarket

SEEDS = st.integers(0, 2**32 - 1)
ADDRESS = hyperliquid.ME


# -- Hyperliquid -------------------------------------------------------------------------------------------------------

ACTIONS: list[dict[str, Any]] = [
    hyperliquid.orders(hyperliquid.order(1, "0.01", "66000", c=hyperliquid.cloid(1))),
    hyperliquid.orders(hyperliquid.trigger(-1, "0.01", "60000", "61000")),
    {"type": "cancel", "cancels": [{"a": 0, "o": 1}]},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": hyperliquid.cloid(1)}]},
    {"type": "modify", "oid": 1, "order": hyperliquid.order(1, "0.01", "65000", "Gtc")},
    {"type": "batchModify", "modifies": [{"oid": 1, "order": hyperliquid.order(1, "0.01", "65000", "Gtc")}]},
    {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 5},
    {"type": "scheduleCancel", "time": 1_790_000_100_000},
]
ASKED: list[dict[str, Any]] = [
    {"type": kind, "user": ADDRESS, "coin": "BTC", "oid": 1, "startTime": 0, "endTime": 2_000_000_000_000}
    for kind in ("meta", "clearinghouseState", "openOrders", "userFillsByTime", "l2Book", "orderStatus", "userFunding",
                 "historicalOrders", "spotClearinghouseState", "userRateLimit", "recentTrades", "metaAndAssetCtxs")
]  # fmt: skip
SAID: list[dict[str, Any]] = [
    {"method": "ping"},
    {"method": "subscribe", "subscription": {"type": "l2Book", "coin": "BTC"}},
    {"method": "subscribe", "subscription": {"type": "userFills", "user": ADDRESS}},
    {"method": "unsubscribe", "subscription": {"type": "trades", "coin": "BTC"}},
    {"method": "post", "id": 1, "request": {"type": "info", "payload": {"type": "l2Book", "coin": "BTC"}}},
    {"method": "post", "id": 2, "request": {"type": "action", "payload": {"action": ACTIONS[0], "nonce": 1}}},
]


@settings(max_examples=60)
@given(SEEDS)
def test_hyperliquid_s_twin_answers_whatever_it_is_asked(seed: int) -> None:
    chance, scene = Random(seed), hyperliquid.Scene()
    scene.twin.opened(1, "/ws", scene.now)
    for _ in range(12):
        action = scene.signed(chance.choice(ACTIONS))
        frame = damaged(json.dumps(chance.choice(SAID)).encode(), chance)
        scene.twin.frame(1, frame, scene.now)
        for path, body in (("/info", chance.choice(ASKED)), ("/exchange", action)):
            raw = damaged(json.dumps(body).encode(), chance)
            answer = scene.twin.request("POST", path, {}, raw, scene.now)
            assert answer.status in (200, 400, 422, 429), (raw, answer)
            if answer.status == 200:
                json.loads(answer.body)
        scene.advance(0.05)
    for push in scene.twin.pushes:
        assert push.data is None or json.loads(push.data)["channel"]


# -- Polymarket --------------------------------------------------------------------------------------------------------

FRAMES: list[Any] = [
    {"assets_ids": ["1", "2"], "type": "market", "custom_feature_enabled": True},
    {"operation": "subscribe", "assets_ids": ["1"]}, {"operation": "unsubscribe", "assets_ids": ["1"]},
    {"auth": {"apiKey": "k", "secret": "s", "passphrase": "p"}, "type": "user", "markets": ["0x1"]},
]  # fmt: skip
BODIES: dict[str, Any] = {
    "/books": [{"token_id": "1"}], "/order": None, "/orders": None, "/v1/heartbeats": {"heartbeat_id": None},
    "/rpc": {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs",
             "params": [{"fromBlock": "0x1", "topics": [None, "0x1"]}]},
    "/prices": [{"token_id": "1", "side": "BUY"}],
}  # fmt: skip
PATHS = ("/book?token_id=", "/markets/", "/activity?user=", "/positions?user=", "/data/orders?next_cursor=",
         "/data/order/",
         "/data/trades?after=", "/trades?user=", "/balance-allowance?asset_type=", "/time?")  # fmt: skip


@settings(max_examples=60)
@given(SEEDS)
def test_polymarket_s_twin_answers_whatever_it_is_asked(seed: int) -> None:
    chance, scene = Random(seed), polymarket.Scene((polymarket.RAIN,))
    trader = scene.trader()
    good = trader.order(polymarket.RAIN.tokens[0], "BUY", 0.4, 10)
    for stream, path in ((101, "/ws/market"), (102, "/ws/user")):
        scene.twin.opened(stream, path, scene.now)
    for _ in range(8):
        for stream in (101, 102):
            scene.twin.frame(stream, damaged(json.dumps(chance.choice(FRAMES)).encode(), chance), scene.now)
        path, body = chance.choice([*BODIES.items()])
        raw = damaged(json.dumps(body or (good if path == "/order" else [good])).encode(), chance)
        asked = chance.choice(PATHS) + torn(b"0x12%", chance).decode("latin-1")[:200]
        for method, url, sent in (("POST", path, raw), ("GET", asked, b""), ("DELETE", "/orders", raw)):
            headers = trader.l2(method, url.partition("?")[0], b"") if chance.random() < 0.5 else {}
            answer = scene.twin.request(method, url, headers, sent, scene.now)
            assert answer.status in (200, 400, 401, 404, 405, 429), (method, url, sent, answer)
            json.loads(answer.body)


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5_000, b"\xff", b'"\\ud800"'])
def test_bodies_that_are_no_json_are_answered_by_both(raw: bytes) -> None:
    first, second = hyperliquid.Scene(), polymarket.Scene((polymarket.RAIN,))
    first.twin.opened(1, "/ws", first.now)
    second.twin.opened(101, "/ws/market", second.now)
    first.twin.frame(1, raw, first.now)
    second.twin.frame(101, raw, second.now)
    for path in ("/info", "/exchange"):
        assert first.twin.request("POST", path, {}, raw, first.now).status >= 400
    for path in ("/books", "/rpc", "/order"):
        assert second.twin.request("POST", path, {}, raw, second.now).status >= 400
