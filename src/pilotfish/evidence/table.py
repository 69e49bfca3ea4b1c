"""The ranking and the recommendation as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from rich.markup import escape
from rich.table import Table

from pilotfish.evidence.schema import LeadEvidence, LeadsReport, Recommendation


def leads_tables(report: LeadsReport) -> Iterator[Table | str]:
    """Tables and lines in the order to print them."""
    yield headline(report)
    yield _table("Leads by what their copiers really got, money-weighted, net", GOT, map(got, report.leads), report)
    yield _table("How far that can be told from luck", SURE, map(sure, report.leads), report)
    if report.later:
        yield _later(report)
        yield f"rank correlation of the two periods (Spearman): {agreement(report)}"
    for link in report.clones:
        yield (
            f"one trader: {link.second} comes {link.lag_s:.1f} s after {link.first} at {link.ratio:.3g} × its size, "
            f"{link.matches} orders ({link.share:.0%}), {link.by_chance:.1f} by chance"
        )
    if report.unjudged:
        yield f"Not judged, {len(report.unjudged)}:"
        yield from (f"  {short(one.name)}, {one.fills} fills: {one.why}" for one in report.unjudged)
    if report.issues:
        yield f"{len(report.issues)} rows of the recordings were set aside, the first: {report.issues[0]}"
    yield "Assumed: " + "; ".join(report.assumptions) + "."


def headline(report: LeadsReport) -> str:
    """What was compared, in one sentence."""
    return (
        f"{day(report.start_ms)} to {day(report.end_ms)}: {len(report.leads)} leads of {report.accounts_seen:,} "
        f"accounts, {report.copiers} copiers with {report.copier_capital:,.0f} USDC together for each, "
        f"{report.replays} replays (± half of what lies between them), "
        f"steps of {report.step_hours:g} h"
    )


def _table(title: str, columns: Sequence[str], rows: Iterable[list[str]], report: LeadsReport) -> Table:
    """One row a lead; the dead are shown, dimmed."""
    table = Table(title=title)
    for name in columns:
        table.add_column(name, justify="left" if name in ("lead", "remarks") else "right", no_wrap=name != "remarks")
    for lead, row in zip(report.leads, rows, strict=True):
        table.add_row(str(lead.rank), *map(escape, [short(lead.name), *row]), style="dim" if lead.dead else "")
    return table


GOT = ("#", "lead", "copiers got", "in profit", "deepest fall", "lost to copying", "missed", "capacity", "remarks")


def got(lead: LeadEvidence) -> list[str]:
    c = lead.copying
    loss = "–" if c.loss_of_return is None else f"{c.loss_of_return:+.1%}"
    if c.loss_bps is not None:
        loss += f" · {c.loss_bps:,.0f} bps"
    room = "–" if lead.capacity.usdc is None else f"{'≥ ' if lead.capacity.at_least else ''}{lead.capacity.usdc:,.0f}"
    apart = f" ± {(max(c.replays) - min(c.replays)) / 2 * 100:.0f}" if len(c.replays) > 1 else ""
    remarks = [f"DEAD: {lead.dead}"] if lead.dead else []
    remarks += [f"clone of {short(name)}" for name in lead.clones]
    return [
        f"{c.money_weighted:+.1%}{apart}", f"{c.in_profit}/{c.copiers}", f"{c.drawdown:.0%}", loss, f"{c.missed:.0%}",
        room, "; ".join(remarks),
    ]  # fmt: skip


SURE = ("#", "lead", "95% of the return", "Sharpe a year, 95%", "win rate, 95%", "trips", "days", "alone", "of all")


def sure(lead: LeadEvidence) -> list[str]:
    c = lead.copying
    span = "too few steps" if c.low is None or c.high is None else f"{c.low:+.0%} … {c.high:+.0%}"
    ratio = "–" if c.sharpe is None else f"{c.sharpe:.1f}"
    if c.sharpe_low is not None and c.sharpe_high is not None:
        ratio += f" ({c.sharpe_low:.1f} … {c.sharpe_high:.1f})"
    share = lead.wins / lead.round_trips if lead.round_trips else 0.0
    chances = ["–" if p is None else f"{p:.0%}" for p in (lead.alone, lead.deflated)]
    return [
        span, ratio, f"{share:.0%} ({lead.win_low:.0%} … {lead.win_high:.0%})", str(lead.round_trips),
        str(lead.active_days), *chances,
    ]  # fmt: skip


def agreement(report: LeadsReport) -> str:
    if report.rank_correlation is None:
        return "not known"
    if report.rank_low is None or report.rank_high is None:
        return f"{report.rank_correlation:+.2f}, too few for an interval"
    return f"{report.rank_correlation:+.2f}, 95% from {report.rank_low:+.2f} to {report.rank_high:+.2f}"


def _later(report: LeadsReport) -> Table:
    table = Table("#", "lead", "copiers got", "then got", "then #", title=f"Ranked until {day(report.split_ms or 0)}")
    for row in report.later:
        then = row.why if row.second is None else f"{row.second:+.1%}"
        table.add_row(str(row.rank), short(row.name), f"{row.first:+.1%}", then, str(row.second_rank or "–"))
    return table


def recommendation_text(found: Recommendation, report: LeadsReport) -> str:
    """The proposal in sentences: what, why, what speaks against it, and why not the others."""
    period = f"Judged on {day(report.start_ms)} to {day(report.end_ms)}"
    lines = [found.headline, f"{period}, on what copiers would have got net, by the low end of the interval.", ""]
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


def day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
