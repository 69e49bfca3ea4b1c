"""leads.html: the ranking as one self-contained page without a script. Nothing is fetched, everything is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from xml.etree.ElementTree import Element

from pilotfish.evidence.schema import LeadEvidence, LeadsReport
from pilotfish.evidence.table import GOT, SURE, agreement, day, got, headline, short, sure
from pilotfish.views.report.dom import Child, card, el, render, says, table

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'"
_WIDTH, _HEIGHT = 220, 18
_CSS = """
svg.range{width:220px;height:18px;display:block} svg.range line{stroke:currentColor;stroke-width:3;opacity:.35}
svg.range .zero{stroke-width:1;opacity:.5} svg.range circle{fill:currentColor} tr.dead{opacity:.55}
"""


def render_page(report: LeadsReport) -> str:
    """The whole page as text."""
    css = (files("pilotfish.views.report") / "page.css").read_text(encoding="utf-8")
    return render(
        el(
            "html",
            el(
                "head",
                el("meta", charset="utf-8"),
                el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
                el("meta", name="viewport", content="width=device-width, initial-scale=1"),
                el("title", "Leads, by what their copiers got"),
                el("style", css + _CSS),
            ),
            el(
                "body",
                el("header", el("h1", "Leads, by what their copiers got"), el("p", headline(report), class_="sub")),
                el("main", *_sections(report)),
                el(
                    "footer", el("p", f"Pilotfish {report.version}, seed {report.seed}; all figures are in leads.json.")
                ),
            ),
            lang="en",
        )
    )


def _sections(report: LeadsReport) -> list[Element]:
    low = min((edge for lead in report.leads if (edge := lead.copying.low) is not None), default=-0.1)
    high = max((edge for lead in report.leads if (edge := lead.copying.high) is not None), default=0.1)
    span = (max(min(low, -0.05), -1.0), min(max(high, 0.05), 2.0))
    what = "Money-weighted and net of fees, slippage, delay and missed copies; positions left open are at their mark."
    made = [card("What copiers really got", says(what), _marked(report, [*GOT, "−  0  +, 95%"], [
        [*got(lead), _range(lead, *span)] for lead in report.leads
    ]))]  # fmt: skip
    what = (
        "“Alone”: the probability that the Sharpe ratio is above zero, had we looked at this lead only. “Of all”: that "
        f"it is more than the luckiest of {len(report.leads)} leads without skill would show."
    )
    made.append(card("How far that can be told from luck", says(what), _marked(report, SURE, map(sure, report.leads))))
    if report.later:
        made.append(_later(report))
    if report.clones:
        made.append(_clones(report))
    if report.unjudged:
        rows = [(short(one.name), f"{one.fills:,}", one.why) for one in report.unjudged]
        made.append(card("Not judged", table(("account", "fills", "why"), rows, (1,))))
    notes = [el("li", f"{short(lead.name)}: {note}") for lead in report.leads for note in lead.notes]
    made.append(card("Assumed", el("ul", *(el("li", text) for text in report.assumptions)), el("ul", *notes)))
    return made


def _later(report: LeadsReport) -> Element:
    text = f"Ranked until {day(report.split_ms or 0)}, judged after. Rank correlation (Spearman): {agreement(report)}."
    rows = []
    for one in report.later:
        then = one.why if one.second is None else f"{one.second:+.1%}"
        rows.append((str(one.rank), short(one.name), f"{one.first:+.1%}", then, str(one.second_rank or "–")))
    return card(
        "What became of them", says(text), table(("#", "lead", "got", "then got", "then #"), rows, (0, 2, 3, 4))
    )


def _clones(report: LeadsReport) -> Element:
    rows = []
    for link in report.clones:
        matched = f"{link.matches} ({link.share:.0%})"
        ends = (f"{link.lag_s:.1f} s", f"{link.ratio:.3g} ×", matched, f"{link.by_chance:.1f}")
        rows.append((short(link.first), short(link.second), *ends))
    head = ("account", "its clone", "later by", "size", "matching orders", "by chance")
    return card("Accounts taken for one trader", table(head, rows, (2, 3, 4, 5)))


def _marked(report: LeadsReport, head: Sequence[str], rows: Iterable[Sequence[Child]]) -> Element:
    """A table of all leads, the dead ones dimmed."""
    cells = [[str(lead.rank), short(lead.name), *row] for lead, row in zip(report.leads, rows, strict=True)]
    words = {k for k, name in enumerate(head) if name in ("lead", "remarks") or "0" in name}
    made = table(head, cells, [k for k in range(len(head)) if k not in words])
    for lead, row in zip(report.leads, list(made.iter("tr"))[1:], strict=True):
        if lead.dead:
            row.set("class", "dead")
    return made


def _range(lead: LeadEvidence, low: float, high: float) -> Element:
    """The interval as a line, the return as a dot, zero as a hair; cut at the ends of the scale."""

    def x(value: float) -> str:
        return f"{4 + (min(max(value, low), high) - low) / (high - low) * (_WIDTH - 8):.1f}"

    c, middle = lead.copying, str(_HEIGHT // 2)
    said = f"{c.money_weighted:+.1%}" + ("" if c.low is None or c.high is None else f", {c.low:+.0%} to {c.high:+.0%}")
    parts = [el("line", class_="zero", x1=x(0), x2=x(0), y1="0", y2=str(_HEIGHT))]
    if c.low is not None and c.high is not None:
        parts.append(el("line", x1=x(c.low), x2=x(c.high), y1=middle, y2=middle))
    parts.append(el("circle", cx=x(c.money_weighted), cy=middle, r="4"))
    return el("svg", *parts, class_="range", role="img", aria_label=said)
