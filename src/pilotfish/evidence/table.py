"""The ranking and the recommendation as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.markup import escape
from rich.table import Table

from pilotfish.evidence.schema import LeadEvidence, LeadsReport, Recommendation

_COLUMNS = (
    "#", "lead", "copiers got", "95%", "in profit", "loss to copying", "win rate", "fall", "Sharpe", "trips/days",
    "not luck", "capacity", "remarks",
)  # fmt: skip


def leads_tables(report: LeadsReport) -> Iterator[Table | str]:
    """Tables and lines in the order to print them."""
    yield (
        f"{_day(report.start_ms)} to {_day(report.end_ms)}: {len(report.leads)} leads of {report.accounts_seen:,} "
        f"accounts, {report.copiers} copiers with {report.copier_capital:,.0f} USDC together for each, "
        f"steps of {report.step_hours:g} h"
    )
    table = Table(title="Leads by what their copiers really got, money-weighted, net")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in ("lead", "remarks") else "right", overflow="fold")
    for lead in report.leads:
        table.add_row(*map(escape, _row(lead)), style="dim" if lead.dead else "")
    yield table
    if report.later:
        yield _later(report)
        agree = report.rank_correlation
        said = "not known" if agree is None else f"{agree:+.2f}"
        yield f"rank correlation of the two periods (Spearman): {said}"
    for link in report.clones:
        yield (
            f"one trader: {link.second} comes {link.lag_s:.1f} s after {link.first} at {link.ratio:.3g} × its size, "
            f"{link.matches} orders ({link.share:.0%}), {link.by_chance:.1f} by chance"
        )
    if report.unjudged:
        yield "Not judged:"
        yield from (f"  {one.name}, {one.fills} fills: {one.why}" for one in report.unjudged)
    if report.issues:
        yield f"{len(report.issues)} rows of the recordings were set aside, the first: {report.issues[0]}"
    yield "Assumed: " + "; ".join(report.assumptions) + "."


def _row(lead: LeadEvidence) -> list[str]:
    c = lead.copying
    span = "too few steps" if c.low is None or c.high is None else f"{c.low:+.0%} … {c.high:+.0%}"
    ratio = "–" if c.sharpe is None else f"{c.sharpe:.1f}"
    if c.sharpe_low is not None and c.sharpe_high is not None:
        ratio += f" ({c.sharpe_low:.1f} … {c.sharpe_high:.1f})"
    loss = "–" if c.loss_of_return is None else f"{c.loss_of_return:+.1%}"
    if c.loss_bps is not None:
        loss += f" · {c.loss_bps:,.0f} bps"
    room = "–" if lead.capacity.usdc is None else f"{'≥ ' if lead.capacity.at_least else ''}{lead.capacity.usdc:,.0f}"
    share = lead.wins / lead.round_trips if lead.round_trips else 0.0
    remarks = [f"DEAD: {lead.dead}"] if lead.dead else []
    remarks += [f"clone of {short(name)}" for name in lead.clones]
    if c.missed > 0.5:
        remarks.append(f"{c.missed:.0%} of copies missed")
    return [
        str(lead.rank),
        short(lead.name),
        f"{c.money_weighted:+.1%}",
        span,
        f"{c.in_profit}/{c.copiers}",
        loss,
        f"{share:.0%} ({lead.win_low:.0%} … {lead.win_high:.0%})",
        f"{c.drawdown:.0%}",
        ratio,
        f"{lead.round_trips}/{lead.active_days}",
        "–" if lead.deflated is None else f"{lead.deflated:.0%}",
        room,
        "; ".join(remarks),
    ]


def _later(report: LeadsReport) -> Table:
    table = Table("#", "lead", "copiers got", "then got", "then #", title=f"Ranked until {_day(report.split_ms or 0)}")
    for row in report.later:
        then = row.why if row.second is None else f"{row.second:+.1%}"
        table.add_row(str(row.rank), short(row.name), f"{row.first:+.1%}", then, str(row.second_rank or "–"))
    return table


def recommendation_text(found: Recommendation, report: LeadsReport) -> str:
    """The proposal in sentences: what, why, what speaks against it, and why not the others."""
    lines = [f"{found.headline}", ""]
    for choice in found.choices:
        lines.append(f"{choice.weight:.0%} · {choice.amount:,.2f} USDC · {choice.name}")
        lines += [f"    {why}" for why in choice.why] + [f"    but {warning}" for warning in choice.warnings]
    if found.cash > 0.005:
        lines.append(f"{found.cash / found.capital:.0%} · {found.cash:,.2f} USDC · stays cash")
    if found.rejections:
        lines += ["", "Not proposed:"]
        lines += [f"  {one.name}: {'; '.join(one.why)}" for one in found.rejections]
    lines += ["", "Assumed: " + "; ".join(report.assumptions) + ". The past of these leads is no promise."]
    return "\n".join(lines)


def short(name: str) -> str:
    """An address by its first ten characters, any other name as it is."""
    return name[:10] + "…" if name.startswith("0x") and len(name) > 12 else name


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
