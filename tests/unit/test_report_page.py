"""report.html: self-contained, safe with whatever names come in, and truthful when there is nothing to show."""

import base64
import hashlib
import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.views.report import histograms, money_charts
from pilotfish.views.report.charts import safe
from pilotfish.views.report.html import _asset, render_html
from pilotfish.views.report.schema import Attribution, JournalReport, Report, RunFigures
from pilotfish.views.report.write import decode_report, encode_report
from tests.unit.report_example import ROOT, changed, example

HOSTILE = "\"'><img src=x onerror=alert(1)></title></script><script>alert(1)</script>%{x}$bad<!--"
CHARTS = [money_charts.equity, histograms.lag, histograms.slippage, histograms.tracking, money_charts.waterfall]
NOTHING = Report(
    version="0.1.0", seed=None, route="segregated", run=RunFigures(wall_s=0.0),
    journal=JournalReport(path="out/journal.db", records=0, root="", events=0, commands=0),
)  # fmt: skip


class Page(HTMLParser):
    """The elements, the visible text, and the content of scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _hostile() -> Report:
    """The example with a hostile string wherever text comes from outside."""
    one = example()
    lead = changed(
        one.leads[0], id=HOSTILE, name=HOSTILE, venue=HOSTILE, final_positions={HOSTILE: Decimal(1)},
        real_copiers=[changed(c, copier=HOSTILE, symbol=HOSTILE) for c in one.leads[0].real_copiers],
    )  # fmt: skip
    return changed(
        one, title=HOSTILE, route=HOSTILE, version=HOSTILE, money_asset=HOSTILE, leads=[lead], refusals={HOSTILE: 1},
        orders={HOSTILE: 1}, copies=changed(one.copies, missed_by_reason={HOSTILE: one.copies.missed}),
        followers=changed(one.followers, off_target_reasons={HOSTILE: 312}),
        equity=changed(one.equity, leads=[changed(one.equity.leads[0], id=HOSTILE)]),
        instruments=[changed(i, symbol=HOSTILE, venue=HOSTILE, note=HOSTILE) for i in one.instruments],
        model={HOSTILE: changed(one.model["taker_fee"], value=HOSTILE, unit=HOSTILE, source=HOSTILE)},
        inputs=[changed(i, file=HOSTILE, shape=HOSTILE) for i in one.inputs],
        issues=[changed(i, file=HOSTILE, column=HOSTILE, why=HOSTILE, to_do=HOSTILE) for i in one.issues],
        journal=changed(one.journal, path=HOSTILE, root=HOSTILE),
        tracking_error=changed(one.tracking_error, how=HOSTILE), ledger=changed(one.ledger, sum_by_asset={HOSTILE: 0}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_html(example()))


@pytest.fixture(scope="module")
def hostile() -> Page:
    return Page(render_html(_hostile()))


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    assert {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "embed", "base", "form"} == set()
    assert [a for _, a in page.elements if "src" in a or not (a.get("href") or "#").startswith("#")] == []
    assert not re.search(r"url\(|@import|https?:", _asset("page.css") + _asset("page.js"))


def _policy(page: Page) -> str:
    return next(a["content"] or "" for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")


def test_the_page_forbids_every_request_and_every_script_but_its_own_two(page: Page) -> None:
    policy = _policy(page)
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy
    own = [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in page.scripts[1:]]
    assert len(own) == 2
    assert policy.endswith(f"script-src {own[0]} {own[1]}")


def test_the_charts_offer_no_button_that_sends_data_away() -> None:
    script = _asset("page.js")
    assert 'showSendToCloud: false, plotlyServerURL: ""' in script
    assert 'modeBarButtons: [["toImage", "zoomIn2d", "zoomOut2d", "resetScale2d"]]' in script


def test_hostile_text_stays_text_wherever_it_comes_in(page: Page, hostile: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert {tag for tag, _ in hostile.elements} <= tags
    assert len(hostile.scripts) == 3
    assert hostile.scripts[1:] == page.scripts[1:]
    assert not any(name.startswith("on") for _, attributes in hostile.elements for name in attributes)
    assert hostile.text.count(HOSTILE) >= 20
    charts = json.loads(hostile.scripts[0])
    labels = json.dumps([charts[id_]["figure"] for id_ in charts])
    assert "<script" not in labels
    assert "%{x}" not in labels
    assert "&lt;script" in safe("<script>")


@settings(max_examples=15)
@given(st.text(max_size=60))
def test_any_name_at_all_is_shown_or_replaced_never_obeyed(name: str) -> None:
    lead = changed(example().leads[0], name=name)
    read = Page(render_html(decode_report(encode_report(changed(NOTHING, title=name, leads=[lead])))))
    assert len(read.scripts) == 3


@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("report", [example(), _hostile()], ids=["example", "hostile"])
def test_every_chart_is_a_figure_that_plotly_accepts(draw: Any, report: Report) -> None:
    chart = draw(report)
    assert chart.figure is not None
    filled = json.loads(re.sub(r'(color": ?)"\$[a-z0-9-]+"', r'\1"#123456"', json.dumps(chart.figure)))
    go.Figure(filled)
    assert all(len(shown) == len(chart.figure["data"]) for _, shown in chart.views)


def test_every_colour_a_chart_names_is_there_in_both_schemes() -> None:
    light, dark = _asset("page.css").split("prefers-color-scheme: dark")[:2]
    named = {c for draw in CHARTS for c in re.findall(r'color": "\$([a-z0-9-]+)"', json.dumps(draw(example()).figure))}
    assert {"follow", "band", "c0", "good"} <= named
    for scheme in (light, dark):
        assert {name for name in named | {"c7"} if f"--{name}: " not in scheme} == set()


def test_the_headline_shows_the_figures_a_trader_looks_for(page: Page) -> None:
    for said in ("32,000", "95.00%", "zero ✓", "9f2c4e7a…3b3b3b3b", "−2.89 bps", "1,231,233 postings"):
        assert said in page.text
    assert any(a.get("data-copy") == ROOT for _, a in page.elements)
    assert "pilotfish verify out/journal.db" in page.text


def test_a_modelled_book_is_said_at_the_top_and_a_recorded_one_is_not() -> None:
    said = "Prices and depth between the lead's fills are modelled, not recorded"
    assert said in Page(render_html(example())).text
    recorded = [changed(i, book="recorded") for i in example().instruments]
    assert said not in Page(render_html(changed(example(), instruments=recorded))).text


def test_a_report_that_contradicts_itself_says_so_at_the_top() -> None:
    wrong = changed(example(), ledger=changed(example().ledger, sum_by_asset={"USDC": 7}))
    text = Page(render_html(wrong)).text
    assert "This report contradicts itself" in text
    assert "not zero ✗" in text
    assert "contradicts" not in Page(render_html(example())).text


def test_where_there_is_nothing_a_sentence_says_so_instead_of_an_empty_chart() -> None:
    read = Page(render_html(NOTHING))
    assert json.loads(read.scripts[0]) == {}
    said = [
        "too short for a curve", "no lag to show", "nothing to track", "No copy was missed", "No lead was followed",
        "nothing to attribute", "every row was used", "Every lead ended flat", "Nobody followed",
    ]  # fmt: skip
    assert [text for text in said if text not in read.text] == []
    assert "nan" not in read.text.lower()


def test_amounts_that_are_no_numbers_and_negative_counts_do_not_stop_the_page() -> None:
    odd = changed(
        example(), attribution=Attribution(fee=Decimal("NaN"), total=Decimal("Infinity")), bound_bps=-5,
        leads=[changed(example().leads[0], pnl=Decimal("NaN"), equity_assumed=Decimal("-Infinity"))], orders={"x": -3},
    )  # fmt: skip
    text = Page(render_html(decode_report(encode_report(odd)))).text
    assert "holds an amount that is not a number" in text
    assert "−3" in text


def test_each_lead_can_be_seen_beside_its_own_followers() -> None:
    chart = money_charts.equity(example())
    assert chart.figure is not None
    assert [label for label, _ in chart.views] == ["All leads", "acc2", "acc3"]
    names = [trace["name"] for trace in chart.figure["data"]]
    shown = [name for name, on in zip(names, chart.views[2][1], strict=True) if on]
    assert shown[-1] == "acc3"
    assert all("followers of acc3" in name for name in shown[:-1])


@pytest.mark.parametrize("ideal", [Decimal("180233.12"), Decimal("9e12"), None])
def test_the_waterfall_ends_where_its_steps_lead(ideal: Decimal | None) -> None:
    figure = money_charts.waterfall(
        changed(example(), attribution=changed(example().attribution, ideal_pnl=ideal))
    ).figure
    assert figure is not None
    steps = figure["data"][0]["x"]
    assert sum(steps[:-1]) == pytest.approx(steps[-1])
    # an ideal result that dwarfs the parts would leave nothing to see of them
    assert (figure["data"][0]["y"][0] == "Ideal copy") == (ideal == Decimal("180233.12"))
