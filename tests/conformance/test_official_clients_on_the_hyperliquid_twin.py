"""The venue's own SDK and ccxt trade on the twin, unmodified but for the address they are given."""

import asyncio
import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from threading import Thread

import ccxt.pro
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid

from pilotfish.venues.twins.hyperliquid.settings import HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.server import TwinServer, server_in_thread

WAIT_S = 20  # what never comes fails the test; what comes is not waited for


def wallet(number: int) -> LocalAccount:
    return Account.from_key(number.to_bytes(32, "big"))


OWNER, AGENT, OTHER = wallet(0xA11CE), wallet(0xA6E27), wallet(0x07E4)


@pytest.fixture(scope="module")
def twin() -> HyperliquidTwin:
    twin = HyperliquidTwin(time.time_ns(), HyperliquidSettings(seed=7, schedule_volume=0))
    for one in (OWNER, OTHER):
        twin.open_account(one.address, 1_000_000)
    return twin


@pytest.fixture(scope="module")
def server(twin: HyperliquidTwin) -> Iterator[TwinServer]:
    with server_in_thread(twin) as server:
        yield server


@pytest.fixture
def exchange(server: TwinServer) -> Iterator[Exchange]:
    with sdk(server, OWNER) as exchange:
        yield exchange


@contextlib.contextmanager
def sdk(server: TwinServer, key: LocalAccount, **terms: object) -> Iterator[Exchange]:
    exchange = Exchange(key, base_url=server.url, timeout=WAIT_S, **terms)
    try:
        yield exchange
    finally:
        exchange.session.close()
        exchange.info.session.close()


def statuses(reply: dict) -> list:
    assert reply["status"] == "ok", reply
    return reply["response"]["data"]["statuses"]


# -- the official Python SDK -------------------------------------------------------------------------------------------


def test_the_sdk_buys_and_sells_at_market_and_sees_it_in_its_account(exchange: Exchange) -> None:
    bought = statuses(exchange.market_open("BTC", True, 0.01))[0]["filled"]
    assert bought["totalSz"] == "0.01"
    position = exchange.info.user_state(OWNER.address)["assetPositions"][0]["position"]
    assert (position["coin"], position["szi"]) == ("BTC", "0.01")
    sold = statuses(exchange.market_close("BTC"))[0]["filled"]
    assert sold["totalSz"] == "0.01"
    assert exchange.info.user_state(OWNER.address)["assetPositions"] == []
    latest = exchange.info.user_fills(OWNER.address)[0]
    assert (latest["dir"], latest["oid"]) == ("Close Long", sold["oid"])
    assert latest in exchange.info.user_fills_by_time(OWNER.address, latest["time"])


def test_the_sdk_places_modifies_and_cancels_resting_orders(exchange: Exchange) -> None:
    cloid = Cloid.from_int(77)
    oid = statuses(exchange.order("ETH", True, 0.1, 3000, {"limit": {"tif": "Alo"}}, cloid=cloid))[0]["resting"]["oid"]
    assert exchange.info.query_order_by_cloid(OWNER.address, cloid)["order"]["order"]["oid"] == oid
    moved = statuses(exchange.bulk_modify_orders_new([
        {"oid": oid, "order": {"coin": "ETH", "is_buy": True, "sz": 0.2, "limit_px": 3001, "reduce_only": False,
                               "order_type": {"limit": {"tif": "Gtc"}}, "cloid": cloid}},
    ]))[0]["resting"]["oid"]  # fmt: skip
    assert moved != oid
    assert exchange.info.query_order_by_oid(OWNER.address, oid)["order"]["status"] == "canceled"
    mine = [order for order in exchange.info.open_orders(OWNER.address) if order["coin"] == "ETH"]
    assert [(order["oid"], order["sz"], order["limitPx"]) for order in mine] == [(moved, "0.2", "3001.0")]
    assert statuses(exchange.cancel_by_cloid("ETH", cloid)) == ["success"]
    again = statuses(exchange.cancel("ETH", moved))
    assert again == [{"error": "Order was never placed, already canceled, or filled. asset=1"}]


def test_the_sdk_protects_a_position_with_triggers(exchange: Exchange) -> None:
    stop = {"trigger": {"triggerPx": 2000.0, "isMarket": True, "tpsl": "sl"}}
    statuses(exchange.market_open("ETH", True, 1.0))
    oid = statuses(exchange.order("ETH", False, 1.0, 1900, stop, reduce_only=True))[0]["resting"]["oid"]
    shown = next(o for o in exchange.info.frontend_open_orders(OWNER.address) if o["oid"] == oid)
    assert (shown["orderType"], shown["triggerCondition"]) == ("Stop Market", "Price below 2000")
    assert statuses(exchange.cancel("ETH", oid)) == ["success"]
    statuses(exchange.market_close("ETH"))


def test_an_agent_the_sdk_approved_trades_for_its_owner_and_nobody_else_does(
    exchange: Exchange, server: TwinServer
) -> None:
    reply, key = exchange.approve_agent("pilotfish")
    assert reply == {"status": "ok", "response": {"type": "default"}}
    with sdk(server, Account.from_key(key), account_address=OWNER.address) as agent:
        resting = statuses(agent.order("ETH", True, 0.1, 2900, {"limit": {"tif": "Gtc"}}))[0]["resting"]
        assert resting["oid"] in [order["oid"] for order in exchange.info.open_orders(OWNER.address)]
        assert statuses(agent.cancel("ETH", resting["oid"])) == ["success"]
    assert "pilotfish" in [agent["name"] for agent in exchange.info.extra_agents(OWNER.address)]
    with sdk(server, AGENT) as stranger:
        refused = stranger.order("ETH", True, 0.1, 2900, {"limit": {"tif": "Gtc"}})
    assert refused == {"status": "err", "response": f"User or API Wallet {AGENT.address.lower()} does not exist."}


def test_the_sdk_sets_leverage_and_the_dead_mans_switch(exchange: Exchange) -> None:
    assert exchange.update_leverage(5, "HYPE")["status"] == "ok"
    assert exchange.schedule_cancel(int(time.time() * 1_000) + 3_600_000)["status"] == "ok"
    assert exchange.schedule_cancel(None)["status"] == "ok"
    exchange.set_expires_after(1_000)
    assert "expired" in exchange.update_leverage(5, "HYPE")["response"]


def test_the_sdk_reads_every_table_it_knows(exchange: Exchange) -> None:
    info, me = exchange.info, OWNER.address
    assert [one["name"] for one in info.meta()["universe"]] == ["BTC", "ETH", "HYPE"]
    contexts = info.meta_and_asset_ctxs()[1]
    assert all(float(one["markPx"]) > 0 for one in contexts)
    assert set(info.all_mids()) == {"BTC", "ETH", "HYPE"}
    bids, asks = info.l2_snapshot("BTC")["levels"]
    assert len(bids) == len(asks) == 20
    assert float(bids[0]["px"]) < float(asks[0]["px"])
    assert info.candles_snapshot("BTC", "1m", 0, int(time.time() * 1_000) + 60_000)
    assert info.user_role(me) == {"role": "user"}
    assert info.user_rate_limit(me)["nRequestsCap"] >= 10_000
    assert info.user_fees(me)["userCrossRate"] == "0.00045"
    assert info.historical_orders(me)
    assert info.user_funding_history(me, 0) == info.funding_history("BTC", 0) == []
    assert info.query_sub_accounts(me) is None
    assert info.spot_meta()["universe"] == []
    assert info.spot_user_state(me)["balances"][0]["coin"] == "USDC"


def test_the_sdks_websocket_hears_books_trades_orders_and_fills(server: TwinServer, exchange: Exchange) -> None:
    info = Info(server.url, timeout=WAIT_S)
    heard: dict[str, queue.Queue] = {}
    user = {"user": OWNER.address}
    try:
        for kind, terms in {
            "l2Book": {"coin": "BTC"}, "trades": {"coin": "BTC"}, "bbo": {"coin": "BTC"}, "orderUpdates": user,
            "userFills": user, "userEvents": user, "allMids": {}, "activeAssetCtx": {"coin": "BTC"},
            "candle": {"coin": "BTC", "interval": "1m"}, "userFundings": user,
        }.items():  # fmt: skip
            heard[kind] = queue.Queue()
            info.subscribe({"type": kind, **terms}, heard[kind].put)
        assert heard["userFills"].get(timeout=WAIT_S)["data"]["isSnapshot"] is True
        oid = statuses(exchange.market_open("BTC", True, 0.02))[0]["filled"]["oid"]
        fill = next_of(heard["userFills"], lambda data: data["fills"] and data["fills"][-1]["oid"] == oid)["fills"][-1]
        next_of(heard["orderUpdates"], lambda data: (data[-1]["order"]["oid"], data[-1]["status"]) == (oid, "filled"))
        next_of(heard["userEvents"], lambda data: fill in data.get("fills", ()))
        trade = next_of(heard["trades"], lambda data: fill["tid"] in [row["tid"] for row in data])[-1]
        assert trade["users"][0] == OWNER.address.lower()
        for kind in ("l2Book", "bbo", "allMids", "activeAssetCtx", "candle", "userFundings"):
            assert heard[kind].get(timeout=WAIT_S)["channel"] == kind
    finally:
        hang_up(info)
    statuses(exchange.market_close("BTC"))


def next_of(heard: queue.Queue, wanted: Callable[[object], object]) -> object:
    """The data of the first message that is wanted; one that never comes fails by the queue's timeout."""
    while not wanted(data := heard.get(timeout=WAIT_S)["data"]):
        pass
    return data


def hang_up(info: Info) -> None:
    """Its thread ends itself at the next book; closed from here, it would notice ten seconds later."""
    manager: Thread = info.ws_manager
    manager.ws.keep_running = False
    manager.join(WAIT_S)
    assert not manager.is_alive()
    info.disconnect_websocket()
    info.session.close()


# -- ccxt --------------------------------------------------------------------------------------------------------------


def test_ccxt_trades_and_watches(server: TwinServer, twin: HyperliquidTwin) -> None:
    asyncio.run(asyncio.wait_for(ccxt_session(server), WAIT_S))
    assert twin.duplicates_received == 0
    assert twin.position(OTHER.address, "HYPE") == 0


async def ccxt_session(server: TwinServer) -> None:
    venue = ccxt.pro.hyperliquid({
        "walletAddress": OTHER.address, "privateKey": OTHER.key.hex(),
        "options": {"builderFee": False, "refSet": True, "sandboxMode": True},
    })  # fmt: skip
    streams = "ws" + server.url.removeprefix("http") + "/ws"
    venue.urls["api"] = {"public": server.url, "private": server.url, "ws": {"public": streams}}
    try:
        await venue.load_markets()
        symbol = "HYPE/USDC:USDC"
        book = await venue.watch_order_book(symbol)
        assert book["bids"][0][0] < book["asks"][0][0]
        bought = await venue.create_order(symbol, "market", "buy", 2, book["asks"][0][0])
        assert bought["filled"] == 2
        assert (await venue.fetch_positions([symbol]))[0]["contracts"] == 2
        orders = asyncio.create_task(venue.watch_orders(symbol))  # asked for before what comes next is answered
        trades = await venue.watch_my_trades(symbol)
        assert trades[-1]["amount"] == 2
        assert [row["contracts"] for row in await venue.watch_positions([symbol])] == [2]
        resting = await venue.create_order_ws(symbol, "limit", "buy", 2, 40, {"postOnly": True})
        assert [order["id"] for order in await orders] == [resting["id"]]
        assert [order["id"] for order in await venue.fetch_open_orders(symbol)] == [resting["id"]]
        assert (await venue.fetch_order(resting["id"], symbol))["status"] == "open"
        await venue.cancel_order(resting["id"], symbol)
        assert await venue.fetch_open_orders(symbol) == []
        sold = await venue.create_order(symbol, "market", "sell", 2, book["bids"][0][0], {"reduceOnly": True})
        assert sold["filled"] == 2
        assert (await venue.fetch_balance({"type": "swap"}))["total"]["USDC"] < 1_000_000
    finally:
        await venue.close()
