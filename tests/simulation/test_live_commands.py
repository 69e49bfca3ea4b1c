"""The commands for real venues as somebody types them: what they refuse, and that the way through works."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pilotfish.cli import app
from pilotfish.worlds.live.settings import parse_settings
from pilotfish.worlds.live.template import TEMPLATE

runner = CliRunner()
LEAD = "0x" + "ab" * 20


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)


def said(*arguments: str, code: int = 0) -> str:
    result = runner.invoke(app, list(arguments))
    text = result.output + (result.stderr or "")
    assert result.exit_code == code, text
    assert "Traceback" not in text
    return " ".join(text.split())


REFUSED = {
    "a venue that nobody knows": (["run", "--venue", "nope"], "hyperliquid-twin"),
    "a mode that nobody knows": (["run", "--mode", "real", "--venue", "hyperliquid"], "use one of paper, live"),
    "live without an account": (["run", "--mode", "live", "--venue", "hyperliquid"], "[[accounts]]"),
    "a lead that is no address": (["run", "--venue", "hyperliquid", "--lead", "x"], "40 hexadecimal digits"),
    "a file that is not there": (["doctor", "--config", "none.toml"], "pilotfish init"),
    "the platform's file": (["run", "--venue", "hyperliquid", "--platform", "p.toml"], "pilotfish.toml"),
    "a recording on a real venue": (["run", "--venue", "hyperliquid", "--recording", "x.json"], "simulated runs"),
    "a recording that is not there": (["run", "--venue", "hyperliquid-twin", "--recording", "x.json"], "x.json"),
    "a password without a terminal": (["keys", "new"], "password_file"),
    "a trial of a venue nobody knows": (["trials", "--venue", "nope"], "is not tried"),
    "a trial of a fault nobody knows": (["trials", "--fault", "nope"], "is not known"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence_with_the_remedy(what) -> None:
    arguments, remedy = REFUSED[what]
    assert remedy in said(*arguments, code=1)


def test_init_writes_the_file_that_doctor_and_run_read(tmp_path: Path) -> None:
    said("init")
    assert (tmp_path / "pilotfish.toml").read_text() == TEMPLATE
    assert "already" in said("init", code=1)
    (tmp_path / "pilotfish.toml").write_text(TEMPLATE.replace('mode = "paper"', 'mode = "live"'))
    assert "no account is named" in said("run", "--venue", "hyperliquid", code=1)


def test_a_key_is_made_encrypted_listed_and_never_printed(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a long password\n")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "pilotfish.toml").write_text('[keys]\nfolder = "keys"\npassword_file = "password"\n')
    assert "no keys" in said("keys", "list")
    address = said("keys", "new").split()[0]
    assert said("keys", "list") == address
    (file,) = (tmp_path / "keys").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    (tmp_path / "password").chmod(0o644)
    assert "chmod 600" in said("keys", "new", code=1)


def test_the_doctor_passes_a_twin_and_says_what_it_looked_at() -> None:
    text = said("doctor", "--venue", "hyperliquid-twin")
    for what in ("clock", "latency", "budget", "momentum", "limits", "account"):
        assert what in text
    assert "✗" not in text


def test_a_run_against_the_twin_leaves_a_journal_and_a_report(tmp_path: Path) -> None:
    text = said("run", "--venue", "hyperliquid-twin", "--minutes", "0.05", "--followers", "20", "--out", "out")
    assert "sums to zero ✓" in text
    assert (tmp_path / "out/report.html").exists()
    assert "holds" in said("verify", "out/journal.db")


def test_on_a_twin_a_run_is_live_unless_paper_was_asked_for() -> None:
    assert parse_settings("[venue]\nname = 'hyperliquid-twin'", "x").run.mode == "live"
    text = said("run", "--venue", "hyperliquid-twin", "--mode", "paper", "--minutes", "0.03", "--followers", "20")
    assert "account" not in text.split("momentum")[0]
