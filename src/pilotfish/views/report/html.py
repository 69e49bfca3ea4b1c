"""report.html: one self-contained page. Nothing is fetched: plotly.js is inlined, the page's policy forbids the rest.

The content security policy names the two inline scripts by their hash, so a script that came in with a name, a note or
a file name would not run even if it were not escaped; it is escaped as well (dom.py, charts.safe).
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from xml.etree.ElementTree import Element

import msgspec
from plotly.offline import get_plotlyjs

from pilotfish.domain.errors import ConfigError
from pilotfish.views.report import (
    background,
    headline,
    histograms,
    money_charts,
    portfolio_section,
    sections,
    terms_sections,
)
from pilotfish.views.report import figures as fig
from pilotfish.views.report.charts import Chart
from pilotfish.views.report.dom import card, el, render
from pilotfish.views.report.schema import Report


def render_html(report: Report) -> str:
    """The whole page as text, about 4.9 MB, nearly all of it plotly.js."""
    drawn = {
        c.id: c
        for c in (
            *([portfolio_section.nav(report)] if report.portfolio else []),
            money_charts.equity(report),
            histograms.lag(report),
            histograms.slippage(report),
            histograms.tracking(report),
            money_charts.waterfall(report),
        )
    }
    plotly, own = _asset_plotly(), _asset("page.js")
    data = {c.id: {"figure": c.figure, "views": c.views} for c in drawn.values() if c.figure is not None}
    # `<` never appears in the JSON block, so no text in it can end the block
    block = msgspec.json.encode(data).decode().replace("<", "\\u003c")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
        f"script-src {_hash(plotly)} {_hash(own)}"
    )
    return render(
        el(
            "html",
            el(
                "head",
                el("meta", charset="utf-8"),
                el("meta", http_equiv="Content-Security-Policy", content=policy),
                el("meta", name="viewport", content="width=device-width, initial-scale=1"),
                el("meta", name="referrer", content="no-referrer"),
                el("title", report.title),
                el("style", _asset("page.css")),
            ),
            el(
                "body",
                _header(report),
                _main(report, drawn),
                _footer(report),
                el("script", block, type="application/json", id="charts"),
                el("script", plotly),
                el("script", own),
            ),
            lang="en",
        )
    )


def _main(report: Report, drawn: dict[str, Chart]) -> Element:
    portfolio = [_figure(drawn["nav"], *portfolio_section.figures_table(report))] if "nav" in drawn else []
    return el(
        "main",
        *headline.banners(report),
        headline.tiles(report),
        *portfolio,
        portfolio_section.too_small(report),
        _figure(drawn["equity"]),
        el("div", _figure(drawn["lag"]), _figure(drawn["slippage"]), class_="pair"),
        el("div", _figure(drawn["tracking"]), sections.missed(report), class_="pair"),
        _figure(drawn["attribution"], sections.attribution_table(report)),
        sections.leads_table(report),
        el("div", terms_sections.fees(report), terms_sections.switches(report), class_="pair"),
        terms_sections.modes(report),
        el("div", sections.off_target(report), sections.positions(report), class_="pair"),
        el(
            "div",
            background.counts("Orders", "State at the end", report.orders, "No order was sent."),
            background.counts("Refused before they were sent", "Reason", report.refusals, "The gate refused nothing."),
            class_="pair",
        ),
        background.books(report),
        background.model(report),
        background.inputs(report),
        background.run(report),
    )


def _header(report: Report) -> Element:
    seed = "no seed" if report.seed is None else f"seed {report.seed}"
    times = report.equity.times_ms
    span = f" · {fig.moment(times[0])} to {fig.moment(times[-1])}" if times else ""
    portfolio = (("nav", "portfolio"),) if report.portfolio else ()
    links = (
        *portfolio,
        ("equity", "equity"),
        ("lag", "lag"),
        ("slippage", "slippage"),
        ("missed", "missed"),
        ("attribution", "attribution"),
        ("leads", "leads"),
        ("fees", "fees"),
        ("model", "assumptions"),
        ("inputs", "inputs"),
        ("verify", "verify"),
    )
    return el(
        "header",
        el("h1", report.title),
        el("p", f"{report.route} route · {seed} · Pilotfish {report.version}{span}", class_="sub"),
        el("nav", *(el("a", text, href=f"#{anchor}") for anchor, text in links)),
    )


def _figure(chart: Chart, *below: Element) -> Element:
    caption = el("figcaption", chart.says)
    if chart.figure is None:
        return card(chart.title, el("p", chart.says, class_="empty"), id_=chart.id)
    pick = None
    if len(chart.views) > 2:
        options = (el("option", label, value=str(i)) for i, (label, _) in enumerate(chart.views))
        pick = el("label", "show ", el("select", *options, id=f"pick-{chart.id}"), class_="pick")
    plot = el(
        "div",
        el("noscript", "The charts need JavaScript; all figures are in report.json."),
        class_="plot",
        id=f"plot-{chart.id}",
        role="img",
        aria_label=chart.says,
    )
    made = card(chart.title, el("figure", plot, caption), *below, id_=chart.id)
    if pick is not None:
        title = made[0]
        made.remove(title)
        made.insert(0, el("div", title, pick, class_="top"))
    return made


def _footer(report: Report) -> Element:
    return el(
        "footer",
        el("h2", "Verify it yourself", id="verify"),
        el(
            "p",
            "This page is a view of the journal. ",
            el("code", f"pilotfish verify {report.journal.path}"),
            " reads every record, checks the hash chain and replays it; the root it prints must be ",
            el("code", report.journal.root),
            ".",
        ),
        el(
            "p",
            "The same figures for machines are in report.json beside this page. The page loads nothing from anywhere: "
            "plotly.js (MIT licence) is inside it.",
        ),
    )


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


@cache
def _asset_plotly() -> str:
    """plotly.js, with the line ends an HTML parser would make of it, so that its hash holds."""
    text: str = get_plotlyjs().replace("\r\n", "\n").replace("\r", "\n")
    if "</script" in text.lower():
        raise ConfigError(
            "the installed plotly", "cannot be inlined: its script ends itself", "install the locked version"
        )
    return text
