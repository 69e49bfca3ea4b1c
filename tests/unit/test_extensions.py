"""The example package, found as an installed one is (a distribution's metadata on the path), at work in a shard."""

import sys
import tomllib
from pathlib import Path

import pytest

from pilotfish.copying import extension as sizers
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import BookTop
from pilotfish.domain.instructions import LeadStop, RulesSet
from pilotfish.domain.mandate import Sizing
from pilotfish.domain.reasons import Reason
from pilotfish.domain.rules import Rule
from pilotfish.engine.facts import RuleFired
from pilotfish.gate import extension as checks
from pilotfish.worlds.extensions import load_extensions
from tests.unit.driver import PX, USDC, Desk, free_follows, only, placed, said

EXAMPLES = Path(__file__).parents[2] / "examples"
DAY = 86_400 * 10**9


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Installs a distribution that is nothing but its metadata: (group, name, value) entry points."""
    monkeypatch.setattr(sizers, "_SIZERS", {})
    monkeypatch.setattr(checks, "_CHECKS", {})
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(*entries, name="example"):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"[{group}]\n{key} = {value}" for group, key, value in entries]
        (folder / "entry_points.txt").write_text("\n".join(lines))

    return install


@pytest.fixture
def example(distribution, monkeypatch):
    """The package under examples/, with the entry points that its pyproject.toml declares."""
    monkeypatch.syspath_prepend(str(EXAMPLES / "src"))
    declared = tomllib.loads((EXAMPLES / "pyproject.toml").read_text())["project"]["entry-points"]
    distribution(*((group, key, value) for group, points in declared.items() for key, value in points.items()))
    assert load_extensions() == ["half_kelly", "no_weekends"]
    yield
    for name in [name for name in sys.modules if name.startswith("pilotfish_example")]:
        del sys.modules[name]


def kelly_desk() -> Desk:
    desk = Desk()
    desk.follow(free_follows([0, 1], allocation=[1_000 * USDC, 2_000 * USDC], sizing=int(Sizing.EXTENSION), value=0,
                             sizers=["half_kelly"]))  # fmt: skip
    return desk


@pytest.mark.usefixtures("example")
def test_the_example_stakes_half_of_kelly_at_the_lead_s_stop() -> None:
    desk = kelly_desk()
    desk.go(LeadStop(*desk.stamp(), 0, 0, PX * 95 // 100))
    place = only(desk.lead(100, order=7))
    # 0.42 - 0.58/1.5 is 3.33%: half of it, 1.66% of 1,000 USDC, is what 332 lots lose at 5 cents each
    assert desk.targets() == [332.0, 664.0]
    assert place.lots == 996
    desk.lead(100, order=7)
    assert desk.targets() == [332.0, 664.0], "an order counts once, however many fills it takes"


@pytest.mark.usefixtures("example")
def test_the_example_stakes_nothing_without_a_stop() -> None:
    desk = kelly_desk()
    assert not placed(desk.lead(100))
    assert desk.targets() == [0.0, 0.0]


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize(("wins_bps", "pays_e2", "stake"), [(4_200, 150, 166), (9_000, 300, 200), (2_000, 100, 0)])
def test_the_example_s_stake_is_between_nothing_and_its_cap(wins_bps, pays_e2, stake) -> None:
    from pilotfish_example.half_kelly import stake_bps

    assert stake_bps(wins_bps, pays_e2) == stake


@pytest.mark.usefixtures("example")
def test_the_example_s_check_opens_nothing_at_weekends() -> None:
    desk = Desk()  # its clock starts on Sunday 9 September 2001, 01:46:40 UTC
    desk.follow(free_follows([0], sizing=1, value=10**9))
    desk.go(RulesSet(*desk.stamp(), (Rule("quiet", extension="no_weekends"),)))
    (fired,) = said(desk.lead(100), RuleFired)
    assert fired.why == "rule 'quiet' fired: no_weekends says: it is Sunday: C0 opens again on Monday"
    assert desk.reasons() == [Reason.RULE]
    desk.now += DAY
    desk.go(BookTop(*desk.stamp(), 0, PX - 50, 100, PX + 50, 100))
    assert placed(desk.lead(100))


def test_an_extension_that_cannot_be_loaded_is_named_in_a_sentence(distribution) -> None:
    distribution(("pilotfish.sizers", "ghost", "nowhere.at_all:size"))
    with pytest.raises(ConfigError, match=r"extension ghost \(nowhere.at_all:size\): cannot be loaded: ModuleNotFound"):
        load_extensions()


def test_an_extension_that_is_no_function_is_named_in_a_sentence(distribution) -> None:
    distribution(("pilotfish.checks", "number", "math:pi"))
    with pytest.raises(ConfigError, match="is not a function"):
        load_extensions()


def test_two_packages_that_bring_one_name_are_refused(distribution) -> None:
    distribution(("pilotfish.checks", "same", "math:floor"), name="one")
    distribution(("pilotfish.checks", "same", "math:ceil"), name="two")
    with pytest.raises(ConfigError, match="is registered twice"):
        load_extensions()


def test_loading_twice_changes_nothing(distribution) -> None:
    distribution(("pilotfish.checks", "floor", "math:floor"))
    assert load_extensions() == load_extensions() == ["floor"]
