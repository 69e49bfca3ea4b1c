"""The market of the live figures: one coin, one lead who buys and sells by turns, and what the venue says of both.

Frames and answers have the shapes that were recorded of Hyperliquid, filled with drawn numbers.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

COIN, PRICE, LOT_DECIMALS, SIZE = "BTC", 66_400, 5, "0.5"
LEAD, STRANGER = "0x" + "1e" * 20, "0x" + "57" * 20
ACCOUNT = "0x" + "ac" * 20  # of the one omnibus account


def follower(number: int) -> str:
    """The address of a segregated account."""
    return f"0x{number + 1:040x}"


class Market:
    """What the lead holds and did, and how the coin stands. Numbers are strings as the venue writes them."""

    def __init__(self) -> None:
        self.lots, self.tid = 0, 10**12
        self.fills: list[dict[str, Any]] = []

    def begin(self) -> None:
        """The lead starts from nothing, for whoever listens anew."""
        self.lots = 0
        self.fills.clear()

    def lead_trades(self) -> bytes:
        """A frame of the shape that was recorded: prints of strangers, the lead's among them."""
        buys = self.lots <= 0
        ms, size = _ms(), SIZE
        rows = [self._print(ms, "0.00219", (STRANGER, follower(10**6))) for _ in range(3)]
        users = (LEAD, STRANGER) if buys else (STRANGER, LEAD)
        mine = self._print(ms, size, users, "B" if buys else "A")
        self.fills.append(
            {"coin": COIN, "px": mine["px"], "sz": size, "side": mine["side"], "time": ms, "tid": mine["tid"],
             "startPosition": text(self.lots), "dir": "Open Long", "closedPnl": "0.0", "hash": mine["hash"],
             "oid": mine["tid"], "crossed": True, "fee": "0.1", "feeToken": "USDC"}
        )  # fmt: skip
        self.lots += round(float(size) * 10**LOT_DECIMALS) * (1 if buys else -1)
        return frame("trades", [rows[0], mine, *rows[1:]])

    def tape(self, orders: list[tuple[int, dict[str, Any]]]) -> bytes:
        """Prints of followers' fills."""
        out = []
        for index, order in orders:
            users = (follower(index), STRANGER) if order["b"] else (STRANGER, follower(index))
            out.append(self._print(_ms(), order["s"], users, "B" if order["b"] else "A", order["p"]))
        return frame("trades", out)

    def fill(self, user: str, order: dict[str, Any]) -> bytes:
        self.tid += 1
        row = {"coin": COIN, "px": order["p"], "sz": order["s"], "side": "B" if order["b"] else "A", "time": _ms(),
               "startPosition": "0.0", "dir": "Open Long", "closedPnl": "0.0", "hash": "0x" + "0" * 64,
               "oid": self.tid, "crossed": True, "fee": "0.01", "tid": self.tid, "feeToken": "USDC",
               "cloid": order.get("c")}  # fmt: skip
        return frame("userFills", {"user": user, "fills": [row]})

    def book(self) -> dict[str, Any]:
        sides = [[{"px": f"{PRICE + sign * k}.0", "sz": "20.0", "n": 3} for k in range(20)] for sign in (-1, 1)]
        sides[1] = sides[1][1:]
        return {"coin": COIN, "time": _ms(), "levels": sides}

    def answer(self, body: dict[str, Any]) -> Any:
        """POST /info."""
        kind, user = body["type"], body.get("user")
        if kind == "l2Book":
            return self.book()
        if kind == "clearinghouseState":
            return self._state(user)
        if kind == "userFillsByTime":
            rows = self.fills if user == LEAD else []
            return [row for row in rows if body["startTime"] <= row["time"] <= body.get("endTime", 2**60)][-2_000:]
        if kind == "userRateLimit":
            return {"cumVlm": "1000000000.0", "nRequestsUsed": 0, "nRequestsCap": 10**9}
        return {"balances": []} if kind == "spotClearinghouseState" else []

    def _state(self, user: str | None) -> dict[str, Any]:
        zero = {"accountValue": "1000000.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"}
        held = self.lots if user == LEAD else 0
        position = {
            "coin": COIN, "szi": text(held), "leverage": {"type": "cross", "value": 5}, "entryPx": f"{PRICE}.0",
            "positionValue": f"{abs(held) * PRICE / 10**LOT_DECIMALS:f}", "unrealizedPnl": "0.0",
            "returnOnEquity": "0.0", "marginUsed": "0.0",
        }  # fmt: skip
        rows = [{"type": "oneWay", "position": position}] if held else []
        return {"assetPositions": rows, "crossMarginSummary": zero, "marginSummary": zero, "withdrawable": "0.0",
                "time": _ms()}  # fmt: skip

    def _print(self, ms: int, size: str, users: tuple[str, str], side: str = "B", px: str = "") -> dict[str, Any]:
        self.tid += 1
        return {"coin": COIN, "hash": f"0x{self.tid:064x}", "px": px or f"{PRICE}.0", "side": side, "sz": size,
                "tid": self.tid, "time": ms, "users": users}  # fmt: skip


def frame(channel: str, data: object) -> bytes:
    return msgspec.json.encode({"channel": channel, "data": data})


def text(lots: int) -> str:
    return f"{lots / 10**LOT_DECIMALS:f}"


def _ms() -> int:
    return time.time_ns() // 1_000_000
