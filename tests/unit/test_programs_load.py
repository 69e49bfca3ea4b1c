"""Programs beside the package are run by hand, for minutes: that all they import is there is seen at each commit."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("bench", "contracts", "contracts/verify")
    for path in sorted((ROOT / folder).glob("*.py"))
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_loads(name):
    importlib.import_module(name)
