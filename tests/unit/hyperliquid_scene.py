"""A session of Hyperliquid driven by hand in virtual time, and a venue small enough to see through.

The venue keeps positions and fills of everybody who trades and answers like the real one; what it tells and what it
hides is up to the test. The engine's own state hears everything that the session tells.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from pilotfish.domain.events import Configured, Event, InstrumentListed, LeadListed
from pilotfish.domain.instrument import Instrument, Kind, TickRule
from pilotfish.domain.mandate import Route
from pilotfish.domain.orders import Query
from pilotfish.engine.state import State
from pilotfish.engine.step import step
from pilotfish.gate.gate import approve_always
from pilotfish.venues.hyperliquid.accounts import Settings
from pilotfish.venues.hyperliquid.public.leads import ALL_KINDS
from pilotfish.venues.hyperliquid.session import HyperliquidSession
from pilotfish.venues.hyperliquid.wire.actions import Listed
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.session import Ask, Close, Open, Send

T0 = 1_784_683_656_000_000_000
MS = 1_000_000
SECOND = 1_000 * MS
ALICE, BOB, CAROL = (f"0x{digit * 40}" for digit in "abc")
CROWD = f"0x{'9' * 40}"
SETTINGS = Settings(mainnet=False, ws_url="wss://venue/ws", http_url="https://venue", journal=1)


def perp(number: int, symbol: str, size_decimals: int = 2) -> Listed:
    instrument = Instrument(
        number, symbol, "hyperliquid", Kind.PERP, size_decimals, 6 - size_decimals, tick_rule=TickRule.SIGNIFICANT,
        tick=5, max_leverage=10,
    )  # fmt: skip
    return Listed(instrument, number)


BTC, ETH, TSLA = perp(0, "BTC", 5), perp(1, "ETH", 4), perp(2, "xyz:TSLA")
LISTED = (BTC, ETH, TSLA)


class Venue:
    """Who holds what, and every fill."""

    def __init__(self) -> None:
        self.positions: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self.fills: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.values: dict[str, str] = {}
        self.spot: dict[str, str] = {}
        self.books: dict[str, tuple[str, str]] = {}
        self.page = 2_000
        self.newest_first = False
        self.skew_ms = 0
        self.fills_behind_ms = 0  # how late fills are to be had
        self.frozen: dict[str, dict[str, Decimal]] | None = None  # positions that are stated though they are old
        self._tids = 1_000

    def trade(self, buyer: str, seller: str, coin: str, size: str, ms: int, price: str = "100", **more) -> dict:
        self._tids += 1
        for user, side, sign in ((buyer, "B", 1), (seller, "A", -1)):
            start = self.positions[user][coin]
            self.positions[user][coin] = start + sign * Decimal(size)
            self.fills[user].append(
                {"coin": coin, "px": price, "sz": size, "side": side, "time": ms, "startPosition": f"{start:f}",
                 "dir": "x", "closedPnl": "0", "hash": "0x0", "oid": self._tids, "crossed": True, "fee": "0",
                 "tid": self._tids} | more
            )  # fmt: skip
        return {
            "coin": coin, "side": "B", "px": price, "sz": size, "time": ms, "tid": self._tids, "hash": "0x0",
            "users": [buyer, seller],
        }  # fmt: skip

    def answer(self, body: dict[str, Any], ms: int) -> Any:
        ms += self.skew_ms
        if body["type"] == "clearinghouseState":
            return self._state(body, ms)
        if body["type"] == "userFillsByTime":
            rows = [
                row for row in self.fills[body["user"]]
                if body["startTime"] <= row["time"] <= min(body.get("endTime", ms), ms - self.fills_behind_ms)
            ]  # fmt: skip
            return rows[::-1][: self.page] if self.newest_first else rows[: self.page]
        if body["type"] == "l2Book":
            bid, ask = self.books.get(body["coin"], ("99", "101"))
            return book(body["coin"], bid, ask, ms)
        if body["type"] == "spotClearinghouseState":
            total = self.spot.get(body["user"], "0.0")
            return {"balances": [{"coin": "USDC", "token": 0, "total": total, "hold": "0.0", "entryNtl": "0.0"}]}
        raise AssertionError(f"not asked for here: {body}")

    def _state(self, body: dict[str, Any], ms: int) -> dict:
        user, dex = body["user"], body.get("dex", "")
        rows = [
            {"type": "oneWay", "position": {
                "coin": coin, "szi": f"{size:f}", "leverage": {"type": "cross", "value": 5}, "entryPx": "100",
                "positionValue": f"{abs(size) * 100:f}", "unrealizedPnl": "0", "returnOnEquity": "0",
                "marginUsed": "0"}}
            for coin, size in (self.frozen or self.positions)[user].items() if size and coin.rpartition(":")[0] == dex
        ]  # fmt: skip
        value = self.values.get(user, "1000.0") if not dex else "0.0"
        margin = {"accountValue": value, "totalNtlPos": "0", "totalRawUsd": "0", "totalMarginUsed": "0"}
        return {
            "assetPositions": rows, "crossMarginSummary": margin, "marginSummary": margin, "withdrawable": "0",
            "time": ms,
        }  # fmt: skip


def book(coin: str, bid: str, ask: str, ms: int, size: str = "1") -> dict:
    sides = [[{"px": px, "sz": size, "n": 1}] if px else [] for px in (bid, ask)]
    return {"coin": coin, "levels": sides, "time": ms}


class Scene:
    """`hears`: whether what the venue says reaches us. HTTP is answered at once unless `asks_wait`."""

    def __init__(
        self, leads: tuple[str, ...] = (ALICE,), watch: tuple[int, ...] = (), listed=LISTED, kinds=ALL_KINDS, **settings
    ):
        self.venue, self.now = Venue(), T0
        self.told: list[Event] = []
        self.sent: list[dict] = []
        self.opens: list[Open] = []
        self.closes = 0
        self.asked: list[dict] = []
        self.waiting: list[tuple[Ask, dict]] = []
        self.asks_wait = False
        self.fails: Callable[[dict], bool] = lambda body: False
        self.status = 200
        self.refuses: tuple[str, ...] = ()  # coins
        self.confirms = self.pongs = self.hears = self.connects = True
        self.stands = False
        self.listens = True  # the engine
        self.state = State()
        self._engine(leads, listed)
        self.session = HyperliquidSession(
            msgspec.structs.replace(SETTINGS, **settings), Listing(listed), leads, (), None, watch=watch, kinds=kinds
        )

    def _engine(self, leads: tuple[str, ...], listed) -> None:
        step(self.state, Configured(T0, T0, 0, Route.OMNIBUS))
        for one in listed:
            step(self.state, InstrumentListed(T0, T0, one.instrument))
        for number, name in enumerate(leads):
            step(self.state, LeadListed(T0, T0, number, name, 10**9))

    # -- driving -------------------------------------------------------------------------------------------------------

    @property
    def ms(self) -> int:
        """The venue's own clock."""
        return self.now // MS + self.venue.skew_ms

    def start(self) -> "Scene":
        self.session.start(self.now)
        self.drain()
        return self

    def run(self, seconds: float) -> None:
        """Let time pass; every step at most a tenth of a second, as a driver would at least."""
        until = self.now + int(seconds * SECOND)
        while self.now < until:
            due = self.session.next_ns()
            self.now = min(until, max(self.now + MS, min(due or until, self.now + SECOND // 10)))
            self.session.tick(self.now)
            self.drain()

    def drain(self) -> None:
        while self.session.out:
            out, self.session.out = self.session.out, []
            for one in out:
                self._carry(one)
        told, self.session.told = self.session.told, []
        self.told += told
        for event in told if self.listens else ():
            step(self.state, event)
        assert self.state.quarantined == 0

    def _carry(self, one) -> None:
        if isinstance(one, Open):
            self.opens.append(one)
            if self.connects:
                self.now += one.wait_ns
                self.stands = True
                self.session.opened(one.name, self.now)
        elif isinstance(one, Close):
            self.closes += 1
            self.stands = False
        elif isinstance(one, Ask):
            body = json.loads(one.body)
            self.asked.append(body)
            if self.asks_wait:
                self.waiting.append((one, body))
            else:
                self.reply(one, body)
        elif isinstance(one, Send):
            message = json.loads(one.data)
            self.sent.append(message)
            self._answer(message)

    def reply(self, ask: Ask, body: dict) -> None:
        if self.fails(body):
            self.session.failed(ask.id, "timeout", self.now)
        else:
            raw = json.dumps(self.venue.answer(body, self.now // MS)).encode()
            self.session.answered(ask.id, self.status, {}, raw, self.now)

    def reply_all(self) -> None:
        """Answer what waits, and what follows from that."""
        self.asks_wait = False
        waiting, self.waiting = self.waiting, []
        for ask, body in waiting:
            self.reply(ask, body)
        self.drain()

    def _answer(self, message: dict) -> None:
        if message["method"] == "ping" and self.pongs:
            self.push({"channel": "pong"})
        elif message["method"] == "subscribe" and self.confirms:
            subscription = message["subscription"]
            if subscription.get("coin") in self.refuses:
                text = f"Invalid subscription {json.dumps(subscription)}"
                return self.push({"channel": "error", "data": text})
            self.push(
                {"channel": "subscriptionResponse", "data": message | {"subscription": subscription | {"x": None}}}
            )

    # -- what the venue says -------------------------------------------------------------------------------------------

    def push(self, frame: dict | bytes) -> None:
        if self.hears and self.stands:
            raw = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
            self.session.frame("main", raw, self.now)

    def say(self, channel: str, data: object) -> None:
        self.push({"channel": channel, "data": data})
        self.drain()

    def book(self, coin: str, bid: str, ask: str, size: str = "1", at: int | None = None) -> None:
        self.venue.books[coin] = (bid, ask)
        self.say("l2Book", book(coin, bid, ask, self.ms if at is None else at, size))

    def trade(self, buyer: str, seller: str, coin: str, size: str, *, heard: bool = True, **more) -> dict:
        trade = self.venue.trade(buyer, seller, coin, size, self.ms, **more)
        if heard:
            self.say("trades", [trade])
        return trade

    def lose(self) -> None:
        """The stream breaks, and the next one stands at once."""
        self.stands = False
        self.session.lost("main", "reset", self.now)
        self.drain()

    def cut(self) -> None:
        """The stream breaks, and none can be opened until it is `back`."""
        self.connects = False
        self.lose()

    def back(self) -> None:
        self.connects = self.stands = True
        self.session.opened("main", self.now)
        self.drain()

    def query(self, cursor: int = 0, coids: tuple[int, ...] = ()) -> None:
        self.session.submit([approve_always(Query(cursor, coids), self.state.guard)], self.now)
        self.drain()

    # -- reading -------------------------------------------------------------------------------------------------------

    def of(self, kind: type) -> list:
        return [event for event in self.told if isinstance(event, kind)]

    def forget(self) -> None:
        self.told.clear()
        self.asked.clear()
        self.sent.clear()

    def engine_holds(self, lead: int = 0) -> dict[str, int]:
        """What the engine believes a lead holds, by coin, in lots."""
        positions = self.state.leads[lead].positions
        return {self.state.listings[key].instrument.symbol: lots for key, lots in positions.items() if lots}

    def venue_holds(self, address: str) -> dict[str, int]:
        held = self.venue.positions[address]
        units = {one.instrument.symbol: one.instrument for one in LISTED}
        return {coin: units[coin].lots(size) for coin, size in held.items() if size}

    def agree(self, *addresses: str) -> None:
        """The engine holds of every lead what the venue holds."""
        for lead, address in enumerate(addresses):
            assert self.engine_holds(lead) == self.venue_holds(address)
