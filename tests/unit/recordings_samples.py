"""Small recordings of every shape, written by the tests that read them."""

import gzip
import json
from pathlib import Path
from typing import Any

from pilotfish.domain.errors import RecordingError
from pilotfish.venues.recordings import Recording, read_recordings

LEAD = "0x" + "ab" * 20
OTHER = "0x" + "cd" * 20
MS = 1_784_500_000_000


def hl(k: int = 0, **changed: Any) -> dict[str, Any]:
    """Fill k of a chain of buys of 0.5 ETH, as Hyperliquid writes it."""
    row = {
        "coin": "ETH", "px": "3000.5", "sz": "0.5", "side": "B", "time": MS + k, "startPosition": str(k * 0.5),
        "dir": "Open Long", "closedPnl": "0.0", "hash": "0x0", "oid": 1000 + k, "crossed": True, "fee": "0.675113",
        "tid": 5000 + k, "feeToken": "USDC",
    }  # fmt: skip
    return {name: value for name, value in (row | changed).items() if value is not ...}


def trade(k: int = 0, **changed: Any) -> dict[str, Any]:
    """A TRADE row of Polymarket's data-api; k counts back in time, as the venue does."""
    row = {
        "proxyWallet": LEAD, "timestamp": 1_771_371_995 - k, "conditionId": "0xc0", "type": "TRADE", "size": 10,
        "usdcSize": 4.5, "transactionHash": f"0x{k:064x}", "price": 0.45, "asset": "111", "side": "BUY",
        "outcomeIndex": 0, "slug": "btc-up", "outcome": "Up",
    }  # fmt: skip
    return {name: value for name, value in (row | changed).items() if value is not ...}


def redeem(k: int, size: float, **changed: Any) -> dict[str, Any]:
    blank = {"type": "REDEEM", "size": size, "usdcSize": size, "price": 0, "asset": "", "side": "", "outcome": ""}
    return trade(k, **(blank | changed))


SHEET = (
    "Account,Coin,Execution Price,Size Tokens,Size USD,Side,Timestamp IST,Start Position,Direction,Closed PnL,"
    "Transaction Hash,Order ID,Crossed,Fee,Trade ID,Timestamp"
)


def sheet(coin: str = "BTC", start: str = "0", size: str = "0.5", side: str = "BUY", **changed: str) -> str:
    row = {
        "account": LEAD, "coin": coin, "px": "82255", "size": size, "usd": "1", "side": side,
        "time": "17-03-2025 04:48", "start": start, "dir": "x", "pnl": "0", "hash": "0x0", "oid": "80242832045",
        "crossed": "TRUE", "fee": "0.1", "tid": "7.35E+14", "epoch": "1.74E+12",
    }  # fmt: skip
    return ",".join((row | changed).values())


EXPORT = (
    "trade_dttm,trader_id,trader_name,side,amount,price,value,event_id,market_title,market_subtitle,outcome,"
    "market_icon,trader_tags"
)


def export(amount: str = "180.0", price: str = "0.572", value: str = "102.96", **changed: str) -> str:
    row = {
        "time": "2025-05-30 17:50:15", "who": LEAD, "name": "dada", "side": "buy", "amount": amount, "price": price,
        "value": value, "event": "14874", "title": "Poland", "sub": "Karol", "outcome": "No", "icon": "", "tags": "",
    }  # fmt: skip
    return ",".join((row | changed).values())


TAPE = '"","Timestamp","Account","Type","Outcome","Direction","Amount","Shares","Price","Var.9","Var.10"'


def tape(amount: str = "3", shares: str = "10", price: str = "0.3", **changed: str) -> str:
    row = {
        "n": '"1"', "time": "2022-11-19 22:21:29", "who": LEAD, "type": "Buy", "outcome": "Democrat", "dir": "🔵",
        "amount": amount, "shares": shares, "price": price, "v9": "", "v10": "Tx",
    }  # fmt: skip
    return ",".join((row | changed).values())


def put(folder: Path, content: str | bytes | list[Any] | dict[str, Any], name: str = "recording") -> Path:
    """Write a file; what is neither text nor bytes is written as JSON. The name never has an extension that helps."""
    raw = (
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    path = folder / name
    path.write_bytes(raw)
    return path


def packed(content: Any) -> bytes:
    return gzip.compress(json.dumps(content).encode(), mtime=0)


def read(folder: Path, content: Any, **how: Any) -> Recording:
    """The first recording of a file with this content."""
    return read_recordings([put(folder, content)], **how)[0]


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def only_issue(recording: Recording) -> RecordingError:
    assert len(recording.issues) == 1, [str(issue) for issue in recording.issues]
    issue = recording.issues[0]
    assert issue.why
    assert issue.to_do
    return issue
