"""leads.html: self-contained, without a script, and nothing in it that a name could smuggle in."""

import re

from pilotfish.evidence.page import render_page
from pilotfish.evidence.schema import Later, Unjudged
from tests.unit.test_evidence_recommend import lead, report


def test_the_page_fetches_nothing_and_runs_nothing():
    page = render_page(report(lead("ann"), lead("bob", low=None)))
    assert not re.search(r"(?:src|href)=|url\(|@import|<script", page)
    assert "default-src 'none'" in page


def test_a_hostile_name_is_text():
    name = "<script>alert(1)</script>"
    page = render_page(report(lead(name, clones=[name]), unjudged=[Unjudged(name, 4, name)]))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_dead_are_on_the_page_and_dimmed_in_every_table():
    page = render_page(report(lead("ann"), lead("bob", dead="ruined on 2022-11-09: 2% of its equity left")))
    assert page.count('<tr class="dead">') == 2
    assert "DEAD: ruined on 2022-11-09" in page


def test_an_interval_is_drawn_inside_its_picture_whatever_its_size():
    page = render_page(report(lead("ann", low=-40.0, mean=99.0), lead("bob", low=-0.001, mean=0.0)))
    xs = [float(x) for x in re.findall(r'(?:x1|x2|cx)="([-\d.]+)"', page)]
    assert xs
    assert min(xs) >= 0.0
    assert max(xs) <= 220.0


def test_the_second_period_is_told_beside_the_first():
    later = [Later("ann", 1, 0.2, -0.1, 1, ""), Later("bob", 2, 0.1, None, None, "neither traded nor held anything")]
    page = render_page(
        report(
            lead("ann"),
            lead("bob"),
            split_ms=5 * 10**9,
            later=later,
            rank_correlation=0.5,
            rank_low=-0.2,
            rank_high=0.8,
        )
    )
    for said in ("-10.0%", "neither traded", "+0.50, 95% from -0.20 to +0.80"):
        assert said in page
