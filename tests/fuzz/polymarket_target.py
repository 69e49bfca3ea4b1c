"""What is fuzzed of Polymarket: frames of both channels through the codec into books and trades, and into a session."""

import json
from pathlib import Path
from typing import Any

from pilotfish.domain.errors import PilotfishError
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Place, Tif
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.public.books import Book, change_of, price_of, side_of, stamp_ns, stated, unit_of
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.session import PolymarketSession
from pilotfish.venues.polymarket.settings import OMNIBUS, SECOND, Account, Credentials, Settings
from pilotfish.venues.polymarket.trading.settlement import size6_of
from pilotfish.venues.polymarket.trading.settlement import status as settlement_of
from pilotfish.venues.polymarket.wire.assets import Market, tick_of
from pilotfish.venues.polymarket.wire.codec import MARKET, USER
from pilotfish.venues.polymarket.wire.messages import Book as Snapshot
from pilotfish.venues.polymarket.wire.messages import (
    LastTrade,
    MarketMessage,
    PriceChanges,
    TickSizeChange,
    UserMessage,
    UserOrder,
)
from pilotfish.venues.polymarket.wire.stamps import moment_ns_or
from pilotfish.venues.polymarket.wire.statuses import order_status
from pilotfish.venues.session import Ask, Sign
from tests.fuzz.sound import check

T0 = 1_784_683_656 * SECOND
MS = T0 // 1_000_000
KEY = Key(bytes(range(1, 33)))
WALLET = "0x56687bf447db6ffa42ffe2204a05edaa20f55839"
CONDITION = "0xdd22472e552920b8438158ea7238bfadfa4f736aa4cee91a6b86c39ead110917"
YES = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
NO = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
API = Credentials("00000000-0000-0000-0000-000000000001", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=", "pass")
PLACE = Place(1, OMNIBUS, 0, Side.BUY, 1_000, 4_800, Tif.GTC)


def listing() -> Listing:
    both = Listing()
    both.add(Market(CONDITION, "rain", ((YES, "Yes"), (NO, "No")), 100, 500, False, True))
    return both


INSTRUMENT = next(iter(listing())).instrument


# -- frames as the venue writes them -----------------------------------------------------------------------------------


def book(token: str = YES, bid: str = "0.48", ask: str = "0.52", ms: int = MS) -> dict[str, Any]:
    return {
        "event_type": "book", "market": CONDITION, "asset_id": token, "timestamp": str(ms), "hash": "0xab",
        "bids": [{"price": "0.1", "size": "500"}, {"price": bid, "size": "100.5"}],
        "asks": [{"price": "0.9", "size": "500"}, {"price": ask, "size": "7"}],
        "last_trade_price": "0.5", "tick_size": "0.01", "min_order_size": "5", "neg_risk": False,
    }  # fmt: skip


def change(price: str = "0.49", size: str = "5", bid: str = "0.49", ms: int = MS + 1_000) -> dict[str, Any]:
    row = {
        "asset_id": YES,
        "price": price,
        "size": size,
        "side": "BUY",
        "hash": "0xac",
        "best_bid": bid,
        "best_ask": "0.52",
    }
    other = {"asset_id": NO, "price": "0.51", "size": size, "side": "SELL", "best_bid": "0.48", "best_ask": "0.51"}
    return {"event_type": "price_change", "market": CONDITION, "price_changes": [row, other], "timestamp": str(ms)}


def _order(name: str, kind: str, status: str, matched: str) -> dict[str, Any]:
    return {
        "event_type": "order", "id": name, "market": CONDITION, "asset_id": YES, "side": "BUY", "original_size": "10",
        "size_matched": matched, "price": "0.48", "type": kind, "status": status, "timestamp": str(MS + 1_000),
        "created_at": str(T0 // SECOND), "associate_trades": [], "order_type": "GTC", "owner": API.key,
    }  # fmt: skip


def _trade(name: str, status: str, *, taker: bool) -> dict[str, Any]:
    maker = {
        "order_id": "0x1" if taker else name,
        "matched_amount": "4",
        "price": "0.48",
        "asset_id": YES,
        "owner": API.key,
    }
    return {
        "event_type": "trade", "id": "t-1" if taker else "t-2", "taker_order_id": name if taker else "0x2",
        "market": CONDITION, "asset_id": YES, "side": "BUY" if taker else "SELL", "size": "4", "price": "0.48",
        "status": status, "maker_orders": [maker], "match_time": str(T0 // SECOND + 1), "trader_side": "TAKER",
        "fee_rate_bps": "0", "transaction_hash": "0xfe", "bucket_index": 0,
    }  # fmt: skip


PUBLIC: list[Any] = [
    book(), book(NO, "0.48", "0.52"), [book(), book(NO)], change(), change("0.49", "0", "0.48"),
    [change("0.50", "3", "0.50"), change("0.47", "11.25", "0.50")],
    {"event_type": "last_trade_price", "market": CONDITION, "asset_id": YES, "price": "0.5", "side": "BUY",
     "timestamp": str(MS), "size": "219.21", "fee_rate_bps": "0"},
    {"event_type": "tick_size_change", "market": CONDITION, "asset_id": YES, "old_tick_size": "0.01",
     "new_tick_size": "0.001", "timestamp": str(MS)},
    {"event_type": "best_bid_ask", "market": CONDITION, "asset_id": YES, "best_bid": "0.48", "best_ask": "0.52",
     "spread": "0.04", "timestamp": str(MS)},
    {"event_type": "market_resolved", "id": "1", "market": CONDITION, "timestamp": str(MS), "assets_ids": [YES, NO],
     "winning_asset_id": YES, "winning_outcome": "Yes"},
    {"event_type": "new_market", "id": "2", "market": "0x5", "timestamp": str(MS), "assets_ids": ["1", "2"]},
]  # fmt: skip


def private(name: str) -> list[Any]:
    """Frames of the user channel about the order of this id."""
    return [
        _order(name, "PLACEMENT", "LIVE", "0"), _order(name, "UPDATE", "LIVE", "4"),
        _order(name, "UPDATE", "MATCHED", "10"), _order(name, "CANCELLATION", "CANCELED", "4"),
        _trade(name, "MATCHED", taker=True), _trade(name, "FAILED", taker=True), _trade(name, "MINED", taker=False),
        [_trade(name, "CONFIRMED", taker=False), _order(name, "UPDATE", "LIVE", "8")],
    ]  # fmt: skip


def seeds(shared_data: Path | None = None) -> list[bytes]:
    """Frames written here, and recorded ones where they lie beside the repository."""
    out = [json.dumps(one).encode() for one in [*PUBLIC, *private(order_id())]]
    if shared_data is not None and shared_data.is_dir():
        folder = shared_data / "venue-messages/polymarket"
        out += [path.read_bytes() for path in sorted([*folder.glob("ws_*.json"), *folder.glob("ws/*.json")])]
    return out


# -- the codec ---------------------------------------------------------------------------------------------------------


def codec(raw: bytes) -> int:
    """One input of the fuzzer: how many messages could be used; any error but a PilotfishError is a defect."""
    used = 0
    for stream, take in ((MARKET, _market), (USER, _user)):
        heard = stream.hear(raw)  # type: ignore[attr-defined]
        for message in heard.messages:
            try:
                take(message)
            except PilotfishError:
                continue
            used += 1
    return used


def _market(message: MarketMessage) -> None:
    if isinstance(message, Snapshot):
        whole = Book()
        whole.replace(
            side_of(message.bids, INSTRUMENT), side_of(message.asks, INSTRUMENT), stamp_ns(message.timestamp), ""
        )
        _fits(whole)
    elif isinstance(message, PriceChanges):
        whole = Book(whole=True)
        for row in message.price_changes:
            whole.apply(change_of(row, INSTRUMENT, stamp_ns(message.timestamp)))
            assert all(0 <= (best or 0) < 10_000 for best in map(_stated, (row.best_bid, row.best_ask)))
        _fits(whole)
    elif isinstance(message, LastTrade):
        assert 0 < price_of(message.price, INSTRUMENT) < 10_000
        stamp_ns(message.timestamp)
    elif isinstance(message, TickSizeChange):
        assert tick_of(message.new_tick_size) > 0


def _stated(text: Any) -> int | None:
    return stated(text, INSTRUMENT)


def _fits(whole: Book) -> None:
    unit = unit_of(INSTRUMENT)
    bids, asks = whole.depth(unit)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    for side, top in ((bids, whole.top(unit)[:2]), (asks, whole.top(unit)[2:])):
        assert all(0 < price < 10_000 and 0 < lots < 2**63 for price, lots in side)
        assert top == (side[0] if side else (0, 0))
    assert 0 <= whole.mark(10_000) < 10_000
    assert 0 <= whole.venue_ns < 2**63


def _user(message: UserMessage) -> None:
    if isinstance(message, UserOrder):
        if isinstance(message.status, str):
            order_status(message.status)
        assert abs(size6_of(message.size_matched)) < 2**63
        assert abs(price_of(message.price, INSTRUMENT)) < 10_000
    else:
        settlement_of(message)
    assert 0 <= moment_ns_or(message.timestamp, 0) < 2**63


# -- the session -------------------------------------------------------------------------------------------------------


def session(watch: tuple[int, ...] = (0, 1)) -> PolymarketSession:
    """One whose streams are up, with an order on its way."""
    keys = Keyring([KEY])
    ours = Account(OMNIBUS, WALLET, KEY.address)
    one = PolymarketSession(Settings(journal=7), listing(), [], [ours], keys, {OMNIBUS: API}, watch=watch)
    one.start(T0)
    for stream in ("market", "user -1"):
        one.opened(stream, T0)
        one.frame(stream, b"PONG", T0)
    for out in [out for out in one.out if isinstance(out, Ask) and "/v1/heartbeats" in out.url]:
        one.answered(out.id, 200, {}, b'{"heartbeat_id":"beat"}', T0)
    one.frame("market", json.dumps([book(), book(NO)]).encode(), T0)
    one.submit([Approved(PLACE, _KEY)], T0)
    for sign in [out for out in one.out if isinstance(out, Sign)]:
        one.signed(sign.id, 0, [keys.sign(request) for request in sign.requests], T0)
    one.out.clear()
    check(one.told)
    one.told.clear()
    return one


def order_id() -> str:
    """Of the order that a session has on its way: the same every time, as its salt is."""
    return session().trading.working.orders[PLACE.coid].id


def feed(one: PolymarketSession, raw: bytes, count: int) -> None:
    """One frame to both streams of a session, a millisecond after the last, and what it tells looked at."""
    now_ns = T0 + count * 1_000_000
    one.frame("market", raw, now_ns)
    one.frame("user -1", raw, now_ns)
    one.tick(now_ns)
    check(one.told)
    one.told.clear()
    one.out.clear()
