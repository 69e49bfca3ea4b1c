"""Hyperliquid fills that went through a spreadsheet: minute stamps in IST, trade ids and epochs rounded to three
digits.

What survives is enough: order ids and hashes, and the position before each fill, from which the order inside a minute
is rebuilt. Spot buys pay their fee in the token bought, so the position grows by the size less the fee.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

from pilotfish.domain.instrument import Side
from pilotfish.venues.recordings import instruments
from pilotfish.venues.recordings.assemble import Draft, recordings
from pilotfish.venues.recordings.fills import RawFill
from pilotfish.venues.recordings.hyperliquid import ASSUMED
from pilotfish.venues.recordings.instruments import Coin, coin_kind
from pilotfish.venues.recordings.rows import (
    Issues,
    RowError,
    address,
    bounded,
    decimals,
    number,
    positive,
    shown,
    stamp,
    text,
    whole,
)
from pilotfish.venues.recordings.source import Source
from pilotfish.venues.recordings.tables import remarks, table
from pilotfish.venues.recordings.types import Accounts, Recording

SHAPE = "hyperliquid spreadsheet"
REQUIRED = (
    "Account",
    "Coin",
    "Execution Price",
    "Size Tokens",
    "Side",
    "Timestamp IST",
    "Start Position",
    "Order ID",
    "Fee",
)
OPTIONAL = ("Size USD", "Direction", "Closed PnL", "Transaction Hash", "Crossed", "Trade ID", "Timestamp")
_IST = timezone(timedelta(hours=5, minutes=30))
_SPREADSHEET_DIGITS = 9  # a cell shows ten significant digits; the cell before may hold ten times as much
_FEE_UNIT = Decimal("0.00000002")  # spot balances and fees are rounded to 8 decimals each


def read(source: Source, issues: Issues, accounts: Accounts) -> list[Recording]:
    draft = Draft(source.path.name, SHAPE, "hyperliquid", issues, instruments.hyperliquid)
    rounded = False
    for line, row in table(source.text, REQUIRED, issues):
        try:
            draft.fills.append(_fill(row, line))
        except RowError as bad:
            issues.row(line, bad)
            continue
        rounded = rounded or "E+" in row.get("Trade ID", "").upper()
    if rounded:
        draft.notes.append("trade ids rounded by a spreadsheet: rebuilt from order id and start position")
    if draft.fills:
        draft.notes += [
            "stamps are minutes in IST (UTC+5:30): converted to UTC, order inside a minute by start positions",
            ASSUMED,
        ]
    draft.notes += remarks(source.text, REQUIRED + OPTIONAL)
    return recordings(draft, accounts)


def _fill(row: dict[str, str], line: int) -> RawFill:
    account, coin = address(row, "Account"), text(row, "Coin")
    spot = coin_kind(coin) is Coin.SPOT
    if row["Side"] not in ("BUY", "SELL"):
        raise RowError("Side", f"{shown(row['Side'])} is neither BUY nor SELL")
    side = Side.BUY if row["Side"] == "BUY" else Side.SELL
    size, price = positive(row, "Size Tokens"), positive(row, "Execution Price")
    if decimals(size) > (8 if spot else 6):
        raise RowError("Size Tokens", f"{size} has more decimals than the venue allows")
    fee, start = bounded(number(row, "Fee"), "Fee"), bounded(number(row, "Start Position"), "Start Position")
    order = whole(row, "Order ID")
    in_token = spot and side is Side.BUY
    return RawFill(
        account,
        coin,
        _utc_ns(row),
        side,
        size,
        price,
        line,
        (coin, order, str(start), side.name, str(size), str(price)),
        fee * price if in_token else fee,
        None,
        order,
        start,
        fee if in_token else Decimal(0),
        _tolerance(start, size) if spot else Decimal(0),
    )


def _utc_ns(row: dict[str, str]) -> int:
    """The minute in UTC; cells read 08-04-2025 3:23, day first."""
    column = "Timestamp IST"
    try:
        there = datetime.strptime(text(row, column), "%d-%m-%Y %H:%M").replace(tzinfo=_IST)
    except ValueError as bad:
        raise RowError(column, f"{shown(row[column])} is no DD-MM-YYYY HH:MM", "export it in that format") from bad
    return stamp(int(there.timestamp()), 10**9, column)


def _tolerance(start: Decimal, size: Decimal) -> Decimal:
    """How far a stated start may be from the exact one: the last digit a cell shows, and the rounding of the fee."""
    largest = max(abs(start), size)
    return Decimal(1).scaleb(largest.adjusted() - _SPREADSHEET_DIGITS + 1) + _FEE_UNIT
