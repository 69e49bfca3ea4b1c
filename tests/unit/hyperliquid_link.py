"""A venue by hand: what trading sends is read here, and answered frame by frame, in virtual time."""

import json
from itertools import count

import numpy as np

from pilotfish.domain.events import BatchUpdate, Fill, OrderUpdate, Reconciled
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Place, PlaceBatch, Tif
from pilotfish.gate import approved
from pilotfish.venues.hyperliquid.accounts import SECOND, Account, Settings
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.desk import Trading
from pilotfish.venues.hyperliquid.wire.actions import Listed
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.hyperliquid.wire.codec import FRAME
from pilotfish.venues.hyperliquid.wire.messages import FillsFrame, FundingsFrame, OrdersFrame, TradesFrame, UserFrame
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.session import Ask, Send, Sign
from tests.unit.hyperliquid_samples import CLOIDS, KEY, NOW, instrument

COIN = instrument(2, symbol="SOL")  # price unit 1e-4, lot 0.01: money is exact
LISTED = Listed(COIN, 5)
AGENT = Key(KEY)
MAIN = "0x" + "ab" * 20
PRICE = 150_0000


def address(number: int) -> str:
    return f"0x{number + 1:040x}"


def followers(size: int) -> list[Account]:
    return [Account(k, address(k), AGENT.address) for k in range(size)]


def settings(**more) -> Settings:
    return Settings(False, "ws://venue/ws", "http://venue", CLOIDS.journal, **more)


def place(coid: int = 7, lots: int = 1_000, tif: Tif = Tif.GTC, **more) -> Place:
    return Place(coid, more.pop("account", -1), COIN.id, more.pop("side", Side.BUY), lots, PRICE, tif, **more)


def batch(coid: int, accounts: list[int], lots: list[int], tif: Tif = Tif.IOC) -> PlaceBatch:
    columns = [np.array(column, dtype=np.int64) for column in (accounts, lots, [PRICE] * len(lots))]
    return PlaceBatch(coid, COIN.id, Side.BUY, *columns, tif)


def ok(*statuses) -> dict:
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": list(statuses)}}}


def resting(oid: int) -> dict:
    return {"resting": {"oid": oid}}


def filled(size: str, price: str = "150.0", oid: int = 50) -> dict:
    return {"filled": {"totalSz": size, "avgPx": price, "oid": oid}}


class Scene:
    """Trading over a real link, with the venue played by the test. Times count from the scene's own now."""

    def __init__(self, accounts: list[Account] | None = None, keys: Keyring | None = None, **knobs) -> None:
        self.settings = settings(**knobs)
        self.link = Link(self.settings)
        accounts = [Account(-1, MAIN, AGENT.address)] if accounts is None else accounts
        keyring = Keyring([AGENT]) if keys is None else keys
        self.trading = Trading(self.link, Listing([LISTED]), accounts, keyring, self.settings)
        self.now = NOW
        self.tids = count(9_000_001)
        self.open()

    # -- time and the wire ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        self.link.opened(self.now)
        self.trading.opened(self.now)

    def lose(self) -> None:
        self.link.lost(self.now)
        self.trading.lost(self.now)
        self._settle()

    def wait(self, seconds: float) -> None:
        """Time passes; what is due happens at its time."""
        until = self.now + int(seconds * SECOND)
        while True:
            due = [ns for ns in (self.trading.next_ns(), self.link.next_ns()) if ns is not None and ns <= until]
            self.now = max(self.now, min(due, default=until))
            self._settle()
            if not due:
                return
            if self.now >= until and not any(ns < self.now for ns in due):
                return

    def submit(self, *commands) -> None:
        self.trading.submit([approved.Approved(one, approved._KEY) for one in commands], self.now)
        self._settle()

    def _settle(self) -> None:
        self.trading.tick(self.now)
        self.link.tick(self.now)

    # -- what was sent -------------------------------------------------------------------------------------------------

    def posts(self) -> list[tuple[int, dict]]:
        """Actions that left since they were last looked at: number and payload."""
        frames = [json.loads(one.data) for one in self._take(Send)]
        return [(frame["id"], frame["request"]["payload"]) for frame in frames if frame["method"] == "post"]

    def post(self) -> tuple[int, dict]:
        """The only one."""
        [one] = self.posts()
        return one

    def asks(self, kind: str | None = None) -> list[tuple[int, dict]]:
        """Questions: number and body."""
        taken = [(one.id, json.loads(one.body)) for one in self._take(Ask)]
        return [one for one in taken if kind in (None, one[1]["type"])]

    def signs(self) -> list[Sign]:
        return self._take(Sign)

    def sign(self, sign: Sign) -> None:
        """As a signer elsewhere does."""
        self.trading.signed(sign.id, 0, Keyring([AGENT]).sign_all(sign.requests), self.now)

    def told(self, kind: type | None = None) -> list:
        """Events since they were last looked at."""
        rows = [one for one in self.link.told if kind is None or isinstance(one, kind)]
        self.link.told = [one for one in self.link.told if one not in rows] if kind else []
        return rows

    def words(self) -> list[tuple]:
        return [(u.coid, u.signal.name, u.reason.name, u.lots_left) for u in self.told(OrderUpdate)]

    def traded(self) -> list[tuple]:
        return [(f.coid, f.lots, f.price) for f in self.told(Fill)]

    def results(self) -> list[BatchUpdate]:
        return self.told(BatchUpdate)

    def answers(self) -> list[Reconciled]:
        return self.told(Reconciled)

    def _take(self, kind: type) -> list:
        taken = [one for one in self.link.out if isinstance(one, kind)]
        self.link.out = [one for one in self.link.out if not isinstance(one, kind)]
        return taken

    def rests(self, coid: int = 7, oid: int = 50) -> None:
        """An order that the venue has in its book."""
        self.submit(place(coid))
        self.reply(self.post()[0], ok(resting(oid)))
        self.told()

    def send(self, accounts: list[int], lots: list[int], coid: int = 40, tif: Tif = Tif.IOC) -> dict[int, int]:
        """A batch goes out, signed elsewhere: client order id → number of its post."""
        self.submit(batch(coid, accounts, lots, tif))
        for sign in self.signs():
            self.sign(sign)
        return {CLOIDS.coid(payload["action"]["orders"][0]["c"]): number for number, payload in self.posts()}

    def by_index(self) -> dict[int, tuple[int, ...]]:
        """All results of a batch: signal, lots, cost, fee, reason; none is told twice."""
        rows: dict[int, tuple[int, ...]] = {}
        for update in self.results():
            found = columns(update)
            assert not rows.keys() & found.keys()
            rows |= found
        return rows

    def play(self, seconds: float, statuses=lambda coid: UNKNOWN, fills=lambda user: []) -> list[tuple[str, str]]:
        """The venue answers every question for a while; what was asked about orders, and of whom."""
        asked = []
        for _ in range(int(seconds * 10)):
            self.wait(0.1)
            for number, body in self.asks():
                asked.append((body["type"], body["user"]))
                if body["type"] == "orderStatus":
                    self.answer(number, statuses(CLOIDS.coid(body["oid"])))
                elif body["type"] == "userFillsByTime":
                    self.answer(number, [row for row in fills(body["user"]) if row["time"] >= body["startTime"]])
        return [one for one in asked if one[0] not in ("userRateLimit", "userFunding")]

    def kinds(self, *how, **more) -> list[str]:
        """The same; only what was asked."""
        return [kind for kind, _ in self.play(*how, **more)]

    # -- what the venue says -------------------------------------------------------------------------------------------

    def reply(self, post: int, payload: dict) -> None:
        body = {"channel": "post", "data": {"id": post, "response": {"type": "action", "payload": payload}}}
        self.link.replied(FRAME.decode(json.dumps(body)).data, self.now)
        self._settle()

    def answer(self, ask: int, body) -> None:
        self.link.answered(ask, 200, json.dumps(body).encode(), self.now)
        self._settle()

    def fail(self, ask: int) -> None:
        self.link.failed(ask, self.now)
        self._settle()

    def frame(self, channel: str, data) -> None:
        frame = FRAME.decode(json.dumps({"channel": channel, "data": data}))
        if isinstance(frame, OrdersFrame):
            self.trading.orders(frame, self.now)
        elif isinstance(frame, FillsFrame):
            self.trading.fills(frame, self.now)
        elif isinstance(frame, UserFrame | FundingsFrame):
            self.trading.events(frame, self.now)
        elif isinstance(frame, TradesFrame):
            for trade in frame.data:
                self.trading.trade(trade, self.now)
        self._settle()

    def order(self, coid: int, status: str, left: str, oid: int = 50, size: str = "10") -> dict:
        placed = {"coin": "SOL", "side": "B", "limitPx": "150.0", "sz": left, "oid": oid, "timestamp": self.ms}
        placed |= {"origSz": size, "cloid": CLOIDS.cloid(coid)}
        return {"order": placed, "status": status, "statusTimestamp": self.ms}

    def status(self, coid: int, status: str, left: str, oid: int = 50, size: str = "10") -> dict:
        return {"status": "order", "order": self.order(coid, status, left, oid, size)}

    def fill(self, coid: int | None, size: str, price: str = "150.0", oid: int = 50, **more) -> dict:
        row = {"coin": "SOL", "px": price, "sz": size, "side": "B", "time": self.ms, "startPosition": "0.0"}
        row |= {"dir": "Open Long", "closedPnl": "0.0", "hash": "0x0", "oid": oid, "crossed": False, "fee": "0.5"}
        row |= {"tid": next(self.tids), "feeToken": "USDC"} | ({} if coid is None else {"cloid": CLOIDS.cloid(coid)})
        return row | more

    def fills(self, *rows: dict, user: str = MAIN, **more) -> None:
        self.frame("userFills", {"user": user, "fills": list(rows)} | more)

    def trade(self, buyer: str, size: str, price: str = "150.0", tid: int | None = None) -> None:
        row = {"coin": "SOL", "side": "B", "px": price, "sz": size, "time": self.ms, "hash": "0x0"}
        self.frame("trades", [row | {"tid": tid or next(self.tids), "users": [buyer, address(999)]}])

    @property
    def ms(self) -> int:
        return self.now // 1_000_000


UNKNOWN = {"status": "unknownOid"}


def columns(update: BatchUpdate) -> dict[int, tuple[int, ...]]:
    """By index: signal, lots, cost, fee, reason."""
    fields = (update.signal, update.lots, update.cost, update.fee, update.reason)
    return {int(k): tuple(int(field[row]) for field in fields) for row, k in enumerate(update.index)}


def no_keys() -> Keyring:
    """Every key signs elsewhere."""
    return Keyring([], [AGENT.address])
