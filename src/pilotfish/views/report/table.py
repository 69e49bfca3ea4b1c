"""What a terminal shows: one row a lead while the run goes on, and the summary at its end."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import TracebackType

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pilotfish.views.report import figures as fig
from pilotfish.views.report.checks import cautions, contradictions, ledger_balances, part_bps
from pilotfish.views.report.schema import Report

_NARROW = 118  # columns below which the least important ones are left out


class LiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """One lead now. `target_lots` and `held_lots`: sums of magnitudes over its follows and instruments."""

    name: str
    position: str
    last_fill: str
    followers: int
    target_lots: int
    held_lots: int
    filled: int
    missed: int
    lag_p50_ms: float | None = None
    lag_p99_ms: float | None = None
    slippage_p50_bps: float | None = None
    pnl: Decimal | None = None  # the lead's own, in the quote asset


class LiveTotals(msgspec.Struct, frozen=True, kw_only=True):
    """`ledger_sum`: base units over all accounts and assets, each asset's magnitude added. Not 0 is a fault."""

    ledger_sum: int
    records: int
    events_per_s: float | None
    elapsed_s: float
    remaining_s: float | None = None


def live_table(
    rows: Sequence[LiveRow], totals: LiveTotals, width: int = 160, notes: Sequence[str] = ()
) -> RenderableType:
    """The table for a terminal of `width` columns; narrow ones lose the last fill and the lots."""
    wide = width >= _NARROW
    made = Table(expand=True, pad_edge=False, box=None, header_style="bold")
    made.add_column("lead", no_wrap=True, overflow="ellipsis", ratio=2)
    made.add_column("position", no_wrap=True, overflow="ellipsis", ratio=3)
    if wide:
        made.add_column("last fill", no_wrap=True, overflow="ellipsis", ratio=3)
    for name in (
        "followers",
        *(("held / target lots",) if wide else ()),
        "filled",
        "missed",
        "lag p50 / p99",
        *(("slip p50",) if wide else ()),
        "P&L",
    ):
        made.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        lots = Text(
            f"{fig.integer(row.held_lots)} / {fig.integer(row.target_lots)}",
            style="" if row.held_lots == row.target_lots else "yellow",
        )
        made.add_row(
            Text(_line(row.name)),
            Text(_line(row.position)),
            *((Text(_line(row.last_fill)),) if wide else ()),
            fig.integer(row.followers),
            *((lots,) if wide else ()),
            fig.integer(row.filled),
            fig.integer(row.missed),
            f"{fig.duration(row.lag_p50_ms)} / {fig.duration(row.lag_p99_ms)}",
            *((fig.bps(row.slippage_p50_bps),) if wide else ()),
            _gain(row.pnl),
        )
    warnings = [Text(f"! {_line(note)}", style="yellow") for note in notes]
    return Group(made if rows else Text("No lead has traded yet."), _totals_line(totals), *warnings)


def _line(text: str) -> str:
    """Text from outside, on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "·" for c in text)


def _gain(x: Decimal | None) -> Text:
    return Text(fig.money(x, signed=True), style="" if not x or not x.is_finite() else "green" if x > 0 else "red")


def _totals_line(totals: LiveTotals) -> Text:
    zero = totals.ledger_sum == 0
    line = Text("ledger sum ")
    line.append("0 ✓" if zero else f"{fig.integer(totals.ledger_sum)} ✗", style="green" if zero else "bold red")
    rate = fig.NONE if totals.events_per_s is None else fig.integer(round(totals.events_per_s))
    line.append(
        f" · {fig.integer(totals.records)} journal records · {rate} events/s · {_clock(totals.elapsed_s)} elapsed"
    )
    if totals.remaining_s is not None:
        line.append(f" · {_clock(totals.remaining_s)} left")
    return line


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    return (
        f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    )


def plain_lines(rows: Sequence[LiveRow], totals: LiveTotals, notes: Sequence[str] = ()) -> list[str]:
    """The same for a file or a pipe: one line a lead, no colours, no drawing."""
    made = [
        f"{row.name}: {row.position or 'flat'}; last fill {row.last_fill or fig.NONE}; "
        f"{fig.integer(row.followers)} followers; "
        f"held {fig.integer(row.held_lots)} of {fig.integer(row.target_lots)} lots; "
        f"copies {fig.integer(row.filled)} filled, {fig.integer(row.missed)} missed; "
        f"lag p50 {fig.duration(row.lag_p50_ms)}, p99 {fig.duration(row.lag_p99_ms)}; "
        f"slippage p50 {fig.bps(row.slippage_p50_bps)}; P&L {fig.money(row.pnl, signed=True)}"
        for row in rows
    ]
    return [*map(_line, made), _totals_line(totals).plain, *(f"! {_line(note)}" for note in notes)]


class LiveView:
    """Redraws in place on a terminal; elsewhere prints plain lines at each update. A context manager.

    with LiveView(Console()) as view: view.update(rows, totals)
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None

    def __enter__(self) -> LiveView:
        if self._live:
            self._live.start()
        return self

    def update(self, rows: Sequence[LiveRow], totals: LiveTotals, notes: Sequence[str] = ()) -> None:
        """`notes`: what somebody who watches should know now."""
        if self._live:
            self._live.update(live_table(rows, totals, self._console.width, notes), refresh=True)
        else:
            for line in plain_lines(rows, totals, notes):
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __exit__(
        self, kind: type[BaseException] | None, bad: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()


def summary_table(report: Report) -> RenderableType:
    """What a run did, in a dozen lines; cautions and contradictions below."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in _summary(report):
        made.add_row(name, value if isinstance(value, Text) else Text(_line(value)))
    notes: list[RenderableType] = [Text(f"! {_line(text)}", style="yellow") for text in cautions(report)]
    if wrong := contradictions(report):
        notes.append(Text("This report contradicts itself. Do not rely on it.", style="bold red"))
        notes += [Text(f"✗ {_line(text)}", style="red") for text in wrong]
    return Group(made, *notes)


def _summary(report: Report) -> list[tuple[str, str | Text]]:
    copies, f, a, asset = report.copies, report.followers, report.attribution, report.money_asset
    lag, slip, track = report.lag_ms, report.slippage_bps, report.tracking_error.bps
    share = part_bps(a.total, a.copied_notional)
    zero = ledger_balances(report)
    return [
        ("leads", f"{fig.integer(len(report.leads))}, {fig.integer(sum(x.fills for x in report.leads))} fills"),
        (
            "followers",
            f"{fig.integer(f.count)}, {fig.integer(f.follows)} follows, {fig.integer(f.off_target)} off target",
        ),
        (
            "copies",
            f"{fig.integer(copies.intended)} intended: {fig.percent(copies.filled, copies.intended)}"
            f" filled, {fig.integer(copies.partly)} in part, {fig.integer(copies.missed)} missed",
        ),
        ("replication lag", f"p50 {fig.duration(lag.p50)}, p90 {fig.duration(lag.p90)}, p99 {fig.duration(lag.p99)}"),
        ("slippage", f"p50 {fig.bps(slip.p50)}, p99 {fig.bps(slip.p99)} (above 0 is worse)"),
        ("tracking error", f"mean {fig.bps(track.mean)}, p99 {fig.bps(track.p99)}"),
        (
            "copying cost",
            f"{fig.money(a.total, asset, signed=True)} ({fig.bps(share, signed=True)}; below 0 is a cost)",
        ),
        ("ledger", Text(f"sums {'to zero ✓' if zero else 'NOT to zero ✗'}", style="green" if zero else "bold red")),
        (
            "journal",
            f"{report.journal.path}: {fig.integer(report.journal.records)} records, root {report.journal.root}",
        ),
        ("run", f"{fig.duration(report.run.wall_s * 1000)}, peak memory {fig.memory(report.run.peak_rss_bytes)}"),
    ]
