"""Wallets as the data API and gamma show them, and leads whose recorded trades are played."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.recordings import read_recordings
from pilotfish.venues.twins.polymarket.markets import Listing, listing
from pilotfish.venues.twins.polymarket.people import LeadTrade, lead_trades
from tests.unit.twin_polymarket_scene import MONEY, RAIN, SECOND, START, Scene, book

YES, NO = RAIN.tokens
LEAD = "0x" + "Ab" * 20


def played(speed: float = 1.0) -> Scene:
    scene = Scene()
    trades = [
        LeadTrade(50 * SECOND, YES, -1, 40 * MONEY, 600_000),
        LeadTrade(10 * SECOND, YES, 1, 100 * MONEY, 500_000),
        LeadTrade(30 * SECOND, NO, 1, 10 * MONEY, 450_001),
    ]
    scene.twin.play(LEAD, trades, START + 5 * SECOND, speed)
    return scene


def test_a_leads_trade_is_on_the_tape_at_once_and_in_the_data_api_later() -> None:
    scene = played()
    stream = scene.market(YES, NO)
    scene.wait(5)
    (printed,) = scene.told(stream, "last_trade_price")
    assert (printed["price"], printed["size"], printed["side"]) == ("0.5", "100", "BUY")
    assert scene.ask("GET", f"/activity?user={LEAD}")[1] == []
    scene.wait(4)
    (told,) = scene.ask("GET", f"/activity?user={LEAD}")[1]
    assert (told["type"], told["side"], told["asset"], told["size"], told["price"], told["usdcSize"]) == (
        "TRADE", "BUY", YES, 100.0, 0.5, 50.0
    )  # fmt: skip
    assert (told["timestamp"], told["proxyWallet"]) == (START // SECOND + 5, LEAD.lower())


def test_trades_are_as_far_apart_as_they_were_or_closer() -> None:
    for speed, seconds in ((1.0, [5, 25, 45]), (4.0, [5, 10, 15])):
        scene = played(speed)
        scene.wait(60)
        rows = scene.ask("GET", f"/trades?user={LEAD}")[1]
        assert [row["timestamp"] - START // SECOND for row in reversed(rows)] == seconds


def test_positions_follow_a_leads_trades() -> None:
    scene = played()
    scene.wait(60)
    yes, no = scene.ask("GET", f"/positions?user={LEAD}")[1]
    assert (yes["asset"], yes["size"], yes["avgPrice"], yes["realizedPnl"]) == (YES, 60.0, 0.5, 4.0)
    assert (no["asset"], no["size"], no["oppositeAsset"]) == (NO, 10.0, YES)
    assert scene.ask("GET", f"/value?user={LEAD}")[1][0]["value"] == pytest.approx(60 * 0.6 + 10 * 0.4)


def test_a_lead_redeems_what_has_won_some_time_after_the_resolution() -> None:
    scene = played()
    scene.wait(60)
    scene.twin.resolve(0, 0)
    scene.wait(20)
    assert {row["redeemable"] for row in scene.ask("GET", f"/positions?user={LEAD}")[1]} == {True}
    scene.wait(30)
    redeemed = scene.ask("GET", f"/activity?user={LEAD}&type=REDEEM")[1]
    assert [(row["usdcSize"], row["asset"], row["outcomeIndex"]) for row in redeemed] == [(60.0, "", 999)]
    assert scene.ask("GET", f"/positions?user={LEAD}")[1] == []


def test_our_own_trades_are_shown_once_they_are_mined() -> None:
    scene = Scene(strangers=book(RAIN, [(4900, 100)], [(5000, 50)]))
    trader = scene.trader()
    wallet = trader.account.wallet
    trader.placed(YES, "BUY", 0.5, 20)
    scene.wait(5)
    assert scene.ask("GET", f"/trades?user={wallet}")[1] == []
    scene.wait(2)
    (row,) = scene.ask("GET", f"/trades?user={wallet}&market={RAIN.condition}")[1]
    assert (row["size"], row["price"], row["side"]) == (20.0, 0.5, "BUY")
    scene.twin.resolve(0, 0)
    assert scene.twin.redeem(wallet, 0) == 20 * MONEY
    assert trader.account.money == 1_010 * MONEY


def test_the_list_of_trades_leaves_makers_out_unless_asked_for_them() -> None:
    scene = Scene()
    maker, taker = scene.trader(1), scene.trader(2)
    maker.placed(YES, "BUY", 0.5, 20)
    taker.placed(NO, "BUY", 0.5, 20)
    scene.wait(10)
    asked = f"/trades?user={maker.account.wallet}"
    assert scene.ask("GET", asked)[1] == []
    assert len(scene.ask("GET", asked + "&takerOnly=false")[1]) == 1
    assert len(scene.ask("GET", f"/activity?user={maker.account.wallet}")[1]) == 1
    (mine,), (theirs,) = (scene.ask("GET", f"/activity?user={t.account.wallet}")[1] for t in (maker, taker))
    assert mine["transactionHash"] == theirs["transactionHash"]


def test_pairs_are_split_and_merged() -> None:
    scene = Scene()
    trader = scene.trader(money=100)
    wallet = trader.account.wallet
    scene.twin.split(wallet, 0, 30 * MONEY + 1)
    scene.twin.split(wallet, 0, -10 * MONEY)
    assert trader.account.money == 80 * MONEY - 1
    assert trader.account.tokens[YES] == trader.account.tokens[NO] == 20 * MONEY + 1
    scene.wait(5)
    kinds = [row["type"] for row in scene.ask("GET", f"/activity?user={wallet}")[1]]
    assert sorted(kinds) == ["MERGE", "SPLIT"]
    assert [row["size"] for row in scene.ask("GET", f"/positions?user={wallet}")[1]] == [20.000001, 20.000001]


def rpc(scene: Scene, method: str, *params: Any) -> Any:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return scene.ask("POST", "/rpc", body=msgspec.json.encode([call]))[1][0]


def test_the_chain_logs_a_trade_for_whose_order_it_is() -> None:
    scene = played()
    wallet = "0x" + "00" * 12 + LEAD[2:].lower()
    scene.wait(60)
    head = int(rpc(scene, "eth_blockNumber")["result"], 16)
    asked = {"fromBlock": hex(head - 40), "toBlock": hex(head), "topics": [None, None, [wallet]]}
    logs = rpc(scene, "eth_getLogs", asked)["result"]
    rows = scene.ask("GET", f"/trades?user={LEAD}")[1]
    assert [log["transactionHash"] for log in logs] == [row["transactionHash"] for row in reversed(rows)]
    words = [int(logs[2]["data"][2 + 64 * k :][:64], 16) for k in range(4)]
    assert words == [1, int(YES), 40 * MONEY, 24 * MONEY]
    assert rpc(scene, "eth_getLogs", asked | {"address": "0x" + "00" * 20})["result"] == []
    assert rpc(scene, "eth_getLogs", asked | {"fromBlock": 7})["error"]["code"] == -32602
    assert rpc(scene, "eth_call")["error"]["code"] == -32601
    assert rpc(scene, "eth_chainId")["result"] == "0x89"


def test_a_lead_trades_by_itself_from_the_seed_until_it_rests() -> None:
    def rows(seconds: int) -> list[dict[str, Any]]:
        scene = Scene(strangers=book(RAIN, [(4900, 100)], [(5000, 50)]))
        scene.twin.trade_by_itself(LEAD, 0)
        scene.wait(60)
        scene.twin.rest()
        scene.wait(seconds)
        return list(scene.ask("GET", f"/trades?user={LEAD}")[1])

    first = rows(5)
    assert first == rows(60)
    assert len(first) > 5
    assert {(row["side"], row["outcome"], row["price"]) for row in first} >= {
        ("BUY", "Yes", 0.5), ("BUY", "No", 0.51), ("SELL", "Yes", 0.49)
    }  # fmt: skip
    held = {"Yes": 0.0, "No": 0.0}
    for row in reversed(first):
        held[row["outcome"]] += row["size"] if row["side"] == "BUY" else -row["size"]
        assert held[row["outcome"]] > -1e-9


def test_credentials_can_be_had_without_asking_over_the_wire() -> None:
    scene = Scene()
    trader = scene.trader()
    key = scene.twin.api_key(trader.signer.address.lower())
    assert (key.key, key.secret) == (trader.key, trader.secret)
    assert key.secret not in repr(key)
    assert scene.twin.api_key("0x" + "11" * 20).owner == "0x" + "11" * 20


def test_gamma_lists_markets_by_what_is_asked() -> None:
    scene = Scene((RAIN, listing("And snow?", tick=10, neg_risk=True)))
    both = scene.ask("GET", "/markets")[1]
    assert [(row["slug"], row["orderPriceMinTickSize"], row["negRisk"]) for row in both] == [
        ("will-it-rain", 0.01, False), ("and-snow", 0.001, True)
    ]  # fmt: skip
    assert scene.ask("GET", f"/markets?condition_ids={RAIN.condition}&condition_ids=0x1")[1] == both[:1]
    assert scene.ask("GET", "/gamma/markets?slug=and-snow")[1] == both[1:]
    assert scene.ask("GET", f"/markets?clob_token_ids={NO}")[1] == both[:1]
    assert scene.ask("GET", "/markets/slug/and-snow")[1] == both[1]
    assert scene.ask("GET", "/markets?limit=1&offset=1")[1] == both[1:]
    scene.twin.resolve(0, 0)
    assert [row["closed"] for row in scene.ask("GET", "/markets?closed=true")[1]] == [True]
    won = scene.ask("GET", f"/markets/{RAIN.condition}")[1]["tokens"]
    assert [(token["outcome"], token["winner"]) for token in won] == [("Yes", True), ("No", False)]


def test_a_lead_is_not_played_where_its_tokens_are_not_listed() -> None:
    with pytest.raises(ConfigError, match="is not listed"):
        Scene().twin.play(LEAD, [LeadTrade(0, "7", 1, MONEY, 500_000)], START)


def test_a_recorded_wallet_is_played_and_shown_as_it_was(shared_data: Path) -> None:
    file = shared_data / "polymarket/activity-2026-02/whale1_activity.json.gz"
    (recording,) = read_recordings([file])
    trades = lead_trades(recording)
    assert len(trades) > 20
    tokens = sorted({trade.token for trade in trades})
    listed = tuple(
        Listing(condition=f"0x{n:064x}", tokens=(token, str(2**200 + n)), slug=f"m{n}")
        for n, token in enumerate(tokens)
    )
    scene = Scene(listed)
    scene.twin.play(LEAD, trades, START, speed=1e6)
    scene.wait(60)
    asked = f"/trades?user={LEAD}&limit=500&offset="
    rows = [row for n in range(0, len(trades), 500) for row in scene.ask("GET", asked + str(n))[1]]
    assert sorted((r["asset"], r["side"], round(r["size"] * MONEY), round(r["price"] * MONEY)) for r in rows) == sorted(
        (t.token, "BUY" if t.side > 0 else "SELL", t.lots, t.price) for t in trades
    )
