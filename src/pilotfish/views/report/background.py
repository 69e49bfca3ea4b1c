"""What stands behind the figures: orders and refusals, prices, assumptions, input files, the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from pilotfish.views.report import figures as fig
from pilotfish.views.report.dom import ROWS_MAX, capped, card, el, more, says, table
from pilotfish.views.report.schema import Report

BOOKS = {
    "recorded": "recorded from the venue",
    "modelled": "modelled between the lead's fills",
    "seeded": "seeded chance",
    "live": "the venue's own, as it told them",
    "paper": "the venue's own; our fills are simulated",
    "twin": "made up by a twin of the venue",
}


def counts(title: str, name: str, found: Mapping[str, int], empty: str) -> Element:
    if not found:
        return card(title, says(empty))
    rows = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return card(
        title, table([name, "Count"], [[fig.sentence(key).rstrip("."), fig.integer(n)] for key, n in rows], (1,))
    )


def books(report: Report) -> Element:
    if not report.instruments:
        return card("Prices and depth", says("No instrument was traded."))
    rows = [[i.symbol, i.venue or fig.NONE, BOOKS[i.book], i.note] for i in report.instruments[:ROWS_MAX]]
    return card(
        "Prices and depth",
        capped(table(["Instrument", "Venue", "Book", "Note"], rows)),
        more(len(report.instruments)),
    )


def model(report: Report) -> Element:
    if not report.model:
        return card(
            "What was assumed", says("Nothing was assumed: every figure was measured or recorded."), id_="model"
        )
    rows = [[name, _value(m.value), m.unit, m.source] for name, m in sorted(report.model.items())]
    return card(
        "What was assumed",
        says("Figures that this run took as given, and where each is from."),
        table(["Figure", "Value", "Unit", "Source"], rows, (1,)),
        id_="model",
    )


def _value(x: int | float | str) -> str:
    if isinstance(x, str):
        return x
    return fig.integer(x) if isinstance(x, int) else fig.number(x, 4).rstrip("0").rstrip(".")


def inputs(report: Report) -> Element:
    made = card("Inputs", id_="inputs")
    if report.inputs:
        made.append(
            table(
                ["File", "Read as", "Fills", "Rows left out"],
                [[i.file, i.shape, fig.integer(i.fills), fig.integer(i.issues)] for i in report.inputs],
                (2, 3),
            )
        )
    else:
        made.append(
            says(
                "The leads' fills came from files that `pilotfish inspect` describes one by one."
                if report.portfolio
                else "No file was read: the lead's fills came from elsewhere."
            )
        )
    made.append(el("h3", "Rows that could not be trusted"))
    if not report.issues:
        made.append(says("None: every row was used."))
        return made
    made.append(
        capped(
            table(
                ["Where", "Why it was left out", "What to do"],
                [
                    [
                        el("code", f"{i.file}:{i.line}:{i.column}"),
                        fig.sentence(i.why),
                        fig.sentence(i.to_do) if i.to_do else fig.NONE,
                    ]
                    for i in report.issues[:ROWS_MAX]
                ],
            )
        )
    )
    made.extend(e for e in [more(len(report.issues))] if e is not None)
    return made


def run(report: Report) -> Element:
    r, j, ledger, asset = report.run, report.journal, report.ledger, report.money_asset
    rows: list[list[str | Element]] = [
        ["Wall time", fig.duration(r.wall_s * 1000)],
        ["Events a second", fig.integer(round(r.events_per_s)) if r.events_per_s is not None else fig.NONE],
        ["Peak memory", fig.memory(r.peak_rss_bytes)],
        ["Journal", el("code", j.path)],
        ["Records: events, commands", f"{fig.integer(j.records)}: {fig.integer(j.events)}, {fig.integer(j.commands)}"],
        ["Chain root", el("code", j.root)],
        ["Fees paid by followers", fig.money(ledger.fees_paid, asset)],
        ["Funding paid by followers", fig.money(ledger.funding_paid, asset)],
    ]
    for name, total in sorted(ledger.sum_by_asset.items()):
        rows.append([f"Ledger, all accounts in {name}", f"{fig.integer(total)} base units"])
    return card("The run", table(["Figure", ""], rows), id_="run")
