"""Recorded leads in every mode: what the recordings allow is replayed, what they do not is left out by name."""

from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from pilotfish.views.report.schema import PARTS
from pilotfish.worlds.modes import ModesJob, modes_command, plain, tape_of
from pilotfish.worlds.modes_catalogue import catalogue

LEADERS = "hyperliquid/leaders-2026-07"


def test_a_recorded_lead_in_opposite_modes(shared_data, tmp_path):
    job = ModesJob(
        [shared_data / LEADERS / "leader_acc4.json.gz"], tmp_path, followers=40, draws=1,
        only=("proportional", "reverse", "delta-neutral", "existing", "stop-loss"),
    )  # fmt: skip
    found = {row.key: row for row in modes_command(job, Console(file=StringIO())).rows}
    for row in found.values():
        parts = sum((getattr(row.attribution, name) for name in PARTS), Decimal(0))
        assert row.attribution.ideal_pnl + parts == row.result
    copied, hedged = found["proportional"], found["delta-neutral"]
    reverse, existing = found["reverse"], found["existing"]
    assert copied.result < 0 < reverse.result
    assert reverse.attribution.ideal_pnl == pytest.approx(-copied.attribution.ideal_pnl, rel=Decimal("0.05"))
    assert hedged.drawdown < copied.drawdown * 6 / 10
    # the lead was short 18,261 KAITO before its first recorded fill, and those lost as well
    assert existing.result < copied.result
    assert existing.copies.intended > copied.copies.intended
    assert found["stop-loss"].result > copied.result
    assert sum(found["stop-loss"].stopped.values()) == 40


def test_a_prediction_market_is_copied_without_what_sells_short(shared_data, tmp_path):
    file = shared_data / "polymarket/midterms-2022/us_house_overall.csv.gz"
    job = ModesJob([file], tmp_path, followers=30, accounts=3)
    tape, fees, notes = tape_of(job)
    modes, left_out = catalogue(tape, plain(job, tape).follows)
    assert len(tape.leads) == len(fees) == 3
    assert {"reverse", "delta-neutral", "mirrored depth"} == {one.title for one in left_out}
    assert not {"reverse", "delta-neutral"} & {mode.key for mode in modes}
    assert any("not by result" in note for note in notes)
    prices = sum(len(prints) for prints in tape.anchors.values())
    assert prices > 10 * len(tape.fills)  # everybody's trades, not only the leads'
