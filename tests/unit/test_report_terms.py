"""The page's sections on fees, stops, ways of copying and a portfolio: what they show, and what they say of nothing."""

import json
import re
from decimal import Decimal

import plotly.graph_objects as go
import pytest

from pilotfish.views.report import portfolio_section
from pilotfish.views.report.html import _asset, render_html
from pilotfish.views.report.schema_terms import Annual, Fees, Portfolio
from pilotfish.views.report.write import decode_report, encode_report
from tests.unit.report_example import changed, example, portfolio, terms
from tests.unit.test_report_page import HOSTILE, NOTHING, Page


def whole():
    return changed(example(), portfolio=portfolio(), **terms())


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_html(whole()))


def test_a_report_with_terms_and_a_portfolio_is_the_same_when_read_again():
    assert decode_report(encode_report(whole())) == whole()


def test_the_page_says_what_was_charged_and_where_it_went(page):
    for said in ("19.80 USDC", "to acc2", "5.04 USDC", "10.80 USDC", "3.96 USDC", "Claims paid by the pool 1.50 USDC"):
        assert said in page.text


def test_the_page_says_what_stopped_whom_and_why_a_rule_fired(page):
    for said in ("halted all opens once", "The follow's stop loss. 12", "storm 3 rule 'storm' fired"):
        assert said in page.text


def test_the_page_says_what_each_way_of_copying_made(page):
    assert "Fixed ratio reverse 120 9,000.00 −45.50 −50.6 bps" in page.text


def test_a_portfolios_yearly_figures_stand_beside_each_other_with_their_intervals(page):
    for said in (
        "A year, simple +146.0% 95%: −28.4% to +324.4%", "A year, compound +282.9% 95%: −25.1% to +1,432.0%",
        "45 daily returns in blocks of 3.6 days on average, so about 13 independent pieces", "60% acc2, 40% acc3",
        "The leads were chosen by how much they traded.",
    ):  # fmt: skip
        assert said in page.text


def test_what_was_too_small_is_named_with_the_money_it_needs(page):
    assert "0xacc2 BTC 4 of 10 never 10.00 180.19 900.00 2,000.00" in page.text


def test_the_net_asset_value_is_drawn_after_and_before_copy_fees():
    figure = portfolio_section.nav(whole()).figure
    assert figure is not None
    go.Figure(json.loads(re.sub(r'(color": ?)"\$[a-z0-9-]+"', r'\1"#123456"', json.dumps(figure))))
    after, before, deposited = (trace["y"] for trace in figure["data"])
    assert (after[-1], deposited[-1]) == (590.0, 500.0)
    assert before[-1] == 591.0 + 4.5
    named = set(re.findall(r'color": "\$([a-z0-9-]+)"', json.dumps(figure)))
    for scheme in _asset("page.css").split("prefers-color-scheme: dark")[:2]:
        assert {name for name in named if f"--{name}: " not in scheme} == set()


def test_where_nothing_happened_a_sentence_says_so():
    text = Page(render_html(NOTHING)).text
    for said in ("no performance fee was charged", "No stop, rule or breaker fired", "Ways of copying Nobody followed"):
        assert said in text
    assert "Net asset value" not in text
    assert "Too small to copy" not in text


def test_a_portfolio_of_a_moment_shows_sentences_and_no_empty_chart():
    short = Portfolio(
        capital=Decimal(500), weights={"a": 100.0}, days=0.5, days_asked=45.0, gain=Decimal(0), return_percent=0.0,
        simple=Annual(percent=0.0), nav=portfolio().nav[:1],
    )  # fmt: skip
    text = Page(render_html(changed(NOTHING, portfolio=short))).text
    assert "not replayed for long enough to draw it" in text
    assert "Every opening order of the leads was large enough" in text


def test_hostile_names_in_terms_and_portfolio_stay_text(page):
    one, given = portfolio(), terms()
    hostile = changed(
        example(),
        portfolio=changed(
            one, weights={HOSTILE: 100.0}, notes=[HOSTILE],
            too_small=[changed(one.too_small[0], lead=HOSTILE, symbol=HOSTILE)],
        ),
        fees=changed(given["fees"], to_leads={HOSTILE: Decimal(1)}),
        switches=changed(given["switches"], stopped={HOSTILE: 1}, rules={HOSTILE: 1}, rules_why={HOSTILE: HOSTILE}),
        modes=[changed(given["modes"][0], sizing=HOSTILE, direction=HOSTILE)],
        money_asset=HOSTILE,
    )  # fmt: skip
    read = Page(render_html(hostile))
    assert {tag for tag, _ in read.elements} <= {tag for tag, _ in page.elements}
    assert read.scripts[1:] == page.scripts[1:]
    assert "%{x}" not in json.dumps(portfolio_section.nav(hostile).figure)


def test_fees_charged_are_both_kinds_together():
    assert Fees(subscription=Decimal(2), performance=Decimal(3)).charged == 5
