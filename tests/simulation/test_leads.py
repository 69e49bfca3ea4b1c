"""`pilotfish leads` and `pilotfish recommend`: whole replays of small recordings, and the recorded markets."""

import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from pilotfish import cli
from pilotfish.cli import app
from pilotfish.domain.errors import ConfigError
from pilotfish.evidence.schema import LeadsReport
from pilotfish.worlds.leads import read_report
from pilotfish.worlds.leads_judge import split_ns
from pilotfish.worlds.leads_replay import COPIERS, copy_lead, pooled, sample_times
from pilotfish.worlds.leads_tape import choose, read_leads
from pilotfish.worlds.leads_window import window_of
from tests.simulation.recordings import write_fills

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
UP = [("BTC", 1, "0.05", f"{66_000 + 400 * k}.0") if k % 2 == 0 else ("BTC", -1, "0.05", f"{66_000 + 400 * k}.0")
      for k in range(16)]  # fmt: skip
DOWN = [(coin, -side, size, price) for coin, side, size, price in UP]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """The console has the width that the terminal had when it was made, whatever COLUMNS says now."""
    monkeypatch.setattr(cli.console, "_width", 200)


def leads(tmp_path, *arguments):
    out = tmp_path / "found"
    result = CliRunner().invoke(
        app,
        ["leads", "--replays", "1", *map(str, arguments), "--out", str(out)],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    report = read_report(out / "leads.json")
    assert report is not None
    return report, result.output


def write_tape(path: Path, rows) -> Path:
    """A market's public tape: (days since the start, account number, Buy or Sell, outcome, shares, price)."""
    begin = datetime(2022, 9, 1, tzinfo=UTC)
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", "Timestamp", "Account", "Type", "Outcome", "Direction", "Amount", "Shares", "Price"])
        for n, (days, account, side, outcome, shares, price) in enumerate(reversed(rows), 1):
            at = (begin + timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")
            money = round(shares * price, 2)
            writer.writerow([n, at, f"0x{account:040x}", side, outcome, "", money, shares, price])
    return path


def a_market(path: Path, late: float = 0.9) -> Path:
    """Account 1 buys low and sells high, account 2 the reverse, account 3 only sells; `late` is what follows day 20."""
    rows = []
    for k in range(12):
        day, price = 1.6 * k, round(0.4 + 0.02 * (k % 2), 4)
        side, other = ("Buy", "Sell") if k % 2 == 0 else ("Sell", "Buy")
        rows += [(day, 1, side, "Yes", 200.0, price), (day + 0.2, 3, "Sell", "Yes", 50.0, price)]
        rows += [(day + 0.4, 2, other if k else "Buy", "Yes", 100.0, round(0.4 + 0.02 * (k % 2), 4))]
    rows += [(21 + k, 1 + k % 2, "Buy", "Yes", 30.0, late) for k in range(10)]
    return write_tape(path, sorted(rows))


def test_the_lead_whose_copiers_earned_most_is_first_and_everything_is_written_down(tmp_path):
    good, bad = write_fills(tmp_path / "good.json", UP), write_fills(tmp_path / "bad.json", DOWN)
    report, output = leads(
        tmp_path, good, bad, "--lead-equity", "good=5000", "--lead-equity", "bad=5000", "--replays", "2"
    )
    assert [one.name for one in report.leads] == ["good", "bad"]
    first, second = report.leads
    assert len(first.copying.replays) == report.replays == 2
    assert first.copying.copiers == 2 * COPIERS
    assert min(first.copying.replays) <= first.copying.money_weighted <= max(first.copying.replays)
    assert first.copying.money_weighted > 0 > second.copying.money_weighted
    assert (first.round_trips, first.wins, second.wins) == (8, 8, 0)
    assert first.equity == 5_000.0
    assert first.equity_given
    assert first.copying.lead_return > first.copying.money_weighted  # followers pay the spread, the fees and the delay
    assert first.copying.loss_bps > 0
    assert first.copying.fees > 0
    assert len(first.ladder) > 1
    assert [r.capital for r in first.ladder] == sorted(r.capital for r in first.ladder)
    assert len(second.ladder) == 1  # no edge, nothing to eat
    assert "Assumed:" in output


def test_the_same_files_and_seed_give_the_same_bytes(tmp_path):
    file = write_fills(tmp_path / "one.json", UP)
    (tmp_path / "a").mkdir()
    one, _ = leads(tmp_path / "a", file, "--no-capacity")
    two, _ = leads(tmp_path, file, "--no-capacity")
    assert msgspec.json.encode(one) == msgspec.json.encode(two)


def test_copiers_join_one_after_the_other_and_nothing_is_lost(tmp_path):
    tape = read_leads([write_fills(tmp_path / "lead.json", UP)])
    window = window_of(tape, tape.accounts[0], tape.start_ns - 1, tape.end_ns, 5_000 * 10**6)
    found = copy_lead(window, 1_000 * 10**6, 1, 20 * SECOND)
    assert found.flows.sum() == pytest.approx(1_000.0)
    assert np.count_nonzero(found.flows) == COPIERS
    assert found.values[-1] == pytest.approx(found.ended.sum())
    first, last = found.ended[0] - found.paid[0], found.ended[-1] - found.paid[-1]
    assert first > last  # who came first was there for more of the trades
    assert found.values[0] == 0.0
    assert found.filled + found.missed <= found.copies


def test_a_copier_that_joins_late_takes_over_what_the_lead_holds(tmp_path):
    """One buy at the start, then nothing but a sale at the end: whoever came between has part of the rise."""
    trades = [("BTC", 1, "0.05", "66000.0"), *[("HYPE", 1, "0.1", "60.000")] * 10, ("BTC", -1, "0.05", "69000.0")]
    tape = read_leads([write_fills(tmp_path / "lead.json", trades, every_ms=60_000)])
    window = window_of(tape, tape.accounts[0], tape.start_ns - 1, tape.end_ns, 3_300 * 10**6)
    found = copy_lead(window, 10_000 * 10**6, 1, MINUTE)
    assert (found.ended[1:9] > found.paid[1:9]).all()


def test_pooled_replays_are_the_same_money_in_several_worlds(tmp_path):
    tape = read_leads([write_fills(tmp_path / "lead.json", UP)])
    window = window_of(tape, tape.accounts[0], tape.start_ns - 1, tape.end_ns, 5_000 * 10**6)
    one, two = (copy_lead(window, 1_000 * 10**6, seed, 20 * SECOND) for seed in (1, 2))
    both = pooled([one, two])
    assert both.paid.sum() == pytest.approx(1_000.0)
    assert both.ended.sum() == pytest.approx((one.ended.sum() + two.ended.sum()) / 2)
    assert both.values[-1] == pytest.approx(both.ended.sum())
    assert one.ended.sum() != two.ended.sum()
    assert both.copies == one.copies + two.copies
    assert pooled([one]).values.tolist() == one.values.tolist()


def test_no_mark_and_no_choice_knows_what_comes_after_the_split(tmp_path):
    """Only the second period differs, between a price of 0.9 and one of 0.1: the first ranking is the same."""
    one, _ = leads(tmp_path, a_market(tmp_path / "m.csv.gz", 0.9), "--split", "2022-09-21", "--no-capacity")
    two, _ = leads(tmp_path, a_market(tmp_path / "m.csv.gz", 0.1), "--split", "2022-09-21", "--no-capacity")
    assert one.leads == two.leads
    assert one.unjudged == two.unjudged
    assert [row.first for row in one.later] == [row.first for row in two.later]
    assert [row.second for row in one.later] != [row.second for row in two.later]
    assert one.end_ms == one.split_ms < 1_664_000_000_000


def test_an_account_that_sells_what_it_never_bought_is_named_and_not_ranked(tmp_path):
    report, output = leads(tmp_path, a_market(tmp_path / "market.csv.gz"), "--no-capacity")
    (odd,) = [one for one in report.unjudged if one.name.endswith("3")]
    assert "never bought" in odd.why
    assert "never bought" in output
    assert {one.name[-1] for one in report.leads} == {"1", "2"}


def test_one_account_in_two_markets_is_one_lead(tmp_path):
    a_market(tmp_path / "first.csv.gz")
    a_market(tmp_path / "second.csv.gz")
    tape = read_leads([tmp_path / "first.csv.gz", tmp_path / "second.csv.gz"])
    assert len({account.name for account in tape.accounts}) == len(tape.accounts)
    busiest, _ = choose(tape, 1, tape.end_ns)
    assert {tape.instruments[fill.instrument].symbol for fill in busiest[0].fills} == {"first:Yes", "second:Yes"}


def test_a_fill_that_two_files_tell_counts_once(tmp_path):
    file = a_market(tmp_path / "market.csv.gz")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "market.csv.gz").write_bytes(file.read_bytes())
    once, twice = read_leads([file]), read_leads([file, tmp_path / "again" / "market.csv.gz"])
    assert [len(account.fills) for account in once.accounts] == [len(account.fills) for account in twice.accounts]


def test_a_lead_that_was_ruined_stays_in_the_list(tmp_path):
    """All of it on one outcome, which falls to nothing; another account's trades say so."""
    rows = [(k, 1, "Buy", "Yes", 100.0, 0.6) for k in range(12)]
    rows += [(12 + k, 2, "Buy" if k % 2 == 0 else "Sell", "Yes", 100.0, 0.01) for k in range(12)]
    report, output = leads(tmp_path, write_tape(tmp_path / "market.csv.gz", rows), "--no-capacity")
    (ruined,) = [one for one in report.leads if one.name.endswith("1")]
    assert ruined.dead.startswith("ruined on 2022-09-13")
    assert (ruined.open_trips, ruined.wins) == (1, 0)
    assert ruined.copying.money_weighted < -0.5
    assert ruined.lead_drawdown > 0.9
    assert "DEAD: ruined" in output


def test_a_clone_is_linked_and_the_recommendation_follows_one_of_the_two(tmp_path):
    real = write_fills(tmp_path / "real.json", UP)
    small = [(coin, side, "0.005", price) for coin, side, _, price in UP]
    copy = write_fills(tmp_path / "copy.json", small)
    data = json.loads(copy.read_text())
    for fill in data["fills"]:
        fill["time"] += 2_000
    copy.write_text(json.dumps(data))
    report, _ = leads(tmp_path, real, copy, "--no-capacity")
    (link,) = report.clones
    assert (link.first, link.second, link.lag_s) == ("real", "copy", 2.0)
    assert link.ratio == pytest.approx(0.1)
    result = CliRunner().invoke(app, ["recommend", str(tmp_path / "found" / "leads.json"), "--capital", "500"])
    assert result.exit_code == 0
    assert "can be told from luck" in result.output
    assert "clone of" in result.output


def test_recommend_reads_recordings_too(tmp_path):
    result = CliRunner().invoke(app, ["recommend", str(write_fills(tmp_path / "one.json", DOWN)), "--capital", "500"])
    assert result.exit_code == 0
    assert "keep the money" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["leads", "nowhere.json"], "nowhere.json"),
        (["leads", "{fills}", "--split", "yesterday"], "yesterday"),
        (["leads", "{fills}", "--split", "1.5"], "1.5"),
        (["leads", "{fills}", "--split", "1999-01-01"], "1999"),
        (["leads", "{fills}", "--accounts", "0"], "--accounts"),
        (["leads", "{fills}", "--copiers-capital", "nan"], "nan"),
        (["leads", "{fills}", "--replays", "0"], "--replays 0"),
        (["leads", "{fills}", "--lead-equity", "nobody=100"], "nobody"),
        (["recommend", "{fills}", "--capital", "0"], "--capital"),
        (["recommend", "{fills}", "--capital", "nan"], "nan"),
        (["recommend", "{damaged}"], "leads.json"),
        (["recommend"], "out/leads/leads.json"),
        (["leads", "{fills}", "--out", "{fills}"], "--out"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    fills, damaged = write_fills(tmp_path / "fills.json", UP), tmp_path / "damaged.json"
    damaged.write_bytes(b'{"kind":"pilotfish leads","version":1}')
    result = CliRunner().invoke(app, [a.format(fills=fills, damaged=damaged) for a in arguments])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert said in " ".join((result.output + (result.stderr or "")).split())


def test_samples_are_equal_steps_and_the_last_is_after_the_last_copy(tmp_path):
    tape = read_leads([write_fills(tmp_path / "lead.json", UP)])
    window = window_of(tape, tape.accounts[0], tape.start_ns - 1, tape.end_ns)
    times = sample_times(window, 30 * SECOND)
    assert {b - a for a, b in pairwise(times[:-1])} == {30 * SECOND}
    assert times[-1] > window.end_ns + 10 * SECOND


def test_a_share_splits_by_fills(tmp_path):
    tape = read_leads([write_fills(tmp_path / "lead.json", UP)])
    middle = split_ns(tape, "0.5")
    assert sum(fill.venue_ns <= middle for fill in tape.accounts[0].fills) == 8
    with pytest.raises(ConfigError):
        split_ns(tape, "0")


def test_midterms_are_ranked_on_the_first_half_and_judged_on_the_second(shared_data, tmp_path):
    """Four of the 37 markets; docs/leads.md has all of them."""
    markets = shared_data / "polymarket" / "midterms-2022"
    files = [
        markets / f"{name}.csv.gz" for name in ("colorado_senate", "ohio_senate", "kansas_governor", "iowa_senate")
    ]
    report, output = leads(tmp_path, *files, "--accounts", "8", "--split", "0.5", "--no-capacity")
    assert len(report.leads) + len(report.unjudged) == 8
    assert len(report.leads) >= 3
    assert {row.name for row in report.later} == {one.name for one in report.leads}
    assert sum(row.second is not None for row in report.later) >= 2
    for one in report.leads:
        assert one.last_ms <= report.split_ms
        assert one.copying.low is None or one.copying.low <= one.copying.high
        assert one.win_low <= one.wins / max(one.round_trips, 1) <= one.win_high
        assert 0.0 <= one.copying.drawdown <= 1.0
    assert "rank correlation" in output


def test_a_leads_json_comes_back_as_it_was(tmp_path):
    report, _ = leads(tmp_path, write_fills(tmp_path / "one.json", UP), "--no-capacity")
    assert msgspec.json.decode(msgspec.json.encode(report), type=LeadsReport) == report
