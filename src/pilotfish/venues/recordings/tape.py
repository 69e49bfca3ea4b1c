"""The public tape of a Polymarket market from the time of its AMM (2022): every trade with its account.

Prices are rounded to four digits, money and shares to two decimals. Where the price is 0, missing or no probability it
is recomputed as money over shares. The market is named by the file alone. There are no ids.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from pilotfish.domain.instrument import Side
from pilotfish.venues.recordings import polymarket
from pilotfish.venues.recordings.assemble import Draft, recordings
from pilotfish.venues.recordings.fills import RawFill
from pilotfish.venues.recordings.rows import Issues, RowError, address, number, positive, shown, stamp, text
from pilotfish.venues.recordings.source import Source
from pilotfish.venues.recordings.tables import remarks, table
from pilotfish.venues.recordings.types import Accounts, Recording

SHAPE = "polymarket amm tape"
REQUIRED = ("Timestamp", "Account", "Type", "Outcome", "Amount", "Shares", "Price")
OPTIONAL = ("Direction", "Var.9", "Var.10")
_CENT = Decimal("0.01")
_PRICE_ROUNDING = Decimal("0.00005")
_SANDWICH = "\N{SANDWICH}"


def read(source: Source, issues: Issues, accounts: Accounts) -> list[Recording]:
    draft = Draft(source.path.name, SHAPE, "polymarket", issues, polymarket.outcome, newest_first=True, identify=False)
    occurrences = polymarket.Occurrences()
    recomputed = off = marked = 0
    for line, row in table(source.text, REQUIRED, issues):
        try:
            raw, was_recomputed, is_off = _fill(row, line, source.stem, occurrences)
        except RowError as bad:
            issues.row(line, bad)
            continue
        draft.fills.append(raw)
        recomputed, off = recomputed + was_recomputed, off + is_off
        marked += _SANDWICH in row.values()
    for count, what in (
        (recomputed, "rows without a usable price: recomputed as money over shares"),
        (off, "rows whose price differs from money over shares by more than rounding: the stated price is kept"),
        (occurrences.repeated, "rows repeat another; without ids they are taken as separate trades"),
        (marked, "rows are marked as part of a sandwich"),
    ):
        if count:
            draft.notes.append(f"{count} {what}")
    if draft.fills:
        draft.notes.append(polymarket.STAMPS)
    draft.notes += remarks(source.text, REQUIRED + OPTIONAL)
    return polymarket.noted(recordings(draft, accounts))


def _fill(
    row: dict[str, str], line: int, market: str, occurrences: polymarket.Occurrences
) -> tuple[RawFill, bool, bool]:
    """The fill, whether its price was recomputed, and whether it contradicts money and shares."""
    account, outcome = address(row, "Account"), text(row, "Outcome")
    if row["Type"] not in ("Buy", "Sell"):
        raise RowError("Type", f"{shown(row['Type'])} is neither Buy nor Sell")
    side = Side.BUY if row["Type"] == "Buy" else Side.SELL
    size, money = polymarket.clean_size(positive(row, "Shares")), number(row, "Amount")
    if money < 0:
        raise RowError("Amount", f"{money} is below zero")
    stated = Decimal(0) if row["Price"] in ("", "NA") else number(row, "Price")
    if stated < 0:
        raise RowError("Price", f"{stated} is below zero")
    recompute = not 0 < stated < 1
    price = polymarket.clean_price(money / size if recompute else stated, size, None, "Price")
    off = not recompute and abs(price * size - money) > _CENT / 2 + size * _PRICE_ROUNDING + price * _CENT / 2
    column = "Timestamp"
    try:
        when = datetime.strptime(text(row, column), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as bad:
        raise RowError(column, f"{shown(row[column])} is no YYYY-MM-DD HH:MM:SS", "export it in that format") from bad
    ns = stamp(int(when.timestamp()), 10**9, column)
    symbol = f"{market}:{outcome}"
    key = occurrences.key(account, symbol, ns, side.name, str(size), str(money))
    return RawFill(account, symbol, ns, side, size, price, line, key), recompute, off
