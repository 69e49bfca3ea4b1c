"""What the twin answers has the fields that the recorded venue's answers have, and of the same kinds.

The tables whose codecs read recordings are held against them in `test_hyperliquid_messages`; here the recording is held
against the twin, so that a client that works with one works with the other.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pilotfish.venues.hyperliquid.wire import codec
from pilotfish.venues.twins.hyperliquid.settings import Coin, HyperliquidSettings
from tests.unit.twin_hyperliquid_scene import AGENT, ME, MS, SECOND, Scene, order, trigger

# Fields that came or went since the recordings of 2023 to 2025, and those a row has only sometimes.
NEWER = {
    "cloid", "origSz", "feeToken", "twapId", "tid", "cumFunding", "maxLeverage", "time", "tif",
    "crossMaintenanceMarginUsed",
    "reduceOnly", "nRequestsSurplus", "liquidation", "marginTables", "collateralToken", "marginTableId", "builderFee",
}  # fmt: skip
GONE = {"maxTradeSzs", "deployerFee", "builder", "onlyIsolated"}
KINDS = (
    "clearinghouseState", "openOrders", "frontendOpenOrders", "historicalOrders", "userFills", "userFillsByTime",
    "userFunding", "userRateLimit", "l2Book", "candleSnapshot", "extraAgents", "userRole", "fundingHistory", "meta",
    "allMids",
)  # fmt: skip


def recorded(data: Path) -> Iterator[tuple[str, Any]]:
    for file in sorted((data / "hyperliquid/info-responses").glob("*.yaml")):
        document = yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for exchange in document["interactions"]:
            kind = json.loads(exchange["request"]["body"])["type"]
            yield kind, json.loads(exchange["response"]["body"]["string"])


@pytest.fixture(scope="module")
def answers(shared_data: Path) -> dict[str, Any]:
    return dict(recorded(shared_data))


@pytest.fixture(scope="module")
def scene() -> Scene:
    """An account with a position, resting orders, a past, an agent and a funding."""
    hour = 3_600 * 10**9
    scene = Scene(start=(1_790_000_000 * 10**9 // hour + 1) * hour - 5 * 10**9)
    scene.twin.approve_agent(ME, AGENT.address, "pilot")
    scene.place(order(1, "0.1", "70000"), order(1, "0.1", "60000", "Gtc"), trigger(-1, "0.1", "50000", "55000"))
    scene.place(order(1, "0.1", "50000"))
    scene.advance(10)
    return scene


def ask(scene: Scene, kind: str) -> Any:
    candles = {"coin": "BTC", "interval": "1m", "startTime": 0, "endTime": scene.now // MS}
    return scene.mine(kind, coin="BTC", startTime=0, req=candles)


def shape(value: Any) -> Any:
    """The kinds of a value: of a dictionary by field, of a list those of all its members together."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        merged: Any = None
        for inner in value:
            merged = _both(merged, shape(inner))
        return [merged]
    return {bool: "flag", int: "number", float: "number", str: "text", type(None): None}[type(value)]


def _both(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _both(one.get(name), other.get(name)) for name in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        return [_both(one[0], other[0])]
    return other if one is None else one


def differences(theirs: Any, ours: Any, where: str = "") -> list[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        missing = [f"{where}.{name} is missing" for name in theirs if name not in ours and name not in GONE]
        more = [f"{where}.{name} is ours alone" for name in ours if name not in theirs and name not in NEWER]
        both = [d for n in theirs if n in ours for d in differences(theirs[n], ours[n], f"{where}.{n}")]
        return missing + more + both
    if isinstance(theirs, list) and isinstance(ours, list):
        return differences(theirs[0], ours[0], f"{where}[]")
    return [f"{where}: {theirs} there, {ours} here"] if None not in (theirs, ours) and theirs != ours else []


@pytest.mark.parametrize("kind", KINDS)
def test_the_twin_answers_in_the_recorded_venues_shape(kind: str, answers: dict[str, Any], scene: Scene) -> None:
    theirs, ours = answers[kind], ask(scene, kind)
    assert ours
    if kind == "allMids":  # its fields are coins
        theirs, ours = list(theirs.values()), list(ours.values())
    if kind == "userRole":
        theirs, ours = theirs["role"], ours["role"]
    assert differences(shape(theirs), shape(ours)) == []


def test_a_difference_would_be_seen() -> None:
    theirs, ours = shape([{"a": "1", "b": [{"c": 1}]}]), shape([{"a": 1, "b": [{"d": 1}]}])
    assert set(differences(theirs, ours)) == {
        "[].a: text there, number here", "[].b[].c is missing", "[].b[].d is ours alone",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in codec.INFO])
def test_what_the_twin_answers_our_codec_reads_and_writes_again(kind: str, scene: Scene) -> None:
    raw = ask(scene, kind)
    assert json.loads(codec.encode(codec.INFO[kind].decode(json.dumps(raw)))) == raw


# -- recorded leads ----------------------------------------------------------------------------------------------------

SPEED = 500.0
SAME = ("coin", "px", "sz", "side", "startPosition", "tid", "crossed")


def decimals(rows: list[dict]) -> int:
    return max(len(row["sz"].rstrip("0").partition(".")[2]) for row in rows)


@pytest.mark.parametrize("number", [2, 3, 4, 10])
def test_a_recorded_lead_trades_on_the_twin_what_it_traded(number: int, shared_data: Path) -> None:
    """Every fill in its order, from the position it states to where the last one leaves it."""
    file = shared_data / f"hyperliquid/leaders-2026-07/leader_acc{number}.json.gz"
    rows = sorted(json.loads(gzip.decompress(file.read_bytes()))["fills"], key=lambda row: row["time"])
    by_coin = {name: [row for row in rows if row["coin"] == name] for name in sorted({row["coin"] for row in rows})}
    coins = tuple(Coin(name, decimals(mine), 10, mine[0]["px"]) for name, mine in by_coin.items())
    scene, lead = Scene(HyperliquidSettings(coins=coins, tick_ns=SECOND)), f"0x{number:040x}"
    scene.twin.play(lead, codec.USER_FILLS.decode(json.dumps(rows)), scene.now, SPEED)
    scene.advance((rows[-1]["time"] - rows[0]["time"]) / 1_000 / SPEED + 1)
    assert scene.twin.counters()["unplayable"] == 0
    played = json.loads(codec.encode(scene.twin.fills_of(lead)))
    for name, mine in by_coin.items():
        again = [row for row in played if row["coin"] == name]
        assert [{field: row[field] for field in SAME} for row in again] == [
            {field: row[field] for field in SAME} for row in mine
        ]
        ended = float(mine[-1]["startPosition"]) + float(mine[-1]["sz"]) * (1 if mine[-1]["side"] == "B" else -1)
        assert scene.twin.position(lead, name) == round(ended * 10 ** decimals(mine))
