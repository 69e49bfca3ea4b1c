"""The attribution as CSV: one file with a row a follow, one with a row a trade. Money with every digit it has."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from pilotfish.domain.errors import ConfigError
from pilotfish.engine.state import State
from pilotfish.views.attribution import AttributionView
from pilotfish.views.attribution_tables import AMOUNTS, Fine, FollowTable, TradeRow

FOLLOWS = ("follow", "follower", "lead", *AMOUNTS, "total", "actual")
TRADES = ("kind", "lead", "instrument", "at_ns", "copies", *AMOUNTS, "total")


def write_attribution(out_dir: Path, view: AttributionView, state: State) -> tuple[Path, Path]:
    """attribution-follows.csv and attribution-trades.csv in `out_dir`, which is made if need be; returns their paths.

    In each file `total` is the sum of the parts after `ideal`, and the rows of either sum to the report's figures.
    Raises ConfigError where the folder cannot be written.
    """
    follows, trades = out_dir / "attribution-follows.csv", out_dir / "attribution-trades.csv"
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        _write(follows, FOLLOWS, _follow_rows(view.follows(state), state))
        _write(trades, TRADES, _trade_rows(view.table(state), state))
    except OSError as bad:
        what = f"the attribution cannot be written there ({bad.strerror})"
        raise ConfigError(str(out_dir), what, "name another folder") from bad
    return follows, trades


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Whole or not at all."""
    fresh = path.with_name(f".{path.name}.tmp")
    try:
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(rows)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _follow_rows(table: FollowTable, state: State) -> Iterable[Sequence[object]]:
    names = [_text(lead.name) for lead in state.leads]
    columns = [*(table.amounts[name] for name in AMOUNTS), table.totals(), table.actual]
    who = zip(state.follows.follower.tolist(), state.follows.lead.tolist(), strict=True)
    for row, ((follower, lead), amounts) in enumerate(zip(who, zip(*columns, strict=True), strict=True)):
        yield row, follower, names[lead], *(_money(table.fine, amount) for amount in amounts)


def _trade_rows(table: list[TradeRow], state: State) -> Iterable[Sequence[object]]:
    fine = Fine.of(state)
    for row in table:
        trade = row.trade
        yield (
            trade.kind, _text(state.leads[trade.lead].name) if trade.lead >= 0 else "",
            _text(state.listings[trade.instrument].instrument.symbol) if trade.instrument >= 0 else "",
            trade.at_ns or "", trade.copies or "", *(_money(fine, row.amounts[name]) for name in AMOUNTS),
            _money(fine, row.total),
        )  # fmt: skip


def _money(fine: Fine, amount: int) -> str:
    return f"{fine.show(amount):f}"


def _text(name: str) -> str:
    """A name from outside, which no spreadsheet is to take for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
