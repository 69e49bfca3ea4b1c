"""A DuckDB file of accounts, fills, fundings and ledger events of Hyperliquid vaults and traders.

Quantities lie there as 32-bit floats. The shortest decimal that reads back as the same float is the venue's own number,
as long as that has at most 7 significant digits; larger ones are off in the last digit, and the chain check allows for
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np

from pilotfish.domain.instrument import Side
from pilotfish.venues.recordings import instruments
from pilotfish.venues.recordings.assemble import Draft, recordings
from pilotfish.venues.recordings.fills import RawFill
from pilotfish.venues.recordings.hyperliquid import ASSUMED
from pilotfish.venues.recordings.instruments import coin_kind
from pilotfish.venues.recordings.rows import (
    MILLION,
    Issues,
    RowError,
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
from pilotfish.venues.recordings.types import Accounts, FundingRow, LedgerRow, Recording

SHAPE = "hyperliquid duckdb"
_FILLS = ("address", "trade_id", "ts", "coin", "side", "sz", "px", "start_position", "fee", "oid")
_FUNDING = ("address", "ts", "coin", "usdc", "rate")
_LEDGER = ("address", "ts", "event_type", "usdc", "vault")
_ACCOUNTS = ("address", "label", "is_vault")
_FLOAT32_RELATIVE = Decimal(2) ** -24
_EXACT_DIGITS = 7


def read(source: Source, issues: Issues, accounts: Accounts) -> list[Recording]:
    """Opened read-only and shut off from every other file and from the network."""
    draft = Draft(source.path.name, SHAPE, "hyperliquid", issues, instruments.hyperliquid)
    tables: dict[str, list[dict[str, Any]]] = {}
    try:
        with duckdb.connect(str(source.path), read_only=True, config={"enable_external_access": "false"}) as database:
            for name, columns in (
                ("fills", _FILLS),
                ("funding", _FUNDING),
                ("ledger", _LEDGER),
                ("accounts", _ACCOUNTS),
            ):
                tables[name] = _rows(database, name, columns, draft)
    except (duckdb.Error, UnicodeDecodeError) as bad:
        issues.add(
            0,
            "",
            f"the database cannot be read ({str(bad).splitlines()[0]})",
            "copy it again, or open it once to repair it",
        )
    rows = tables.get("fills", [])
    buy = _buy_code(rows, draft.notes)
    for line, row in enumerate(rows, 1):
        try:
            draft.fills.append(_fill(row, buy, line))
        except RowError as bad_row:
            issues.row(line, bad_row, "fills.")
    if draft.fills:
        draft.notes += [
            "quantities are 32-bit floats: read as the shortest decimal, exact up to 7 significant digits",
            ASSUMED,
        ]
    made = recordings(draft, accounts)
    for one in made:
        _add_cash(one, tables, issues)
    return made


def _rows(
    database: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], draft: Draft
) -> list[dict[str, Any]]:
    """Wanted columns of a table, oldest first. Only tables: a view could compute anything."""
    found = database.execute(
        "select c.column_name from information_schema.columns c join information_schema.tables t "
        "using (table_catalog, table_schema, table_name) where table_name = ? and table_type = 'BASE TABLE'",
        [table],
    ).fetchall()
    present = {name for (name,) in found}
    missing = [c for c in columns if c not in present]
    if not present and table != "fills":
        draft.notes.append(f"it has no table {table}")
        return []
    for column in missing:
        draft.issues.add(0, f"{table}.{column}", "the column is missing", f"export {table} with {', '.join(columns)}")
    if missing:
        return []
    quoted = ", ".join(f'"{c}"' for c in columns)
    order = " order by ts, rowid" if "ts" in columns else ""
    answer = database.execute(f'select {quoted} from "{table}"{order}')
    return [dict(zip(columns, map(_exact, row), strict=True)) for row in answer.fetchall()]


def _exact(value: Any) -> Any:
    """A float as the shortest decimal that is the same 32-bit float, where it is one."""
    if not isinstance(value, float):
        return value
    single = np.float32(value)
    return str(single) if float(single) == value else repr(value)


def _buy_code(rows: Sequence[dict[str, Any]], notes: list[str]) -> int:
    """Which `side` is a buy. The table does not say, the positions do: the reading under which their chains close."""
    stood: dict[tuple[str, str], tuple[float, float]] = {}
    closed = {0: 0, 1: 0}
    for row in rows:
        try:
            account, start, size, side = (
                (row["address"], row["coin"]),
                *map(float, (row["start_position"], row["sz"], row["side"])),
            )
        except (TypeError, ValueError):
            continue
        if account in stood:
            for buy in (0, 1):
                was, change = stood[account]
                closed[buy] += abs(was + (change if buy == 0 else -change) - start) <= 1e-6 * max(abs(start), size)
        stood[account] = (start, size if side == 0 else -size)
    notes.append(
        f"side 0 read as {'buy' if closed[0] >= closed[1] else 'sell'}: {max(closed.values())} position chains close, "
        f"the other way {min(closed.values())}"
    )
    return 0 if closed[0] >= closed[1] else 1


def _fill(row: dict[str, Any], buy: int, line: int) -> RawFill:
    coin = text(row, "coin")
    coin_kind(coin)
    if row["side"] not in (0, 1):
        raise RowError("side", f"{shown(row['side'])} is neither 0 nor 1")
    side = Side.BUY if row["side"] == buy else Side.SELL
    size, price = positive(row, "sz"), positive(row, "px")
    if decimals(size) > 8:
        raise RowError("sz", f"{size} has more decimals than the venue allows")
    start = None if row["start_position"] is None else bounded(number(row, "start_position"), "start_position")
    fee = Decimal(0) if row["fee"] is None else bounded(number(row, "fee"), "fee")
    trade, order = whole(row, "trade_id"), None if row["oid"] is None else whole(row, "oid")
    return RawFill(
        text(row, "address").lower(),
        coin,
        stamp(whole(row, "ts"), 10**6, "ts"),
        side,
        size,
        price,
        line,
        (coin, trade, order),
        fee,
        trade,
        order,
        start,
        tolerance=_tolerance(start, size),
    )


def _tolerance(start: Decimal | None, size: Decimal) -> Decimal:
    """Half a unit in the last place of the larger float, where its decimal may not be the venue's."""
    largest = max(abs(start or Decimal(0)), size)
    exact = largest.adjusted() + decimals(largest) < _EXACT_DIGITS
    return Decimal(0) if exact else 2 * largest * _FLOAT32_RELATIVE


def _add_cash(one: Recording, tables: dict[str, list[dict[str, Any]]], issues: Issues) -> None:
    """The account's fundings and ledger events, and what the file calls it."""
    known = {i.symbol: i.id for i in one.instruments}
    for name in ("funding", "ledger"):
        for line, row in enumerate(tables.get(name, []), 1):
            if str(row["address"]).lower() != one.account:
                continue
            try:
                ns, money = stamp(whole(row, "ts"), 10**6, "ts"), int(bounded(number(row, "usdc"), "usdc") * MILLION)
                if name == "funding":
                    rate = 0 if row["rate"] is None else int(bounded(number(row, "rate"), "rate").scaleb(9))
                    coin = text(row, "coin")
                    one.fundings.append(FundingRow(ns, coin, known.get(coin), money, rate))
                else:
                    one.ledger.append(LedgerRow(ns, text(row, "event_type"), money, str(row["vault"] or "")))
            except RowError as bad:
                issues.row(line, bad, f"{name}.")
    for row in tables.get("accounts", []):
        if str(row["address"]).lower() == one.account:
            one.notes.append(f"labelled {shown(row['label'])}, {'a vault' if row['is_vault'] else 'not a vault'}")
