"""Three leads in a seeded market: what `make run` shows."""

import json

import pytest
from typer.testing import CliRunner

from pilotfish.cli import app


@pytest.mark.parametrize("route", ["omnibus", "segregated"])
def test_followers_copy_three_leads_and_everything_adds_up(tmp_path, route):
    out = tmp_path / "run"
    result = CliRunner().invoke(
        app, ["run", "--minutes", "4", "--followers", "50", "--route", route, "--out", str(out)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text())
    assert len(report["leads"]) == 3
    assert sum(lead["fills"] for lead in report["leads"]) > 0
    assert report["copies"]["filled"] > 0
    assert set(report["ledger"]["sum_by_asset"].values()) == {0}
    assert {entry["book"] for entry in report["instruments"]} == {"seeded"}
    verified = CliRunner().invoke(app, ["verify", str(out / "journal.db")], catch_exceptions=False)
    assert verified.exit_code == 0, verified.output


def test_a_second_run_never_writes_over_the_first(tmp_path):
    arguments = ["run", "--minutes", "0.5", "--followers", "5", "--out", str(tmp_path / "run")]
    for _ in range(2):
        assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    for name in ("journal.db", "journal-2.db"):
        assert CliRunner().invoke(app, ["verify", str(tmp_path / "run" / name)], catch_exceptions=False).exit_code == 0
    assert json.loads((tmp_path / "run" / "report.json").read_text())["journal"]["path"].endswith("journal-2.db")


def test_looking_changes_nothing(tmp_path):
    """Views are read models: a state that was sampled and reported is the state that nobody looked at."""
    from pilotfish.domain.mandate import Route
    from pilotfish.engine.snapshot import digest
    from pilotfish.journal.memory import MemoryJournal
    from pilotfish.worlds.followers import random_population
    from pilotfish.worlds.lead_table import totals
    from pilotfish.worlds.market import SECOND, START_NS, SeededMarket, SeededOptions

    market = SeededMarket(SeededOptions(3, 2.0, Route.OMNIBUS), random_population(20, 3, 3), MemoryJournal())
    for second in range(1, 100):
        market.world.advance(START_NS + second * SECOND)
        state = market.world.shard.state
        before = digest(state)
        market.world.equity.sample(state, state.now_ns)
        market.world.attribution.result(state)
        market.table.rows()
        totals(market.world, 1.0, second / 100)
        assert digest(state) == before
