"""Every way of copying on the same recording: each adds up, does what it says, and meets the same market."""

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from pilotfish.cli import app
from pilotfish.domain.errors import ConfigError
from pilotfish.views.report.schema import PARTS
from pilotfish.worlds.modes import ModesJob, modes_command, plain, tape_of
from pilotfish.worlds.modes_catalogue import catalogue, usual_orders
from pilotfish.worlds.modes_figures import ModeRow, ModesReport, modes_tables
from pilotfish.worlds.modes_page import render_page
from pilotfish.worlds.modes_play import Played, lead_stops, listed_twice, tops
from tests.simulation.recordings import a_day, write_fills

FALL = [("HYPE", 1, "100.0", "60.000"), *(("HYPE", 1, "1.0", f"{60 - k:.3f}") for k in range(1, 8))]
SPIKE = [("HYPE", 1, "50.0", "60.000"), ("HYPE", -1, "50.0", "60.100")]


def compare(folder: Path, trades=None, *, every_ms: int = 90_000, only: str = "", **options) -> ModesReport:
    """Every mode named, for 20 followers, on a small recording."""
    file = folder / "lead.json"
    recording = a_day(file) if trades is None else write_fills(file, trades, every_ms=every_ms)
    job = {"followers": 20, "draws": 1, "only": only.split(",") if only else ()} | options
    return modes_command(ModesJob([recording], folder / "out", **job), Console(file=StringIO()))


def rows(report: ModesReport) -> dict[str, ModeRow]:
    return {row.key: row for row in report.rows}


def test_every_mode_adds_up_to_the_last_digit_and_has_its_own_report(tmp_path):
    report = compare(tmp_path)
    assert len(report.rows) == 17
    for row in report.rows:
        parts = sum((getattr(row.attribution, name) for name in PARTS), Decimal(0))
        assert row.attribution.ideal_pnl + parts == row.result, row.key
        c = row.copies
        assert c.filled + c.partly + c.missed + c.pending == c.intended, row.key
        own = json.loads((tmp_path / "out" / row.key / "report.json").read_text())
        assert set(own["ledger"]["sum_by_asset"].values()) == {0}
        assert own["journal"]["root"] == row.root
    assert rows(report)["proportional"].copies.filled > 0
    assert {row.deposited for row in report.rows} == {report.deposited}


@pytest.mark.parametrize("mode", ["delta-neutral", "risk", "twap"])
def test_the_journal_of_a_mode_verifies(tmp_path, mode):
    row = compare(tmp_path, only=mode).rows[0]
    journal = tmp_path / "out" / mode / "journal.db"
    assert row.copies.filled > 0
    assert CliRunner().invoke(app, ["verify", str(journal), "--root", row.root]).exit_code == 0


def test_the_same_seed_compares_alike_and_another_draw_does_not(tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
    one, again, other = (
        compare(tmp_path / name, only="proportional", seed=seed, draws=2)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert (one.rows, one.draws) == (again.rows, again.draws)
    assert len(set(one.draws)) == 2
    assert one.rows[0].root != other.rows[0].root


def test_reverse_wants_the_opposite_and_a_hedge_takes_half_of_it_back(tmp_path):
    found = rows(compare(tmp_path, FALL, only="proportional,reverse,delta-neutral"))
    ideal = found["proportional"].attribution.ideal_pnl
    assert ideal < -found["proportional"].deposited / 20
    # targets round toward zero: a millionth of a lot either way
    assert found["reverse"].attribution.ideal_pnl == pytest.approx(-ideal, rel=Decimal("0.001"))
    hedged = found["delta-neutral"].attribution
    assert hedged.ideal_pnl == pytest.approx(ideal, rel=Decimal("0.01"))
    assert hedged.hedge == pytest.approx(-ideal / 2, rel=Decimal("0.1"))
    assert found["delta-neutral"].drawdown < found["proportional"].drawdown * 6 / 10
    assert found["reverse"].result > 0 > found["proportional"].result


def test_what_the_lead_kept_for_less_than_a_minute_is_not_copied_by_who_waits(tmp_path):
    found = rows(compare(tmp_path, SPIKE, every_ms=30_000, only="proportional,hold"))
    assert found["proportional"].attribution.copied_notional > 0
    assert found["hold"].attribution.copied_notional == 0
    (tmp_path / "kept").mkdir()
    (kept,) = compare(tmp_path / "kept", SPIKE, every_ms=90_000, only="hold").rows
    assert kept.attribution.copied_notional > 0


def test_stops_close_everybody_and_lose_less_of_a_fall(tmp_path):
    found = rows(compare(tmp_path, FALL, only="proportional,stop-loss,trailing-stop,price-stop,take-profit"))
    assert not found["proportional"].stopped
    assert not found["take-profit"].stopped  # nothing was gained
    for key in ("stop-loss", "trailing-stop", "price-stop"):
        assert sum(found[key].stopped.values()) == 20, key
        assert found[key].result > found["proportional"].result, key


def test_risk_is_sized_by_the_stop_that_is_assumed(tmp_path):
    (row,) = compare(tmp_path, SPIKE, only="risk", capital=1_000.0).rows
    # 1% of the capital over a stop 5% away: a fifth of the capital, bought and sold
    assert row.attribution.copied_notional == pytest.approx(row.deposited * 2 / 5, rel=Decimal("0.03"))
    assert "stop 5%" in row.assumed


def test_a_stop_is_assumed_on_the_losing_side_of_opening_fills_alone(tmp_path):
    tape, _, _ = tape_of(ModesJob([a_day(tmp_path / "lead.json")], tmp_path))
    stops = lead_stops(tape, 500)
    assert sorted(stops) == [0, 1, 2, 4, 6]  # the flip at 4 opens; 3, 5 and 7 only reduce
    for number, stop in stops.items():
        fill = tape.fills[number]
        assert (stop.instrument, stop.price) == (fill.instrument, fill.price * (100 - 5 * fill.side) // 100)
    assert lead_stops(tape, 0) == {}


def test_the_lookback_cap_counts_only_part_of_an_unusual_order(tmp_path):
    trades = [("HYPE", 1, "10.0", "60.000")] * 6 + [("HYPE", 1, "100.0", "60.000")]
    found = rows(compare(tmp_path, trades, only="proportional,lookback", capital=1_000.0))
    # six usual orders, then 100 of which 1.5 times the average of the last ten count
    ratio = found["lookback"].attribution.copied_notional / found["proportional"].attribution.copied_notional
    assert ratio == pytest.approx(Decimal(75) / 160, rel=Decimal("0.01"))


def test_everybody_copies_the_same_size_with_a_fixed_ratio_and_its_own_in_proportion(tmp_path):
    tape, _, _ = tape_of(ModesJob([a_day(tmp_path / "lead.json")], tmp_path))
    follows = plain(ModesJob([], tmp_path, followers=50), tape).follows
    modes = {mode.key: mode for mode in catalogue(tape, follows)[0]}
    assert np.unique(modes["fixed-ratio"].columns["value"]).size == 1
    amounts = modes["fixed-amount"].columns["value"]
    assert np.allclose(amounts / follows.allocation, usual_orders(tape)[0] / tape.leads[0].equity, rtol=1e-6)


def test_fills_of_one_order_are_one_order(tmp_path):
    file = write_fills(tmp_path / "lead.json", [("HYPE", 1, size, "60.000") for size in ("10.0", "20.0", "60.0")])
    raw = json.loads(file.read_text())
    tape, _, _ = tape_of(ModesJob([file], tmp_path))
    assert usual_orders(tape).tolist() == [1_200_000_000]  # the median of 600, 1,200 and 3,600 USDC
    for fill in raw["fills"]:
        fill["oid"] = 7
    file.write_text(json.dumps(raw))
    assert usual_orders(tape_of(ModesJob([file], tmp_path))[0]).tolist() == [5_400_000_000]


def test_a_second_listing_has_the_price_of_the_first_whenever_anybody_looks(tmp_path):
    tape, _, _ = tape_of(ModesJob([a_day(tmp_path / "lead.json")], tmp_path))
    both, twins, settings = listed_twice(tape, 1)
    assert twins == {0: 2, 1: 3}
    assert [i.symbol for i in both.instruments[2:]] == ["BTC hedge", "HYPE hedge"]
    assert len(settings.hedges) == 2
    for first, second in twins.items():
        looked = {ns for ns, key in tops(tape) if key == first}
        assert looked <= {ns for ns, _, _ in both.anchors[second]}
        fills = {ns: price for ns, price, _ in tape.anchors[first]}
        near = [(price, fills[ns]) for ns, price, _ in both.anchors[second] if ns in fills]
        assert all(abs(a / b - 1) < 0.01 for a, b in near)


def test_what_is_paid_in_full_is_neither_hedged_nor_sold_short(tmp_path):
    trades = [("PURR/USDC", 1, "5000.0", "0.20000"), ("HYPE", 1, "50.0", "60.000")]
    found = rows(compare(tmp_path, trades, only="proportional,reverse,delta-neutral", capital=1_000.0))
    hedged = json.loads((tmp_path / "out/delta-neutral/report.json").read_text())
    assert [entry["symbol"] for entry in hedged["instruments"]] == ["PURR/USDC", "HYPE", "HYPE hedge"]
    assert found["reverse"].copies.filled < found["proportional"].copies.filled
    (tmp_path / "spot").mkdir()
    report = compare(tmp_path / "spot", trades[:1])
    assert {"reverse", "delta-neutral"} <= {one.title for one in report.left_out}
    assert not {"reverse", "delta-neutral"} & set(rows(report))


def test_the_largest_fall_is_from_a_peak_and_the_start_is_one():
    assert Played([0, 5, 3, 9, -2, 4]).drawdown == 11
    assert Played([-7]).drawdown == 7
    assert Played([1, 2]).drawdown == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"only": "revrse"}, "nearest is reverse"),
        ({"followers": 0}, "--followers 0"),
        ({"draws": 0}, "--draws 0"),
        ({"capital": float("nan")}, "median capital"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(tmp_path, options, says):
    with pytest.raises(ConfigError, match=says):
        compare(tmp_path, **options)


def test_the_command_prints_and_writes_the_comparison(tmp_path):
    recording, out = a_day(tmp_path / "lead.json"), tmp_path / "out"
    arguments = ["modes", str(recording), "--out", str(out), "--followers", "5", "--draws", "1"]
    said = CliRunner().invoke(app, [*arguments, "--only", "proportional,reverse"], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert "Left out: mirrored depth" in said.output
    read = json.loads((out / "modes.json").read_text())
    assert [row["key"] for row in read["rows"]] == ["proportional", "reverse"]
    bad = CliRunner().invoke(app, [*arguments, "--only", "x"])
    assert bad.exit_code == 1
    assert "is no mode" in bad.output + (bad.stderr or "")


def test_the_page_escapes_what_came_from_outside_and_loads_nothing(tmp_path):
    report = compare(tmp_path, only="proportional")
    hostile = "<script>x()"
    page = render_page(ModesReport(**{f: getattr(report, f) for f in report.__struct_fields__} | {"leads": [hostile]}))
    assert "<script" not in page
    assert "x()" in page
    assert "http://" not in page.replace("http-equiv", "")
    assert "https://" not in page
    shown = "".join(str(part) for part in modes_tables(report))
    assert "300 followers" not in shown
    assert "20 followers" in shown
