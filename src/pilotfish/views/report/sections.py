"""What became of the copies and of the leads: bars and tables. Each takes the report and gives a card."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from pilotfish.views.report import figures as fig
from pilotfish.views.report.checks import part_bps
from pilotfish.views.report.dom import ROWS_MAX, bar_list, capped, card, el, more, says, table
from pilotfish.views.report.histograms import real_values
from pilotfish.views.report.money_charts import MEANING
from pilotfish.views.report.schema import Distribution, LeadReport, Report, exact_sum


def missed(report: Report) -> Element:
    copies, asset = report.copies, report.money_asset
    made = card("Missed copies by reason", id_="missed")
    rows = sorted(copies.missed_by_reason.items(), key=lambda item: (-item[1], item[0]))
    if not rows:
        lost = f"{fig.integer(copies.missed)} were missed, no reason is given."
        made.append(says(lost if copies.missed else "No copy was missed."))
        return made
    money = copies.missed_notional_by_reason
    worth = f", {fig.money(exact_sum(list(money.values())), asset)}" if money else ""
    made.append(
        says(f"{fig.integer(copies.missed)} of {fig.integer(copies.intended)} copies were not made at all{worth}.")
    )
    made.append(
        bar_list(
            [
                (
                    fig.sentence(reason),
                    count,
                    fig.integer(count) + (f" · {fig.money(money[reason], asset)}" if reason in money else ""),
                )
                for reason, count in rows
            ]
        )
    )
    return made


def attribution_table(report: Report) -> Element:
    a = report.attribution
    amounts = [*a.parts().values(), a.total, a.venue_fee, a.copy_fee]
    decimals = max(2, *map(fig.decimals_of, amounts))
    rows: list[list[str | Element]] = []
    for name, amount in a.parts().items():
        lines = [(name, amount)]
        if name == "fee" and a.copy_fee:
            lines += [("venue_fee", a.venue_fee), ("copy_fee", a.copy_fee)]
        rows += [
            [
                name.capitalize().replace("_", " "),
                fig.digits(amount, decimals),
                fig.bps(part_bps(amount, a.copied_notional), signed=True),
                MEANING[name],
            ]
            for name, amount in lines
        ]
    rows.append(
        [
            el("b", "Total"),
            el("b", fig.digits(a.total, decimals)),
            fig.bps(part_bps(a.total, a.copied_notional), signed=True),
            "the parts, to the last digit" if a.adds_up() else "NOT the sum of the parts",
        ]
    )
    return table(["Part", report.money_asset, "of notional", "Meaning"], rows, (1, 2))


def leads_table(report: Report) -> Element:
    if not report.leads:
        return card("Leads", says("No lead was followed."), id_="leads")
    head = [
        "Lead",
        "Venue",
        "P&L",
        "Follows",
        "Copies",
        "Filled",
        "Missed",
        "Lag p50 / p99",
        "Slippage p50 / p99",
        "Real lag p50",
        "Real slippage p50",
        "Equity assumed",
        "Fills",
        "Late",
        "Breaks",
    ]
    made = table(head, [_lead_row(lead) for lead in report.leads], range(2, len(head)))
    made.set("class", "scroll wide")
    note = (
        f"Late: fills that came after a later one. Breaks: fills that did not start from the position rebuilt. "
        f"Money in {report.money_asset}; the P&L is the lead's own; real: of its real copiers."
    )
    return card("Leads", made, says(note), id_="leads")


def _lead_row(lead: LeadReport) -> list[str | Element]:
    copies = lead.copies
    lag, slip = real_values([lead], "lag_ms"), real_values([lead], "slippage_bps")
    gain = lead.pnl if lead.pnl is not None and lead.pnl.is_finite() else 0
    pnl = el("span", fig.money(lead.pnl, signed=True), class_="ok" if gain > 0 else "no" if gain < 0 else "")
    name = el("span", lead.name)
    if lead.id != lead.name:
        name.set("title", lead.id)
    return [
        name,
        lead.venue,
        pnl,
        fig.integer(lead.follows),
        fig.integer(copies.intended),
        fig.percent(copies.filled, copies.intended),
        fig.integer(copies.missed),
        _pair(lead.lag_ms, fig.duration),
        _pair(lead.slippage_bps, fig.bps),
        fig.duration(lag.percentile(50)),
        fig.bps(slip.percentile(50)),
        fig.money(lead.equity_assumed),
        fig.integer(lead.fills),
        fig.integer(lead.late_fills),
        fig.integer(lead.position_breaks),
    ]


def _pair(sample: Distribution, text: Callable[[float | None], str]) -> str:
    return f"{text(sample.p50)} / {text(sample.p99)}" if sample.count else fig.NONE


def off_target(report: Report) -> Element:
    f = report.followers
    made = card("Followers off target", id_="off-target")
    carried = (
        f" {fig.integer(f.carried_below_one_lot)} more differ by less than one lot, which is carried to the next fill."
        if f.carried_below_one_lot
        else ""
    )
    if not f.off_target:
        made.append(
            says(
                f"At the end every one of {fig.integer(f.follows)} follows held its target position.{carried}"
                if f.follows
                else "Nobody followed."
            )
        )
        return made
    made.append(
        says(
            f"At the end {fig.integer(f.off_target)} of {fig.integer(f.follows)} follows "
            f"({fig.percent(f.off_target, f.follows)}) held at least one lot more or less than their target.{carried}"
        )
    )
    made.append(
        table(
            ["Why", "Follows", "Share"],
            [
                [fig.sentence(why), fig.integer(n), fig.percent(n, f.off_target)]
                for why, n in sorted(f.off_target_reasons.items(), key=lambda item: (-item[1], item[0]))
            ],
            (1, 2),
        )
    )
    return made


def positions(report: Report) -> Element:
    rows = [
        [lead.name, symbol, fig.quantity(size)]
        for lead in report.leads
        for symbol, size in sorted(lead.final_positions.items())
        if size
    ]
    if not rows:
        return card("Positions of the leads at the end", says("Every lead ended flat."))
    return card(
        "Positions of the leads at the end",
        capped(table(["Lead", "Instrument", "Quantity"], rows[:ROWS_MAX], (2,))),
        more(len(rows)),
    )
