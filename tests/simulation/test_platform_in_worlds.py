"""The platform's settings in a replay and in the seeded market: they act, they are reported, or the run stops."""

import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from pilotfish.cli import app
from tests.simulation.recordings import a_day, write_fills

DAY_MS = 86_400_000


def run(tmp_path, toml, *arguments):
    (tmp_path / "platform.toml").write_text(toml)
    out = tmp_path / "out"
    options = ["--platform", str(tmp_path / "platform.toml"), "--out", str(out)]
    return CliRunner().invoke(app, [*map(str, arguments), *options], catch_exceptions=False), out


def replay(tmp_path, toml, recording, *options):
    result, out = run(tmp_path, toml, "replay", recording, "--followers", "20", *options)
    assert result.exit_code == 0, result.output
    return json.loads((out / "report.json").read_text())


def five_days(path):
    trades = [("BTC", 1, "0.02", "66400.0"), ("BTC", 1, "0.02", "66900.0"), ("BTC", -1, "0.02", "67400.0")] * 2
    return write_fills(path, trades, every_ms=DAY_MS)


@pytest.mark.parametrize("route", ["omnibus", "segregated"])
def test_subscriptions_are_settled_day_by_day_and_shown_with_where_they_went(tmp_path, route):
    report = replay(tmp_path, "[fees]\nsubscription_usdc = 3\n", five_days(tmp_path / "l.json"), "--route", route)
    fees = {name: value if name == "to_leads" else Decimal(value) for name, value in report["fees"].items()}
    follows = report["followers"]["follows"]
    # from 10 s before the first fill to 96 s after the last: five days and a little
    assert Decimal("0.4999") * follows < fees["subscription"] < Decimal("0.5005") * follows
    assert fees["subscription"] + fees["performance"] == fees["to_platform"] + fees["to_insurance"]
    assert fees["pool"] == fees["to_insurance"] > 0
    assert Decimal(report["attribution"]["copy_fee"]) == -fees["subscription"]
    assert set(report["ledger"]["sum_by_asset"].values()) == {0}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "to the insurance pool" in page


def test_a_journal_with_terms_verifies(tmp_path):
    report = replay(tmp_path, "[fees]\nsubscription_usdc = 3\n", five_days(tmp_path / "l.json"))
    verdict = CliRunner().invoke(
        app, ["verify", str(tmp_path / "out" / "journal.db"), "--root", report["journal"]["root"]]
    )
    assert verdict.exit_code == 0, verdict.output


def test_without_a_file_nothing_is_charged_and_the_report_says_so(tmp_path):
    out = tmp_path / "out"
    arguments = ["replay", str(five_days(tmp_path / "l.json")), "--followers", "20", "--out", str(out)]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    assert Decimal(json.loads((out / "report.json").read_text())["fees"]["subscription"]) == 0
    assert "No subscription and no performance fee was charged" in (out / "report.html").read_text()


def test_a_rule_that_is_always_true_lets_nothing_open_and_is_explained_in_the_report(tmp_path):
    rule = "[[rules]]\nname = 'closed shop'\nwhen = 'order.lots > 0'\ntext = 'nothing today'\n"
    report = replay(tmp_path, rule, a_day(tmp_path / "l.json"))
    assert Decimal(report["copies"]["notional"]["intended"]) > 0
    assert Decimal(report["copies"]["notional"]["traded"]) == 0
    assert report["switches"]["rules"]["closed shop"] > 0
    assert "nothing today" in report["switches"]["rules_why"]["closed shop"]
    assert "closed shop" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[fees]\nsubscription_usdc = 1\n", "2 to 5 USDC a month"),
        ("[fees]\nsteps = [[0, 10], [10, 5]]\n", "steps start at 0, rise"),
        ("[[hedges]]\ninstrument = 'BTC'\nwith = 'BTC'\n", "cannot be hedged"),
        ("[[hedges]]\ninstrument = 'BTC'\nwith = 'ETH'\n", "'ETH' is no instrument of this run"),
        ("[[disclosure]]\nlead = 'nobody'\n", "'nobody' is no lead of this run"),
        ("[[rules]]\nname = 'a'\nextension = 'nowhere'\n", "nowhere"),
        ("[fees]\nsubscription = 3\n", "did you mean subscription_usdc?"),
    ],
)
def test_settings_that_the_shard_would_set_aside_stop_the_run_with_its_sentence(tmp_path, toml, said):
    result, out = run(tmp_path, toml, "replay", a_day(tmp_path / "l.json"), "--followers", "5")
    assert result.exit_code == 1
    assert said in result.output + (result.stderr or "")
    assert not (out / "report.json").exists()


def test_the_seeded_market_takes_the_same_file(tmp_path):
    toml = "[fees]\nsubscription_usdc = 3\n[risk]\nbreaker_count = 3\n"
    result, out = run(tmp_path, toml, "run", "--minutes", "2", "--followers", "10")
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text())
    follows = report["followers"]["follows"]
    # 140 s of 30 days at 3 USDC: 0.000162 USDC a follow, rounded down to 10^-6
    assert Decimal(report["fees"]["subscription"]) == follows * Decimal("0.000162")


def test_every_way_of_copying_is_reported_with_its_result(tmp_path):
    report = replay(tmp_path, "", five_days(tmp_path / "l.json"))
    assert {mode["sizing"] for mode in report["modes"]} == {"proportional", "fixed_ratio"}
    assert sum(mode["follows"] for mode in report["modes"]) == report["followers"]["follows"]
    total = Decimal(report["attribution"]["ideal_pnl"]) + Decimal(report["attribution"]["total"])
    assert sum(Decimal(mode["result"]) for mode in report["modes"]) == total
