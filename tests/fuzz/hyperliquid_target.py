"""What is fuzzed of Hyperliquid: a frame through the codec into events, and the same one into a session that trades."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pilotfish.domain.errors import PilotfishError
from pilotfish.domain.events import Event
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Place, Tif
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.hyperliquid.accounts import Account, Settings
from pilotfish.venues.hyperliquid.session import HyperliquidSession
from pilotfish.venues.hyperliquid.wire.actions import Cloids
from pilotfish.venues.hyperliquid.wire.answers import Accepted
from pilotfish.venues.hyperliquid.wire.assets import Listing, perps, spots
from pilotfish.venues.hyperliquid.wire.books import bbo_top, book_top, depth, mark
from pilotfish.venues.hyperliquid.wire.codec import ALL_METAS, REPLY, SPOT_META, read_frame
from pilotfish.venues.hyperliquid.wire.messages import (
    BareBookFrame,
    BboFrame,
    BookFrame,
    CtxFrame,
    FillsFrame,
    Frame,
    FundingsFrame,
    OrdersFrame,
    PostFrame,
    SpotCtxFrame,
    TradesFrame,
)
from pilotfish.venues.hyperliquid.wire.replies import Asked, order_updates
from pilotfish.venues.hyperliquid.wire.told import funding, lead_fill, lead_trades, order_update, own_fill, sort_out
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.session import Send, Sign
from tests.fuzz.sound import check

T0 = 1_784_683_656_000_000_000
MS = T0 // 1_000_000
AGENT = Key(bytes(range(1, 33)))
MAIN, LEAD, CROWD = (f"0x{digit * 40}" for digit in "ab9")
CLOIDS = Cloids(77)
PLACE = Place(7, -1, 0, Side.BUY, 1_000, 664_100, Tif.GTC)
_META = ALL_METAS.decode(
    '[{"universe":[{"name":"BTC","szDecimals":5,"maxLeverage":40},{"name":"kPEPE","szDecimals":0,"maxLeverage":10}]}]'
)[0]
_SPOT = SPOT_META.decode(
    '{"universe":[{"name":"@107","tokens":[150,0],"index":107,"isCanonical":false}],"tokens":['
    '{"name":"USDC","szDecimals":8,"weiDecimals":8,"index":0,"tokenId":"0x1","isCanonical":true},'
    '{"name":"HYPE","szDecimals":2,"weiDecimals":8,"index":150,"tokenId":"0x2","isCanonical":true}]}'
)
LISTING = Listing([*perps(_META, 0), *spots(_SPOT, 2)])
COINS = tuple(LISTING.by_coin)


# -- frames as the venue writes them -----------------------------------------------------------------------------------


def book(
    coin: str = "BTC", bid: str = "66410.0", ask: str = "66411.0", size: str = "1.5", ms: int = MS
) -> dict[str, Any]:
    bids = [{"px": bid, "sz": size, "n": 6}]
    sides = [bids, [{"px": ask, "sz": "2", "n": 2}, {"px": "67000.0", "sz": "3", "n": 1}]]
    return {"channel": "l2Book", "data": {"coin": coin, "levels": sides, "time": ms}}


def _fill(coin: str, **more: Any) -> dict[str, Any]:
    return {
        "coin": coin, "px": "66410.0", "sz": "0.004", "side": "B", "time": MS, "startPosition": "-0.5",
        "dir": "Open Long",
        "closedPnl": "0.0", "hash": "0x0", "oid": 50, "crossed": True, "fee": "0.05", "tid": 9_000_001,
        "feeToken": "USDC",
        "cloid": CLOIDS.cloid(PLACE.coid), "twapId": None,
    } | more  # fmt: skip


def _order(status: str, left: str) -> dict[str, Any]:
    placed = {
        "coin": "BTC", "side": "B", "limitPx": "66410.0", "sz": left, "oid": 50, "timestamp": MS, "origSz": "0.01",
        "cloid": CLOIDS.cloid(PLACE.coid),
    }  # fmt: skip
    return {"order": placed, "status": status, "statusTimestamp": MS}


def _trade(coin: str, **more: Any) -> dict[str, Any]:
    users = [LEAD, CROWD]
    return {
        "coin": coin,
        "side": "B",
        "px": "66410",
        "sz": "2",
        "time": MS,
        "tid": 7,
        "hash": "0x0",
        "users": users,
    } | more


def _post(answer: object) -> dict[str, Any]:
    return {"channel": "post", "data": {"id": 1, "response": {"type": "action", "payload": answer}}}


def _accepted(*statuses: object) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": list(statuses)}}}


_LIQUIDATION = {"liquidatedUser": MAIN, "markPx": "66000.0", "method": "market"}
_FUNDING = {"time": MS, "coin": "BTC", "usdc": "-0.1", "szi": "2.0", "fundingRate": "0.0000125", "nSamples": None}
_CTX = {
    "funding": "0.0000125", "openInterest": "100.0", "prevDayPx": "65000.0", "dayNtlVlm": "1.5", "premium": "0.0001",
    "oraclePx": "66409.0", "markPx": "66410.0", "midPx": "66410.5", "impactPxs": ["66410.0", "66411.0"],
    "dayBaseVlm": "2",
}  # fmt: skip
_BBO = [{"px": "66410.0", "sz": "2", "n": 1}, {"px": "66411.0", "sz": "1", "n": 1}]
WRITTEN: list[dict[str, Any]] = [
    book(), book("kPEPE", "0.010141", "0.010142", "5"), book("@107", "31.2", "31.25"),
    {"channel": "bbo", "data": {"coin": "BTC", "time": MS, "bbo": _BBO}},
    {"channel": "bbo", "data": {"coin": "BTC", "time": MS, "bbo": [_BBO[0], None]}},
    {"channel": "trades", "data": [_trade("BTC"), _trade("@107", tid=8), _trade("kPEPE", tid=9, users=[CROWD, LEAD])]},
    {"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": _CTX}},
    {"channel": "activeSpotAssetCtx", "data": {"coin": "@107", "ctx": {
        "prevDayPx": "1", "dayNtlVlm": "2", "markPx": "31.2", "midPx": None, "circulatingSupply": "4"}}},
    {"channel": "orderUpdates", "data": [_order("open", "0.01"), _order("filled", "0.0"), _order("canceled", "0.005")]},
    {"channel": "userFills", "data": {"user": MAIN, "isSnapshot": True, "fills": [
        _fill("BTC"), _fill("@107", feeToken="HYPE", tid=2, sz="2"),
        _fill("kPEPE", tid=3, sz="40", startPosition="0", liquidation=_LIQUIDATION)]}},
    {"channel": "userFundings", "data": {"isSnapshot": False, "user": MAIN, "fundings": [_FUNDING]}},
    {"channel": "user", "data": {"nonUserCancel": [{"coin": "BTC", "oid": 50}]}},
    {"channel": "user", "data": {"liquidation": {"lid": 3, "liquidator": "0xa", "liquidated_user": MAIN,
                                                 "liquidated_ntl_pos": "10.0", "liquidated_account_value": "1.0"}}},
    {"channel": "subscriptionResponse", "data": {
        "method": "subscribe", "subscription": {"type": "l2Book", "coin": "BTC"}}},
    _post(_accepted({"resting": {"oid": 50, "cloid": CLOIDS.cloid(PLACE.coid)}})),
    _post(_accepted({"filled": {"totalSz": "0.01", "avgPx": "66410.0", "oid": 50}}, "success", {"error": "no"})),
    _post({"status": "err", "response": "Must deposit before performing actions. User: 0x1"}),
    {"channel": "error", "data": 'Already subscribed: {"type":"l2Book","coin":"BTC"}'},
    {"channel": "error", "data": "too many pending post requests id=1"},
    {"channel": "pong"},
]  # fmt: skip
PARTS_OF_RECORDINGS = 200


def seeds(shared_data: Path | None = None) -> list[bytes]:
    """Frames written here, and recorded ones where they lie beside the repository."""
    out = [json.dumps(one).encode() for one in WRITTEN]
    if shared_data is None or not shared_data.is_dir():
        return out
    for path in sorted((shared_data / "venue-messages/hyperliquid").glob("ws_*.json")):
        out.append(path.read_bytes())
    captured = shared_data / "venue-messages/hyperliquid_captured_frames.json"
    if captured.is_file():
        out += [json.dumps(one).encode() for one in json.loads(captured.read_text()).values() if isinstance(one, dict)]
    tape = shared_data / "hyperliquid/ws_btcusd_20250126.gz"
    if tape.is_file():
        with gzip.open(tape, "rt") as lines:
            out += [line.partition(" ")[2].encode() for _, line in zip(range(PARTS_OF_RECORDINGS), lines, strict=False)]
    return out


# -- the codec ---------------------------------------------------------------------------------------------------------


def told(frame: Frame, now_ns: int = T0) -> list[Event]:
    """Every event that a frame comes to, for whichever of our instruments. Raises PilotfishError alone."""
    out: list[Event] = []
    if isinstance(frame, BookFrame | BareBookFrame):
        instrument = LISTING.of(frame.data.coin).instrument
        depth(frame.data, instrument)
        out.append(book_top(frame.data, instrument, now_ns))
    elif isinstance(frame, BboFrame):
        out.append(bbo_top(frame.data, LISTING.of(frame.data.coin).instrument, now_ns))
    elif isinstance(frame, CtxFrame | SpotCtxFrame):
        out.append(mark(frame.data, LISTING.of(frame.data.coin).instrument, now_ns))
    elif isinstance(frame, PostFrame):
        reply = REPLY.decode(bytes(frame.data.response))
        count = len(WRITTEN) if not isinstance(reply, Accepted) else 1
        out += order_updates(reply, [Asked(PLACE, LISTING.of("BTC").instrument)] * count, now_ns)
    else:
        out += _rows(frame, now_ns)
    return out


def _rows(frame: Frame, now_ns: int) -> list[Event]:
    """Row by row: what cannot be used does not take its neighbours along."""
    rows: list[Callable[[], list[Event]]] = []
    of = LISTING.of
    if isinstance(frame, TradesFrame):
        rows = [
            lambda row=row: lead_trades(row, {LEAD: 0, CROWD: 1}, of(row.coin).instrument, now_ns) for row in frame.data
        ]  # type: ignore[misc]
    elif isinstance(frame, FillsFrame):
        for row in frame.data.fills:
            rows.append(lambda row=row: [lead_fill(row, 0, of(row.coin).instrument, now_ns)])  # type: ignore[misc]
            rows.append(lambda row=row: [own_fill(row, of(row.coin).instrument, CLOIDS, -1, MAIN, now_ns)])  # type: ignore[misc]
    elif isinstance(frame, OrdersFrame):
        rows = [
            lambda row=row: [order_update(row, of(row.order.coin).instrument, CLOIDS, now_ns)] for row in frame.data
        ]  # type: ignore[misc]
    elif isinstance(frame, FundingsFrame):
        rows = [
            lambda row=row: [funding(row, row.time or 0, of(row.coin).instrument, -1, 664_100, now_ns)]  # type: ignore[misc]
            for row in frame.data.fundings
        ]
    parts, _ = sort_out(rows, lambda row: row())
    return [event for part in parts for event in part]


def codec(raw: bytes) -> list[Event]:
    """One input of the fuzzer: events that are sound, or nothing; any error but a PilotfishError is a defect."""
    try:
        events = told(read_frame(raw))
    except PilotfishError:
        return []
    check(events)
    return events


# -- the session -------------------------------------------------------------------------------------------------------


def session(watch: tuple[int, ...] = (0, 1, 2), *, trades: bool = True) -> HyperliquidSession:
    """One that is up, follows a lead, and has an order resting."""
    keys = Keyring([AGENT])
    settings = Settings(False, "ws://venue/ws", "http://venue", CLOIDS.journal)
    accounts = [Account(-1, MAIN, AGENT.address)] if trades else []
    one = HyperliquidSession(settings, LISTING, [LEAD], accounts, keys if trades else None, watch=watch)
    one.start(T0)
    one.opened("main", T0)
    _confirm(one)
    if trades:
        one.submit([Approved(PLACE, _KEY)], T0)
        for sign in [out for out in one.out if isinstance(out, Sign)]:
            one.signed(sign.id, 0, [keys.sign(request) for request in sign.requests], T0)
        posts = [out for out in one.out if isinstance(out, Send) and b'"post"' in out.data]
        number = json.loads(posts[-1].data)["id"]
        answer = _post(_accepted({"resting": {"oid": 50, "cloid": CLOIDS.cloid(PLACE.coid)}}))
        answer["data"]["id"] = number
        one.frame("main", json.dumps(answer).encode(), T0)
    one.out.clear()
    one.told.clear()
    return one


def _confirm(one: HyperliquidSession) -> None:
    for out in [out for out in one.out if isinstance(out, Send)]:
        message = json.loads(out.data)
        if message.get("method") == "subscribe":
            one.frame("main", json.dumps({"channel": "subscriptionResponse", "data": message}).encode(), T0)


def feed(one: HyperliquidSession, raw: bytes, count: int) -> None:
    """One frame to a session, a millisecond after the last, and what it tells looked at."""
    now_ns = T0 + count * 1_000_000
    one.frame("main", raw, now_ns)
    one.tick(now_ns)
    check(one.told)
    one.told.clear()
    one.out.clear()
