"""One follower's money over three leads: it adds up by the day, says what it does not know, and is reproducible."""

import csv
import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from pilotfish.cli import app
from pilotfish.domain.terms import DAY_NS
from pilotfish.worlds.leads_tape import read_leads
from pilotfish.worlds.movement import volatility
from pilotfish.worlds.portfolio_tape import choose_leads, portfolio_tape, span_of, valued
from pilotfish.worlds.world import LOOK_NS
from tests.simulation.recordings import write_fills

HOUR_MS = 3_600_000


def three_leads(folder, days=12, price=lambda step, lead: 100 + step):
    """Trend followers in coins of their own that buy a little every eight hours and sell some of it."""
    files = []
    for k, coin in enumerate(("AAVE", "LINK", "SUI")):
        size = ("30", "20", "10")[k]
        trades = [(coin, -1 if step % 3 == 2 else 1, size, f"{price(step, k):.2f}") for step in range(3 * days)]
        files.append(write_fills(folder / f"lead{k}.json", trades, every_ms=8 * HOUR_MS))
    return files


def portfolio(tmp_path, files, *options):
    out = tmp_path / "out"
    result = CliRunner().invoke(
        app, ["portfolio", *map(str, files), "--out", str(out), *options], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text())
    return report, list(csv.DictReader((out / "nav.csv").read_text().splitlines())), result.output


def refused(*arguments):
    result = CliRunner().invoke(app, ["portfolio", *map(str, arguments)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    return result.output + (result.stderr or "")


def test_a_portfolio_adds_up_by_the_day_after_every_fee(tmp_path):
    report, days, said = portfolio(tmp_path, three_leads(tmp_path), "--days", "10")
    found = report["portfolio"]
    assert found["days"] == 10
    assert [row["at"][11:] for row in days] == ["00:00:00Z"] * 11
    assert Decimal(days[0]["nav"]) == Decimal(days[0]["deposited"]) == 500
    assert {Decimal(row["deposited"]) for row in days} == {500}  # rebalancing moves money, it brings none
    for row in days:
        assert Decimal(row["nav"]) == Decimal(row["equity"]) - Decimal(row["accrued"])
    # three follows of 3 USDC a month for a third of it
    assert Decimal(days[-1]["subscription"]) == 3
    assert Decimal(days[-1]["performance"]) > 0
    assert Decimal(days[-1]["accrued"]) == 0
    gain = Decimal(found["gain"])
    assert gain == Decimal(days[-1]["nav"]) - 500 > 0
    assert found["return_percent"] == pytest.approx(float(gain) / 5)
    assert found["simple"]["percent"] == pytest.approx(found["return_percent"] * 365 / 10)
    assert found["compound"]["percent"] == pytest.approx(100 * ((1 + float(gain) / 500) ** 36.5 - 1))
    assert found["return_low"] < found["return_percent"] < found["return_high"]
    assert found["weights"] == {"lead0": 40, "lead1": 30, "lead2": 30}
    assert "interval" in said
    assert set(report["ledger"]["sum_by_asset"].values()) == {0}


def test_rebalancing_moves_money_between_leads_that_drift_apart_and_is_no_deposit(tmp_path):
    files = three_leads(tmp_path, price=lambda step, lead: 100 + (1, -0.4, 0.2)[lead] * step)
    weekly, never = tmp_path / "weekly.toml", tmp_path / "never.toml"
    weekly.write_text("[fees]\n[rebalance]\ndays = 4\nband_percent = 0.5\n")
    never.write_text("[fees]\n[rebalance]\ndays = 0\n")
    gains = []
    for file in (weekly, never):
        options = ("--days", "10", "--capital", "50000", "--platform", str(file))
        report, days, _ = portfolio(tmp_path / file.stem, files, *options)
        assert {Decimal(row["deposited"]) for row in days} == {50_000}
        (mode,) = report["modes"]
        assert Decimal(mode["deposited"]) == 50_000
        assert Decimal(mode["result"]) == Decimal(report["portfolio"]["gain"])
        gains.append(Decimal(report["portfolio"]["gain"]))
    assert gains[0] != gains[1]  # what the winner gave the others no longer works with the winner


def test_what_the_portfolio_made_is_what_the_attribution_explains(tmp_path):
    report, days, _ = portfolio(tmp_path, three_leads(tmp_path), "--days", "10")
    parts = report["attribution"]
    assert Decimal(parts["ideal_pnl"]) + Decimal(parts["total"]) == Decimal(report["portfolio"]["gain"])
    charged = sum(Decimal(days[-1][kind]) for kind in ("subscription", "performance"))
    assert (
        -Decimal(parts["copy_fee"])
        == charged
        == Decimal(report["fees"]["subscription"]) + Decimal(report["fees"]["performance"])
    )


def test_the_journal_of_a_portfolio_verifies_and_the_same_seed_gives_the_same_root(tmp_path):
    files, roots = three_leads(tmp_path, days=4), []
    for number in range(2):
        report, _, _ = portfolio(tmp_path / str(number), files, "--days", "3")
        roots.append(report["journal"]["root"])
    assert roots[0] == roots[1]
    verdict = CliRunner().invoke(app, ["verify", str(tmp_path / "0" / "out" / "journal.db"), "--root", roots[0]])
    assert "holds" in verdict.output


def test_fewer_days_than_asked_for_are_said_and_support_no_interval(tmp_path):
    report, _, said = portfolio(tmp_path, three_leads(tmp_path, days=5))
    found = report["portfolio"]
    assert (found["days_asked"], round(found["days"])) == (45, 4)
    assert any("45 days were asked for, the records hold 4.0 days" in note for note in found["notes"])
    assert found["return_low"] is None
    assert "too few days" in said


def test_leads_that_never_traded_together_are_replayed_one_after_the_other_and_that_is_said(tmp_path):
    early = three_leads(tmp_path, days=2)[0]
    late = write_fills(tmp_path / "late.json", [("SUI", 1, "20", "3.10")] * 12, every_ms=20_000)
    data = json.loads(late.read_text())
    for fill in data["fills"]:
        fill["time"] += 5 * 24 * HOUR_MS
    late.write_text(json.dumps(data))
    report, _, _ = portfolio(tmp_path, [early, late], "--weights", "50/50", "--leads", "lead0,late")
    assert any("never all traded at the same time" in note for note in report["portfolio"]["notes"])
    assert report["portfolio"]["days"] == pytest.approx(5.0, abs=0.1)


def test_orders_too_small_to_copy_are_named_with_the_money_they_need(tmp_path):
    files = three_leads(tmp_path, days=4)
    rich = ["--lead-equity", "lead2=1000000"]
    report, _, said = portfolio(tmp_path, files, "--days", "3", *rich)
    (small,) = report["portfolio"]["too_small"]
    assert (small["lead"], small["symbol"], small["copied"]) == ("lead2", "SUI", False)
    assert small["below"] == small["orders"] > 0
    # 10 SUI near 100 USDC of a million, of which 30% copy it: a minimum of 10 USDC needs about 33,000
    assert Decimal(30_000) < Decimal(small["needed_any"]) <= Decimal(small["needed_half"]) < Decimal(36_000)
    assert "SUI of lead2" in said
    enough, _, _ = portfolio(tmp_path / "more", files, "--days", "3", "--capital", str(small["needed_all"]), *rich)
    assert enough["portfolio"]["too_small"] == []


def test_the_platforms_file_sets_the_terms_and_without_fees_none_are_charged(tmp_path):
    free, dear = tmp_path / "free.toml", tmp_path / "dear.toml"
    free.write_text("[risk]\n")
    dear.write_text("[fees]\nsubscription_usdc = 5\nsteps = [[0, 15]]\n")
    files, gains = three_leads(tmp_path), []
    for file in (free, dear):
        report, _, _ = portfolio(tmp_path / file.stem, files, "--days", "10", "--platform", str(file))
        gains.append(Decimal(report["portfolio"]["gain"]))
        assert (Decimal(report["fees"]["subscription"]) > 0) == (file is dear)
    assert gains[0] > gains[1] + 5  # three subscriptions for a third of a month, and the fee on the gain


def test_leads_are_chosen_by_activity_among_those_that_share_the_days(tmp_path):
    files = three_leads(tmp_path)
    short = write_fills(tmp_path / "busy.json", [("HYPE", 1, "1", "60.0")] * 60, every_ms=20_000)
    tape = read_leads([*files, short])
    assert [a.name for a in choose_leads(tape, [], 3, 10)] == ["lead0", "lead1", "lead2"]
    assert "busy" in [a.name for a in choose_leads(tape, [], 3, 0.001)]
    assert [a.name for a in choose_leads(tape, ["lead2", "bus"], 2, 10)] == ["lead2", "busy"]


def test_a_portfolio_is_valued_at_the_last_trade_and_knows_nothing_of_the_next(tmp_path):
    tape = read_leads(three_leads(tmp_path))
    chosen = choose_leads(tape, [], 3, 5)
    span = span_of(chosen, 5)
    replayed, _ = portfolio_tape(tape, chosen, span, {})
    for number, prints in replayed.anchors.items():
        traded = [row for row in prints if row[2]]
        for ns, price, _ in (row for row in prints if not row[2]):
            assert ns in (span.start_ns, span.end_ns - LOOK_NS) or (ns + LOOK_NS) % DAY_NS == 0
            assert price == [row for row in traded if row[0] <= ns][-1][1], number
    assert valued([(span.end_ns, 5, 1)], span) == [(span.end_ns, 5, 1)]  # nothing is known before the first trade


def test_a_token_that_hardly_trades_does_not_move_as_a_game_in_play(tmp_path):
    lead = read_leads(three_leads(tmp_path))
    instrument = lead.instruments[0]
    quiet = [(k * 3_600 * 10**9, 1_000_000 + 500 * (k % 2), 1) for k in range(100)]
    assert volatility(instrument, quiet) == pytest.approx(5 / 60, rel=0.02)  # 5 bps an hour
    assert volatility(instrument, quiet[:10]) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--weights", "40/30/20"], "sums to 90, not 100"),
        (["--weights", "40/sixty"], "whole percentages"),
        (["--weights", "100/0"], "whole percentages"),
        (["--leads", "lead0,lead1"], "3 weights for 2 leads"),
        (["--leads", "lead0,lead0,lead1"], "names a lead twice"),
        (["--leads", "lead0,lead1,leader2"], "nearest is lead2"),
        (["--leads", "lead0,lead1,lead"], "3 accounts begin with it"),
        (["--weights", "25/25/25/25"], "4 leads are wanted"),
        (["--capital", "0"], "capital"),
        (["--days", "0"], "days"),
    ],
)
def test_what_cannot_be_a_portfolio_is_said_in_a_sentence(tmp_path, options, said):
    assert said in refused(*three_leads(tmp_path, days=4), "--out", tmp_path / "out", *options)


def test_a_recorded_portfolio_of_the_midterms_adds_up(shared_data, tmp_path):
    folder = shared_data / "polymarket" / "midterms-2022"
    files = [folder / f"{name}.csv.gz" for name in ("arizona_senate", "georgia_senate", "us_house_overall")]
    report, days, _ = portfolio(tmp_path, files, "--days", "15")
    assert len(days) == 16
    assert Decimal(days[-1]["subscription"]) == Decimal("4.5")
    assert Decimal(report["portfolio"]["gain"]) == Decimal(days[-1]["nav"]) - 500
    assert set(report["ledger"]["sum_by_asset"].values()) == {0}
