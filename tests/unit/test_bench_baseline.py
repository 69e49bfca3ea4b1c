"""The benchmark compares like with like: a Decimal object for each follower gives the engine's answers to the unit."""

import pytest

from bench.baseline import Copier
from bench.compare import both, taken_over
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
