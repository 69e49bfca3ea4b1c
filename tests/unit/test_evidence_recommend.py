"""What is proposed, what is not, and what is said about it."""

import io

import msgspec
import pytest
from rich.console import Console

from pilotfish.evidence.capacity import Capacity, Rung
from pilotfish.evidence.clones import CloneLink
from pilotfish.evidence.recommend import failures, recommend
from pilotfish.evidence.schema import Copying, Later, LeadEvidence, LeadsReport, Unjudged
from pilotfish.evidence.table import leads_tables, recommendation_text

COPYING = Copying(
    money_weighted=0.2, replays=[0.15, 0.25], time_weighted=0.21, low=0.05, high=0.4, in_profit=9, copiers=10,
    drawdown=0.1, sharpe=2.0, sharpe_low=0.8, sharpe_high=3.1, lead_return=0.25, loss_of_return=0.05, loss_bps=12.0,
    traded=50_000.0, fees=20.0, copies=600, filled=0.9, missed=0.1, missed_why={},
)  # fmt: skip
LEAD = LeadEvidence(
    rank=1, name="ann", venue="hyperliquid", first_ms=0, last_ms=10**10, days=120.0, active_days=60, fills=300,
    round_trips=80, open_trips=1, wins=50, win_low=0.5, win_high=0.72, equity=10_000.0, equity_given=True,
    lead_drawdown=0.1, copying=COPYING, per_step=0.15, alone=0.99, deflated=0.97,
    capacity=Capacity(1e6, True, "the ladder ended"), ladder=[Rung(10_000, 0.2, 0.9)], dead="", clones=[],
    capital_needed=[50.0] * 9, notes=[],
)  # fmt: skip


def lead(name, low=0.05, mean=0.2, **changes):
    copying = msgspec.structs.replace(COPYING, low=low, money_weighted=mean)
    return msgspec.structs.replace(LEAD, **{"name": name, "copying": copying, **changes})


def report(*leads, **changes):
    ranked = [msgspec.structs.replace(one, rank=k) for k, one in enumerate(leads, 1)]
    made = LeadsReport(
        version="0", seed=1, files=[], start_ms=0, end_ms=10**10, step_hours=24.0, accounts_seen=9, copiers=10,
        copier_capital=10_000.0, replays=2, luckiest_per_step=0.1, leads=ranked, unjudged=[], clones=[],
        assumptions=["this"], issues=[],
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def weights(found):
    return {choice.name: choice.weight for choice in found.choices}


def test_three_proven_leads_get_40_30_30_by_the_low_end_of_their_intervals():
    """`wild` has by far the best mean, and the widest interval."""
    found = recommend(report(lead("wild", 0.01, 0.9), lead("b", 0.08), lead("a", 0.10), lead("c", 0.06)), 500.0)
    assert found.proven
    assert weights(found) == pytest.approx({"a": 0.4, "b": 0.3, "c": 0.3})
    assert [choice.amount for choice in found.choices] == pytest.approx([200.0, 150.0, 150.0])
    assert {one.name: one.why for one in found.rejections} == {"wild": ["three rank above it"]}
    assert found.cash == pytest.approx(0.0)


def test_of_two_clones_one_is_followed():
    found = recommend(report(lead("a", 0.10, clones=["b"]), lead("b", 0.09, clones=["a"]), lead("c", 0.06)), 500.0)
    assert weights(found) == pytest.approx({"a": 0.6, "c": 0.4})
    (rejected,) = found.rejections
    assert "clone of a" in rejected.why[0]


def test_a_leads_capacity_caps_its_weight_and_the_rest_stays_cash():
    small = lead("a", 0.10, capacity=Capacity(100.0, False, "+20% becomes +2% with 1,000 USDC"))
    found = recommend(report(small, lead("b", 0.05)), 500.0)
    assert [choice.amount for choice in found.choices] == pytest.approx([100.0, 200.0])
    assert found.cash == pytest.approx(200.0)
    assert any("capacity" in warning for warning in found.choices[0].warnings)


def test_a_copy_below_the_venues_minimum_is_warned_about():
    big = lead("a", capital_needed=[100.0, 200.0, 300.0, 400.0, 2_000.0, 3_000.0, 4_000.0, 5_000.0, 6_000.0])
    (choice,) = recommend(report(big), 500.0).choices
    (warning,) = choice.warnings
    assert "most of its orders" in warning
    assert "2,000 USDC" in warning
    assert recommend(report(big), 10_000.0).choices[0].warnings == []


def test_when_nobody_passes_it_says_so_and_still_answers():
    found = recommend(report(lead("a", -0.02), lead("b", deflated=0.4)), 500.0)
    assert not found.proven
    assert found.stands == "luck"
    assert "None of these 2 leads can be told from luck" in found.headline
    assert "still want" in found.headline
    assert list(weights(found)) == ["b", "a"]
    assert all(any("does not pass" in w for w in choice.warnings) for choice in found.choices)


def test_a_dead_or_losing_lead_is_never_proposed():
    found = recommend(report(lead("dead", 0.5, dead="ruined on 2022-11-09: 2% left"), lead("loser", -0.3, -0.1)), 500.0)
    assert found.choices == []
    assert found.stands == "nothing"
    assert found.cash == 500.0
    assert "ruined" in found.rejections[0].why[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"round_trips": 19}, "round trips: 19"),
        ({"active_days": 3}, "days with trades: 3"),
        ({"deflated": None}, "unknown"),
        ({"deflated": 0.5}, "50%"),
        ({"dead": "silent since 2022-01-01"}, "silent"),
    ],
)
def test_the_bar_names_what_is_missing(changes, said):
    (why,) = failures(lead("a", **changes))
    assert said in why


def test_an_interval_that_is_not_known_does_not_pass():
    assert failures(lead("a", low=None)) == ["too few steps for an interval"]


def test_nobody_is_left_out_without_a_word():
    made = report(*(lead(f"l{k}", 0.1 - k / 100) for k in range(6)), unjudged=[Unjudged("odd", 4, "4 fills")])
    found = recommend(made, 500.0)
    named = {choice.name for choice in found.choices} | {one.name for one in found.rejections}
    assert named == {f"l{k}" for k in range(6)} | {"odd"}
    assert "odd: not judged: 4 fills" in recommendation_text(found, made)


def test_the_terminal_shows_the_dead_the_clones_the_unjudged_and_the_assumptions():
    made = report(
        lead("[bold]a", clones=["b"]),
        lead("b", dead="ruined on 2022-11-09: 2% of its equity left"),
        unjudged=[Unjudged("odd", 4, "4 fills until then")],
        clones=[CloneLink("a", "b", 40, 0.8, 0.5, 2.0, 0.1)],
        split_ms=5 * 10**9,
        later=[Later("a", 1, 0.2, -0.1, 1, ""), Later("b", 2, 0.1, None, None, "neither traded nor held anything")],
        rank_correlation=None,
    )
    console = Console(width=240, record=True, file=io.StringIO())
    for part in leads_tables(made):
        console.print(part, markup=False)
    text = console.export_text()
    for said in ("[bold]a", "+20.0% ± 5", "DEAD: ruined", "clone of b", "0.1 × its size", "4 fills until then",
                 "Assumed: this", "neither traded", "not known"):  # fmt: skip
        assert said in text
