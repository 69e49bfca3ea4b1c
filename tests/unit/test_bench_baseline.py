"""The benchmark compares like with like: a Decimal object for each follower gives the engine's answers to the unit."""

import json
from xml.etree import ElementTree

import pytest

from bench.__main__ import keep, main
from bench.baseline import Copier
from bench.compare import both, taken_over
from bench.curve import draw
from bench.measure import row
from bench.scene import INSTRUMENTS, Scene, every_limit

FOLLOWERS, TURNS = 500, 24


def started(bounds=(50,)) -> tuple[Scene, Copier]:
    follows = every_limit(FOLLOWERS, bounds)
    return Scene(follows), Copier.of(follows)


def assert_same_books(scene: Scene, copier: Copier) -> None:
    ledger = scene.state.ledger
    assert [f.cash * 10**6 for f in copier.followers] == ledger.money.rows.tolist()
    for k in range(len(INSTRUMENTS)):
        assert [f.positions.get(k, 0) * 100 for f in copier.followers] == ledger.lots[k].rows.tolist()
        assert [f.targets.get(k, 0) * 10**8 for f in copier.followers] == scene.state.columns[k].targets.tolist()
    assert [f.reserved_money for f in copier.followers] == ledger.reserved_money.tolist()


@pytest.mark.parametrize(("bounds", "part"), [((50,), 100), ((25, 50, 100), 100), ((50,), 63)])
def test_the_baseline_gives_the_engine_s_allocations_and_balances(bounds, part) -> None:
    scene, copier = started(bounds)
    blocks = shared = 0
    for _ in range(TURNS):
        turn = both(scene, copier, part)
        assert turn.equal
        blocks += len(turn.ours)
        shared += sum(int(given.lots.sum()) for given in turn.ours)
    assert blocks >= TURNS
    assert shared > FOLLOWERS
    assert_same_books(scene, copier)


def test_the_scene_makes_every_limit_bind() -> None:
    scene, copier = started()
    for _ in range(TURNS):
        both(scene, copier)
    assert set(copier.cuts) == {"order cap", "position cap", "total cap", "leverage cap", "margin"}


def test_a_baseline_that_takes_over_later_goes_on_alike() -> None:
    scene, _ = started()
    for _ in range(TURNS):
        scene.play()
    copier = taken_over(scene)
    assert_same_books(scene, copier)
    assert all(both(scene, copier).equal for _ in range(3))
    assert_same_books(scene, copier)


def test_a_baseline_with_another_rule_is_noticed() -> None:
    scene, copier = started()
    copier.followers[7].order_cap /= 2
    with pytest.raises(AssertionError):
        assert all(both(scene, copier).equal for _ in range(TURNS))


def test_a_partial_run_keeps_the_other_figures_and_a_whole_run_replaces_them(tmp_path) -> None:
    file = tmp_path / "latest.json"
    keep(file, [row("a", 2.0, "ms", 10.0, against="b"), row("b", 4.0, "events/s", 2.0)], whole=True)
    keep(file, [row("b", 8.0, "events/s", 2.0)], whole=False)
    assert json.loads(file.read_text()) == {
        "a": {"value": 2.0, "unit": "ms", "baseline": 10.0, "ratio": 5.0, "against": "b"},
        "b": {"value": 8.0, "unit": "events/s", "baseline": 2.0, "ratio": 4.0},
    }
    keep(file, [row("b", 8.0, "events/s", 2.0)], whole=True)
    assert list(json.loads(file.read_text())) == ["b"]


def test_an_unknown_benchmark_is_refused_before_anything_runs(capsys) -> None:
    assert main(["fanout", "fnout"]) == 2
    assert "fnout" in capsys.readouterr().err


def test_the_curve_is_drawn_as_well_formed_svg_with_every_point() -> None:
    points = {100: 6.5, 1_000: 0.9, 100_000: 0.3}
    root = ElementTree.fromstring(draw(points, 13.0, "a < b & c"))
    assert len(root.findall("{*}circle")) == len(points)
    text = "".join(root.itertext())
    assert all(f"{count:,}" in text for count in points)
    assert "a < b & c" in text
