"""The npm packages are found where they are, and what is missing is said with what to do."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from pilotfish.venues.evm.deploy import packages
from pilotfish.venues.evm.deploy.packages import PackagesMissing

CONTRACTS = Path(__file__).parents[2] / "contracts"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """As installed from a wheel: no checkout around it, an empty cache."""
    lock = tmp_path / "npm"
    lock.mkdir()
    for name in packages.FILES:
        (lock / name).write_text((CONTRACTS / name).read_text())
    monkeypatch.setattr(packages, "_CHECKOUT", tmp_path / "none")
    monkeypatch.setattr(packages, "_SHIPPED", lock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_a_checkout_uses_its_own(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere")
    assert packages.modules() == CONTRACTS / "node_modules"


def test_a_wheel_uses_the_users_cache_and_says_what_is_missing(shipped):
    assert packages.modules() == shipped / "cache/pilotfish/contracts/node_modules"
    assert not packages.installed()
    assert packages.anvil_path() is None
    with pytest.raises(PackagesMissing, match="pilotfish chain up"):
        packages.artifact("@account-abstraction/contracts/artifacts/EntryPoint.json")


def test_npm_is_given_the_lock_and_its_failure_is_a_sentence(shipped, monkeypatch):
    ran = []

    def fails(command, cwd, **_):
        ran.append((command, Path(cwd)))
        return subprocess.CompletedProcess(command, 1, "", "npm error network ENOTFOUND")

    monkeypatch.setattr(subprocess, "run", fails)
    said = []
    with pytest.raises(PackagesMissing, match=r"ENOTFOUND.*reaches it"):
        packages.install(said.append)
    (command, folder), *_ = ran
    assert command[2:4] == ["ci", "--loglevel=error"]
    assert "--ignore-scripts" in command
    assert (folder / "package-lock.json").read_text() == (CONTRACTS / "package-lock.json").read_text()
    assert str(folder) in said[0]


def test_what_is_installed_is_held_to_the_lock(shipped):
    stamp = packages.modules() / ".package-lock.json"
    stamp.parent.mkdir(parents=True)
    lock = json.loads((CONTRACTS / "package-lock.json").read_text())
    lock["packages"].pop("")
    stamp.write_text(json.dumps(lock))
    assert packages.installed()
    lock["packages"]["node_modules/solc"]["integrity"] = "sha512-other"
    stamp.write_text(json.dumps(lock))
    assert not packages.installed()


def test_the_wheel_carries_what_npm_needs():
    project = tomllib.loads((CONTRACTS.parent / "pyproject.toml").read_text())
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried == {f"contracts/{name}": f"pilotfish/venues/evm/npm/{name}" for name in packages.FILES}
    assert packages._SHIPPED.parts[-4:] == ("pilotfish", "venues", "evm", "npm")
