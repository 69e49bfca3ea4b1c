"""A Polymarket session in virtual time, with everything it sends caught and every answer made by hand."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from pilotfish.domain.events import Connection, Event, Fill, OrderUpdate
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Command, OrderSignal, Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.session import PolymarketSession
from pilotfish.venues.polymarket.settings import OMNIBUS, SECOND, Account, Credentials, Settings
from pilotfish.venues.session import Ask, Close, Open, Send, Sign
from tests.unit.polymarket_samples import CONDITION, KEY, NO, WALLET, YES, market

T = TypeVar("T", bound=Event)
START = 1_784_683_656 * SECOND
MS = SECOND // 1_000
LEAD = "0x1111111111111111111111111111111111111111"
API = Credentials("00000000-0000-0000-0000-000000000001", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=", "pass")
YES_ID, NO_ID = 0, 1
Automatic = Callable[["Scene", Ask], tuple[int, Any] | None]

OURS = Account(OMNIBUS, WALLET, KEY.address)


class Scene:
    """`automatic`: (method, path) → what is answered at once; what is not there waits for `answer` or `fail`."""

    def __init__(
        self,
        accounts: Iterable[Account] = (OURS,),
        leads: Iterable[str] = (),
        watch: Iterable[int] = (YES_ID,),
        listed: bool = True,
        pongs: bool = True,
        keys: Keyring | None = None,
        **settings: Any,
    ) -> None:
        self.now, self.pongs = START, pongs
        self.listing = Listing()
        if listed:
            self.listing.add(market())
        self.accounts = list(accounts)
        self.session = PolymarketSession(
            Settings(journal=7, **settings), self.listing, list(leads), self.accounts,
            keys if keys is not None else Keyring([KEY]), {one.account: API for one in self.accounts}, watch=watch,
        )  # fmt: skip
        self.waiting: list[Ask] = []
        self.asked: list[Ask] = []
        self.sent: dict[str, list[Any]] = defaultdict(list)
        self.opens: list[Open] = []
        self.closed: list[str] = []
        self.signs: list[Sign] = []
        self.events: list[Event] = []
        self.beats = 0
        self.automatic: dict[tuple[str, str], Automatic] = {
            ("POST", "/v1/heartbeats"): _beat,
            ("GET", "/time"): lambda scene, ask: (200, scene.now // SECOND),
            ("GET", "/activity"): lambda scene, ask: (200, []),
            ("GET", "/positions"): lambda scene, ask: (200, []),
            ("POST", "/books"): lambda scene, ask: (200, []),
            ("GET", f"/markets/{CONDITION}"): lambda scene, ask: (200, by_rest()),
        }

    # -- the other end -------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Take what the session sends and tells, and answer what is answered at once."""
        while self.session.out or self.session.told:
            out, self.session.out = self.session.out, []
            self.events += self.session.told
            self.session.told = []
            for one in out:
                self._take(one)

    def _take(self, one: Any) -> None:
        if isinstance(one, Ask):
            self.asked.append(one)
            reply = self.automatic.get((one.method, path_of(one)))
            said = reply(self, one) if reply else None
            if said is None:
                self.waiting.append(one)
            else:
                self.session.answered(one.id, said[0], {}, msgspec.json.encode(said[1]), self.now)
        elif isinstance(one, Send):
            self.sent[one.name].append(one.data.decode())
            if self.pongs and one.data == b"PING":
                self.session.frame(one.name, b"PONG", self.now)
        elif isinstance(one, Open):
            self.opens.append(one)
        elif isinstance(one, Close):
            self.closed.append(one.name)
        elif isinstance(one, Sign):
            self.signs.append(one)

    def pending(self, path: str) -> Ask:
        """The oldest request to this path that nobody has answered."""
        found = [ask for ask in self.waiting if path_of(ask) == path]
        assert found, f"nothing waits for {path}: {[path_of(ask) for ask in self.waiting]}"
        return found[0]

    def is_pending(self, path: str) -> bool:
        return any(path_of(ask) == path for ask in self.waiting)

    def answer(
        self, path: str, body: Any = None, status: int = 200, headers: dict[str, str] | None = None, raw: bytes = b""
    ) -> Ask:
        ask = self.pending(path)
        self.waiting.remove(ask)
        self.session.answered(ask.id, status, headers or {}, raw or msgspec.json.encode(body), self.now)
        self.drain()
        return ask

    def fail(self, path: str) -> Ask:
        ask = self.pending(path)
        self.waiting.remove(ask)
        self.session.failed(ask.id, "timeout", self.now)
        self.drain()
        return ask

    def market(self, *messages: dict[str, Any]) -> None:
        self.frame("market", msgspec.json.encode(list(messages)))

    def user(self, *messages: dict[str, Any], account: int = OMNIBUS) -> None:
        self.frame(f"user {account}", msgspec.json.encode(list(messages)))

    def frame(self, name: str, raw: bytes) -> None:
        self.session.frame(name, raw, self.now)
        self.drain()

    # -- time ----------------------------------------------------------------------------------------------------------

    def until(self, path: str) -> None:
        """Let time pass until this is asked."""
        for _ in range(600):
            if self.is_pending(path):
                return
            self.advance(SECOND // 10)
        raise AssertionError(f"{path} is never asked: {[path_of(ask) for ask in self.waiting]}")

    def advance(self, ns: int) -> None:
        """Let time pass, a tick whenever one is wanted."""
        until = self.now + ns
        while (due := self.session.next_ns()) is not None and due <= until:
            self.now = max(self.now + 1, due)
            self.session.tick(self.now)
            self.drain()
        self.now = max(self.now, until)

    def up(self) -> "Scene":
        """Streams open, subscribed and proven; the watched books told."""
        self.session.start(self.now)
        self.drain()
        for one in list(self.opens):
            self.open(one.name)
        self.market(book(YES), book(NO))
        self.advance(10 * MS)
        assert self.of(Connection)[-1:]
        assert self.of(Connection)[-1].up
        return self

    def open(self, name: str) -> None:
        self.session.opened(name, self.now)
        self.drain()
        self.frame(name, b"PONG")

    def submit(self, *commands: Command) -> None:
        self.session.submit([Approved(one, _KEY) for one in commands], self.now)
        self.drain()

    # -- what came of it -----------------------------------------------------------------------------------------------

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def take(self, kind: type[T]) -> list[T]:
        """The same, and forget all events so far."""
        found = self.of(kind)
        self.events = []
        return found

    def id_of(self, coid: int) -> str:
        return self.session.trading.working.orders[coid].id


def _beat(scene: Scene, ask: Ask) -> tuple[int, Any]:
    scene.beats += 1
    return 200, {"heartbeat_id": f"beat {scene.beats}"}


def path_of(ask: Ask) -> str:
    return urlsplit(ask.url).path


def query_of(ask: Ask) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(ask.url).query).items()}


def body_of(ask: Ask) -> Any:
    return msgspec.json.decode(ask.body)


def place(coid: int, lots: int = 1_000, price: int = 5_000, tif: Tif = Tif.GTC, side: int = Side.BUY) -> Place:
    return Place(coid, OMNIBUS, YES_ID, side, lots, price, tif)


# -- the venue's messages ----------------------------------------------------------------------------------------------


def ms(ns: int) -> str:
    return str(ns // MS)


def book(
    token: str = YES, bid: str = "0.48", ask: str = "0.52", size: str = "100", at: int = START, **more: Any
) -> dict[str, Any]:
    return {
        "event_type": "book", "market": CONDITION, "asset_id": token, "timestamp": ms(at), "hash": f"{bid}{ask}{size}",
        "bids": [{"price": bid, "size": size}] if bid else [], "asks": [{"price": ask, "size": size}] if ask else [],
        **more,
    }  # fmt: skip


def change(
    price: str, size: str, side: str = "BUY", bid: str | None = None, ask: str | None = None, at: int = START + SECOND,
    token: str = YES,
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = {"asset_id": token, "price": price, "size": size, "side": side, "hash": f"{price}{size}"}
    row |= {"best_bid": bid} if bid is not None else {}
    row |= {"best_ask": ask} if ask is not None else {}
    return {"event_type": "price_change", "market": CONDITION, "price_changes": [row], "timestamp": ms(at)}


def order(
    name: str, kind: str, status: str = "", matched: str = "0", size: str = "10", price: str = "0.5"
) -> dict[str, Any]:
    return {
        "event_type": "order", "id": name, "market": CONDITION, "asset_id": YES, "side": "BUY", "original_size": size,
        "size_matched": matched, "price": price, "type": kind, "status": status, "timestamp": ms(START + SECOND),
    }  # fmt: skip


def maker(name: str, amount: str, price: str, token: str = YES) -> dict[str, Any]:
    return {"order_id": name, "matched_amount": amount, "price": price, "asset_id": token, "owner": "somebody"}


def trade(
    number: str, taker: str, size: str, price: str, makers: Iterable[dict[str, Any]] = (), status: str = "MATCHED",
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """As the stream tells it; a row of REST has no event type, which does no harm."""
    return {
        "event_type": "trade", "id": number, "taker_order_id": taker, "market": CONDITION, "asset_id": YES,
        "side": "BUY", "size": size, "price": price, "status": status, "maker_orders": list(makers),
        "match_time": str(START // SECOND + 1), **more,
    }  # fmt: skip


def posted(name: str, status: str = "live", making: str = "", taking: str = "", error: str = "") -> dict[str, Any]:
    return {
        "success": not error, "orderID": "" if error else name, "errorMsg": error, "status": status,
        "makingAmount": making, "takingAmount": taking,
    }  # fmt: skip


def page(*rows: dict[str, Any], cursor: str = "LTE=") -> dict[str, Any]:
    return {"data": list(rows), "next_cursor": cursor}


def by_rest(winner: str | None = None, *, closed: bool = False) -> dict[str, Any]:
    """The CLOB's /markets/{condition}."""
    return {
        "condition_id": CONDITION, "minimum_order_size": 5, "minimum_tick_size": 0.01, "active": True,
        "closed": closed or winner is not None, "accepting_orders": winner is None, "enable_order_book": True,
        "tokens": [{"token_id": one, "outcome": one[:3], "winner": one == winner} for one in (YES, NO)],
    }  # fmt: skip


# -- what was told of an order -----------------------------------------------------------------------------------------

CENT = 10_000  # money units


def words(scene: Scene, coid: int = 1) -> list[tuple[OrderSignal, Reason, int]]:
    return [(one.signal, one.reason, one.lots_left) for one in scene.of(OrderUpdate) if one.coid == coid]


def signals(scene: Scene, coid: int = 1) -> list[OrderSignal]:
    return [one.signal for one in scene.of(OrderUpdate) if one.coid == coid]


def fills(scene: Scene, coid: int = 1) -> list[tuple[int, int, int]]:
    return [(one.lots, one.price, one.cost) for one in scene.of(Fill) if one.coid == coid]


def resting(scene: Scene, coid: int = 1) -> str:
    """An order that the venue has, and its id."""
    scene.submit(place(coid))
    scene.answer("/order", posted(scene.id_of(coid)))
    return scene.id_of(coid)


def no_trades(scene: Scene, name: str) -> None:
    """The order is found nowhere."""
    scene.until(f"/data/order/{name}")
    scene.answer(f"/data/order/{name}", raw=b"null")
    scene.answer("/data/trades", page())
