"""A recording in front of followers: what comes out is true, adds up, and can be recomputed."""

import csv
import gzip
import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from pilotfish.cli import app
from pilotfish.journal.recover import verify_file
from tests.simulation.recordings import a_day, write_books, write_fills

LEADS = (2, 3, 4, 10)


def replay(tmp_path, recording, *options):
    """Run the command; returns the report and the rows of the positions file."""
    out, positions = tmp_path / "out", tmp_path / "positions.csv"
    arguments = ["replay", str(recording), "--out", str(out), "--positions", str(positions), *options]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(positions.read_text().splitlines()))
    return json.loads((out / "report.json").read_text()), rows


def verify(journal, *options):
    return CliRunner().invoke(app, ["verify", str(journal), *options], catch_exceptions=False)


@pytest.mark.parametrize("route", ["omnibus", "segregated"])
def test_a_replay_adds_up_and_explains_every_follow(tmp_path, route):
    report, positions = replay(tmp_path, a_day(tmp_path / "lead.json"), "--followers", "40", "--route", route)
    lead = report["leads"][0]
    assert (lead["fills"], lead["position_breaks"]) == (8, 0)
    assert Decimal(lead["final_positions"]["BTC"]) == 0
    assert Decimal(lead["final_positions"]["HYPE"]) == 0
    assert set(report["ledger"]["sum_by_asset"].values()) == {0}
    copies = report["copies"]
    ended = sum(copies[key] for key in ("filled", "partly", "missed", "pending"))
    assert ended == copies["intended"] > 0
    assert report["lag_ms"]["p50"] > 0
    assert report["followers"]["off_target"] == sum(report["followers"]["off_target_reasons"].values())
    assert len(positions) == 40 * 2  # every follow in every instrument of its lead
    unexplained = [row for row in positions if row["position"] != row["target"] and row["reason"] == "on target"]
    assert not unexplained
    parts = [
        Decimal(report["attribution"][key]) for key in ("delay", "slippage", "fee", "funding", "rounding", "missed")
    ]
    assert sum(parts) == Decimal(report["attribution"]["total"])
    assert {entry["book"] for entry in report["instruments"]} == {"modelled"}
    assert all(figure["source"] for figure in report["model"].values())


def test_the_same_seed_gives_the_same_journal_and_another_seed_another(tmp_path):
    recording = a_day(tmp_path / "lead.json")
    roots = []
    for number, seed in enumerate(("1", "1", "2")):
        report, _ = replay(tmp_path / str(number), recording, "--followers", "20", "--seed", seed)
        roots.append(report["journal"]["root"])
    assert roots[0] == roots[1] != roots[2]


def test_verify_recomputes_a_replay_and_knows_its_root(tmp_path):
    report, _ = replay(tmp_path, a_day(tmp_path / "lead.json"), "--followers", "20")
    journal = tmp_path / "out" / "journal.db"
    good = verify(journal, "--root", report["journal"]["root"])
    assert good.exit_code == 0
    assert "holds" in good.output
    other = verify(journal, "--root", "00" * 32)
    assert other.exit_code == 1
    assert "DOES NOT HOLD" in other.output


def test_verify_finds_and_locates_a_flipped_byte(tmp_path):
    replay(tmp_path, a_day(tmp_path / "lead.json"), "--followers", "20")
    journal = tmp_path / "out" / "journal.db"
    raw = bytearray(journal.read_bytes())
    at = raw.index(b"lead_fill") + 12  # inside the payload of an event
    raw[at] ^= 1
    journal.write_bytes(raw)
    report = verify_file(journal)
    assert report.first_bad is not None
    result = verify(journal)
    assert result.exit_code == 1
    assert f"record {report.first_bad}" in result.output


def test_a_follower_file_decides_who_follows(tmp_path):
    mandates = tmp_path / "followers.csv"
    mandates.write_text(
        "follower,capital,mode,value\nann,1000,proportional,\nbob,5000,fixed_ratio,0.5\ncid,-3,proportional,\n"
    )
    report, positions = replay(
        tmp_path, write_fills(tmp_path / "l.json", [("BTC", 1, "0.05", "66400.0")]), "--followers", str(mandates)
    )
    assert report["followers"]["count"] == 2
    assert {row["follower"] for row in positions} == {"ann", "bob"}
    assert any("cid" in issue["why"] or issue["line"] == 4 for issue in report["issues"])
    held = {row["follower"]: row for row in positions}
    assert Decimal(held["bob"]["target"]) == Decimal("0.025")


def test_several_recordings_are_several_leads(tmp_path):
    one = write_fills(tmp_path / "one.json", [("BTC", 1, "0.05", "66400.0")])
    two = write_fills(tmp_path / "two.json", [("BTC", -1, "0.02", "66390.0")])
    report, positions = replay(tmp_path, one, str(two), "--followers", "30")
    assert [lead["fills"] for lead in report["leads"]] == [1, 1]
    assert len({row["lead"] for row in positions}) == 2


def test_bad_rows_are_set_aside_and_listed_and_strict_stops_at_the_first(tmp_path):
    recording = a_day(tmp_path / "lead.json")
    data = json.loads(recording.read_text())
    data["fills"][1]["px"] = "0.0"
    data["fills"][4]["sz"] = "NaN"
    recording.write_text(json.dumps(data))
    report, _ = replay(tmp_path, recording, "--followers", "10")
    assert report["leads"][0]["fills"] == 6
    assert report["leads"][0]["position_breaks"] == 2  # the chain says that fills are missing, and heals
    assert {Decimal(size) for size in report["leads"][0]["final_positions"].values()} == {Decimal(0)}
    assert len([issue for issue in report["issues"] if issue["file"] == "lead.json"]) == 2
    strict = CliRunner().invoke(app, ["replay", str(recording), "--strict", "--out", str(tmp_path / "s")])
    assert strict.exit_code == 1
    assert "lead.json" in strict.output + (strict.stderr or "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "nowhere.json"], "nowhere.json"),
        (["verify", "nowhere.db"], "nowhere.db"),
        (["run", "--followers", "many"], "many"),
        (["run", "--minutes", "-1"], "minutes"),
        (["run", "--capital", "0", "--minutes", "1"], "capital"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert said in result.output + (result.stderr or "")


@pytest.mark.parametrize("account", LEADS)
def test_recorded_leads_are_rebuilt_to_the_venues_own_chain(shared_data, tmp_path, account):
    """Every position equals what the venue stated; every follow is within one lot of its target or says why not."""
    path = shared_data / "hyperliquid" / "leaders-2026-07" / f"leader_acc{account}.json.gz"
    report, positions = replay(tmp_path, path, "--followers", "60")
    lead = report["leads"][0]
    last: dict[str, Decimal] = {}
    for fill in json.loads(gzip.decompress(path.read_bytes()))["fills"]:
        size = Decimal(fill["sz"]) if fill["side"] == "B" else -Decimal(fill["sz"])
        last[fill["coin"]] = Decimal(fill["startPosition"]) + size
    assert {coin: Decimal(size) for coin, size in lead["final_positions"].items()} == last
    assert lead["position_breaks"] == 0
    assert set(report["ledger"]["sum_by_asset"].values()) == {0}
    assert "no reason was recorded" not in report["followers"]["off_target_reasons"]
    assert verify(tmp_path / "out" / "journal.db").exit_code == 0
    assert all(row["reason"] for row in positions)


def test_a_recorded_book_is_used_where_it_covers_the_fills_and_the_report_says_so(tmp_path):
    lead = write_fills(tmp_path / "l.json", [("BTC", 1, "0.05", "66400.0"), ("HYPE", 1, "10.0", "60.900")])
    books = write_books(tmp_path / "books.jsonl", "BTC", 66_399.0, seconds=60)
    report, positions = replay(tmp_path, lead, "--followers", "30", "--capital", "100", "--books", str(books))
    assert {entry["symbol"]: entry["book"] for entry in report["instruments"]} == {
        "BTC": "recorded",
        "HYPE": "modelled",
    }
    assert report["copies"]["filled"] > 0
    assert -1 < report["leads"][0]["slippage_bps"]["min"] < report["leads"][0]["slippage_bps"]["max"] < 100
    assert any(row["instrument"] == "BTC" and Decimal(row["position"]) > 0 for row in positions)


def test_a_damaged_journal_is_salvaged_up_to_the_damage(tmp_path):
    replay(tmp_path, a_day(tmp_path / "lead.json"), "--followers", "20")
    journal, saved = tmp_path / "out" / "journal.db", tmp_path / "saved.db"
    raw = bytearray(journal.read_bytes())
    raw[raw.rindex(b"lead_fill") + 12] ^= 1
    journal.write_bytes(raw)
    result = CliRunner().invoke(app, ["salvage", str(journal), str(saved)], catch_exceptions=False)
    assert result.exit_code == 1
    assert "left behind" in result.output
    chain = verify_file(saved)
    assert chain.first_bad is None
    assert chain.records > 0
