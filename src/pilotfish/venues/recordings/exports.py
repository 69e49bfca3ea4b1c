"""Polymarket trades as a tracking site exports them: one column each, or a single column of Python dict literals.

The dicts are read with `ast.literal_eval`, which evaluates nothing. There are no ids: equal rows are taken as separate
trades.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pilotfish.domain.instrument import Side
from pilotfish.venues.recordings import polymarket
from pilotfish.venues.recordings.assemble import Draft, recordings
from pilotfish.venues.recordings.fills import RawFill
from pilotfish.venues.recordings.rows import Issues, RowError, address, number, positive, shown, stamp, text
from pilotfish.venues.recordings.source import Source
from pilotfish.venues.recordings.tables import header, remarks, table
from pilotfish.venues.recordings.types import Accounts, Recording

SHAPE = "polymarket export"
REQUIRED = ("trade_dttm", "trader_id", "side", "amount", "price", "market_title", "outcome")
OPTIONAL = ("trader_name", "value", "event_id", "market_subtitle", "market_icon", "trader_tags")
_LITERAL_MAX = 20_000


def is_literals(text: str) -> bool:
    """Whether the one column of a CSV holds dicts written by Python."""
    names = header(text)
    second = text.partition("\n")[2][:400].lstrip()
    return len(names) == 1 and second.startswith(('"{', "{"))


def read(source: Source, issues: Issues, accounts: Accounts) -> list[Recording]:
    draft = Draft(source.path.name, SHAPE, "polymarket", issues, polymarket.outcome, newest_first=True, identify=False)
    names, occurrences = polymarket.Names(), polymarket.Occurrences()
    literals = is_literals(source.text)
    for line, row in _literals(source.text, issues) if literals else table(source.text, REQUIRED, issues):
        try:
            draft.fills.append(_fill(row, line, names, occurrences))
        except RowError as bad:
            issues.row(line, bad)
    if draft.fills:
        draft.notes.append(polymarket.STAMPS)
    if occurrences.repeated:
        draft.notes.append(f"{occurrences.repeated} rows repeat another; without ids they are taken as separate trades")
    draft.notes += remarks(source.text, header(source.text) if literals else REQUIRED + OPTIONAL)
    made = polymarket.noted(recordings(draft, accounts))
    for one in made:
        _compare_name(one)
    return made


def _literals(content: str, issues: Issues) -> Iterator[tuple[int, dict[str, Any]]]:
    column = header(content)[0]
    for line, row in table(content, [column], issues):
        literal = row[column]
        try:
            value = ast.literal_eval(literal) if len(literal) <= _LITERAL_MAX else None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            value = None
        if isinstance(value, dict):
            yield line, value
        else:
            issues.add(line, column, f"{shown(literal)} is no dict literal", "drop the row, or export it again")


def _fill(row: dict[str, Any], line: int, names: polymarket.Names, occurrences: polymarket.Occurrences) -> RawFill:
    account = address(row, "trader_id")
    if row.get("side") not in ("buy", "sell"):
        raise RowError("side", f"{shown(row.get('side'))} is neither buy nor sell")
    side = Side.BUY if row["side"] == "buy" else Side.SELL
    size = polymarket.clean_size(positive(row, "amount"))
    money = number(row, "value") if row.get("value") not in (None, "") else None
    price = polymarket.clean_price(positive(row, "price"), size, money)
    title, subtitle = text(row, "market_title"), text(row, "market_subtitle", required=False)
    outcome, event = text(row, "outcome"), str(row.get("event_id", ""))
    readable = f"{title}/{subtitle}:{outcome}" if subtitle else f"{title}:{outcome}"
    symbol = names.of(f"{event}\0{title}\0{subtitle}\0{outcome}", readable)
    ns = _ns(row)
    key = occurrences.key(account, symbol, ns, side.name, str(size), str(price))
    return RawFill(account, symbol, ns, side, size, price, line, key)


def _ns(row: dict[str, Any]) -> int:
    column = "trade_dttm"
    try:
        when = datetime.strptime(text(row, column), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as bad:
        raise RowError(column, f"{shown(row[column])} is no YYYY-MM-DD HH:MM:SS", "export it in that format") from bad
    return stamp(int(when.timestamp()), 10**9, column)


def _compare_name(one: Recording) -> None:
    """Say when the file is named after another wallet than the one inside; the rows count."""
    named = next((p for p in one.file.replace(".", "_").split("_") if p.startswith("0x") and len(p) > 4), "")
    if one.account and named and not one.account.startswith(named.lower()):
        one.notes.append(f"the file is named after {named}, its trades are {one.account}'s")
