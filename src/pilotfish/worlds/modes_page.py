"""modes.html: every mode beside the others as one self-contained page without a script; everything is escaped."""

from __future__ import annotations

from importlib.resources import files
from xml.etree.ElementTree import Element

from pilotfish.views.report.dom import Child, card, el, render, says, table
from pilotfish.worlds.modes_figures import CAME, PER, WENT, ModesReport, came, headline, noise, went

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'"
_TITLE = "The same leads, copied in every mode"
_WIDTH, _HEIGHT = 200, 16
_CSS = """
svg.bar{width:200px;height:16px;display:block} svg.bar line{stroke:currentColor;stroke-width:1;opacity:.4}
svg.bar rect{fill:var(--good)} svg.bar rect.no{fill:var(--bad)} td a{color:var(--follow)}
main>.card:first-child{margin-top:18px} .wide td:last-child:not(.n){min-width:300px}
.came th:nth-child(3){text-align:center}
@media (max-width:560px){svg.bar{width:110px} .wide td:first-child,.wide th:first-child{min-width:112px}}
"""


def render_page(report: ModesReport) -> str:
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
                el("title", _TITLE),
                el("style", css + _CSS),
            ),
            el(
                "body",
                el("header", el("h1", _TITLE), el("p", headline(report) + ".", class_="sub")),
                el("main", *_cards(report)),
                el("footer", el("p", f"Pilotfish {report.version}; all figures are in modes.json.")),
            ),
            lang="en",
        )
    )


def _cards(report: ModesReport) -> list[Element]:
    names = [el("a", row.title, href=row.report) for row in report.rows]
    widest = max((abs(float(row.per(row.result))) for row in report.rows), default=0.0) or 1.0
    money: list[list[Child]] = [
        [*came(row)[:2], _bar(float(row.per(row.result)) / widest), *came(row)[2:]] for row in report.rows
    ]
    head = [*CAME[:2], "−  0  +", *CAME[2:]]
    copies: list[list[Child]] = [[name, *went(row)[1:]] for name, row in zip(names, report.rows, strict=True)]
    what = (
        f"USDC per {PER:,} deposited, all followers together, net of every fee, open positions at the mark. “Ideal” "
        "is what this mode's targets would have earned at once, at the lead's price, free of charge; the columns after "
        "it are why followers got less, and with it they sum to the result."
    )
    return [
        card("What it came to", says(what), _wide(table(head, money, [k for k in range(1, len(head)) if k != 2])),
             says(noise(report)), class_="card came"),
        card("How the copies went", says("Shares of the copies intended; each name opens that mode's own report."),
             _wide(table(WENT, copies, range(1, len(WENT) - 1)))),
        card("What each mode is", table(("mode", "setting", "assumed"), [
            (row.title, row.what, row.assumed or "–") for row in report.rows
        ])),
        card("Left out", el("ul", *(el("li", f"{one.title}: {one.why}.") for one in report.left_out))),
        card("What to know", el("ul", *(el("li", note) for note in report.notes))),
    ]  # fmt: skip


def _wide(made: Element) -> Element:
    made.set("class", "scroll wide")
    return made


def _bar(share: float) -> Element:
    """A result beside the largest: right of the hair for a gain, left of it for a loss."""
    middle = _WIDTH / 2
    width = max(abs(share) * (middle - 2), 0.5)
    at = middle if share >= 0 else middle - width
    bar = el("rect", x=f"{at:.1f}", y="3", width=f"{width:.1f}", height=str(_HEIGHT - 6))
    if share < 0:
        bar.set("class", "no")
    hair = el("line", x1=str(middle), x2=str(middle), y1="0", y2=str(_HEIGHT))
    box = f"0 0 {_WIDTH} {_HEIGHT}"
    return el("svg", bar, hair, class_="bar", viewBox=box, preserveAspectRatio="none", aria_hidden="true")
