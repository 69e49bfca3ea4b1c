"""A twin, keys that the official SDK signs with, and what they ask and hear, in virtual time."""

import json
from typing import Any

from eth_account import Account
from hyperliquid.utils.signing import sign_agent, sign_l1_action

from pilotfish.venues.twins.faults import TwinFaults
from pilotfish.venues.twins.hyperliquid.settings import HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin

START = 1_790_000_000_000_000_000
SECOND, MS = 1_000_000_000, 1_000_000
BTC = 0


def wallet(number: int) -> Any:
    return Account.from_key(number.to_bytes(32, "big"))


ALICE, BOB, AGENT, NOBODY = (wallet(n) for n in (0xA, 0xB, 0xC, 0xD))
ME = ALICE.address.lower()


def cloid(number: int) -> str:
    return f"0x{number:032x}"


def order(side: int, size: str, price: str, tif: str = "Ioc", asset: int = BTC, **more: Any) -> dict:
    row = {"a": asset, "b": side > 0, "p": price, "s": size, "r": False, "t": {"limit": {"tif": tif}}}
    return row | more


def trigger(side: int, size: str, price: str, at: str, tpsl: str = "sl", market: bool = True) -> dict:
    kind = {"trigger": {"isMarket": market, "triggerPx": at, "tpsl": tpsl}}
    return order(side, size, price, r=True, t=kind)


def orders(*rows: dict, grouping: str = "na") -> dict:
    return {"type": "order", "orders": list(rows), "grouping": grouping}


class Scene:
    """`now` is true time; nonces count up from it."""

    def __init__(
        self, settings: HyperliquidSettings | None = None, faults: TwinFaults | None = None, start: int = START
    ) -> None:
        self.twin = HyperliquidTwin(start, settings, faults)
        self.now, self._nonce = start + SECOND, 0
        for one in (ALICE, BOB):
            self.twin.open_account(one.address, 100_000)

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.twin.advance(self.now)

    def nonce(self) -> int:
        self._nonce = max(self._nonce + 1, self.now // MS)
        return self._nonce

    def signed(self, action: dict, key: Any = ALICE, nonce: int | None = None, **scope: Any) -> dict:
        """What the official SDK would send."""
        nonce = self.nonce() if nonce is None else nonce
        vault, expires = scope.get("vault"), scope.get("expires")
        signature = sign_l1_action(key, action, vault, nonce, expires, False)
        return {
            "action": action, "nonce": nonce, "signature": signature, "vaultAddress": vault, "expiresAfter": expires,
        }  # fmt: skip

    def approval(self, agent: str, name: str = "", key: Any = ALICE, **changed: Any) -> dict:
        nonce = self.nonce()
        action = {"type": "approveAgent", "agentAddress": agent, "agentName": name, "nonce": nonce}
        signature = sign_agent(key, action, False)
        return {"action": action | changed, "nonce": nonce, "signature": signature}

    def raw(self, path: str, body: Any) -> tuple[int, bytes]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.twin.request("POST", path, {}, data, self.now)
        return answer.status, answer.body

    def post(self, body: dict) -> Any:
        status, answer = self.raw("/exchange", body)
        assert status == 200, answer
        return json.loads(answer)

    def do(self, action: dict, key: Any = ALICE, **scope: Any) -> Any:
        """The statuses of an action that was taken, or the words against it."""
        reply = self.post(self.signed(action, key, **scope))
        if reply["status"] == "err":
            return reply["response"]
        return reply["response"].get("data", {}).get("statuses", reply["response"]["type"])

    def place(self, *rows: dict, grouping: str = "na", key: Any = ALICE) -> Any:
        return self.do(orders(*rows, grouping=grouping), key)

    def info(self, kind: str, **more: Any) -> Any:
        status, answer = self.raw("/info", {"type": kind, **more})
        assert status == 200, answer
        return json.loads(answer)

    def mine(self, kind: str, **more: Any) -> Any:
        return self.info(kind, user=ME, **more)

    def listen(self, stream: int, *subscriptions: dict) -> list[dict]:
        self.twin.opened(stream, "/ws", self.now)
        for one in subscriptions:
            self.say(stream, {"method": "subscribe", "subscription": one})
        return self.heard(stream)

    def say(self, stream: int, message: Any) -> None:
        self.twin.frame(stream, message if isinstance(message, bytes) else json.dumps(message).encode(), self.now)

    def heard(self, stream: int) -> list[Any]:
        """What came on a stream since the last call; None is the venue hanging up."""
        pushes, self.twin.pushes = self.twin.pushes, []
        return [push.data and json.loads(push.data) for push in pushes if push.stream == stream]

    def top(self, coin: str = "BTC") -> tuple[float, float]:
        bids, asks = self.info("l2Book", coin=coin)["levels"]
        return float(bids[0]["px"]), float(asks[0]["px"])


def of(frames: list[Any], channel: str) -> list[Any]:
    return [frame["data"] for frame in frames if frame and frame["channel"] == channel]
