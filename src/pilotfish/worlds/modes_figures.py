"""modes.json: what each mode did, and the cells in which a terminal and the page show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import msgspec
from rich.markup import escape
from rich.table import Table

from pilotfish.views.report import figures as fig
from pilotfish.views.report.schema import Attribution, Copies, Distribution, Part
from pilotfish.worlds.modes_catalogue import LeftOut

PER = 1_000  # money is shown per so many USDC deposited


class ModeRow(Part, frozen=True, kw_only=True):
    """One mode. Money in USDC for all follows together; `result` is net of every fee, positions at the mark."""

    key: str
    title: str
    what: str
    assumed: str
    report: str  # its own report, from the folder of modes.json
    root: str  # of its journal
    copies: Copies
    lag_ms: Distribution
    slippage_bps: Distribution
    deposited: Decimal
    result: Decimal
    drawdown: Decimal  # the largest fall of all results together
    attribution: Attribution
    stopped: dict[str, int]  # follows by the stop that closed them
    off_target: int

    def per(self, money: Decimal) -> Decimal:
        """So much money for each `PER` USDC deposited."""
        return money * PER / self.deposited


class ModesReport(Part, frozen=True, kw_only=True):
    version: str
    seed: int
    route: str
    leads: list[str]
    equities: list[Decimal]
    symbols: list[str]
    fills: int
    days: float
    followers: int
    capital_median: float
    deposited: Decimal
    traded: Decimal  # by the leads
    rows: list[ModeRow]
    draws: list[Decimal]  # results per `PER` of the first mode in other draws of the market model
    left_out: list[LeftOut]
    notes: list[str]


WENT = ("mode", "intended", "filled", "in part", "missed", "lag p50", "slippage p50", "why missed")
CAME = (
    "mode", "result", "deepest fall", "ideal", "delay", "slippage", "fees", "funding", "rounding", "missed", "hedge",
)  # fmt: skip


def went(row: ModeRow) -> list[str]:
    """How its copies went: shares of those intended."""
    c = row.copies
    shares = [fig.percent(n, c.intended) for n in (c.filled, c.partly, c.missed)]
    lag, slippage = fig.duration(row.lag_ms.p50), fig.bps(row.slippage_bps.p50, signed=True)
    return [row.title, fig.integer(c.intended), *shares, lag, slippage, why(row)]


def why(row: ModeRow, most: int = 2) -> str:
    """The commonest reasons of what was missed, then the stops that closed follows."""
    reasons = sorted(row.copies.missed_by_reason.items(), key=lambda entry: -entry[1])
    words = [f"{text} ({fig.percent(n, row.copies.missed)})" for text, n in reasons[:most]]
    if len(reasons) > most:
        words.append(f"{len(reasons) - most} more")
    return (
        "; ".join([*words, *(f"closed {fig.integer(n)} follows: {text}" for text, n in row.stopped.items())])
        or fig.NONE
    )


def came(row: ModeRow) -> list[str]:
    """What it came to, per `PER` USDC deposited."""
    a = row.attribution
    parts = (a.ideal_pnl or Decimal(0), a.delay, a.slippage, a.fee, a.funding, a.rounding, a.missed, a.hedge)
    shown = [_two(row.per(part)) for part in parts]
    return [row.title, _two(row.per(row.result)), _two(-row.per(row.drawdown)), *shown]


def _two(money: Decimal) -> str:
    """Two decimals and a sign; what rounds to nothing has none."""
    text = f"{money:+,.2f}".replace("-", "−")
    return text[1:] if not text.strip("+−0.,") else text


def headline(report: ModesReport) -> str:
    """What was compared, in one sentence."""
    return (
        f"{fig.integer(report.fills)} fills of {', '.join(fig.shorten(name) for name in report.leads)} in "
        f"{report.days:.1f} days, {', '.join(report.symbols[:8])}, {fig.number(report.traded, 0)} USDC traded; "
        f"{fig.integer(report.followers)} followers with a median of {report.capital_median:g} and together "
        f"{fig.number(report.deposited, 0)} USDC; seed {report.seed}, {report.route} route"
    )


def noise(report: ModesReport) -> str:
    """How much of a difference between two modes may be the market model's chance."""
    if not report.draws:
        return "One draw of the market model: small differences between modes may be chance."
    low, high = _two(min(report.draws)), _two(max(report.draws))
    return (
        f"The same {report.rows[0].title} mode in {len(report.draws)} draws of the market model came to between {low} "
        f"and {high} per {PER:,} USDC. Differences between modes that are no larger may be chance."
    )


def modes_tables(report: ModesReport) -> Iterator[Table | str]:
    """Tables and lines in the order to print them."""
    yield headline(report)
    yield _table("How the copies went", WENT[:-1], [went(row)[:-1] for row in report.rows])
    yield _table(f"USDC per {PER:,} deposited: result = ideal + what follows it", CAME, map(came, report.rows))
    yield noise(report)
    yield from (f"Missed, {row.title}: {why(row)}." for row in report.rows if why(row) != fig.NONE)
    yield from (f"Left out: {one.title}: {one.why}." for one in report.left_out)
    yield from (f"Assumed for {row.title}: {row.assumed}." for row in report.rows if row.assumed)
    yield from report.notes


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """As wide as its cells, however narrow the terminal: figures that are cut off are worse than lines that wrap."""
    cells = list(rows)
    table = Table(title=title, box=None, title_justify="left", padding=(0, 1, 0, 0))
    for k, name in enumerate(head):
        width = max(len(text) for text in (name, *(row[k] for row in cells)))
        table.add_column(name, justify="right" if k else "left", no_wrap=True, min_width=width)
    for row in cells:
        table.add_row(*map(escape, row))
    return table


def encode(report: ModesReport) -> bytes:
    """modes.json."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
