"""Makes rigs, and holds every test to the same end: no breach of the contract, and one truth in both books."""

from collections.abc import Callable, Iterator

import pytest

from tests.conformance.venues.every import EVERY
from tests.conformance.venues.rig import Rig


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs on every venue, or on those that its mark `venues` names."""
    if "make" in metafunc.fixturenames:
        marks = [mark for mark in metafunc.definition.iter_markers("parametrize") if "make" in mark.args[0]]
        if not marks:
            metafunc.parametrize("make", EVERY, ids=lambda one: one.name, indirect=True)


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Rig]]:
    """A factory: `make(separate=3, skew_ns=…)`."""
    made: list[Rig] = []

    def making(**options: int) -> Rig:
        made.append(request.param(**options))
        return made[-1]

    yield making
    try:
        for one in made:
            one.check()
    finally:
        for one in made:
            one.close()


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make()
